//! Times in all forms, valid and not.

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::{IndexedMutRandom as _, IndexedRandom as _};

use crate::chunk::REFERENCE_SECONDS;
use crate::value::number;

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

pub(crate) fn time(is_odd: bool, random: &mut StdRng) -> (String, bool) {
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
