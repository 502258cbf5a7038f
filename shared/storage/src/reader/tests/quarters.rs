//! Days that begin within an hour, read from its quarters.

use super::*;

#[test]
fn a_day_that_begins_within_an_hour_is_exact_after_its_minutes_have_expired() {
    let mut world = World::at("2026-11-18T18:00:00Z");
    for day in ["2026-11-18", "2026-11-19"] {
        for (time, key) in [("18:29", "1"), ("18:30", "2"), ("18:31", "2"), ("19:10", "sku-3")] {
            world.now = format!("{day}T{time}:30Z").parse().expect("a time");
            world.commit(event(&format!("{day}T{time}:00Z"), key), 0, TimeDelta::zero());
        }
        world.now += TimeDelta::hours(3);
        world.seal_all();
    }
    let day = ("2026-11-18T18:30:00Z", "2026-11-19T18:30:00Z");
    // The two edges, the hours of two days, and the list.
    let before = world.check(day.0, day.1);
    assert_eq!((before.queries, before.round_trips), (2 + 1 + 3 + 1, 1));
    world.now += TimeDelta::days(30);
    // Late events are in the quarters, too, whenever they come.
    for time in ["2026-11-18T18:29:00Z", "2026-11-18T18:30:00Z", "2026-11-19T18:29:00Z"] {
        world.commit(event(time, "1"), 0, TimeDelta::zero());
    }
    let after = world.check(day.0, day.1);
    assert_eq!((after.queries, after.round_trips), (before.queries, 1));
    world.check("2026-11-18T18:30:00Z", "2026-11-18T19:00:00Z");
    world.check("2026-11-18T18:15:00Z", "2026-11-18T18:45:00Z");
    world.check("2026-11-18T00:00:00Z", "2026-11-20T00:00:00Z");
}
