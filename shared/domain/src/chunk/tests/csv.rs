//! CSV, and texts in UTF-16.

use crate::chunk::lines::LINE_BYTES_MAX;
use crate::chunk::tests::layouts::rejected;
use crate::chunk::tests::support::{check_outcomes, check_tally, event, read, read_whole, summary};

const TIME: &str = "2026-11-20 23:07:31";

#[test]
fn records_are_counted_with_each_delimiter() {
    for delimiter in [",", ";", "\t"] {
        let text = format!(
            "\u{feff}event_time,event_type,product_id,brand,price,user_id\r\n\
             {TIME},view,7,\"shi{delimiter}s\"\"e\"\"i\r\ndo\",5.00,1\r\n\r\n\
             {TIME} UTC,purchase,7.0,,5.00,2\n,,,,,\n\
             {TIME},purchase,\"7\",x,0.5,2,"
        );
        let text = text.replace("shi,s", "shi|s").replace(',', delimiter).replace("shi|s", "shi,s");
        check_tally(&text, "views 7=1; units 7=2; sales:EUR 7=5.5");
    }
    let comma = format!("timestamp;type;Product ID;Unit Price\n{TIME};order;1,5;19,90\n");
    check_tally(&comma, "units 1,5=1; sales:EUR 1,5=19.9");
}

#[test]
fn a_line_that_is_no_header_is_a_line() {
    let good = event("view", r#""sku":"a""#);
    for text in [
        format!("event\n{good}\n"),
        format!("event price timestamp\n{good}\n"),
        format!("a,b,c\n{good}"),
        format!("\"event,\"price\n{good}"),
        format!("{}event,price\n{good}", " ".repeat(LINE_BYTES_MAX)),
    ] {
        assert_eq!(read_whole(text.as_bytes()).outcomes.counted, 1, "{text:.40}");
        assert_eq!(rejected(text.as_bytes()).len(), 1, "{text:.40}");
    }
}

#[test]
fn good_lines_of_json_are_counted_behind_what_looks_like_a_header() {
    let good = event("view", r#""sku":"a""#);
    let text = format!("event,price\n{good}\n\u{feff}{good}\nview,1\n{good}");
    assert_eq!(rejected(text.as_bytes()), ["4@157 missing:timestamp"]);
    check_tally(&text.replace("view,1\n", ""), "views a=3");
}

#[test]
fn a_bad_record_costs_itself_only() {
    let header = "ts,event,sku\n";
    let good = format!("{TIME},view,a\n");
    for (record, reasons) in [
        (&b"1,view,\xe9\n"[..], vec!["2@13 not_utf8"]),
        (b"1,view,a,x,,\n", vec!["2@13 too_many_cells"]),
        (b"1,view,\"a\n", vec!["2@13 bad_quote"]),
        (b"1,view,\"a\nx\",b,c,d\n", vec!["2@13 too_many_cells", "3@23 too_many_cells"]),
        (b"1,view,\n", vec!["2@13 missing:item_id"]),
        (b"x\n", vec!["2@13 missing:event_type"]),
        (b"\xef\xbb\xbfts,event,sku\r\n", vec![]),
    ] {
        let text = [header.as_bytes(), record, good.as_bytes(), good.as_bytes()].concat();
        assert_eq!(rejected(&text), reasons, "{}", record.escape_ascii());
        assert_eq!(read_whole(&text).outcomes.counted, 2, "{}", record.escape_ascii());
    }
    let long = "x".repeat(LINE_BYTES_MAX);
    for (record, reason) in [
        (format!("{long}x\n"), "2@13 too_long"),
        (format!("1,\"{long}\n"), "2@13 too_long"),
        (format!("1,\"\n{}{good}{good}", &long[..LINE_BYTES_MAX - 60]), "2@13 bad_quote"),
    ] {
        let text = format!("{header}{record}{good}");
        for push_bytes in [5_000, usize::MAX] {
            let count = read(text.as_bytes(), push_bytes).unwrap();
            assert!(count.outcomes.counted >= 1, "{record:.40}");
        }
        assert_eq!(rejected(text.as_bytes())[0], reason, "{record:.40}");
    }
}

#[test]
fn the_text_of_a_rejected_record_is_its_object() {
    let text = "ts,event,sku\n1,view,\n\"1\"\"x\",\"view\",2.0\n";
    let rejected = String::from_utf8(read_whole(text.as_bytes()).rejected).unwrap();
    let lines: Vec<&str> = rejected.lines().collect();
    assert_eq!(
        lines,
        [
            r#"{"line":2,"offset":13,"reason":"missing:item_id","text":"{\"ts\":\"1\",\"event\":\"view\"}"}"#,
            r#"{"line":3,"offset":21,"reason":"invalid:timestamp","text":"{\"ts\":\"1\\\"x\",\"event\":\"view\",\"sku\":\"2\"}"}"#,
        ]
    );
}

#[test]
fn utf16_is_read_like_utf8() {
    let lines =
        format!("{}\r\n[{}]\n", event("view", r#""sku":"żółw 😀""#), event("order", r#""sku":1"#));
    let csv = format!("ts,event,sku\n{TIME},view,é\n{TIME},view,😀");
    for text in [lines, csv] {
        for mark in ["", "\u{feff}"] {
            let expected = summary(&read_whole(text.as_bytes()));
            let units: Vec<u16> = format!("{mark}{text}").encode_utf16().collect();
            let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
            assert_eq!(summary(&read_whole(&little)), expected);
            assert_eq!(summary(&read_whole(&big)), expected);
        }
    }
    check_outcomes("\u{feff}\u{feff}", "0/0/0");
}

#[test]
fn the_object_of_a_record_may_be_longer_than_a_line() {
    let (name, cell) = ("x".repeat(200_000), "y".repeat(100_000));
    let text = format!("event,ts,sku,{name}\nview,1795216051,a,{cell}\n");
    check_tally(&text, "views a=1");
}
