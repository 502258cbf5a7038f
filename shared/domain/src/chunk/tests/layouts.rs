//! Layouts other than one value a line.

use crate::chunk::lines::LINE_BYTES_MAX;
use crate::chunk::tests::support::{check_tally, event, read, read_whole};

/// `line@offset reason`, for each rejected line.
pub(super) fn rejected(text: &[u8]) -> Vec<String> {
    let count = read_whole(text);
    count
        .rejected
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| {
            let line: serde_json::Value = serde_json::from_slice(line).unwrap();
            format!("{}@{} {}", line["line"], line["offset"], line["reason"].as_str().unwrap())
        })
        .collect()
}

fn view(item: &str) -> String {
    event("view", &format!(r#""sku":"{item}""#))
}

fn pretty(value: &str) -> String {
    let members = value[1..value.len() - 1].replace(",\"", ",\n  \"");
    format!("{{\r\n\t{members}\n}}")
}

#[test]
fn values_are_counted_in_every_layout() {
    let (a, b, c) = (view("a"), view("b}{"), view("c\\\"]"));
    for text in [
        format!("{a}{b}{c}"),
        format!("{a}\\n{b}\\n{c}\\n"),
        format!("{a}\\r\\n{b}\\t{c}"),
        format!("[{a},{b},{c}]"),
        format!(" [ {a} , {b}\n,{c}\n]\n"),
        format!("[\n{a},\n{b},\n{c}\n]"),
        format!("[\n{},\n{},\n{}\n]\n", pretty(&a), pretty(&b), pretty(&c)),
        format!("{}\n{}{}", pretty(&a), pretty(&b), pretty(&c)),
        format!("[[{a}],[]]\n[{b},{c}]"),
        format!("\u{feff}{a}\n\u{feff}{b}\u{feff}\n{c}\n\u{feff}"),
        format!("\u{1e}{a}\n\u{1e}{b}\n\u{1e}{c}\n"),
        format!("{a}\n{b},{}", pretty(&c)),
    ] {
        check_tally(&text, "views a=1 b}{=1 c\"]=1");
    }
}

#[test]
fn a_value_over_lines_has_the_number_of_its_first() {
    let text = format!("[\n{},\n{{\n}},{{}},\n\n{{}}\n", pretty(&view("a")));
    let reasons =
        ["7@84 missing:event_type", "8@88 missing:event_type", "10@93 missing:event_type"];
    assert_eq!(rejected(text.as_bytes()), reasons);
    let count = read_whole(b"{\n \"a\":\r\n1}");
    assert_eq!(
        String::from_utf8(count.rejected).unwrap(),
        "{\"line\":1,\"offset\":0,\"reason\":\"missing:event_type\",\"text\":\"{  \\\"a\\\":\\r 1}\"}\n"
    );
}

#[test]
fn a_broken_value_costs_itself_only() {
    let good = view("a");
    for (text, reasons) in [
        // Up to the brace that closes it.
        (format!("[{{\"}}\":{{\"x\":NaN,\"y\":{{}}}}}},{good}]"), vec!["1@1 not_json"]),
        (format!("{{\"x\":\"5\" pipe\"}}{good}"), vec!["1@0 not_json"]),
        (format!("{{\"x\":{{\"y\":{{\"z\":01}}}}}}{good}"), vec!["1@0 not_json"]),
        (format!("{{\"x\":1,}},{good}"), vec!["1@0 not_json"]),
        (format!("{{\"x\":\"\u{1}\"}},{good}"), vec!["1@0 not_json"]),
        // Up to the end of the line.
        (format!("{{\"x\":{{}},{good}\n{good}"), vec!["1@0 not_json"]),
        (format!("{{\"x\":\n{good}\n{{\"x\":["), vec!["1@0 not_json", "3@77 not_json"]),
        // Only its first line.
        (
            format!("{{\n\"x\":[\n{good},\n1\n"),
            vec!["1@0 not_json", "2@2 not_json", "4@80 not_object"],
        ),
        // What is no value.
        (format!("x {good}\n{good}"), vec!["1@0 not_json"]),
        (format!("}}{good}\n{good}"), vec!["1@0 not_json"]),
        (format!("[null,{good}]"), vec!["1@1 not_object"]),
        (format!("[null, 1 ,\"{{\",{good}]"), vec!["1@1 not_json"]),
        (format!("1x,{good}\n{good}"), vec!["1@0 not_json"]),
        (format!("2026-11-26,{good}\n-1.5e3\r\n{good}"), vec!["1@0 not_json", "2@82 not_object"]),
        (format!("{good}\\x\n"), vec!["1@70 not_json"]),
        (format!("{good}\\"), vec!["1@70 not_json"]),
        (format!("{good}\u{fe}"), vec!["1@70 not_json"]),
    ] {
        let reasons: Vec<String> = reasons.into_iter().map(str::to_owned).collect();
        let counted = text.matches(&good).count() as u64
            - u64::from(
                ["x {", "}{", "1x", "2026", "{\"x\":{}"]
                    .iter()
                    .any(|start| text.starts_with(start)),
            );
        assert_eq!(rejected(text.as_bytes()), reasons, "{text}");
        assert_eq!(read_whole(text.as_bytes()).outcomes.counted, counted, "{text}");
    }
    assert_eq!(rejected(b"[{}\xff]"), ["1@1 missing:event_type", "1@3 not_utf8"]);
    assert_eq!(rejected(b"{}\xef\xbb"), ["1@0 missing:event_type", "1@2 not_utf8"]);
}

#[test]
fn a_value_that_is_too_long_is_rejected_alone() {
    let long = event("view", &format!(r#""sku":"a","x":"{}""#, "}".repeat(LINE_BYTES_MAX)));
    let spread =
        event("view", &format!(r#""sku":"a","x":[{}0]"#, "{},\n".repeat(LINE_BYTES_MAX / 4)));
    let (cut_long, cut_spread) = (&long[..LINE_BYTES_MAX + 10], &spread[..LINE_BYTES_MAX + 10]);
    let broken = long.replace("\"}", "\" }");
    for (text, reasons) in [
        (format!("[{long},{}]", view("a")), "1@1 too_long"),
        (format!("{long}\n{}", view("a")), "1@0 too_long"),
        (format!("[\n{},\n{}]\n", spread, view("a")), "2@2 too_long"),
        (format!("{}}}{}", broken.replace("\" }", "\"x{}"), view("a")), "1@0 too_long"),
        (format!("{cut_long}\n{}", view("a")), "1@0 too_long"),
        (format!("{cut_spread}x\n{}", view("a")), "1@0 too_long"),
        (format!("x{cut_long}\n{}", view("a")), "1@0 too_long"),
    ] {
        for push_bytes in [10_000, usize::MAX] {
            let count = read(text.as_bytes(), push_bytes).unwrap();
            assert_eq!(count.outcomes.counted, 1, "{text:.80} {push_bytes}");
        }
        assert_eq!(rejected(text.as_bytes()), [reasons], "{text:.80}");
    }
}

#[test]
fn the_longest_value_is_counted_in_an_array() {
    let value = |bytes: usize| {
        let start = view("a");
        format!("{},\"x\":\"{}\"}}", &start[..start.len() - 1], "x".repeat(bytes - start.len() - 7))
    };
    let text = format!(
        "[{},\n{},{}]",
        value(LINE_BYTES_MAX),
        value(LINE_BYTES_MAX + 1),
        value(LINE_BYTES_MAX)
    );
    for push_bytes in [10_000, usize::MAX] {
        let count = read(text.as_bytes(), push_bytes).unwrap();
        assert_eq!((count.outcomes.counted, count.outcomes.rejected_total()), (2, 1));
    }
}

#[test]
fn lines_before_and_after_other_layouts_are_read() {
    let (a, odd) = (view("a"), pretty(&view("a")));
    let text =
        [&a, &a, &odd, &a, "", &odd, "x", &a, &a, "[", &a, "]", &a].map(|part| format!("{part}\n"));
    assert_eq!(rejected(text.concat().as_bytes()), ["15@376 not_json"]);
    check_tally(&text.concat().replace("x\n", ""), "views a=9");
}
