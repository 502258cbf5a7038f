//! Compares the orders of the table with those of the recount.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, Utc};
use minutebook_oracle::{
    Decimal, Granularity, Made, Order, OrderEvent, Period, TallyKey, orders, tallies_of_orders,
};
use serde_json::json;

use crate::proof::differences::Differences;
use crate::proof::gone::Leeway;
use crate::rows::{OrderRow, RecentRow};

/// The orders of the recount and those of the table. Add the events of all chunks, then all rows of
/// the table, then call [`judge`](Self::judge).
#[derive(Debug, Default)]
pub(crate) struct OrderBooks {
    events: Vec<OrderEvent>,
    found: BTreeMap<(String, String), BTreeMap<String, String>>,
    recent: BTreeSet<RecentRow>,
}

/// The orders that the table should have, by site and id.
#[derive(Debug, Default)]
pub(crate) struct ExpectedOrders(BTreeMap<(String, String), Order>);

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

    /// The orders that the table should have: those of the recount, unless chunks that are gone can
    /// have made of one what the table says.
    pub(crate) fn expected(&self, leeway: Option<Leeway>) -> ExpectedOrders {
        let mut expected = orders(&self.events);
        if let Some(leeway) = leeway {
            for (name, row) in &self.found {
                let recounted = expected.get(name);
                let found = order_of(row).filter(|found| can_become(recounted, found, leeway));
                expected.extend(found.map(|found| (name.clone(), found)));
            }
        }
        ExpectedOrders(expected)
    }

    /// Compares the row of each order, and checks that orders whose minutes are kept are listed.
    pub(crate) fn judge(
        &self,
        expected: &ExpectedOrders,
        covers: impl Fn(&str, Period) -> bool,
        mut is_kept: impl FnMut(&str, Period) -> bool,
        differences: &mut Differences,
    ) {
        let mut found = self.found.clone();
        for ((site, id), order) in &expected.0 {
            let row = found.remove(&(site.clone(), id.clone()));
            let created_at = order.made.as_ref().map(|(at, _)| *at);
            let seconds = seconds_of(created_at.unwrap_or(order.status.0));
            let minute = Period::containing(Granularity::Minute, seconds.div_euclid(60));
            if !covers(site, minute) {
                continue;
            }
            let attributes = attributes_of(order);
            match row {
                None => differences
                    .add(|| format!("{site} order {id}: recounted, but not in the table")),
                Some(row) if row != attributes => {
                    differences.add(|| {
                        format!(
                            "{site} order {id}: recounted {attributes:?}, the table says {row:?}"
                        )
                    });
                }
                Some(_) => {}
            }
            let Some(created_at) = created_at.map(written) else { continue };
            let recent = RecentRow { site: site.clone(), order: id.clone(), created_at };
            if is_kept(site, minute) && !self.recent.contains(&recent) {
                differences.add(|| format!("{site} order {id}: not in the list of recent orders"));
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
}

impl ExpectedOrders {
    /// The contributions of all orders.
    pub(crate) fn tallies(&self) -> BTreeMap<TallyKey, Decimal> {
        tallies_of_orders(&self.0)
    }
}

/// Whether reports of chunks that are gone can have made of the recounted order the one that was
/// found. The earliest creation, the earliest cancellation and the latest status count, so that
/// further reports move each of them in one direction only.
fn can_become(recounted: Option<&Order>, found: &Order, leeway: Leeway) -> bool {
    let reaches = |at: i128| seconds_of(at) <= leeway.last_second;
    let can_be_earlier = |found: Option<i128>, recounted: Option<i128>| {
        found.is_some_and(|found| {
            reaches(found) && recounted.is_none_or(|recounted| found <= recounted)
        })
    };
    let Some(recounted) = recounted else {
        let times = [found.made.as_ref().map(|(at, _)| *at), found.cancelled.map(|(at, _)| at)];
        return times.into_iter().flatten().chain([found.status.0]).all(reaches);
    };
    let created_at = |order: &Order| order.made.as_ref().map(|(at, _)| *at);
    let cancelled_at = |order: &Order| order.cancelled.map(|(at, _)| at);
    let (found_at, recounted_at) = (found.status.0, recounted.status.0);
    (found.made == recounted.made || can_be_earlier(created_at(found), created_at(recounted)))
        && (found.cancelled == recounted.cancelled
            || can_be_earlier(cancelled_at(found), cancelled_at(recounted)))
        && (found.status == recounted.status || (reaches(found_at) && recounted_at <= found_at))
}

/// The attributes of an order's row, in the form of [`OrderRow`].
fn attributes_of(order: &Order) -> BTreeMap<String, String> {
    let mut attributes = BTreeMap::new();
    let mut set = |name: &str, value: String| attributes.insert(name.to_owned(), value);
    let (status_at, status_source, status) = &order.status;
    set("status", status.clone());
    set("status_at", written(*status_at));
    set("status_source", (*status_source).to_owned());
    if let Some((at, refund)) = order.cancelled {
        set("cancelled_at", written(at));
        if let Some(refund) = refund {
            set("refund_amount", refund.to_string());
        }
    }
    if let Some((made_at, made)) = &order.made {
        set("created_at", written(*made_at));
        set("currency", made.currency.clone());
        set("value", made.value.to_string());
        let products = made.products.iter().map(|(name, units, money)| {
            (name.clone(), json!([units.to_string(), money.to_string()]))
        });
        set("products", serde_json::Value::Object(products.collect()).to_string());
        for (name, value) in [("order_number", &made.number), ("customer_id", &made.customer)] {
            if let Some(value) = value {
                set(name, value.clone());
            }
        }
    }
    attributes
}

/// The order of a row; `None` if its attributes are not those of one.
fn order_of(attributes: &BTreeMap<String, String>) -> Option<Order> {
    let text = |name: &str| attributes.get(name).cloned();
    let time = |name: &str| nanoseconds(attributes.get(name)?);
    let sources = ["creation", "change", "cancellation"];
    let source =
        sources.into_iter().find(|source| text("status_source").as_deref() == Some(source));
    let made = match time("created_at") {
        None => None,
        Some(at) => {
            let products: BTreeMap<String, [String; 2]> =
                serde_json::from_str(attributes.get("products")?).ok()?;
            let products = products.into_iter().map(|(name, [units, money])| {
                Some((name, units.parse().ok()?, money.parse().ok()?))
            });
            let made = Made {
                number: text("order_number"),
                customer: text("customer_id"),
                currency: text("currency")?,
                value: text("value")?.parse().ok()?,
                products: products.collect::<Option<_>>()?,
            };
            Some((at, made))
        }
    };
    let cancelled = time("cancelled_at")
        .map(|at| (at, attributes.get("refund_amount").and_then(|refund| refund.parse().ok())));
    Some(Order { made, status: (time("status_at")?, source?, text("status")?), cancelled })
}

fn nanoseconds(at: &str) -> Option<i128> {
    let at: DateTime<Utc> = at.parse().ok()?;
    Some(i128::from(at.timestamp()) * 1_000_000_000 + i128::from(at.timestamp_subsec_nanos()))
}

fn seconds_of(nanoseconds: i128) -> i64 {
    i64::try_from(nanoseconds.div_euclid(1_000_000_000)).unwrap_or_default()
}

fn time(nanoseconds: i128) -> DateTime<Utc> {
    let rest = u32::try_from(nanoseconds.rem_euclid(1_000_000_000)).unwrap_or_default();
    DateTime::from_timestamp(seconds_of(nanoseconds), rest).unwrap_or_default()
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
        let recount = recount(text.as_bytes(), &Settings::at(reference_time));
        let mut books = OrderBooks::default();
        books.add_recounted(&recount.unwrap().orders);
        books
    }

    fn row(status: &str) -> OrderRow {
        let attributes = [
            ("created_at", "2026-11-20T23:07:31.500000000Z"),
            ("currency", "USD"),
            ("value", "9.5"),
            ("products", r#"{"a":["1","0"]}"#),
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
        books.judge(&books.expected(None), |_, _| is_covered, |_, _| true, &mut differences);
        differences.first
    }

    #[test]
    fn accepts_an_order_whose_rows_are_right() {
        let mut books = books();
        books.add_found(row("PAID"));
        books.add_recent(recent());
        assert_eq!(judged(&books, true), [""; 0]);
        let tallies: Vec<String> = books
            .expected(None)
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

    /// The differences between the recounted order 1 and a row with these attributes of its own, if
    /// chunks with events until this time are gone, and what it then contributes by its status.
    fn with_gone(changed: &[(&str, &str)], last: &str) -> (Vec<String>, Vec<String>) {
        let mut books = books();
        let mut row = row("PAID");
        for (name, value) in changed {
            row.attributes.insert((*name).to_owned(), (*value).to_owned());
        }
        let created_at = row.attributes["created_at"].clone();
        books.add_recent(RecentRow { created_at, ..recent() });
        books.add_found(row);
        let last: DateTime<Utc> = last.parse().unwrap();
        let leeway = Leeway { last_second: last.timestamp(), events: 1 };
        let expected = books.expected(Some(leeway));
        let mut differences = Differences::default();
        books.judge(&expected, |_, _| true, |_, _| true, &mut differences);
        let tallies = expected.tallies().into_iter();
        let statuses = tallies.filter(|(key, _)| key.measure == "orders").map(|(key, _)| {
            format!("{} {}", Period::containing(Granularity::Minute, key.minute), key.key)
        });
        (differences.first, statuses.collect())
    }

    #[test]
    fn chunks_that_are_gone_may_have_moved_an_order_in_one_direction() {
        let later = ("status_at", "2026-11-20T23:09:00.000000000Z");
        let earlier = ("created_at", "2026-11-20T23:06:00.000000000Z");
        let cancelled = ("cancelled_at", "2026-11-20T23:09:00.000000000Z");
        let enough = "2026-11-20T23:09:00Z";
        for (changed, status) in [
            (vec![], "2026-11-20T23:07 PAID"),
            (vec![later, ("status", "SHIPPED")], "2026-11-20T23:07 SHIPPED"),
            (vec![earlier, ("value", "7")], "2026-11-20T23:06 PAID"),
            (vec![cancelled, ("refund_amount", "1.5")], "2026-11-20T23:07 PAID"),
        ] {
            assert_eq!(with_gone(&changed, enough), (vec![], vec![status.to_owned()]));
        }
        for changed in [
            vec![("status_at", "2026-11-20T23:07:31.900000000Z"), ("status", "SHIPPED")],
            vec![("created_at", "2026-11-20T23:08:00.000000000Z")],
            vec![("value", "x"), earlier],
            vec![("products", "{}"), ("status_source", "a friend")],
        ] {
            let (differences, statuses) = with_gone(&changed, enough);
            assert!(differences[0].contains("the table says"), "{changed:?}: {differences:?}");
            assert_eq!(statuses, ["2026-11-20T23:07 PAID"]);
        }
        let (differences, _) = with_gone(&[later, ("status", "SHIPPED")], "2026-11-20T23:08:59Z");
        assert_eq!(differences.len(), 1);
    }

    #[test]
    fn an_order_that_only_chunks_reported_that_are_gone_is_as_its_row_says() {
        let judged = |last: &str| {
            let mut books = OrderBooks::default();
            books.add_found(row("PAID"));
            books.add_recent(recent());
            let last: DateTime<Utc> = last.parse().unwrap();
            let leeway = Leeway { last_second: last.timestamp(), events: 1 };
            let (expected, mut differences) =
                (books.expected(Some(leeway)), Differences::default());
            books.judge(&expected, |_, _| true, |_, _| true, &mut differences);
            (differences.first, expected.tallies().len())
        };
        assert_eq!(judged("2026-11-20T23:07:32Z"), (vec![], 4));
        let unknown = "default order 1: in the table, but not in any chunk".to_owned();
        assert_eq!(judged("2026-11-20T23:07:31Z"), (vec![unknown], 0));
    }
}
