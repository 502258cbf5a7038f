//! Generates the chunks of histories. They have few items, so that many events add to the same
//! counters, and times around boundaries.

use minutebook_tests::random::Random;

use crate::order_events::Orders;
use crate::steps::{Setting, text_of};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The percentage of chunks that report orders.
const CHUNKS_WITH_ORDERS: u64 = 80;

/// The percentage of events whose time has no zone, if sites set any.
const WITHOUT_ZONE: u64 = 25;

/// The lines of a chunk uploaded at `now`, in seconds since 1970.
pub(crate) fn text(
    random: &mut Random,
    setting: &Setting,
    orders: &mut Orders,
    now: i64,
) -> String {
    // More distinct times mean more rows and parts.
    let times: Vec<i64> = (0..3 + random.index(8)).map(|_| time(random, now)).collect();
    let chunk = random.any();
    let mut text = String::new();
    for number in 0..10 + random.index(51) {
        let time = *random.pick(&times);
        text.push_str(&line(
            random,
            setting,
            time,
            &format!("{chunk:x}-{number}"),
            &visitor(chunk, number),
            Random::of(&[chunk, number as u64, 10]),
        ));
        text.push('\n');
        if random.chance(8)
            && let Some(last) = text.lines().last().map(str::to_string)
        {
            // Repeat the line. It is a duplicate if it has an id, and another event otherwise.
            text.push_str(&last);
            text.push('\n');
        }
    }
    if random.chance(CHUNKS_WITH_ORDERS) {
        for line in orders.lines(random, setting, &times) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

fn time(random: &mut Random, now: i64) -> i64 {
    let hour = now - now.rem_euclid(HOUR);
    match random.below(100) {
        0..30 => now - random.between(0, 3 * MINUTE),
        // Around the boundaries of hours.
        30..48 => hour - HOUR * random.between(0, 2) + *random.pick(&[-60, -1, 0, 59, 60]),
        48..58 => now - random.between(0, 2 * HOUR),
        58..68 => now - random.between(HOUR, 30 * HOUR),
        68..76 => now - random.between(DAY, 9 * DAY),
        76..82 => now - random.between(9 * DAY, 60 * DAY),
        82..85 => now - random.between(390 * DAY, 500 * DAY),
        85..97 => now + random.between(1, 10 * MINUTE),
        // Too far in the future.
        _ => now + random.between(10 * MINUTE + 1, 2 * HOUR),
    }
}

/// The JSON members for the customer, session and page of an event. There are few customers and
/// sessions, so that they recur, even on other sites.
fn visitor(chunk: u64, number: usize) -> String {
    let mut random = Random::of(&[chunk, number as u64]);
    let mut members = String::new();
    if random.chance(70) {
        let name = random.pick(&["customer_id", "user_id", "visitorid", "userId", "anonymousId"]);
        let customer = random
            .pick(&["1", "2", "3", "\"3\"", "4", "\"ann\"", "\"bob\"", "5", "6", "7", "8", "9"]);
        members.push_str(&format!(",\"{name}\":{customer}"));
    }
    if random.chance(60) {
        members.push_str(&format!(",\"session_id\":\"s{}\"", random.below(20)));
    }
    if random.chance(20) {
        members.push_str(&format!(",\"path\":\"/{}\"", random.below(3)));
    }
    members
}

/// A line. `of_zones` decides whether its time has a zone, so that the other events of a seed stay
/// what they were.
fn line(
    random: &mut Random,
    setting: &Setting,
    time: i64,
    id: &str,
    visitor: &str,
    mut of_zones: Random,
) -> String {
    if random.chance(4) {
        return random
            .pick(&[
                "not JSON",
                "{\"event\":\"view\",\"item_id\":1}",
                "{\"event\":\"wave\",\"timestamp\":1,\"item_id\":1}",
            ])
            .to_string();
    }
    let time = match of_zones.chance(WITHOUT_ZONE) {
        true => setting.local_time(&mut of_zones, time).unwrap_or_else(|| text_of(time)),
        false => text_of(time),
    };
    let mut line = format!("{{\"timestamp\":\"{time}\"");
    let site = *random.pick(&setting.sites);
    if site != "default" {
        line.push_str(&format!(",\"site_id\":\"{site}\""));
    }
    if random.chance(30) {
        line.push_str(&format!(",\"event_id\":\"{id}\""));
    }
    let item = random.pick(&["1", "2", "3", "\"a\""]);
    let event = match random.below(100) {
        0..45 => format!(",\"event\":\"view\",\"item_id\":{item}"),
        45..52 => ",\"event\":\"page_view\",\"page_url\":\"/sale?utm_source=x\"".to_string(),
        52..70 => format!(
            ",\"event\":\"add_to_cart\",\"item_id\":{item},\"quantity\":{}",
            1 + random.below(3)
        ),
        70..72 => format!(",\"event\":\"remove_from_cart\",\"item_id\":{item}"),
        72..75 => format!(",\"event\":\"begin_checkout\",\"item_id\":{item}"),
        75..95 => format!(",\"event\":\"purchase\",\"item_id\":{item},{}", money(random)),
        _ => format!(",\"event\":\"refund\",\"item_id\":{item},{}", money(random)),
    };
    line.push_str(&event);
    line.push_str(visitor);
    line.push('}');
    line
}

fn money(random: &mut Random) -> String {
    let currency = random.pick(&["", ",\"currency\":\"USD\"", ",\"currency\":\"EUR\""]);
    let (whole, cents, quantity) = (random.below(100), random.below(100), 1 + random.below(3));
    if random.chance(5) {
        return format!("\"price\":-{whole}.{cents:02}{currency}");
    }
    format!("\"price\":{whole}.{cents:02},\"quantity\":{quantity}{currency}")
}
