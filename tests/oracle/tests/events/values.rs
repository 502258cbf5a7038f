//! What each field takes.

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
