//! What time an event has: the default zone, and that of its site.

use std::sync::Arc;

use chrono_tz::Tz;

use super::support::settings;
use crate::chunk::{ChunkReader, ChunkSettings, ChunkSites};
use crate::count::measure::Currency;
use crate::event::settings::{ReadingSettings, SettingsBySite};
use crate::event::site::SiteId;
use crate::plan::PlanInputs;

/// The tally of a line by the clock of a zone and these rules, and its rejected lines.
fn read_in(zone: Tz, line: &str) -> String {
    let settings = settings(line.len());
    let inputs = PlanInputs { default_time_zone: zone, ..settings.inputs };
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
        let read = |zone| read_in(zone, &line);
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
        let read = read_in(Tz::Asia__Kolkata, &view(time));
        assert_eq!(read, "2026-11-20T00:00:00Z views a=1", "{time}");
    }
}

#[test]
fn the_clock_of_the_zone_changes() {
    let read = |time: &str| {
        read_in(Tz::Europe__Berlin, &view(&format!(r#""{time}""#))).replace(" views a=1", "")
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
    let read = |zone, time: &str| read_in(zone, &view(&format!(r#""{time}""#)));
    let invalid = "invalid:timestamp";
    assert!(read(Tz::Europe__Berlin, "1970-01-01 00:59:59").contains(invalid));
    assert!(read(Tz::Europe__Berlin, "1970-01-01 01:00").contains("1970-01-01T00:00:00Z views"));
    assert!(read(Tz::America__New_York, "1969-12-31 19:00").contains("1970-01-01T00:00:00Z views"));
    assert!(read(Tz::America__New_York, "9999-12-31 19:00").contains(invalid));
    assert!(read(Tz::America__New_York, "9999-12-31 18:59").contains("future"));
}

/// The minute of a view with these members.
fn minute_of(members: &str) -> String {
    let line = format!(r#"{{"event":"view","sku":"a",{members}}}"#);
    let read = read_in(Tz::UTC, &line);
    read.replace(" views a=1", "")
}

const ORIGINAL: &str = r#""originalTimestamp":"2026-11-20T03:00:00Z""#;
const SENT: &str = r#""sentAt":"2026-11-20T03:00:10.5Z""#;
const RECEIVED: &str = r#""receivedAt":"2026-11-20T23:00:10.25Z""#;

#[test]
fn a_clock_that_is_off_is_corrected() {
    let all = format!("{ORIGINAL},{SENT},{RECEIVED}");
    // A quarter of a second before 23:00.
    assert_eq!(minute_of(&all), "2026-11-20T22:59:00Z");
    assert_eq!(minute_of(&all.replace(".5Z", ".25Z")), "2026-11-20T23:00:00Z");
    // In any form.
    let seconds = format!(r#"{ORIGINAL},"sent_at":1795143600,"Received-At":[2026,11,20,23,0]"#);
    assert_eq!(minute_of(&seconds), "2026-11-20T23:00:00Z");
    // Each is looked up like a field.
    let nested = format!(r#"{ORIGINAL},"properties":{{{SENT},{RECEIVED}}}"#);
    assert_eq!(minute_of(&nested), "2026-11-20T22:59:00Z");
    let outside = format!(r#"{SENT},{RECEIVED},"properties":{{{ORIGINAL}}}"#);
    assert_eq!(minute_of(&outside), "2026-11-20T22:59:00Z");
}

#[test]
fn an_element_of_a_batch_is_corrected_by_what_the_batch_says() {
    let line = |own: &str| {
        let element = format!(r#"{{"event":"view","sku":"a",{ORIGINAL}{own}}}"#);
        read_in(
            Tz::UTC,
            &format!(r#"{{"batch":[{element}],{SENT},"receivedAt":"2026-11-20T23:20:10.5Z"}}"#),
        )
    };
    assert_eq!(line(""), "2026-11-20T23:20:00Z views a=1");
    assert_eq!(line(r#","sentAt":"2026-11-20T03:10:10.5Z""#), "2026-11-20T23:10:00Z views a=1");
}

#[test]
fn a_clock_is_not_corrected_without_both_times() {
    for members in [
        ORIGINAL.to_string(),
        format!("{ORIGINAL},{SENT}"),
        format!("{ORIGINAL},{RECEIVED}"),
        format!(r#"{ORIGINAL},{SENT},"receivedAt":"soon""#),
        format!(r#"{ORIGINAL},{RECEIVED},"sentAt":null"#),
        // The corrected time would be before 1970.
        format!(r#"{ORIGINAL},"sentAt":"2026-11-20T09:00:00Z","receivedAt":"1970-01-01""#),
    ] {
        assert_eq!(minute_of(&members), "2026-11-20T03:00:00Z", "{members}");
    }
    // Another name wins, and is right already.
    let all = format!(r#"{ORIGINAL},{SENT},{RECEIVED},"timestamp":"2026-11-20T04:00:00Z""#);
    assert_eq!(minute_of(&all), "2026-11-20T04:00:00Z");
}

#[test]
fn when_an_event_was_sent_or_else_received_is_its_last_time() {
    assert_eq!(minute_of(RECEIVED), "2026-11-20T23:00:00Z");
    assert_eq!(minute_of(&format!("{RECEIVED},{SENT}")), "2026-11-20T03:00:00Z");
    let date = format!(r#"{RECEIVED},{SENT},"date":"2026-11-19""#);
    assert_eq!(minute_of(&date), "2026-11-19T00:00:00Z");
}

#[test]
fn the_future_begins_after_the_correction() {
    let ahead = r#""originalTimestamp":"2027-01-01T00:00:00Z","sentAt":"2027-01-01T00:00:05Z""#;
    assert_eq!(minute_of(&format!("{ahead},{RECEIVED}")), "2026-11-20T23:00:00Z");
    assert!(minute_of(ahead).contains("future"));
    let late = r#""receivedAt":"2026-11-21T23:00:00Z""#;
    assert!(minute_of(&format!("{ORIGINAL},{SENT},{late}")).contains("future"));
}

#[test]
fn a_line_in_the_future_says_what_its_time_was_taken_for() {
    let ahead = view(r#""11/21/2026 00:30""#);
    let text = ahead.replace('"', "\\\"");
    let read = |line: &str| read_in(Tz::Europe__Berlin, line);
    let whole = r#""line":1,"offset":0,"reason":"future","time":"2026-11-20T23:30:00Z""#;
    // By the clock of the chunk, this is up to ten minutes ahead.
    assert_eq!(read(&ahead), "2026-11-20T23:30:00Z views a=1");
    let ahead = ahead.replace("00:30", "11:30 PM");
    let (text, whole) = (text.replace("00:30", "11:30 PM"), whole.replace("20T23", "21T22"));
    assert_eq!(read(&ahead), format!(r#"{{{whole},"text":"{text}"}}"#));
    // Of two elements, each says its own.
    let late = view("4102444800");
    let elements = read(&format!(r#"{{"events":[{ahead},{late},{{"event":"view"}}]}}"#));
    let records: Vec<serde_json::Value> =
        elements.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let times: Vec<_> =
        records.iter().map(|record| (record["event"].as_u64(), record["time"].as_str())).collect();
    let expected = [
        (Some(1), Some("2026-11-21T22:30:00Z")),
        (Some(2), Some("2100-01-01T00:00:00Z")),
        (Some(3), None),
    ];
    assert_eq!(times, expected);
}

#[test]
fn orders_are_corrected_to_the_nanosecond() {
    let line = format!(
        r#"{{"type":"OrderCancelledEvent","orderId":1,{SENT},"receivedAt":"2026-11-20T03:00:11Z",
            "originalTimestamp":"2026-11-20T03:00:00.000000001Z"}}"#
    );
    let settings = settings(line.len());
    let mut reader = ChunkReader::new(&settings);
    reader.push(line.as_bytes()).unwrap();
    let count = reader.finish().unwrap();
    let at = count.orders.iter().next().and_then(|(_, facts)| facts.cancelled.as_ref()).unwrap().at;
    assert_eq!(at.to_rfc3339(), "2026-11-20T03:00:00.500000001+00:00");
}

/// The tally of lines with what sites set, and the rejected lines.
fn read_with(settings_of: &[(&str, ReadingSettings)], lines: &[&str]) -> String {
    let text = lines.join("\n");
    let mut sites = SettingsBySite::default();
    for (site, settings) in settings_of {
        sites.set(&SiteId::parse(site).unwrap(), *settings);
    }
    let sites = ChunkSites { settings: Arc::new(sites), ..ChunkSites::default() };
    let mut reader = ChunkReader::new(&ChunkSettings { sites, ..settings(text.len()) });
    reader.push(text.as_bytes()).unwrap();
    let count = reader.finish().unwrap();
    format!("{:?}{}", count.tally, String::from_utf8_lossy(&count.rejected))
}

const IN_INDIA: ReadingSettings =
    ReadingSettings { currency: Some(Currency::USD), time_zone: Some(Tz::Asia__Kolkata) };

#[test]
fn an_event_has_the_currency_and_the_zone_of_its_site() {
    let buy = |site: &str| {
        format!(r#"{{{site}"event":"purchase","ts":"2026-11-20T12:00","sku":"a","price":2}}"#)
    };
    let [other, india, none] = [r#""site_id":"other","#, r#""site_id":"in\u0064ia","#, ""].map(buy);
    let read = read_with(&[("india", IN_INDIA)], &[&other, &india, &none, &india]);
    assert_eq!(
        read,
        "default 2026-11-20T12:00:00Z units a=1\n\
         default 2026-11-20T12:00:00Z sales:EUR =2 a=2\n\
         india 2026-11-20T06:30:00Z units a=2\n\
         india 2026-11-20T06:30:00Z sales:USD =4 a=4\n\
         other 2026-11-20T12:00:00Z units a=1\n\
         other 2026-11-20T12:00:00Z sales:EUR =2 a=2\n"
    );
    let of_default = [("default", IN_INDIA)];
    let read = read_with(&of_default, &[&none]);
    assert!(read.starts_with("default 2026-11-20T06:30:00Z units a=1\n"), "{read}");
}

#[test]
fn each_element_of_events_has_those_of_its_own_site() {
    let line = r#"{"site_id":"india","event":"view","ts":"2026-11-20T12:00","events":[
        {"sku":"a"},{"site_id":"other","sku":"b"},{"sku":"c"}]}"#;
    assert_eq!(
        read_with(&[("india", IN_INDIA)], &[line]),
        "india 2026-11-20T06:30:00Z views a=1 c=1\nother 2026-11-20T12:00:00Z views b=1\n"
    );
}

#[test]
fn an_event_whose_site_is_invalid_is_read_as_the_deployment_sets() {
    // It is future in UTC, and would not be in India.
    let line = r#"{"event":"view","ts":"2026-11-20T23:50","sku":"a","site_id":"a b"}"#;
    let read = read_with(&[("india", IN_INDIA)], &[line]);
    assert!(read.contains(r#""reason":"future""#), "{read}");
    let line = line.replace("a b", "india");
    let read = read_with(&[("india", IN_INDIA)], &[&line]);
    assert_eq!(read, "india 2026-11-20T18:20:00Z views a=1\n");
}
