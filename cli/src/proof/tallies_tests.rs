use super::*;
use crate::proof::scope::Retention;
use crate::rows::ledger::testing::first_entry;
use aws_sdk_dynamodb::types::AttributeValue;
use minutebook_oracle::{QuarterHours, Settings, recount};

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn books() -> Books {
    let retention = Retention { minute_days: Some(7), ..Retention::default() };
    books_of(Scope::new(retention, time("2026-11-21T12:00:00Z")))
}

fn books_of(scope: Scope) -> Books {
    Books::new(scope, GoneBooks::new("b", ""))
}

fn summary() -> Summary {
    Summary { minute_retention_days: Some(7), ..Summary::default() }
}

/// A recount of views of item 1 at these times.
fn views(times: &[&str]) -> Recount {
    let lines =
        times.iter().map(|time| format!("{{\"event\":\"view\",\"ts\":\"{time}\",\"sku\":1}}\n"));
    let settings = Settings::at(time("2026-11-21T12:00:00Z"));
    recount(lines.collect::<String>().as_bytes(), &settings).unwrap()
}

fn row(pk: &str, sk: &str, attributes: &[(&str, &str)]) -> Item {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let mut item = Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))]);
    for (name, value) in attributes {
        let is_number = !name.ends_with("_at");
        let value = if is_number { AttributeValue::N((*value).to_owned()) } else { text(value) };
        item.insert((*name).to_owned(), value);
    }
    item
}

/// Rows of a site `default` with a number for item 1.
fn tallies(rows: &[(&str, &str, &str)]) -> Vec<Item> {
    rows.iter()
        .map(|(span, sk, number)| row(&format!("T#default#{span}"), sk, &[("i#1", number)]))
        .collect()
}

fn sums_entry(parts: &str) -> Item {
    let attributes =
        [("plan_format_version", "2"), ("parts", parts), ("committed_at", "2026-11-21T00:12:00Z")];
    row("L#seal:default:2026-11-20T23", "000000", &attributes)
}

fn judged(mut books: Books, times: &[&str], rows: impl IntoIterator<Item = Item>) -> Report {
    books.add_chunk(&views(times), &summary());
    for row in rows {
        books.add_row(&row);
    }
    let mut report = Report::default();
    books.judge(&mut report);
    report
}

#[track_caller]
fn check(times: &[&str], rows: impl IntoIterator<Item = Item>, differences: &[&str]) -> Report {
    let report = judged(books(), times, rows);
    assert_eq!(report.differences.first, differences);
    assert_eq!(report.differences.count, differences.len() as u64);
    report
}

/// Three views of an hour: two in numbered shards, one late.
const TIMES: [&str; 3] = ["2026-11-20T23:07:01Z", "2026-11-20T23:07:02Z", "2026-11-20T23:08Z"];

fn minutes() -> Vec<Item> {
    tallies(&[
        ("2026-11-20T23", "views#07#00#000", "1"),
        ("2026-11-20T23", "views#07#13#000.1", "1"),
        ("2026-11-20T23", "views#08#late#000", "1"),
    ])
}

/// The rows above the minute, with this number each.
fn above(number: &str) -> Vec<Item> {
    tallies(&[
        ("2026-11-20", "views#23#000", number),
        ("2026", "views#d11-20#000", number),
        ("2026", "views#w47#001", number),
        ("2026", "views#m11#000.2", number),
    ])
}

fn open() -> Item {
    row("OPEN#f", "default#2026-11-20T23", &[("sealed_at", "2026-11-21T00:10:00Z")])
}

#[test]
fn an_open_hour_is_in_its_numbered_shards_and_what_came_late_is_in_the_rows_above() {
    let report = check(&TIMES, [minutes(), above("1"), vec![open()]].concat(), &[]);
    let rows: Vec<u64> = report.rows.values().copied().collect();
    assert_eq!((rows, report.tallies), (vec![3, 1, 1, 1, 1], 6));
}

#[test]
fn an_hour_that_is_done_is_in_the_rows_above() {
    check(&TIMES, [minutes(), above("3"), vec![open(), sums_entry("1")]].concat(), &[]);
    check(
        &TIMES,
        [minutes(), above("1"), vec![sums_entry("1")]].concat(),
        &[
            "default views hour 2026-11-20T23 1: recounted 3, the table says 1",
            "default views day 2026-11-20 1: recounted 3, the table says 1",
            "default views week 2026-W47 1: recounted 3, the table says 1",
            "default views month 2026-11 1: recounted 3, the table says 1",
        ],
    );
}

/// The books of a site in Kolkata: its days begin at 18:30 UTC.
fn books_of_kolkata(at: &str) -> Books {
    let mut kolkata = QuarterHours::default();
    kolkata.set(DateTime::UNIX_EPOCH, Some(chrono_tz::Tz::Asia__Kolkata));
    let retention = Retention { minute_days: Some(7), ..Retention::default() };
    let scope = Scope::new(retention, time(at))
        .with_quarters(BTreeMap::from([("default".to_owned(), kolkata)]));
    books_of(scope)
}

#[test]
fn rows_of_quarters_are_compared_where_a_day_begins_within_the_hour() {
    let times = ["2026-11-20T18:29Z", "2026-11-20T18:30Z", "2026-11-20T18:31Z"];
    let minutes = || {
        tallies(&[
            ("2026-11-20T18", "views#29#00#000", "1"),
            ("2026-11-20T18", "views#30#00#000", "1"),
            ("2026-11-20T18", "views#31#late#000", "1"),
        ])
    };
    let above = |number: &str| {
        tallies(&[
            ("2026-11-20", "views#18#000", number),
            ("2026", "views#d11-20#000", number),
            ("2026", "views#w47#000", number),
            ("2026", "views#m11#000", number),
        ])
    };
    let quarters = |second: &str, third: &str| {
        let rows =
            [("2026-11-20", "views#q18:15#000", second), ("2026-11-20", "views#q18:30#000", third)];
        tallies(&rows).into_iter().filter(|row| row["i#1"].as_n() != Ok(&"0".to_owned()))
    };
    let attributes =
        [("plan_format_version", "7"), ("parts", "1"), ("committed_at", "2026-11-20T19:12:00Z")];
    let done = row("L#seal:default:2026-11-20T18", "000000", &attributes);
    let open = row("OPEN#f", "default#2026-11-20T18", &[]);
    let quarter = |name: &str, recounted: u32, found: u32| {
        format!(
            "default views quarter 2026-11-20T{name} 1: recounted {recounted}, the table says {found}"
        )
    };
    let check = |at: &str, rows: Vec<Item>, expected: &[String]| {
        assert_eq!(judged(books_of_kolkata(at), &times, rows).differences.first, expected);
    };
    let at = "2026-11-21T12:00:00Z";
    let of_done = |second: &str, third: &str| {
        let quarters = quarters(second, third).collect();
        [minutes(), above("3"), quarters, vec![done.clone()]].concat()
    };
    check(at, of_done("1", "2"), &[]);
    check(at, of_done("0", "2"), &[quarter("18:15", 1, 0)]);
    check(at, of_done("1", "3"), &[quarter("18:30", 2, 3)]);
    // Nothing of the open hour but what came late is in the rows above the minute.
    let quarters_of_open = |third: &str| {
        let quarters = quarters("0", third).collect();
        [minutes(), above("1"), quarters, vec![open.clone()]].concat()
    };
    check(at, quarters_of_open("1"), &[]);
    check(at, quarters_of_open("2"), &[quarter("18:30", 2, 3)]);
    // The minutes are gone, and the quarters are not.
    let late = "2026-12-21T12:00:00Z";
    check(late, of_done("1", "2").split_off(3), &[]);
    check(late, of_done("1", "1").split_off(3), &[quarter("18:30", 2, 1)]);
    // Another site has no rows of quarters.
    let rows = [minutes(), above("3"), quarters("1", "2").collect(), vec![done.clone()]].concat();
    let fault = "a row of a quarter, but no day of its site begins within its hour";
    assert_eq!(
        judged(books(), &times, rows).differences.first,
        ["18:15", "18:30"].map(|name| format!("default views quarter 2026-11-20T{name}: {fault}"))
    );
}

/// Two views of item 1 and one each of 2 and 3, in an hour that was sealed with one name: the
/// differences at this time if the rows above have these numbers, and the minutes are there or
/// not.
fn judged_with_one_name(above: &[(&str, &str)], at: &str, has_minutes: bool) -> Vec<String> {
    let line =
        |item: u32| format!("{{\"event\":\"view\",\"ts\":\"2026-11-20T23:07Z\",\"sku\":{item}}}\n");
    let settings = Settings::at(time("2026-11-20T23:08:00Z"));
    let lines: String = [1, 1, 2, 3].map(line).concat();
    let retention = Retention { minute_days: Some(7), ..Retention::default() };
    let mut books = books_of(Scope::new(retention, time(at)));
    books.add_chunk(&recount(lines.as_bytes(), &settings).unwrap(), &summary());
    let entry = [
        ("plan_format_version", "5"),
        ("parts", "1"),
        ("keys_max", "1"),
        ("committed_at", "2026-11-21T00:12:00Z"),
    ];
    books.add_row(&row("L#seal:default:2026-11-20T23", "000000", &entry));
    if has_minutes {
        let counters = [("i#1", "2"), ("i#2", "1"), ("i#3", "1")];
        books.add_row(&row("T#default#2026-11-20T23", "views#07#00#000", &counters));
    }
    for (span, sk) in [
        ("2026-11-20", "views#23#000"),
        ("2026", "views#d11-20#000"),
        ("2026", "views#w47#000"),
        ("2026", "views#m11#000"),
    ] {
        books.add_row(&row(&format!("T#default#{span}"), sk, above));
    }
    let mut report = Report::default();
    books.judge(&mut report);
    report.differences.first
}

#[test]
fn names_that_sealing_gave_up_follow_from_the_minutes_or_else_from_what_they_lack() {
    let none: [&str; 0] = [];
    for (at, has_minutes) in [("2026-11-21T12:00:00Z", true), ("2026-12-21T12:00:00Z", false)] {
        let judged = |above| judged_with_one_name(above, at, has_minutes);
        assert_eq!(judged(&[("i#1", "2"), ("i#(other)", "2")]), none, "{at}");
        let more = judged(&[("i#1", "2"), ("i#(other)", "3")]);
        assert_eq!(more.len(), 4, "{more:?}");
        assert!(more[0].starts_with("default views hour 2026-11-20T23 (other): "), "{more:?}");
        let all_names = judged(&[("i#1", "2"), ("i#2", "1"), ("i#3", "1")]);
        // Without the minutes, an hour that gave up no name is as right.
        assert_eq!(all_names.is_empty(), !has_minutes, "{all_names:?}");
    }
    // The wrong name was given up.
    let wrong = [("i#2", "1"), ("i#(other)", "3")];
    assert_eq!(judged_with_one_name(&wrong, "2026-11-21T12:00:00Z", true).len(), 3 * 4);
}

/// Three purchases of item 1 and one of item 2 without an order, and one of items 2 and 3 with
/// one, in an hour that was sealed with one name: the differences at this time if the rows above
/// have these units.
fn judged_with_an_order(units: &[(&str, &str)], at: &str) -> Vec<String> {
    let line = |members: &str| {
        format!("{{\"event\":\"purchase\",\"ts\":\"2026-11-20T23:07Z\",{members}}}\n")
    };
    let plain = [1, 1, 1, 2].map(|item| line(&format!("\"sku\":{item}")));
    let order = line(r#""order_id":1,"items":[{"sku":2},{"sku":3}]"#);
    let settings = Settings::at(time("2026-11-20T23:08:00Z"));
    let lines = plain.concat() + &order;
    let mut books =
        books_of(Scope::new(Retention { minute_days: Some(7), ..Retention::default() }, time(at)));
    books.add_chunk(&recount(lines.as_bytes(), &settings).unwrap(), &summary());
    let entry = [
        ("plan_format_version", "5"),
        ("parts", "1"),
        ("keys_max", "1"),
        ("committed_at", "2026-11-21T00:12:00Z"),
    ];
    books.add_row(&row("L#seal:default:2026-11-20T23", "000000", &entry));
    let purchased_at = "2026-11-20T23:07:00.000000000Z";
    let member = |(name, value): (&str, AttributeValue)| (name.to_owned(), value);
    let (text, number) = (
        |text: &str| AttributeValue::S(text.to_owned()),
        |number: &str| AttributeValue::N(number.to_owned()),
    );
    let order_line = |item: &str| {
        let members = [
            ("item", text(item)),
            ("units", number("1")),
            ("money", number("0")),
            ("currency", text("USD")),
            ("count", number("1")),
        ];
        AttributeValue::M(members.map(member).into())
    };
    let mut order = row("O#default#1", "order", &[("revision", "1")]);
    order.extend(
        [
            ("lines", AttributeValue::L(vec![order_line("2"), order_line("3")])),
            ("purchased_at", text(purchased_at)),
            ("purchase_currency", text("USD")),
        ]
        .map(member),
    );
    books.add_row(&order);
    books.add_row(&row("R#default#2026-11-20", &format!("{purchased_at}#1"), &[]));
    let of_order = [
        ("orders", vec![("i#CREATED", "1")]),
        ("order_value:USD", vec![("i#orders", "1")]),
        ("ordered", vec![("i#2", "1"), ("i#3", "1")]),
    ];
    for (measure, counters) in of_order.iter().chain([&("units", units.to_vec())]) {
        for (span, within) in
            [("2026-11-20", "23"), ("2026", "d11-20"), ("2026", "w47"), ("2026", "m11")]
        {
            let sk = format!("{measure}#{within}#000");
            books.add_row(&row(&format!("T#default#{span}"), &sk, counters));
        }
    }
    let minutes = [
        ("units#07#00#000", vec![("i#1", "3"), ("i#2", "1")]),
        ("units#07#o07#000", vec![("i#2", "1"), ("i#3", "1")]),
        ("orders#07#00#000", of_order[0].1.clone()),
        ("order_value:USD#07#00#000", of_order[1].1.clone()),
        ("ordered#07#00#000", of_order[2].1.clone()),
    ];
    for (sk, counters) in minutes {
        books.add_row(&row("T#default#2026-11-20T23", sk, &counters));
    }
    let mut report = Report::default();
    books.judge(&mut report);
    report.differences.first
}

#[test]
fn what_an_order_sells_keeps_its_names_and_does_not_count_as_names() {
    let right = [("i#1", "3"), ("i#(other)", "1"), ("i#2", "1"), ("i#3", "1")];
    for at in ["2026-11-21T12:00:00Z", "2026-12-21T12:00:00Z"] {
        let judged = |units| judged_with_an_order(units, at);
        assert_eq!(judged(&right), [""; 0], "{at}");
        // Item 2 gave up its order, too.
        let given_up = [("i#1", "3"), ("i#(other)", "2"), ("i#3", "1")];
        assert_eq!(judged(&given_up).len(), 2 * 4, "{at}");
        let lost = [("i#1", "3"), ("i#2", "1"), ("i#3", "1")];
        assert_eq!(judged(&lost).len(), 4, "{at}");
    }
}

#[test]
fn reports_sums_of_an_hour_that_were_added_twice() {
    let report =
        judged(books(), &TIMES, [minutes(), above("5"), vec![open(), sums_entry("1")]].concat());
    assert_eq!(report.differences.count, 4);
}

#[test]
fn an_hour_that_is_sealed_in_part_is_one_difference() {
    let rows = [minutes(), above("2"), vec![open(), sums_entry("2")]].concat();
    let fault =
        "default hour 2026-11-20T23: it is sealed in part: the next run of rollup finishes it";
    let report = check(&TIMES, rows, &[fault]);
    assert_eq!((report.rows, report.tallies), (BTreeMap::from([(Granularity::Minute, 3)]), 2));
}

#[test]
fn an_hour_that_is_not_listed_is_a_difference() {
    let fault = "default hour 2026-11-20T23: it is neither among the open hours nor done, so its minutes would expire \
                 before they are rolled up";
    check(&TIMES, [minutes(), above("1")].concat(), &[fault]);
}

#[test]
fn a_wrong_minute_is_found_though_its_hour_is_right() {
    let mut rows = [minutes(), above("3"), vec![sums_entry("1")]].concat();
    rows.push(row("T#default#2026-11-20T23", "views#09#late#000", &[("i#2", "1")]));
    check(
        &TIMES,
        rows,
        &["default views minute 2026-11-20T23:09 2: recounted 0, the table says 1"],
    );
}

#[test]
fn leaves_out_minutes_that_are_no_longer_kept_but_not_their_hours() {
    let old = ["2026-11-10T23:07Z", "2026-11-10T23:08Z"];
    let rows = tallies(&[
        // A row without a time to live still exists, and is ignored.
        ("2026-11-10T23", "views#07#late#000", "7"),
        ("2026-11-10", "views#23#000", "2"),
        ("2026", "views#d11-10#000", "2"),
        ("2026", "views#w46#000", "2"),
        ("2026", "views#m11#000", "2"),
    ]);
    let report = check(&old, rows, &[]);
    assert_eq!((report.tallies, report.expired), (4, BTreeMap::from([(Granularity::Minute, 2)])));
}

#[test]
fn an_expired_row_that_still_exists_is_not_counted() {
    let expired = time("2026-11-21T11:59:00Z").timestamp().to_string();
    let rows = [
        minutes(),
        above("1"),
        vec![
            open(),
            row("T#default#2026-11-20T23", "views#07#00#001", &[("i#1", "9"), ("ttl", &expired)]),
            row("T#default#2026-11-20", "views#23#001", &[("i#1", "9"), ("ttl", &expired)]),
        ],
    ];
    let report = check(&TIMES, rows.concat(), &[]);
    let expired = BTreeMap::from([(Granularity::Minute, 1), (Granularity::Hour, 1)]);
    assert_eq!((report.tallies, report.expired), (4, expired));
}

#[test]
fn compares_only_what_lies_entirely_in_the_range() {
    let scope = Scope::new(Retention::default(), time("2026-11-21T12:00:00Z"));
    let day = scope.between(Some(time("2026-11-20T00:00:00Z")), Some(time("2026-11-21T00:00:00Z")));
    let times = [TIMES.as_slice(), &["2026-11-19T23:59Z", "2026-11-21T00:00Z"]].concat();
    let report = judged(books_of(day), &times, [minutes(), above("1"), vec![open()]].concat());
    assert_eq!(report.differences.first, Vec::<String>::new());
    assert_eq!((report.rows.into_values().collect::<Vec<_>>(), report.tallies), (vec![3, 1, 1], 4));
}

#[test]
fn skips_other_sites_if_only_met_ones_are_asked_for() {
    let scope = Scope::new(Retention::default(), time("2026-11-21T12:00:00Z")).of_met_sites();
    let other = [
        row("T#other#2026-11-20T23", "views#07#00#000", &[("i#1", "1")]),
        row("OPEN#3", "other#2026-11-20T22", &[("sealed_at", "2026-11-21T00:10:00Z")]),
    ];
    let rows = [minutes(), above("1"), vec![open()], other.to_vec()].concat();
    let report = judged(books_of(scope), &TIMES, rows);
    assert_eq!((report.differences.count, report.tallies), (0, 6));
}

#[test]
fn a_table_that_is_read_again_is_counted_once() {
    let mut books = books();
    books.add_chunk(&views(&TIMES), &summary());
    for _ in 0..2 {
        books.begin_table(time("2026-11-21T12:00:00Z"));
        for row in [minutes(), above("1"), vec![open()]].concat() {
            books.add_row(&row);
        }
    }
    let mut report = Report::default();
    books.judge(&mut report);
    assert_eq!(
        (report.differences.first.as_slice(), report.rows[&Granularity::Minute]),
        (&[] as &[String], 3)
    );
}

#[test]
fn what_chunks_had_counted_that_are_gone_is_no_difference() {
    // The entry of a chunk of two events, put at noon.
    let gone = || first_entry(1);
    let more = |number: &str| {
        let minute = ("2026-11-20T10", "views#00#late#000", "2");
        let above = [
            ("2026-11-20", "views#10#000", number),
            ("2026", "views#d11-20#000", "2"),
            ("2026", "views#w47#000", "2"),
            ("2026", "views#m11#000", "2"),
        ];
        tallies(&[&[minute][..], &above].concat())
    };
    let totals = [("chunks", "1"), ("lines", "6"), ("counted", "1"), ("ignored", "1")];
    let totals = [&totals[..], &[("duplicate", "1"), ("rejected", "3"), ("events", "2")]].concat();
    let times =
        [("last_committed_at", "2026-11-20T12:00:01Z"), ("last_put_at", "2026-11-20T12:00:00Z")];
    let totals = row("TOTALS", "00", &[totals, times.to_vec()].concat());
    let with_hour = |number| {
        let mut books = Books::new(books().scope, GoneBooks::new("bucket", ""));
        books.begin_table(time("2026-11-21T12:00:00Z"));
        judged(
            books,
            &TIMES,
            [minutes(), above("1"), more(number), vec![open(), gone(), totals.clone()]].concat(),
        )
    };
    let report = with_hour("2");
    assert_eq!(report.differences.first, [""; 0]);
    assert_eq!((report.gone.len(), report.gone[0].key.as_str()), (1, "key"));
    assert_eq!(
        with_hour("1").differences.first,
        [
            "default views hour 2026-11-20T10 1: 1 more than recounted, its parts 2 more",
            "default views day 2026-11-20 1: 2 more than recounted, its parts 1 more",
        ]
    );
}

#[test]
fn reports_a_row_of_no_kind_and_remembers_entries_of_objects() {
    let mut books = books();
    books.add_row(&row("T#default#2026", "views#x#000", &[]));
    books.add_row(&row("L#b/k#hash", "000000", &[]));
    books.add_row(&sums_entry("1"));
    assert_eq!(books.gone_keys(), BTreeSet::from(["k"]));
    let mut report = Report::default();
    books.judge(&mut report);
    assert_eq!(
        report.differences.first,
        [
            "row T#default#2026 views#x#000: not the keys of any row",
            "row L#b/k#hash 000000: its plan_format_version is None",
        ]
    );
}
