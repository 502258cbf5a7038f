//! Lines: their ends, lengths and what makes them JSON.

use super::*;

#[test]
fn lf_crlf_no_final_newline_and_byte_order_mark() {
    check(format!("{VIEW}\n{VIEW}\n"), "c2 e2 | views 11:07 1=2");
    check(format!("{VIEW}\r\n{VIEW}\r\n"), "c2 e2 | views 11:07 1=2");
    check(format!("{VIEW}\n{VIEW}"), "c2 e2 | views 11:07 1=2");
    check(format!("\u{feff}{VIEW}\n{VIEW}"), "c2 e2 | views 11:07 1=2");
    check(format!("{VIEW}\n\u{feff}{VIEW}"), "c2 e2 | views 11:07 1=2");
    check(format!("\u{feff}\u{feff}{VIEW}"), "c1 e1 | views 11:07 1=1");
}

#[test]
fn a_carriage_return_elsewhere_is_white_space() {
    check(format!("{VIEW}\r"), "c1 e1 | views 11:07 1=1");
    check(format!("{VIEW}\r\r\n"), "c1 e1 | views 11:07 1=1");
    check(format!("{VIEW}\r{VIEW}\n"), "c2 e2 | views 11:07 1=2");
    check("x\ry\n", "not_json@1 | ");
}

#[test]
fn blank_lines_are_in_no_count_but_line_numbers_go_on() {
    check("", " | ");
    check("\n \r\n\t\r\r\n\n", " | ");
    check(format!("\n \t\r\n\n{VIEW}\nx\n\n"), "c1 e1 not_json@5 | views 11:07 1=1");
    check("\u{feff}\n", " | ");
    assert_eq!(count("\n\u{feff}\nx").lines, 1);
    check(" ".repeat(300_000), " | ");
    check("\u{b}\n\u{a0}", "not_json@1 not_json@2 | ");
}

#[test]
fn too_long() {
    let of_length =
        |length: usize| VIEW.replacen(',', &format!(",{}", " ".repeat(length - VIEW.len())), 1);
    let (longest, longer) = (of_length(262_144), of_length(262_145));
    check(&longest, "c1 e1 | views 11:07 1=1");
    check(format!("  \u{feff}{longest} \r\n"), "c1 e1 | views 11:07 1=1");
    check(format!("{longer}\n{VIEW}"), "c1 e1 too_long@1 | views 11:07 1=1");
    check(format!("[{longer},{VIEW}]"), "c1 e1 too_long@1 | views 11:07 1=1");
    let spread = longer.replace(", ", ",\n");
    check(format!("[{spread},\n{VIEW},x]"), "c1 e1 too_long@1 not_json@3 | views 11:07 1=1");
    // The length is looked at first.
    check(vec![0xff; 262_145], "too_long@1 | ");
    check("x".repeat(262_145), "too_long@1 | ");
    check(format!("{{{}\n{VIEW}", "x".repeat(262_144)), "c1 e1 too_long@1 | views 11:07 1=1");
}

#[test]
fn not_utf8() {
    check(b"{\"event\":\"view\",\"ts\":1,\"item_id\":\"\xff\"}", "not_utf8@1 | ");
    check(
        b"\xc0\xaf\n\xed\xa0\x80\n\xf4\x90\x80\x80\n\xe2\x82",
        "not_utf8@1 not_utf8@2 not_utf8@3 not_utf8@4 | ",
    );
    // UTF-8 is looked at before JSON.
    check(b"{{{\xff", "not_utf8@1 | ");
}

#[test]
fn not_json() {
    for text in [
        "x",
        "{",
        "{\"a\":1",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":NaN}",
        "{\"a\":\"\u{1}\"}",
        "{\"a\":1,}",
    ] {
        check(text, "not_json@1 | ");
    }
}

#[test]
fn half_of_a_surrogate_pair_is_read_as_u_fffd() {
    for (id, key) in [
        (r"\ud800x", "\u{fffd}x"),
        (r"x\uDC00", "x\u{fffd}"),
        (r"\udc00\ud800", "\u{fffd}\u{fffd}"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}\u{1f600}"),
        (r"\\ud800", r"\ud800"),
    ] {
        check(
            line(&format!(r#""event":"view","item_id":"{id}""#)),
            &format!("c1 e1 | views 11:07 {key}=1"),
        );
    }
    // Such a name is unknown.
    check(line(r#""event":"view","item_id\ud800":2,"sku":1"#), "c1 e1 | views 11:07 1=1");
    check(r#"{"a":"\ud80"}"#, "not_json@1 | ");
}

#[test]
fn too_deep() {
    let nested = |levels: usize| {
        line(&format!(
            r#""event":"view","item_id":1,"x":{}{}"#,
            "[".repeat(levels),
            "]".repeat(levels)
        ))
    };
    check(nested(63), "c1 e1 | views 11:07 1=1");
    check(nested(64), "too_deep@1 | ");
    check(format!("{{\"a\":x{}", "[".repeat(70)), "not_json@1 | ");
    check(format!("{{\"a\":{}x", "[".repeat(70)), "too_deep@1 | ");
    check(format!("{}{}", "[".repeat(65), "]".repeat(65)), " | ");
}

#[test]
fn not_object() {
    for text in ["1", "null", "\"x\"", "[-0.5]", "true"] {
        check(text, "not_object@1 | ");
    }
}

#[test]
fn too_large() {
    // 1 MiB at most is inherited: by 1,000 elements 1,048 bytes each.
    let inherited = |bytes: usize| {
        let elements = vec!["{}"; 1_000].join(",");
        let whole = |padding: &str| {
            line(&format!(r#""event":"view","item_id":1,"x":"{padding}","events":[{elements}]"#))
        };
        let own = whole("").len() - elements.len() - "[]\n".len();
        whole(&"x".repeat(bytes - own))
    };
    check(inherited(1_048), "c1000 e1000 | views 11:07 1=1000");
    check(inherited(1_049), "too_large@1 | ");
    // White space around an object is none of it, behind a header of CSV either.
    let behind_header = format!("page_url;item_id\n{}\r", inherited(1_048).trim_end());
    check(behind_header, "c1000 e1000 | views 11:07 1=1000");
}

#[test]
fn of_a_name_that_stands_twice_the_last_value_counts() {
    check(line(r#""event":"view","item_id":1,"item_id":2"#), "c1 e1 | views 11:07 2=1");
    check(line(r#""event":"view","item_id":1,"item\u005fid":2"#), "c1 e1 | views 11:07 2=1");
    check(
        line(r#""event":"view","product_id":3,"item_id":1,"item_id":null"#),
        "c1 e1 | views 11:07 1=1",
    );
    check(line(r#""event":"view","itemId":1,"ITEM-ID":2"#), "c1 e1 | views 11:07 2=1");
    check(
        line(r#""event":"view","properties":{"item_id":1},"properties":7"#),
        "c1 e1 | views 11:07 1=1",
    );
}

#[test]
fn values_in_other_layouts_than_lines() {
    let three = "c3 e3 | views 11:07 1=3";
    check(format!("{VIEW}{VIEW}\\n{VIEW}\\r\\n"), three);
    check(format!("[{VIEW},{VIEW}\n,{VIEW}]"), three);
    check(format!("[\n[{VIEW}],\n\n[{VIEW}]]\u{1e}{VIEW}"), three);
    let pretty = VIEW.replace([','], ",\r\n  ").replace('{', "{\n");
    check(format!("[{pretty},{pretty}]\n\u{feff}{pretty}"), three);
}

#[test]
fn a_broken_value_costs_itself_only() {
    let counted = |reasons: &str| format!("c1 e1 {reasons} | views 11:07 1=1");
    check(format!("[{{\"a\":NaN,\"b\":{{}}}},{VIEW}]"), &counted("not_json@1"));
    check(format!("[{{\"a\":\"5\" pipe\"}},{VIEW}]"), &counted("not_json@1"));
    check(format!("{{\"a\":[\n{VIEW}\n"), &counted("not_json@1"));
    check(format!("{{\n\"a\":1,\n{VIEW}\n"), &counted("not_json@1 not_json@2"));
    check(format!("[null,1,{VIEW}]"), &counted("not_json@1"));
    check(format!("\"x\" {VIEW}"), &counted("not_object@1"));
    // What is no value is rejected with its line.
    check(format!("x {VIEW}\n{VIEW}"), &counted("not_json@1"));
}

#[test]
fn the_object_of_a_record_may_be_longer_than_a_line() {
    let (name, cell) = ("x".repeat(200_000), "y".repeat(100_000));
    let text = format!("event,ts,sku,{name}\nview,2026-11-20T10:07:31Z,a,{cell}\n");
    check(&text, "c1 e1 | views 10:07 a=1");
}
