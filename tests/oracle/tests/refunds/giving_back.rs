//! What the refunds of an order give back, and of which items.

use super::*;

#[test]
fn a_refund_told_three_ways_gives_back_no_more_than_was_paid() {
    let bought = purchase("07:00", r#""item_id":"X","price":15,"quantity":2,"currency":"EUR""#);
    let told = |at: &str, id: &str| {
        refund(at, &format!(r#""item_id":"X","total_amount":30,"currency":"EUR"{id}"#))
    };
    let (first, again, other) =
        (told("08:00", ""), told("09:00", ""), told("09:30", r#","event_id":"m-7""#));
    let expected = [
        "order_value:EUR 07 gross=30",
        "order_value:EUR 07 orders=1",
        "order_value:EUR 07 over_refunded=30",
        "order_value:EUR 07 refunded=30",
        "order_value:EUR 07 sales=30",
        "order_value:EUR 08 refunds=30",
        "order_value:EUR 08 sales_refunds=30",
        "ordered 07 X=2",
        "ordered_value:EUR 07 X=30",
        "orders 07 CREATED=1",
        "refunds:EUR 08 X=30",
        "refunds_moved:EUR 07 X=30",
        "refunds_moved:EUR 08 X=-30",
        "sales:EUR 07 X=30",
        "units 07 X=2",
    ];
    assert_eq!(cells(&counted(&[&bought, &first, &again, &other])), expected);
    assert_eq!(cells(&counted(&[&other, &again, &bought, &first, &other])), expected);
    // Money of no item is that of the only one.
    let [first, again, other] =
        [first, again, other].map(|text| text.replace(r#""item_id":"X","#, ""));
    assert_eq!(cells(&counted(&[&again, &first, &bought, &other])), expected);
}

#[test]
fn an_item_gives_back_its_money_and_what_is_beyond_that_is_of_no_item() {
    let bought = shoes_and_a_cap();
    let of = |members: &str| refund("08:00", &format!(r#""item_id":{members}"#));
    check(&[&bought, &of(r#""SHOE","price":30"#)], "30: 08 SHOE=30");
    check(&[&bought, &of(r#""SHOE","price":90"#)], "90: 08 (other)=10; 08 SHOE=80");
    check(&[&bought, &of(r#""HAT","price":5"#)], "5: 08 (other)=5");
    check(&[&bought, &of(r#""SHOE","price":120"#)], "100 over 20: 08 (other)=20; 08 SHOE=80");
    // At the minute of the order, nothing is moved.
    check(&[&bought, &refund("07:59", r#""item_id":"CAP","price":5"#)], "5: 07 CAP=5");
    // Before the order, too.
    check(&[&bought, &refund("06:00", r#""item_id":"CAP","price":5"#)], "5: 06 CAP=5");
    // The second one finds 50 of the shoes.
    let second = refund("09:00", r#""item_id":"SHOE","price":60"#);
    check(
        &[&bought, &of(r#""SHOE","price":30"#), &second],
        "90: 08 SHOE=30; 09 (other)=10; 09 SHOE=50",
    );
}

#[test]
fn units_give_back_their_part_of_the_money_of_the_item() {
    let bought = shoes_and_a_cap();
    let units = |members: &str| refund("08:00", members);
    check(&[&bought, &units(r#""item_id":"SHOE""#)], "40: 08 SHOE=40");
    check(&[&bought, &units(r#""item_id":"SHOE","quantity":0.5"#)], "20: 08 SHOE=20");
    check(&[&bought, &units(r#""item_id":"SHOE","quantity":2"#)], "80: 08 SHOE=80");
    check(&[&bought, &units(r#""item_id":"SHOE","quantity":3"#)], "80: 08 SHOE=80");
    // Two units in one event, and one more by another.
    let twice = r#""items":[{"item_id":"SHOE"},{"item_id":"SHOE"}]"#;
    check(&[&bought, &units(twice)], "80: 08 SHOE=80");
    let third = refund("09:00", r#""item_id":"SHOE","event_id":"e""#);
    check(&[&bought, &units(twice), &third], "100 over 20: 08 SHOE=80; 09 (other)=20");
    // Of three for 10, rounded down.
    let three = purchase("07:00", r#""item_id":"a","total_amount":10,"quantity":3"#);
    check(&[&three, &units(r#""item_id":"a""#)], "3.333333: 08 a=3.333333");
    check(&[&three, &units(r#""item_id":"a","quantity":2"#)], "6.666666: 08 a=6.666666");
    check(&[&three, &units(r#""item_id":"a","quantity":3"#)], "10: 08 a=10");
    // Equal ones are refunds of all their units.
    let equal = |count| vec![r#"{"item_id":"a"}"#; count].join(",");
    check(&[&three, &units(&format!(r#""items":[{}]"#, equal(3)))], "10: 08 a=10");
    check(&[&three, &units(&format!(r#""items":[{}]"#, equal(2)))], "6.666666: 08 a=6.666666");
    // Lines of one item at two prices are together 3 units for 100.
    let dearer = purchase("07:30", r#""item_id":"SHOE","price":20"#);
    check(&[&bought, &dearer, &units(r#""item_id":"SHOE","quantity":1.5"#)], "50: 08 SHOE=50");
    // Nothing is known of units that nobody bought.
    check(&[&bought, &units(r#""item_id":"HAT""#)], "0 incomplete: ");
}

#[test]
fn money_of_no_item_is_that_of_the_only_one_or_of_all_if_it_is_all() {
    let bought = shoes_and_a_cap();
    let money = |at: &str, value: &str| refund(at, &format!(r#""value":{value}"#));
    check(&[&bought, &money("08:00", "30")], "30: 08 (other)=30");
    check(&[&bought, &money("08:00", "100")], "100: 08 CAP=20; 08 SHOE=80");
    check(&[&bought, &money("08:00", "101")], "100 over 1: 08 CAP=20; 08 SHOE=80");
    // What is left of (other) is -30 after the first.
    check(
        &[&bought, &money("08:00", "30"), &money("09:00", "70")],
        "100: 08 (other)=30; 09 (other)=-30; 09 CAP=20; 09 SHOE=80",
    );
    let shoe = purchase("07:00", r#""item_id":"SHOE","price":80"#);
    check(&[&shoe, &money("08:00", "30")], "30: 08 SHOE=30");
    check(
        &[&shoe, &money("08:00", "30"), &money("09:00", "60")],
        "80 over 10: 08 SHOE=30; 09 SHOE=50",
    );
    // Lines without an item leave all of it without one.
    let plain = purchase("07:00", r#""value":80"#);
    check(&[&plain, &money("08:00", "30")], "30: 08 (other)=30");
}

#[test]
fn everything_is_what_the_other_refunds_have_left_whenever_they_were() {
    let (bought, shoe) = (shoes_and_a_cap(), refund("08:30", r#""item_id":"SHOE","price":30"#));
    check(&[&bought, &refund_all("08:00")], "100: 08 CAP=20; 08 SHOE=80");
    check(&[&bought, &shoe, &refund_all("09:00")], "100: 08 SHOE=30; 09 CAP=20; 09 SHOE=50");
    check(&[&bought, &shoe, &refund_all("06:00")], "100: 06 CAP=20; 06 SHOE=50; 08 SHOE=30");
    // A second one has nothing left, and wanted no more than that.
    let second = refund("06:00", r#""event_id":"e""#);
    check(&[&bought, &refund_all("08:00"), &second], "100: 06 CAP=20; 06 SHOE=80");
}

#[test]
fn a_cancellation_gives_back_what_the_refunds_have_not() {
    let (bought, shoe) = (shoes_and_a_cap(), refund("08:00", r#""item_id":"SHOE","price":30"#));
    let with = |at: &str, amount: &str, expected: &str| {
        check(&[&bought, &shoe, &cancelled(at, amount)], expected);
    };
    with("09:00", "", "100: 08 SHOE=30; 09 CAP=20; 09 SHOE=50");
    // It comes last, even if it was earlier.
    with("07:30", "", "100: 07 CAP=20; 07 SHOE=50; 08 SHOE=30");
    // So that it is 50 in all, and 100.
    with("09:00", "50", "50: 08 SHOE=30; 09 (other)=20");
    with("09:00", "-100", "100: 08 SHOE=30; 09 CAP=20; 09 SHOE=50");
    with("09:00", "120", "100 over 20: 08 SHOE=30; 09 CAP=20; 09 SHOE=50");
    with("09:00", "30", "30: 08 SHOE=30");
    with("09:00", "0", "30: 08 SHOE=30");
    check(&[&bought, &cancelled("09:00", "40")], "40: 09 (other)=40");
    check(&[&bought, &cancelled("09:00", "")], "100: 09 CAP=20; 09 SHOE=80");
    check(&[&bought, &refund_all("08:00"), &cancelled("09:00", "")], "100: 08 CAP=20; 08 SHOE=80");
}

#[test]
fn two_equal_refunds_are_one_unless_their_ids_differ_or_one_event_has_both() {
    let bought = shoes_and_a_cap();
    let told = |at: &str, id: &str| refund(at, &format!(r#""item_id":"SHOE","price":30{id}"#));
    // At the time of the earliest.
    check(&[&bought, &told("09:00", ""), &told("08:00", "")], "30: 08 SHOE=30");
    let (first, second) = (told("08:00", r#","event_id":"a""#), told("09:00", r#","event_id":2"#));
    check(&[&bought, &first, &second], "60: 08 SHOE=30; 09 SHOE=30");
    check(&[&bought, &first, &told("09:00", "")], "60: 08 SHOE=30; 09 SHOE=30");
    let both = |at: &str| {
        refund(at, r#""items":[{"item_id":"CAP","price":5},{"item_id":"CAP","price":5}]"#)
    };
    check(&[&bought, &both("08:00")], "10: 08 CAP=10");
    // As many as the event with the most, at the time of the earliest that has it.
    let one = refund("06:00", r#""item_id":"CAP","price":5"#);
    check(&[&bought, &both("08:00"), &one, &both("09:00")], "10: 06 CAP=10");
    // The same id in one file is a duplicate, whatever it says.
    let recount = count(&(first + &told("09:00", r#","event_id":"a""#)));
    assert_eq!((recount.counted, recount.duplicate), (1, 1));
}

#[test]
fn equal_times_are_in_the_order_of_ids_and_items() {
    let bought = shoes_and_a_cap();
    let told = |item: &str, price: u32, id: &str| {
        refund("08:00", &format!(r#""item_id":"{item}","price":{price},"event_id":{id}"#))
    };
    // The cap first: 20 and 30 of no item, so that 50 is left for the shoes.
    check(
        &[&bought, &told("CAP", 50, "\"a\""), &told("SHOE", 80, "\"b\"")],
        "100 over 30: 08 (other)=30; 08 CAP=20; 08 SHOE=50",
    );
    check(
        &[&bought, &told("CAP", 50, "\"b\""), &told("SHOE", 80, "\"a\"")],
        "100 over 30: 08 CAP=20; 08 SHOE=80",
    );
    // No id comes first.
    check(
        &[&bought, &told("CAP", 50, "null"), &told("SHOE", 80, "\"a\"")],
        "100 over 30: 08 (other)=30; 08 CAP=20; 08 SHOE=50",
    );
    // Nor does an item: 50 of none, then 50 of the shoes.
    check(
        &[&bought, &told("SHOE", 80, "null"), &refund("08:00", r#""value":50"#)],
        "100 over 30: 08 (other)=50; 08 SHOE=50",
    );
    // The time decides before them.
    let later = refund("08:00.000000001", r#""value":50"#);
    check(&[&bought, &told("SHOE", 80, "\"z\""), &later], "100 over 30: 08 CAP=20; 08 SHOE=80");
}

#[test]
fn money_of_another_currency_does_not_count() {
    let bought = shoes_and_a_cap();
    let euros = refund("08:00", r#""item_id":"SHOE","price":30,"currency":"EUR""#);
    check(&[&bought, &euros], "0 incomplete: ");
    check(&[&bought, &euros, &cancelled("09:00", "")], "100 incomplete: 09 CAP=20; 09 SHOE=80");
    // Until the order is seen, it counts by itself.
    assert_eq!(cells(&counted(&[&euros])), ["refunds:EUR 08 SHOE=30"]);
}

#[test]
fn refunds_of_an_order_that_nobody_saw_placed_count_their_money() {
    let alone = |at: &str, members: &str| refund(at, members);
    let texts = [
        alone("08:00", r#""item_id":"SHOE","price":30,"event_id":"a""#),
        alone("08:00", r#""item_id":"SHOE","price":30,"event_id":"b""#),
        alone("09:00", r#""items":[{"item_id":"CAP","price":5},{"item_id":"CAP","price":5}]"#),
        alone("09:00", r#""value":7,"currency":"EUR""#),
        alone("09:00", r#""item_id":"SHOE""#),
        refund_all("09:00"),
        cancelled("09:00", "40"),
    ];
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let expected = ["refunds:EUR 09 (other)=7", "refunds:USD 08 SHOE=60", "refunds:USD 09 CAP=10"];
    assert_eq!(cells(&counted(&texts)), expected);
    assert_eq!(cells(&counted(&[&texts[..], &texts[..]].concat())), expected);
    // Once it is, they are those of the order: 60 and 10 of 100, and a shoe of 40 of which 20 is left,
    // with 10 of no item. Everything is nothing then, and takes the 10 that is left of the cap.
    let bought = shoes_and_a_cap();
    check(
        &[&texts[..], &[&bought]].concat(),
        "100 over 10 incomplete: 08 SHOE=60; 09 CAP=20; 09 SHOE=20",
    );
}

#[test]
fn an_order_of_a_creation_alone_gives_back_money_of_no_item() {
    let created = event(
        "OrderCreatedEvent",
        "07:00",
        r#""total_amount":50,"items":[{"product_name":"Mug","quantity":2,"price":25}]"#,
    );
    let refunded = refund("08:00", r#""item_id":"Mug","price":20"#);
    let rest = [
        "order_value:USD 07 gross=50",
        "order_value:USD 07 orders=1",
        "order_value:USD 07 refunded=20",
        "order_value:USD 08 refunds=20",
        "ordered 07 Mug=2",
        "ordered_value:USD 07 Mug=50",
        "orders 07 CREATED=1",
    ];
    assert_eq!(cells(&counted(&[&created, &refunded])), rest);
    // It has no lines that had units.
    let units = refund("08:00", r#""item_id":"Mug""#);
    let incomplete = cells(&counted(&[&created, &refunded, &units]));
    assert_eq!(incomplete[1], "order_value:USD 07 incomplete=1");
    assert_eq!(incomplete.len(), rest.len() + 1);
    let all = cells(&counted(&[&created, &refunded, &refund_all("09:00")]));
    assert_eq!(
        all[2..5],
        [
            "order_value:USD 07 refunded=50",
            "order_value:USD 08 refunds=20",
            "order_value:USD 09 refunds=30"
        ]
    );
}

#[test]
fn what_a_creation_is_worth_beyond_the_lines_is_of_no_item() {
    let shoe = purchase("07:00", r#""item_id":"SHOE","price":80"#);
    // With a shipping of 20.
    let created = event("OrderCreatedEvent", "07:30", r#""total_amount":100"#);
    let with = |text: &str, expected: &str| check(&[&shoe, &created, text], expected);
    with(&refund("08:00", r#""value":30"#), "30: 08 SHOE=30");
    with(&refund("08:00", r#""value":90"#), "90: 08 (other)=10; 08 SHOE=80");
    with(&refund("08:00", r#""item_id":"SHOE","price":90"#), "90: 08 (other)=10; 08 SHOE=80");
    with(&refund_all("08:00"), "100: 08 (other)=20; 08 SHOE=80");
    with(&cancelled("08:00", ""), "100: 08 (other)=20; 08 SHOE=80");
    // The creation may say less than the lines.
    let cheaper = event("OrderCreatedEvent", "07:30", r#""total_amount":70"#);
    check(&[&shoe, &cheaper, &refund_all("08:00")], "70: 08 (other)=-10; 08 SHOE=80");
}

#[test]
fn a_discount_is_given_back_with_all_the_rest() {
    let bought = purchase(
        "07:00",
        r#""items":[{"item_id":"SHOE","price":80},{"item_id":"off","price":-10}]"#,
    );
    let with =
        |texts: &[&str], expected: &str| check(&[&[bought.as_str()], texts].concat(), expected);
    with(&[&refund_all("08:00")], "70: 08 (other)=-10; 08 SHOE=80");
    with(&[&refund("08:00", r#""value":70"#)], "70: 08 (other)=-10; 08 SHOE=80");
    // A shoe of 80, of which 70 was paid. The cancellation finds nothing left of the order, and takes
    // what is left of its items: 10 and -10.
    let shoe = refund("08:00", r#""item_id":"SHOE""#);
    with(&[&shoe], "70 over 10: 08 SHOE=70");
    with(&[&shoe, &cancelled("09:00", "")], "70 over 10: 08 SHOE=70; 09 (other)=-10; 09 SHOE=10");
    with(&[&refund("08:00", r#""value":30"#)], "30: 08 SHOE=30");
}

#[test]
fn the_counters_of_an_order_may_have_only_its_first_refunds_or_none() {
    let text = shoes_and_a_cap()
        + &refund("08:00", r#""item_id":"SHOE","price":30"#)
        + &refund("09:00", r#""item_id":"CAP","price":5"#)
        + &cancelled("10:00", "90");
    let order = order(&text);
    let of = |contribution| tallies_of_contributions([("default", &order, contribution)]);
    let given = [
        "0: ",
        "30: 08 SHOE=30",
        "35: 08 SHOE=30; 09 CAP=5",
        "90: 08 SHOE=30; 09 CAP=5; 10 (other)=55",
    ];
    for (refunds, expected) in given.into_iter().enumerate() {
        assert_eq!(given_back(&of(Contribution::FirstRefunds(refunds))), expected);
    }
    assert_eq!(of(Contribution::Whole), of(Contribution::FirstRefunds(3)));
    // A build before gave back what the cancellation says, at the minute of the order.
    assert_eq!(
        cells(&of(Contribution::WithoutRefunds)),
        [
            "order_value:USD 07 gross=100",
            "order_value:USD 07 orders=1",
            "order_value:USD 07 refunded=90",
            "ordered 07 CAP=1",
            "ordered 07 SHOE=2",
            "ordered_value:USD 07 CAP=20",
            "ordered_value:USD 07 SHOE=80",
            "orders 07 CANCELLED=1",
            "sales:USD 07 CAP=20",
            "sales:USD 07 SHOE=80",
            "units 07 CAP=1",
            "units 07 SHOE=2",
        ]
    );
}

#[test]
fn refunds_of_an_order_keep_their_names_beside_others_that_lose_theirs() {
    let plain = |item: &str, price: u32| {
        refund("08:00", &format!(r#""item_id":"{item}","price":{price}"#))
            .replace("\"order_id\":1,", "")
    };
    let of_order = refund("08:00", r#""item_id":"x","price":1"#);
    let recount = count(&(plain("a", 5) + &plain("b", 3) + &of_order)).with_names_max(1);
    assert_eq!(cells(&recount.tallies), ["refunds:USD 08 (other)=3", "refunds:USD 08 a=5"]);
    assert_eq!(cells(&order_tallies(&recount.orders)), ["refunds:USD 08 x=1"]);
}
