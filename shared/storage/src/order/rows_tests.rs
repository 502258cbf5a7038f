use super::*;
use minutebook_domain::order::facts::ORDER_ITEMS_MAX;
use minutebook_domain::order::purchases::ORDER_LINES_MAX;
use minutebook_domain::order::refunds::ORDER_REFUNDS_MAX;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

fn order() -> OrderId {
    OrderId { site: "s".to_string(), id: "a#b".to_string() }
}

fn facts() -> OrderFacts {
    let money = |text: &str| Amount::parse(text.as_bytes()).expect("a decimal");
    let creation = Creation {
        at: at("2026-11-20T23:07:31.000000001Z"),
        number: Some("ORD-1".to_string()),
        customer: Some("c".to_string()),
        currency: Currency::parse(b"USD").expect("three letters"),
        value: money("12.5"),
        products: vec![
            Product { name: "a".to_string(), units: money("2"), money: money("0.000001") },
            Product { name: "b".to_string(), units: money("1"), money: Amount::ZERO },
        ],
    };
    let mut facts = OrderFacts::of_creation(creation, "CREATED");
    facts.merge(OrderFacts::of_change(at("2026-11-20T23:08:31Z"), "PAID"));
    facts
}

fn purchases(customer: Option<&str>, has_more: bool) -> Purchases {
    let money = |text: &str| Amount::parse(text.as_bytes()).expect("a decimal");
    let line = |currency: Currency, item: &str, units: &str, of: &str| OrderLine {
        currency,
        item: item.to_string(),
        units: money(units),
        money: money(of),
    };
    let euro = Currency::parse(b"EUR").expect("three letters");
    let lines = [
        (line(euro, "(other)", "0", "-10.5"), 1),
        (line(euro, "a", "2", "0.000001"), 3),
        (line(Currency::USD, "a", "0.5", "0"), 1),
    ];
    Purchases {
        first: FirstPurchase {
            at: at("2026-11-20T23:06:31.000000002Z"),
            currency: euro,
            customer: customer.map(str::to_string),
        },
        lines: OrderLines::new(lines, has_more),
    }
}

fn refunds(has_more: bool) -> Refunds {
    let reported = |event_id: Option<&str>, item: Option<&str>, what, count| ReportedRefund {
        refund: Refund {
            event_id: event_id.map(str::to_string),
            item: item.map(str::to_string),
            what,
        },
        count,
        at: at("2026-11-20T23:09:31.000000003Z"),
    };
    let money = |text: &str| Amount::parse(text.as_bytes()).expect("a decimal");
    let reported = [
        reported(None, None, RefundOf::Everything, 1),
        reported(None, Some("a"), RefundOf::Units(money("0.5")), 2),
        reported(Some("e"), None, RefundOf::Money(money("0.000001"), Currency::USD), 1),
    ];
    Refunds::new(reported, has_more)
}

fn item_of(facts: &OrderFacts) -> Item {
    order_item(&order(), OrderState::all_of(facts), 1)
}

#[test]
fn what_is_written_is_read_back() {
    let at = at("2026-11-21T01:00:00.5Z");
    let mut cancelled = facts();
    cancelled.merge(OrderFacts::of_cancellation(Cancellation { at, refund: Some(Amount::ONE) }));
    let bought = OrderFacts::of_purchase(purchases(Some("c"), false));
    let mut whole = cancelled.clone();
    whole.merge(OrderFacts::of_purchase(purchases(None, true)));
    whole.merge(OrderFacts::of_refunds(refunds(true)));
    let mut bare = facts();
    if let Some(creation) = &mut bare.created {
        (creation.number, creation.customer, creation.products) = (None, None, vec![]);
    }
    for facts in [
        facts(),
        cancelled,
        bare,
        OrderFacts::of_change(at, "PAID"),
        OrderFacts::of_cancellation(Cancellation { at, refund: None }),
        bought,
        OrderFacts::of_refunds(refunds(false)),
        whole,
    ] {
        let mut states = vec![facts.all_counted(), Counted::Refunds(0)];
        if facts.refund_count() > 0 {
            states.push(Counted::Refunds(1));
        }
        for counted in states {
            let item = order_item(&order(), OrderState { facts: &facts, counted }, 7);
            let read = read_order(&item).expect("well formed");
            assert_eq!(read, KnownOrder { facts: facts.clone(), counted, revision: 7 });
        }
    }
}

#[test]
fn a_row_without_a_contribution_version_is_of_version_1() {
    let mut item = item_of(&facts());
    assert_eq!(item.remove("contribution_version"), Some(AttributeValue::N("2".to_string())));
    assert_eq!(read_order(&item).expect("well formed").counted, Counted::Version1);
}

#[test]
fn the_refunds_of_a_row_are_as_the_table_page_says() {
    let item = item_of(&OrderFacts::of_refunds(refunds(true)));
    assert_eq!(item["refunds_counted"], AttributeValue::N("3".to_string()));
    assert_eq!(item["has_more_refunds"], AttributeValue::Bool(true));
    let refunds = item["refunds"].as_l().expect("a list");
    let members = |place: usize| {
        let members = refunds[place].as_m().expect("a map").iter();
        let mut members: Vec<String> = members
            .map(|(name, value)| match value {
                AttributeValue::S(text) => format!("{name} {text}"),
                AttributeValue::N(number) => format!("{name} #{number}"),
                other => format!("{name} {other:?}"),
            })
            .collect();
        members.sort_unstable();
        members.join(", ")
    };
    let at = "at 2026-11-20T23:09:31.000000003Z";
    assert_eq!(members(0), format!("{at}, count #1"));
    assert_eq!(members(1), format!("{at}, count #2, item a, units #0.5"));
    let money = format!("{at}, count #1, currency USD, event_id e, money #0.000001");
    assert_eq!(members(2), money);
}

#[test]
fn a_row_is_as_the_table_page_says() {
    let item = item_of(&facts());
    for (name, value) in [
        ("pk", "O#s#a#b"),
        ("sk", "order"),
        ("created_at", "2026-11-20T23:07:31.000000001Z"),
        ("status", "PAID"),
        ("status_at", "2026-11-20T23:08:31.000000000Z"),
        ("status_source", "change"),
        ("currency", "USD"),
    ] {
        assert_eq!(text(&item, name).expect("a text"), value);
    }
    let products = item["products"].as_m().expect("a map");
    let numbers: Vec<_> =
        products["a"].as_l().expect("a list").iter().map(|n| n.as_n().expect("a number")).collect();
    assert_eq!(numbers, ["2", "0.000001"]);
    let names = ["lines", "has_more_lines", "purchased_at", "refunds", "refunds_counted"];
    assert!(names.iter().all(|name| !item.contains_key(*name)));
    let bought = OrderFacts::of_purchase(purchases(Some("c"), true));
    let item = item_of(&bought);
    for (name, value) in [
        ("purchased_at", "2026-11-20T23:06:31.000000002Z"),
        ("purchase_currency", "EUR"),
        ("purchase_customer_id", "c"),
    ] {
        assert_eq!(text(&item, name).expect("a text"), value);
    }
    assert_eq!(item["has_more_lines"], AttributeValue::Bool(true));
    let line = item["lines"].as_l().expect("a list")[1].as_m().expect("a map");
    let number = |name: &str| line[name].as_n().map(String::as_str);
    assert_eq!(
        (number("units"), number("money"), number("count")),
        (Ok("2"), Ok("0.000001"), Ok("3"))
    );
    let text = |name: &str| line[name].as_s().map(String::as_str);
    assert_eq!((text("item"), text("currency"), line.len()), (Ok("a"), Ok("EUR"), 5));
}

#[test]
fn the_row_of_the_largest_order_is_far_below_400_kb() {
    let number = Amount::parse(b"123456789012.123456789012").expect("a decimal");
    let product =
        |place: usize| Product { name: format!("{place:0>256}"), units: number, money: number };
    let line = |place: usize| OrderLine {
        currency: Currency::USD,
        item: format!("{place:0>256}"),
        units: number,
        money: number,
    };
    let mut largest = facts();
    if let Some(creation) = &mut largest.created {
        creation.products = (0..ORDER_ITEMS_MAX).map(product).collect();
    }
    let mut bought = purchases(None, false);
    bought.lines = OrderLines::new((0..ORDER_LINES_MAX).map(|place| (line(place), u32::MAX)), true);
    largest.merge(OrderFacts::of_purchase(bought));
    let refund = |place: usize| ReportedRefund {
        refund: Refund {
            event_id: Some(format!("{place:0>256}")),
            item: Some(format!("{place:0>256}")),
            what: RefundOf::Money(number, Currency::USD),
        },
        count: u32::MAX,
        at: at("2026-11-20T23:09:31Z"),
    };
    let refunds = Refunds::new((0..ORDER_REFUNDS_MAX).map(refund), true);
    largest.merge(OrderFacts::of_refunds(refunds));
    let item = item_of(&largest);
    let bytes: usize = item.iter().map(|(name, value)| name.len() + stored(value)).sum();
    assert!((250_000..300_000).contains(&bytes), "{bytes}");
}

/// The size of a value in DynamoDB, in bytes, or a little more.
///
/// **Source**: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
fn stored(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number.len().div_ceil(2) + 2,
        AttributeValue::L(values) => {
            3 + values.iter().map(|value| 1 + stored(value)).sum::<usize>()
        }
        AttributeValue::M(values) => {
            3 + values.iter().map(|(name, value)| 1 + name.len() + stored(value)).sum::<usize>()
        }
        _ => 1,
    }
}

#[test]
fn a_malformed_row_is_an_error_that_names_it() {
    for (name, value) in [
        ("created_at", AttributeValue::S("yesterday".to_string())),
        ("currency", AttributeValue::S("$".to_string())),
        ("value", AttributeValue::S("1".to_string())),
        ("products", AttributeValue::L(vec![])),
        ("status_source", AttributeValue::S("me".to_string())),
        ("purchase_currency", AttributeValue::S("$".to_string())),
        ("lines", AttributeValue::L(vec![AttributeValue::M(HashMap::new())])),
        ("refunds", AttributeValue::L(vec![AttributeValue::M(HashMap::new())])),
        ("refunds_counted", AttributeValue::N("all".to_string())),
        ("revision", AttributeValue::S("1".to_string())),
    ] {
        let mut whole = facts();
        whole.merge(OrderFacts::of_purchase(purchases(None, false)));
        let mut item = item_of(&whole);
        item.insert(name.to_string(), value);
        let sentence = read_order(&item).expect_err("malformed").to_string();
        assert!(sentence.contains("O#s#a#b / order") && sentence.contains(name), "{sentence}");
    }
}
