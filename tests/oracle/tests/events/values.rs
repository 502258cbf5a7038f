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
}

#[test]
fn timestamp() {
    let time = |value: &str, expected: &str| {
        check(format!(r#"{{"event":"view","item_id":1,"ts":{value}}}"#), expected);
    };
    time("null", "missing:timestamp@1 | ");
    time("\"\"", "missing:timestamp@1 | ");
    for value in
        ["true", "{}", "[]", "\"yesterday\"", "-1", "1e17", "\"1969-12-31T23:59:59Z\"", "\" 1\""]
    {
        time(value, "invalid:timestamp@1 | ");
    }
    time("\"2026-11-20T11:07:59.999+00:00\"", "c1 e1 | views 11:07 1=1");
    time("\"2026-11-20 12:07:59 +0100\"", "c1 e1 | views 11:07 1=1");
    time("\"2026-11-20T11:07\"", "c1 e1 | views 11:07 1=1");
    time("\"2026-11-20T11:07:60\"", "c1 e1 | views 11:07 1=1");
    time("1763636820", "c1 e1 | views 11:07 1=1");
    time("1763636879999", "c1 e1 | views 11:07 1=1");
    time("\"1763636879999999\"", "c1 e1 | views 11:07 1=1");
    time("\"Fri, 20 Nov 2026 11:07:59 GMT\"", "c1 e1 | views 11:07 1=1");
    time("1763636820000000000", "c1 e1 | views 11:07 1=1");
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
    site("\"1.0\"", "c1 e1 | 1.0 views 11:07 1=1");
    for value in
        ["\" \"", "\"a b\"", "\"a#b\"", "\"a/b\"", "\"é\"", "1.5", "1e3", "true", "{}", "[]"]
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
            "1.0",
            "\"x\"",
            "\"a b#c/é\"",
            "\"\\u0000\"",
            &format!("\"{}\"", "é".repeat(128)),
            &"1".repeat(256),
        ] {
            let recount = count(with(value));
            assert_eq!((recount.counted, recount.dropped.len()), (1, 0), "{field} {value}");
        }
        let expected = if field == "item_id" {
            "invalid:item_id@1 | ".to_owned()
        } else {
            format!("c1 e1 dropped:{field}=1 | views 11:07 1=1")
        };
        for value in [
            "1.5",
            "1e3",
            "true",
            "{}",
            "[]",
            &format!("\"{}x\"", "é".repeat(128)),
            &"1".repeat(257),
        ] {
            check(with(value), &expected);
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
        ("1001.0", "1001"),
        ("\"1001.0\"", "1001"),
        ("-7.0", "-7"),
        ("\"1001.5\"", "1001.5"),
        ("\"1e3\"", "1e3"),
        ("\"v1.0\"", "v1.0"),
    ] {
        check(
            line(&format!(r#""event":"view","item_id":{value}"#)),
            &format!("c1 e1 | views 11:07 {key}=1"),
        );
    }
}

#[test]
fn page_url() {
    let page = |text: &str, page: &str| {
        let members = format!(r#""event":"view","page":"{text}""#);
        check(line(&members), &format!("c1 e1 | pages 11:07 {page}=1"));
    };
    for (text, expected) in [
        ("https://shop.example/a?b=c", "https://shop.example/a"),
        ("/a#b?c", "/a"),
        ("/a?b#c", "/a"),
        ("/a?b?c", "/a"),
        // A route.
        ("/?x=1#/cart?y", "/#/cart"),
        ("/#!/cart", "/#!/cart"),
        ("#/", "#/"),
        ("/a#cart/", "/a"),
        ("/a#!cart", "/a"),
        // Percent-encoding.
        ("/caf%C3%A9%20b?%20", "/caf\u{e9} b"),
        ("/#/caf%c3%a9", "/#/caf\u{e9}"),
        ("/a%3Fb%23c", "/a?b#c"),
        ("/%FF%20", "/%FF%20"),
        ("/100%", "/100%"),
    ] {
        page(text, expected);
    }
    // A page over 1,024 bytes is cut, when everything else is done.
    let longest = "p".repeat(1024);
    page(&format!("{longest}?{}", "q".repeat(999)), &longest);
    page(&"%C3%A9".repeat(512), &"\u{e9}".repeat(512));
    page(&format!("{longest}p"), &format!("{}…", "p".repeat(1021)));
    page(&"\u{e9}".repeat(513), &format!("{}…", "\u{e9}".repeat(510)));
    for value in ["\"?a\"", "\"#\"", "\"#a\"", "7", "true", "{}", "[]"] {
        check_rejected("invalid:page_url", &[&format!(r#""event":"view","page":{value}"#)]);
    }
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
            line(&format!(r#""event":"refund","sku":1,"price":1,"currency":{value}"#)),
            "c1 e1 dropped:currency=1 | refunds:USD 11:07 1=1",
        );
        let items = format!(r#""items":[{{"sku":1,"price":1,"currency":{value}}}]"#);
        check(
            line(&format!(r#""event":"refund","currency":"eur",{items}"#)),
            "c1 e1 dropped:currency=1 | refunds:EUR 11:07 1=1",
        );
    }
    check(
        line(r#""event":"refund","sku":1,"price":1,"currency":"""#),
        "c1 e1 | refunds:USD 11:07 1=1",
    );
}

#[test]
fn numbers() {
    for (value, number) in [
        ("0", "0"),
        ("-0", "0"),
        ("1.0000000", "1"),
        ("0.000001", "0.000001"),
        ("1e2", "100"),
        ("1000000000000", "1000000000000"),
        ("-1e12", "1000000000000"),
        ("null", "0"),
        // Rounded half to even to 6 decimals.
        ("0.0000005", "0"),
        ("0.0000015", "0.000002"),
        ("0.0000025", "0.000002"),
        ("0.00000050000001", "0.000001"),
        ("1e-99999999999999999999", "0"),
        ("19.994999999", "19.995"),
    ] {
        check_refund(value, number);
    }
    for value in ["1000000000000.000001", "-1000000000000.000001", "1e13", "1e99999999999999999999"]
        .into_iter()
        .chain(["true", "{}", "[1]", "\"NaN\"", "\"1.\"", "\"1e13\""])
    {
        for field in ["price", "quantity", "total_amount", "order_total"] {
            check_rejected(
                &format!("invalid:{field}"),
                &[&format!(r#""event":"order","sku":1,"{field}":{value}"#)],
            );
        }
    }
}

/// A refund of this value is one of this number.
#[track_caller]
fn check_refund(value: &str, number: &str) {
    let members = format!(r#""event":"refund","sku":1,"total_amount":{value}"#);
    let expected = if number == "0" {
        "i1 | ".to_owned()
    } else {
        format!("c1 e1 | refunds:USD 11:07 1={number}")
    };
    check(line(&members), &expected);
}

#[test]
fn numbers_in_strings() {
    for (text, number) in [
        ("", "0"),
        ("1.5", "1.5"),
        ("1e-6", "0.000001"),
        ("1.234", "1.234"),
        ("01", "1"),
        // White space, a sign and that of a currency.
        (" 1\\t", "1"),
        ("+1", "1"),
        ("-1", "1"),
        ("$1", "1"),
        ("€ 1", "1"),
        ("1\u{a0}€", "1"),
        ("-₽1", "1"),
        ("£-1", "1"),
        // The decimal mark.
        ("19,90", "19.9"),
        ("1234,5678", "1234.5678"),
        ("0,234", "0.234"),
        ("1,234.5", "1234.5"),
        ("1.234,5", "1234.5"),
        ("1.234.567,891", "1234567.891"),
        // Thousands.
        ("1,234,567", "1234567"),
        ("1.234.567", "1234567"),
        ("1 234", "1234"),
        ("1\u{a0}234,5", "1234.5"),
        ("12'345.6", "12345.6"),
        ("$1,234.50", "1234.5"),
    ] {
        check_refund(&format!("\"{text}\""), number);
    }
    for text in [
        " ",
        "x",
        "$",
        "1 USD",
        "$1€",
        "$$1",
        "--1",
        "1-",
        "(1)",
        "1,234",
        "-1,234 €",
        "1,",
        "1.2.3",
        "12 34",
        "1234 567",
        "1,23,456.7",
        "1 234'567",
        "1,234.567,8",
        "1,234.",
        "1_0",
    ] {
        check_rejected(
            "invalid:total_amount",
            &[&format!(r#""event":"refund","sku":1,"total_amount":"{text}""#)],
        );
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
