//! Types of events, and what each of them counts.

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
            "checkouts 11:07 1=1",
            &["begin_checkout", "Checkout Started", "InitiateCheckout", "Started Checkout"],
        ),
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
    for name in
        ["session_start", "view_item_list", "checkout", "identify", "Cart Viewed", "Order Updated"]
    {
        check(format!(r#"{{"event":"{name}","site_id":"!","price":-1}}"#), "i1 | ");
    }
}

#[test]
fn types_of_no_list_are_ignored_and_told() {
    check(
        r#"{"event":"logout","site_id":"!","price":"x"}"#.to_owned()
            + "\n"
            + &line(r#""event":"logout","events":[{},{"event":"chat opened"},{"name":"logout"}]"#),
        "i4 unknown:chat opened=1 unknown:logout=3 | ",
    );
}

#[test]
fn a_type_is_known_by_what_it_says() {
    for name in
        ["View", "VIEW", "view ", " view", "Product viewed", "page-view", "PageView", "$pageview"]
    {
        check(line(&format!(r#""event":"{name}","item_id":1"#)), "c1 e1 | views 11:07 1=1");
    }
    for name in ["views", "order_event", "vi\u{e9}w", "purchse"] {
        check(
            line(&format!(r#""event":"{name}","item_id":1"#)),
            &format!("i1 unknown:{name}=1 | "),
        );
    }
}

#[test]
fn an_item_may_have_a_name_in_place_of_an_id_and_its_money_in_the_event() {
    check(
        line(r#""event":"purchase","product_name":"Gift wrap","value":9.5"#),
        "c1 e1 | sales:USD 11:07 Gift wrap=9.5; units 11:07 Gift wrap=1",
    );
    check(
        line(r#""event":"cart","items":[{"name":"a"},{"id":7}]"#),
        "c1 e1 | carts 11:07 7=1; carts 11:07 a=1",
    );
    check(line(r#""event":"cart","name":"a""#), "missing:item_id@1 | ");
    check(
        line(r#""event":"purchase","item_id":1,"price":2,"value":9"#),
        "c1 e1 | sales:USD 11:07 1=2; units 11:07 1=1",
    );
    check(line(r#""event":"purchase","item_id":1,"total":"?""#), "invalid:order_total@1 | ");
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
    for name in ["cart", "remove_from_cart"] {
        check(line(&format!(r#""event":"{name}","page":"/a","price":1"#)), "missing:item_id@1 | ");
    }
    for name in ["purchase", "refund"] {
        let members = format!(r#""event":"{name}","page":"/a","quantity":2"#);
        check(line(&members), "missing:item_id@1 | ");
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
fn a_checkout_counts_one_for_each_of_its_items_or_one_without_any() {
    for (members, expected) in [
        (r#""sku":1,"quantity":7,"page":"/a""#, "c1 e1 | checkouts 11:07 1=1"),
        (
            r#""items":[{"sku":1,"quantity":3,"price":2},{"sku":2},{"sku":1}],"value":9"#,
            "c1 e1 | checkouts 11:07 1=2; checkouts 11:07 2=1",
        ),
        (r#""value":9"#, "c1 e1 | checkouts 11:07 (other)=1"),
        (r#""items":[]"#, "c1 e1 | checkouts 11:07 (other)=1"),
        (r#""sku":true"#, "c1 e1 dropped:item_id=1 | checkouts 11:07 (other)=1"),
        (r#""items":[{"price":1}]"#, "missing:item_id@1 | "),
    ] {
        check(line(&format!(r#""event":"begin_checkout",{members}"#)), expected);
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
    sales(r#""price":"19.99","quantity":3"#, "c1 e1 | sales:USD 11:07 1=59.97; units 11:07 1=3");
    sales(r#""price":0.1"#, "c1 e1 | sales:USD 11:07 1=0.1; units 11:07 1=1");
    sales(r#""quantity":2"#, "c1 e1 without_money=1 | units 11:07 1=2");
    sales(
        r#""price":null,"total_amount":"","quantity":2"#,
        "c1 e1 without_money=1 | units 11:07 1=2",
    );
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
        "c1 e1 without_money=1 | units 11:07 2=1",
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

#[test]
fn the_money_of_an_event_is_split_among_its_items_by_their_quantities() {
    for (members, expected) in [
        (
            r#""event":"order","value":9,"items":[{"sku":1}]"#,
            "c1 e1 | sales:USD 11:07 1=9; units 11:07 1=1",
        ),
        (
            r#""event":"order","value":10,"items":[{"sku":1,"quantity":3},{"sku":2}]"#,
            "c1 e1 | sales:USD 11:07 1=7.5; sales:USD 11:07 2=2.5; \
             units 11:07 1=3; units 11:07 2=1",
        ),
        // Each share is rounded down, and the last item gets the rest.
        (
            r#""event":"refund","value":20,"items":[{"sku":1},{"sku":2},{"sku":3}]"#,
            "c1 e1 | refunds:USD 11:07 1=6.666666; refunds:USD 11:07 2=6.666666; \
             refunds:USD 11:07 3=6.666668",
        ),
        (
            r#""event":"order","value":9,"items":[{"sku":1,"quantity":0},{"sku":2}]"#,
            "c1 e1 | sales:USD 11:07 2=9; units 11:07 2=1",
        ),
        (
            r#""event":"refund","value":9,"items":[{"sku":1,"quantity":0},{"sku":2,"quantity":0}]"#,
            "c1 e1 | refunds:USD 11:07 2=9",
        ),
        (
            r#""event":"refund","value":9,"items":[{"sku":1,"currency":"eur"},{"sku":2}]"#,
            "c1 e1 | refunds:EUR 11:07 1=4.5; refunds:USD 11:07 2=4.5",
        ),
        // It is not split if some items have money, or if a quantity is negative.
        (
            r#""event":"order","value":9,"items":[{"sku":1,"price":2},{"sku":2}]"#,
            "c1 e1 without_money=1 | sales:USD 11:07 1=2; units 11:07 1=1; units 11:07 2=1",
        ),
        (
            r#""event":"order","value":9,"items":[{"sku":1,"quantity":-1},{"sku":2}]"#,
            "c1 e1 without_money=1 | units 11:07 2=1",
        ),
        // The money of an item is not that of its event.
        (
            r#""event":"order","total_amount":9,"items":[{"sku":1}]"#,
            "c1 e1 without_money=1 | units 11:07 1=1",
        ),
    ] {
        check(line(members), expected);
    }
}

#[test]
fn money_without_an_item_is_that_of_the_site() {
    for (members, expected) in [
        (r#""event":"order","value":5"#, "c1 e1 | sales:USD 11:07 (other)=5"),
        (r#""event":"order","price":2,"quantity":3"#, "c1 e1 | sales:USD 11:07 (other)=6"),
        (
            r#""event":"order","total_amount":5,"currency":"eur""#,
            "c1 e1 | sales:EUR 11:07 (other)=5",
        ),
        (r#""event":"refund","value":5"#, "c1 e1 | refunds:USD 11:07 (other)=5"),
        (r#""event":"order","value":-5"#, "c1 e1 | refunds:USD 11:07 (other)=5"),
        (r#""event":"order","items":[{"price":5}]"#, "missing:item_id@1 | "),
        (r#""event":"order","items":[{"quantity":5}],"value":5"#, "missing:item_id@1 | "),
    ] {
        check(line(members), expected);
    }
}

#[test]
fn money_of_no_order_counts_once_more_under_the_empty_key() {
    for (members, sums) in [
        (r#""event":"order","sku":1,"price":2,"quantity":3"#, "sales:USD=6"),
        (
            r#""event":"order","items":[{"sku":1,"price":2},{"sku":2,"price":1,"currency":"eur"},{"sku":1,"price":-7}]"#,
            "refunds:USD=7 sales:EUR=1 sales:USD=2",
        ),
        (r#""event":"refund","value":5"#, "refunds:USD=5"),
        (r#""event":"order","sku":1"#, ""),
        (r#""event":"order","order_id":7,"sku":1,"price":2"#, ""),
        (r#""event":"refund","order_id":7,"sku":1,"price":2"#, ""),
    ] {
        let recount = count(line(members));
        let of_no_order = recount.tallies.iter().filter(|(key, _)| key.key.is_empty());
        let found: Vec<_> =
            of_no_order.map(|(key, number)| format!("{}={number}", key.measure)).collect();
        assert_eq!(found.join(" "), sums, "{members}");
    }
}

#[test]
fn negative_money_is_given_back() {
    for (members, refunds) in [
        (r#""event":"order","sku":1,"price":-2,"quantity":3"#, "1=6"),
        (r#""event":"order","sku":1,"price":2,"quantity":-3"#, "1=6"),
        (r#""event":"order","sku":1,"price":-2,"quantity":-3"#, "1=6"),
        (r#""event":"order","sku":1,"total_amount":-5"#, "1=5"),
        (r#""event":"order","sku":1,"total_amount":5,"quantity":-1"#, "1=5"),
        (r#""event":"order","sku":1,"value":-5"#, "1=5"),
        (r#""event":"order","sku":1,"value":5,"quantity":-2"#, "1=5"),
        (r#""event":"order","value":-5,"items":[{"sku":1}]"#, "1=5"),
        (r#""event":"refund","sku":1,"price":-2,"quantity":3"#, "1=6"),
        (r#""event":"refund","sku":1,"price":2,"quantity":-3"#, "1=6"),
        (r#""event":"refund","sku":1,"total_amount":-5"#, "1=5"),
        (r#""event":"refund","sku":1,"value":-5"#, "1=5"),
    ] {
        check(line(members), &format!("c1 e1 | refunds:USD 11:07 {refunds}"));
    }
    // A discount among the items.
    check(
        line(r#""event":"order","items":[{"sku":1,"price":9},{"name":"off","price":-2}]"#),
        "c1 e1 | refunds:USD 11:07 off=2; sales:USD 11:07 1=9; units 11:07 1=1",
    );
    // The money is the total amount.
    check(
        line(r#""event":"order","sku":1,"total_amount":5,"price":-2"#),
        "c1 e1 | sales:USD 11:07 1=5; units 11:07 1=1",
    );
}
