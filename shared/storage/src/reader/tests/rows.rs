//! How rows are summed, and which rows a range reads.

use aws_sdk_dynamodb::types::AttributeValue;

use super::*;
use minutebook_domain::plan::Row;

fn row(attributes: &[(&str, &str)]) -> Item {
    attributes
        .iter()
        .map(|(name, number)| ((*name).to_string(), AttributeValue::N((*number).to_string())))
        .collect()
}

#[test]
fn a_row_has_expired_from_the_second_of_its_time_to_live() {
    let now = DateTime::from_timestamp(1_000, 0).expect("in range");
    for (time_to_live, expired) in [("999", true), ("1000", true), ("1001", false)] {
        assert_eq!(has_expired(&row(&[("ttl", time_to_live)]), now).expect("a number"), expired);
    }
    assert!(!has_expired(&row(&[]), now).expect("no ttl is for ever"));
}

#[test]
fn only_counters_are_summed() {
    let mut sums = Sums::default();
    add_counters(&row(&[("i#7", "2"), ("i#ttl", "3"), ("ttl", "99")]), None, &mut sums)
        .expect("decimals");
    assert_eq!(counts(&sums), BTreeMap::from([("7".to_string(), 2), ("ttl".to_string(), 3)]));
}

#[test]
fn a_counter_that_is_no_number_is_an_error_and_not_a_zero() {
    let item = Item::from([("i#7".to_string(), AttributeValue::S("2".to_string()))]);
    assert!(add_counters(&item, None, &mut Sums::default()).is_err());
}

#[test]
fn ranges_are_those_of_the_table_page() {
    let world = World::at("2026-11-20T10:15:00Z");
    let windows = [window("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z")];
    let question = RowQuestion {
        quarter_hours: QuarterHours::NONE,
        site: SITE,
        families: &["views".to_string()],
        counter: Some("i#7"),
        windows: &windows,
        now: world.now,
        retention: RETENTION,
    };
    let minutes = PeriodRange {
        first: Period::Minute(minute("2026-11-20T08:05:00Z")),
        last: Period::Minute(minute("2026-11-20T08:14:00Z")),
        window: window("2026-11-20T08:05:00Z", "2026-11-20T08:15:00Z"),
    };
    let day = Period::Day(minute("2026-11-20T08:05:00Z").hour().day());
    let months = PeriodRange {
        first: Period::Month(minute("2026-01-01T00:00:00Z").hour().day().month()),
        last: Period::Month(minute("2026-10-31T00:00:00Z").hour().day().month()),
        window: window("2026-01-01T00:00:00Z", "2026-11-01T00:00:00Z"),
    };
    for (range, partition, first, last) in [
        (minutes, "T#shop#2026-11-20T08", "views#05#", "views#14#~"),
        (
            PeriodRange { first: day, last: day, window: windows[0] },
            "T#shop#2026",
            "views#d11-20#",
            "views#d11-20#~",
        ),
        (months, "T#shop#2026", "views#m01#", "views#m10#~"),
    ] {
        let expected = RowRange {
            partition: partition.to_string(),
            first: first.to_string(),
            last: last.to_string(),
            counter: Some("i#7".to_string()),
        };
        let wanted = Wanted { place: 0, family: "views", range };
        assert_eq!(row_range(&question, wanted), expected);
    }
}

#[test]
fn what_orders_add_is_summed_with_what_events_add_before_and_after_sealing() {
    let world = World::at("2026-11-20T10:15:00Z");
    let at = minute("2026-11-20T08:20:00Z");
    let (mut events, mut orders) = (Tally::default(), Tally::default());
    for (shard, key, units) in [
        (Shard::Number(3), "1", "5"),
        (Shard::Number(0), "(other)", "1"),
        (Shard::OfOrders(3), "1", "2"),
        (Shard::OfOrders(3), "2", "4"),
        (Shard::OfOrders(15), "2", "-4"),
        (Shard::OfOrders(15), "(other)", "-3"),
    ] {
        let units = Amount::parse(units.as_bytes()).expect("a decimal");
        let tally = if let Shard::OfOrders(_) = shard { &mut orders } else { &mut events };
        tally.add(SITE, Measure::Units, at, key, units);
        let (period, measure, counters) = (Period::Minute(at), Measure::Units, vec![(key, units)]);
        let row = Row { site: SITE, period, measure, slot: 0, counters };
        world.table.add(&row, shard, RETENTION);
    }
    world.table.list_open(SITE, at.hour());
    let windows = [window("2026-11-20T08:00:00Z", "2026-11-20T09:00:00Z")];
    let question = SumQuestion { measures: &[Measure::Units], ..world.question(&windows) };
    let check = || {
        let sums = world.table.read(sum_windows(&*world.table, &question)).0.expect("in memory");
        assert_eq!(sums[0].top(10), [("1", Amount::from_count(7))]);
        assert_eq!(sums[0].of_other(), Amount::parse(b"-2").expect("a decimal"));
    };
    check();
    for part in &Plan::of_sealed_hour(&events, &orders, &SEAL_INPUTS).parts {
        world.add(part, Shard::Late);
    }
    check();
    world.table.remove_open(SITE, at.hour());
    check();
}

#[test]
fn totals_leave_out_the_empty_key_as_sums_do() {
    let world = World::at("2026-11-20T09:30:00Z");
    let minute = minute("2026-11-20T09:20:00Z");
    for (key, count) in [("1", 3), ("", 2), ("(other)", 5)] {
        let counters = vec![(key, Amount::from_count(count))];
        let row = Row {
            site: SITE,
            period: Period::Minute(minute),
            measure: Measure::Views,
            slot: 0,
            counters,
        };
        world.table.add(&row, Shard::Late, RETENTION);
    }
    let windows = [Window { from: minute, to: minute.plus(1) }];
    let question = world.question(&windows);
    let totals = world.table.read(total_windows(&*world.table, &question, &["1", ""])).0;
    let of_keys = vec![Amount::from_count(3), Amount::from_count(2)];
    let expected = Total { of_all: Amount::from_count(8), of_keys };
    assert_eq!(totals.expect("nothing fails in memory"), [expected]);
}
