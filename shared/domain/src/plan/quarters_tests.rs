//! Which plans add to the rows of quarters.

use std::sync::Arc;

use super::*;
use crate::chunk::ChunkSites;
use crate::event::settings::SettingsBySite;
use crate::event::site::SiteId;

#[test]
fn a_sealed_hour_with_quarters_adds_to_their_rows_too() {
    let tally = views([(2 * 60, 7), (2 * 60 + 14, 7), (2 * 60 + 15, 7), (2 * 60 + 59, 8)]);
    let plan = |has_quarters| of_sealed_hour(&tally, &SealInputs { keys_max: 0, has_quarters });
    let of_quarter = |plan: &Plan<'_>, of_hour: i64| {
        counters(plan, Measure::Views, Period::Quarter(minute(2 * 60 + of_hour).quarter()))
    };
    let quarters = [0, 15, 30, 45].map(|of_hour| of_quarter(&plan(true), of_hour));
    assert_eq!(quarters, ["7=2", "7=1", "", "8=1"]);
    assert!([0, 15, 30, 45].iter().all(|of_hour| of_quarter(&plan(false), *of_hour).is_empty()));
    for above in Period::of_hour(minute(2 * 60).hour()) {
        assert_eq!(counters(&plan(true), Measure::Views, above), "7=3 8=1");
    }
}

#[test]
fn quarters_keep_the_names_that_their_hour_keeps_and_all_those_of_orders() {
    let (mut events, mut orders) = (Tally::default(), Tally::default());
    let count = Amount::from_count;
    for (of_hour, key, number) in [(0, "a", 2), (0, "b", 3), (15, "a", 4), (15, "c", 1)] {
        events.add("shop", Measure::Units, minute(2 * 60 + of_hour), key, count(number));
    }
    for (of_hour, key, number) in [(0, "b", 7), (30, "d", 1)] {
        orders.add("shop", Measure::Units, minute(2 * 60 + of_hour), key, count(number));
    }
    orders.add("shop", Measure::Units, minute(2 * 60 + 45), "a", Amount::from_units(-1));
    let inputs = SealInputs { keys_max: 1, has_quarters: true };
    let plan = Plan::of_sealed_hour(&events, &orders, &inputs);
    let quarters = [0, 15, 30].map(|of_hour| {
        counters(&plan, Measure::Units, Period::Quarter(minute(2 * 60 + of_hour).quarter()))
    });
    // The hour keeps `a`, though the first quarter has more of `b`.
    assert_eq!(quarters, ["(other)=3 a=2 b=7", "(other)=1 a=4", "d=1"]);
    let hour = counters(&plan, Measure::Units, Period::Hour(minute(2 * 60).hour()));
    assert!(hour.starts_with("(other)=4 a=5.") && hour.ends_with(" b=7 d=1"), "{hour}");
}

#[test]
fn the_plan_of_a_chunk_adds_to_quarters_by_the_settings_it_was_read_with() {
    const VIEW: &str = r#"{"event_type":"view","item_id":"7","site_id":"site-0","timestamp":"2026-11-18T18:31:00Z"}"#;
    let mut settings = SettingsBySite::default();
    let site = SiteId::parse("site-0").expect("a site");
    settings.set_quarters(&site, minute(0).hour(), Some(Tz::Asia__Kolkata));
    for has_quarters in [true, false] {
        let inputs = PlanInputs { has_quarters, ..inputs(600, 7) };
        let mut reader = ChunkReader::new(&ChunkSettings {
            inputs,
            secret: VisitorSecret::NONE,
            sites: ChunkSites { settings: Arc::new(settings.clone()), ..Default::default() },
            size_bytes: VIEW.len() as u64,
        });
        reader.push(VIEW.as_bytes()).expect("plain text");
        let count = reader.finish().expect("plain text");
        let quarter = Period::Quarter(minute(151).quarter());
        let plan = Plan::of(&count, &inputs);
        let rows = plan.parts.iter().flat_map(|part| &part.rows);
        let found: Vec<&Row<'_>> = rows.filter(|row| row.period == quarter).collect();
        assert_eq!(found.len(), usize::from(has_quarters));
    }
}
