//! Every row of docs/EVENTS.md, with expectations that were written by hand.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Write as _;

use minutebook_oracle::{Recount, RecountError, Settings, recount};
use minutebook_shop::{Shop, Span, lines};

/// The reference time of every case; `future` starts at 12:10:01.
const REFERENCE_TIME: &str = "2026-11-20T12:00:00Z";

fn try_count(stored: &[u8]) -> Result<Recount, RecountError> {
    let settings = Settings {
        reference_time: REFERENCE_TIME.parse().unwrap(),
        default_currency: "USD".to_owned(),
    };
    recount(stored, &settings)
}

fn count(stored: impl AsRef<[u8]>) -> Recount {
    let recount = try_count(stored.as_ref()).unwrap();
    let sum = recount.counted + recount.ignored + recount.duplicate + recount.rejected_count();
    assert_eq!(sum, recount.lines, "every line ends in one place");
    assert!(recount.tallies.values().all(|number| !number.is_zero()), "zero is written nowhere");
    recount
}

/// A recount in one line: `c1 i0 d0 e1 | <reason>@<line> ... | <site> <measure> <hh:mm>
/// <key>=<number>; ...`, where the site `default` and counts of zero are left out.
fn summary(recount: &Recount) -> String {
    let mut parts = Vec::new();
    for (letter, number) in [
        ("c", recount.counted),
        ("i", recount.ignored),
        ("d", recount.duplicate),
        ("e", recount.events),
    ] {
        if number > 0 {
            parts.push(format!("{letter}{number}"));
        }
    }
    for (line, reason) in &recount.rejected_lines {
        parts.push(format!("{reason}@{line}"));
    }
    let mut cells = Vec::new();
    for (key, number) in &recount.tallies {
        let site = if key.site == "default" { String::new() } else { format!("{} ", key.site) };
        let minute = key.minute_start().format("%H:%M");
        cells.push(format!("{site}{} {minute} {}={number}", key.measure, key.key));
    }
    format!("{} | {}", parts.join(" "), cells.join("; "))
}

#[track_caller]
fn check(chunk: impl AsRef<[u8]>, expected: &str) {
    let chunk = chunk.as_ref();
    assert_eq!(summary(&count(chunk)), expected, "{}", String::from_utf8_lossy(chunk));
}

/// A line with a time, and these members besides.
fn line(members: &str) -> String {
    format!("{{\"ts\":\"2026-11-20T11:07:31Z\",{members}}}\n")
}

/// The line that each of these members makes is rejected for this reason.
#[track_caller]
fn check_rejected(reason: &str, members: &[&str]) {
    for members in members {
        check(line(members), &format!("{reason}@1 | "));
    }
}

const VIEW: &str = r#"{"event":"view","ts":"2026-11-20T11:07:31Z","item_id":1}"#;

mod lines {
    use super::*;

    #[test]
    fn lf_crlf_no_final_newline_and_byte_order_mark() {
        check(format!("{VIEW}\n{VIEW}\n"), "c2 e2 | views 11:07 1=2");
        check(format!("{VIEW}\r\n{VIEW}\r\n"), "c2 e2 | views 11:07 1=2");
        check(format!("{VIEW}\n{VIEW}"), "c2 e2 | views 11:07 1=2");
        check(format!("\u{feff}{VIEW}\n{VIEW}"), "c2 e2 | views 11:07 1=2");
        check(format!("{VIEW}\n\u{feff}{VIEW}"), "c1 e1 not_json@2 | views 11:07 1=1");
        check(format!("\u{feff}\u{feff}{VIEW}"), "not_json@1 | ");
    }

    #[test]
    fn a_carriage_return_elsewhere_belongs_to_its_line() {
        check(format!("{VIEW}\r"), "c1 e1 | views 11:07 1=1");
        check(format!("{VIEW}\r\r\n"), "c1 e1 | views 11:07 1=1");
        check(format!("{VIEW}\r{VIEW}\n"), "not_json@1 | ");
        // The line is as long as is allowed, but for a CR that is no line end.
        let long = format!("{VIEW}{}", " ".repeat(262_144 - VIEW.len()));
        check(format!("{long}\r\n"), "c1 e1 | views 11:07 1=1");
        check(format!("{long}\r"), "too_long@1 | ");
        check(format!("{long}\r\r\n"), "too_long@1 | ");
    }

    #[test]
    fn blank_lines_are_in_no_count_but_line_numbers_go_on() {
        check("", " | ");
        check("\n \r\n\t\r\r\n\n", " | ");
        check(format!("\n \t\r\n\n{VIEW}\nx\n\n"), "c1 e1 not_json@5 | views 11:07 1=1");
        check("\u{feff}\n", " | ");
        assert_eq!(count("\n\u{feff}\nx").lines, 2);
        check(" ".repeat(300_000), " | ");
        check("\u{b}\n\u{a0}", "not_json@1 not_json@2 | ");
    }

    #[test]
    fn too_long() {
        let longest = format!("{VIEW}{}", " ".repeat(262_144 - VIEW.len()));
        check(&longest, "c1 e1 | views 11:07 1=1");
        check(format!("{longest} \n{VIEW}"), "c1 e1 too_long@1 | views 11:07 1=1");
        check(format!("\u{feff}{longest}"), "c1 e1 | views 11:07 1=1");
        // The length is looked at first.
        check(vec![0xff; 262_145], "too_long@1 | ");
        check("[".repeat(262_145), "too_long@1 | ");
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
            "{} {}",
            "{'a':1}",
            "{\"a\":01}",
            "{\"a\":NaN}",
            "{\"a\":\"\u{1}\"}",
            "{\"a\":1,}",
        ] {
            check(text, "not_json@1 | ");
        }
        check(r#"{"a":"\ud800"}"#, "not_json@1 | ");
        check(r#"{"a":"\udc00\ud800"}"#, "not_json@1 | ");
        check(r#"{"\ud800":1}"#, "not_json@1 | ");
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
        check(format!("{}{}", "[".repeat(64), "]".repeat(64)), "not_object@1 | ");
        check(format!("{}{}", "[".repeat(65), "]".repeat(65)), "too_deep@1 | ");
    }

    #[test]
    fn not_object() {
        for text in ["1", "null", "\"x\"", "[]", "[{\"event\":\"view\"}]", "true"] {
            check(text, "not_object@1 | ");
        }
    }

    #[test]
    fn of_a_name_that_stands_twice_the_last_value_counts() {
        check(line(r#""event":"view","item_id":1,"item_id":2"#), "c1 e1 | views 11:07 2=1");
        check(line(r#""event":"view","item_id":1,"item\u005fid":2"#), "c1 e1 | views 11:07 2=1");
        check(
            line(r#""event":"view","product_id":3,"item_id":1,"item_id":null"#),
            "c1 e1 | views 11:07 3=1",
        );
        check(
            line(r#""event":"view","properties":{"item_id":1},"properties":7"#),
            "missing:item_id@1 | ",
        );
    }
}

mod fields {
    use super::*;

    #[test]
    fn every_spelling_of_every_field() {
        for name in ["event_type", "event", "type", "event_name", "eventType"] {
            check(line(&format!(r#""{name}":"view","item_id":1"#)), "c1 e1 | views 11:07 1=1");
        }
        for name in ["timestamp", "event_time", "ts", "time", "event_timestamp", "timestamp_micros"]
        {
            let line = format!(r#"{{"event":"view","item_id":1,"{name}":"2026-11-20T11:08:00Z"}}"#);
            check(line, "c1 e1 | views 11:08 1=1");
        }
        for name in ["item_id", "product_id", "itemid", "aid", "sku"] {
            check(line(&format!(r#""event":"view","{name}":"x""#)), "c1 e1 | views 11:07 x=1");
        }
        for name in ["page_url", "path", "url", "page", "page_location"] {
            check(line(&format!(r#""event":"view","{name}":"/x""#)), "c1 e1 | pages 11:07 /x=1");
        }
        for name in ["site_id", "app_id", "tenant_id"] {
            check(
                line(&format!(r#""event":"view","item_id":1,"{name}":"s""#)),
                "c1 e1 | s views 11:07 1=1",
            );
        }
        for name in ["event_id", "messageId", "insert_id"] {
            let line = line(&format!(r#""event":"view","item_id":1,"{name}":"s""#));
            check(format!("{line}{line}"), "c1 d1 e1 | views 11:07 1=1");
        }
        for (field, names) in [
            (
                "customer_id",
                [
                    "customer_id",
                    "user_id",
                    "visitorid",
                    "userId",
                    "anonymousId",
                    "user_pseudo_id",
                    "client_id",
                ]
                .as_slice(),
            ),
            ("session_id", &["session_id", "user_session", "session"]),
            ("order_id", &["order_id", "transaction_id", "transactionid", "orderId"]),
        ] {
            for name in names {
                check(
                    line(&format!(r#""event":"view","item_id":1,"{name}":1.5"#)),
                    &format!("invalid:{field}@1 | "),
                );
            }
        }
        for name in ["items", "products"] {
            check(
                line(&format!(r#""event":"view","{name}":[{{"sku":1}}]"#)),
                "c1 e1 | views 11:07 1=1",
            );
        }
    }

    #[test]
    fn the_first_spelling_that_has_a_value_wins() {
        check(line(r#""sku":1,"aid":2,"item_id":3,"event":"view""#), "c1 e1 | views 11:07 3=1");
        check(line(r#""sku":1,"aid":2,"item_id":null,"event":"view""#), "c1 e1 | views 11:07 2=1");
        check(line(r#""sku":1,"aid":"","item_id":"","event":"view""#), "c1 e1 | views 11:07 1=1");
        check(
            line(r#""type":"track","event":"Product Viewed","sku":1"#),
            "c1 e1 | views 11:07 1=1",
        );
        check(line(r#""item_id":false,"sku":1,"event":"view""#), "invalid:item_id@1 | ");
        check(line(r#""item_id":" ","sku":1,"event":"view""#), "c1 e1 | views 11:07  =1");
        check(line(r#""Item_Id":1,"event":"view""#), "missing:item_id@1 | ");
    }

    #[test]
    fn what_an_object_lacks_is_looked_for_in_its_properties() {
        check(line(r#""event":"view","properties":{"sku":1}"#), "c1 e1 | views 11:07 1=1");
        check(
            line(r#""event":"view","sku":2,"properties":{"item_id":1}"#),
            "c1 e1 | views 11:07 2=1",
        );
        check(
            line(r#""event":"view","sku":"","properties":{"item_id":1}"#),
            "c1 e1 | views 11:07 1=1",
        );
        check(
            r#"{"properties":{"event":"view","ts":"2026-11-20T11:07:31Z","item_id":1,"site_id":"s"}}"#,
            "c1 e1 | s views 11:07 1=1",
        );
        check(
            line(r#""event":"view","properties":{"properties":{"item_id":1}}"#),
            "missing:item_id@1 | ",
        );
        for other in ["[{\"item_id\":1}]", "null", "\"x\"", "1"] {
            check(line(&format!(r#""event":"view","properties":{other}"#)), "missing:item_id@1 | ");
        }
    }

    #[test]
    fn params_are_looked_into_where_there_are_no_properties() {
        check(line(r#""event":"view","params":{"sku":1}"#), "c1 e1 | views 11:07 1=1");
        check(
            line(r#""event":"view","params":{"sku":1},"properties":{"sku":2}"#),
            "c1 e1 | views 11:07 2=1",
        );
        check(
            line(r#""event":"view","params":{"sku":1},"properties":{"x":2}"#),
            "missing:item_id@1 | ",
        );
        check(
            line(r#""event":"view","params":{"sku":1},"properties":7"#),
            "c1 e1 | views 11:07 1=1",
        );
        check(line(r#""event":"view","params":{"items":[{"sku":1}]}"#), "c1 e1 | views 11:07 1=1");
    }

    #[test]
    fn event_params_are_looked_into_behind_properties() {
        let with =
            |parameters: &str| line(&format!(r#""event":"view","event_params":{parameters}"#));
        let one = "c1 e1 | views 11:07 1=1";
        for value in [
            r#"{"string_value":"1"}"#,
            r#"{"int_value":"1"}"#,
            r#"{"float_value":1}"#,
            r#"{"double_value":1,"string_value":null}"#,
            r#"{"int_value":2,"string_value":"1"}"#,
            r#"{"double_value":1,"float_value":"","string_value":{},"int_value":[2]}"#,
        ] {
            check(
                with(&format!(
                    r#"[{{"key":"page_title","value":{{}}}},{{"value":{value},"key":"sku"}}]"#
                )),
                one,
            );
        }
        check(with(r#"[{"key":"sku","value":{"int_value":1}}]"#), one);
        check(
            with(
                r#"[{"key":"sku","value":{"int_value":2}},{"key":"sku","value":{"int_value":1}}]"#,
            ),
            one,
        );
        check(
            with(
                r#"[7,[],{"key":"sku","value":{"int_value":1}},{"key":"sku","value":3},{"key":7,"value":{}}]"#,
            ),
            one,
        );
        let missing = "missing:item_id@1 | ";
        check(with(r#"[{"key":"sku","value":{"int_value":1}},{"key":"sku","value":{}}]"#), missing);
        check(with(r#"[{"key":"sku","value":{"int_value":true,"other_value":1}}]"#), missing);
        check(with(r#"[{"key":"items","value":{"string_value":[{"sku":1}]}}]"#), missing);
        check(with(r#"{"key":"sku","value":{"int_value":1}}"#), missing);
        check(with(r#"[{"key":"sku","value":{"double_value":1.5}}]"#), "invalid:item_id@1 | ");
        let parameters = r#""event_params":[{"key":"aid","value":{"int_value":1}}]"#;
        check(line(&format!(r#""event":"view",{parameters}"#)), one);
        check(
            line(&format!(r#""event":"view","properties":{{"sku":2}},{parameters}"#)),
            "c1 e1 | views 11:07 2=1",
        );
        check(line(&format!(r#""event":"view","items":[{{{parameters}}}]"#)), one);
        check(line(&format!(r#""event":"view","sku":2,"events":[{{{parameters}}}]"#)), one);
        check(line(&format!(r#""event":"view",{parameters},"events":[{{}}]"#)), one);
    }

    #[test]
    fn an_event_with_items_has_no_page_location() {
        check(
            line(r#""event":"view","page_location":"/x?y","page":"/z""#),
            "c1 e1 | pages 11:07 /z=1",
        );
        check(
            line(r#""event":"view","page_location":"/x?y","sku":1"#),
            "c1 e1 | pages 11:07 =1; pages 11:07 /x=1; views 11:07 1=1",
        );
        check(
            line(r#""event":"view","page_location":"/x?y","items":[{"sku":1}]"#),
            "c1 e1 | views 11:07 1=1",
        );
        check(
            line(r#""event":"view","page_location":7,"items":[{"sku":1}]"#),
            "c1 e1 | views 11:07 1=1",
        );
        check(line(r#""event":"view","page_location":7,"items":[]"#), "invalid:page_url@1 | ");
        check(
            line(
                r#""event":"view","page_location":"/x","events":[{"params":{"page_location":"/y"}},{}]"#,
            ),
            "c1 e2 | pages 11:07 /x=1; pages 11:07 /y=1",
        );
    }

    #[test]
    fn an_element_of_events_may_have_its_type_as_its_name() {
        check(line(r#""events":[{"name":"view","sku":1}]"#), "c1 e1 | views 11:07 1=1");
        check(
            line(r#""events":[{"name":"cart","type":"view","sku":1}]"#),
            "c1 e1 | views 11:07 1=1",
        );
        check(
            line(r#""type":"view","events":[{"name":"Shoe","sku":1}]"#),
            "c1 e1 | views 11:07 1=1",
        );
        check(line(r#""events":[{"name":"Shoe","sku":1}]"#), "unknown_type@1 | ");
        check(line(r#""events":[{"name":7,"sku":1}]"#), "invalid:event_type@1 | ");
        check(line(r#""events":[{"name":"","sku":1}]"#), "missing:event_type@1 | ");
        check(line(r#""events":[{"params":{"name":"view"},"sku":1}]"#), "missing:event_type@1 | ");
        check(line(r#""name":"view","events":[{"sku":1}]"#), "missing:event_type@1 | ");
        check(line(r#""name":"view","sku":1"#), "missing:event_type@1 | ");
    }

    #[test]
    fn items_may_stand_in_properties_and_events_may_not() {
        check(
            line(r#""event":"view","properties":{"items":[{"sku":1},{"sku":2}]}"#),
            "c1 e1 | views 11:07 1=1; views 11:07 2=1",
        );
        check(
            line(r#""event":"view","item_id":1,"properties":{"events":[]}"#),
            "c1 e1 | views 11:07 1=1",
        );
        check(
            line(r#""event":"view","properties":{"events":[{"item_id":1}]}"#),
            "missing:item_id@1 | ",
        );
    }

    #[test]
    fn items_count_only_if_they_are_an_array_that_is_not_empty() {
        for other in ["[]", "{}", "{\"item_id\":2}", "1", "\"x\"", "null"] {
            check(
                line(&format!(r#""event":"view","item_id":1,"items":{other}"#)),
                "c1 e1 | views 11:07 1=1",
            );
            check(
                line(&format!(r#""event":"view","items":{other},"products":[{{"sku":2}}]"#)),
                "c1 e1 | views 11:07 2=1",
            );
            let members =
                format!(r#""event":"view","items":{other},"properties":{{"items":[{{"sku":3}}]}}"#);
            check(line(&members), "c1 e1 | views 11:07 3=1");
        }
        check(
            line(r#""event":"view","products":[{"sku":2}],"items":[{"sku":1}]"#),
            "c1 e1 | views 11:07 1=1",
        );
    }

    #[test]
    fn events_count_only_if_they_are_an_array() {
        for other in ["{}", "1", "\"x\"", "null"] {
            check(
                line(&format!(r#""event":"view","item_id":1,"events":{other}"#)),
                "c1 e1 | views 11:07 1=1",
            );
        }
        check(line(r#""event":"view","item_id":1,"events":[]"#), "i1 | ");
    }

    #[test]
    fn each_item_has_its_own_fields() {
        check(
            line(
                r#""event":"purchase","items":[{"item_id":1,"price":2,"quantity":3},{"properties":{"sku":2,"price":"1.5"}}]"#,
            ),
            "c1 e1 | sales:USD 11:07 1=6; sales:USD 11:07 2=1.5; units 11:07 1=3; units 11:07 2=1",
        );
        // No fall-back to the event's, which are not looked at.
        check(
            line(
                r#""event":"purchase","item_id":9,"price":-5,"quantity":"x","total_amount":{},"items":[{"item_id":1}]"#,
            ),
            "c1 e1 | units 11:07 1=1",
        );
        check(
            line(r#""event":"purchase","item_id":9,"items":[{"price":1}]"#),
            "missing:item_id@1 | ",
        );
        check(
            line(r#""event":"purchase","items":[{"sku":1},{"items":[{"sku":2}]}]"#),
            "missing:item_id@1 | ",
        );
        check(
            line(r#""event":"purchase","items":[{"sku":1,"price":1},{"sku":1,"price":2}]"#),
            "c1 e1 | sales:USD 11:07 1=3; units 11:07 1=2",
        );
    }

    #[test]
    fn the_currency_of_an_item_falls_back_to_that_of_the_event() {
        check(
            line(
                r#""event":"refund","currency":"eur","items":[{"sku":1,"price":1},{"sku":1,"price":2,"currency":"gbp"}]"#,
            ),
            "c1 e1 | refunds:EUR 11:07 1=1; refunds:GBP 11:07 1=2",
        );
        check(
            line(
                r#""event":"refund","properties":{"currency":"eur","items":[{"sku":1,"price":1,"currency":""}]}"#,
            ),
            "c1 e1 | refunds:EUR 11:07 1=1",
        );
        check(
            line(r#""event":"refund","items":[{"sku":1,"price":1}]"#),
            "c1 e1 | refunds:USD 11:07 1=1",
        );
    }

    #[test]
    fn an_item_that_is_no_object() {
        check(line(r#""event":"view","items":[{"sku":1},2]"#), "invalid:items@1 | ");
        check(line(r#""event":"view","items":[null]"#), "invalid:items@1 | ");
        check(line(r#""event":"view","items":[{"sku":1.5},2]"#), "invalid:item_id@1 | ");
    }

    #[test]
    fn each_event_inherits_what_it_lacks() {
        check(
            r#"{"session":7,"events":[{"aid":1,"ts":1763636851025,"type":"clicks"},{"aid":2,"ts":1763636911025,"type":"carts"}]}"#,
            "c1 e2 | carts 11:08 2=1; views 11:07 1=1",
        );
        check(
            line(
                r#""site_id":"s","event":"view","properties":{"item_id":1},"events":[{},{"properties":{"sku":2}},{"event":"cart"}]"#,
            ),
            "c1 e3 | s carts 11:07 1=1; s views 11:07 1=1; s views 11:07 2=1",
        );
        check(
            line(r#""event":"purchase","price":5,"events":[{"sku":1,"quantity":2}]"#),
            "c1 e1 | sales:USD 11:07 1=10; units 11:07 1=2",
        );
        check(
            line(
                r#""event":"view","items":[{"sku":1}],"events":[{"sku":2},{"items":[{"sku":3}]}]"#,
            ),
            "c1 e2 | views 11:07 1=1; views 11:07 3=1",
        );
        check(
            line(r#""event":"view","sku":1,"events":[{"sku":null,"events":[{"sku":5}]}]"#),
            "c1 e1 | views 11:07 1=1",
        );
        // The element's own properties go before the line.
        check(
            line(r#""event":"view","sku":1,"events":[{"properties":{"aid":2}}]"#),
            "c1 e1 | views 11:07 2=1",
        );
    }

    #[test]
    fn an_event_that_is_no_object() {
        check(line(r#""event":"view","sku":1,"events":[{},1]"#), "invalid:events@1 | ");
        check(line(r#""event":"view","events":[{"sku":1.5},1]"#), "invalid:item_id@1 | ");
    }

    #[test]
    fn a_line_is_taken_or_rejected_as_a_whole() {
        check(
            line(r#""sku":1,"events":[{"event":"view"},{"event":"nonsense"}]"#),
            "unknown_type@1 | ",
        );
        check(
            line(r#""event":"view","events":[{"sku":1},{"sku":1.5},{"site_id":"!"}]"#),
            "invalid:item_id@1 | ",
        );
        check(
            line(r#""sku":1,"events":[{"event":"view"},{"event":"search"}]"#),
            "c1 e1 | views 11:07 1=1",
        );
    }
}

mod types {
    use super::*;

    #[test]
    fn every_spelling_of_every_type() {
        let types = [
            (
                "views 11:07 1=1",
                [
                    "page_visit",
                    "page_view",
                    "view",
                    "view_item",
                    "product_view",
                    "Product Viewed",
                    "clicks",
                    "page",
                ]
                .as_slice(),
            ),
            ("carts 11:07 1=1", &["add_to_cart", "addtocart", "cart", "carts", "Product Added"]),
            ("removals 11:07 1=1", &["remove_from_cart", "Product Removed"]),
            (
                "sales:USD 11:07 1=6; units 11:07 1=3",
                &["purchase", "transaction", "order", "orders", "Order Completed"],
            ),
            ("refunds:USD 11:07 1=6", &["refund", "Order Refunded"]),
        ];
        for (cells, names) in types {
            for name in names {
                let members = format!(r#""event":"{name}","item_id":1,"price":2,"quantity":3"#);
                check(line(&members), &format!("c1 e1 | {cells}"));
            }
        }
        for name in ["search", "identify", "Order Updated"] {
            check(line(&format!(r#""event":"{name}","item_id":1,"price":2"#)), "i1 | ");
            // A type that nothing counts ends the checks.
            check(format!(r#"{{"event":"{name}","site_id":"!","price":-1}}"#), "i1 | ");
        }
    }

    #[test]
    fn other_types_that_shops_send_are_ignored() {
        for name in [
            "session_start",
            "view_item_list",
            "begin_checkout",
            "identify",
            "Cart Viewed",
            "Order Updated",
        ] {
            check(format!(r#"{{"event":"{name}","site_id":"!","price":-1}}"#), "i1 | ");
        }
    }

    #[test]
    fn spellings_are_matched_to_the_letter() {
        let names = [
            "View",
            "VIEW",
            "view ",
            " view",
            "views",
            "product viewed",
            "Purchase",
            "order_created",
            "page-view",
        ];
        for name in names {
            check(line(&format!(r#""event":"{name}","item_id":1"#)), "unknown_type@1 | ");
        }
    }

    #[test]
    fn a_view_counts_the_item_and_the_page() {
        check(
            line(r#""event":"view","item_id":1,"page":"/a?x#y""#),
            "c1 e1 | pages 11:07 =1; pages 11:07 /a=1; views 11:07 1=1",
        );
        check(line(r#""event":"view","page":"/a""#), "c1 e1 | pages 11:07 /a=1");
        check(
            line(r#""event":"view","page":"/a","items":[{"sku":1},{"sku":2}]"#),
            "c1 e1 | pages 11:07 =1; pages 11:07 /a=1; views 11:07 1=1; views 11:07 2=1",
        );
        check(line(r#""event":"view","page":"/a","items":[{"sku":1},{}]"#), "missing:item_id@1 | ");
        check(line(r#""event":"view""#), "missing:item_id@1 | ");
    }

    #[test]
    fn every_other_type_needs_an_item_and_counts_no_page() {
        for name in ["cart", "remove_from_cart", "purchase", "refund"] {
            check(
                line(&format!(r#""event":"{name}","page":"/a","price":1"#)),
                "missing:item_id@1 | ",
            );
        }
        check(line(r#""event":"cart","item_id":1,"page":"/a""#), "c1 e1 | carts 11:07 1=1");
    }

    #[test]
    fn a_cart_add_and_a_removal_count_one_whatever_the_quantity() {
        for quantity in ["0", "1", "7", "0.5"] {
            check(
                line(&format!(r#""event":"cart","item_id":1,"quantity":{quantity}"#)),
                "c1 e1 | carts 11:07 1=1",
            );
            check(
                line(&format!(r#""event":"Product Removed","item_id":1,"quantity":{quantity}"#)),
                "c1 e1 | removals 11:07 1=1",
            );
        }
    }

    #[test]
    fn money_is_the_total_amount_else_price_times_quantity() {
        let sales = |members: &str, expected: &str| {
            check(line(&format!(r#""event":"order","sku":1,{members}"#)), expected)
        };
        sales(
            r#""price":2,"quantity":3,"total_amount":5"#,
            "c1 e1 | sales:USD 11:07 1=5; units 11:07 1=3",
        );
        sales(
            r#""price":"19.99","quantity":3"#,
            "c1 e1 | sales:USD 11:07 1=59.97; units 11:07 1=3",
        );
        sales(r#""price":0.1"#, "c1 e1 | sales:USD 11:07 1=0.1; units 11:07 1=1");
        sales(r#""quantity":2"#, "c1 e1 | units 11:07 1=2");
        sales(r#""price":null,"total_amount":"","quantity":2"#, "c1 e1 | units 11:07 1=2");
        sales(r#""total_amount":7"#, "c1 e1 | sales:USD 11:07 1=7; units 11:07 1=1");
        sales(r#""price":3,"quantity":0.5"#, "c1 e1 | sales:USD 11:07 1=1.5; units 11:07 1=0.5");
        sales(
            r#""price":0.000001,"quantity":0.000001"#,
            "c1 e1 | sales:USD 11:07 1=0.000000000001; units 11:07 1=0.000001",
        );
        sales(r#""price":0.1,"currency":"eur""#, "c1 e1 | sales:EUR 11:07 1=0.1; units 11:07 1=1");
        sales(r#""price":3,"quantity":2,"total_amount":0"#, "c1 e1 | units 11:07 1=2");
    }

    #[test]
    fn a_refund_counts_money_only() {
        check(line(r#""event":"refund","sku":1,"quantity":2"#), "i1 | ");
        check(
            line(r#""event":"refund","sku":1,"quantity":2,"price":3"#),
            "c1 e1 | refunds:USD 11:07 1=6",
        );
        check(
            line(r#""event":"refund","sku":1,"total_amount":3,"currency":"Eur""#),
            "c1 e1 | refunds:EUR 11:07 1=3",
        );
    }

    #[test]
    fn zero_is_written_nowhere() {
        check(line(r#""event":"order","sku":1,"price":0"#), "c1 e1 | units 11:07 1=1");
        check(line(r#""event":"order","sku":1,"price":5,"quantity":0"#), "i1 | ");
        check(
            line(r#""event":"order","sku":1,"total_amount":5,"quantity":0"#),
            "c1 e1 | sales:USD 11:07 1=5",
        );
        check(line(r#""event":"refund","sku":1,"price":0"#), "i1 | ");
        check(
            line(r#""event":"order","items":[{"sku":1,"quantity":0},{"sku":2}]"#),
            "c1 e1 | units 11:07 2=1",
        );
    }

    #[test]
    fn decimals_are_added_exactly() {
        let lines: String = ["0.1", "0.2", "1e-6", "\"999999999999.5\""]
            .iter()
            .map(|price| line(&format!(r#""event":"order","sku":1,"price":{price}"#)))
            .collect();
        check(lines, "c4 e4 | sales:USD 11:07 1=999999999999.800001; units 11:07 1=4");
    }
}

mod values {
    use super::*;

    #[test]
    fn event_type() {
        check_rejected(
            "missing:event_type",
            &[r#""item_id":1"#, r#""event":null,"item_id":1"#, r#""event":"""#],
        );
        check_rejected(
            "invalid:event_type",
            &[r#""event":1"#, r#""event":false"#, r#""event":{}"#, r#""event":["view"]"#],
        );
        check_rejected("unknown_type", &[r#""event":"logout""#]);
    }

    #[test]
    fn timestamp() {
        let time = |value: &str, expected: &str| {
            check(format!(r#"{{"event":"view","item_id":1,"ts":{value}}}"#), expected);
        };
        time("null", "missing:timestamp@1 | ");
        time("\"\"", "missing:timestamp@1 | ");
        for value in [
            "true",
            "{}",
            "[]",
            "\"yesterday\"",
            "\"2026-11-20\"",
            "-1",
            "1e17",
            "\"1969-12-31T23:59:59Z\"",
            "\" 1\"",
        ] {
            time(value, "invalid:timestamp@1 | ");
        }
        time("\"2026-11-20T11:07:59.999+00:00\"", "c1 e1 | views 11:07 1=1");
        time("\"2026-11-20 12:07:59 +0100\"", "c1 e1 | views 11:07 1=1");
        time("\"2026-11-20T11:07\"", "c1 e1 | views 11:07 1=1");
        time("\"2026-11-20T11:07:60\"", "c1 e1 | views 11:07 1=1");
        time("1763636820", "c1 e1 | views 11:07 1=1");
        time("1763636879999", "c1 e1 | views 11:07 1=1");
        time("\"1763636879999999\"", "c1 e1 | views 11:07 1=1");
        time("0", "c1 e1 | views 00:00 1=1");
        time("\"9999-12-31T23:59:59Z\"", "future@1 | ");
    }

    #[test]
    fn a_time_is_future_from_601_seconds_after_the_reference_time() {
        let time = |time: &str, expected: &str| {
            check(format!(r#"{{"event":"view","item_id":1,"ts":"{time}"}}"#), expected);
        };
        time("2026-11-20T12:10:00Z", "c1 e1 | views 12:10 1=1");
        time("2026-11-20T12:10:00.999Z", "c1 e1 | views 12:10 1=1");
        time("2026-11-20T12:10:01Z", "future@1 | ");
        time("2026-11-20T13:10:00+01:00", "c1 e1 | views 12:10 1=1");
        time("2026-11-20T11:10:01-01:00", "future@1 | ");
    }

    #[test]
    fn site_id() {
        let site = |value: &str, expected: &str| {
            check(line(&format!(r#""event":"view","item_id":1,"site_id":{value}"#)), expected);
        };
        site("null", "c1 e1 | views 11:07 1=1");
        site("\"\"", "c1 e1 | views 11:07 1=1");
        site("\"default\"", "c1 e1 | views 11:07 1=1");
        site("\"aZ09._:-\"", "c1 e1 | aZ09._:- views 11:07 1=1");
        site("-7", "c1 e1 | -7 views 11:07 1=1");
        site(
            &format!("\"{}\"", "s".repeat(64)),
            &format!("c1 e1 | {} views 11:07 1=1", "s".repeat(64)),
        );
        for value in
            ["\" \"", "\"a b\"", "\"a#b\"", "\"a/b\"", "\"é\"", "1.0", "1e3", "true", "{}", "[]"]
        {
            site(value, "invalid:site_id@1 | ");
        }
        site(&format!("\"{}\"", "s".repeat(65)), "invalid:site_id@1 | ");
        site(&"1".repeat(65), "invalid:site_id@1 | ");
    }

    #[test]
    fn ids() {
        for (field, name) in [
            ("event_id", "messageId"),
            ("customer_id", "user_id"),
            ("session_id", "session"),
            ("order_id", "orderId"),
            ("item_id", "sku"),
        ] {
            let with = |value: &str| {
                let item = if field == "item_id" { "" } else { r#""item_id":1,"# };
                line(&format!(r#""event":"view",{item}"{name}":{value}"#))
            };
            for value in [
                "7",
                "-7",
                "\"x\"",
                "\"a b#c/é\"",
                "\"\\u0000\"",
                &format!("\"{}\"", "é".repeat(128)),
                &"1".repeat(256),
            ] {
                assert_eq!(count(with(value)).counted, 1, "{field} {value}");
            }
            for value in [
                "1.0",
                "1e3",
                "true",
                "{}",
                "[]",
                &format!("\"{}x\"", "é".repeat(128)),
                &"1".repeat(257),
            ] {
                check(with(value), &format!("invalid:{field}@1 | "));
            }
        }
    }

    #[test]
    fn an_integer_is_kept_as_it_is_written() {
        for (value, key) in [
            ("7", "7"),
            ("\"7\"", "7"),
            ("\"007\"", "007"),
            ("-0", "-0"),
            ("12345678901234567890123", "12345678901234567890123"),
        ] {
            check(
                line(&format!(r#""event":"view","item_id":{value}"#)),
                &format!("c1 e1 | views 11:07 {key}=1"),
            );
        }
    }

    #[test]
    fn page_url() {
        let page = |value: &str, expected: &str| {
            check(line(&format!(r#""event":"view","page":{value}"#)), expected)
        };
        page("\"https://shop.example/a?b=c\"", "c1 e1 | pages 11:07 https://shop.example/a=1");
        page("\"/a#b?c\"", "c1 e1 | pages 11:07 /a=1");
        page(
            &format!("\"{}?{}\"", "p".repeat(256), "q".repeat(999)),
            &format!("c1 e1 | pages 11:07 {}=1", "p".repeat(256)),
        );
        page(&format!("\"{}\"", "p".repeat(257)), "invalid:page_url@1 | ");
        for value in ["\"?a\"", "\"#\"", "7", "true", "{}", "[]"] {
            page(value, "invalid:page_url@1 | ");
        }
        // It is looked at whatever the type is.
        check_rejected("invalid:page_url", &[r#""event":"cart","item_id":1,"page":7"#]);
    }

    #[test]
    fn currency() {
        for value in ["\"eur\"", "\"EUR\"", "\"eUr\""] {
            check(
                line(&format!(r#""event":"refund","sku":1,"price":1,"currency":{value}"#)),
                "c1 e1 | refunds:EUR 11:07 1=1",
            );
        }
        for value in ["\"EU\"", "\"EURO\"", "\"€\"", "\"E R\"", "\"E1R\"", "978", "{}", "false"] {
            check(
                line(&format!(r#""event":"view","sku":1,"currency":{value}"#)),
                "invalid:currency@1 | ",
            );
            check(
                line(&format!(r#""event":"view","items":[{{"sku":1,"currency":{value}}}]"#)),
                "invalid:currency@1 | ",
            );
        }
        check(
            line(r#""event":"refund","sku":1,"price":1,"currency":"""#),
            "c1 e1 | refunds:USD 11:07 1=1",
        );
    }

    #[test]
    fn price_quantity_and_total_amount() {
        for field in ["price", "quantity", "total_amount"] {
            for value in [
                "0",
                "-0",
                "1",
                "1.0000000",
                "0.000001",
                "1e2",
                "1000000000000",
                "\"1.5\"",
                "\"1e-6\"",
                "null",
                "\"\"",
            ] {
                let members = format!(r#""event":"view","item_id":1,"{field}":{value}"#);
                check(line(&members), "c1 e1 | views 11:07 1=1");
            }
            for value in [
                "-1",
                "-0.000001",
                "1000000000000.000001",
                "1e13",
                "1e999999999999999999999",
                "0.0000001",
                "\"1,5\"",
                "\"$1\"",
                "\" 1\"",
                "\"01\"",
                "\"1.\"",
                "\"NaN\"",
                "true",
                "{}",
                "[1]",
            ] {
                let members = format!(r#""event":"view","item_id":1,"{field}":{value}"#);
                check(line(&members), &format!("invalid:{field}@1 | "));
            }
        }
    }

    #[test]
    fn the_product_is_looked_at_only_where_it_is_the_money() {
        check(
            line(r#""event":"order","sku":1,"price":1000000,"quantity":1000000"#),
            "c1 e1 | sales:USD 11:07 1=1000000000000; units 11:07 1=1000000",
        );
        check(
            line(r#""event":"order","sku":1,"price":1000000.000001,"quantity":1000000"#),
            "invalid:total_amount@1 | ",
        );
        check(
            line(r#""event":"refund","sku":1,"price":1e12,"quantity":1e12"#),
            "invalid:total_amount@1 | ",
        );
        check(
            line(r#""event":"order","sku":1,"price":1e12,"quantity":1e12,"total_amount":1"#),
            "c1 e1 | sales:USD 11:07 1=1; units 11:07 1=1000000000000",
        );
        check(
            line(r#""event":"cart","sku":1,"price":1e12,"quantity":1e12"#),
            "c1 e1 | carts 11:07 1=1",
        );
    }
}

mod reasons {
    use super::*;

    #[test]
    fn the_first_check_that_fails_names_the_reason() {
        // From a line with everything wrong, one thing after the other is put right.
        let wrong = [
            ("event", "7", "\"purchase\"", "invalid:event_type"),
            ("ts", "\"x\"", "\"2026-11-20T11:07:31Z\"", "invalid:timestamp"),
            ("site_id", "\"!\"", "\"s\"", "invalid:site_id"),
            ("event_id", "1.5", "1", "invalid:event_id"),
            ("user_id", "1.5", "1", "invalid:customer_id"),
            ("session", "1.5", "1", "invalid:session_id"),
            ("order_id", "1.5", "1", "invalid:order_id"),
            ("url", "1", "\"/\"", "invalid:page_url"),
            ("currency", "\"x\"", "\"EUR\"", "invalid:currency"),
            ("item_id", "1.5", "\"\"", "invalid:item_id"),
            ("price", "-1", "1e12", "invalid:price"),
            ("quantity", "-1", "2", "invalid:quantity"),
            ("total_amount", "-1", "null", "invalid:total_amount"),
        ];
        for right_count in 0..wrong.len() {
            let members: Vec<String> = wrong
                .iter()
                .enumerate()
                .map(|(place, (name, wrong, right, _))| {
                    format!("\"{name}\":{}", if place < right_count { right } else { wrong })
                })
                .collect();
            check(format!("{{{}}}", members.join(",")), &format!("{}@1 | ", wrong[right_count].3));
        }
        let purchase = r#""event":"purchase","price":1e12,"quantity":2"#;
        check(line(purchase), "missing:item_id@1 | ");
        check(line(&format!("{purchase},\"item_id\":1")), "invalid:total_amount@1 | ");
    }

    #[test]
    fn the_type_goes_before_the_time_and_the_time_before_the_rest() {
        check(r#"{"event":"logout"}"#, "unknown_type@1 | ");
        check(r#"{"event":"view","site_id":"!"}"#, "missing:timestamp@1 | ");
        check(r#"{"event":"view","ts":"2027-01-01T00:00Z","site_id":"!"}"#, "future@1 | ");
    }

    #[test]
    fn items_are_checked_in_turn() {
        check(
            line(r#""event":"order","items":[{"price":1},{"currency":1}]"#),
            "missing:item_id@1 | ",
        );
        check(
            line(r#""event":"order","items":[{"sku":1,"price":1e12,"quantity":2},3]"#),
            "invalid:total_amount@1 | ",
        );
        check(
            line(r#""event":"order","items":[{"sku":1.5,"currency":1}]"#),
            "invalid:currency@1 | ",
        );
        check(line(r#""event":"order","items":[{"price":-1}]"#), "invalid:price@1 | ");
    }
}

mod duplicates {
    use super::*;

    fn view(members: &str) -> String {
        line(&format!(r#""event":"view","item_id":1,{members}"#))
    }

    #[test]
    fn the_same_event_id_counts_once_at_a_site() {
        check(
            view(r#""event_id":"a""#) + &view(r#""messageId":"a""#),
            "c1 d1 e1 | views 11:07 1=1",
        );
        check(view(r#""event_id":7"#) + &view(r#""event_id":"7""#), "c1 d1 e1 | views 11:07 1=1");
        check(view(r#""event_id":"a""#) + &view(r#""event_id":"A""#), "c2 e2 | views 11:07 1=2");
        check(
            view(r#""event_id":"a","site_id":"x""#)
                + &view(r#""event_id":"a","site_id":"y""#)
                + &view(r#""event_id":"a""#),
            "c3 e3 | views 11:07 1=1; x views 11:07 1=1; y views 11:07 1=1",
        );
        check(
            view(r#""event_id":"a""#) + &view(r#""event_id":"a","site_id":"default""#),
            "c1 d1 e1 | views 11:07 1=1",
        );
        check(view(r#""x":1"#) + &view(r#""x":1"#), "c2 e2 | views 11:07 1=2");
        // Another type or time makes no difference.
        check(
            view(r#""event_id":"a""#) + &line(r#""event":"cart","item_id":2,"event_id":"a""#),
            "c1 d1 e1 | views 11:07 1=1",
        );
    }

    #[test]
    fn ids_of_rejected_and_ignored_lines_are_not_remembered() {
        check(
            view(r#""event_id":"a","price":-1"#) + &view(r#""event_id":"a""#),
            "c1 e1 invalid:price@1 | views 11:07 1=1",
        );
        let ignored = line(r#""event":"search","event_id":"a""#);
        check(
            ignored.clone() + &view(r#""event_id":"a""#) + &ignored,
            "c1 i2 e1 | views 11:07 1=1",
        );
        let refund = line(r#""event":"refund","sku":1,"event_id":"a""#);
        check(refund.clone() + &view(r#""event_id":"a""#) + &refund, "c1 i2 e1 | views 11:07 1=1");
        let nothing = line(r#""event":"order","sku":1,"quantity":0,"event_id":"a""#);
        check(
            nothing.clone() + &view(r#""event_id":"a""#) + &nothing,
            "c1 i2 e1 | views 11:07 1=1",
        );
        check(
            view(r#""event_id":"a""#) + &view(r#""event_id":"a","price":-1"#),
            "c1 e1 invalid:price@2 | views 11:07 1=1",
        );
        // None of a rejected line is remembered.
        check(
            line(r#""event":"view","sku":1,"events":[{"event_id":"a"},{"price":-1}]"#)
                + &view(r#""event_id":"a""#),
            "c1 e1 invalid:price@1 | views 11:07 1=1",
        );
    }

    #[test]
    fn a_copy_within_one_line_is_a_duplicate_event() {
        check(
            line(r#""event":"view","sku":1,"events":[{"event_id":"a"},{"event_id":"a"},{}]"#),
            "c1 e2 | views 11:07 1=2",
        );
        check(
            line(r#""event":"view","sku":1,"events":[{"event_id":"a"}]"#)
                + &line(r#""event":"view","sku":1,"events":[{"event_id":"a"},{"event":"search"}]"#),
            "c1 d1 e1 | views 11:07 1=1",
        );
        check(
            view(r#""event_id":"a""#)
                + &line(r#""event":"view","sku":1,"events":[{"event_id":"a"},{"event_id":"b"}]"#),
            "c2 e2 | views 11:07 1=2",
        );
    }

    #[test]
    fn the_id_of_a_line_stands_for_the_whole_line() {
        let many = line(r#""event":"view","event_id":"L","sku":1,"events":[{"event_id":"a"},{}]"#);
        check(many.clone() + &many, "c1 d1 e2 | views 11:07 1=2");
        check(view(r#""event_id":"L""#) + &many, "c1 d1 e1 | views 11:07 1=1");
        check(
            many.clone() + &view(r#""event_id":"L""#) + &view(r#""event_id":"a""#),
            "c1 d2 e2 | views 11:07 1=2",
        );
        // It is not inherited, and it is remembered only after the line's events.
        check(
            line(r#""event":"view","event_id":"L","sku":1,"events":[{"event_id":"L"},{}]"#),
            "c1 e2 | views 11:07 1=2",
        );
        // The ids of the events of a seen line are not remembered.
        check(
            view(r#""event_id":"L""#) + &many + &view(r#""event_id":"a""#),
            "c2 d1 e2 | views 11:07 1=2",
        );
        // The line's id may stand in its properties, and that of an element in its own.
        let nested = line(
            r#""event":"view","properties":{"event_id":"L"},"sku":1,"events":[{"properties":{"insert_id":"a"}}]"#,
        );
        check(nested.clone() + &nested + &view(r#""event_id":"a""#), "c1 d2 e1 | views 11:07 1=1");
    }

    #[test]
    fn the_id_of_a_line_is_remembered_if_the_line_is_counted_or_duplicate() {
        let ignored = line(r#""event":"search","event_id":"L","events":[{}]"#);
        let empty = line(r#""event_id":"L","events":[]"#);
        let view_l = view(r#""event_id":"L""#);
        check(ignored.clone() + &view_l + &ignored, "c1 i2 e1 | views 11:07 1=1");
        check(empty.clone() + &view_l + &empty, "c1 i2 e1 | views 11:07 1=1");
        let copies = line(r#""event":"view","event_id":"L","sku":1,"events":[{"event_id":"a"}]"#);
        check(view(r#""event_id":"a""#) + &copies + &view_l, "c1 d2 e1 | views 11:07 1=1");
        let rejected = line(r#""event":"view","event_id":"L","events":[{}]"#);
        check(rejected + &view_l, "c1 e1 missing:item_id@1 | views 11:07 1=1");
    }

    #[test]
    fn the_site_and_the_id_of_a_line_are_checked_before_its_events() {
        check(line(r#""event_id":"L","site_id":"!","events":[{}]"#), "invalid:site_id@1 | ");
        check(line(r#""event_id":1.5,"site_id":"!","events":[]"#), "invalid:site_id@1 | ");
        check(line(r#""event_id":1.5,"events":[{}]"#), "invalid:event_id@1 | ");
        check(line(r#""event_id":1.5,"events":[]"#), "invalid:event_id@1 | ");
        // Without an id of its own nothing of the line is checked but what its events inherit.
        check(
            line(r#""site_id":"!","event":"view","events":[{"sku":1,"site_id":"s"}]"#),
            "c1 e1 | s views 11:07 1=1",
        );
        check(line(r#""site_id":"!","events":[]"#), "i1 | ");
        check(line(r#""site_id":"!","event_id":"","events":[]"#), "i1 | ");
        // The site of the line's id is the line's own.
        let line_at_x = line(
            r#""site_id":"x","event_id":"L","event":"view","events":[{"sku":1,"site_id":"y"}]"#,
        );
        check(
            line_at_x
                + &view(r#""event_id":"L","site_id":"y""#)
                + &view(r#""event_id":"L","site_id":"x""#),
            "c2 d1 e2 | y views 11:07 1=2",
        );
    }
}

mod packed {
    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::stream::encode_all(bytes, 3).unwrap()
    }

    #[test]
    fn gzip_and_zstd_are_told_by_their_first_bytes() {
        let chunk = format!("\u{feff}{VIEW}\r\n\n{VIEW}");
        for stored in [gzip(chunk.as_bytes()), zstd(chunk.as_bytes())] {
            check(&stored, "c2 e2 | views 11:07 1=2");
            assert_eq!(count(&stored).content_hash, blake3::hash(&stored).to_hex().to_string());
        }
    }

    #[test]
    fn a_zstd_window_over_8_mib_is_broken() {
        for (window_bits, taken) in [(23, true), (24, false)] {
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
            encoder.window_log(window_bits).unwrap();
            encoder.write_all(VIEW.as_bytes()).unwrap();
            let stored = encoder.finish().unwrap();
            assert_eq!(try_count(&stored).is_ok(), taken, "2^{window_bits}");
        }
    }

    #[test]
    fn several_members_or_frames_are_one_chunk() {
        let (first, second) = VIEW.split_at(20);
        check(
            [gzip(first.as_bytes()), gzip(second.as_bytes())].concat(),
            "c1 e1 | views 11:07 1=1",
        );
        check(
            [zstd(first.as_bytes()), zstd(second.as_bytes())].concat(),
            "c1 e1 | views 11:07 1=1",
        );
        for magic in [0x50, 0x5f] {
            let skippable = [magic, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, b'a', b'b', b'c'];
            check(
                [&skippable, zstd(VIEW.as_bytes()).as_slice(), &skippable].concat(),
                "c1 e1 | views 11:07 1=1",
            );
        }
    }

    #[test]
    fn a_truncated_or_broken_file_is_an_error_of_the_whole_chunk() {
        let chunk = format!("{VIEW}\n").repeat(100);
        for stored in [gzip(chunk.as_bytes()), zstd(chunk.as_bytes())] {
            for cut in [1, 5, stored.len() / 2] {
                let truncated = &stored[..stored.len() - cut];
                assert!(
                    matches!(try_count(truncated), Err(RecountError::Broken(_))),
                    "cut by {cut}"
                );
            }
        }
        let mut broken = gzip(chunk.as_bytes());
        let middle = broken.len() / 2;
        broken[middle] ^= 0xff;
        assert!(matches!(try_count(&broken), Err(RecountError::Broken(_))));
        assert!(matches!(try_count(&[0x1f, 0x8b]), Err(RecountError::Broken(_))));
        assert!(matches!(try_count(&[0x28, 0xb5, 0x2f, 0xfd]), Err(RecountError::Broken(_))));
        check([0x1f], "not_json@1 | ");
    }

    #[test]
    fn a_bomb_unpacks_to_more_than_200_times_its_size_and_more_than_1_mib() {
        let mib = 1024 * 1024;
        for pack in [gzip, zstd] {
            assert!(try_count(&pack(&vec![b' '; mib])).is_ok());
            let limit_bytes = 1024 * 1024;
            assert_eq!(
                try_count(&pack(&vec![b' '; mib + 1])),
                Err(RecountError::Bomb { limit_bytes })
            );
            assert!(matches!(
                try_count(&pack(&vec![b' '; 4 * mib])),
                Err(RecountError::Bomb { .. })
            ));
            // More than 1 MiB, but it packs less well than 200:1.
            let span = Span { events: 8_000, end: REFERENCE_TIME.parse().unwrap(), minutes: 5 };
            let text: String = lines(Shop::default(), span).map(|line| line + "\n").collect();
            assert!(text.len() > mib);
            assert_eq!(count(pack(text.as_bytes())).counted, 8_000);
        }
    }
}

#[test]
fn the_hash_is_that_of_the_stored_bytes() {
    assert_eq!(
        count("").content_hash,
        "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    );
}

mod visitors {
    use super::*;

    /// Who is there, as `<site> <hh:mm> <customer>+<customer> <session>+<session>; ...`, without
    /// the site `default`.
    #[track_caller]
    fn check_visitors(chunk: impl AsRef<[u8]>, expected: &str) {
        let recount = count(&chunk);
        let minutes = recount.visitors.by_period(minutebook_oracle::Granularity::Minute).map(
            |(site, period, ids)| {
                let site = if site == "default" { String::new() } else { format!("{site} ") };
                format!(
                    "{site}{} {} {}",
                    period.start().format("%H:%M"),
                    ids.users.join("+"),
                    ids.sessions.join("+")
                )
            },
        );
        let minutes = minutes.collect::<Vec<_>>().join("; ");
        assert_eq!(minutes, expected, "{}", String::from_utf8_lossy(chunk.as_ref()));
    }

    #[test]
    fn every_spelling_and_the_first_that_has_a_value_wins() {
        for name in ["customer_id", "user_id", "visitorid", "userId", "anonymousId"] {
            check_visitors(line(&format!(r#""event":"view","sku":1,"{name}":"a""#)), "11:07 a ");
        }
        for name in ["session_id", "user_session", "session"] {
            check_visitors(line(&format!(r#""event":"view","sku":1,"{name}":"a""#)), "11:07  a");
        }
        check_visitors(
            line(r#""event":"view","sku":1,"userId":"","anonymousId":"x","customer_id":null"#),
            "11:07 x ",
        );
        check_visitors(
            line(r#""event":"view","sku":1,"userId":"u","anonymousId":"x","session":1"#),
            "11:07 u 1",
        );
        check_visitors(line(r#""event":"view","sku":1"#), "");
    }

    #[test]
    fn an_integer_and_the_same_text_are_one_id() {
        let lines = [
            r#""user_id":7"#,
            r#""user_id":"7""#,
            r#""customer_id":"7 ""#,
            r#""customer_id":"\u0037""#,
        ];
        let chunk = lines.map(|id| line(&format!(r#""event":"view","sku":1,{id}"#))).concat();
        check_visitors(&chunk, "11:07 7+7  ");
        assert_eq!(count(&chunk).visitors.distinct("default", 0..i64::MAX).users, 2);
    }

    #[test]
    fn properties_are_looked_into_and_elements_of_events_inherit() {
        check_visitors(
            line(r#""event":"view","sku":1,"properties":{"userId":"a","session":"b"}"#),
            "11:07 a b",
        );
        check_visitors(
            r#"{"session":7,"properties":{"userId":"a"},"events":[{"aid":1,"ts":1763636851,"type":"clicks"},{"aid":2,"ts":1763636911,"type":"carts","userId":"b","site_id":"s"}]}"#,
            "11:07 a 7; s 11:08 b 7",
        );
    }

    #[test]
    fn only_counted_events_are_of_somebody() {
        let view = line(r#""event":"view","sku":1,"event_id":1,"userId":"a""#);
        let duplicate = line(r#""event":"view","sku":1,"event_id":1,"userId":"b""#);
        let ignored = line(r#""event":"refund","sku":1,"userId":"c""#);
        let rejected = line(r#""event":"view","userId":"d""#);
        let half = line(
            r#""userId":"e","events":[{"event":"refund","sku":1},{"event":"cart","sku":1,"session":1}]"#,
        );
        check_visitors([view, duplicate, ignored, rejected, half].concat(), "11:07 a+e 1");
        for event in ["view", "cart", "remove_from_cart", "purchase"] {
            check_visitors(line(&format!(r#""event":"{event}","sku":1,"userId":"a""#)), "11:07 a ");
        }
        check_visitors(line(r#""event":"refund","sku":1,"price":1,"userId":"a""#), "11:07 a ");
    }

    #[test]
    fn visitors_of_several_chunks_are_merged() {
        let chunk = |user: &str| {
            count(line(&format!(r#""event":"view","sku":1,"session":"s","userId":"{user}""#)))
        };
        let visitors = minutebook_oracle::visitors(&[chunk("a"), chunk("b"), chunk("a")]);
        let distinct = visitors.distinct("default", 0..i64::MAX);
        assert_eq!((distinct.users, distinct.sessions), (2, 1));
    }
}

#[test]
fn recounts_of_several_chunks_are_added() {
    let chunks = [count(VIEW), count(format!("{VIEW}\n{VIEW}"))];
    let sums = minutebook_oracle::sum(&chunks);
    let cells: Vec<String> =
        sums.iter().map(|(key, number)| format!("{} {}={number}", key.measure, key.key)).collect();
    assert_eq!(cells, ["views 1=3"]);
}
