//! Refunds that count through their order, with results that were computed by hand.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod giving_back;
mod reading;

use std::collections::BTreeMap;

use minutebook_oracle::{
    Contribution, Decimal, Order, Recount, RefundOf, Settings, TallyKey, order_tallies, orders,
    recount, sum, tallies_of_contributions,
};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};

fn count(text: &str) -> Recount {
    let settings = Settings::at("2026-11-20T12:00:00Z".parse().unwrap());
    recount(text.as_bytes(), &settings).unwrap()
}

/// An event about order 1 at a minute and second after 11 o'clock: `07:01`.
fn event(kind: &str, at: &str, members: &str) -> String {
    format!("{{\"event\":\"{kind}\",\"ts\":\"2026-11-20T11:{at}Z\",\"order_id\":1,{members}}}\n")
}

fn purchase(at: &str, members: &str) -> String {
    event("purchase", at, members)
}

fn refund(at: &str, members: &str) -> String {
    event("refund", at, members)
}

/// Of everything.
fn refund_all(at: &str) -> String {
    refund(at, r#""event_id":null"#)
}

/// A cancellation, of everything or of so much.
fn cancelled(at: &str, amount: &str) -> String {
    let amount = if amount.is_empty() { "null" } else { amount };
    event("OrderCancelledEvent", at, &format!(r#""refundAmount":{amount}"#))
}

/// Two shoes and a cap at 11:07: 2 × 40 + 20 = 100.
fn shoes_and_a_cap() -> String {
    purchase(
        "07:00",
        r#""items":[{"item_id":"SHOE","price":40,"quantity":2},{"item_id":"CAP","price":20}]"#,
    )
}

/// Without the money of no order.
fn cells(tallies: &BTreeMap<TallyKey, Decimal>) -> Vec<String> {
    let is_listed = |key: &TallyKey| !key.key.is_empty() || !key.measure.contains(':');
    let listed = tallies.iter().filter(|(key, _)| is_listed(key));
    let cells = listed.map(|(key, number)| {
        format!("{} {} {}={number}", key.measure, key.minute_start().format("%M"), key.key)
    });
    cells.collect()
}

/// What these texts count together.
fn counted(texts: &[&str]) -> BTreeMap<TallyKey, Decimal> {
    let text = texts.concat();
    let recount = count(&text);
    assert_eq!((recount.rejected_lines.as_slice(), recount.tallies.len()), (&[][..], 0), "{text}");
    order_tallies(&recount.orders)
}

/// What was given back of an order of minute 07 in dollars that has lines: `<in all> over <what was
/// wanted beyond> incomplete: <minute> <item>=<money>; …`. What follows from that is checked.
fn given_back(tallies: &BTreeMap<TallyKey, Decimal>) -> String {
    let number = |measure: &str, minute: i64, key: &str| {
        let mut cells = tallies.iter().filter(|(cell, _)| {
            (cell.measure.as_str(), cell.minute % 60, cell.key.as_str()) == (measure, minute, key)
        });
        cells.next().map_or(Decimal::ZERO, |(_, number)| *number)
    };
    let value = |minute: i64, key: &str| number("order_value:USD", minute, key);
    let mut text = value(7, "refunded").to_string();
    if !value(7, "over_refunded").is_zero() {
        text += &format!(" over {}", value(7, "over_refunded"));
    }
    if value(7, "incomplete") == Decimal::ONE {
        text += " incomplete";
    }
    let refunds = tallies.iter().filter(|(cell, _)| cell.measure == "refunds:USD");
    let refunds: Vec<(i64, &str, Decimal)> =
        refunds.map(|(cell, money)| (cell.minute % 60, cell.key.as_str(), *money)).collect();
    let items: Vec<String> =
        refunds.iter().map(|(minute, item, money)| format!("{minute:02} {item}={money}")).collect();
    text += &format!(": {}", items.join("; "));

    // At each minute, the order gave back what its items did.
    for minute in 0..60 {
        let of_items = refunds.iter().filter(|(at, ..)| *at == minute);
        let of_items: Decimal = of_items.map(|(.., money)| *money).sum();
        assert_eq!([value(minute, "refunds"), value(minute, "sales_refunds")], [of_items; 2]);
    }
    // Each item gave back at the minute of the order what it did at any other, and not there.
    let mut moved = BTreeMap::new();
    for (minute, item, money) in refunds.iter().filter(|(minute, ..)| *minute != 7) {
        *moved.entry((*minute, *item)).or_default() += Decimal::ZERO - *money;
        *moved.entry((7, *item)).or_default() += *money;
    }
    let found = tallies.iter().filter(|(cell, _)| cell.measure == "refunds_moved:USD");
    let found = found.map(|(cell, money)| ((cell.minute % 60, cell.key.as_str()), *money));
    moved.retain(|_, money: &mut Decimal| !money.is_zero());
    assert_eq!(found.collect::<BTreeMap<_, _>>(), moved);
    text
}

/// Compares what was given back, in whatever order these texts come, and if they come again.
#[track_caller]
fn check(texts: &[&str], expected: &str) {
    let mut random = StdRng::seed_from_u64(7);
    let mut texts = texts.to_vec();
    for _ in 0..8 {
        assert_eq!(given_back(&counted(&texts)), expected, "{texts:?}");
        texts.push(texts[random.random_range(0..texts.len())]);
        texts.shuffle(&mut random);
    }
}

fn order(text: &str) -> Order {
    let orders = orders(&count(text).orders);
    assert_eq!(orders.len(), 1);
    orders.into_values().next().unwrap()
}

/// `<id> <item>: <what> x <count>` of each refund.
fn refunds_of(text: &str) -> Vec<String> {
    let order = order(text);
    let refunds = order.refunds.iter().map(|(refund, reported)| {
        let [id, item] =
            [&refund.event_id, &refund.item].map(|name| name.as_deref().unwrap_or("-"));
        let what = match &refund.what {
            RefundOf::Everything => "everything".to_owned(),
            RefundOf::Units(units) => format!("{units} units"),
            RefundOf::Money(money, currency) => format!("{money} {currency}"),
        };
        format!("{id} {item}: {what} x {}", reported.count)
    });
    refunds.collect()
}
