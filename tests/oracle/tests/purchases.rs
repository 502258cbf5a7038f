//! Purchases that count through their order, with results that were computed by hand.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use minutebook_oracle::{
    Decimal, Granularity, Order, Recount, Settings, TallyKey, order_tallies, orders, recount,
    recount_appended, roll_up, sum,
};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};

const SHOE: &str = r#""item_id":"SHOE","price":80"#;

fn count(text: &str) -> Recount {
    let settings = Settings::at("2026-11-20T12:00:00Z".parse().unwrap());
    recount(text.as_bytes(), &settings).unwrap()
}

/// A purchase of order 1 at a minute and second after 11 o'clock: `07:01`.
fn purchase(at: &str, members: &str) -> String {
    format!("{{\"event\":\"purchase\",\"ts\":\"2026-11-20T11:{at}Z\",\"order_id\":1,{members}}}\n")
}

fn order_event(kind: &str, at: &str, members: &str) -> String {
    format!(
        "{{\"event\":\"Order{kind}Event\",\"ts\":\"2026-11-20T11:{at}Z\",\"order_id\":1{members}}}\n"
    )
}

/// Without the money of no order.
fn cells<'a>(tallies: impl IntoIterator<Item = (&'a TallyKey, &'a Decimal)>) -> String {
    let is_listed = |key: &TallyKey| !key.key.is_empty() || !key.measure.contains(':');
    let listed = tallies.into_iter().filter(|(key, _)| is_listed(key));
    let cells = listed.map(|(key, number)| {
        format!("{} {} {}={number}", key.measure, key.minute_start().format("%M"), key.key)
    });
    cells.collect::<Vec<_>>().join("; ")
}

/// What these chunks count together: plain events, then orders. Each is `measure minute
/// key=number; …`.
fn counted_of(chunks: &[&str]) -> [String; 2] {
    let recounts: Vec<Recount> = chunks.iter().map(|chunk| count(chunk)).collect();
    for recount in &recounts {
        assert_eq!(recount.rejected_lines, []);
    }
    let orders = order_tallies(recounts.iter().flat_map(|recount| &recount.orders));
    let plain = recounts.into_iter().map(|recount| Recount { orders: vec![], ..recount });
    [cells(&sum(&plain.collect::<Vec<_>>())), cells(&orders)]
}

#[track_caller]
fn check(chunks: &[&str], expected: &str) {
    assert_eq!(counted_of(chunks), ["", expected], "{chunks:?}");
}

fn order(text: &str) -> Order {
    let orders = orders(&count(text).orders);
    assert_eq!(orders.len(), 1);
    orders.into_values().next().unwrap()
}

/// What an order of minute 07 in dollars counts that is worth `value`: with these cells of `sales`,
/// and these items, each with its units and its money. What is zero is left out.
fn dollars(value: &str, sales: &str, items: &[(&str, &str, &str)]) -> String {
    let mut cells = vec![format!("order_value:USD 07 gross={value}")];
    cells.push("order_value:USD 07 orders=1".to_owned());
    cells.push(format!("order_value:USD 07 sales={value}"));
    cells.extend(items.iter().map(|(item, units, _)| format!("ordered 07 {item}={units}")));
    cells.extend(
        items.iter().map(|(item, _, money)| format!("ordered_value:USD 07 {item}={money}")),
    );
    cells.push("orders 07 CREATED=1".to_owned());
    let sales = sales.split("; ").filter(|cell| !cell.is_empty());
    cells.extend(sales.map(|cell| format!("sales:USD 07 {cell}")));
    cells.extend(items.iter().map(|(item, units, _)| format!("units 07 {item}={units}")));
    cells.retain(|cell| !cell.ends_with("=0"));
    cells.join("; ")
}

#[test]
fn two_equal_purchases_three_minutes_apart_count_once() {
    let lines =
        ["07:01", "10:01"].map(|at| purchase(at, r#""item_id":"SHOE","price":39.95,"quantity":1"#));
    let expected = dollars("39.95", "SHOE=39.95", &[("SHOE", "1", "39.95")]);
    check(&[&lines.concat()], &expected);
    // In two files, in whatever order.
    check(&[&lines[0], &lines[1]], &expected);
    check(&[&lines[1], &lines[0]], &expected);
    check(&[&lines[0], &lines[0], &lines[0]], &expected);
}

#[test]
fn a_shoe_of_80_with_a_discount_of_10_is_an_order_of_70() {
    for discount in [
        r#"{"item_id":"off","price":-10}"#,
        r#"{"item_id":"off","price":10,"quantity":-1}"#,
        r#"{"item_id":"off","total_amount":-10,"quantity":3}"#,
    ] {
        let text = purchase("07:01", &format!(r#""items":[{{{SHOE}}},{discount}]"#));
        let expected = dollars("70", "(other)=-10; SHOE=80", &[("SHOE", "1", "80")]);
        check(&[&text], &expected);
        check(&[&text, &text], &expected);
    }
}

#[test]
fn the_lines_of_several_events_add_up_and_of_each_the_event_with_the_most_counts() {
    let [one, two, cap] = [
        format!(r#""items":[{{{SHOE}}}]"#),
        format!(r#""items":[{{{SHOE}}},{{{SHOE}}}]"#),
        r#""item_id":"CAP","price":5,"quantity":3"#.to_owned(),
    ]
    .map(|members| purchase("07:01", &members));
    let two_shoes = dollars("160", "SHOE=160", &[("SHOE", "2", "160")]);
    check(&[&two], &two_shoes);
    check(&[&one, &two, &one], &two_shoes);
    check(&[&(one.clone() + &one)], &dollars("80", "SHOE=80", &[("SHOE", "1", "80")]));
    let with_caps = dollars("95", "CAP=15; SHOE=80", &[("CAP", "3", "15"), ("SHOE", "1", "80")]);
    check(&[&one, &cap], &with_caps);
    check(&[&(cap.clone() + &one + &cap)], &with_caps);
    // Another price, or other units, is another line.
    let cheaper = purchase("07:01", r#""item_id":"SHOE","price":70"#);
    let pair = purchase("07:01", r#""item_id":"SHOE","total_amount":80,"quantity":2"#);
    check(&[&one, &cheaper, &pair], &dollars("230", "SHOE=230", &[("SHOE", "4", "230")]));
    // However the money is told, and whatever the number looks like.
    let total = purchase("07:01", r#""item_name":"SHOE","total":"80.00""#);
    check(&[&one, &total], &dollars("80", "SHOE=80", &[("SHOE", "1", "80")]));
}

#[test]
fn items_without_money_and_money_without_items_are_lines() {
    let cup = purchase("07:01", r#""item_id":"CUP","quantity":2"#);
    check(&[&cup, &cup], &dollars("0", "", &[("CUP", "2", "0")]));
    let money = purchase("07:01", r#""value":9.5"#);
    check(&[&money, &money], &dollars("9.5", "(other)=9.5", &[]));
    check(&[&money, &cup], &dollars("9.5", "(other)=9.5", &[("CUP", "2", "0")]));
    // The money of an event is split among its items: 10 for 3 and 1.
    let split =
        purchase("07:01", r#""value":10,"items":[{"item_id":"a","quantity":3},{"item_id":"b"}]"#);
    check(&[&split], &dollars("10", "a=7.5; b=2.5", &[("a", "3", "7.5"), ("b", "1", "2.5")]));
    assert_eq!(count(&cup).purchases_without_money, 1);
}

#[test]
fn a_purchase_of_negative_items_alone_says_nothing_of_what_was_bought() {
    for members in [
        r#""item_id":"SHOE","price":-80"#,
        r#""item_id":"SHOE","price":80,"quantity":-1"#,
        r#""items":[{"item_id":"SHOE","price":-50},{"item_id":"SHOE","price":30,"quantity":-1}]"#,
        r#""items":[{"item_id":"SHOE","price":-80},{"item_id":"CAP","quantity":-1}]"#,
    ] {
        let text = purchase("09:00", members);
        check(&[&text], "refunds:USD 09 SHOE=80");
        let refunded = order(&text);
        assert_eq!((refunded.purchased, refunded.lines.len()), (None, 0), "{members}");
    }
}

#[test]
fn an_order_is_never_worth_less_than_nothing() {
    let text = purchase("07:01", r#""items":[{"item_id":"SHOE"},{"item_id":"off","price":-10}]"#);
    check(&[&text], &dollars("0", "", &[("SHOE", "1", "0")]));
    let text = purchase(
        "07:01",
        r#""items":[{"item_id":"SHOE","price":4},{"item_id":"off","price":-10}]"#,
    );
    // 4 for the shoe and -4 besides are the 0 that the order is worth.
    check(&[&text], &dollars("0", "(other)=-4; SHOE=4", &[("SHOE", "1", "4")]));
}

#[test]
fn what_adds_nothing_is_ignored_and_what_names_no_order_is_no_purchase_of_one() {
    let nothing = purchase("07:01", r#""item_id":"SHOE","price":5,"quantity":0"#);
    assert_eq!((count(&nothing).ignored, count(&nothing).orders.len()), (1, 0));
    // Such an item is no line either, but it is not negative.
    let beside = purchase(
        "07:01",
        r#""items":[{"item_id":"SHOE","price":5,"quantity":0},{"item_id":"off","price":-1}]"#,
    );
    assert_eq!(order(&beside).lines.len(), 1);
    for order_id in ["1.5", "{}", "\"\"", "null"] {
        let text =
            purchase("07:01", SHOE).replace("\"order_id\":1", &format!("\"order_id\":{order_id}"));
        let plain = "sales:USD 07 SHOE=160; units 07 SHOE=2";
        assert_eq!(counted_of(&[&text, &text]), [plain, ""], "{order_id}");
        let dropped = u64::from(!matches!(order_id, "\"\"" | "null"));
        assert_eq!(count(&text).dropped.get("order_id").copied().unwrap_or(0), dropped);
    }
}

#[test]
fn orders_of_two_sites_or_ids_are_two() {
    let text = purchase("07:01", SHOE);
    let other_site = purchase("07:01", &format!(r#"{SHOE},"site_id":"t""#));
    let other_id = text.replace("\"order_id\":1", "\"order_id\":2");
    let recount = count(&(text.clone() + &other_site + &other_id + &text));
    assert_eq!((recount.counted, orders(&recount.orders).len()), (4, 3));
    let [_, orders] = counted_of(&[&text, &other_id]);
    assert!(orders.contains("order_value:USD 07 gross=160; order_value:USD 07 orders=2"));
}

#[test]
fn the_currency_is_that_of_the_creation_or_else_of_the_earliest_purchase() {
    let of = |at: &str, currency: &str| {
        purchase(at, &format!(r#""item_id":"{currency}","price":80,"currency":"{currency}""#))
    };
    let (usd, eur) = (of("07:01", "USD"), of("08:00", "EUR"));
    let incomplete = "order_value:USD 07 gross=80; order_value:USD 07 incomplete=1; \
                      order_value:USD 07 orders=1; order_value:USD 07 sales=80; \
                      ordered 07 USD=1; ordered_value:USD 07 USD=80; orders 07 CREATED=1; sales:USD 07 USD=80; units 07 USD=1";
    check(&[&usd, &eur], incomplete);
    check(&[&eur, &usd], incomplete);
    // At the same time, the lesser code.
    let [_, orders] = counted_of(&[&usd, &of("07:01", "EUR")]);
    assert!(orders.starts_with("order_value:EUR 07 gross=80; order_value:EUR 07 incomplete=1"));
    // To the nanosecond.
    let [_, orders] = counted_of(&[&usd, &of("07:01.000000001", "EUR")]);
    assert!(orders.starts_with("order_value:USD 07 gross=80; "));
    // Nothing of the order is in the currency of its creation.
    let created = order_event("Created", "09:00", r#","total_amount":100,"currency":"CHF""#);
    check(
        &[&usd, &created],
        "order_value:CHF 07 gross=100; order_value:CHF 07 incomplete=1; \
         order_value:CHF 07 orders=1; order_value:CHF 07 sales=100; orders 07 CREATED=1; sales:CHF 07 (other)=100",
    );
}

#[test]
fn lines_are_in_the_currency_of_their_item_or_of_their_event() {
    let item = r#"{"item_id":"SHOE","price":80,"currency":"EUR"}"#;
    // The order is in the currency of its only money, although the event names none.
    let text = purchase("07:01", &format!(r#""items":[{{"item_id":"BAG"}},{item}]"#));
    let dollars_of = dollars("80", "SHOE=80", &[("BAG", "1", "0"), ("SHOE", "1", "80")]);
    check(&[&text], &dollars_of.replace("USD", "EUR"));
    // It does not count in an order in another currency.
    let text = purchase("07:01", &format!(r#""currency":"USD","items":[{item}]"#));
    let incomplete = "order_value:USD 07 incomplete=1; order_value:USD 07 orders=1; \
        orders 07 CREATED=1";
    check(&[&text], incomplete);
    // Without one that can be used, it is the default.
    let text = purchase("07:01", &format!(r#"{SHOE},"currency":"dollars""#));
    check(&[&text], &dollars("80", "SHOE=80", &[("SHOE", "1", "80")]));
}

#[test]
fn a_chunk_that_a_build_before_began_counts_purchases_like_any_event() {
    let at = "2026-11-20T12:00:00Z".parse().unwrap();
    let settings = Settings { has_order_lines: false, ..Settings::at(at) };
    let text = purchase("07:01", r#""item_id":"SHOE","price":80"#);
    let recount = recount(format!("{text}{text}").as_bytes(), &settings).unwrap();
    assert_eq!(recount.orders, []);
    assert_eq!(cells(&sum(&[recount])), "sales:USD 07 SHOE=160; units 07 SHOE=2");
}

#[test]
fn an_order_is_the_same_whatever_comes_first_and_however_often() {
    let mut lines = vec![
        order_event("Created", "09:00", r#","total_amount":75,"items":[{"name":"a"}]"#),
        order_event("StatusChanged", "08:00", r#","newStatus":"PAID""#),
        order_event("Cancelled", "10:00", r#","refundAmount":5"#),
    ];
    for (at, members) in [
        ("07:01", r#""item_id":"SHOE","price":80,"currency":"EUR","user_id":"ann""#),
        ("07:01", r#""item_id":"SHOE","price":80,"user_id":"bob""#),
        ("07:02", r#""items":[{"item_id":"CAP","price":5},{"item_id":"CAP","price":5}]"#),
        ("07:00", r#""items":[{"item_id":"CAP","price":5},{"item_id":"off","price":-1}]"#),
        ("12:00", r#""value":9.5"#),
    ] {
        lines.push(purchase(at, members));
    }
    lines.extend([items("USD", 0..200), items("EUR", 100..250)]);
    let expected = order(&lines.concat());
    let mut random = StdRng::seed_from_u64(1);
    for _ in 0..50 {
        let again = lines[random.random_range(0..lines.len())].clone();
        lines.push(again);
        lines.shuffle(&mut random);
        assert_eq!(order(&lines.concat()), expected);
    }
}

#[test]
fn an_order_is_placed_at_its_creation_or_its_earliest_purchase() {
    let created = order_event(
        "Created",
        "07:30",
        r#","total_amount":75,"items":[{"product_name":"Shoe","quantity":1,"price":80}]"#,
    );
    // The creation says what it costs and what was ordered, the lines what was sold: 5 less.
    let expected = |minute: &str| {
        "order_value:USD 07 gross=75; order_value:USD 07 orders=1; order_value:USD 07 sales=75; \
         ordered 07 Shoe=1; ordered_value:USD 07 Shoe=80; orders 07 CREATED=1; \
         sales:USD 07 (other)=-5; sales:USD 07 SHOE=80; units 07 SHOE=1"
            .replace(" 07 ", &format!(" {minute} "))
    };
    check(&[&created, &purchase("09:00", SHOE)], &expected("07"));
    check(&[&purchase("05:00", SHOE), &created], &expected("05"));
    check(
        &[&purchase("09:00", SHOE), &created, &purchase("06:59.999999999", SHOE)],
        &expected("06"),
    );
    // A creation alone sells nothing.
    check(
        &[&created],
        "order_value:USD 07 gross=75; order_value:USD 07 orders=1; ordered 07 Shoe=1; \
         ordered_value:USD 07 Shoe=80; orders 07 CREATED=1",
    );
}

#[test]
fn statuses_and_cancellations_are_those_of_any_order() {
    let shoe = purchase("07:01", SHOE);
    let paid = order_event("StatusChanged", "06:00", r#","newStatus":"PAID""#);
    let [_, orders] = counted_of(&[&paid, &shoe]);
    assert!(orders.contains("orders 07 PAID=1; sales"), "{orders}");
    let cancelled = order_event("Cancelled", "08:00", "");
    let [_, orders] = counted_of(&[&cancelled, &shoe, &paid]);
    assert!(orders.contains("order_value:USD 07 refunded=80;"), "{orders}");
    assert!(orders.contains("orders 07 CANCELLED=1"), "{orders}");
    // What was sold remains sold.
    assert!(orders.ends_with("sales:USD 07 SHOE=80; units 07 SHOE=1"), "{orders}");
    let some = order_event("Cancelled", "08:00", r#","refundAmount":5"#);
    assert!(counted_of(&[&some, &shoe])[1].contains("order_value:USD 07 refunded=5;"));
    // Without a purchase or a creation, an order counts for nothing.
    check(&[&(paid + &cancelled)], "");
}

#[test]
fn the_customer_is_that_of_the_creation_or_else_of_the_earliest_purchase() {
    let of = |at: &str, customer: &str| purchase(at, &format!("{SHOE}{customer}"));
    let [ann, bob, none] =
        [of("07:02", r#","user_id":"ann""#), of("07:02", r#","user_id":"bob""#), of("07:02", "")];
    let customer = |text: &str| order(text).customer().map(str::to_owned);
    assert_eq!(customer(&(bob.clone() + &ann)).as_deref(), Some("ann"));
    assert_eq!(customer(&(ann.clone() + &none)), None);
    let earlier = of("07:01", r#","user_id":"eve""#);
    assert_eq!(customer(&(none + &earlier)).as_deref(), Some("eve"));
    // The lesser currency decides before the lesser id.
    let euros = of("07:02", r#","user_id":"zoe","currency":"EUR""#);
    assert_eq!(customer(&(ann.clone() + &euros)).as_deref(), Some("zoe"));
    let created = order_event("Created", "09:00", r#","total_amount":1,"user_id":"max""#);
    assert_eq!(customer(&(ann + &created)).as_deref(), Some("max"));
}

/// A purchase of one each of these items at 1.
fn items(currency: &str, numbers: std::ops::Range<u32>) -> String {
    let items: Vec<String> =
        numbers.map(|number| format!(r#"{{"item_id":"i{number:03}","price":1}}"#)).collect();
    purchase("07:01", &format!(r#""currency":"{currency}","items":[{}]"#, items.join(",")))
}

#[test]
fn a_purchase_of_more_than_249_different_lines_is_rejected() {
    let rejected = |text: &str| count(text).rejected_lines.pop().map(|line| line.reason);
    assert_eq!(rejected(&items("USD", 0..249)), None);
    assert_eq!(rejected(&items("USD", 0..250)).as_deref(), Some("invalid:items"));
    // Without an order there is no such bound.
    let plain = items("USD", 0..250).replace("\"order_id\":1,", "");
    assert_eq!(rejected(&plain), None);
    // Equal lines are one, and so are discounts of the same money.
    let shoes = vec![format!("{{{SHOE}}}"); 300].join(",");
    let text = purchase("07:01", &format!(r#""items":[{shoes}]"#));
    check(&[&text], &dollars("24000", "SHOE=24000", &[("SHOE", "300", "24000")]));
}

#[test]
fn of_an_order_of_more_lines_the_least_249_count() {
    let (first, second) = (items("USD", 0..200), items("USD", 100..300));
    let text = second.clone() + &first;
    let lines = order(&text).lines;
    let ends = [lines.first_key_value().unwrap(), lines.last_key_value().unwrap()];
    assert_eq!((lines.len(), ends.map(|(line, _)| line.item.as_str())), (249, ["i000", "i248"]));
    assert!(order(&text).has_more_lines && !order(&first).has_more_lines);
    let [_, orders] = counted_of(&[&first, &second]);
    assert!(orders.contains(
        "order_value:USD 07 gross=249; order_value:USD 07 incomplete=1; order_value:USD 07 orders=1"
    ));
    // By currency first: 49 of the dollars have room.
    let euros = items("EUR", 0..200);
    let [_, orders] = counted_of(&[&euros, &first]);
    assert!(orders.starts_with("order_value:EUR 07 gross=200; order_value:EUR 07 incomplete=1"));
    let dollars_first = purchase("07:00", r#""item_id":"i000","price":1"#);
    let [_, orders] = counted_of(&[&euros, &first, &dollars_first]);
    assert!(orders.starts_with("order_value:USD 07 gross=49; order_value:USD 07 incomplete=1"));
    // Then by item, byte by byte, and then by units and money.
    let line = |item: &str, units: &str, price: &str| {
        purchase("07:01", &format!(r#""item_id":"{item}","quantity":{units},"total":{price}"#))
    };
    let text = [("b", "1", "1"), ("B", "10", "1"), ("B", "9", "2"), ("B", "9", "10")]
        .map(|(item, units, total)| line(item, units, total))
        .concat();
    let lines = order(&text).lines;
    let lines: Vec<String> =
        lines.keys().map(|line| format!("{} {} {}", line.item, line.units, line.money)).collect();
    assert_eq!(lines, ["B 9 2", "B 9 10", "B 10 1", "b 1 1"]);
}

#[test]
fn each_event_counts_as_one_with_its_visitors_at_its_own_minute() {
    let lines = [("07:01", "e1"), ("07:01", "e1"), ("10:01", "e2")].map(|(at, id)| {
        purchase(at, &format!(r#"{SHOE},"event_id":"{id}","user_id":"ann","session_id":"s""#))
    });
    let recount = count(&lines.concat());
    assert_eq!((recount.counted, recount.duplicate, recount.events), (2, 1, 2));
    let minute =
        |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp() / 60;
    for at in ["2026-11-20T11:07:00Z", "2026-11-20T11:10:00Z"] {
        let distinct = recount.visitors.distinct("default", minute(at)..minute(at) + 1);
        assert_eq!((distinct.users, distinct.sessions), (1, 1), "{at}");
    }
}

#[test]
fn a_file_that_grows_reports_an_order_again_and_changes_nothing() {
    let before = purchase("07:01", SHOE);
    let text = before.clone() + &purchase("10:01", SHOE) + &purchase("11:01", r#""value":9.5"#);
    let settings = Settings::at("2026-11-20T12:00:00Z".parse().unwrap());
    let first = count(&before);
    let appended = recount_appended(text.as_bytes(), before.len(), &settings).unwrap();
    assert_eq!((first.orders.len(), appended.orders.len()), (1, 2));
    let both = order_tallies(first.orders.iter().chain(&appended.orders));
    assert_eq!(cells(&both), dollars("89.5", "(other)=9.5; SHOE=80", &[("SHOE", "1", "80")]));
    assert_eq!(both, order_tallies(&count(&text).orders));
}

#[test]
fn names_of_orders_are_never_given_up_and_take_no_room_of_others() {
    let plain = |item: &str, price: u32| {
        purchase("07:01", &format!(r#""item_id":"{item}","price":{price}"#))
            .replace("\"order_id\":1,", "")
    };
    let of_order: String = ["x", "y", "z"]
        .map(|item| purchase("07:01", &format!(r#""item_id":"{item}","price":100"#)))
        .concat();
    let recount = count(&(plain("a", 5) + &plain("b", 3) + &of_order)).with_names_max(1);
    assert_eq!(
        cells(&recount.tallies),
        "sales:USD 07 (other)=3; sales:USD 07 a=5; units 07 (other)=1; units 07 a=1"
    );
    let orders = cells(&order_tallies(&recount.orders));
    assert!(
        orders.ends_with(
            "sales:USD 07 x=100; sales:USD 07 y=100; sales:USD 07 z=100; \
             units 07 x=1; units 07 y=1; units 07 z=1"
        ),
        "{orders}"
    );
}

#[test]
fn hours_have_the_sums_of_the_minutes_in_which_orders_were_placed() {
    let two = purchase("07:01", r#""items":[{"item_id":"SHOE","price":80},{"item_id":"o","price":-10}]"#)
        + &purchase("59:59", SHOE).replace("\"order_id\":1", "\"order_id\":2")
        // Much later, and the same order.
        + &purchase("59:59", SHOE).replace("2026-11-20T11", "2026-11-20T10").replace("\"order_id\":1", "\"order_id\":3")
        + &purchase("30:00", SHOE).replace("\"order_id\":1", "\"order_id\":3");
    let tallies = order_tallies(&count(&two).orders);
    let hours = roll_up(&tallies, Granularity::Hour);
    let sales = hours.iter().filter(|(cell, _)| cell.measure == "sales:USD");
    let sales: Vec<String> =
        sales.map(|(cell, number)| format!("{} {}={number}", cell.period, cell.key)).collect();
    assert_eq!(
        sales,
        ["2026-11-20T10 SHOE=80", "2026-11-20T11 (other)=-10", "2026-11-20T11 SHOE=160"]
    );
}
