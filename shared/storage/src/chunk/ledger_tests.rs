use super::*;
use minutebook_domain::count::secret::SecretNumber;
use minutebook_domain::event::line::{READER_VERSION, READER_VERSION_OLDEST};
use minutebook_domain::event::reason::Reason;
use minutebook_domain::time::Hour;

fn chunk() -> ChunkId {
    ChunkId::of_sealed_hour("shop", Hour::parse("2026-11-20T23").expect("an hour"))
}

fn inputs() -> PlanInputs {
    PlanInputs {
        visitor_secret: SecretNumber(3),
        default_time_zone: Tz::Europe__Berlin,
        settings_revision: SettingsRevision(12),
        sites_max: 1_000,
        counted_before: Some(4_096),
        ..PlanInputs::with_defaults("2026-11-20T23:07:01Z".parse().expect("a time"))
    }
}

fn entry(late_parts: Option<usize>, inputs: Option<RecordedInputs>) -> LedgerEntry {
    LedgerEntry { plan_format_version: 3, parts: 2, late_parts, inputs }
}

fn item(name: EntryName, entry: &LedgerEntry) -> Item {
    let mut outcomes = Outcomes { lines: 3, counted: 2, events: 5, ..Outcomes::default() };
    outcomes.rejected = BTreeMap::from([(Reason::NotJson, 1)]);
    let inputs = entry.inputs.and_then(PlanInputs::of_recorded);
    let header = inputs.map(|inputs| ChunkHeader {
        bucket: "raw",
        key: "a b.jsonl",
        inputs,
        outcomes: &outcomes,
        file: None,
    });
    let committed_at = "2026-11-20T23:07:03.25Z".parse().expect("a time");
    entry_item(&chunk(), name, entry, header.as_ref(), committed_at)
}

#[test]
fn an_entry_that_is_written_is_read_back() {
    for (part, late, entry) in [
        (0, 0, entry(None, Some(inputs().recorded()))),
        (0, 0, entry(None, Some(SealInputs { keys_max: 7, has_quarters: false }.recorded()))),
        (0, 0, entry(None, Some(SealInputs { keys_max: 7, has_quarters: true }.recorded()))),
        (1, 0, entry(None, None)),
        (1, 0, entry(Some(3), None)),
        (1, 2, entry(Some(3), None)),
    ] {
        let name = EntryName { part, late };
        let item = item(name, &entry);
        assert_eq!(read_name(&item).expect("well formed"), name);
        assert_eq!(read_entry(&item).expect("well formed"), entry);
    }
}

#[test]
fn an_entry_is_as_the_table_page_says() {
    let item = item(EntryName { part: 0, late: 0 }, &entry(None, Some(inputs().recorded())));
    for (name, value) in [
        ("pk", "L#seal:shop:2026-11-20T23"),
        ("sk", "000000"),
        ("committed_at", "2026-11-20T23:07:03.250Z"),
        ("bucket", "raw"),
        ("key", "a b.jsonl"),
        ("reference_time", "2026-11-20T23:07:01Z"),
        ("default_currency", "USD"),
        ("default_time_zone", "Europe/Berlin"),
    ] {
        assert_eq!(text(&item, name).expect("a text"), value);
    }
    for (name, value) in [
        ("plan_format_version", 3),
        ("parts", 2),
        ("minute_retention_days", 7),
        ("keys_max", 100_000),
        ("visitor_secret", 3),
        ("reader_version", u64::from(READER_VERSION)),
        ("settings_revision", 12),
        ("sites_max", 1_000),
        ("lines", 3),
        ("counted", 2),
        ("ignored", 0),
        ("duplicate", 0),
        ("rejected", 1),
        ("events", 5),
    ] {
        assert_eq!(number::<u64>(&item, name).expect("a number"), value, "{name}");
    }
    let by_reason = item["rejected_by_reason"].as_m().expect("a map");
    assert_eq!(by_reason.len(), 1);
}

#[test]
fn an_entry_without_a_number_of_keys_is_of_a_plan_in_which_all_kept_their_names() {
    let name = EntryName { part: 0, late: 0 };
    let all_names = PlanInputs { keys_max: 0, ..inputs() };
    for (recorded, read) in [
        (inputs().recorded(), all_names.recorded()),
        (
            SealInputs { keys_max: 7, has_quarters: true }.recorded(),
            SealInputs { keys_max: 0, has_quarters: true }.recorded(),
        ),
    ] {
        let mut item = item(name, &entry(None, Some(recorded)));
        assert!(item.remove("keys_max").is_some());
        assert_eq!(read_entry(&item).expect("well formed").inputs, Some(read));
    }
}

#[test]
fn an_entry_that_does_not_say_so_is_of_a_plan_without_quarters() {
    let name = EntryName { part: 0, late: 0 };
    let with_quarters = SealInputs { keys_max: 7, has_quarters: true };
    let without = SealInputs { has_quarters: false, ..with_quarters };
    for (recorded, read) in [
        (inputs().recorded(), PlanInputs { has_quarters: false, ..inputs() }.recorded()),
        (with_quarters.recorded(), without.recorded()),
    ] {
        let mut item = item(name, &entry(None, Some(recorded)));
        assert_eq!(item.remove("has_quarters"), Some(AttributeValue::Bool(true)));
        assert_eq!(read_entry(&item).expect("well formed").inputs, Some(read));
    }
}

#[test]
fn an_entry_without_a_time_zone_is_of_a_plan_in_utc() {
    let name = EntryName { part: 0, late: 0 };
    let mut item = item(name, &entry(None, Some(inputs().recorded())));
    assert!(item.remove("default_time_zone").is_some());
    let expected = PlanInputs { default_time_zone: Tz::UTC, ..inputs() };
    assert_eq!(read_entry(&item).expect("well formed").inputs, Some(expected.recorded()));
}

#[test]
fn a_malformed_entry_is_an_error_that_names_it() {
    for (name, value) in [
        ("plan_format_version", AttributeValue::S("three".to_string())),
        ("parts", AttributeValue::N("-1".to_string())),
        ("keys_max", AttributeValue::N("-1".to_string())),
        ("late_parts", AttributeValue::S("1".to_string())),
        ("reference_time", AttributeValue::S("yesterday".to_string())),
        ("default_currency", AttributeValue::S("$".to_string())),
        ("default_time_zone", AttributeValue::S("Berlin".to_string())),
        ("visitor_secret", AttributeValue::S("one".to_string())),
    ] {
        let mut item =
            item(EntryName { part: 0, late: 0 }, &entry(None, Some(inputs().recorded())));
        item.insert(name.to_string(), value);
        let sentence = read_entry(&item).expect_err("malformed").to_string();
        assert!(sentence.contains("/ 000000") && sentence.contains(name), "{sentence}");
    }
}

#[test]
fn a_chunk_is_complete_when_every_part_is_whole() {
    let of = |names: &[(usize, usize)], late_parts: Option<usize>| {
        let entries = names.iter().map(|(part, late)| {
            (EntryName { part: *part, late: *late }, entry(late_parts.filter(|_| *part == 1), None))
        });
        LedgerEntries { by_name: entries.collect(), ..LedgerEntries::default() }
    };
    for (entries, complete) in [
        (of(&[], None), false),
        (of(&[(0, 0)], None), false),
        (of(&[(1, 0)], None), false),
        (of(&[(0, 0), (1, 0)], None), true),
        (of(&[(0, 0), (1, 0)], Some(2)), false),
        (of(&[(0, 0), (1, 0), (1, 1)], Some(2)), true),
    ] {
        assert_eq!(entries.is_complete(), complete, "{entries:?}");
    }
}

#[test]
fn an_entry_of_version_5_is_read_by_the_rules_before() {
    let mut item = item(EntryName { part: 0, late: 0 }, &entry(None, Some(inputs().recorded())));
    item.remove("reader_version");
    let read = read_entry(&item).expect("well formed").inputs.expect("recorded");
    let expected = PlanInputs { reader_version: READER_VERSION_OLDEST, ..inputs() };
    assert_eq!(read, expected.recorded());
}

#[test]
fn the_secrets_of_recounts_are_read() {
    let mut item = item(EntryName { part: 0, late: 0 }, &entry(None, Some(inputs().recorded())));
    assert_eq!(read_recounted_with(&item).expect("absent"), BTreeSet::new());
    let mut set = |value| item.insert("recounted_with".to_string(), value);
    set(AttributeValue::Ns(vec!["4".to_string(), "0".to_string()]));
    let expected = BTreeSet::from([SecretNumber::NONE, SecretNumber(4)]);
    assert_eq!(read_recounted_with(&item).expect("a set of numbers"), expected);
    for odd in [AttributeValue::Ns(vec!["-1".to_string()]), AttributeValue::N("4".to_string())] {
        item.insert("recounted_with".to_string(), odd);
        let sentence = read_recounted_with(&item).expect_err("malformed").to_string();
        assert!(sentence.contains("/ 000000") && sentence.contains("recounted_with"), "{sentence}");
    }
}

#[test]
fn an_entry_without_a_revision_is_of_a_plan_before_the_first() {
    let name = EntryName { part: 0, late: 0 };
    let before = PlanInputs { settings_revision: SettingsRevision(0), ..inputs() };
    let mut item = item(name, &entry(None, Some(inputs().recorded())));
    assert!(item.remove("settings_revision").is_some());
    let read = read_entry(&item).expect("well formed");
    assert_eq!(read.inputs, Some(before.recorded()));
    assert!(!self::item(name, &read).contains_key("settings_revision"));
}

#[test]
fn an_entry_without_a_bound_of_sites_is_of_a_plan_in_which_all_were_counted() {
    let name = EntryName { part: 0, late: 0 };
    let mut item = item(name, &entry(None, Some(inputs().recorded())));
    assert!(item.remove("sites_max").is_some());
    let all = PlanInputs { sites_max: 0, ..inputs() };
    assert_eq!(read_entry(&item).expect("well formed").inputs, Some(all.recorded()));
}
