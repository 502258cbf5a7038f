//! What time an event has: the default zone.

use chrono_tz::Tz;

use super::support::settings;
use crate::chunk::{ChunkReader, ChunkSettings};
use crate::event::line::{READER_VERSION, READER_VERSION_OLDEST};
use crate::plan::PlanInputs;

/// The tally of a line by the clock of a zone and these rules, and its rejected lines.
fn read_in(zone: Tz, reader_version: u32, line: &str) -> String {
    let settings = settings(line.len());
    let inputs = PlanInputs { default_time_zone: zone, reader_version, ..settings.inputs };
    let mut reader = ChunkReader::new(&ChunkSettings { inputs, ..settings });
    reader.push(line.as_bytes()).unwrap();
    let count = reader.finish().unwrap();
    let tally = format!("{:?}", count.tally).replace("default ", "");
    format!("{tally}{}", String::from_utf8_lossy(&count.rejected)).trim_end().to_string()
}

fn view(time: &str) -> String {
    format!(r#"{{"event":"view","ts":{time},"sku":"a"}}"#)
}

#[test]
fn a_time_without_a_zone_is_in_the_default_zone_in_every_form() {
    for time in [
        r#""2026-11-20T00:00""#,
        r#""2026-11-20 00:00:00""#,
        r#""2026-11-20t00:00:00.123""#,
        r#""2026-11-20T00:00:00,5""#,
        r#""2026-11-20""#,
        r#""20261120T000000""#,
        r#""20261120T000000.25""#,
        r#""11/20/2026 00:00""#,
        r#""11/20/2026 12:00:00 AM""#,
        "[2026,11,20,0,0]",
        "[2026,11,20,0,0,0,123000000]",
    ] {
        let line = view(time);
        let read = |zone| read_in(zone, READER_VERSION, &line);
        assert_eq!(read(Tz::UTC), "2026-11-20T00:00:00Z views a=1", "{time}");
        assert_eq!(read(Tz::Europe__Berlin), "2026-11-19T23:00:00Z views a=1", "{time}");
        assert_eq!(read(Tz::Asia__Kolkata), "2026-11-19T18:30:00Z views a=1", "{time}");
    }
}

#[test]
fn a_time_with_a_zone_and_an_epoch_are_in_no_other() {
    for time in [
        r#""2026-11-20T00:00Z""#,
        r#""2026-11-20 00:00:00 UTC""#,
        r#""2026-11-20T01:00:00.123+01:00""#,
        r#""2026-11-20 00:00:00,5 GMT""#,
        r#""20261120T000000Z""#,
        r#""2026-11-20T01:00:00+01:00[Europe/Berlin]""#,
        r#""Fri, 20 Nov 2026 00:00 GMT""#,
        r#""20/Nov/2026:00:00:00 +0000""#,
        r#""/Date(1795132800000)/""#,
        "1795132800",
        "1795132800000",
        "1795132800000000000",
    ] {
        let read = read_in(Tz::Asia__Kolkata, READER_VERSION, &view(time));
        assert_eq!(read, "2026-11-20T00:00:00Z views a=1", "{time}");
    }
}

#[test]
fn the_clock_of_the_zone_changes() {
    let read = |time: &str| {
        read_in(Tz::Europe__Berlin, READER_VERSION, &view(&format!(r#""{time}""#)))
            .replace(" views a=1", "")
    };
    for (time, expected) in [
        ("2026-07-01 12:00", "2026-07-01T10:00:00Z"),
        // This half of an hour occurs twice.
        ("2026-10-25 02:30", "2026-10-25T00:30:00Z"),
        ("2026-10-25 03:00", "2026-10-25T02:00:00Z"),
        // This one does not exist.
        ("2026-03-29 02:30", "2026-03-29T01:30:00Z"),
        ("2026-03-29 03:00", "2026-03-29T01:00:00Z"),
    ] {
        assert_eq!(read(time), expected, "{time}");
    }
}

#[test]
fn the_range_of_times_is_that_of_utc() {
    let read = |zone, time: &str| read_in(zone, READER_VERSION, &view(&format!(r#""{time}""#)));
    let invalid = "invalid:timestamp";
    assert!(read(Tz::Europe__Berlin, "1970-01-01 00:59:59").contains(invalid));
    assert!(read(Tz::Europe__Berlin, "1970-01-01 01:00").contains("1970-01-01T00:00:00Z views"));
    assert!(read(Tz::America__New_York, "1969-12-31 19:00").contains("1970-01-01T00:00:00Z views"));
    assert!(read(Tz::America__New_York, "9999-12-31 19:00").contains(invalid));
    assert!(read(Tz::America__New_York, "9999-12-31 18:59").contains("future"));
}

#[test]
fn the_rules_before_know_only_utc() {
    let line = view(r#""2026-11-20 00:00""#);
    let read = read_in(Tz::Asia__Kolkata, READER_VERSION_OLDEST, &line);
    assert_eq!(read, "2026-11-20T00:00:00Z views a=1");
}
