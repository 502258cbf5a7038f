//! Lines: which are rejected, where they end, and how rejected ones are kept.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::chunk::lines::LINE_BYTES_MAX;
use crate::chunk::tests::support::{check_rejected, check_tally, event, read, read_whole, summary};
use crate::event::reason::Reason;

#[test]
fn lines_that_are_no_events_are_rejected() {
    for (line, reason) in [
        ("x", "not_json"),
        ("{", "not_json"),
        ("{'a':1}", "not_json"),
        ("7", "not_object"),
        (" null ", "not_object"),
        ("\"{}\"", "missing:event_type"),
        ("1,2", "not_json"),
        (&format!("{{\"event\":\"view\",\"a\":{}", "[".repeat(64)), "too_deep"),
        (&format!("{{\"event\":\"view\",\"a\":{}", "[".repeat(63)), "not_json"),
    ] {
        check_rejected(line, reason);
    }
    let deep = format!("{}{}", "[".repeat(63), "]".repeat(63));
    check_tally(&event("view", &format!(r#""sku":"a","x":{deep}"#)), "views a=1");
}

#[test]
fn lines_that_are_not_utf8_are_rejected_before_they_are_read() {
    for line in [
        &b"\xff"[..],
        b"{\"event\":\"\xc3\"}",
        b"{\"event\":\"view\",\"aaaaaaaaaaaaaaaaaaaaa\xc3\":1}",
        b"{\"event\":\"view\",\"x\":\"\xed\xa0\x80\"}",
        b"{\"event\":\"view\",\"x\":\"a\\n\xc0\xaf\"}",
        b"[1,2\xe4",
    ] {
        let count = read_whole(line);
        assert_eq!(count.outcomes.rejected, BTreeMap::from([(Reason::NotUtf8, 1)]), "{line:?}");
    }
    check_tally(&event("view", r#""sku":"żółw 😀","x":"é""#), "views żółw 😀=1");
}

#[test]
fn ends_of_lines_blank_lines_and_a_byte_order_mark_are_read_as_usual() {
    let line = event("view", r#""sku":"a""#);
    let text = format!("\u{feff}{line}\r\n\r\n  \t\n {line} \r\n{line}\n\n{line}");
    assert_eq!(
        summary(&read_whole(text.as_bytes())),
        "4 lines, 4 counted, 0 ignored, 0 duplicate, {}, 4 events\ndefault 2026-11-20T23:07:00Z views a=4\n"
    );
    assert_eq!(
        summary(&read_whole(b"")),
        "0 lines, 0 counted, 0 ignored, 0 duplicate, {}, 0 events\n"
    );
    assert_eq!(
        summary(&read_whole(b" \n\r\n")),
        "0 lines, 0 counted, 0 ignored, 0 duplicate, {}, 0 events\n"
    );
}

#[test]
fn rejected_lines_keep_their_text() {
    let head = "x".repeat(1_023);
    let mut text = format!(
        "{{\"event\":\"purchase\", \"ä\\\\\\\"\t\u{1}\r\n\n{head}ä{}\n",
        "y".repeat(LINE_BYTES_MAX)
    )
    .into_bytes();
    text.extend(b"{\"event\":\"\xff\"}\n\xfe");
    text.extend(vec![b'z'; LINE_BYTES_MAX]);
    text.extend(b"\n 7 \n");
    let rejected = String::from_utf8(read_whole(&text).rejected).unwrap();
    let cut = BASE64_STANDARD.encode([&b"\xfe"[..], &[b'z'; 1_023]].concat());
    assert_eq!(
        rejected,
        format!(
            "{}\n{}\n{}\n{}\n{}\n",
            r#"{"line":1,"offset":0,"reason":"not_json","text":"{\"event\":\"purchase\", \"ä\\\\\\\"\t\u0001"}"#,
            format_args!(
                r#"{{"line":3,"offset":33,"reason":"too_long","text":"{head}","cut":true}}"#
            ),
            r#"{"line":4,"offset":263203,"reason":"not_utf8","base64":"eyJldmVudCI6Iv8ifQ=="}"#,
            format_args!(
                r#"{{"line":5,"offset":263217,"reason":"too_long","base64":"{cut}","cut":true}}"#
            ),
            r#"{"line":6,"offset":525364,"reason":"not_object","text":"7"}"#,
        )
    );
}

#[test]
fn the_longest_line_is_counted() {
    let line = |length: usize| {
        let line = event("view", r#""sku":"a","x":"""#);
        format!("{}{}\"}}", &line[..line.len() - 2], "x".repeat(length - line.len()))
    };
    let text = format!(
        "{}\r\n{}\n{}",
        line(LINE_BYTES_MAX),
        line(LINE_BYTES_MAX + 1),
        line(LINE_BYTES_MAX)
    );
    for push_bytes in [100_000, usize::MAX] {
        let count = read(text.as_bytes(), push_bytes).unwrap();
        assert_eq!((count.outcomes.counted, count.outcomes.rejected_total()), (2, 1));
    }
}
