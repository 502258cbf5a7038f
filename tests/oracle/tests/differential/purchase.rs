//! Purchases of orders: of few orders, items and prices, so that lines meet again, in one event and
//! in several.

use std::ops::Range;

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};

use crate::names;
use crate::value::{CUSTOMERS, EVENT_IDS, ITEMS, ORDERS, Takes, value};
use crate::write::Style;

/// Times of which some differ by a nanosecond or a minute only, not in order.
pub(crate) const TIMES: &[&str] = &[
    "\"2026-11-20T23:05:00Z\"",
    "\"2026-11-20T23:05:00.000000001Z\"",
    "\"2026-11-20T23:04:59.999999999Z\"",
    "\"2026-11-20T22:59:59Z\"",
    "1795215900",
];
const PRICES: &[&str] = &["5", "5", "19.95", "80", "0", "0.000001", "-10", "-5"];
const QUANTITIES: &[&str] = &["1", "2", "2", "0", "0.5", "-1"];
pub(crate) const CURRENCIES: &[&str] = &["\"USD\"", "\"EUR\"", "\"usd\"", "\"x\""];

/// How many different lines the purchases with very many have: about as many as are kept.
const MANY: Range<u64> = 245..256;

pub(crate) type Members = Vec<(String, String)>;

/// A line without its line end.
pub(crate) fn purchase(style: Style, random: &mut StdRng) -> String {
    let mut members = vec![
        (names::field("event_type", false, random), "\"purchase\"".to_owned()),
        (names::field("timestamp", false, random), pick(TIMES, random)),
    ];
    for (name, takes, likely) in [
        ("order_id", Takes::Id(ORDERS), 0.97),
        ("customer_id", Takes::Id(CUSTOMERS), 0.6),
        ("event_id", Takes::Id(EVENT_IDS), 0.05),
        ("site_id", Takes::Site, 0.05),
    ] {
        if random.random_bool(likely) {
            let value = value(takes, style, random);
            members.push((names::field(name, false, random), value));
        }
    }
    if random.random_bool(0.4) {
        members.push((names::field("currency", false, random), pick(CURRENCIES, random)));
    }
    if random.random_bool(0.2) {
        members.push((names::field("order_total", false, random), pick(PRICES, random)));
    }
    match random.random_range(0..100) {
        0..25 => members.append(&mut item(PRICES, false, style, random)),
        // Money alone, or nothing.
        25..33 => {}
        33..41 => members.push(items(&["-10", "-5", "-5"], style, random)),
        41 if random.random_bool(0.5) => members.push(many_items(MANY, style, random)),
        41 => {
            // Together they may have more.
            let events = [0, 1].map(|_| {
                let items = many_items(MANY, style, random);
                style.object(random, &[items])
            });
            members.push((names::field("events", false, random), style.array(random, &events)));
        }
        _ => members.push(items(PRICES, style, random)),
    }
    members.shuffle(random);
    style.object(random, &members)
}

/// A few items, of which some come twice.
fn items(prices: &[&str], style: Style, random: &mut StdRng) -> (String, String) {
    let mut elements = Vec::new();
    for _ in 0..random.random_range(1..5) {
        let members = item(prices, true, style, random);
        elements.push(style.object(random, &members));
        if random.random_bool(0.2) {
            elements.extend(elements.choose(random).cloned());
        }
    }
    (names::field("items", false, random), style.array(random, &elements))
}

/// What an item has.
fn item(prices: &[&str], is_item: bool, style: Style, random: &mut StdRng) -> Members {
    let mut members = Members::new();
    let mut add = |name: &str, likely: f64, value: String, random: &mut StdRng| {
        if random.random_bool(likely) {
            members.push((names::field(name, is_item, random), value));
        }
    };
    let item_id = match random.random_bool(0.9) {
        true => pick(&["1", "2", "\"3\""], random),
        false => value(Takes::Id(ITEMS), style, random),
    };
    add("item_id", 0.98, item_id, random);
    let [price, total] = [0, 1].map(|_| pick(prices, random));
    add("price", 0.85, price, random);
    add("total_amount", 0.05, total, random);
    let quantity = pick(QUANTITIES, random);
    add("quantity", 0.4, quantity, random);
    if is_item {
        let currency = pick(CURRENCIES, random);
        add("currency", 0.05, currency, random);
    }
    members
}

/// So many different items.
pub(crate) fn many_items(many: Range<u64>, style: Style, random: &mut StdRng) -> (String, String) {
    let first = *[0, 3, 100].choose(random).unwrap();
    let items = (first..first + random.random_range(many))
        .map(|number| format!("{{\"item_id\":{number},\"price\":1}}"));
    ("items".to_owned(), style.array(random, &items.collect::<Vec<_>>()))
}

pub(crate) fn pick(texts: &[&str], random: &mut StdRng) -> String {
    (*texts.choose(random).unwrap()).to_owned()
}
