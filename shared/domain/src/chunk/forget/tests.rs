//! Forgets each person of each sample of events.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use crate::chunk::forget::meaning::Meaning;
use crate::chunk::forget::person::has_word;
use crate::chunk::forget::{
    Found, Person, Rewriter, Rewritten, Search, Want, difference, mask_rejected,
};
use crate::chunk::lines::{Form, Line};
use crate::chunk::split::TextSplitter;
use crate::chunk::{ChunkCount, ChunkReader, ChunkSettings};
use crate::count::secret::VisitorSecret;
use crate::event::line::EventReader;
use crate::plan::PlanInputs;

const SECRET: VisitorSecret = VisitorSecret::new(0x5eed);

fn settings(bytes: &[u8], counted_before: Option<u64>) -> ChunkSettings {
    let reference_time = "2026-11-20T23:30:00Z".parse().expect("a time");
    let inputs = PlanInputs { counted_before, ..PlanInputs::with_defaults(reference_time) };
    let size_bytes = bytes.len() as u64;
    ChunkSettings { inputs, secret: SECRET, sites: Default::default(), size_bytes }
}

fn count(bytes: &[u8], settings: &ChunkSettings) -> ChunkCount {
    let mut reader = ChunkReader::new(settings);
    reader.push(bytes).expect("it can be read");
    reader.finish().expect("it can be read")
}

fn search(bytes: &[u8], settings: &ChunkSettings, person: &Person, want: Want) -> Found {
    let mut search = Search::new(settings, person, want);
    // In blocks that end anywhere.
    for block in bytes.chunks(1_000) {
        search.push(block).expect("it can be written anew");
    }
    search.finish().expect("it can be written anew")
}

fn rewritten(bytes: &[u8], found: Found) -> (Vec<u8>, Rewritten) {
    let mut out = Vec::new();
    let mut rewriter = Rewriter::new(&mut out, bytes.len() as u64, found);
    for block in bytes.chunks(777) {
        rewriter.push(block).expect("memory");
    }
    let rewritten = rewriter.finish().expect("memory");
    assert_eq!(rewritten.size_bytes, out.len() as u64);
    (out, rewritten)
}

/// A person with all ids that the object says are theirs.
fn with_related(bytes: &[u8], settings: &ChunkSettings, mut person: Person) -> Person {
    while person.related.extend(search(bytes, settings, &person, Want::Ids).related) {}
    person
}

/// Forgets a person and returns what the object is then, and how much of it an earlier version has
/// counted.
#[track_caller]
fn forget_in(bytes: &[u8], counted_before: Option<u64>, person: Person) -> (Vec<u8>, u64) {
    let old = settings(bytes, counted_before);
    let person = with_related(bytes, &old, person);
    let found = search(bytes, &old, &person, Want::Edits);
    assert_eq!(found.lines, found.edits.len() as u64);
    let (after, Rewritten { counted_before: moved, .. }) = rewritten(bytes, found);
    let new = settings(&after, counted_before.map(|_| moved));
    let (before, counted) = (count(bytes, &old), count(&after, &new));
    let differs = difference(&before, &counted, &old.inputs, &person, SECRET);
    let text = || String::from_utf8_lossy(&after).into_owned();
    assert_eq!(differs, None, "{person:?}\n{before:?}\n{counted:?}\n{}", text());
    let again = search(&after, &new, &person, Want::Ids);
    assert_eq!(again.lines, 0, "{}", text());
    let id = person.customer.as_deref().unwrap_or_default();
    if id.len() >= 6 {
        assert!(!has_word(&after, id.as_bytes()), "{id} is still in {}", text());
    }
    for id in person.related.orders.iter().filter(|id| id.len() >= 6) {
        assert!(!has_word(&after, id.as_bytes()), "order {id} is still in {}", text());
    }
    (after, moved)
}

/// The customers of the events of a text, each with the site.
fn customers(bytes: &[u8]) -> BTreeSet<(String, String)> {
    let inputs = settings(bytes, None).inputs;
    let mut reader = EventReader::new(
        inputs.reference_time.timestamp(),
        inputs.default_currency,
        inputs.default_time_zone,
        inputs.reader_version,
    );
    let mut customers = BTreeSet::new();
    let mut each = |line: Line<'_>| {
        let meaning = Meaning::of(&mut reader, line.text, line.and_after);
        if let Meaning::Read(read) = &meaning {
            customers.extend(read.events.iter().filter_map(|event| {
                let ids = event.ids();
                Some((ids.site.to_string(), ids.customer?.to_string()))
            }));
        }
        let is_object = match meaning {
            Meaning::Rejected(reason, _) => reason.is_of_object(),
            Meaning::Read(_) => true,
        };
        line.form != Form::Line || is_object
    };
    let mut splitter = TextSplitter::new();
    splitter.push(bytes, &mut each);
    splitter.finish(&mut each);
    customers
}

fn samples() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let parts = ["forms", "cases", "odd"].map(|part| folder.join(part));
    let entries = parts.iter().flat_map(|part| std::fs::read_dir(part).expect("the samples"));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a file")).collect()
}

#[test]
fn every_person_of_every_sample_can_be_forgotten_and_all_counts_stay() {
    let mut people = 0;
    for bytes in samples() {
        for (site, customer) in customers(&bytes) {
            let person = Person { site, customer: Some(customer), ..Person::default() };
            forget_in(&bytes, None, person);
            people += 1;
        }
    }
    assert!(people > 200, "{people}");
}

#[test]
fn people_are_forgotten_one_after_another() {
    for bytes in samples() {
        let mut text = bytes.clone();
        for (site, customer) in customers(&bytes).into_iter().take(8) {
            let person = Person { site, customer: Some(customer), ..Person::default() };
            text = forget_in(&text, None, person).0;
        }
    }
}

fn ann() -> Person {
    Person { site: "default".into(), customer: Some("ann@x.com".into()), ..Person::default() }
}

fn text_after(text: &str) -> String {
    String::from_utf8(forget_in(text.as_bytes(), None, ann()).0).expect("text")
}

/// What stands in place of `ann@x.com`.
fn stand_in() -> String {
    SECRET.stand_in_of_visitor("ann@x.com")
}

#[test]
fn only_what_counts_is_left_of_a_line_and_others_stay_byte_by_byte() {
    let ben = "  {\"event\":\"view\", \"ts\":1795216000,\"sku\":1,\"user_id\":\"ben\",\"ip\":\"1.2.3.4\"}\r\n\n";
    let view = r#"{"event":"view","ts":1795216000,"sku":7,"user_id":"ann@x.com","ip":"1.2.3.4","ua":"x","url":"https://s/a?mail=ann@x.com","session_id":"s1"}"#;
    let rest = format!(r#""user_id":"{}","url":"https://s/a""#, stand_in());
    let session = SECRET.stand_in_of_visitor("s1");
    let expected =
        format!(r#"{{"event":"view","ts":1795216000,"sku":7,{rest},"session_id":"{session}"}}"#);
    assert_eq!(text_after(&format!("{ben}{view}\n{ben}")), format!("{ben}{expected}\n{ben}"));
}

#[test]
fn what_is_not_counted_is_forgotten_too() {
    let order = SECRET.stand_in_of_order("default", "o-1");
    let session = SECRET.stand_in_of_visitor("s1");
    for (line, expected) in [
        // Ignored, unknown and rejected events, and what cannot be read.
        (r#"{"type":"identify","userId":"ann@x.com","traits":{"phone":"1"}}"#.into(), r#"{"type":"identify"}"#.into()),
        (r#"{"event":"odd_type","userId":"ann@x.com","ts":1}"#.into(), r#"{"event":"odd_type"}"#.into()),
        (r#"{"event":"purchase","userId":"ann@x.com","ts":1,"price":"Ann 7"}"#.into(), r#"{"event":"purchase","ts":1,"price":"aaa 1"}"#.into()),
        (r#"{"event":"view","mail":"ann@x.com", oops 12}"#.into(), r#"{"aaaaa":"aaaa","aaaa":"aaa@a.aaa", aaaa 11}"#.into()),
        // What she did before she logged in, and what else is said about her order.
        (r#"{"event":"cart","ts":1795216000,"sku":7,"session_id":"s1","ip":"1.2.3.4"}"#.into(), format!(r#"{{"event":"cart","ts":1795216000,"sku":7,"session_id":"{session}"}}"#)),
        (
            r#"{"type":"OrderStatusChangedEvent","ts":1795216000,"orderId":"o-1","newStatus":"PAID","note":"ring twice"}"#.into(),
            format!(r#"{{"type":"OrderStatusChangedEvent","ts":1795216000,"orderId":"{order}","newStatus":"PAID"}}"#),
        ),
    ] as [(String, String); 6] {
        let bought = r#"{"event":"purchase","ts":1795216000,"sku":7,"price":2,"user_id":"ann@x.com","session_id":"s1","order_id":"o-1"}"#;
        let after = text_after(&format!("{bought}\n{line}\n"));
        assert_eq!(after.lines().nth(1), Some(expected.as_str()), "{line}");
    }
}

#[test]
fn other_people_keep_everything() {
    for line in [
        r#"{"event":"view","ts":1795216000,"sku":"ann@x","user_id":"ben","session_id":"s1"}"#,
        r#"{"event":"view","ts":1795216000,"sku":1,"user_id":"ann@x.com.au"}"#,
        r#"{"event":"view","ts":1795216000,"sku":1,"site_id":"other","user_id":"ann"}"#,
        r#"{"type":"identify","userId":"annabel@x.com"}"#,
        "not json ann@x.community",
    ] {
        let with_session =
            r#"{"event":"view","ts":1795216000,"sku":1,"user_id":"ann@x.com","session_id":"s1"}"#;
        let after = text_after(&format!("{with_session}\n{line}\n"));
        assert_eq!(after.lines().nth(1), Some(line));
    }
}

#[test]
fn an_item_with_a_long_id_of_the_person_is_no_mention() {
    let person = Person { customer: Some("10012345".into()), ..ann() };
    let view = r#"{"event":"view","ts":1795216000,"sku":10012345,"user_id":"ben","ip":"1.2.3.4"}"#;
    let settings = settings(view.as_bytes(), None);
    assert_eq!(search(view.as_bytes(), &settings, &person, Want::Ids).lines, 0);
    let mention = view.replace("1.2.3.4", "10012345").replace("sku\":10012345", "sku\":7");
    assert_eq!(search(mention.as_bytes(), &settings, &person, Want::Ids).lines, 1);
}

#[test]
fn an_item_with_the_id_of_the_person_keeps_it() {
    let person = || Person { customer: Some("7".into()), ..ann() };
    let line = r#"{"event":"purchase","ts":1795216000,"sku":7,"quantity":7,"price":7,"user_id":7}"#;
    let (after, _) = forget_in(line.as_bytes(), None, person());
    let expected = line
        .replace("\"user_id\":7", &format!("\"user_id\":\"{}\"", SECRET.stand_in_of_visitor("7")));
    assert_eq!(String::from_utf8_lossy(&after), expected);
}

/// Lines of two people, of which some cannot be read.
fn mixed_lines() -> Vec<String> {
    let event = |number: u32| {
        let who = ["ann@x.com", "ben@y.com"][number as usize % 2];
        format!(
            r#"{{"event":"view","ts":{},"sku":{number},"user_id":"{who}","mail":"{who}"}}"#,
            1_795_216_000 + number
        )
    };
    (0..60).map(event).collect()
}

#[test]
fn all_layouts_and_packings_stay_what_they_are() {
    let lines = mixed_lines();
    let csv: String = (0..40)
        .map(|number| {
            let who = ["ann@x.com", "ben@y.com"][number % 2];
            format!(
                "view,{},{number},{who},\"a \"\"quoted\"\"\nname of {who}\"\n",
                1_795_216_000 + number
            )
        })
        .collect();
    let csv = format!(
        "event,ts,sku,user_id,name\n{csv}view,1795216000,1,ann@x.com,x,y,z\nview,1795216000,1,ann@x.com,\"open"
    );
    let long = format!(
        "{{\"event\":\"view\",\"user_id\":\"ann@x.com\",\"x\":\"{}\"}}",
        "y".repeat(300_000)
    );
    let texts = [
        lines.join("\n"),
        format!("[{}]", lines.join(",\n  ")),
        lines.concat(),
        format!("{}\n{long}\n{}", lines[0], lines[1]),
        csv,
        lines.join("\n").replace(",", ",\n "),
    ];
    for text in texts {
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), Default::default());
        packer.write_all(text.as_bytes()).expect("memory");
        let gzip = packer.finish().expect("memory");
        let zstd = zstd::bulk::compress(text.as_bytes(), 3).expect("memory");
        for bytes in [text.clone().into_bytes(), utf16, gzip, zstd] {
            let (after, _) = forget_in(&bytes, None, ann());
            assert_eq!(after[..2] == [0x1f, 0x8b], bytes[..2] == [0x1f, 0x8b]);
            assert_eq!(
                after.starts_with(b"\x28\xb5\x2f\xfd"),
                bytes.starts_with(b"\x28\xb5\x2f\xfd")
            );
        }
        let (after, _) = forget_in(text.as_bytes(), None, ann());
        let after = String::from_utf8(after).expect("text");
        assert!(after.contains("ben@y.com") && !after.contains("ann@"), "{after}");
    }
}

#[test]
fn what_was_appended_still_begins_where_it_began() {
    let lines = mixed_lines();
    for (earlier, later) in [(1, 2), (30, 60), (29, 31)] {
        let (earlier, later) = (&lines[..earlier].join("\n"), &lines[earlier..later].join("\n"));
        let packed = |text: &str| {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), Default::default());
            packer.write_all(text.as_bytes()).expect("memory");
            packer.finish().expect("memory")
        };
        let with_end = format!("{earlier}\n");
        for (first, second) in [
            (earlier.clone().into_bytes(), format!("\n{later}").into_bytes()),
            (with_end.clone().into_bytes(), later.clone().into_bytes()),
            (packed(&with_end), packed(later)),
        ] {
            let before = first.len() as u64;
            let (_, moved) = forget_in(&[first, second].concat(), Some(before), ann());
            assert!(moved > 0);
        }
    }
}

#[test]
fn rejected_lines_that_are_kept_are_masked() {
    let masked = |text: &str| {
        let masked = mask_rejected(&ann(), text.as_bytes());
        masked.map(|text| String::from_utf8(text).expect("text"))
    };
    let text = r#"{"event":"purchase","user_id":"ann@x.com"}"#;
    assert_eq!(masked(text).as_deref(), Some(r#"{"aaaaa":"aaaaaaaa","aaaa_aa":"aaa@a.aaa"}"#));
    assert_eq!(masked("oops ann@x.com 7").as_deref(), Some("aaaa aaa@a.aaa 1"));
    assert_eq!(masked(r#"{"event":"purchase","user_id":"ben@y.com"}"#), None);
    assert_eq!(masked("oops ben 7"), None);
}
