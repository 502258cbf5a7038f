use super::*;
use crate::chunk::count::Outcomes;
use crate::chunk::{ChunkReader, ChunkSettings};
use crate::count::secret::VisitorSecret;
use crate::plan::PlanInputs;
use proptest::prelude::*;

const LISTED_MAX: usize = 100;

fn time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_216_079, 0).expect("2026-11-20T23:07:59Z")
}

fn currency() -> Currency {
    Currency::parse(b"USD").expect("three letters")
}

fn checker() -> LineChecker {
    LineChecker::new(time(), currency(), Tz::UTC)
}

fn checked(text: &[u8]) -> CheckedLines {
    checker().check_text(text, LISTED_MAX)
}

fn only(site: &str) -> SiteId {
    SiteId::parse(site).expect("a site")
}

/// What becomes of the lines of a chunk.
fn outcomes(bytes: &[u8]) -> Outcomes {
    let inputs = PlanInputs { default_currency: currency(), ..PlanInputs::with_defaults(time()) };
    let size_bytes = bytes.len() as u64;
    let mut reader = ChunkReader::new(&ChunkSettings {
        inputs,
        secret: VisitorSecret::NONE,
        sites: Default::default(),
        size_bytes,
    });
    reader.push(bytes).expect("plain text");
    reader.finish().expect("plain text").outcomes
}

fn reasons(text: &[u8]) -> Vec<(u64, String)> {
    checked(text).rejected.iter().map(|line| (line.number, line.reason.to_string())).collect()
}

#[test]
fn rejected_lines_have_numbers_and_reasons() {
    let good = r#"{"event":"view","ts":1795216000,"item_id":1}"#;
    let text = format!(
        "\u{feff}{good}\r\n\n{{}}\n{good}\n7\n{{\"event\":\"view\",\"item_id\":1}}\nx\n{good}"
    );
    let lines = checked(text.as_bytes());
    assert_eq!(String::from_utf8_lossy(&lines.accepted), format!("{good}\n{good}\n{good}\n"));
    assert_eq!((lines.accepted_lines, lines.rejected_lines), (3, 4));
    let expected =
        [(3, "missing:event_type"), (5, "not_object"), (6, "missing:timestamp"), (7, "not_json")];
    assert_eq!(
        reasons(text.as_bytes()),
        expected.map(|(number, reason)| (number, reason.to_string()))
    );
}

#[test]
fn rejected_lines_that_are_not_listed_are_counted() {
    let lines = checker().check_text(b"a\nb\nc\n", 2);
    assert_eq!((lines.rejected.len(), lines.rejected_lines, lines.accepted_lines), (2, 3, 0));
}

#[test]
fn a_single_overlong_line_is_rejected() {
    let mut checker = checker();
    assert_eq!(checker.check(&vec![b' '; LINE_BYTES_MAX + 1]), Err(Reason::TooLong));
    assert!(checker.check(br#"{"event":"view","ts":1795216000,"aid":1}"#).is_ok());
}

#[test]
fn the_site_is_found_in_every_spelling_even_in_invalid_lines() {
    let mut checker = checker();
    for (line, site) in [
        (r#"{"site_id":"a b"}"#, Some("a b")),
        (r#"{"site_id":"","app_id":7}"#, Some("7")),
        (r#"{"properties":{"tenant_id":"t"},"event":"view"}"#, Some("t")),
        (r#"{"site_id":null,"event":"view"}"#, None),
        (r#"{"event":"view"}"#, None),
        (r#"{"site_id":"a""#, None),
        ("[]", None),
    ] {
        let checked = checker.check(line.as_bytes()).map(drop);
        let found = checker.site_of_checked(line.as_bytes(), checked);
        assert_eq!(found.map(String::from_utf8_lossy).as_deref(), site, "{line}");
    }
}

#[test]
fn the_sites_are_those_of_the_accepted_lines() {
    let view = |rest: &str| format!(r#"{{"event":"view","ts":1,"aid":1{rest}}}"#);
    let of_two = r#"{"events":[{"event":"view","ts":1,"aid":1,"site_id":"c"},{"type":"order",
        "ts":1,"aid":1},{"type":"search","site_id":"d"}]}"#;
    let ignored = r#"{"type":"search","site_id":"e"}"#;
    for (lines, sites) in [
        (vec![view(""), view(r#","site_id":"b""#), view(r#","site_id":"b""#)], "b default"),
        (vec!["\n{}".to_string(), view(r#","site_id":"a b""#), view("")], "default"),
        (vec![of_two.replace('\n', ""), ignored.to_string()], "c default e"),
        (vec![r#"{"event":"view","site_id":"f"}"#.to_string()], ""),
    ] {
        let found = checked(lines.join("\n").as_bytes()).sites;
        let found: Vec<_> = found.iter().map(|site| String::from_utf8_lossy(site)).collect();
        assert_eq!(found.join(" "), sites, "{lines:?}");
    }
}

#[test]
fn of_several_sites_a_line_names_one_or_is_of_the_default_site() {
    let checked = |sites: &[&str], line: &str| {
        let sites = sites.iter().map(|site| only(site)).collect();
        let stored =
            checker().only_of(sites).check(line.as_bytes()).map(|stored| stored == line.as_bytes());
        stored.map_err(|reason| reason.to_string())
    };
    let view = |rest: &str| format!(r#"{{"event":"view","ts":1,"aid":1{rest}}}"#);
    let (wrong, missing) = (Err("invalid:site_id".to_string()), Err("missing:site_id".to_string()));
    let both = r#"{"events":[{"event":"view","ts":1,"aid":1,"site_id":"a"},{"event":"view","ts":1,"aid":1,"site_id":"b"}]}"#;
    for (sites, line, expected) in [
        (&["a", "b"][..], view(r#","site_id":"a""#), Ok(true)),
        (&["a", "b"], view(r#","site_id":"b""#), Ok(true)),
        (&["a", "b"], view(r#","site_id":"c""#), wrong.clone()),
        (&["a", "b"], view(r#","site_id":"default""#), wrong.clone()),
        (&["a", "b"], view(""), missing.clone()),
        (&["a", "default"], view(""), Ok(true)),
        (&["a", "b"], both.to_string(), Ok(true)),
        (&["a", "c"], both.to_string(), wrong.clone()),
        (&[], view(""), missing.clone()),
        (&[], view(r#","site_id":"a""#), wrong.clone()),
    ] {
        assert_eq!(checked(sites, &line), expected, "{sites:?} {line}");
    }
}

#[test]
fn the_only_site_is_given_to_lines_without_one_and_lines_of_others_are_rejected() {
    // What is appended to the line.
    let checked = |site: &str, line: &str| {
        let mut checker = checker().only_of([only(site)].into());
        let stored = checker.check(line.as_bytes()).map_err(|reason| reason.to_string())?;
        let end = line.trim_end().trim_end_matches('}');
        let stored = String::from_utf8_lossy(&stored).into_owned();
        Ok(stored.strip_prefix(end).map(|rest| rest.trim_start_matches('}').to_string()))
    };
    let view = |rest: &str| format!(r#"{{"event":"view","ts":1,"aid":1{rest}}}"#);
    let wrong = Err("invalid:site_id".to_string());
    let (whole, given) = (Ok(Some(String::new())), Ok(Some(r#","site_id":"a"}"#.to_string())));
    for (site, line, expected) in [
        ("a", view(r#","site_id":"a""#), whole.clone()),
        ("a", view(r#","site_id":"b""#), wrong.clone()),
        ("a", view(""), given.clone()),
        ("default", view(""), whole.clone()),
        ("7", view(r#","properties":{"app_id":7}"#), whole.clone()),
        ("a", r#"{"type":"refund","ts":1,"aid":1,"site_id":"a"}"#.to_string(), whole.clone()),
        ("a", r#"{"type":"refund","ts":1,"aid":1,"site_id":"b"}"#.to_string(), wrong.clone()),
        ("a", r#"{"type":"refund","ts":1,"aid":1}"#.to_string(), given.clone()),
        ("default", r#"{"type":"refund","ts":1,"aid":1}"#.to_string(), whole.clone()),
        ("a", r#"{"type":"OrderCancelledEvent","ts":1,"orderId":1,"site_id":"a"}"#.to_string(), whole.clone()),
        ("a", r#"{"type":"OrderCancelledEvent","ts":1,"orderId":1,"site_id":"b"}"#.to_string(), wrong.clone()),
        ("a", r#"{"type":"OrderCancelledEvent","ts":1,"orderId":1}"#.to_string(), given.clone()),
        (
            "a",
            r#"{"events":[{"event":"view","ts":1,"aid":1,"site_id":"a"},{"type":"refund","ts":1,"aid":1}]}"#
                .to_string(),
            whole.clone(),
        ),
        (
            "a",
            r#"{"site_id":"a","event":"view","ts":1,"events":[{"aid":1},{"aid":1,"site_id":"b"}]}"#.to_string(),
            wrong.clone(),
        ),
        ("a", r#"{"site_id":"a","event":"view","ts":1,"events":[{"aid":1}]}"#.to_string(), whole.clone()),
        ("a", r#"{"event":"view","ts":1,"events":[{"aid":1,"site_id":"a"}]}"#.to_string(), whole.clone()),
        ("a", format!(r#"{{"schema":1,"payload":{}}}"#, view(r#","site_id":"a""#)), whole.clone()),
        ("a", format!(r#"{{"site_id":"a","schema":1,"payload":{}}}"#, view(r#","site_id":"b""#)), wrong.clone()),
        ("a", format!(r#"  {{"site_id":"a","schema":1,"payload":{}}}"#, view("")), whole.clone()),
        ("a", r#"  {"site_id":"a","event":"own"}"#.to_string(), whole.clone()),
        ("a", r#"{"site_id":"a","abandoned_checkout_url":"u","line_items":[1]}"#.to_string(), whole.clone()),
        ("a", r#"{"site_id":"b","abandoned_checkout_url":"u","line_items":[1]}"#.to_string(), wrong.clone()),
        ("a", r#"{"site_id":"a","op":"u","source":{"x":1}}"#.to_string(), whole.clone()),
        ("b", r#"{"site_id":"a","op":"u","source":{"x":1}}"#.to_string(), wrong.clone()),
        ("a", serde_json::to_string(&view(r#","site_id":"a""#)).unwrap(), whole.clone()),
        ("a", serde_json::to_string(&view(r#","site_id":"b""#)).unwrap(), wrong.clone()),
        // A text has no place for a site.
        ("a", serde_json::to_string(&view("")).unwrap(), Err("missing:site_id".to_string())),
        ("default", serde_json::to_string(&view("")).unwrap(), whole.clone()),
        ("a", view(r#","app_id":"b""#), wrong.clone()),
        ("a", view(r#","site_id":"","app_id":null"#), given.clone()),
        ("a", view(r#","site_id":"default""#), wrong.clone()),
        ("a", format!(r#"{{"schema":1,"payload":{}}}"#, view("")), given.clone()),
        ("a", r#"{"type":"search","q":"shoes"}"#.to_string(), given.clone()),
        (
            "a",
            r#"{"events":[{"event":"view","ts":1,"aid":1,"site_id":"b"},{"event":"view","ts":1,"aid":1}]}"#
                .to_string(),
            wrong.clone(),
        ),
        (
            "a",
            r#"{"events":[{"event":"view","ts":1,"aid":1,"site_id":"a"},{"event":"view","ts":1,"aid":1}]}"#
                .to_string(),
            given.clone(),
        ),
        ("a", format!(r#"{{"x":"{}",{}"#, "x".repeat(LINE_BYTES_MAX - 50), &view("")[1..]), Err("too_long".to_string())),
    ] {
        assert_eq!(checked(site, &line), expected, "{site} {line}");
    }
}

/// A post of each file of forms is the only site's as a whole, and nothing of it gets lost.
#[test]
fn forms_without_a_site_are_stored_as_the_only_sites_and_count_as_before() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/forms");
    let (mut files, mut given) = (0, 0);
    for file in std::fs::read_dir(folder).expect("the forms") {
        let path = file.expect("a file").path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        let text = std::fs::read(&path).expect("a text");
        let free = checked(&text);
        let of_default =
            checker().only_of([SiteId::default()].into()).check_text(&text, LISTED_MAX);
        let of_shop = checker().only_of([only("shop")].into()).check_text(&text, LISTED_MAX);
        assert_eq!(of_shop.accepted_lines, of_default.accepted_lines, "{path:?}");
        let sites: Vec<_> = of_shop.sites.iter().map(|site| site.as_slice()).collect();
        assert!(sites.is_empty() || sites == [b"shop"], "{path:?}");
        let counted = |bytes: &[u8]| outcomes(bytes).counted;
        let of_default = counted(&of_default.accepted);
        assert_eq!(counted(&of_shop.accepted), of_default, "{path:?}");
        files += 1;
        given += usize::from(free.accepted_lines == of_shop.accepted_lines && of_default > 0);
    }
    assert!(files > 20 && given > 15, "{given} of {files} files name no site");
}

#[test]
fn what_is_kept_is_checked_as_it_will_be_read() {
    let good = r#"{"event_type":"view","time":1,"productId":"a"}"#;
    // Each element has its site when it stands alone.
    let site = "s".repeat(64);
    let elements = format!("{good},").repeat(4_000);
    let line = format!(
        r#"{{"site_id":"{site}","api_key":"k","events":[{elements}{{"event_type":"view","time":1}}]}}"#
    );
    let CheckedLines { accepted, accepted_lines, rejected_lines, .. } = checked(line.as_bytes());
    assert_eq!((accepted_lines, rejected_lines), (4_000, 1));
    assert_eq!(accepted.split(|byte| *byte == b'\n').count(), 4_001);
    // With what its text holds it is too deep to be sent.
    let deep = format!("{}\"a\"{}", r#"{"a":"#.repeat(60), "}".repeat(60));
    let deep =
        serde_json::to_string(&format!(r#"{{"b":{{"c":{{"d":{{"e":{deep}}}}}}}}}"#)).unwrap();
    let view = r#"{"event":"view","ts":1,"aid":1}"#;
    let line = format!(r#"{{"properties":{deep},"events":[{view},{{"event":"view"}}]}}"#);
    assert_eq!(reasons(line.as_bytes()).last(), Some(&(1, "too_deep".to_string())));
    assert_eq!(checked(line.as_bytes()).accepted_lines, 0);
    // What four envelopes hold is not opened, until they are gone.
    let other = r#"{"event":"view","ts":1,"aid":1,"site_id":"b"}"#;
    let mut line = format!(
        r#"{{"schema":1,"payload":{other},"site_id":"a","events":[{view},{{"event":7}}]}}"#
    );
    for _ in 0..4 {
        line = format!(r#"{{"schema":1,"payload":{line}}}"#);
    }
    let mut checker = LineChecker::new(time(), currency(), Tz::UTC).only_of([only("a")].into());
    let CheckedLines { accepted, rejected, .. } = checker.check_text(line.as_bytes(), 9);
    assert_eq!(String::from_utf8_lossy(&accepted), "", "{rejected:?}");
}

#[test]
fn a_text_of_an_object_is_no_header() {
    let text = |rest: &str| {
        let event = format!(r#"{{"site_id":"a","event":"view","ts":1,"aid":1,"x":"{rest}"}}"#);
        serde_json::to_string(&event).unwrap()
    };
    let posted = format!("{{}}\n{}\n{}", text(",site_id,event,ts,item_id,"), text(",b,view,1,7,"));
    let lines = checked(posted.as_bytes());
    assert_eq!(lines.accepted_lines, 2);
    let again = checked(&lines.accepted);
    assert_eq!((again.accepted_lines, again.sites), (2, lines.sites));
}

#[test]
fn of_a_form_the_elements_are_kept_that_are_accepted() {
    let line = r#"{"api_key":"k","events":[{"event_type":"view","time":1,"productId":"a"},
        {"event_type":"view","time":1},{"event_type":"view","time":2,"productId":"b"}]}"#
        .replace('\n', "");
    let CheckedLines { accepted, accepted_lines, rejected, .. } = checked(line.as_bytes());
    assert_eq!((accepted_lines, rejected.len(), rejected[0].event), (2, 1, Some(2)));
    let kept = r#"{"event_type":"view","timestamp":1,"item_id":"a"}
{"event_type":"view","timestamp":2,"item_id":"b"}
"#;
    assert_eq!(String::from_utf8_lossy(&accepted), kept);
    // Whatever is one line is kept as it was posted.
    let line = r#"{"schema":1,"payload":{"event":"view","ts":1,"aid":1}}"#;
    assert_eq!(checked(line.as_bytes()).accepted, format!("{line}\n").as_bytes());
}

proptest! {
    #[test]
    fn a_chunk_of_the_accepted_lines_has_no_rejected_one(
        lines in proptest::collection::vec(proptest::sample::select(vec![
            r#"{"event":"view","ts":1795216000,"item_id":1}"#, r#" {"event":"order","ts":"2026-11-20","sku":"a"}"#,
            r#"{"event":"view","ts":1795217000,"item_id":1}"#, r#"{"event":"cart","ts":1795216000}"#, "", "\r", "x",
            "\u{feff}", r#"{"type":"OrderCancelledEvent","ts":1,"orderId":1}"#,
            r#"{"event":"refund","time":1,"aid":1,"event_id":4}"#,
            r#"{"events":[{"event":"view","ts":1,"aid":1},{"event":"view","ts":1}]}"#,
            r#"{"schema":1,"payload":{"events":[{"event":"view","ts":1,"aid":1},{}]}}"#,
            r#"{"api_key":"k","events":[{"event_type":"view","time":1,"productId":1},{"event_type":"view"}]}"#,
            r#""{\"event\":\"view\",\"ts\":1,\"aid\":1}""#,
            r#""{\"event\":\"view\",\"ts\":1,\"x\":\",event,ts,aid,\"}""#,
        ]), 0..30),
    ) {
        let text = lines.join("\n");
        let checked = checked(text.as_bytes());
        let (all, accepted) = (outcomes(text.as_bytes()), outcomes(&checked.accepted));
        prop_assert_eq!(all.rejected_total(), checked.rejected_lines);
        prop_assert_eq!(all.lines - all.rejected_total(), checked.accepted_lines);
        prop_assert_eq!((accepted.lines, accepted.rejected_total()), (checked.accepted_lines, 0));
        prop_assert_eq!((accepted.counted, accepted.ignored), (all.counted, all.ignored));
    }
}
