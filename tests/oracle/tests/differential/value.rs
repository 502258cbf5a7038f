//! Values of the fields: mostly valid ones of a few, so that they meet again, and odd ones.

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::{IndexedMutRandom as _, IndexedRandom as _};

use crate::chunk::REFERENCE_SECONDS;
use crate::names;
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
const TYPES: &[&str] = &["view", "cart add", "removal", "purchase", "purchase", "refund"];
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

/// Local times at which the clocks of some zones change, and how far around them, in seconds.
const CHANGES: &[(&str, i64)] = &[
    ("2026-03-29T02:00:00Z", 7_200),
    ("2026-10-25T02:00:00Z", 7_200),
    ("2026-03-08T02:00:00Z", 7_200),
    ("2026-11-01T01:00:00Z", 7_200),
    ("2026-04-05T01:30:00Z", 3_600),
    ("2026-10-04T02:00:00Z", 3_600),
    ("2018-11-04T00:00:00Z", 7_200),
    ("2018-02-17T23:00:00Z", 7_200),
    ("2011-12-30T12:00:00Z", 60_000),
    ("1972-01-07T00:30:00Z", 7_200),
    ("1970-01-01T00:00:00Z", 40_000),
];

fn time(is_odd: bool, random: &mut StdRng) -> (String, bool) {
    if random.random_bool(0.05) {
        let (change, around) = CHANGES.choose(random).unwrap();
        let change = change.parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp();
        let seconds = change + random.random_range(-around..*around);
        return if random.random_bool(0.1) {
            (array(seconds, false, random), true)
        } else {
            (local_time(seconds, random), false)
        };
    }
    let past = match random.random_range(0..20) {
        0 => random.random_range(0..2_000_000_000_i64),
        1 => random.random_range(0..40 * 86_400),
        2 => random.random_range(-605..-590),
        _ => random.random_range(-300..300),
    };
    let seconds = if is_odd {
        random.random_range(-90_000_000_000..300_000_000_000)
    } else {
        REFERENCE_SECONDS - past
    };
    match random.random_range(0..10) {
        0..5 => (date_and_time(seconds, is_odd, random), false),
        5 => (other_time(seconds, is_odd, random), false),
        6..9 => (epoch(seconds, random), random.random_bool(0.8)),
        _ => (array(seconds, is_odd, random), true),
    }
}

fn epoch(seconds: i64, random: &mut StdRng) -> String {
    let fraction = random.random_range(0..1_000_000_i64);
    match random.random_range(0..8) {
        0..3 => seconds.to_string(),
        3 => format!("{seconds}{:03}", fraction / 1_000),
        4 => format!("{seconds}{fraction:06}"),
        5 => format!("{seconds}.{fraction:06}{fraction}"),
        6 => format!(
            "{}.{}e{}",
            seconds / 1_000_000,
            seconds.rem_euclid(1_000_000),
            ["6", "+9", "12", "06"].choose(random).unwrap()
        ),
        _ => number(random),
    }
}

fn array(seconds: i64, is_odd: bool, random: &mut StdRng) -> String {
    let time = chrono::DateTime::from_timestamp(seconds, 0).unwrap();
    let mut numbers: Vec<String> =
        time.format("%-Y %-m %-d %-H %-M %-S").to_string().split(' ').map(str::to_owned).collect();
    numbers.push(random.random_range(0..1_000_000_000).to_string());
    numbers.truncate(random.random_range(if is_odd { 0..8 } else { 5..8 }));
    if is_odd && let Some(place) = numbers.choose_mut(random) {
        *place = [
            "-1",
            "0",
            "13",
            "32",
            "60",
            "1000000000",
            "2.0",
            "1e1",
            "\"1\"",
            "null",
            "-0",
            "4294967296",
            "[]",
        ]
        .choose(random)
        .unwrap()
        .to_string();
    }
    format!("[{}]", numbers.join(","))
}

const ZONES: &[&str] = &[
    "", "Z", "z", "UTC", "+00:00", "+01", "-0330", "+05:30", "-00:00", " Z", " UTC", " +01:00",
    "+23:59", "-23:59",
];
const ODD_ZONES: &[&str] = &[
    "utc",
    " ",
    "  Z",
    "+1",
    "+24:00",
    "+01:60",
    "+01:",
    "+010",
    "+01:0",
    "GMT",
    "\u{2212}01:00",
    "Zz",
    "+0a",
    "+01-30",
    "Z ",
    "+01:00:00",
    "UTC+1",
    "z\u{0}",
];

fn date_and_time(seconds: i64, is_odd: bool, random: &mut StdRng) -> String {
    let time = chrono::DateTime::from_timestamp(seconds, 0).unwrap();
    let separator = ["T", "T", "T", "t", " "].choose(random).unwrap();
    let mut text = time.format(&format!("%Y-%m-%d{separator}%H:%M")).to_string();
    if random.random_bool(0.9) {
        text += &match random.random_range(0..30) {
            0 => ":60".to_owned(),
            1 if is_odd => ":61".to_owned(),
            _ => time.format(":%S").to_string(),
        };
        if random.random_bool(0.4) {
            let digits = random.random_range(1..13);
            let fraction: u64 = random.random();
            text += &format!(".{}", &format!("{fraction:020}")[20 - digits..]);
        }
    }
    let zones = if is_odd && random.random_bool(0.5) { ODD_ZONES } else { ZONES };
    // Another zone moves an event by hours, which may be into the future.
    text += match random.random_range(0..20) {
        0..12 => "Z",
        12..14 => "",
        _ => zones.choose(random).unwrap(),
    };
    if is_odd && random.random_bool(0.5) {
        let character = ["0", "9", "-", ":", "T", " ", ".", "\u{665}", "+"].choose(random).unwrap();
        let place = random.random_range(0..text.len());
        if text.is_char_boundary(place) && text.is_char_boundary(place + 1) {
            text.replace_range(place..=place, character);
        }
    }
    text
}

/// A time that names no zone.
fn local_time(seconds: i64, random: &mut StdRng) -> String {
    let time = chrono::DateTime::from_timestamp(seconds, 0).unwrap();
    let formats = [
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M:%S.25",
        "%Y-%m-%dT%H:%M:%S,5",
        "%Y-%m-%d",
        "%Y%m%dT%H%M%S",
        "%m/%d/%Y %H:%M:%S",
        "%-m/%-d/%Y %-I:%M:%S %p",
    ];
    time.format(formats.choose(random).unwrap()).to_string()
}

/// A time in one of the forms that are written out in ISO 8601.
fn other_time(seconds: i64, is_odd: bool, random: &mut StdRng) -> String {
    let time = chrono::DateTime::from_timestamp(seconds, 0).unwrap();
    let offset = *["GMT", "UTC", "UT", "Z", "+0000", "-0130", "+2359"].choose(random).unwrap();
    let fraction: u32 = random.random_range(0..1_000_000_000);
    let format = match random.random_range(0..12) {
        0 => return format!("{seconds}{fraction:09}"),
        1 => {
            return format!("/Date({}{})/", seconds * 1_000, ["", "+0100"].choose(random).unwrap());
        }
        2 => "%Y-%m-%d".to_owned(),
        3 => format!("%Y%m%dT%H%M%S.{fraction}Z"),
        4 => format!("%Y%m%dT%H%M%S{}", ["", "Z", "+01", "-0130"].choose(random).unwrap()),
        5 => format!("%Y-%m-%dT%H:%M:%S,{fraction}{}", ["", "Z", " GMT"].choose(random).unwrap()),
        6 => "%Y-%m-%d %H:%M:%S GMT".to_owned(),
        7 => "%Y-%m-%dT%H:%M:%S+00:00[Europe/London]".to_owned(),
        8 => format!("%a, %-d %b %Y %H:%M:%S {offset}"),
        9 => format!("%d %b %Y %H:%M {offset}"),
        10 => "%d/%b/%Y:%H:%M:%S +0000".to_owned(),
        _ => ["%m/%d/%Y %H:%M", "%-m/%-d/%Y %-I:%M:%S %p", "%m/%d/%Y %I:%M %P"]
            .choose(random)
            .unwrap()
            .to_string(),
    };
    let mut text = time.format(&format).to_string();
    if is_odd && random.random_bool(0.5) {
        let character = ["0", "9", "-", ":", "T", " ", ".", "/", ",", "+", "a", "[", "]"]
            .choose(random)
            .unwrap();
        let place = random.random_range(0..text.len());
        text.replace_range(place..=place, character);
    }
    text
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
