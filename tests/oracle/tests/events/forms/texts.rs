//! Texts that hold JSON, lines that are texts, and what a schema registry writes.

use super::*;

#[test]
fn properties_and_items_as_texts() {
    let properties = text(r#"{"product_id": "TP", "price": 5}"#);
    let order =
        text(r#"{"order_id": "T", "products": [{"product_id": "TP", "price": 5, "quantity": 1}]}"#);
    let items = text(r#"[{"item_id": "TP", "price": 5, "quantity": 1}]"#);
    check(
        format!(
            r#"{{"event": "Product Viewed", "timestamp": "2026-11-26T10:00:00Z", "site_id": "c54", "userId": "u", "properties": {properties}}}
            {{"event": "Order Completed", "timestamp": "2026-11-26T10:01:00Z", "site_id": "c54", "userId": "u", "properties": {order}}}
            {{"event_name": "purchase", "event_timestamp": "1795687200000000", "site_id": "c54", "user_pseudo_id": "u", "items": {items}}}"#
        ),
        "c3 e3 | c54 sales:USD 10:00 TP=5; c54 units 10:00 TP=1; c54 views 10:00 TP=1 | \
         c54 order_value:USD 10:01 gross=5; c54 order_value:USD 10:01 orders=1; \
         c54 order_value:USD 10:01 sales=5; c54 ordered 10:01 TP=1; c54 ordered_value:USD 10:01 TP=5; \
         c54 orders 10:01 CREATED=1; c54 sales:USD 10:01 TP=5; c54 units 10:01 TP=1",
    );
}

#[test]
fn a_column_of_texts() {
    check(
        "event_name,event_timestamp,user_pseudo_id,site_id,items\n\
         purchase,1795687200000000,u1,c54,\"[{\"\"item_id\"\":\"\"TP\"\",\"\"price\"\":5,\"\"quantity\"\":1}]\"\n",
        "c1 e1 | c54 sales:USD 10:00 TP=5; c54 units 10:00 TP=1",
    );
}

#[test]
fn events_as_texts_and_in_them() {
    let item = r#"{"item_id":1,"price":2}"#;
    let properties = text(&format!("{{\"items\":{}}}", text(&format!("[{item}]"))));
    let events = format!(r#"[{{"type":"purchase","params":{properties}}},7,{{"type":"view"}}]"#);
    check(
        format!(r#"{{"ts":"2026-11-26T10:07:31Z","events":{}}}"#, text(&events)),
        "c1 e1 invalid:events@1.2 missing:item_id@1.3 | sales:USD 10:07 1=2; units 10:07 1=1",
    );
    let one = text(VIEW);
    check(format!(r#"{{"ts":"2026-11-26T10:07:31Z","events":[{one}]}}"#), "invalid:events@1.1 | ");
}

#[test]
fn events_in_a_text_inherit_as_much_as_others() {
    let line = |padding: usize| {
        let events = format!("[{}]", vec![r#"{"x":""}"#; 1_024].join(","));
        let rest = format!(
            r#"{{"event":"x","properties":{},"events":}}"#,
            text(&format!("{{\"a\":\"{}\"}}", "b".repeat(padding)))
        );
        rest.replace("\"events\":", &format!("\"events\":{}", text(&events)))
    };
    // Without the quotes and the escapes of its texts, the object has 45 bytes besides.
    check(line(1_024 - 45), "i1024 unknown:x=1024 | ");
    check(line(1_025 - 45), "too_large@1 | ");
}

#[test]
fn a_text_of_another_kind_is_no_value() {
    for properties in ["[{\"item_id\":1}", "{}", "\"\"", "item_id", "[1]"] {
        let properties = text(properties);
        check(
            format!(r#"{{"event":"view","ts":"2026-11-26T10:07:31Z","properties":{properties}}}"#),
            "missing:item_id@1 | ",
        );
    }
}

#[test]
fn a_line_that_is_the_text_of_an_object() {
    let text_of_view = text(VIEW);
    check(&text_of_view, ONE_VIEW);
    check(format!(" {text_of_view} \r\n{VIEW}"), "c2 e2 | views 10:07 1=2");
    check(format!("[{text_of_view},\n{text_of_view}]"), "c2 e2 | views 10:07 1=2");
    check(format!("{text_of_view},{VIEW}"), "c2 e2 | views 10:07 1=2");
    check(text(&format!(" {VIEW}\n")), ONE_VIEW);
    check(format!("{text_of_view},{text_of_view}"), "not_json@1 | ");
    check(format!("{text_of_view},1\n"), "not_json@1 | ");
    check(text(&text_of_view), "not_object@1 | ");
    for content in ["[{}]", "x", "", "{", "{}{}"] {
        check(text(content), "not_object@1 | ");
    }
    check(text("{}"), "missing:event_type@1 | ");
    let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    check(text(&deep(63)), "missing:event_type@1 | ");
    check(text(&deep(64)), "not_object@1 | ");
}

#[test]
fn the_bytes_of_a_schema_registry() {
    let before = |head: &[u8]| [head, VIEW.as_bytes()].concat();
    check(before(b"\0\0\0\0\x07"), ONE_VIEW);
    check(before(b"\0\n\n\xff\n"), ONE_VIEW);
    check(
        [before(b"\0\0\0\n\0"), before(b"\0abcd"), b"\nx".to_vec()].concat(),
        "c2 e2 not_json@2 | views 10:07 1=2",
    );
    check(before(b"\n [\0{}{}"), ONE_VIEW);
    check(before(b"\0abc"), "not_json@1 | ");
    check(before(b"\0abcd "), "not_json@1 | ");
    check([b"\0abcd", text(VIEW).as_bytes()].concat(), "not_json@1 | ");
    // In CSV they are text.
    check([b"event,item_id\n", &before(b"\0abcd")[..], b"\n"].concat(), "too_many_cells@2 | ");
    let utf16 = format!("\u{feff}\0abcd{VIEW}");
    let utf16: Vec<u8> = utf16.encode_utf16().flat_map(u16::to_le_bytes).collect();
    check(utf16, ONE_VIEW);
}
