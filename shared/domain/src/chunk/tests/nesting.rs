//! Fields in properties, parameters, items and events.

use crate::chunk::tests::support::{
    AT, check_notes, check_outcomes, check_rejected, check_tally, event, read_whole,
};

#[test]
fn missing_fields_are_looked_up_in_properties() {
    check_tally(
        r#"{"event":"Product Viewed","timestamp":"2026-11-20T23:07:31Z","properties":{"sku":"a","url":"/x"}}"#,
        "views a=1; pages =1 /x=1",
    );
    check_tally(&format!(r#"{{"properties":{{"event":"view",{AT},"sku":"a"}}}}"#), "views a=1");
    check_tally(&event("view", r#""sku":"own","properties":{"item_id":"theirs"}"#), "views own=1");
    check_tally(
        &event("view", r#""properties":{"sku":"x"},"properties":{"sku":"y"}"#),
        "views y=1",
    );
    check_tally(
        &event("view", r#""properties":{"products":[{"sku":"a"},{"properties":{"sku":"b"}}]}"#),
        "views a=1 b=1",
    );
    check_tally(&event("view", r#""sku":"a","properties":[{"event_id":1.5}]"#), "views a=1");
    check_rejected(&event("view", r#""properties":{"properties":{"sku":"x"}}"#), "missing:item_id");
    check_tally(&event("view", r#""properties":{"sku":"x"},"properties":7"#), "views x=1");
    check_rejected(&event("view", r#""properties":{"events":[]}"#), "missing:item_id");
}

#[test]
fn when_an_event_was_sent_is_its_time_only_if_it_has_no_other() {
    let sent = r#""event":"view","sku":"a","sent_at":1,"received_at":2"#;
    check_tally(&format!(r#"{{{sent},"properties":{{{AT}}}}}"#), "views a=1");
    check_tally(
        &format!(
            r#"{{{sent},"event_params":[{{"key":"ts","value":{{"int_value":1795216051}}}}]}}"#
        ),
        "views a=1",
    );
    check_tally(&format!("{{{sent}}}"), "1970-01-01T00:00:00Z views a=1");
    // The time of the line is less than that of the event itself.
    check_tally(&format!(r#"{{{AT},"events":[{{{sent}}}]}}"#), "1970-01-01T00:00:00Z views a=1");
}

#[test]
fn params_are_properties_by_another_name() {
    check_tally(
        &event("view", r#""params":{"sku":"a","page_location":"/p?q"}"#),
        "views a=1; pages =1 /p=1",
    );
    check_tally(&event("view", r#""params":{"sku":"a"},"properties":{"sku":"b"}"#), "views b=1");
    check_tally(&event("view", r#""params":{"sku":"a"},"properties":[]"#), "views a=1");
    check_rejected(&event("view", r#""params":{"sku":"a"},"properties":{}"#), "missing:item_id");
}

#[test]
fn missing_fields_are_looked_up_in_parameters_after_properties() {
    let with = |parameters: &str| event("view", &format!(r#""event_params":{parameters}"#));
    for value in [
        r#"{"string_value":"a"}"#,
        r#"{"int_value":"b","string_value":"a"}"#,
        r#"{"string_value":"","int_value":null,"float_value":[],"double_value":"\u0061"}"#,
    ] {
        check_tally(
            &with(&format!(
                r#"[{{"key":"title","value":{{}}}}, {{"value":{value}, "key":"sku"}}]"#
            )),
            "views a=1",
        );
    }
    check_tally(
        &with(r#"[1,{"key":"\u0073ku","value":{"int_value":2}},{"key":"sku","value":7},{}]"#),
        "views 2=1",
    );
    check_tally(
        &with(
            r#"[{"key":"path","value":{"string_value":"/a"}},{"key":"aid","value":{"int_value":3}}]"#,
        ),
        "views 3=1; pages =1 /a=1",
    );
    check_tally(
        &event(
            "view",
            r#""properties":{"sku":"a"},"event_params":[{"key":"sku","value":{"int_value":1}}]"#,
        ),
        "views a=1",
    );
    check_tally(
        &with(
            r#"[{"key":"sku","value":{"int_value":1}},{"key":"SKU","value":{"int_value":null}}]"#,
        ),
        "views 1=1",
    );
    for nothing in [
        r#"[{"key":"items","value":{"string_value":[{"sku":1}]}}]"#,
        r#"[{"key":"sku","value":{"int_value":true}}]"#,
        r#"{"key":"sku","value":{"int_value":1}}"#,
    ] {
        check_rejected(&with(nothing), "missing:item_id");
    }
    // No value is left from the previous line.
    let lines =
        [with(r#"[{"key":"sku","value":{"int_value":1}}]"#), event("view", r#""page":"/x""#)]
            .join("\n");
    check_tally(&lines, "views 1=1; pages /x=1");
}

#[test]
fn the_location_of_an_event_with_items_is_not_a_page_view() {
    check_tally(&event("view", r#""page_location":"/p","items":[{"sku":"a"}]"#), "views a=1");
    check_tally(&event("view", r#""page_location":"/p","items":[]"#), "pages /p=1");
    check_tally(
        &event("view", r#""page_location":"/p","url":"/u","items":[{"sku":"a"}]"#),
        "views a=1; pages =1 /u=1",
    );
    check_rejected(&event("view", r#""page_location":7"#), "invalid:page_url");
    check_tally(&event("view", r#""page_location":7,"sku":"a""#), "views a=1");
}

#[test]
fn an_element_of_events_may_have_its_type_as_its_name() {
    let line = |members: &str| format!(r#"{{{AT},{members}}}"#);
    check_tally(
        &line(r#""events":[{"name":"view","params":{"sku":"a"}},{"name":"scroll"}]"#),
        "views a=1",
    );
    check_tally(&line(r#""type":"view","events":[{"name":"Shoe","sku":"a"}]"#), "views a=1");
    check_notes(&line(r#""events":[{"name":"Shoe","sku":"a"}]"#), "Shoe=1");
    check_rejected(&line(r#""name":"view","events":[{"sku":"a"}]"#), "missing:event_type");
    check_rejected(&line(r#""name":"view","sku":"a""#), "missing:event_type");
}

#[test]
fn an_event_with_items_counts_each_of_them() {
    check_tally(
        &event(
            "purchase",
            r#""currency":"usd","price":100,"items":[{"sku":"a","price":1.5,"quantity":2},{"sku":"b"},{"sku":"c","total_amount":"7","currency":"gbp"},{"sku":"a","price":1}]"#,
        ),
        "units a=3 b=1 c=1; sales:GBP c=7; sales:USD a=4",
    );
    check_tally(
        &event("view", r#""page":"/p","items":[{"sku":"a"},{"sku":"a"}]"#),
        "views a=2; pages =1 /p=1",
    );
    // The item of the event itself is ignored.
    check_tally(&event("cart", r#""item_id":1.5,"price":"x","items":[{"sku":"a"}]"#), "carts a=1");
    check_rejected(&event("view", r#""page":"/p","items":[{"price":1}]"#), "missing:item_id");
    check_rejected(&event("view", r#""items":[{"sku":"a"},7]"#), "invalid:items");
    check_rejected(&event("view", r#""items":[{"sku":"a"},null]"#), "invalid:items");
    check_rejected(&event("view", r#""items":[{"sku":1.5},7]"#), "invalid:item_id");
}

#[test]
fn a_line_with_events_is_many_events() {
    check_tally(
        r#"{"session":7,"events":[{"aid":1,"ts":1795216051000,"type":"clicks"},{"aid":1,"ts":1795216051000,"type":"carts"},{"aid":2,"ts":1795216111000,"type":"orders"}]}"#,
        "views 1=1; carts 1=1; 2026-11-20T23:08:00Z units 2=1",
    );
    // Each event inherits the fields that it lacks.
    check_tally(
        &format!(
            r#"{{"event":"view",{AT},"sku":"a","app_id":"s","properties":{{"url":"/p"}},"events":[{{}},{{"sku":"b"}},{{"properties":{{"item_id":"c","site_id":"t"}}}}]}}"#
        ),
        "s views a=1 b=1; s pages =2 /p=2; t views c=1; t pages =1 /p=1",
    );
    check_tally(
        &format!(
            r#"{{"event":"view",{AT},"items":[{{"sku":"a"}}],"events":[{{}},{{"items":[{{"sku":"b"}}]}}]}}"#
        ),
        "views a=1 b=1",
    );
    // Only at the top level of a line, and only an array.
    check_tally(&event("view", r#""sku":"a","events":{"a":1}"#), "views a=1");
    check_tally(
        &format!(r#"{{"events":[{{"event":"view",{AT},"sku":"a","events":[1]}}]}}"#),
        "views a=1",
    );
    check_outcomes(&event("x", r#""events":[]"#), "0/1/0");
    check_outcomes(&event("x", r#""events":[ ]"#), "0/1/0");
}

#[test]
fn each_element_of_events_stands_alone() {
    let line = format!(
        r#"{{"event":"view",{AT},"sku":"a","events":[{{}},7,"é",{{"sku":[]}},{{"event":"shop_opened"}},{{"ts":"x"}},{{"event":"cart","sku":"b","event_id":1}},{{"event":"cart","event_id":1}}]}}"#
    );
    let count = read_whole(line.as_bytes());
    let outcomes = &count.outcomes;
    assert_eq!((outcomes.lines, outcomes.counted, outcomes.ignored), (8, 2, 1));
    assert_eq!((outcomes.duplicate, outcomes.rejected_total()), (1, 4));
    assert_eq!(
        String::from_utf8_lossy(&count.rejected),
        r#"{"line":1,"offset":0,"event":2,"reason":"invalid:events","text":"7"}
{"line":1,"offset":0,"event":3,"reason":"invalid:events","text":"\"é\""}
{"line":1,"offset":0,"event":4,"reason":"invalid:item_id","text":"{\"sku\":[]}"}
{"line":1,"offset":0,"event":6,"reason":"invalid:timestamp","text":"{\"ts\":\"x\"}"}
"#
    );
    check_notes(&line, "shop_opened=1");
}

#[test]
fn what_a_rejected_element_added_is_taken_back() {
    let bad = r#"{"user_id":[],"items":[{"sku":"a"},{"sku":[]}]}"#;
    let good = r#"{"items":[{"sku":"b","price":1}]}"#;
    for events in [format!("{bad},{good}"), format!("{good},{bad}"), format!("{bad},{good},{bad}")]
    {
        let line = format!(r#"{{"event":"purchase",{AT},"events":[{events}]}}"#);
        let count = read_whole(line.as_bytes());
        assert_eq!(count.outcomes.counted, 1);
        assert_eq!(
            format!("{:?}", count.tally).replace(" 2026-11-20T23:07:00Z", ""),
            "default units b=1\ndefault sales:EUR =1 b=1\n"
        );
        check_notes(&line, "");
    }
}

#[test]
fn an_object_of_the_only_item_has_the_names_of_items() {
    check_tally(&event("view", r#""product":{"id":7,"name":"Phone"}"#), "views 7=1");
    check_tally(&event("cart", r#""data":{"item":{"name":"Phone"}}"#), "carts Phone=1");
    check_tally(
        &event("purchase", r#""product":{"id":7,"price":3,"quantity":9},"quantity":2"#),
        "units 7=2; sales:EUR 7=6",
    );
    check_tally(&event("view", r#""product":{"id":7},"sku":"a""#), "views a=1");
    check_tally(&event("view", r#""product":{"id":7},"items":[{"sku":"a"}]"#), "views a=1");
    check_rejected(&event("view", r#""product":"7""#), "missing:item_id");
    // It has only the fields of an item.
    check_rejected(r#"{"event":"view","product":{"id":7,"ts":1795216051}}"#, "missing:timestamp");
    // Nothing is left from the previous line.
    let lines = [event("view", r#""product":{"id":7}"#), event("view", r#""params":{"url":"/"}"#)];
    check_tally(&lines.join("\n"), "views 7=1; pages /=1");
}

#[test]
fn an_array_named_data_is_one_of_events() {
    let line =
        |name: &str| format!(r#"{{"event":"view",{AT},"{name}":[{{"sku":"a"}},{{"sku":"b"}}]}}"#);
    for name in ["events", "batch", "data", "Data"] {
        check_tally(&line(name), "views a=1 b=1");
    }
    check_tally(&event("view", r#""data":{"sku":"a"}"#), "views a=1");
    check_rejected(&event("view", r#""metadata":[{"sku":"a"}]"#), "missing:item_id");
}

#[test]
fn a_view_needs_an_item_or_a_page_and_other_types_an_item() {
    check_tally(&event("view", r#""item_id":"a","page":"/p""#), "views a=1; pages =1 /p=1");
    check_tally(&event("view", r#""page":"/p""#), "pages /p=1");
    check_tally(&event("cart", r#""item_id":"a","page":"/p""#), "carts a=1");
    check_rejected(&event("view", ""), "missing:item_id");
    for kind in ["cart", "remove_from_cart", "purchase", "refund"] {
        check_rejected(&event(kind, r#""page":"/p""#), "missing:item_id");
    }
}
