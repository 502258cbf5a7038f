//! Where the fields of an event are looked for.

use super::*;

#[test]
fn every_spelling_of_every_field() {
    for name in ["event_type", "event", "type", "event_name", "eventType"] {
        check(line(&format!(r#""{name}":"view","item_id":1"#)), "c1 e1 | views 11:07 1=1");
    }
    for name in ["timestamp", "event_time", "ts", "time", "event_timestamp", "timestamp_micros"] {
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
                &format!("c1 e1 dropped:{field}=1 | views 11:07 1=1"),
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
    check(line(r#""type":"track","event":"Product Viewed","sku":1"#), "c1 e1 | views 11:07 1=1");
    check(line(r#""item_id":false,"sku":1,"event":"view""#), "invalid:item_id@1 | ");
    check(line(r#""item_id":" ","sku":1,"event":"view""#), "c1 e1 | views 11:07  =1");
    check(line(r#""Item_Id":1,"event":"view""#), "c1 e1 | views 11:07 1=1");
    check(line(r#""item_\u0438d":1,"event":"view""#), "missing:item_id@1 | ");
}

#[test]
fn what_an_object_lacks_is_looked_for_in_its_properties() {
    check(line(r#""event":"view","properties":{"sku":1}"#), "c1 e1 | views 11:07 1=1");
    check(line(r#""event":"view","sku":2,"properties":{"item_id":1}"#), "c1 e1 | views 11:07 2=1");
    check(line(r#""event":"view","sku":"","properties":{"item_id":1}"#), "c1 e1 | views 11:07 1=1");
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
    check(line(r#""event":"view","params":{"sku":1},"properties":7"#), "c1 e1 | views 11:07 1=1");
    check(line(r#""event":"view","params":{"items":[{"sku":1}]}"#), "c1 e1 | views 11:07 1=1");
}

#[test]
fn event_params_are_looked_into_behind_properties() {
    let with = |parameters: &str| line(&format!(r#""event":"view","event_params":{parameters}"#));
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
        with(r#"[{"key":"sku","value":{"int_value":2}},{"key":"sku","value":{"int_value":1}}]"#),
        one,
    );
    check(
        with(
            r#"[7,[],{"key":"sku","value":{"int_value":1}},{"key":"sku","value":3},{"key":7,"value":{}}]"#,
        ),
        one,
    );
    check(with(r#"[{"key":"sku","value":{"int_value":1}},{"key":"SKU","value":{}}]"#), one);
    let missing = "missing:item_id@1 | ";
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
    check(line(r#""event":"view","page_location":"/x?y","page":"/z""#), "c1 e1 | pages 11:07 /z=1");
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
        "c2 e2 | pages 11:07 /x=1; pages 11:07 /y=1",
    );
}

#[test]
fn an_element_of_events_may_have_its_type_as_its_name() {
    check(line(r#""events":[{"name":"view","sku":1}]"#), "c1 e1 | views 11:07 1=1");
    check(line(r#""events":[{"name":"cart","type":"view","sku":1}]"#), "c1 e1 | views 11:07 1=1");
    check(line(r#""type":"view","events":[{"name":"Shoe","sku":1}]"#), "c1 e1 | views 11:07 1=1");
    check(line(r#""events":[{"name":"Shoe","sku":1}]"#), "i1 unknown:Shoe=1 | ");
    check(line(r#""events":[{"name":7,"sku":1}]"#), "invalid:event_type@1.1 | ");
    check(line(r#""events":[{"name":"","sku":1}]"#), "missing:event_type@1.1 | ");
    check(line(r#""events":[{"params":{"name":"view"},"sku":1}]"#), "missing:event_type@1.1 | ");
    check(line(r#""name":"view","events":[{"sku":1}]"#), "missing:event_type@1.1 | ");
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
        "c1 e1 without_money=1 | units 11:07 1=1",
    );
    check(line(r#""event":"purchase","item_id":9,"items":[{"price":1}]"#), "missing:item_id@1 | ");
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
        "c2 e2 | carts 11:08 2=1; views 11:07 1=1",
    );
    check(
        line(
            r#""site_id":"s","event":"view","properties":{"item_id":1},"events":[{},{"properties":{"sku":2}},{"event":"cart"}]"#,
        ),
        "c3 e3 | s carts 11:07 1=1; s views 11:07 1=1; s views 11:07 2=1",
    );
    check(
        line(r#""event":"purchase","price":5,"events":[{"sku":1,"quantity":2}]"#),
        "c1 e1 | sales:USD 11:07 1=10; units 11:07 1=2",
    );
    check(
        line(r#""event":"view","items":[{"sku":1}],"events":[{"sku":2},{"items":[{"sku":3}]}]"#),
        "c2 e2 | views 11:07 1=1; views 11:07 3=1",
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
    check(
        line(r#""event":"view","sku":1,"events":[{},1,null]"#),
        "c1 e1 invalid:events@1.2 invalid:events@1.3 | views 11:07 1=1",
    );
}

#[test]
fn each_element_of_events_stands_alone() {
    check(
        line(r#""sku":1,"events":[{"event":"view"},{"event":"nonsense"},{"event":"search"}]"#),
        "c1 i2 e1 unknown:nonsense=1 | views 11:07 1=1",
    );
    check(
        format!("{VIEW}\n")
            + &line(
                r#""event":"view","events":[{"sku":1.5},{"sku":1},{"ts":"x"},{"site_id":"!"}]"#,
            ),
        "c2 e2 invalid:item_id@2.1 invalid:timestamp@2.3 invalid:site_id@2.4 | views 11:07 1=2",
    );
    // Nothing is reported about a rejected one.
    check(
        line(r#""event":"view","events":[{"user_id":{}},{"sku":1,"session":{}},{"event":"x"}]"#),
        "c1 i1 e1 missing:item_id@1.1 dropped:session_id=1 unknown:x=1 | views 11:07 1=1",
    );
}

#[test]
fn the_first_bad_item_of_an_event_rejects_all_of_it() {
    let items = r#""items":[{"sku":1},{},{"sku":2.5}]"#;
    check(line(&format!(r#""event":"view",{items}"#)), "missing:item_id@1 | ");
    check(
        line(&format!(r#""event":"view","events":[{{{items}}},{{"sku":3}}]"#)),
        "c1 e1 missing:item_id@1.1 | views 11:07 3=1",
    );
}

#[test]
fn the_fields_of_the_only_item_are_looked_up_last_in_its_product() {
    for (members, expected) in [
        (r#""product":{"id":1,"name":"x"}"#, "c1 e1 | views 11:07 1=1"),
        (r#""item":{"title":"x"}"#, "c1 e1 | views 11:07 x=1"),
        (r#""product":7,"item":{"id":1}"#, "c1 e1 | views 11:07 1=1"),
        (r#""properties":{"product":{"id":1}}"#, "c1 e1 | views 11:07 1=1"),
        (r#""product":{"id":1},"properties":{"product":{"id":2}}"#, "c1 e1 | views 11:07 1=1"),
        (r#""product":{"id":2},"sku":1"#, "c1 e1 | views 11:07 1=1"),
        (r#""product":{"id":2},"properties":{"sku":1}"#, "c1 e1 | views 11:07 1=1"),
        (
            r#""product":{"id":2},"event_params":[{"key":"sku","value":{"int_value":1}}]"#,
            "c1 e1 | views 11:07 1=1",
        ),
        (r#""product":{"id":1},"items":[]"#, "c1 e1 | views 11:07 1=1"),
        (r#""product":{"id":2},"items":[{"sku":1}]"#, "c1 e1 | views 11:07 1=1"),
        (r#""product":{"id":2},"items":[{"price":1}]"#, "missing:item_id@1 | "),
        (
            r#""product":{"id":1},"events":[{},{"product":{"id":2}}]"#,
            "c2 e2 | views 11:07 1=1; views 11:07 2=1",
        ),
        (r#""product":"1""#, "missing:item_id@1 | "),
        (r#""product":[{"id":1}]"#, "missing:item_id@1 | "),
        (r#""product":{"id":1.5}"#, "invalid:item_id@1 | "),
        // It has no other fields.
        (r#""product":{"url":"/a"}"#, "missing:item_id@1 | "),
    ] {
        check(line(&format!(r#""event":"view",{members}"#)), expected);
    }
    check(
        line(r#""event":"order","product":{"id":1,"price":2,"quantity":9},"quantity":3"#),
        "c1 e1 | sales:USD 11:07 1=6; units 11:07 1=3",
    );
    check(
        line(r#""event":"order","product":{"id":1,"total":2},"value":9"#),
        "c1 e1 | sales:USD 11:07 1=2; units 11:07 1=1",
    );
}

#[test]
fn the_last_object_or_array_named_data_decides_which_of_the_two_it_is() {
    let one = "c1 e1 | views 11:07 1=1";
    for (members, expected) in [
        (r#""data":[{"sku":1},{"sku":2}]"#, "c2 e2 | views 11:07 1=1; views 11:07 2=1"),
        (r#""data":[]"#, "i1 | "),
        (r#""data":{"sku":1}"#, one),
        (r#""data":{"sku":1},"data":7,"data":null"#, one),
        (r#""data":[{"sku":1}],"data":"x""#, one),
        (r#""data":[{"sku":2}],"data":{"sku":1}"#, one),
        (r#""data":{"sku":2},"Data":[{"sku":1}]"#, one),
        (r#""data":{"sku":2},"data":[{}]"#, "missing:item_id@1.1 | "),
        (r#""events":[{"sku":1}],"data":[{"sku":2}]"#, one),
        (r#""events":7,"data":[{"sku":1}]"#, one),
        (r#""events":[{}],"data":{"sku":1}"#, one),
        (r#""data":[{"data":{"sku":1}}]"#, one),
        (r#""data":[{"data":[{"sku":1}]}]"#, "missing:item_id@1.1 | "),
        (r#""properties":{"data":[{"sku":1}]}"#, "missing:item_id@1 | "),
        (r#""metadata":[{"sku":1}]"#, "missing:item_id@1 | "),
    ] {
        check(line(&format!(r#""event":"view",{members}"#)), expected);
    }
}
