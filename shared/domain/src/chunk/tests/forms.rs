//! Envelopes, forms of platforms, and texts that hold JSON.

use crate::chunk::lines::LINE_BYTES_MAX;
use crate::chunk::tests::support::{
    AT, check_notes, check_outcomes, check_rejected, check_tally, event, order_lines,
    order_refunds, read_whole, tally,
};

const TIME: &str = "2026-11-20T23:07:31Z";

/// A text in JSON that holds this.
fn text(json: &str) -> String {
    serde_json::to_string(json).expect("text")
}

/// What the orders of a text are, without the default site.
fn check_orders(line: &str, expected: &[&str]) {
    let count = read_whole(line.as_bytes());
    assert_eq!(count.outcomes.rejected_total(), 0, "{}", String::from_utf8_lossy(&count.rejected));
    assert_eq!((count.outcomes.lines, count.outcomes.counted), (1, 1), "{line}");
    let orders: String = count.orders.iter().map(|order| format!("{order:?}")).collect();
    for part in expected {
        assert!(orders.contains(part), "{part}: {orders}");
    }
}

#[test]
fn texts_hold_json_where_it_is_expected() {
    let products = text(r#"[{"product_id":"a","price":5},{"properties":"{\"sku\":\"b\"}"}]"#);
    for (members, expected) in [
        (format!(r#""properties":{}"#, text(r#"{"sku":"a"}"#)), "units a=1"),
        (format!(r#""Properties":{}"#, text("{\n\"sku\":\n\"a\"}")), "units a=1"),
        (format!(r#""payload":{}"#, text(r#"{"items":"[{\"sku\":\"a\"}]"}"#)), "units a=1"),
        (format!(r#""items":{products}"#), "units a=1 b=1; sales:EUR a=5"),
        (format!(r#""properties":{{"products":{products}}}"#), "units a=1 b=1; sales:EUR a=5"),
        (format!(r#""product":{}"#, text(r#"{"id":"a"}"#)), "units a=1"),
        (
            format!(
                r#""event_params":{}"#,
                text(r#"[{"key":"sku","value":{"string_value":"a"}}]"#)
            ),
            "units a=1",
        ),
        (format!(r#""sku":"a","details":{}"#, text(r#"{"sku":"b"}"#)), "units a=1"),
        // None of these is an object or an array with a text in it.
        (
            r#""sku":"a","details":"a \"red\" shirt","metadata":"{}","payload":"[1]""#.into(),
            "units a=1",
        ),
        (format!(r#""sku":"a","items":{}"#, text(r#"["#)), "units a=1"),
        (format!(r#""sku":"a","items":{}"#, text("[\"\u{1}\"]")), "units a=1"),
    ] {
        check_tally(&event("purchase", &members), expected);
    }
    let element = |sku: &str| {
        event("view", &format!(r#""properties":{}"#, text(&format!(r#"{{"sku":"{sku}"}}"#))))
    };
    check_tally(&format!(r#"{{"events":[{},{}]}}"#, element("a"), element("b")), "views a=1 b=1");
    check_tally(
        &format!(r#"{{"batch":{}}}"#, text(&format!("[{},{}]", element("a"), element("b")))),
        "views a=1 b=1",
    );
}

#[test]
fn a_line_that_is_the_text_of_an_object_is_the_object() {
    check_tally(&text(&event("view", r#""sku":"a""#)), "views a=1");
    check_tally(
        &format!(
            "{}\n {} ",
            text(&event("view", r#""sku":"a""#)),
            text(&event("view", r#""sku":"a""#))
        ),
        "views a=2",
    );
    check_rejected(&text("[\"a\"]"), "not_object");
    check_rejected(r#""a""#, "not_object");
    check_rejected(&text(&event("view", "")), "missing:item_id");
}

#[test]
fn white_space_behind_a_text_counts_towards_its_length_but_not_behind_an_object() {
    let view = event("view", r#""sku":"a""#);
    for (line, of_longest) in [(text(&view), 0), (view.clone(), 1)] {
        for (bytes, counted) in [(LINE_BYTES_MAX, 1), (LINE_BYTES_MAX + 1, of_longest)] {
            let padded = format!("{line}{}\r\n", " ".repeat(bytes - line.len() - 1));
            let outcomes = read_whole(padded.as_bytes()).outcomes;
            assert_eq!((outcomes.lines, outcomes.counted), (1, counted), "{bytes}: {line}");
        }
    }
}

#[test]
fn the_bytes_of_a_schema_registry_are_skipped() {
    let view = event("view", r#""sku":"a""#);
    for ids in [[0, 0, 0, 7], [0, 0, 0, b'\n'], [1, 2, 0, b'{']] {
        let record = [&[0][..], &ids, view.as_bytes()].concat();
        for (text, lines) in [
            (record.clone(), 1),
            ([&record[..], b"\n", &record].concat(), 2),
            ([&record[..], &record].concat(), 2),
        ] {
            let count = read_whole(&text);
            assert_eq!(count.outcomes.rejected_total(), 0, "{ids:?}: {text:?}");
            assert_eq!((count.outcomes.counted, count.outcomes.lines), (lines, lines));
        }
    }
    // A line feed in them ends no line.
    let rejected = read_whole(b"\0\0\0\0\n{\n\0\0\0\0\n{").rejected;
    let rejected = String::from_utf8(rejected).expect("text");
    let lines: Vec<&str> = rejected.lines().map(|line| &line[..22]).collect();
    assert_eq!(lines, [r#"{"line":1,"offset":5,""#, r#"{"line":2,"offset":12,"#]);
    assert_eq!(read_whole(b"\0\0\0\0\x07x\n").outcomes.rejected_total(), 1);
    assert_eq!(read_whole(b"\0\0").outcomes.rejected_total(), 1);
}

#[test]
fn envelopes_are_opened() {
    let view = event("view", r#""sku":"a""#);
    let typed = format!(
        r#"{{"event_type":{{"S":"purchase"}},"timestamp":{{"S":"{TIME}"}},"price":{{"N":"5.50"}},"sku":{{"S":"a"}},
        "gift":{{"BOOL":true}},"note":{{"NULL":true}},"odd":{{"N":"x","S":"y"}}}}"#
    )
    .replace('\n', "");
    let items =
        r#""items":{"L":[{"M":{"sku":{"S":"a"},"price":{"N":"2"}}},{"M":{"sku":{"S":"b"}}}]}"#;
    let typed_items = typed.replace(r#""sku":{"S":"a"}"#, items);
    for (line, expected) in [
        (format!(r#"{{"schema":{{"type":"struct"}},"payload":{view}}}"#), "views a=1"),
        (format!(r#"{{"schema":null,"payload":{view}}}"#), "views a=1"),
        (format!(r#"{{"schema":1,"payload":{}}}"#, text(&view)), "views a=1"),
        (format!(r#"{{"before":null,"after":{view},"source":{{}},"op":"c"}}"#), "views a=1"),
        (format!(r#"{{"op":"r","after":{}}}"#, text(&view)), "views a=1"),
        (format!(r#"{{"schema":1,"payload":{{"op":"c","after":{view}}}}}"#), "views a=1"),
        (
            r#"{"op":"c","ts_ms":1795216051000,"after":{"event":"view","sku":"a"}}"#.to_string(),
            "views a=1",
        ),
        (
            format!(
                r#"{{"specversion":"1.0","id":"1","type":"com.shop.purchase","time":"{TIME}","data":{{"event":"purchase","sku":"a","price":5}}}}"#
            ),
            "units a=1; sales:EUR a=5",
        ),
        (
            format!(
                r#"{{"specversion":"1.0","type":"view","time":"{TIME}","site_id":"x","data":{{"sku":"a"}}}}"#
            ),
            "x views a=1",
        ),
        (
            format!(r#"{{"detail-type":"view","time":"{TIME}","detail":{{"sku":"a"}}}}"#),
            "views a=1",
        ),
        (format!(r#"{{"Item":{typed}}}"#), "units a=1; sales:EUR a=5.5"),
        // Texts that hold JSON, which is not typed, in typed values and in envelopes within them.
        (
            r#"{"Item":{"event":{"S":"view"},"ts":{"N":"1795216051"},"properties":{"S":"{\"sku\":\"a\",\"price\":{\"N\":\"5\"}}"}}}"#.to_string(),
            "views a=1",
        ),
        (
            r#"{"Item":{"schema":{"N":"1"},"payload":{"M":{"event":{"S":"view"},"ts":{"N":"1795216051"},"properties":{"S":"{\"sku\":\"a\"}"}}}}}"#.to_string(),
            "views a=1",
        ),
        (format!(r#"{{"Item":{typed_items}}}"#), "units a=1 b=1; sales:EUR a=2"),
        (
            format!(r#"{{"eventName":"INSERT","dynamodb":{{"NewImage":{typed}}}}}"#),
            "units a=1; sales:EUR a=5.5",
        ),
        (
            format!(
                r#"{{"specversion":"1.0","time":"2020-01-01T00:00:00Z","data":{{"detail-type":"view","time":"{TIME}","detail":{{"sku":"a"}}}}}}"#
            ),
            "views a=1",
        ),
    ] {
        check_tally(&line, expected);
        check_outcomes(&line, "1/0/0");
    }
    for line in [
        format!(r#"{{"before":{view},"after":{view},"source":{{"table":"t"}},"op":"u"}}"#),
        format!(r#"{{"eventName":"REMOVE","dynamodb":{{"OldImage":{typed}}}}}"#),
    ] {
        check_outcomes(&line, "0/1/0");
    }
    // The id of an envelope is that of its event.
    let cloud = format!(
        r#"{{"specversion":"1.0","id":"1","type":"view","time":"{TIME}","data":{{"sku":"a"}}}}"#
    );
    check_outcomes(&format!("{cloud}\n{cloud}"), "1/0/1");
    // Four are opened; then the object is read by its names.
    let nested = |times: usize| {
        (0..times).fold(view.clone(), |inner, _| format!(r#"{{"schema":1,"payload":{inner}}}"#))
    };
    check_outcomes(&nested(5), "1/0/0");
    check_rejected(&nested(6), "missing:event_type");
    // What several events hold is as always.
    let batch = format!(r#"{{"schema":1,"payload":{{"events":[{view},{{}},{view}]}}}}"#);
    assert_eq!(read_whole(batch.as_bytes()).outcomes.lines, 3);
}

#[test]
fn values_of_mongodb_are_what_they_wrap() {
    let wrapped = r#"{"_id":{"$oid":"0a"},"event":"purchase","ts":{"$date":"2026-11-20T23:07:31Z"},
        "product_id":{"$oid":"a"},"price":{"$numberDecimal":"5.50"},"qty":{"$numberInt":"2"},
        "user_id":{"$numberLong":"7"}}"#
        .replace('\n', "");
    check_tally(&wrapped, "units a=2; sales:EUR a=11");
    let time = |time: &str| format!(r#"{{"event":"view","ts":{time},"sku":"a"}}"#);
    check_tally(&time(r#"{"$date":{"$numberLong":"1795216051000"}}"#), "views a=1");
    check_tally(&time(r#"{"$date":1795216051000}"#), "views a=1");
    for odd in [
        r#"{"$date":{"$numberLong":{"$date":1795216051000}}}"#,
        r#"{"$date":1795216051000,"x":1}"#,
        r#"{"date":1795216051000}"#,
        "{}",
    ] {
        check_rejected(&time(odd), "invalid:timestamp");
    }
}

#[test]
fn orders_of_shopify_and_woocommerce_are_orders() {
    let shopify = format!(
        r#"{{"id":58,"order_number":1042,"created_at":"{TIME}","updated_at":"2026-11-20T23:09:00Z",
        "currency":"USD","total_price":"60.00","financial_status":"paid","app_id":580111,
        "customer":{{"id":7}},"line_items":[{{"id":1,"product_id":8061,"variant_id":2,"sku":"VC-1",
        "quantity":2,"price":"30.00"}}]}}"#
    )
    .replace('\n', "");
    check_orders(&shopify, &["58", "8061", "paid", "USD", "60"]);
    let cancelled =
        shopify.replace(r#""currency""#, r#""cancelled_at":"2026-11-20T23:10:00Z","currency""#);
    check_orders(&cancelled, &["58", "CANCELLED"]);
    check_orders(
        &format!(
            r#"{{"version":"0","id":"x","detail-type":"shopifyWebhook","time":"{TIME}","detail":{{"metadata":{{"X-Shopify-Topic":"orders/create"}},"payload":{shopify}}}}}"#
        ),
        &["58", "8061"],
    );
    check_outcomes(
        &shopify.replace(r#""currency""#, r#""abandoned_checkout_url":"/x","currency""#),
        "0/1/0",
    );
    check_rejected(&shopify.replace("60.00", "much"), "invalid:total_amount");
    check_orders(
        &format!(
            r#"{{"id":1,"order_id":58,"status":"success","tracking_numbers":[],"line_items":[],"created_at":"{TIME}"}}"#
        ),
        &["58", "FULFILLED"],
    );
    check_counted(
        &format!(
            r#"{{"id":9,"order_id":58,"created_at":"{TIME}","refund_line_items":[{{"quantity":1,"subtotal":30.0,"line_item":{{"product_id":8061}}}}],"transactions":[{{"amount":"30.00","currency":"USD"}}]}}"#
        ),
        "default/58: 9:8061 30 USD",
    );
    let woo = r#"{"id":727,"number":"727","status":"processing","currency":"EUR",
        "date_created":"2026-11-21T00:07:31","date_created_gmt":"2026-11-20T23:07:31","total":"29.35",
        "customer_id":0,"line_items":[{"id":315,"name":"Shirt","product_id":93,"sku":"S-1","quantity":2,
        "subtotal":"24.00","total":"24.00","price":12}]}"#
        .replace('\n', "");
    check_orders(
        &woo,
        &["727", "93", "24", "29.35", "processing", "2026-11-20T23:07:31Z", "customer: None"],
    );
}

/// The tally of a text, and the lines of its orders.
fn check_counted(text: &str, expected: &str) {
    let count = read_whole(text.as_bytes());
    let counted = [tally(text), order_lines(&count), order_refunds(&count)];
    let counted: Vec<&str> =
        counted.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    assert_eq!(counted.join("; "), expected, "{text}");
}

#[test]
fn events_of_platforms_are_read_by_their_forms() {
    let pixel = |name: &str, data: &str| {
        format!(
            r#"{{"id":"e","name":"{name}","clientId":"c","type":"standard","timestamp":"{TIME}","context":{{"document":{{"location":{{"href":"https://s.example/p?x","pathname":"/p"}}}}}},"data":{data}}}"#
        )
    };
    let variant = r#"{"id":"2","price":{"amount":10.5,"currencyCode":"USD"},"product":{"id":"1","title":"T"}}"#;
    let klaviyo = |name: &str, properties: &str| {
        format!(
            r#"{{"data":{{"type":"event","attributes":{{"time":"{TIME}","value":9.99,"value_currency":"USD","unique_id":"u","properties":{properties},"metric":{{"data":{{"type":"metric","attributes":{{"name":"{name}"}}}}}},"profile":{{"data":{{"id":"p"}}}}}}}}}}"#
        )
    };
    let action =
        "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1";
    let contexts = "contexts_com_snowplowanalytics_snowplow_ecommerce";
    for (line, expected) in [
        (pixel("page_viewed", "{}"), "pages /p=1"),
        (pixel("product_viewed", &format!(r#"{{"productVariant":{variant}}}"#)), "views 1=1"),
        (
            pixel(
                "product_added_to_cart",
                &format!(r#"{{"cartLine":{{"quantity":2,"merchandise":{variant}}}}}"#),
            ),
            "carts 1=1",
        ),
        (
            pixel(
                "checkout_completed",
                &format!(
                    r#"{{"checkout":{{"currencyCode":"USD","totalPrice":{{"amount":30}},"order":{{"id":"o"}},"lineItems":[{{"title":"T","quantity":2,"variant":{variant}}}]}}}}"#
                ),
            ),
            "default/o: USD 1 2/21",
        ),
        (
            klaviyo("Active on Site", r#"{"page":"https://s.example/p"}"#),
            "pages https://s.example/p=1",
        ),
        (klaviyo("Viewed Product", r#"{"ProductID":"1","URL":"/x"}"#), "views 1=1"),
        (
            klaviyo(
                "Added to Cart",
                r#"{"AddedItemProductID":"2","Items":[{"ProductID":"1"},{"ProductID":"2"}]}"#,
            ),
            "carts 2=1",
        ),
        (
            klaviyo(
                "Started Checkout",
                r#"{"Items":[{"ProductID":"1"},{"ProductID":"2","Quantity":3}]}"#,
            ),
            "checkouts 1=1 2=1",
        ),
        (
            klaviyo(
                "Placed Order",
                r#"{"OrderId":"o","Items":[{"ProductID":"1","ItemPrice":3,"Quantity":2}]}"#,
            ),
            "default/o: USD 1 2/6",
        ),
        (
            r#"{"token":"t","event":"Placed Order","customer_properties":{"$email":"a@b"},"properties":{"$event_id":"1","$value":5,"Items":[{"SKU":"a"}]},"time":1795216051}"#.to_string(),
            "default/1: EUR a 1/5",
        ),
        (
            format!(
                r#"{{"app_id":"s","collector_tstamp":"{TIME}","event":"unstruct","event_name":"snowplow_ecommerce_action","event_id":"1","{action}":{{"type":"transaction"}},"{contexts}_transaction_1":[{{"transaction_id":"T","revenue":20,"currency":"USD"}}],"{contexts}_product_1":[{{"id":"a","quantity":1}}]}}"#
            ),
            "s/T: USD a 1/20",
        ),
        (
            format!(
                r#"{{"id":1,"user_id":"","sequence_number":1,"session_id":"s","created_at":"{TIME}","uri":"/home","event_type":"home"}}"#
            ),
            "pages /home=1",
        ),
        (
            format!(
                r#"{{"id":1,"order_id":2,"user_id":3,"product_id":4,"inventory_item_id":5,"status":"Complete","created_at":"{TIME}","returned_at":"","sale_price":"19.99"}}"#
            ),
            "units 4=1; sales:EUR 4=19.99",
        ),
        (
            format!(
                r#"{{"id":1,"order_id":2,"user_id":3,"product_id":4,"inventory_item_id":5,"status":"Returned","created_at":"{TIME}","returned_at":"{TIME}","sale_price":"19.99"}}"#
            ),
            "units 4=1; sales:EUR 4=19.99; refunds:EUR 4=19.99",
        ),
        (
            r#"{"amplitude_id":1,"event_type":"Product Viewed","event_id":7,"session_id":-1,"event_time":"2026-11-20 23:07:31.5","user_id":"u","event_properties":{"product_id":"a"}}"#.to_string(),
            "views a=1",
        ),
    ] {
        check_counted(&line, expected);
        check_outcomes(&line, "1/0/0");
    }
    // What was sold once is returned once.
    let returned = format!(
        r#"{{"id":1,"order_id":2,"product_id":4,"inventory_item_id":5,"created_at":"{TIME}","returned_at":"{TIME}","sale_price":"5"}}"#
    );
    let twice = format!("{returned}\n{returned}");
    check_counted(&twice, "units 4=1; sales:EUR 4=5; refunds:EUR 4=5");
    check_outcomes(&twice, "1/0/1");
    check_outcomes(&pixel("ui_extension_errored", "{}"), "0/1/0");
    check_notes(&pixel("ui_extension_errored", "{}"), "ui_extension_errored=1");
    check_outcomes(
        &format!(
            r#"{{"id":1,"sequence_number":3,"session_id":"s","created_at":"{TIME}","uri":"/cart","event_type":"cart"}}"#
        ),
        "0/1/0",
    );
}

#[test]
fn events_of_a_form_that_says_each_stand_alone() {
    let one = |id: u32, sku: &str| {
        format!(
            r#"{{"event_type":"Product Viewed","time":1795216051000,"user_id":"u","event_id":{id},"session_id":-1,"event_properties":{{"product_id":"{sku}"}}}}"#
        )
    };
    // Its event_id is a counter of a device.
    let line = format!(
        r#"{{"api_key":"k","site_id":"s","events":[{},{},{{"event_type":"Product Viewed"}},7]}}"#,
        one(1, "a"),
        one(1, "b")
    );
    let count = read_whole(line.as_bytes());
    assert_eq!((count.outcomes.lines, count.outcomes.counted), (4, 2));
    let rejected = String::from_utf8(count.rejected).expect("text");
    assert!(rejected.contains(r#""event":3,"reason":"missing:timestamp""#), "{rejected}");
    assert!(rejected.contains(r#""event":4,"reason":"invalid:events""#), "{rejected}");
    check_rejected(
        &format!(r#"{{"api_key":"k","events":[{{"event_type":1}}{}]}}"#, ",{}".repeat(50_000)),
        "too_large",
    );
    let tally = format!("{:?}", count.tally);
    assert_eq!(tally.trim_end(), "s 2026-11-20T23:07:00Z views a=1 b=1");
}

#[test]
fn a_form_is_looked_for_only_without_a_type_that_is_known() {
    // All of an order but with a type: it is what its type says.
    check_tally(
        &format!(
            r#"{{"event":"purchase",{AT},"id":1,"created_at":"{TIME}","total_price":"6","line_items":[{{"sku":"a","price":2}}]}}"#
        ),
        "units a=1; sales:EUR a=2",
    );
    check_rejected(r#"{"line_items":[{"sku":"a"}]}"#, "missing:event_type");
}
