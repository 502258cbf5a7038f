//! Compares the orders of the table with those of the recount.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, Utc};
use minutebook_oracle::{
    Decimal, Granularity, OrderEvent, Period, TallyKey, order_tallies, orders,
};

use crate::proof::report::Differences;
use crate::rows::{OrderRow, RecentRow};

/// The orders of the recount and those of the table. Add the events of all chunks, then all rows of
/// the table, then call [`judge`](Self::judge).
#[derive(Debug, Default)]
pub(crate) struct OrderBooks {
    events: Vec<OrderEvent>,
    found: BTreeMap<(String, String), BTreeMap<String, String>>,
    recent: BTreeSet<RecentRow>,
}

/// The attributes that an order's row should have, in the form of [`OrderRow`], and its minute.
struct Expected {
    attributes: BTreeMap<String, String>,
    minute: Period,
    created_at: Option<String>,
}

impl OrderBooks {
    pub(crate) fn add_recounted(&mut self, events: &[OrderEvent]) {
        self.events.extend_from_slice(events);
    }

    pub(crate) fn forget_found(&mut self) {
        self.found.clear();
        self.recent.clear();
    }

    pub(crate) fn add_found(&mut self, row: OrderRow) {
        self.found.insert((row.site, row.order), row.attributes);
    }

    pub(crate) fn add_recent(&mut self, row: RecentRow) {
        self.recent.insert(row);
    }

    /// The contributions of all orders.
    pub(crate) fn tallies(&self) -> BTreeMap<TallyKey, Decimal> {
        order_tallies(&self.events)
    }

    /// Compares the row of each order, and checks that orders whose minutes are kept are listed.
    pub(crate) fn judge(
        &self,
        covers: impl Fn(&str, Period) -> bool,
        mut is_kept: impl FnMut(&str, Period) -> bool,
        differences: &mut Differences,
    ) {
        let mut found = self.found.clone();
        for ((site, order), expected) in self.expected() {
            let row = found.remove(&(site.clone(), order.clone()));
            if !covers(&site, expected.minute) {
                continue;
            }
            let Expected { attributes, minute, created_at } = expected;
            match row {
                None => differences
                    .add(|| format!("{site} order {order}: recounted, but not in the table")),
                Some(row) if row != attributes => {
                    differences.add(|| {
                        format!(
                            "{site} order {order}: recounted {attributes:?}, the table says {row:?}"
                        )
                    });
                }
                Some(_) => {}
            }
            let Some(created_at) = created_at else { continue };
            let recent = RecentRow { site, order, created_at };
            if is_kept(&recent.site, minute) && !self.recent.contains(&recent) {
                let RecentRow { site, order, .. } = recent;
                differences
                    .add(|| format!("{site} order {order}: not in the list of recent orders"));
            }
        }
        for ((site, order), row) in found {
            // Only the row itself says when it was created.
            let minute =
                row.get("created_at").or(row.get("status_at")).and_then(|at| minute_of(at));
            if minute.is_none_or(|minute| covers(&site, minute)) {
                differences
                    .add(|| format!("{site} order {order}: in the table, but not in any chunk"));
            }
        }
    }

    fn expected(&self) -> BTreeMap<(String, String), Expected> {
        let expected = orders(&self.events).into_iter().map(|(name, order)| {
            let mut attributes = BTreeMap::new();
            let mut set = |name: &str, value: String| attributes.insert(name.to_owned(), value);
            let (status_at, status_source, status) = order.status;
            set("status", status);
            set("status_at", written(status_at));
            set("status_source", status_source.to_owned());
            if let Some((at, refund)) = order.cancelled {
                set("cancelled_at", written(at));
                if let Some(refund) = refund {
                    set("refund_amount", refund.to_string());
                }
            }
            let mut created_at = None;
            let mut at = status_at;
            if let Some((made_at, made)) = order.made {
                at = made_at;
                created_at = Some(written(made_at));
                set("created_at", written(made_at));
                set("currency", made.currency);
                set("value", made.value.to_string());
                let mut products: Vec<String> = made
                    .products
                    .iter()
                    .map(|(name, units, money)| format!("{name}={units}/{money}"))
                    .collect();
                products.sort_unstable();
                set("products", products.join(" "));
                for (name, value) in [("order_number", made.number), ("customer_id", made.customer)]
                {
                    if let Some(value) = value {
                        set(name, value);
                    }
                }
            }
            let minute =
                Period::containing(Granularity::Minute, time(at).timestamp().div_euclid(60));
            (name, Expected { attributes, minute, created_at })
        });
        expected.collect()
    }
}

fn time(nanoseconds: i128) -> DateTime<Utc> {
    let seconds = i64::try_from(nanoseconds.div_euclid(1_000_000_000)).unwrap_or_default();
    let rest = u32::try_from(nanoseconds.rem_euclid(1_000_000_000)).unwrap_or_default();
    DateTime::from_timestamp(seconds, rest).unwrap_or_default()
}

fn written(nanoseconds: i128) -> String {
    time(nanoseconds).to_rfc3339_opts(SecondsFormat::Nanos, true)
}

fn minute_of(at: &str) -> Option<Period> {
    let at: DateTime<Utc> = at.parse().ok()?;
    Some(Period::containing(Granularity::Minute, at.timestamp().div_euclid(60)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_oracle::{Settings, recount};

    fn books() -> OrderBooks {
        let text = concat!(
            r#"{"type":"OrderCreatedEvent","ts":1795216051.5,"orderId":1,"totalAmount":9.5,"items":[{"productName":"a"}]}"#,
            "\n",
            r#"{"type":"OrderStatusChangedEvent","ts":1795216052,"orderId":1,"newStatus":"PAID"}"#,
        );
        let reference_time = DateTime::from_timestamp(1_795_216_100, 0).unwrap();
        let recount = recount(
            text.as_bytes(),
            &Settings { reference_time, default_currency: "USD".to_owned() },
        );
        let mut books = OrderBooks::default();
        books.add_recounted(&recount.unwrap().orders);
        books
    }

    fn row(status: &str) -> OrderRow {
        let attributes = [
            ("created_at", "2026-11-20T23:07:31.500000000Z"),
            ("currency", "USD"),
            ("value", "9.5"),
            ("products", "a=1/0"),
            ("status", status),
            ("status_at", "2026-11-20T23:07:32.000000000Z"),
            ("status_source", "change"),
        ];
        OrderRow {
            site: "default".to_owned(),
            order: "1".to_owned(),
            attributes: attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        }
    }

    fn recent() -> RecentRow {
        let created_at = "2026-11-20T23:07:31.500000000Z".to_owned();
        RecentRow { site: "default".to_owned(), order: "1".to_owned(), created_at }
    }

    fn judged(books: &OrderBooks, is_covered: bool) -> Vec<String> {
        let mut differences = Differences::default();
        books.judge(|_, _| is_covered, |_, _| true, &mut differences);
        differences.first
    }

    #[test]
    fn accepts_an_order_whose_rows_are_right() {
        let mut books = books();
        books.add_found(row("PAID"));
        books.add_recent(recent());
        assert_eq!(judged(&books, true), [""; 0]);
        let tallies: Vec<String> = books
            .tallies()
            .iter()
            .map(|(key, number)| format!("{} {}={number}", key.measure, key.key))
            .collect();
        assert_eq!(
            tallies,
            [
                "order_value:USD gross=9.5",
                "order_value:USD orders=1",
                "ordered a=1",
                "orders PAID=1"
            ]
        );
    }

    #[test]
    fn reports_a_missing_a_wrong_and_an_unknown_order() {
        let mut books = books();
        assert_eq!(judged(&books, true).len(), 2);
        assert_eq!(judged(&books, false), [""; 0]);
        books.add_recent(recent());
        books.add_found(row("SHIPPED"));
        assert!(judged(&books, true)[0].contains("SHIPPED"));
        books.forget_found();
        books.add_recent(recent());
        books.add_found(row("PAID"));
        books.add_found(OrderRow { order: "2".to_owned(), ..row("PAID") });
        assert_eq!(judged(&books, true), ["default order 2: in the table, but not in any chunk"]);
    }
}
