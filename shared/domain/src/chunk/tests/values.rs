//! The valid values of fields.

use crate::chunk::tests::support::{
    check_outcomes, check_rejected, check_tally, event, read_taken,
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
            "-1",
            "-0.000001",
            "1000000000000.000001",
            "1000000000001",
            "1e13",
            "0.0000001",
            "1.0000001",
            "true",
            "[]",
            "{}",
            r#""abc""#,
            r#"" 1""#,
            r#""1,5""#,
            r#""+1""#,
            r#""01""#,
            r#""1.""#,
            r#"".5""#,
            r#""1 ""#,
            r#""-1""#,
            r#""0x1""#,
        ] {
            for kind in ["purchase", "view"] {
                check_rejected(
                    &event(kind, &format!(r#""sku":"a","{field}":{value}"#)),
                    &format!("invalid:{field}"),
                );
            }
        }
        for value in [
            "0",
            "-0",
            "1e12",
            "0.000001",
            "1.50000000000000000000000000000000000000000",
            r#""\u0031""#,
            "0e99999999999",
            "10e-1",
        ] {
            read_taken(&event("purchase", &format!(r#""sku":"a","{field}":{value}"#)));
        }
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
    for field in ["item_id", "event_id", "customer_id", "session_id", "order_id"] {
        for value in [
            format!(r#""{longest}x""#),
            format!(r#""{}""#, r"\u00e4".repeat(129)),
            "1.0".into(),
            "1e3".into(),
            "true".into(),
            "[1]".into(),
            "{}".into(),
            "1".repeat(257),
        ] {
            check_rejected(
                &event("view", &format!(r#""page":"/p","{field}":{value}"#)),
                &format!("invalid:{field}"),
            );
        }
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
fn pages_are_cut_before_query_and_fragment() {
    let long = "p".repeat(256);
    for (value, page) in [
        ("/a?b=1#c", "/a"),
        ("/a#c?d", "/a"),
        (r"/a\u003fb", "/a"),
        ("https://x.test/ä", "https://x.test/ä"),
        (&format!("{long}?{long}"), &long),
    ] {
        check_tally(&event("view", &format!(r#""url":"{value}""#)), &format!("pages {page}=1"));
    }
    for value in [r#""?a""#, r##""#a""##, "7", "true", "[]", &format!("\"{long}p\"")] {
        check_rejected(&event("view", &format!(r#""sku":"a","url":{value}"#)), "invalid:page_url");
        check_rejected(
            &event("purchase", &format!(r#""sku":"a","url":{value}"#)),
            "invalid:page_url",
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
        check_rejected(
            &event("view", &format!(r#""sku":"a","currency":{value}"#)),
            "invalid:currency",
        );
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
        (r#""event":"view""#, r#""event":7"#, "invalid:event_type"),
        (r#""ts":1795216051"#, r#""ts":"x""#, "invalid:timestamp"),
        (r#""site_id":"s""#, r#""site_id":"ä""#, "invalid:site_id"),
        (r#""event_id":1"#, r#""event_id":1.5"#, "invalid:event_id"),
        (r#""customer_id":1"#, r#""customer_id":1.5"#, "invalid:customer_id"),
        (r#""session_id":1"#, r#""session_id":1.5"#, "invalid:session_id"),
        (r#""order_id":1"#, r#""order_id":1.5"#, "invalid:order_id"),
        (r#""page_url":"/""#, r#""page_url":1"#, "invalid:page_url"),
        (r#""currency":"EUR""#, r#""currency":1"#, "invalid:currency"),
        (r#""item_id":1"#, r#""item_id":1.5"#, "invalid:item_id"),
        (r#""price":1"#, r#""price":-1"#, "invalid:price"),
        (r#""quantity":1"#, r#""quantity":-1"#, "invalid:quantity"),
        (r#""total_amount":1"#, r#""total_amount":-1"#, "invalid:total_amount"),
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
    check_rejected(r#"{"event":"x"}"#, "unknown_type");
    check_rejected(r#"{"event":"view","sku":1.5}"#, "missing:timestamp");
    check_rejected(&event("purchase", r#""price":-1"#), "invalid:price");
    check_rejected(&event("purchase", r#""price":1e12,"quantity":2"#), "missing:item_id");
}
