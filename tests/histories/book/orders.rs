//! Order rows, the list of recent orders, and the counters derived from orders.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use minutebook_oracle::{
    Cell, Comparison, Contribution, Decimal, Granularity, Line, Made, Order, Period, Purchase,
    Refund, RefundOf, ReportedRefund, TallyKey, What, tallies_of_contributions,
};

use super::{
    Attributes, Book, ChunkFacts, TallyRow, Terms, describe_first, fail_with, hour_of, number, text,
};
use crate::order_states::{OrderName, OrderStates};

/// The prefixes of the measures in which only orders count: `orders`, `order_value:USD`, `ordered`,
/// …, and `refunds_moved:USD`.
const MEASURES: [&str; 2] = ["order", "refunds_moved:"];

/// The version of what the counters have of an order.
const CONTRIBUTION_VERSION: i64 = 2;

/// The orders of a table, and how much of each its counters have.
#[derive(Clone, Debug, Default)]
pub(crate) struct FoundOrders(BTreeMap<OrderName, (Order, Contribution)>);

impl FoundOrders {
    /// All orders.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&OrderName, &Order)> {
        self.0.iter().map(|(name, (order, _))| (name, order))
    }

    /// What the counters have of them.
    pub(crate) fn tallies(&self) -> BTreeMap<TallyKey, Decimal> {
        let contributions = self.0.iter();
        tallies_of_contributions(
            contributions
                .map(|((site, _), (order, contribution))| (site.as_str(), order, *contribution)),
        )
    }
}

/// The clock skew between workers, in seconds, plus a margin. A row that expires within this time
/// has already expired for some workers.
pub(super) const CLOCKS_APART: i64 = 5;

/// Whether a measure is about orders.
pub(super) fn is_measure(measure: &str) -> bool {
    MEASURES.iter().any(|prefix| measure.starts_with(prefix))
}

/// Whether orders count in a measure beside purchases and refunds without an order.
pub(crate) fn is_shared(measure: &str) -> bool {
    measure == "units" || measure.starts_with("sales:") || measure.starts_with("refunds:")
}

impl Book {
    /// All orders, parsed from their rows.
    pub(crate) fn orders(&self) -> Result<FoundOrders> {
        let rows = self.rows.iter().filter(|((pk, _), _)| pk.starts_with("O#"));
        let orders = rows.map(|((pk, sk), row)| {
            let found = order(row).and_then(|order| {
                let contribution = contribution(row, &order)?;
                Ok((order, contribution))
            });
            let found = found.with_context(|| format!("the row {pk} / {sk}: {row:?}"))?;
            let (site, id) = pk
                .strip_prefix("O#")
                .and_then(|name| name.split_once('#'))
                .filter(|_| sk == "order")
                .with_context(|| format!("{pk} / {sk} is no key of an order"))?;
            Ok(((site.to_string(), id.to_string()), found))
        });
        Ok(FoundOrders(orders.collect::<Result<_>>()?))
    }

    /// Checks that each order is what its events make of it, that recent orders are listed, and
    /// that every counter matches the orders. A row and its counters change together. Only if a
    /// worker died may the counters lack refunds of which the row knows.
    pub(crate) fn check_orders(
        &self,
        states: &OrderStates,
        chunks: &[ChunkFacts],
        terms: &Terms,
    ) -> Result<()> {
        let orders = self.orders()?;
        for (name, possible) in states.iter() {
            let found = orders.0.get(name).map(|(order, _)| order);
            ensure!(
                possible.iter().any(|state| state.as_ref() == found),
                "order {name:?} is {found:?}, which is none of {possible:?}"
            );
        }
        let may_lack_refunds = self.has_unfinished_chunks()?;
        for (name, (order, contribution)) in &orders.0 {
            ensure!(
                may_lack_refunds || *contribution == Contribution::Whole,
                "the counters of {name:?} have {contribution:?} of {order:?}"
            );
            ensure!(states.iter().any(|(known, _)| known == name), "no event is about {name:?}");
        }
        let terms = &terms.later(CLOCKS_APART);
        self.check_recent(&orders, chunks, terms)?;
        self.check_order_counters(&orders, terms)
    }

    /// Checks that every order whose minute is kept is in the list of the day when it was placed.
    /// An order is listed before its row is written, and stays listed when an earlier creation or
    /// purchase becomes known.
    fn check_recent(
        &self,
        orders: &FoundOrders,
        chunks: &[ChunkFacts],
        terms: &Terms,
    ) -> Result<()> {
        let events = chunks.iter().flat_map(|chunk| &chunk.recount.orders);
        let times: BTreeSet<(OrderName, i128)> = events
            .filter(|event| matches!(event.what, What::Created { .. } | What::Purchased { .. }))
            .map(|event| ((event.site.clone(), event.order.clone()), event.at))
            .collect();
        let mut places = BTreeSet::new();
        for ((pk, sk), row) in self.rows.iter().filter(|((pk, _), _)| pk.starts_with("R#")) {
            let keys = || format!("{pk} / {sk} is no key of a recent order");
            let (site, day) =
                pk.strip_prefix("R#").and_then(|name| name.split_once('#')).with_context(keys)?;
            let (placed_at, id) = sk.split_once('#').with_context(keys)?;
            ensure!(placed_at.starts_with(day), "{pk} / {sk} is in the list of another day");
            let placed_at = nanoseconds(placed_at)?;
            let expires_at = number(row, "ttl");
            ensure!(expires_at == terms.expires_at(minute_of(placed_at)?), "{pk} / {sk}: {row:?}");
            let place = ((site.to_string(), id.to_string()), placed_at);
            ensure!(times.contains(&place), "{pk} / {sk} is listed, and was not placed then");
            places.insert(place);
        }
        for (name, order) in orders.iter() {
            let Some(placed_at) = order.placed_at() else { continue };
            let is_kept = !terms.has_expired(minute_of(placed_at)?);
            ensure!(
                !is_kept || places.contains(&(name.clone(), placed_at)),
                "{name:?} is not in the list of recent orders: {order:?}"
            );
        }
        Ok(())
    }

    /// Checks that the minute rows of all shards match the orders. The rows of longer periods must
    /// match them too, together with the numbered shards of hours that are not rolled up yet. While
    /// a chunk or an hour is partly counted, it is unknown which rows include it, so only minute
    /// rows are compared.
    fn check_order_counters(&self, orders: &FoundOrders, terms: &Terms) -> Result<()> {
        let are_sums_whole = !self.has_unfinished_chunks()?;
        let is_compared = |site: &str, period: Period| {
            (are_sums_whole || period.granularity() == Granularity::Minute)
                && terms.has_rows(site, period)
        };
        let mut comparison = Comparison::default();
        let mut tallies = orders.tallies();
        tallies.retain(|key, _| is_measure(&key.measure));
        comparison.add_tallies(&tallies, &mut |site, period| is_compared(site, period));
        let rows = self.tally_rows(terms)?;
        for row in rows.iter().filter(|row| is_measure(row.measure)) {
            let periods = self.periods_of(row, terms).into_iter();
            for period in periods.filter(|period| is_compared(row.site, *period)) {
                for (key, number) in &row.counters {
                    let cell = Cell { site: row.site, measure: row.measure, period, key };
                    comparison.add_found(cell, *number);
                }
            }
        }
        fail_with(describe_first(&comparison), "counters differ from the orders")
    }

    /// The periods of which a row has a part that no other row has: its own and, until its hour is
    /// rolled up, those above.
    pub(super) fn periods_of(&self, row: &TallyRow<'_>, terms: &Terms) -> Vec<Period> {
        let minute = row.period.first_minute();
        let hour = hour_of(row.period);
        let entry = (format!("L#seal:{}:{hour}", row.site), "000000".to_string());
        let counts_above = row.is_in_numbered_shard && !self.rows.contains_key(&entry);
        if !counts_above {
            return vec![row.period];
        }
        let quarter = Period::containing(Granularity::Quarter, minute);
        let has_quarter = terms.has_quarters(row.site, row.period);
        let quarter = has_quarter.then_some(quarter);
        Period::all_containing(minute).into_iter().chain(quarter).collect()
    }

    /// The number of orders that the chunks report.
    pub(crate) fn count_reported(chunks: &[ChunkFacts]) -> u64 {
        let events = chunks.iter().flat_map(|chunk| &chunk.recount.orders);
        events.map(|event| (&event.site, &event.order)).collect::<BTreeSet<_>>().len() as u64
    }
}

/// How much of an order the counters have, as its row says.
fn contribution(row: &Attributes, order: &Order) -> Result<Contribution> {
    let version = number(row, "contribution_version");
    ensure!(version == Some(CONTRIBUTION_VERSION), "its counters are of version {version:?}");
    let refunds = order.refunds.len() + usize::from(order.cancelled.is_some());
    let counted = number(row, "refunds_counted");
    ensure!(counted.is_some() == (refunds > 0), "{counted:?} of {refunds} refunds are counted");
    let counted = usize::try_from(counted.unwrap_or_default())?;
    ensure!(counted <= refunds, "{counted} of {refunds} refunds are counted");
    let is_whole = counted == refunds;
    Ok(if is_whole { Contribution::Whole } else { Contribution::FirstRefunds(counted) })
}

/// Parses an order from its row.
fn order(row: &Attributes) -> Result<Order> {
    ensure!(number(row, "revision").is_some_and(|revision| revision > 0), "its revision");
    let text_if_any = |name: &str| row.contains_key(name).then(|| text(row, name)).transpose();
    let time_if_any = |name: &str| text_if_any(name)?.map(nanoseconds).transpose();
    let decimal_if_any = |name: &str| row.get(name).map(decimal).transpose();
    let made = match time_if_any("created_at")? {
        None => None,
        Some(at) => {
            let made = Made {
                number: text_if_any("order_number")?.map(str::to_string),
                customer: text_if_any("customer_id")?.map(str::to_string),
                currency: text(row, "currency")?.to_string(),
                value: decimal_if_any("value")?.context("an order has a value")?,
                products: products(row)?,
            };
            Some((at, made))
        }
    };
    let status = match time_if_any("status_at")? {
        None => None,
        Some(at) => {
            let reported_by = match text(row, "status_source")? {
                "creation" => "creation",
                "change" => "change",
                "cancellation" => "cancellation",
                other => bail!("no event is a {other}"),
            };
            Some((at, reported_by, text(row, "status")?.into()))
        }
    };
    let purchased = match time_if_any("purchased_at")? {
        None => None,
        Some(at) => Some(Purchase {
            at,
            currency: text(row, "purchase_currency")?.to_string(),
            customer: text_if_any("purchase_customer_id")?.map(str::to_string),
        }),
    };
    let cancelled = time_if_any("cancelled_at")?;
    let refund = decimal_if_any("refund_amount")?;
    Ok(Order {
        made,
        purchased,
        lines: lines(row)?,
        has_more_lines: row.contains_key("has_more_lines"),
        refunds: refunds(row)?,
        has_more_refunds: row.contains_key("has_more_refunds"),
        status,
        cancelled: cancelled.map(|at| (at, refund)),
    })
}

/// The lines of an order, and how many there are of each.
fn lines(row: &Attributes) -> Result<BTreeMap<Line, u64>> {
    let Some(list) = row.get("lines") else { return Ok(BTreeMap::new()) };
    let list = list.as_l().map_err(|other| anyhow::anyhow!("{other:?} are no lines"))?;
    let mut lines = BTreeMap::new();
    for line in list {
        let line = line.as_m().map_err(|other| anyhow::anyhow!("{other:?} is no line"))?;
        let members: Attributes = line.clone().into_iter().collect();
        let amount = |name: &str| decimal(members.get(name).context("a line has amounts")?);
        let line = Line {
            currency: text(&members, "currency")?.to_string(),
            item: text(&members, "item")?.to_string(),
            units: amount("units")?,
            money: amount("money")?,
        };
        let count = number(&members, "count").context("a line is counted")?.try_into()?;
        ensure!(lines.insert(line, count).is_none(), "a line is there twice");
    }
    Ok(lines)
}

/// The refunds of an order, how many there are of each, and the time of the earliest.
fn refunds(row: &Attributes) -> Result<BTreeMap<Refund, ReportedRefund>> {
    let Some(list) = row.get("refunds") else { return Ok(BTreeMap::new()) };
    let list = list.as_l().map_err(|other| anyhow::anyhow!("{other:?} are no refunds"))?;
    ensure!(!list.is_empty(), "no refunds, but an attribute for them");
    let mut refunds = BTreeMap::new();
    for refund in list {
        let refund = refund.as_m().map_err(|other| anyhow::anyhow!("{other:?} is no refund"))?;
        let members: Attributes = refund.clone().into_iter().collect();
        let text_if_any = |name: &str| -> Result<Option<String>> {
            let text = members.contains_key(name).then(|| text(&members, name)).transpose()?;
            Ok(text.map(str::to_string))
        };
        let what = match (members.get("money"), members.get("units")) {
            (Some(money), None) => {
                RefundOf::Money(decimal(money)?, text(&members, "currency")?.to_string())
            }
            (None, Some(units)) => RefundOf::Units(decimal(units)?),
            (None, None) => RefundOf::Everything,
            (Some(_), Some(_)) => bail!("{members:?} is of money and of units"),
        };
        let (event_id, item) = (text_if_any("event_id")?, text_if_any("item")?);
        let count = number(&members, "count").context("a refund is counted")?.try_into()?;
        let reported = ReportedRefund { count, at: nanoseconds(text(&members, "at")?)? };
        let is_new = refunds.insert(Refund { event_id, item, what }, reported).is_none();
        ensure!(is_new, "a refund is there twice");
    }
    Ok(refunds)
}

/// The products of an order with their units and their money, sorted by name.
fn products(row: &Attributes) -> Result<Vec<(String, Decimal, Decimal)>> {
    let by_name = row.get("products").and_then(|products| products.as_m().ok());
    let by_name: BTreeMap<_, _> = by_name.context("an order has products")?.iter().collect();
    let product = |(name, sums): (&String, &AttributeValue)| match sums.as_l().map(Vec::as_slice) {
        Ok([units, money]) => Ok((name.clone(), decimal(units)?, decimal(money)?)),
        _ => bail!("the product {name} is {sums:?}"),
    };
    by_name.into_iter().map(product).collect()
}

fn decimal(value: &AttributeValue) -> Result<Decimal> {
    let number = value.as_n().map_err(|other| anyhow::anyhow!("{other:?} is no number"))?;
    number.parse().map_err(|_| anyhow::anyhow!("{number} is no decimal"))
}

/// Parses a time into nanoseconds since 1970.
pub(crate) fn nanoseconds(text: &str) -> Result<i128> {
    let time: DateTime<Utc> = text.parse().with_context(|| format!("{text} is no time"))?;
    Ok(i128::from(time.timestamp()) * 1_000_000_000 + i128::from(time.timestamp_subsec_nanos()))
}

/// The minute of a time in nanoseconds since 1970.
fn minute_of(nanoseconds: i128) -> Result<Period> {
    let minute = i64::try_from(nanoseconds.div_euclid(60_000_000_000))?;
    Ok(Period::containing(Granularity::Minute, minute))
}
