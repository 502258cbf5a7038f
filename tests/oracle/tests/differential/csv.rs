//! Random CSV: a header, and records that fit it more or less.

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

use crate::line::{columns, items, line};
use crate::mutate::mutate;
use crate::value::{Takes, value};
use crate::write::Style;

/// What stands in place of a record at times.
const ODD_RECORDS: &[&str] = &[
    "",
    "\r",
    "  ",
    ",,,",
    ";;",
    "\"",
    "x,\"y",
    "\"a\"b,c",
    "\"a\nb\"c",
    "a,\"b\"\"\nc\",d",
    "\u{feff}",
    "{}",
    "{\"a\":1,",
    "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18",
];

/// What stands in place of a cell at times.
const ODD_CELLS: &[&str] = &[
    "1001.0", "7.00", "0.0", "00.0", "1,5", "-19,90", "1.234,50", "5,", " x ", "\"", "a\"b",
    "\u{a0}", "\t", "null",
];

pub(crate) fn text(random: &mut StdRng) -> Vec<u8> {
    let delimiter = *[",", ",", ";", "\t"].choose(random).unwrap();
    let style = Style::random(random);
    let columns = columns(random);
    let names: Vec<String> =
        columns.iter().map(|(name, _)| quoted(name, delimiter, random)).collect();
    let header = names.join(delimiter).into_bytes();
    let mut text = Vec::new();
    if random.random_bool(0.2) {
        text.extend_from_slice(
            ["\u{feff}", "\n", "\r\n \n\u{feff}"].choose(random).unwrap().as_bytes(),
        );
    }
    text.extend_from_slice(&header);
    let end = if random.random_bool(0.3) { "\r\n" } else { "\n" };
    text.extend_from_slice(end.as_bytes());
    let mutated = *[0.0, 0.0, 0.1, 0.5].choose(random).unwrap();
    for _ in 0..random.random_range(0..60) {
        let mut record = match random.random_range(0..100) {
            0 => header.clone(),
            1 => line(random).into_bytes(),
            2 | 3 => ODD_RECORDS.choose(random).unwrap().as_bytes().to_vec(),
            _ => {
                let cells: Vec<String> = columns
                    .iter()
                    .map(|(_, takes)| {
                        let json = match random.random_range(0..100) {
                            0..3 => {
                                serde_json::to_string(ODD_CELLS.choose(random).unwrap()).unwrap()
                            }
                            3..8 => "\"\"".to_owned(),
                            _ if matches!(takes, Takes::Items) => items(style, random),
                            _ => value(*takes, style, random),
                        };
                        quoted(
                            &serde_json::from_str::<String>(&json).unwrap_or(json),
                            delimiter,
                            random,
                        )
                    })
                    .collect();
                let mut cells = cells.join(delimiter);
                if random.random_bool(0.02) {
                    cells += delimiter;
                }
                cells.into_bytes()
            }
        };
        if random.random_bool(mutated) {
            record = mutate(record, random);
        }
        text.extend_from_slice(&record);
        text.extend_from_slice(end.as_bytes());
    }
    if random.random_bool(0.3) {
        while text.pop_if(|byte| matches!(byte, b'\n' | b'\r')).is_some() {}
    }
    text
}

fn quoted(cell: &str, delimiter: &str, random: &mut StdRng) -> String {
    let needs_quotes = cell.contains(delimiter) || cell.contains(['"', '\n', '\r']);
    if random.random_bool(if needs_quotes { 0.95 } else { 0.1 }) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}
