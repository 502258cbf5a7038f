//! Values of the fields: mostly valid ones of a few, so that they meet again, and odd ones.

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

use crate::names;
use crate::time::time;
use crate::write::Style;

/// What a field takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Takes {
    Type,
    OrderType,
    Time,
    Site,
    Id(&'static [&'static str]),
    Page,
    Currency,
    Amount,
    Status,
    /// Only as the column of CSV, whose cells are written elsewhere.
    Items,
}

/// The types that count something, as docs/VOCABULARY.md calls them.
const TYPES: &[&str] =
    &["view", "cart add", "removal", "checkout", "purchase", "purchase", "refund"];
const ORDER_TYPES: &[&str] = &["order created", "order status changed", "order cancelled"];
const UNKNOWN_TYPES: &[&str] = &[
    "track",
    "views",
    "purchse",
    "order event",
    "x",
    "-",
    "vi\u{e9}w",
    "v\u{456}ew",
    "a type that says more than thirty-two letters and digits",
];

/// Texts that are no amounts, or at a bound.
const ODD_NUMBERS: &[&str] = &[
    "1000000000000",
    "1e12",
    "1000000000000.0",
    "1000000000000.000001",
    "1000000000001",
    "1e13",
    "999999999999.999999",
    "0.000001",
    "1e-6",
    "0.0000001",
    "1e-7",
    "10e-7",
    "0.0000010",
    "1.0000000",
    "1.0000001",
    "100000000e-8",
    "-0",
    "-0.0",
    "-0e5",
    "-1",
    "-0.000001",
    "0e400",
    "1e400",
    "-1e400",
    "0e-99999999999999999999",
    "0E+99999999999999999999",
    "5e-0000000001",
    "5e+00000000001",
    "1e-99999999999999999999999",
    "1e99999999999999999999999",
    "9223372036854775808",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "0.1000000000000000000000000000000000000000",
    "1000000000000000000000000e-24",
    "123456.7890120",
    "12345678",
    "1234567.8",
    "123456789",
    "1.2345678",
    "00",
    "0.0",
    "12.50",
    "0.30000000000000004",
    "1E2",
    "1e+2",
    "2.5e0",
    "999999.999999",
    "1000000.000001",
];

/// Texts that are no JSON numbers.
const NO_NUMBERS: &[&str] = &[
    "", " 1", "1 ", "01", "+1", "1.", ".5", "1e", "1e+", "0x1", "1,5", "1_000", "NaN", "Infinity",
    "null", "true", "$1", "-", "\u{661}", "1\u{0}", "--1", "1.2.3", "1e1e1", "1e1.0", "\"1\"",
    "-+1", "1/2", "1:2", "12:4567", "e1",
];

const SITES: &[&str] = &["a", "b", "default", "shop-1", "7", "A.b_c:d-9"];
const ODD_SITES: &[&str] = &["a b", "\u{e4}", "a/b", "a#b", "a\u{0}"];
const PAGES: &[&str] = &[
    "/",
    "/a",
    "/b/c",
    "https://shop.example/a?b=1#c",
    "/a#b?c",
    "/\u{fc}",
    "a\"b\\c",
    "/a?",
    "\u{1f600}",
];
const ODD_PAGES: &[&str] = &["?a", "#", "?", "#a?b"];
const CURRENCIES: &[&str] = &["USD", "EUR", "usd", "jPy", "XXX"];
const ODD_CURRENCIES: &[&str] = &["US", "USDT", "U$D", "\u{dc}S", "U D", "12A", "\u{20ac}"];
const STATUSES: &[&str] = &["CREATED", "PAID", "SHIPPED", "CANCELLED", "\u{fc}ber", "a\"b"];

pub(crate) const ITEMS: &[&str] = &[
    "1",
    "2",
    "3",
    "sku-1",
    "\u{e9}",
    "a/b",
    "x y",
    "\u{1f600}",
    "-0",
    "00",
    "a\nb",
    "\"",
    "\u{0}",
];
pub(crate) const CUSTOMERS: &[&str] = &["u1", "u2", "3", "4", "anna@example.com"];
pub(crate) const SESSIONS: &[&str] = &["s1", "s2", "3", "4"];
pub(crate) const EVENT_IDS: &[&str] = &["e1", "e2", "e3", "4", "5", "e-\u{e9}"];
pub(crate) const ORDERS: &[&str] = &["o1", "o2", "3", "4"];
pub(crate) const PRODUCTS: &[&str] = &["Mug", "Cup", "T-shirt \u{201c}Rust\u{201d}", "7"];

/// A value of a field, as JSON.
pub(crate) fn value(takes: Takes, style: Style, random: &mut StdRng) -> String {
    match random.random_range(0..1_000) {
        0..8 => "null".to_owned(),
        8..14 => "\"\"".to_owned(),
        14..20 => any(style, random, 3),
        number => {
            let is_odd = number < 40;
            let (text, is_number) = text_or_number(takes, is_odd, random);
            let value = if is_number { text } else { style.text(random, &text) };
            if random.random_bool(0.01) { mongo(&value, style, random) } else { value }
        }
    }
}

/// A value as MongoDB writes it, or nearly so.
fn mongo(value: &str, style: Style, random: &mut StdRng) -> String {
    let mut value = value.to_owned();
    for _ in 0..*[1, 1, 1, 2, 2, 3].choose(random).unwrap() {
        let name = match random.random_range(0..40) {
            0 => "oid",
            1 => "$DATE",
            _ => ["$date", "$oid", "$numberInt", "$numberLong", "$numberDouble", "$numberDecimal"]
                .choose(random)
                .unwrap(),
        };
        let mut members = vec![(name.to_owned(), value)];
        if random.random_bool(0.02) {
            members.push((name.to_owned(), any(style, random, 1)));
        }
        value = style.object(random, &members);
    }
    value
}

/// The text of a value, and whether it stands there without quotes.
fn text_or_number(takes: Takes, is_odd: bool, random: &mut StdRng) -> (String, bool) {
    match takes {
        Takes::Type if is_odd => (choose(UNKNOWN_TYPES, random), false),
        Takes::Type => match random.random_range(0..60) {
            0..3 => (names::type_name("ignored", random), false),
            3 => (type_of(ORDER_TYPES, random), false),
            _ => (type_of(TYPES, random), false),
        },
        Takes::OrderType => (type_of(ORDER_TYPES, random), false),
        Takes::Time => time(is_odd, random),
        Takes::Site if is_odd && random.random_bool(0.5) => (long_text(64, random), false),
        Takes::Site => id(if is_odd { ODD_SITES } else { SITES }, random),
        Takes::Id(_) if is_odd && random.random_bool(0.5) => (long_text(256, random), false),
        Takes::Id(_) if is_odd => (number(random), true),
        Takes::Id(ids) => id(ids, random),
        Takes::Page if is_odd && random.random_bool(0.5) => {
            (long_text(256, random) + if random.random_bool(0.5) { "?long" } else { "" }, false)
        }
        Takes::Page => (choose(if is_odd { ODD_PAGES } else { PAGES }, random), false),
        Takes::Currency => {
            (choose(if is_odd { ODD_CURRENCIES } else { CURRENCIES }, random), false)
        }
        Takes::Status if is_odd => (long_text(64, random), false),
        Takes::Status => (choose(STATUSES, random), false),
        Takes::Amount if is_odd && random.random_bool(0.3) => (choose(NO_NUMBERS, random), false),
        Takes::Amount if is_odd => {
            let text = choose(ODD_NUMBERS, random);
            // One of them is no JSON.
            (text.clone(), text != "00" && random.random_bool(0.7))
        }
        Takes::Amount => (amount(random), random.random_bool(0.8)),
        Takes::Items => ("[]".to_owned(), false),
    }
}

fn type_of(labels: &[&str], random: &mut StdRng) -> String {
    names::type_name(labels.choose(random).unwrap(), random)
}

fn choose(texts: &[&str], random: &mut StdRng) -> String {
    (*texts.choose(random).unwrap()).to_owned()
}

/// An id as a text, or as an integer if it looks like one.
fn id(ids: &[&str], random: &mut StdRng) -> (String, bool) {
    let id = choose(ids, random);
    let is_integer = id.parse::<i64>().is_ok_and(|integer| integer.to_string() == id) || id == "-0";
    (id, is_integer && random.random_bool(0.5))
}

/// A text of about so many bytes.
fn long_text(bytes: usize, random: &mut StdRng) -> String {
    let character = *['x', '7', '\u{e9}', '\u{20ac}', '\u{1f600}'].choose(random).unwrap();
    let mut text = character.to_string().repeat(bytes / character.len_utf8());
    while text.len() < bytes {
        text.push('a');
    }
    match random.random_range(0..3) {
        0 => text.push('b'),
        1 => drop(text.pop()),
        _ => {}
    }
    text
}

/// An amount that is valid, and mostly small.
fn amount(random: &mut StdRng) -> String {
    let whole = match random.random_range(0..12) {
        0 => 0,
        1 => random.random_range(0..100_000_000),
        2 => random.random_range(0..=999_999_999_999_u64),
        _ => random.random_range(0..200),
    };
    let decimals = random.random_range(0..8_usize);
    let mut text = whole.to_string();
    if (1..=6).contains(&decimals) && random.random_bool(0.6) {
        let fraction = random.random_range(0..10_u64.pow(u32::try_from(decimals).unwrap()));
        text += &format!(".{fraction:0decimals$}");
    }
    if random.random_bool(0.05) && !text.contains('.') {
        text += ["e0", "e1", "E+2", "e-2", "E-006", "e00"].choose(random).unwrap();
    }
    text
}

/// Any number, as JSON writes it.
pub(crate) fn number(random: &mut StdRng) -> String {
    let odd = choose(ODD_NUMBERS, random);
    if odd == "00" || random.random_bool(0.5) { amount(random) } else { odd }
}

/// Any JSON value.
pub(crate) fn any(style: Style, random: &mut StdRng, depth: usize) -> String {
    match random.random_range(0..if depth == 0 { 6 } else { 8 }) {
        0 => "null".to_owned(),
        1 => ["true", "false"].choose(random).unwrap().to_string(),
        2 => number(random),
        3 => "\"\"".to_owned(),
        4 | 5 => {
            let text = choose([ITEMS, PAGES, PRODUCTS, NO_NUMBERS].choose(random).unwrap(), random);
            style.text(random, &text)
        }
        6 => {
            let elements: Vec<String> =
                (0..random.random_range(0..4)).map(|_| any(style, random, depth - 1)).collect();
            style.array(random, &elements)
        }
        _ => {
            let members: Vec<(String, String)> = (0..random.random_range(0..4))
                .map(|_| (choose(NAMES, random), any(style, random, depth - 1)))
                .collect();
            style.object(random, &members)
        }
    }
}

/// Names that mean nothing, or not at every place.
pub(crate) const NAMES: &[&str] = &[
    "",
    "a",
    "Event",
    "event_types",
    "category_id",
    "brand",
    "key",
    "value",
    "string_value",
    "name",
    "state",
    "previousStatus",
    "event_previous_timestamp",
    "item",
    "a name that is longer than twenty-four bytes",
    "\u{e9}",
    "price ",
    "properties",
    "params",
    "event_params",
    "items",
    "events",
    "page_location",
    "ts",
    "sku",
    "site_id",
];
