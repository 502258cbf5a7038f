//! Compares the orders of the table with those of the recount.

pub(crate) mod money;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use minutebook_oracle::{
    Contribution, Decimal, Granularity, Line, Made, Order, OrderEvent, Period, Purchase, Refund,
    ReportedRefund, TallyKey, orders, tallies_of_contributions,
};
use serde_json::json;

use crate::proof::differences::Differences;
use crate::proof::gone::Leeway;
use crate::rows::{
    OrderRow, RecentRow, lines_of_text, lines_text, nanoseconds, refunds_of_text, refunds_text,
    written,
};

/// An order, by its site and id.
type OrderName = (String, String);

/// The version of what this build's counters have of an order; see docs/TABLE.md.
const CONTRIBUTION_VERSION: &str = "2";

/// The orders of the recount and those of the table. Add the events of all chunks, then all rows of
/// the table, then call [`judge`](Self::judge).
#[derive(Debug, Default)]
pub(crate) struct OrderBooks {
    events: Vec<OrderEvent>,
    /// The orders that chunks report of which the refunds count through their order: their counters
    /// are up to date.
    are_current: BTreeSet<OrderName>,
    found: BTreeMap<OrderName, BTreeMap<String, String>>,
    recent: BTreeSet<RecentRow>,
}

/// The orders that the table should have, and how much of them its counters should have.
#[derive(Debug, Default)]
pub(crate) struct ExpectedOrders(BTreeMap<OrderName, (Order, Contribution)>);

impl OrderBooks {
    /// Adds what a chunk reports, and how much of its orders it counts.
    pub(crate) fn add_recounted(&mut self, events: &[OrderEvent], contribution: Contribution) {
        self.events.extend_from_slice(events);
        if contribution == Contribution::Whole {
            let names = events.iter().map(|event| (event.site.clone(), event.order.clone()));
            self.are_current.extend(names);
        }
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
    /// have made of one what the table says. The counters of an order that only builds before have
    /// counted may be theirs.
    pub(crate) fn expected(&self, leeway: Option<Leeway>) -> ExpectedOrders {
        let mut expected = orders(&self.events);
        if let Some(leeway) = leeway {
            for (name, row) in &self.found {
                let recounted = expected.get(name);
                let found = order_of(row).filter(|found| can_become(recounted, found, leeway));
                expected.extend(found.map(|found| (name.clone(), found)));
            }
        }
        let with_contribution = |(name, order)| {
            let row = self.found.get(&name);
            let is_old = row.is_some_and(|row| !row.contains_key("contribution_version"))
                && !self.are_current.contains(&name);
            let contribution =
                if is_old { Contribution::WithoutRefunds } else { Contribution::Whole };
            (name, (order, contribution))
        };
        ExpectedOrders(expected.into_iter().map(with_contribution).collect())
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
        for ((site, id), (order, contribution)) in &expected.0 {
            let row = found.remove(&(site.clone(), id.clone()));
            let placed_at = order.placed_at();
            let status_at = order.status.as_ref().map(|(at, ..)| *at);
            let refunded_at = order.refunds.values().map(|reported| reported.at).min();
            let seconds = seconds_of(placed_at.or(status_at).or(refunded_at).unwrap_or_default());
            let minute = Period::containing(Granularity::Minute, seconds.div_euclid(60));
            if !covers(site, minute) {
                continue;
            }
            let attributes = attributes_of(order, *contribution);
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
            let Some(placed_at) = placed_at.map(written) else { continue };
            let recent = RecentRow { site: site.clone(), order: id.clone(), placed_at };
            if is_kept(site, minute) && !self.recent.contains(&recent) {
                differences.add(|| format!("{site} order {id}: not in the list of recent orders"));
            }
        }
        for ((site, order), row) in found {
            // Only the row itself says when it was placed.
            let placed_at = [row.get("created_at"), row.get("purchased_at")];
            let placed_at = placed_at.into_iter().flatten().min();
            let placed_at = placed_at.or(row.get("status_at"));
            let minute = placed_at.map(String::as_str).and_then(minute_of);
            let minute = minute.or_else(|| {
                let refunds = refunds_of_text(row.get("refunds")?)?;
                minute_of(&written(refunds.values().map(|reported| reported.at).min()?))
            });
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
        let contributions = self
            .0
            .iter()
            .map(|((site, _), (order, contribution))| (site.as_str(), order, *contribution));
        tallies_of_contributions(contributions)
    }
}

/// Whether reports of chunks that are gone can have made of the recounted order the one that was
/// found. The earliest creation, purchase and cancellation, the latest status and the most of each
/// line and each refund count, so that further reports move each of them in one direction only.
fn can_become(recounted: Option<&Order>, found: &Order, leeway: Leeway) -> bool {
    let reaches = |at: i128| seconds_of(at) <= leeway.last_second;
    let can_be_earlier = |found: Option<i128>, recounted: Option<i128>| {
        found.is_some_and(|found| {
            reaches(found) && recounted.is_none_or(|recounted| found <= recounted)
        })
    };
    let created_at = |order: &Order| order.made.as_ref().map(|(at, _)| *at);
    let purchased_at = |order: &Order| order.purchased.as_ref().map(|purchase| purchase.at);
    let cancelled_at = |order: &Order| order.cancelled.map(|(at, _)| at);
    let status_at = |order: &Order| order.status.as_ref().map(|(at, ..)| *at);
    let Some(recounted) = recounted else {
        let times = [created_at(found), purchased_at(found), cancelled_at(found), status_at(found)];
        let refunded_at = found.refunds.values().map(|reported| reported.at);
        return times.into_iter().flatten().chain(refunded_at).all(reaches);
    };
    (found.made == recounted.made || can_be_earlier(created_at(found), created_at(recounted)))
        && (found.purchased == recounted.purchased
            || can_be_earlier(purchased_at(found), purchased_at(recounted)))
        && can_have_more_lines(recounted, found)
        && can_have_more_refunds(recounted, found, reaches)
        && (found.cancelled == recounted.cancelled
            || can_be_earlier(cancelled_at(found), cancelled_at(recounted)))
        && (found.status == recounted.status
            || (status_at(found).is_some_and(reaches) && status_at(recounted) <= status_at(found)))
}

/// Whether further purchases can have made of the recounted lines those that were found. Where there
/// are too many, the last ones give way.
fn can_have_more_lines(recounted: &Order, found: &Order) -> bool {
    let last = found.lines.last_key_value().map(|(line, _)| line);
    let gave_way = |line: &Line| found.has_more_lines && Some(line) > last;
    (found.has_more_lines || !recounted.has_more_lines)
        && recounted.lines.iter().all(|(line, count)| {
            found.lines.get(line).map_or_else(|| gave_way(line), |found| found >= count)
        })
}

/// The same of refunds, of which each has the time of the earliest event.
fn can_have_more_refunds(recounted: &Order, found: &Order, reaches: impl Fn(i128) -> bool) -> bool {
    let last = found.refunds.last_key_value().map(|(refund, _)| refund);
    let gave_way = |refund: &Refund| found.has_more_refunds && Some(refund) > last;
    let has_more_of = |refund: &Refund, known: &ReportedRefund| {
        found.refunds.get(refund).map_or_else(
            || gave_way(refund),
            |found| found.count >= known.count && found.at <= known.at,
        )
    };
    let is_known_at = |refund: &Refund, at: i128| {
        recounted.refunds.get(refund).is_some_and(|reported| reported.at == at)
    };
    (found.has_more_refunds || !recounted.has_more_refunds)
        && recounted.refunds.iter().all(|(refund, known)| has_more_of(refund, known))
        && found
            .refunds
            .iter()
            .all(|(refund, reported)| is_known_at(refund, reported.at) || reaches(reported.at))
}

/// The attributes of an order's row, in the form of [`OrderRow`].
fn attributes_of(order: &Order, contribution: Contribution) -> BTreeMap<String, String> {
    let mut attributes = BTreeMap::new();
    let mut set = |name: &str, value: String| attributes.insert(name.to_owned(), value);
    if let Some((status_at, status_source, status)) = &order.status {
        set("status", status.clone());
        set("status_at", written(*status_at));
        set("status_source", (*status_source).to_owned());
    }
    if let Some(Purchase { at, currency, customer }) = &order.purchased {
        set("purchased_at", written(*at));
        set("purchase_currency", currency.clone());
        if let Some(customer) = customer {
            set("purchase_customer_id", customer.clone());
        }
        set("lines", lines_text(&order.lines));
        if order.has_more_lines {
            set("has_more_lines", "true".to_owned());
        }
    }
    if !order.refunds.is_empty() {
        set("refunds", refunds_text(&order.refunds));
        if order.has_more_refunds {
            set("has_more_refunds", "true".to_owned());
        }
    }
    if contribution == Contribution::Whole {
        set("contribution_version", CONTRIBUTION_VERSION.to_owned());
        let refunds = order.refunds.len() + usize::from(order.cancelled.is_some());
        if refunds > 0 {
            set("refunds_counted", refunds.to_string());
        }
    }
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
    let status = match time("status_at") {
        None => None,
        Some(at) => {
            let named = text("status_source")?;
            let source = sources.into_iter().find(|source| named == *source)?;
            Some((at, source, text("status")?))
        }
    };
    let purchased = match time("purchased_at") {
        None => None,
        Some(at) => {
            let (currency, customer) = (text("purchase_currency")?, text("purchase_customer_id"));
            Some(Purchase { at, currency, customer })
        }
    };
    let lines = match attributes.get("lines") {
        None => BTreeMap::new(),
        Some(lines) => lines_of_text(lines)?,
    };
    let refunds = match attributes.get("refunds") {
        None => BTreeMap::new(),
        Some(refunds) => refunds_of_text(refunds)?,
    };
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
    let has = |name: &str| attributes.contains_key(name);
    Some(Order {
        made,
        purchased,
        lines,
        has_more_lines: has("has_more_lines"),
        refunds,
        has_more_refunds: has("has_more_refunds"),
        status,
        cancelled,
    })
}

fn seconds_of(nanoseconds: i128) -> i64 {
    i64::try_from(nanoseconds.div_euclid(1_000_000_000)).unwrap_or_default()
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
        books_of(Contribution::Whole)
    }

    /// The books of a chunk of which so much was counted of its order.
    fn books_of(contribution: Contribution) -> OrderBooks {
        let text = concat!(
            r#"{"type":"OrderCreatedEvent","ts":1795216051.5,"orderId":1,"totalAmount":9.5,"items":[{"productName":"a"}]}"#,
            "\n",
            r#"{"type":"OrderStatusChangedEvent","ts":1795216052,"orderId":1,"newStatus":"PAID"}"#,
        );
        let reference_time = DateTime::from_timestamp(1_795_216_100, 0).unwrap();
        let recount = recount(text.as_bytes(), &Settings::at(reference_time));
        let mut books = OrderBooks::default();
        books.add_recounted(&recount.unwrap().orders, contribution);
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
            ("contribution_version", "2"),
        ];
        OrderRow {
            site: "default".to_owned(),
            order: "1".to_owned(),
            attributes: attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        }
    }

    fn recent() -> RecentRow {
        let placed_at = "2026-11-20T23:07:31.500000000Z".to_owned();
        RecentRow { site: "default".to_owned(), order: "1".to_owned(), placed_at }
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
        let placed_at = row.attributes["created_at"].clone();
        books.add_recent(RecentRow { placed_at, ..recent() });
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

    const PLACED_AT: &str = "2026-11-20T23:07:31.500000000Z";

    /// The differences between a recount of two purchases of this order and a row with these
    /// attributes of its own, which was listed at `placed_at`.
    fn purchased(changed: &[(&str, &str)], placed_at: &str, leeway: Option<Leeway>) -> Vec<String> {
        let purchase = |ts: &str, members: &str| {
            format!(
                "{{\"type\":\"purchase\",\"ts\":{ts},\"orderId\":1,\"price\":5,\"sku\":\"a\"{members}}}\n"
            )
        };
        let text = purchase("1795216051.5", r#","user_id":"ann""#) + &purchase("1795216111", "");
        let settings = Settings::at(DateTime::from_timestamp(1_795_216_200, 0).unwrap());
        let mut books = OrderBooks::default();
        let recount = recount(text.as_bytes(), &settings).unwrap();
        books.add_recounted(&recount.orders, Contribution::Whole);
        let attributes = [
            ("lines", r#"[["USD","a","1","5",1]]"#),
            ("purchased_at", PLACED_AT),
            ("purchase_currency", "USD"),
            ("purchase_customer_id", "ann"),
            ("contribution_version", "2"),
        ];
        let attributes = attributes.iter().chain(changed);
        let attributes = attributes.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        books.add_found(OrderRow { attributes: attributes.collect(), ..row("") });
        books.add_recent(RecentRow { placed_at: placed_at.to_owned(), ..recent() });
        let mut differences = Differences::default();
        books.judge(&books.expected(leeway), |_, _| true, |_, _| true, &mut differences);
        differences.first
    }

    #[test]
    fn the_row_of_an_order_has_its_lines_and_its_earliest_purchase() {
        assert_eq!(purchased(&[], PLACED_AT, None), [""; 0]);
        for changed in [
            ("purchase_customer_id", "bob"),
            ("purchase_currency", "EUR"),
            ("purchased_at", "2026-11-20T23:08:31.000000000Z"),
            ("has_more_lines", "true"),
            ("status", "CREATED"),
            ("lines", r#"[["USD","a","1","5",2]]"#),
        ] {
            let differences = purchased(&[changed], PLACED_AT, None);
            assert_eq!(differences.len(), 1, "{changed:?}: {differences:?}");
        }
        // It is listed at its earliest purchase.
        let later = purchased(&[], "2026-11-20T23:08:31.000000000Z", None);
        assert_eq!(later, ["default order 1: not in the list of recent orders"]);
    }

    #[test]
    fn chunks_that_are_gone_may_have_added_lines_and_taken_none() {
        let with_gone = |lines: &str, more: &[(&str, &str)]| {
            let leeway = Leeway { last_second: 1_795_216_200, events: 1 };
            purchased(&[&[("lines", lines)], more].concat(), PLACED_AT, Some(leeway)).len()
        };
        let (once, other) = (r#"["USD","a","1","5",1]"#, r#"["EUR","b","2","5",1]"#);
        assert_eq!(with_gone(&format!("[{other},{once}]"), &[]), 0);
        assert_eq!(with_gone(r#"[["USD","a","1","5",2]]"#, &[]), 0);
        assert_eq!(with_gone(&format!("[{other}]"), &[]), 1);
        // It gave way to 249 others.
        assert_eq!(with_gone(&format!("[{other}]"), &[("has_more_lines", "true")]), 0);
        // Nor can the earliest purchase be later.
        let later = ("purchased_at", "2026-11-20T23:08:31.000000000Z");
        assert_eq!(with_gone(&format!("[{once}]"), &[later]), 1);
    }

    /// The differences between a recount of an order that nobody saw placed, of which 5 was refunded
    /// of item `a` at 23:07:31, and a row with these refunds: each `["id","item","number","currency",
    /// count,"time"]`.
    fn refunded(refunds: &str, more: &[(&str, &str)], leeway: Option<Leeway>) -> Vec<String> {
        let text = r#"{"type":"refund","ts":1795216051,"orderId":1,"price":5,"sku":"a"}"#;
        let settings = Settings::at(DateTime::from_timestamp(1_795_216_200, 0).unwrap());
        let mut books = OrderBooks::default();
        let recount = recount(text.as_bytes(), &settings).unwrap();
        books.add_recounted(&recount.orders, Contribution::Whole);
        let attributes =
            [("refunds", refunds), ("contribution_version", "2"), ("refunds_counted", "1")];
        let attributes = attributes.iter().chain(more);
        let attributes = attributes.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        books.add_found(OrderRow { attributes: attributes.collect(), ..row("") });
        let mut differences = Differences::default();
        let covers = |_: &str, minute: Period| minute == minute_of("2026-11-20T23:07:00Z").unwrap();
        books.judge(&books.expected(leeway), covers, |_, _| true, &mut differences);
        differences.first
    }

    const REFUND: &str = r#"[null,"a","5","USD",1,"2026-11-20T23:07:31.000000000Z"]"#;

    #[test]
    fn the_row_of_an_order_has_its_refunds_and_how_many_are_counted() {
        let one = format!("[{REFUND}]");
        assert_eq!(refunded(&one, &[], None), [""; 0]);
        for changed in [
            ("refunds_counted", "0"),
            ("contribution_version", "1"),
            ("has_more_refunds", "true"),
            ("status", "CREATED"),
        ] {
            assert_eq!(refunded(&one, &[changed], None).len(), 1, "{changed:?}");
        }
        for refund in [
            REFUND.replace("null", "\"e\""),
            REFUND.replace("\"5\"", "\"6\""),
            REFUND.replace(",1,", ",2,"),
            REFUND.replace("07:31", "06:31"),
        ] {
            assert_eq!(refunded(&format!("[{refund}]"), &[], None).len(), 1, "{refund}");
        }
    }

    #[test]
    fn a_row_of_refunds_alone_is_looked_at_by_the_earliest() {
        let mut books = OrderBooks::default();
        let refunds = format!("[{},{REFUND}]", REFUND.replace("07:31", "09:31").replace('5', "4"));
        let attributes = BTreeMap::from([("refunds".to_owned(), refunds)]);
        books.add_found(OrderRow { attributes, ..row("") });
        for (covered, differences) in [("2026-11-20T23:07:00Z", 1), ("2026-11-20T23:09:00Z", 0)] {
            let covers = |_: &str, minute: Period| Some(minute) == minute_of(covered);
            let mut found = Differences::default();
            books.judge(&books.expected(None), covers, |_, _| true, &mut found);
            assert_eq!(found.count, differences, "{covered}");
        }
    }

    #[test]
    fn chunks_that_are_gone_may_have_added_refunds_and_taken_none() {
        let with_gone = |refunds: &[&str], more: &[(&str, &str)]| {
            let leeway = Leeway { last_second: 1_795_216_200, events: 1 };
            let refunds = format!("[{}]", refunds.join(","));
            refunded(&refunds, more, Some(leeway)).len()
        };
        let [earlier, later, twice, other] =
            [("07:31", "07:01"), ("07:31", "07:41"), (",1,", ",2,"), ("\"a\"", "\"A\"")]
                .map(|(from, to)| REFUND.replace(from, to));
        let two = [("refunds_counted", "2")];
        assert_eq!(with_gone(&[&other, REFUND], &two), 0);
        assert_eq!(with_gone(&[&earlier], &[]), 0);
        assert_eq!(with_gone(&[&twice], &[]), 0);
        assert_eq!(with_gone(&[&later], &[]), 1);
        assert_eq!(with_gone(&[&other], &[]), 1);
        // It gave way to 100 others.
        assert_eq!(with_gone(&[&other], &[("has_more_refunds", "true")]), 0);
        // No event of a gone chunk is as late.
        let late = other.replace("07:31", "30:31");
        assert_eq!(with_gone(&[&late, REFUND], &two), 1);
    }

    #[test]
    fn the_counters_of_an_order_of_a_build_before_have_its_cancellation_alone() {
        let old_row = |version: Option<&str>| {
            let mut row = row("PAID");
            let attributes = &mut row.attributes;
            attributes.remove("contribution_version");
            let cancelled = ("cancelled_at", "2026-11-20T23:07:31.700000000Z");
            let version = version.map(|version| ("contribution_version", version));
            let refunds = version.map(|_| ("refunds_counted", "1"));
            let changed = [Some(cancelled), Some(("refund_amount", "12")), version, refunds];
            for (name, value) in changed.into_iter().flatten() {
                attributes.insert(name.to_owned(), value.to_owned());
            }
            row
        };
        let judged = |row: OrderRow, contribution: Contribution| {
            let mut books = books_of(contribution);
            let text =
                r#"{"type":"OrderCancelledEvent","ts":1795216051.7,"orderId":1,"refundAmount":12}"#;
            let settings = Settings::at(DateTime::from_timestamp(1_795_216_100, 0).unwrap());
            let recount = recount(text.as_bytes(), &settings).unwrap();
            books.add_recounted(&recount.orders, contribution);
            books.add_found(row);
            books.add_recent(recent());
            let (expected, mut differences) = (books.expected(None), Differences::default());
            books.judge(&expected, |_, _| true, |_, _| true, &mut differences);
            let tallies = expected.tallies();
            let cells = tallies.iter().filter(|(cell, _)| cell.key.contains("refund"));
            let cells: Vec<String> =
                cells.map(|(cell, number)| format!("{}={number}", cell.key)).collect();
            (differences.count, cells.join(" "))
        };
        let [old, new] = ["refunded=12", "over_refunded=2.5 refunded=9.5 refunds=9.5"];
        let before = Contribution::WithoutRefunds;
        assert_eq!(judged(old_row(None), before), (0, old.to_owned()));
        // This build may have counted it meanwhile, and must if it was reported to it.
        assert_eq!(judged(old_row(Some("2")), before), (0, new.to_owned()));
        assert_eq!(judged(old_row(Some("2")), Contribution::Whole), (0, new.to_owned()));
        assert_eq!(judged(old_row(None), Contribution::Whole), (1, new.to_owned()));
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
            (
                vec![cancelled, ("refund_amount", "1.5"), ("refunds_counted", "1")],
                "2026-11-20T23:07 PAID",
            ),
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
