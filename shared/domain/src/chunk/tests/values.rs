//! The valid values of fields.

use crate::chunk::tests::support::{
    check_notes, check_outcomes, check_rejected, check_tally, event, read_taken,
};

#[test]
fn money_is_the_total_or_price_times_quantity() {
    for (members, expected) in [
        (r#""price":19.99"#, "units a=1; sales:EUR a=19.99"),
        (r#""price":19.99,"quantity":3"#, "units a=3; sales:EUR a=59.97"),
        (r#""price":0.000001,"quantity":0.000001"#, "units a=0.000001; sales:EUR a=0.000000000001"),
        (r#""price":0.1,"quantity":2.5,"currency":"uSd""#, "units a=2.5; sales:USD a=0.25"),
        (r#""price":1,"quantity":2,"total_amount":"7.125""#, "units a=2; sales:EUR a=7.125"),
        (r#""price":1000000000000"#, "units a=1; sales:EUR a=1000000000000"),
        (
            r#""price":1000000000000,"quantity":1000000000000,"total_amount":1"#,
            "units a=1000000000000; sales:EUR a=1",
        ),
        (r#""price":1e6,"quantity":"1e6""#, "units a=1000000; sales:EUR a=1000000000000"),
        (r#""quantity":4"#, "units a=4"),
        ("", "units a=1"),
        (r#""price":0"#, "units a=1"),
        (r#""price":5,"quantity":0"#, ""),
        (r#""total_amount":0,"price":5"#, "units a=1"),
        (r#""price":null,"quantity":"","total_amount":null,"currency":"""#, "units a=1"),
        (r#""price":"1.5000000000000","quantity":"-0.0""#, ""),
    ] {
        let comma = if members.is_empty() { "" } else { "," };
        check_tally(&event("purchase", &format!(r#""sku":"a"{comma}{members}"#)), expected);
    }
    check_tally(&event("refund", r#""sku":"a","price":2,"quantity":3"#), "refunds:EUR a=6");
    check_tally(&event("refund", r#""sku":"a","total_amount":1.5"#), "refunds:EUR a=1.5");
    check_outcomes(&event("refund", r#""sku":"a","quantity":2"#), "0/1/0");
    check_outcomes(&event("refund", r#""sku":"a","price":0"#), "0/1/0");
    check_outcomes(&event("purchase", r#""sku":"a","price":1,"quantity":0"#), "0/1/0");
}

#[test]
fn an_overlarge_product_matters_only_as_money() {
    let members = r#""sku":"a","price":1000000,"quantity":1000000.000001"#;
    check_rejected(&event("purchase", members), "invalid:total_amount");
    check_rejected(&event("refund", members), "invalid:total_amount");
    check_tally(&event("cart", members), "carts a=1");
    check_tally(&event("view", members), "views a=1");
    check_tally(&event("refund", &format!(r#"{members},"total_amount":3"#)), "refunds:EUR a=3");
}

#[test]
fn numbers_out_of_range_are_invalid() {
    for field in ["price", "quantity", "total_amount"] {
        for value in [
            "1000000000000.000001",
            "-1000000000001",
            "1e13",
            "true",
            "[]",
            "{}",
            r#""abc""#,
            r#""1,500""#,
            r#""1.""#,
            r#"".5""#,
            r#""0x1""#,
        ] {
            let line = |kind| event(kind, &format!(r#""sku":"a","{field}":{value}"#));
            check_rejected(&line("purchase"), &format!("invalid:{field}"));
            check_notes(&line("view"), &format!("{field}=1"));
        }
        for value in [
            "0",
            "-0",
            "1e12",
            "-1",
            "0.000001",
            "0.0000001",
            "1.50000000000000000000000000000000000000000",
            r#""\u0031""#,
            r#"" 1,5 €""#,
            "0e99999999999",
            "10e-1",
        ] {
            read_taken(&event("purchase", &format!(r#""sku":"a","{field}":{value}"#)));
            check_notes(&event("view", &format!(r#""sku":"a","{field}":{value}"#)), "");
        }
    }
}

#[test]
fn a_purchase_of_negative_money_is_a_refund() {
    for (members, expected) in [
        (r#""price":20,"quantity":-1"#, "refunds:EUR a=20"),
        (r#""price":-20"#, "refunds:EUR a=20"),
        (r#""price":"-$2,5","quantity":3"#, "refunds:EUR a=7.5"),
        (r#""price":-20,"quantity":-2"#, "refunds:EUR a=40"),
        (r#""total_amount":-20"#, "refunds:EUR a=20"),
        (r#""total_amount":20,"quantity":-1"#, "refunds:EUR a=20"),
        (r#""total_amount":20,"price":-1"#, "units a=1; sales:EUR a=20"),
        (r#""price":0,"quantity":-1"#, ""),
        (r#""quantity":-1"#, ""),
        (r#""value":-20"#, "refunds:EUR a=20"),
    ] {
        check_tally(&event("purchase", &format!(r#""sku":"a",{members}"#)), expected);
    }
    check_tally(&event("refund", r#""sku":"a","price":-20,"quantity":2"#), "refunds:EUR a=40");
    check_tally(&event("refund", r#""sku":"a","total_amount":-20"#), "refunds:EUR a=20");
    // A discount.
    check_tally(
        &event("purchase", r#""items":[{"sku":"a","price":80},{"sku":"off","price":-10}]"#),
        "units a=1; sales:EUR a=80; refunds:EUR off=10",
    );
}

#[test]
fn the_money_of_an_event_is_split_over_items_without_any() {
    let purchase = |members: &str| event("purchase", members);
    for (members, expected) in [
        (r#""value":80,"items":[{"sku":"a"}]"#, "units a=1; sales:EUR a=80"),
        (
            r#""value":10,"items":[{"sku":"a"},{"sku":"b","quantity":2}]"#,
            "units a=1 b=2; sales:EUR a=3.333333 b=6.666667",
        ),
        (
            r#""value":"0.000001","items":[{"sku":"a"},{"sku":"b"}]"#,
            "units a=1 b=1; sales:EUR b=0.000001",
        ),
        (
            r#""value":10,"items":[{"sku":"a","quantity":0},{"sku":"b","quantity":0}]"#,
            "sales:EUR b=10",
        ),
        (
            r#""value":10,"items":[{"sku":"a","price":1},{"sku":"b"}]"#,
            "units a=1 b=1; sales:EUR a=1",
        ),
        (r#""value":10,"items":[{"sku":"a","quantity":-1},{"sku":"b"}]"#, "units b=1"),
        (r#""value":-10,"items":[{"sku":"a"},{"sku":"b"}]"#, "refunds:EUR a=5 b=5"),
        (
            r#""value":9,"currency":"USD","items":[{"sku":"a","currency":"GBP"},{"sku":"b"}]"#,
            "units a=1 b=1; sales:GBP a=4.5; sales:USD b=4.5",
        ),
        (r#""value":0,"items":[{"sku":"a"}]"#, "units a=1"),
    ] {
        check_tally(&purchase(members), expected);
    }
    check_tally(&event("refund", r#""value":8,"items":[{"sku":"a"}]"#), "refunds:EUR a=8");
    check_rejected(&purchase(r#""value":"?","items":[{"sku":"a"}]"#), "invalid:order_total");
    check_tally(
        &purchase(r#""value":"?","items":[{"sku":"a","price":1}]"#),
        "units a=1; sales:EUR a=1",
    );
}

#[test]
fn money_of_no_item_is_that_of_the_site() {
    check_tally(&event("purchase", r#""revenue":60,"items":[]"#), "sales:EUR (other)=60");
    check_tally(&event("purchase", r#""price":5,"quantity":2"#), "sales:EUR (other)=10");
    check_tally(&event("refund", r#""value":30"#), "refunds:EUR (other)=30");
    check_tally(&event("purchase", r#""revenue":-60"#), "refunds:EUR (other)=60");
    check_notes(&event("purchase", r#""revenue":60,"sku":[]"#), "item_id=1");
    check_rejected(&event("purchase", r#""quantity":2"#), "missing:item_id");
    check_rejected(&event("cart", r#""value":2"#), "missing:item_id");
}

#[test]
fn purchases_whose_money_is_unknown_are_noted() {
    for (kind, members, expected) in [
        ("purchase", r#""sku":"a""#, "without money 1"),
        ("purchase", r#""sku":"a","cents":900"#, "without money 1"),
        ("purchase", r#""sku":"a","price":0"#, ""),
        ("purchase", r#""items":[{"sku":"a"},{"sku":"b"}]"#, "without money 1"),
        ("purchase", r#""items":[{"sku":"a","price":1},{"sku":"b"}]"#, "without money 1"),
        ("purchase", r#""items":[{"sku":"a"},{"sku":"b"}],"value":1"#, ""),
        ("refund", r#""sku":"a""#, ""),
    ] {
        check_notes(&event(kind, members), expected);
    }
}

#[test]
fn ids_are_texts_up_to_256_bytes_or_integers() {
    let longest = "ä".repeat(128);
    check_tally(&event("view", &format!(r#""sku":"{longest}""#)), &format!("views {longest}=1"));
    check_tally(
        &event("view", &format!(r#""sku":"{}""#, r"\u00e4".repeat(128))),
        &format!("views {longest}=1"),
    );
    check_tally(
        &event("view", r#""sku":12345678901234567890123"#),
        "views 12345678901234567890123=1",
    );
    check_tally(&event("view", r#""sku":-0"#), "views -0=1");
    check_tally(&event("view", r#""sku":7,"item_id":"7""#), "views 7=1");
    check_tally(&event("view", r#""sku":"a\/b\"""#), "views a/b\"=1");
    for value in ["1001.0", r#""1001.0""#, "1001.000", r#""1001.\u0030""#, "1001"] {
        check_tally(&event("view", &format!(r#""sku":{value}"#)), "views 1001=1");
    }
    check_tally(&event("view", r#""sku":"a.0""#), "views a.0=1");
    check_tally(&event("view", r#""sku":"1.0.0""#), "views 1.0.0=1");
    check_tally(&event("view", r#""sku":"1.10""#), "views 1.10=1");
    for value in [
        format!(r#""{longest}x""#),
        format!(r#""{}""#, r"\u00e4".repeat(129)),
        "1.5".into(),
        "1.10".into(),
        "1e3".into(),
        "true".into(),
        "[1]".into(),
        "{}".into(),
        "1".repeat(257),
    ] {
        for field in ["item_id", "event_id", "customer_id", "session_id", "order_id"] {
            let line = event("view", &format!(r#""page":"/p","{field}":{value}"#));
            check_tally(&line, "pages /p=1");
            check_notes(&line, &format!("{field}=1"));
        }
        check_rejected(&event("cart", &format!(r#""sku":{value}"#)), "invalid:item_id");
        let named = event("cart", &format!(r#""sku":{value},"item_name":"a""#));
        check_tally(&named, "carts a=1");
        check_notes(&named, "item_id=1");
    }
}

#[test]
fn sites_are_short_and_of_plain_characters() {
    let longest = "s".repeat(64);
    for (value, site) in [
        (r#""A-z0.9_:""#, "A-z0.9_: "),
        ("12", "12 "),
        ("-5", "-5 "),
        (r#""default""#, ""),
        (r#""\u0073""#, "s "),
        ("null", ""),
        (r#""""#, ""),
        (&format!("\"{longest}\""), &format!("{longest} ")),
    ] {
        check_tally(
            &event("view", &format!(r#""sku":"a","site_id":{value}"#)),
            &format!("{site}views a=1"),
        );
    }
    for value in [
        format!("\"{longest}s\""),
        "\"a b\"".into(),
        "\"ä\"".into(),
        "\"a/b\"".into(),
        "1.5".into(),
        "false".into(),
        "1".repeat(65),
    ] {
        check_rejected(
            &event("view", &format!(r#""sku":"a","site_id":{value}"#)),
            "invalid:site_id",
        );
    }
}

#[test]
fn pages_are_readable_paths() {
    let long = "p".repeat(1_024);
    for (value, page) in [
        ("/a?b=1#c", "/a"),
        ("/a#c?d", "/a"),
        (r"/a\u003fb", "/a"),
        ("https://x.test/ä", "https://x.test/ä"),
        ("/caf%C3%A9#/cart", "/café#/cart"),
        (&format!("{long}?{long}"), &long),
        (&format!("{long}p"), &format!("{}…", &long[3..])),
    ] {
        check_tally(&event("view", &format!(r#""url":"{value}""#)), &format!("pages {page}=1"));
    }
    for value in [r#""?a""#, r##""#a""##, "7", "true", "[]"] {
        check_rejected(&event("view", &format!(r#""url":{value}"#)), "invalid:page_url");
        check_rejected(&event("view", &format!(r#""url":{value},"sku":[]"#)), "invalid:page_url");
        for kind in ["view", "purchase"] {
            let line = event(kind, &format!(r#""sku":"a","price":1,"url":{value}"#));
            check_notes(&line, "page_url=1");
        }
        check_notes(
            &event("view", &format!(r#""items":[{{"sku":1}}],"url":{value}"#)),
            "page_url=1",
        );
    }
}

#[test]
fn currencies_are_three_letters() {
    check_tally(
        &event("purchase", r#""sku":"a","price":1,"currency":"gBp""#),
        "units a=1; sales:GBP a=1",
    );
    for value in [r#""US""#, r#""USDT""#, r#""U5D""#, "840", "[]", r#"" USD""#, r#""€""#] {
        let line = event("purchase", &format!(r#""sku":"a","price":1,"currency":{value}"#));
        check_tally(&line, "units a=1; sales:EUR a=1");
        check_notes(&line, "currency=1");
    }
}

#[test]
fn times_are_accepted_up_to_ten_minutes_ahead() {
    let line = |time: &str| format!(r#"{{"event":"view","ts":{time},"sku":"a"}}"#);
    check_tally(&line(r#""2026-11-20T23:40:00.999Z""#), "2026-11-20T23:40:00Z views a=1");
    check_rejected(&line(r#""2026-11-20T23:40:01Z""#), "future");
    check_rejected(&line("4102444800"), "future");
    check_tally(
        &line(r#""1970-01-01""#).replace("01-01\"", "01-01 00:00\""),
        "1970-01-01T00:00:00Z views a=1",
    );
    for time in [
        r#""1969-12-31T23:59:59Z""#,
        "-1",
        "true",
        "[]",
        r#""soon""#,
        "1e17",
        r#""9999-12-31T23:59-01:00""#,
    ] {
        check_rejected(&line(time), "invalid:timestamp");
    }
    // After the year 9999 there is no minute; times before that are in the future.
    check_rejected(&line(r#""9999-12-31T23:59:59Z""#), "future");
}

#[test]
fn the_first_check_that_fails_names_the_reason() {
    let all_wrong = [
        (r#""event":"purchase""#, r#""event":7"#, "invalid:event_type"),
        (r#""ts":1795216051"#, r#""ts":"x""#, "invalid:timestamp"),
        (r#""site_id":"s""#, r#""site_id":"ä""#, "invalid:site_id"),
        (r#""total_amount":null"#, r#""total_amount":{}"#, "invalid:total_amount"),
        (r#""price":1"#, r#""price":{}"#, "invalid:price"),
        (r#""quantity":1"#, r#""quantity":{}"#, "invalid:quantity"),
    ];
    for first_wrong in 0..all_wrong.len() {
        // In reverse, so that the order of the members does not matter.
        let members: Vec<_> = (0..all_wrong.len())
            .rev()
            .map(|index| if index < first_wrong { all_wrong[index].0 } else { all_wrong[index].1 })
            .collect();
        check_rejected(&format!("{{{}}}", members.join(",")), all_wrong[first_wrong].2);
    }
    check_rejected("{}", "missing:event_type");
    check_notes(r#"{"event":"x"}"#, "x=1");
    check_rejected(r#"{"event":"view","sku":1.5}"#, "missing:timestamp");
    check_rejected(&event("purchase", r#""price":{}"#), "invalid:price");
    check_rejected(&event("purchase", r#""price":1e12,"quantity":2"#), "invalid:total_amount");
}
