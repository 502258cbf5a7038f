//! Tests of the scanner against serde_json, which shares no code with it.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;
use crate::event::rules::RULES;

fn slot_of(name: &[u8]) -> u8 {
    (RULES.slots_of)(name).event
}

pub(super) fn memory() -> Memory {
    Memory::new(RULES.slots_of)
}

/// Scans a line twice, the second time with all of its names cached.
fn scan(line: &str) -> Result<bool, ScanError> {
    let mut memory = memory();
    let bytes = line.as_bytes();
    let first = Scanner::new(bytes, &mut memory).line(|_, _| {});
    let second = Scanner::new(bytes, &mut memory).line(|_, _| {});
    assert_eq!(first, second, "{line}");
    // The bytes after the line must not change the result.
    for after in [
        "\n",
        "\n{\"a\":1}\n",
        "\n}}}}}}}}}]]]]]]]]]\"\"\"\"\"\"\"\"\"",
        "\r\n,\"timestamp\":1}      ",
    ] {
        let padded = format!("{line}{after}");
        assert_eq!(Scanner::new(padded.as_bytes(), &mut memory).line(|_, _| {}), first, "{padded}");
    }
    first
}

/// The members as (slot, kind, bytes), with the names cached by an earlier scan.
fn members(line: &str) -> Vec<(u8, Kind, String)> {
    let mut memory = memory();
    let mut found = Vec::new();
    for _ in 0..2 {
        found.clear();
        let taken = Scanner::new(line.as_bytes(), &mut memory).line(|slots, raw| {
            let text = String::from_utf8_lossy(raw.of(line.as_bytes())).into_owned();
            found.push((slots.event, raw.kind(), text));
        });
        assert_eq!(taken, Ok(true), "{line}");
    }
    found
}

/// The members of a line, or its error, scanned with this cache of names.
fn taken(line: &str, memory: &mut Memory) -> (Result<bool, ScanError>, Vec<(u8, String)>) {
    let mut found = Vec::new();
    let result = Scanner::new(line.as_bytes(), memory).line(|slots, raw| {
        found.push((slots.event, String::from_utf8_lossy(raw.of(line.as_bytes())).into_owned()));
    });
    (result, found)
}

#[test]
fn names_that_were_cached_with_other_space_around_them_are_recognized() {
    let mut memory = memory();
    for line in [
        r#"{"event": "a", "ts": 1}"#,
        r#"{"event":"a","ts":1}"#,
        r#"{"event": "a", "ts" : 1}"#,
        r#"{ "event":  "a","ts":  1 }"#,
    ] {
        for _ in 0..3 {
            let (result, members) = taken(line, &mut memory);
            assert_eq!((result, members.len()), (Ok(true), 2), "{line}");
        }
    }
}

#[test]
fn members_are_found_with_their_kinds() {
    let line = r#" { "ts" : 12 ,"price":1.5e3,"page":"a\/b","url":"","sku":"x","x":{"ts":[1]},"items":[{}],"products":[ ],"event":true,"type":null,"event_\u0069d":-0 } "#;
    let found: Vec<_> = members(line)
        .into_iter()
        .map(|(slot, kind, text)| format!("{slot} {kind:?} {text}"))
        .collect();
    let slot = |name: &str| slot_of(name.as_bytes());
    assert_eq!(
        found,
        [
            format!("{} Integer 12", slot("ts")),
            format!("{} Decimal 1.5e3", slot("price")),
            format!("{} EscapedText a\\/b", slot("page")),
            format!("{} EmptyText ", slot("url")),
            format!("{} Text x", slot("sku")),
            format!("{NO_SLOT} Object {{\"ts\":[1]}}"),
            format!("{} Array [{{}}]", slot("items")),
            format!("{} EmptyArray [ ]", slot("products")),
            format!("{} Boolean true", slot("event")),
            format!("{} Null null", slot("type")),
            format!("{} Integer -0", slot("event_id")),
        ]
    );
}

#[test]
fn names_with_the_same_beginning_are_distinguished() {
    for separator in ["", " "] {
        let names = [
            "event_type",
            "event_time",
            "event_id",
            "event",
            "event_name",
            "event_timestamp",
            "e",
            "items",
            "item_id",
        ];
        let body: Vec<_> = names.iter().map(|name| format!("\"{name}\":{separator}1")).collect();
        let line = format!("{{{}}}", body.join(&format!(",{separator}")));
        let slots: Vec<_> = members(&line).into_iter().map(|(slot, _, _)| slot).collect();
        let expected: Vec<_> = names.iter().map(|name| slot_of(name.as_bytes())).collect();
        assert_eq!(slots, expected);
    }
}

#[test]
fn long_names_are_told_apart_by_all_of_their_bytes() {
    let long = "original_timestamp_of_it";
    let mut memory = memory();
    let slots = (RULES.slots_of)(b"original_timestamp");
    for _ in 0..3 {
        for (name, is_it) in [
            ("original_timestamp______", true),
            ("original_timestamp_____s", false),
            ("original_timestamp_______________________________________", true),
            ("original_timestamp", true),
            (long, false),
        ] {
            let line = format!("{{\"a\":{{\"{name}\":1,\"{name}\":2}}}}");
            let mut object = Raw::NULL;
            let scanned =
                Scanner::new(line.as_bytes(), &mut memory).line(|_, value| object = value);
            assert_eq!(scanned, Ok(true));
            let mut within = memory.tape.within(object);
            let members: Vec<Node> = std::iter::from_fn(|| within.next(&memory.tape)).collect();
            assert_eq!(members.len(), 2);
            assert!(members.iter().all(|member| (member.slots == slots) == is_it), "{name}");
        }
    }
}

#[test]
fn names_that_begin_alike_and_those_of_rich_objects_are_looked_up_once() {
    static LOOKED_UP: AtomicUsize = AtomicUsize::new(0);
    fn slots_of(_: &[u8]) -> Slots {
        LOOKED_UP.fetch_add(1, Ordering::Relaxed);
        Slots::NONE
    }
    let contexts = ["page", "cart", "refund", "checkout_step", "transaction", "user"]
        .map(|name| format!("contexts_com_snowplowanalytics_snowplow_ecommerce_{name}_1"));
    let mut names: Vec<String> = (0..250).map(|number| format!("member_{number}")).collect();
    names.extend(contexts);
    let mut memory = Memory::new(slots_of);
    for _ in 0..2 {
        names.reverse();
        let members: Vec<_> = names.iter().map(|name| format!("\"{name}\":1")).collect();
        let line = format!("{{\"first\":1,{}}}", members.join(","));
        assert_eq!(Scanner::new(line.as_bytes(), &mut memory).line(|_, _| {}), Ok(true));
    }
    assert_eq!(LOOKED_UP.load(Ordering::Relaxed), names.len() + 1);
}

#[test]
fn a_cached_name_does_not_replace_a_missing_comma() {
    let mut memory = memory();
    let mut scan = |line: &str| Scanner::new(line.as_bytes(), &mut memory).line(|_, _| {});
    assert_eq!(scan(r#"{"timestamp":1,"event_type":"view","customer_id":"c"}"#), Ok(true));
    assert_eq!(scan(r#"{"event_type":"view","timestamp":1,"customer_id":"c"}"#), Ok(true));
    assert_eq!(
        scan(r#"{"event_type":"view""timestamp":1,"customer_id":"c"}"#),
        Err(ScanError::NotJson)
    );
    assert_eq!(
        scan(r#"{,"timestamp":1,"customer_id":"c"}                  "#),
        Err(ScanError::NotJson)
    );
    assert_eq!(
        scan(r#"{"timestamp":1,"customer_id":}                       "#),
        Err(ScanError::NotJson)
    );
    assert_eq!(
        scan(r#"{"timestamp":1,,"customer_id":1}                     "#),
        Err(ScanError::NotJson)
    );
}

#[test]
fn every_control_character_and_every_escape_is_checked_at_every_offset() {
    for padding in 0..20 {
        let pad = "x".repeat(padding);
        for byte in 0..0x80_u8 {
            let character = char::from(byte);
            if character == '\n' {
                continue;
            }
            for line in [
                format!("{{\"{pad}{character}{pad}\":1}}"),
                format!("[\"{pad}{character}{pad}\"]"),
                format!("[\"{pad}\\{character}{pad}\"]"),
            ] {
                let expected = serde_json::from_str::<serde_json::Value>(&line).is_ok();
                assert_eq!(scan(&line).is_ok(), expected, "{line:?}");
            }
        }
    }
}

#[test]
fn half_a_surrogate_pair_is_no_character() {
    for (text, valid) in [
        (r"\ud83d\ude00", true),
        (r"\uD83D\uDE00", true),
        (r"\ud83d", true),
        (r"\ude00", true),
        (r"\ud83dx", true),
        (r"\ud83d\u0041", true),
        (r"\ud83d\ud83d", true),
        (r"\ud83d\n", true),
        (r"\udbff\udfff", true),
        (r"\u0000\uffff\ud7ff\ue000", true),
        (r"\u00g0", false),
        (r"\u+123", false),
        (r"\u12", false),
    ] {
        assert_eq!(scan(&format!("[\"{text}\"]")).is_ok(), valid, "{text}");
        assert_eq!(scan(&format!("{{\"{text}\":1}}")).is_ok(), valid, "{text}");
    }
    for (text, unescaped) in [
        (r"\ud83d", "\u{fffd}"),
        (r"\ud83d\ud83d\ude00x\ude00", "\u{fffd}😀x\u{fffd}"),
        (r"\ud83d\u0041", "\u{fffd}A"),
        (r"\ud83d\n", "\u{fffd}\n"),
    ] {
        let mut out = Vec::new();
        unescape(text.as_bytes(), &mut out);
        assert_eq!(String::from_utf8(out).as_deref(), Ok(unescaped), "{text}");
    }
    let mut out = Vec::new();
    unescape(r#"\ud83d\ude00\u00e9\n\"\\\/\b\f\r\tä"#.as_bytes(), &mut out);
    assert_eq!(String::from_utf8(out).as_deref(), Ok("😀é\n\"\\/\u{8}\u{c}\r\tä"));
}

#[test]
fn up_to_64_objects_and_arrays_may_be_nested() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("{\"ts\":[", "]}")] {
        let width = open.matches(['[', '{']).count();
        let nested = |depth: usize, inner: &str| {
            let times = depth / width;
            format!("{}{inner}{}", open.repeat(times), close.repeat(times))
        };
        assert!(scan(&nested(64, "1")).is_ok());
        assert_eq!(scan(&nested(66, "1")), Err(ScanError::TooDeep));
        // The first of the two errors counts.
        assert_eq!(scan(&nested(64, "[]")), Err(ScanError::TooDeep));
        assert_eq!(scan(&nested(64, "x")), Err(ScanError::NotJson));
        assert_eq!(scan(&open.repeat(100_000)), Err(ScanError::TooDeep));
    }
    assert_eq!(scan(&format!("{}x", "[".repeat(64))), Err(ScanError::NotJson));
    assert_eq!(scan(&format!("{}x", "[".repeat(65))), Err(ScanError::TooDeep));
}

#[test]
fn texts_that_may_exceed_ascii_are_noticed() {
    for padding in 0..20 {
        let pad = "x".repeat(padding);
        for line in [
            format!("{{\"{pad}é\":1}}"),
            format!("{{\"a\":\"{pad}é\"}}"),
            format!("{{\"a\":[{{\"b\":\"{pad}é\\n\"}}]}}"),
        ] {
            let mut memory = memory();
            for _ in 0..3 {
                let mut scanner = Scanner::new(line.as_bytes(), &mut memory);
                assert_eq!(scanner.line(|_, _| {}), Ok(true));
                assert!(scanner.may_exceed_ascii(), "{line}");
            }
        }
    }
}

#[test]
fn numbers_are_json_numbers() {
    for (text, valid) in [
        ("0", true),
        ("-0", true),
        ("10", true),
        ("1e5", true),
        ("1E+5", true),
        ("1.25e-5", true),
        ("", false),
        ("-", false),
        ("01", false),
        ("1.", false),
        (".5", false),
        ("+1", false),
        ("1e", false),
        ("1e+", false),
        ("1 ", false),
        ("1x", false),
        ("0x1", false),
        ("NaN", false),
        ("1_000", false),
    ] {
        assert_eq!(is_number(text.as_bytes()), valid, "{text}");
        if !text.ends_with(' ') {
            assert_eq!(scan(&format!("[{text}]")).is_ok(), valid || text.is_empty(), "{text}");
        }
    }
}

pub(super) fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let name = prop_oneof![
        proptest::sample::select(vec![
            "event_type",
            "timestamp",
            "price",
            "items",
            "properties",
            "ts"
        ])
        .prop_map(String::from),
        "[a-zé\\\\\"\u{1}😀]{0,12}",
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        (-1e9..1e9).prop_map(serde_json::Value::from),
        "[ -~]{0,20}".prop_map(serde_json::Value::from),
        "\\PC{0,10}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            proptest::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Compares with serde_json, except for the differences: line feeds end our lines, and serde_json
/// rejects numbers out of the range of floats.
fn check_like_serde_json(line: &str) {
    if line.contains('\n') {
        return;
    }
    // Raw text may have numbers of any size and halves of surrogate pairs.
    let expected = serde_json::from_str::<&serde_json::value::RawValue>(line).ok();
    assert_eq!(scan(line).ok(), expected.map(|value| value.get().starts_with('{')), "{line}");
}

proptest! {
    #[test]
    fn earlier_lines_change_nothing(
        lines in prop::collection::vec(
            prop::collection::vec(
                (
                    prop::sample::select(vec!["event", "ts", "item_id", "e", "event_type", "price", "a_name_too_long_for_it"]),
                    prop::sample::select(vec!["", " ", "\t", "  "]),
                    prop::sample::select(vec!["", " ", "  "]),
                    prop::sample::select(vec!["1", "\"x\"", "null", "[1]", "{}", "", "-1.5", "\"\"", ","]),
                ),
                0..5,
            ),
            1..12,
        ),
    ) {
        let mut known = memory();
        for members in lines {
            let written: Vec<String> = members
                .iter()
                .map(|(name, before, after, value)| format!("{before}\"{name}\"{after}:{before}{value}{after}"))
                .collect();
            let line = format!("{{{}}}", written.join(","));
            prop_assert_eq!(taken(&line, &mut known), taken(&line, &mut memory()), "{}", line);
        }
    }

    #[test]
    fn accepts_what_serde_json_writes(value in any_json()) {
        check_like_serde_json(&value.to_string());
    }

    #[test]
    fn accepts_the_same_broken_lines_as_serde_json(
        value in any_json(),
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), 0..3_u8, any::<proptest::sample::Index>()), 1..4),
    ) {
        const INSERTS: &[&str] = &["\"", "\\", "{", "}", "[", "]", ",", ":", " ", "\t", "\r", "0", "1", "-", ".", "e", "é",
            "\u{1}", "\\u", "\\ud83d", "\\ude00", "null", "true", "a", "\u{b}", "\u{a0}", "\u{feff}"];
        let mut characters: Vec<String> = value.to_string().chars().map(String::from).collect();
        for (at, edit, insert) in edits {
            let position = at.index(characters.len());
            let inserted = insert.get(INSERTS).to_string();
            match edit {
                0 => { characters.remove(position); }
                1 => characters.insert(position, inserted),
                _ => characters[position] = inserted,
            }
            if characters.is_empty() {
                break;
            }
        }
        check_like_serde_json(&characters.concat());
    }

    #[test]
    fn accepts_the_same_tokens_as_serde_json(
        tokens in proptest::collection::vec(proptest::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"a\"", "\"timestamp\"", "1", "-0.5e1", "null", "true", "false", " ", "\r", "\"",
        ]), 0..12),
    ) {
        check_like_serde_json(&tokens.concat());
    }

    #[test]
    fn cached_names_of_other_lines_change_nothing(
        lines in proptest::collection::vec((any_json(), any::<bool>(), any::<proptest::sample::Index>(), 0..4_u8), 1..20),
    ) {
        let mut known = memory();
        for (value, spaced, at, edit) in lines {
            let value = serde_json::json!({"event": 1, "page": value.clone(), "ts": "x", "url": [value]});
            let mut line = value.to_string();
            if spaced {
                line = serde_json::to_string_pretty(&value).expect("a value").replace('\n', "");
            }
            let mut characters: Vec<char> = line.chars().collect();
            let position = at.index(characters.len());
            match edit {
                0 => { characters.remove(position); }
                1 => characters.insert(position, ','),
                2 => characters.insert(position, ' '),
                _ => {}
            }
            let line: String = characters.into_iter().collect();
            let mut expected = Vec::new();
            let fresh = Scanner::new(line.as_bytes(), &mut memory())
                .line(|slots, raw| expected.push((slots, raw.of(line.as_bytes()))));
            let mut found = Vec::new();
            let taken = Scanner::new(line.as_bytes(), &mut known)
                .line(|slots, raw| found.push((slots, raw.of(line.as_bytes()))));
            prop_assert_eq!(taken, fresh, "{}", line);
            prop_assert_eq!(taken.is_ok(), serde_json::from_str::<serde_json::Value>(&line).is_ok(), "{}", line);
            if taken.is_ok() {
                prop_assert_eq!(found, expected, "{}", line);
            }
        }
    }

    #[test]
    fn reads_texts_as_serde_json_does(text in "\\PC{0,40}", escaped in any::<bool>()) {
        let mut json = serde_json::Value::from(text.clone()).to_string();
        if escaped {
            json = json.chars().map(|character| match character {
                '"' | '\\' => character.to_string(),
                _ if json.contains('\\') => character.to_string(),
                _ => character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04X}")).collect(),
            }).collect();
        }
        let line = format!("{{\"event\":{json}}}");
        let found = members(&line);
        let (_, kind, raw) = &found[0];
        let mut read = Vec::new();
        match kind {
            Kind::EscapedText => unescape(raw.as_bytes(), &mut read),
            _ => read.extend_from_slice(raw.as_bytes()),
        }
        prop_assert_eq!(String::from_utf8(read).ok(), Some(text));
    }
}
