//! Every row of docs/EVENTS.md, with expectations that were written by hand.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod duplicates;
mod fields;
mod forms;
mod grown;
mod lines;
mod packed;
mod reasons;
mod types;
mod values;
mod visitors;

use std::io::Write as _;

use minutebook_oracle::{Recount, RecountError, RejectedLine, Settings, TallyKey, recount};
use minutebook_shop::{Shop, Span, lines};

/// The reference time of every case; `future` starts at 12:10:01.
const REFERENCE_TIME: &str = "2026-11-20T12:00:00Z";

fn try_count(stored: &[u8]) -> Result<Recount, RecountError> {
    let settings = Settings::at(REFERENCE_TIME.parse().unwrap());
    recount(stored, &settings)
}

fn count(stored: impl AsRef<[u8]>) -> Recount {
    let recount = try_count(stored.as_ref()).unwrap();
    let sum = recount.counted + recount.ignored + recount.duplicate + recount.rejected_count();
    assert_eq!(sum, recount.lines, "every line ends in one place");
    assert!(recount.tallies.values().all(|number| !number.is_zero()), "zero is written nowhere");
    recount
}

/// A recount in one line: `c1 i0 d0 e1 <reason>@<line>.<element> ... dropped:<field>=<events> ...
/// unknown:<type>=<events> ... without_money=<purchases> | <site> <measure> <hh:mm>
/// <key>=<number>; ...`, where the site `default`, counts of zero and the money of no order are left
/// out, and the element of what is no element of `events`.
fn summary(recount: &Recount) -> String {
    let mut parts = Vec::new();
    for (letter, number) in [
        ("c", recount.counted),
        ("i", recount.ignored),
        ("d", recount.duplicate),
        ("e", recount.events),
    ] {
        if number > 0 {
            parts.push(format!("{letter}{number}"));
        }
    }
    for RejectedLine { line, element, reason, .. } in &recount.rejected_lines {
        let element = element.map_or_else(String::new, |element| format!(".{element}"));
        parts.push(format!("{reason}@{line}{element}"));
    }
    for (told, events_by_name) in
        [("dropped", &recount.dropped), ("unknown", &recount.unknown_types)]
    {
        parts.extend(events_by_name.iter().map(|(name, events)| format!("{told}:{name}={events}")));
    }
    if recount.purchases_without_money > 0 {
        parts.push(format!("without_money={}", recount.purchases_without_money));
    }
    let mut cells = Vec::new();
    let is_listed = |key: &TallyKey| !key.key.is_empty() || !key.measure.contains(':');
    for (key, number) in recount.tallies.iter().filter(|(key, _)| is_listed(key)) {
        let site = if key.site == "default" { String::new() } else { format!("{} ", key.site) };
        let minute = key.minute_start().format("%H:%M");
        cells.push(format!("{site}{} {minute} {}={number}", key.measure, key.key));
    }
    format!("{} | {}", parts.join(" "), cells.join("; "))
}

#[track_caller]
fn check(chunk: impl AsRef<[u8]>, expected: &str) {
    let chunk = chunk.as_ref();
    assert_eq!(summary(&count(chunk)), expected, "{}", String::from_utf8_lossy(chunk));
}

/// A line with a time, and these members besides.
fn line(members: &str) -> String {
    format!("{{\"ts\":\"2026-11-20T11:07:31Z\",{members}}}\n")
}

/// The line that each of these members makes is rejected for this reason.
#[track_caller]
fn check_rejected(reason: &str, members: &[&str]) {
    for members in members {
        check(line(members), &format!("{reason}@1 | "));
    }
}

const VIEW: &str = r#"{"event":"view","ts":"2026-11-20T11:07:31Z","item_id":1}"#;

#[test]
fn the_hash_is_that_of_the_stored_bytes() {
    assert_eq!(
        count("").content_hash,
        "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    );
}

#[test]
fn recounts_of_several_chunks_are_added() {
    let chunks = [count(VIEW), count(format!("{VIEW}\n{VIEW}"))];
    let sums = minutebook_oracle::sum(&chunks);
    let cells: Vec<String> =
        sums.iter().map(|(key, number)| format!("{} {}={number}", key.measure, key.key)).collect();
    assert_eq!(cells, ["views 1=3"]);
}
