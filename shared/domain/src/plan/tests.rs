use super::*;
use crate::chunk::{ChunkReader, ChunkSettings};
use crate::count::measure::Currency;
use crate::count::secret::VisitorSecret;
use crate::plan::rows::{ROW_BYTES_MAX, ROW_COUNTERS_MAX, counter_bytes};
use crate::time::Minute;
use chrono::DateTime;
use chrono_tz::Tz;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::LazyLock;

#[path = "quarters_tests.rs"]
mod quarters;

const ALL_NAMES: SealInputs = SealInputs { keys_max: 0, has_quarters: false };

/// 2026-11-18T16:00Z.
const FIRST_SECOND: i64 = 1_795_017_600;

fn minute(number: i64) -> Minute {
    Minute::from_epoch_seconds(FIRST_SECOND + number * 60).expect("in range")
}

/// Inputs for which every hour from that of minute `open_from` on is open.
fn inputs(open_from: i64, minute_retention_days: u32) -> PlanInputs {
    let open_from = minute(open_from).hour().epoch_seconds();
    PlanInputs {
        minute_retention_days,
        ..PlanInputs::with_defaults(DateTime::from_timestamp(open_from + 600, 0).expect("in range"))
    }
}

fn of_sealed_hour<'a>(tally: &'a Tally, inputs: &SealInputs) -> Plan<'a> {
    static NO_ORDERS: LazyLock<Tally> = LazyLock::new(Tally::default);
    Plan::of_sealed_hour(tally, &NO_ORDERS, inputs)
}

fn actions(part: &Part<'_>) -> usize {
    1 + part.hours.len() + part.rows.len()
}

fn views(items: impl IntoIterator<Item = (i64, u32)>) -> Tally {
    let mut tally = Tally::default();
    for (offset, item) in items {
        tally.add("shop", Measure::Views, minute(offset), &item.to_string(), Amount::ONE);
    }
    tally
}

#[test]
fn an_empty_tally_has_one_part_for_its_ledger_entry() {
    let plan = Plan { parts: vec![Part::default()], minutes_expired: 0 };
    assert_eq!(Plan::of_tally(&Tally::default(), &inputs(0, 7)), plan);
    assert_eq!(of_sealed_hour(&Tally::default(), &ALL_NAMES), plan);
}

#[test]
fn a_chunk_with_orders_has_a_part_before_and_after_them() {
    const VIEW: &str = r#"{"event_type":"view","item_id":"7","timestamp":"2026-11-18T16:00:00Z"}"#;
    const ORDER: &str = r#"{"eventType":"OrderCreatedEvent","timestamp":"2026-11-18T16:00:00Z","orderId":7,"totalAmount":1}"#;
    for (lines, parts) in [(VIEW.to_string(), 1), (format!("{VIEW}\n{ORDER}"), 2)] {
        let inputs = inputs(0, 7);
        let size_bytes = lines.len() as u64;
        let mut reader = ChunkReader::new(&ChunkSettings {
            inputs,
            secret: VisitorSecret::NONE,
            sites: Default::default(),
            size_bytes,
        });
        reader.push(lines.as_bytes()).expect("plain text");
        let count = reader.finish().expect("plain text");
        assert_eq!(count.outcomes.rejected_total(), 0, "{lines}");
        assert_eq!(Plan::of(&count, &inputs).parts.len(), parts, "{lines}");
    }
}

#[test]
fn ten_thousand_keys_of_a_minute_fill_rows_of_one_kilobyte() {
    let tally = views((0..10_000).map(|item| (0, item)));
    let plan = Plan::of_tally(&tally, &inputs(0, 7));
    let sizes: Vec<usize> = plan
        .parts
        .iter()
        .flat_map(|part| &part.rows)
        .map(|row| row.counters.iter().map(|(key, amount)| counter_bytes(key, *amount)).sum())
        .collect();
    let bytes_max = ROW_BYTES_MAX - "shop".len();
    assert!(
        sizes.iter().all(|bytes| *bytes <= bytes_max),
        "a row is billed a second unit: {sizes:?}"
    );
    let few = sizes.iter().sum::<usize>().div_ceil(bytes_max) + sizes.len() / 50 + 1;
    assert!(sizes.len() <= few, "{} rows, where {few} are enough", sizes.len());
    assert!(
        plan.parts.iter().all(|part| part.is_open() && actions(part) <= TRANSACTION_ACTIONS_MAX)
    );
}

#[test]
fn no_row_has_more_counters_than_an_expression_allows() {
    let mut tally = Tally::default();
    // One-letter keys are so short that bytes alone would put too many into a row.
    for letter in (0x21..0x200).filter_map(char::from_u32) {
        tally.add("shop", Measure::Views, minute(0), &letter.to_string(), Amount::ONE);
    }
    for plan in [Plan::of_tally(&tally, &inputs(0, 7)), Plan::of_tally(&tally, &inputs(600, 7))] {
        for row in plan.parts.iter().flat_map(|part| &part.rows) {
            assert!((1..=ROW_COUNTERS_MAX).contains(&row.counters.len()));
        }
    }
}

#[test]
fn many_minutes_take_several_parts_of_a_full_transaction() {
    for open_from in [0, 2_000] {
        let tally = views((0..1_000).map(|number| (number, 1)));
        let plan = Plan::of_tally(&tally, &inputs(open_from, 7));
        assert!(plan.parts.len() > 10);
        for part in &plan.parts {
            assert!(actions(part) <= TRANSACTION_ACTIONS_MAX);
        }
        let is_full = |part: &&Part<'_>| actions(part) >= TRANSACTION_ACTIONS_MAX - 1;
        // An hour of 60 minutes is less than a transaction, but hours do not share one while
        // they are open.
        let full = plan.parts.iter().filter(is_full).count();
        assert_eq!(
            full,
            if open_from == 0 { 0 } else { plan.parts.len() - 1 },
            "a part is half empty"
        );
    }
}

#[test]
fn an_hour_that_was_closed_at_the_reference_time_is_late_and_the_next_one_is_open() {
    let tally = views([(0, 7), (59, 7), (60, 7)]);
    let plan = Plan::of_tally(&tally, &inputs(60, 7));
    assert_eq!(plan.parts.len(), 2);
    assert_eq!(plan.parts[0].hours, [("shop", minute(60).hour())]);
    assert_eq!(plan.parts[0].rows.len(), 1);
    let late: Vec<String> = plan.parts[1]
        .rows
        .iter()
        .map(|row| format!("{:?} {}", row.period, row.counters[0].1))
        .collect();
    let expected = [
        "Minute(2026-11-18T16:00:00Z) 1",
        "Minute(2026-11-18T16:59:00Z) 1",
        "Hour(2026-11-18T16) 2",
        "Day(2026-11-18) 2",
        "Week(2026-W47) 2",
        "Month(2026-11) 2",
    ];
    assert_eq!(late, expected);
    assert!(plan.parts[1].hours.is_empty());
}

#[test]
fn minutes_that_have_expired_are_counted_in_their_hours_only() {
    // Minutes 0 and 1 end just over and just within a day before the reference time.
    let tally = views([(0, 7), (0, 8), (10, 7)]);
    let plan = Plan::of_tally(&tally, &inputs(24 * 60, 1));
    let minutes: Vec<Period> = plan.parts[0]
        .rows
        .iter()
        .map(|row| row.period)
        .filter(|period| matches!(period, Period::Minute(_)))
        .collect();
    assert_eq!(minutes, [Period::Minute(minute(10))]);
    assert_eq!(plan.minutes_expired, 1);
    assert_eq!(plan.parts[0].rows.len(), 5);
    assert_eq!(plan.parts[0].rows[1].counters, [("7", Amount::from_count(2)), ("8", Amount::ONE)]);
}

#[test]
fn chunks_of_about_as_many_keys_use_the_same_rows_above_the_minute() {
    let slot_of = |items: u32| {
        let tally = views((0..items).map(|item| (0, item)));
        let plan = of_sealed_hour(&tally, &ALL_NAMES);
        let rows = plan.parts.iter().flat_map(|part| &part.rows);
        rows.flat_map(|row| {
            row.counters.iter().map(|(key, _)| ((row.period, (*key).to_string()), row.slot))
        })
        .collect::<BTreeMap<_, _>>()
    };
    let (few, many) = (slot_of(4_400), slot_of(4_700));
    assert!(few.iter().all(|(counter, slot)| many.get(counter) == Some(slot)));
}

#[test]
fn a_late_part_has_no_other_late_form() {
    let tally = views([(0, 7)]);
    let plan = Plan::of_tally(&tally, &inputs(600, 7));
    assert!(plan.parts[0].late_form(false).is_empty());
}

/// Site, measure, minute, key, count.
type Entry = (u8, u8, i64, u16, u32);
type Model = BTreeMap<(String, String, Period, String), Amount>;

fn tally_of(entries: &[Entry]) -> Tally {
    let mut tally = Tally::default();
    for (site, measure, offset, key, count) in entries {
        let (site, measure, key) = named(*site, *measure, *key);
        tally.add(&site, measure, minute(*offset), &key, Amount::from_count(u64::from(*count)));
    }
    tally
}

fn named(site: u8, measure: u8, key: u16) -> (String, Measure, String) {
    let measure = [Measure::Views, Measure::Carts, Measure::Units][usize::from(measure)];
    (format!("site-{site}"), measure, format!("item-{key}"))
}

/// Site 0 has a midnight at 18:30Z from the second day on, site 1 one at 13:30Z.
fn quarters() -> QuartersBySite {
    let mut quarters = QuartersBySite::default();
    quarters.push("site-0", minute(24 * 60).hour(), Some(Tz::Asia__Kolkata));
    quarters.push("site-1", Minute::EPOCH.hour(), Some(Tz::Australia__Adelaide));
    quarters
}

/// What the rows should hold: each entry in its minute (if `in_minute` says so), and above it
/// (if it is late).
fn model(
    entries: &[Entry],
    is_late: impl Fn(Hour) -> bool,
    in_minute: impl Fn(Minute) -> bool,
    quarters: &QuartersBySite,
) -> Model {
    let mut model = Model::new();
    for (site, measure, offset, key, count) in entries {
        let (site, measure, key) = named(*site, *measure, *key);
        let minute = minute(*offset);
        let mut periods = vec![];
        if in_minute(minute) {
            periods.push(Period::Minute(minute));
        }
        if is_late(minute.hour()) {
            periods.extend(Period::of_hour(minute.hour()));
            if quarters.contains(&site, minute.hour()) {
                periods.push(Period::Quarter(minute.quarter()));
            }
        }
        for period in periods {
            let cell = (site.clone(), measure.to_string(), period, key.clone());
            *model.entry(cell).or_insert(Amount::ZERO) += Amount::from_count(u64::from(*count));
        }
    }
    model
}

fn sums<'a, 'b: 'a>(parts: impl IntoIterator<Item = &'a Part<'b>>) -> Result<Model, TestCaseError> {
    let mut sums = Model::new();
    let mut rows_seen = BTreeSet::new();
    for part in parts {
        prop_assert!(actions(part) <= TRANSACTION_ACTIONS_MAX);
        for row in &part.rows {
            if part.is_open() {
                prop_assert!(part.hours.contains(&(row.site, row.period.first_minute().hour())));
                prop_assert!(
                    matches!(row.period, Period::Minute(_)),
                    "an open part has minutes only"
                );
                prop_assert_eq!(
                    row.period.first_minute().hour(),
                    part.hours[0].1,
                    "an open part has one hour"
                );
            }
            prop_assert!(
                rows_seen.insert((row.site, row.period, row.measure, row.slot)),
                "a row occurs twice"
            );
            for (key, amount) in &row.counters {
                let cell =
                    (row.site.to_string(), row.measure.to_string(), row.period, (*key).to_string());
                prop_assert!(sums.insert(cell, *amount).is_none(), "a counter occurs twice");
            }
        }
    }
    Ok(sums)
}

/// The naive rule: of the names of a site and measure, the `keys_max` with the largest sums are kept
/// (0 is all), and what has another key is given to `(other)`.
fn with_other(entries: &[Entry], keys_max: usize) -> Vec<(String, Measure, i64, String, u32)> {
    let mut sums: BTreeMap<(u8, u8), BTreeMap<String, u64>> = BTreeMap::new();
    for (site, measure, _, key, count) in entries {
        let name = named(*site, *measure, *key).2;
        let sums = sums.entry((*site, *measure)).or_default();
        *sums.entry(name).or_default() += u64::from(*count);
    }
    let keeps = |site: u8, measure: u8, name: &str| {
        let sums = &sums[&(site, measure)];
        let is_before = |(other, sum): &(&String, &u64)| {
            **sum > sums[name] || (**sum == sums[name] && other.as_str() < name)
        };
        keys_max == 0 || sums.iter().filter(is_before).count() < keys_max
    };
    let bounded = entries.iter().map(|(site, measure, offset, key, count)| {
        let (site_id, kind, name) = named(*site, *measure, *key);
        let name = if keeps(*site, *measure, &name) { name } else { "(other)".to_string() };
        (site_id, kind, *offset, name, *count)
    });
    bounded.collect()
}

fn tally_of_named(entries: &[(String, Measure, i64, String, u32)]) -> Tally {
    let mut tally = Tally::default();
    for (site, measure, offset, key, count) in entries {
        tally.add(site, *measure, minute(*offset), key, Amount::from_count(u64::from(*count)));
    }
    tally
}

/// The counters of a period of the site `shop`, as `key=amount`.
fn counters(plan: &Plan<'_>, measure: Measure, period: Period) -> String {
    let rows = plan.parts.iter().flat_map(|part| &part.rows);
    let rows = rows.filter(|row| row.measure == measure && row.period == period);
    let mut counters: Vec<String> =
        rows.flat_map(|row| &row.counters).map(|(key, amount)| format!("{key}={amount}")).collect();
    counters.sort();
    counters.join(" ")
}

#[test]
fn the_keys_with_the_largest_sums_of_the_chunk_keep_their_names() {
    let mut tally = Tally::default();
    for (offset, key, count) in [
        (0, "a", 1),
        (0, "b", 3),
        (0, "c", 2),
        (0, "", 9),
        (61, "a", 3),
        (61, "d", 2),
        (61, "(other)", 5),
    ] {
        tally.add("shop", Measure::Pages, minute(offset), key, Amount::from_count(count));
    }
    let bounded = |keys_max| {
        let plan = Plan::of_tally(&tally, &PlanInputs { keys_max, ..inputs(600, 0) });
        let day = Period::Day(minute(0).hour().day());
        [Period::Minute(minute(0)), Period::Minute(minute(61)), day]
            .map(|period| counters(&plan, Measure::Pages, period))
    };
    // `a` is first, with 4; `c` and `d` are equal, so `c` comes before.
    for keys_max in [0, 4, 100] {
        let expected = ["=9 a=1 b=3 c=2", "(other)=5 a=3 d=2", "(other)=5 =9 a=4 b=3 c=2 d=2"];
        assert_eq!(bounded(keys_max), expected, "{keys_max}");
    }
    assert_eq!(bounded(3), ["=9 a=1 b=3 c=2", "(other)=7 a=3", "(other)=7 =9 a=4 b=3 c=2"]);
    assert_eq!(bounded(2), ["(other)=2 =9 a=1 b=3", "(other)=7 a=3", "(other)=9 =9 a=4 b=3"]);
    assert_eq!(bounded(1), ["(other)=5 =9 a=1", "(other)=7 a=3", "(other)=12 =9 a=4"]);
}

#[test]
fn sites_and_measures_are_bounded_by_themselves_and_those_of_orders_not_at_all() {
    let mut tally = Tally::default();
    let usd = Currency::parse(b"USD").expect("three letters");
    for (measure, keys) in [
        (Measure::Views, 3),
        (Measure::Carts, 2),
        (Measure::Ordered, 3),
        (Measure::OrderedValue(usd), 3),
        (Measure::Orders, 3),
        (Measure::OrderValue(usd), 3),
    ] {
        for key in 0..keys {
            tally.add("shop", measure, minute(0), &key.to_string(), Amount::ONE);
        }
    }
    tally.add("other", Measure::Views, minute(0), "7", Amount::ONE);
    let plan = of_sealed_hour(&tally, &SealInputs { keys_max: 2, has_quarters: false });
    let hour = Period::Hour(minute(0).hour());
    assert_eq!(counters(&plan, Measure::Views, hour), "(other)=1 0=1 1=1 7=1");
    assert_eq!(counters(&plan, Measure::Carts, hour), "0=1 1=1");
    for measure in
        [Measure::Ordered, Measure::OrderedValue(usd), Measure::Orders, Measure::OrderValue(usd)]
    {
        assert_eq!(counters(&plan, measure, hour), "0=1 1=1 2=1", "{measure}");
    }
}

#[test]
fn what_orders_added_keeps_its_names_beside_events_that_lose_theirs() {
    let usd = Currency::parse(b"USD").expect("three letters");
    let (mut events, mut orders) = (Tally::default(), Tally::default());
    let sales = Measure::Sales(usd);
    for (key, of_events, of_orders) in [
        ("a", "5", "0"),
        ("b", "3", "1.5"),
        ("c", "2", "-2"),
        ("d", "0", "7"),
        ("(other)", "0", "-5"),
    ] {
        let amount = |text: &str| Amount::parse(text.as_bytes()).expect("a decimal");
        events.add("shop", sales, minute(0), key, amount(of_events));
        orders.add("shop", sales, minute(0), key, amount(of_orders));
    }
    let sealed = |keys_max| {
        let plan =
            Plan::of_sealed_hour(&events, &orders, &SealInputs { keys_max, has_quarters: false });
        counters(&plan, sales, Period::Hour(minute(0).hour()))
    };
    assert_eq!(sealed(0), "(other)=-5 a=5 b=4.5 d=7");
    // What events and orders add to `(other)` is nothing together.
    assert_eq!(sealed(1), "a=5 b=1.5 c=-2 d=7");
}

fn entries(count: usize) -> impl Strategy<Value = Vec<Entry>> {
    prop::collection::vec((0_u8..3, 0_u8..3, 0_i64..4_000, 0_u16..500, 1_u32..9), 0..count)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rows_hold_the_tally_and_nothing_else(entries in entries(2_000), open_from in 0_i64..4_200) {
        let inputs = inputs(open_from, 1);
        let tally = tally_of(&entries);
        let kept_from = inputs.reference_time.timestamp() - 86_400;
        let is_late = |hour: Hour| hour < minute(open_from).hour();
        let in_minute = |minute: Minute| minute.epoch_seconds() + 60 > kept_from;
        for quarters in [QuartersBySite::default(), quarters()] {
            let plan = Plan::of_tally_with(&tally, &inputs, &quarters);
            prop_assert_eq!(sums(&plan.parts)?, model(&entries, is_late, in_minute, &quarters));
        }
    }

    #[test]
    fn an_open_part_that_is_late_holds_the_same_and_the_periods_above(
        entries in entries(1_500), counted_before in prop::option::of(0_u64..2),
    ) {
        let tally = tally_of(&entries);
        let inputs = PlanInputs { counted_before, ..inputs(0, 7) };
        let (is_of_file, room) = (counted_before.is_some(), if counted_before.is_some() { 3 } else { 1 });
        let quarters = quarters();
        let plan = Plan::of_tally_with(&tally, &inputs, &quarters);
        for part in plan.parts.iter().filter(|part| part.is_open()) {
            prop_assert!(actions(part) + room <= TRANSACTION_ACTIONS_MAX);
            let late_form = part.late_form(is_of_file);
            prop_assert!(late_form.iter().all(|part| actions(part) + room <= TRANSACTION_ACTIONS_MAX));
            let minutes = sums([part])?;
            let mut expected = minutes.clone();
            for ((site, measure, period, key), amount) in minutes {
                let minute = period.first_minute();
                for above in Period::above(minute, quarters.contains(&site, minute.hour())) {
                    let cell = (site.clone(), measure.clone(), above, key.clone());
                    *expected.entry(cell).or_insert(Amount::ZERO) += amount;
                }
            }
            prop_assert_eq!(sums(&late_form)?, expected);
        }
    }

    #[test]
    fn too_many_keys_are_planned_as_if_they_had_been_reported_as_other(
        entries in entries(600), open_from in 0_i64..4_200, keys_max in 0_u32..200,
    ) {
        let inputs = PlanInputs { keys_max, ..inputs(open_from, 1) };
        let tally = tally_of(&entries);
        let bounded = tally_of_named(&with_other(&entries, keys_max as usize));
        let all_names = PlanInputs { keys_max: 0, ..inputs };
        prop_assert_eq!(Plan::of_tally(&tally, &inputs), Plan::of_tally(&bounded, &all_names));
        prop_assert_eq!(
            of_sealed_hour(&tally, &SealInputs { keys_max, has_quarters: false }),
            of_sealed_hour(&bounded, &ALL_NAMES)
        );
    }

    #[test]
    fn a_bounded_plan_depends_neither_on_the_order_of_the_events_nor_on_the_seed_of_hash_tables(
        entries in entries(500), keys_max in 1_u32..100,
    ) {
        let inputs = PlanInputs { keys_max, ..inputs(2_000, 1) };
        let mut reversed = Tally::with_seed(HashSeed::of(7));
        for (site, measure, offset, key, count) in entries.iter().rev() {
            let (site, measure, key) = named(*site, *measure, *key);
            reversed.add(&site, measure, minute(*offset), &key, Amount::from_count(u64::from(*count)));
        }
        let tally = tally_of(&entries);
        prop_assert_eq!(Plan::of_tally(&tally, &inputs), Plan::of_tally(&reversed, &inputs));
    }

    #[test]
    fn the_plan_does_not_depend_on_the_order_of_the_events(entries in entries(500), open_from in 0_i64..4_200) {
        let reversed: Vec<Entry> = entries.iter().rev().copied().collect();
        let (forward, backward) = (tally_of(&entries), tally_of(&reversed));
        prop_assert_eq!(Plan::of_tally(&forward, &inputs(open_from, 1)), Plan::of_tally(&backward, &inputs(open_from, 1)));
    }
}
