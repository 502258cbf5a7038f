//! Refunds of orders, in every form: of items, units, money and everything, so that equal ones meet in
//! one event and in several.

use std::ops::Range;

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};

use crate::names;
use crate::purchase::{CURRENCIES, Members, TIMES, many_items, pick};
use crate::value::{CUSTOMERS, ITEMS, ORDERS, Takes, value};
use crate::write::Style;

const PRICES: &[&str] = &["5", "5", "-5", "19.95", "80", "0", "0.000001", "\"x\""];
const QUANTITIES: &[&str] = &["1", "1", "2", "0", "0.5", "-1", "-3", "\"many\""];
const TYPES: &[&str] =
    &["\"refund\"", "\"refund\"", "\"Order Refunded\"", "\"purchase\"", "\"order_created\""];

/// How many different refunds the events with very many have: about as many as are kept.
const MANY: Range<u64> = 97..104;

/// A line without its line end.
pub(crate) fn refund(style: Style, random: &mut StdRng) -> String {
    let mut members = vec![
        (names::field("event_type", false, random), pick(TYPES, random)),
        (names::field("timestamp", false, random), pick(TIMES, random)),
    ];
    // Mostly ids that no event has had.
    let event_id = match random.random_bool(0.3) {
        true => format!("\"r-{}\"", random.random_range(0..4)),
        false => format!("\"r-{:x}\"", random.random::<u64>()),
    };
    for (name, value, likely) in [
        ("order_id", value(Takes::Id(ORDERS), style, random), 0.93),
        ("customer_id", value(Takes::Id(CUSTOMERS), style, random), 0.3),
        ("event_id", event_id, 0.4),
        ("site_id", value(Takes::Site, style, random), 0.05),
        ("currency", pick(CURRENCIES, random), 0.3),
        ("order_total", pick(PRICES, random), 0.2),
        ("refundAmount", pick(PRICES, random), 0.1),
    ] {
        if random.random_bool(likely) {
            members.push((names::field(name, false, random), value));
        }
    }
    match random.random_range(0..100) {
        0..30 => members.append(&mut item(false, style, random)),
        // Money alone, or everything.
        30..45 => {}
        45..50 => {
            let odd = pick(&["[]", "null", "{}", "[7]", "\"[]\""], random);
            members.push((names::field("items", false, random), odd));
        }
        50 | 51 => members.push(many_items(MANY, style, random)),
        52 => {
            // Together they may have more.
            let events = [0, 1].map(|_| {
                let items = many_items(MANY, style, random);
                style.object(random, &[items])
            });
            members.push((names::field("events", false, random), style.array(random, &events)));
        }
        _ => members.push(items(style, random)),
    }
    members.shuffle(random);
    style.object(random, &members)
}

/// A few items, of which some come twice.
fn items(style: Style, random: &mut StdRng) -> (String, String) {
    let mut elements = Vec::new();
    for _ in 0..random.random_range(1..4) {
        let members = item(true, style, random);
        elements.push(style.object(random, &members));
        if random.random_bool(0.3) {
            elements.extend(elements.choose(random).cloned());
        }
    }
    (names::field("items", false, random), style.array(random, &elements))
}

/// What an item has.
fn item(is_item: bool, style: Style, random: &mut StdRng) -> Members {
    let item_id = match random.random_bool(0.9) {
        true => pick(&["1", "2", "\"3\"", "\"(other)\""], random),
        false => value(Takes::Id(ITEMS), style, random),
    };
    let [price, total] = [0, 1].map(|_| pick(PRICES, random));
    let (quantity, currency) = (pick(QUANTITIES, random), pick(CURRENCIES, random));
    let mut members = Members::new();
    for (name, value, likely) in [
        ("item_id", item_id, 0.95),
        ("price", price, 0.4),
        ("total_amount", total, 0.1),
        ("quantity", quantity, 0.5),
        ("currency", currency, if is_item { 0.1 } else { 0.0 }),
    ] {
        if random.random_bool(likely) {
            members.push((names::field(name, is_item, random), value));
        }
    }
    members
}
