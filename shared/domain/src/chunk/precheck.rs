//! Checks lines before they are put as a chunk, with the reader that counts them later.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::iter::once;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::chunk::identity::PostIdentity;
use crate::chunk::lines::{Form, LINE_BYTES_MAX, Line};
use crate::chunk::split::TextSplitter;
use crate::count::measure::Currency;
use crate::event::form::Unity;
use crate::event::line::{Defaults, EventReader, READER_VERSION, ReadLine, Rejection};
use crate::event::reason::{Field, Reason};
use crate::event::settings::SettingsBySite;
use crate::event::site::{DEFAULT_SITE, SiteId};

/// Checks whether a chunk may contain a line.
pub struct LineChecker {
    reader: EventReader,
    /// The only site that is allowed, if there is one.
    only_site: Option<SiteId>,
}

/// The accepted and the rejected lines of a text.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct CheckedLines {
    /// The accepted lines, in order, each with a line feed: a chunk.
    pub accepted: Vec<u8>,
    /// The number of accepted lines.
    pub accepted_lines: u64,
    /// The sites of the accepted lines.
    pub sites: BTreeSet<Vec<u8>>,
    /// A hash of the ids and the content of the accepted events, without their times; `None` if one
    /// of them that counts has no id.
    pub identity: Option<blake3::Hash>,
    /// The first rejected lines.
    pub rejected: Vec<RejectedLine>,
    /// The number of rejected lines, listed or not.
    pub rejected_lines: u64,
}

/// A line that would be rejected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RejectedLine {
    /// Its 1-based number; blank lines are numbered too.
    pub number: u64,
    /// The 1-based number of the element of its `events` array, if only that is rejected.
    pub event: Option<u64>,
    /// The reason.
    pub reason: Reason,
    /// What its time was taken for, if it is in the future.
    pub time: Option<DateTime<Utc>>,
}

impl LineChecker {
    /// Creates a checker for all sites. "Future" is measured from `reference_time`, later from the
    /// LastModified of the object.
    pub fn new(
        reference_time: DateTime<Utc>,
        default_currency: Currency,
        default_time_zone: Tz,
    ) -> LineChecker {
        let seconds = reference_time.timestamp();
        LineChecker {
            reader: EventReader::new(seconds, default_currency, default_time_zone, READER_VERSION),
            only_site: None,
        }
    }

    /// Reads events with what their sites set.
    pub fn with_settings(self, settings: &Arc<SettingsBySite>) -> LineChecker {
        LineChecker { reader: self.reader.with_settings(settings), ..self }
    }

    /// Rejects lines that name another site than this one, and gives it to those that name none.
    pub fn only_of(self, site: SiteId) -> LineChecker {
        LineChecker { only_site: Some(site), ..self }
    }

    /// Checks one line without its line end. Elements of its `events` are not checked. Returns the
    /// line to store: with the only site that is allowed, if the line names none.
    ///
    /// # Errors
    /// Fails with the reason for which the line would be rejected; a retry does not help.
    pub fn check<'a>(&mut self, line: &'a [u8]) -> Result<Cow<'a, [u8]>, Reason> {
        if line.len() > LINE_BYTES_MAX {
            return Err(Reason::TooLong);
        }
        self.judge(line, line)
    }

    /// Checks one line like [`check`](LineChecker::check), but its events may lack their time and
    /// views their page. Returns which of the two they lack. Nothing is added to the line.
    ///
    /// # Errors
    /// Fails with the reason for which the line would be rejected; a retry does not help.
    pub(crate) fn check_single(&mut self, line: &[u8], seconds: i64) -> Result<Defaults, Reason> {
        if line.len() > LINE_BYTES_MAX {
            return Err(Reason::TooLong);
        }
        let defaults = self.reader.read_single(line, seconds)?;
        self.site_to_add(line)?;
        Ok(defaults)
    }

    /// Reads a line, and once more with the site that it lacks: what is stored is what was checked.
    fn judge<'a>(&mut self, line: &'a [u8], and_after: &'a [u8]) -> Result<Cow<'a, [u8]>, Reason> {
        self.reader.read(line, and_after)?;
        let Some(site) = self.site_to_add(line)? else { return Ok(Cow::Borrowed(line)) };
        let mut completed = line.to_vec();
        append(&mut completed, Field::SiteId, site.as_str());
        if completed.len() > LINE_BYTES_MAX {
            return Err(Reason::TooLong);
        }
        // A text that holds JSON has no place for it.
        let missing = Reason::Missing(Field::SiteId);
        self.reader.read(&completed, &completed).map_err(|_| missing)?;
        match self.site_to_add(&completed) {
            Ok(None) => Ok(Cow::Owned(completed)),
            _ => Err(missing),
        }
    }

    /// What the time of the line that was checked last was taken for, if it is rejected because it is
    /// in the future.
    pub fn time_of_rejected(&self, reason: Reason) -> Option<DateTime<Utc>> {
        self.reader.rejection(reason).time
    }

    /// The only site that is allowed.
    pub(crate) fn only_site(&self) -> Option<&SiteId> {
        self.only_site.as_ref()
    }

    /// Checks the sites that the line that was read last names. Returns the only site that is
    /// allowed if something in the line names none and would be another site's.
    fn site_to_add(&self, line: &[u8]) -> Result<Option<SiteId>, Reason> {
        let Some(only) = &self.only_site else { return Ok(None) };
        let only_text = only.as_str().as_bytes();
        let mut lacks_site = false;
        for named in self.named_sites(line) {
            match named {
                None => lacks_site = true,
                Some(site) if site == only_text => {}
                Some(_) => return Err(Reason::Invalid(Field::SiteId)),
            }
        }
        Ok((lacks_site && only.as_str() != DEFAULT_SITE).then(|| only.clone()))
    }

    /// The sites of the line that was read last: those of its events that count, and its own.
    pub(crate) fn sites<'a>(&'a self, line: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.named_sites(line).map(|named| named.unwrap_or(DEFAULT_SITE.as_bytes()))
    }

    /// The same, with `None` for what names no site.
    fn named_sites<'a>(&'a self, line: &'a [u8]) -> impl Iterator<Item = Option<&'a [u8]>> {
        let read = self.reader.last();
        let source = read.source(line);
        let starts = once(0).chain(read.events.iter().map(|event| event.additions_end));
        let of_events = read.events.iter().zip(starts).filter_map(move |(event, start)| {
            let counts = event.additions_end > start || event.order.is_some();
            counts.then(|| event.site.map(|text| read.text(source, text)))
        });
        // The reader does not check the site of an event that counts nothing; it is that of the
        // line.
        let counts_nothing = read.additions.is_empty() && read.orders.is_empty();
        let own = self.reader.own_field(line, Field::SiteId);
        of_events.chain(own.map(Some).or(counts_nothing.then_some(None)))
    }

    /// The identity of the line that was read last, see [`CheckedLines::identity`].
    pub(crate) fn identity(&self, line: &[u8]) -> Option<blake3::Hash> {
        let mut identity = PostIdentity::default();
        identity.add(self.reader.last(), line);
        identity.finish()
    }

    /// The site of the line itself, as written, if it was checked last, with this outcome; `None`
    /// if it has none or is not a JSON object.
    pub(crate) fn site_of_checked<'a>(
        &'a self,
        line: &'a [u8],
        checked: Result<(), Reason>,
    ) -> Option<&'a [u8]> {
        match checked {
            Err(reason) if !reason.is_of_object() => None,
            _ => self.reader.own_field(line, Field::SiteId),
        }
    }

    /// Checks what is kept of a line of which elements were rejected, as it will be read. That may be
    /// something else than what was posted, because what an object was made of is gone. Returns the
    /// lines to store, and their sites.
    fn check_kept(&mut self, kept: &[u8]) -> Result<(Vec<u8>, BTreeSet<Vec<u8>>), Reason> {
        let (mut lines, mut sites) = (vec![], BTreeSet::new());
        for line in kept.split(|byte| *byte == b'\n') {
            let line = self.check(line)?;
            let rejected = self.reader.last().elements.iter().find_map(|element| element.rejected);
            if let Some(Rejection { reason, .. }) = rejected {
                return Err(reason);
            }
            sites.extend(self.sites(&line).map(<[u8]>::to_vec));
            lines.push(line);
        }
        Ok((lines.join(&b'\n'), sites))
    }

    /// Separates the accepted from the rejected lines of a text, and lists the first `listed_max`
    /// rejected ones.
    ///
    /// **Guarantees**: a chunk of the accepted lines has no rejected line if its reference time is
    /// not earlier than that of this checker.
    pub fn check_text(&mut self, text: &[u8], listed_max: usize) -> CheckedLines {
        let mut checked = CheckedLines::default();
        let mut identity = PostIdentity::default();
        let mut each = |line: Line<'_>| {
            let outcome = match line.form {
                Form::Rejected(reason) => Err(reason),
                Form::Line | Form::Value => self.judge(line.text, line.and_after),
            };
            let mut reject = |event, Rejection { reason, time }| {
                checked.rejected_lines += 1;
                if checked.rejected.len() < listed_max {
                    let number = line.number;
                    checked.rejected.push(RejectedLine { number, event, reason, time });
                }
            };
            let text = match outcome {
                Ok(text) => text,
                Err(reason) if line.form == Form::Line && !reason.is_of_object() => return false,
                Err(reason) => {
                    reject(None, self.reader.rejection(reason));
                    return true;
                }
            };
            let elements = &self.reader.last().elements;
            let mut accepted_elements = 0;
            for (number, element) in (1..).zip(elements) {
                match element.rejected {
                    Some(rejection) => reject(Some(number), rejection),
                    None => accepted_elements += 1,
                }
            }
            if accepted_elements == 0 && !elements.is_empty() {
                return true;
            }
            identity.add(self.reader.last(), &text);
            if elements.iter().all(|element| element.rejected.is_none()) {
                checked.accepted.extend_from_slice(&text);
                for site in self.sites(&text) {
                    if !checked.sites.contains(site) {
                        checked.sites.insert(site.to_vec());
                    }
                }
            } else {
                let kept = without_rejected(self.reader.last(), &text);
                match self.check_kept(&kept) {
                    Ok((kept, sites)) => {
                        checked.accepted.extend_from_slice(&kept);
                        checked.sites.extend(sites);
                    }
                    Err(reason) => {
                        reject(None, self.reader.rejection(reason));
                        return true;
                    }
                }
            }
            checked.accepted.push(b'\n');
            checked.accepted_lines += accepted_elements.max(1);
            true
        };
        let mut splitter = TextSplitter::new();
        splitter.push(text, &mut each);
        splitter.finish(&mut each);
        checked.identity = identity.finish();
        checked
    }
}

/// The line that was read last without the elements of its `events` that are rejected. Those of a
/// form that stand alone are a line each.
fn without_rejected(read: &ReadLine, line: &[u8]) -> Vec<u8> {
    let line = read.source(line);
    let accepted = read.elements.iter().filter(|element| element.rejected.is_none());
    let accepted: Vec<&[u8]> = accepted.map(|element| &line[element.value.whole()]).collect();
    match (read.unity, &read.elements[..]) {
        (Some(Unity::Apart { .. }), _) => accepted.join(&b'\n'),
        (_, [first, .., last]) => {
            let (before, after) = (first.value.whole().start, last.value.whole().end);
            [&line[..before], &accepted.join(&b','), &line[after..]].concat()
        }
        // The only one is rejected, and nothing is kept.
        _ => Vec::new(),
    }
}

/// Appends a member to an object that is not empty. It is valid whatever precedes it: of members of
/// one name the last one counts.
pub(crate) fn append(line: &mut Vec<u8>, field: Field, value: &str) {
    line.truncate(line.trim_ascii_end().len().saturating_sub(1));
    line.extend_from_slice(format!(",\"{}\":\"{value}\"}}", field.name()).as_bytes());
}

#[cfg(test)]
mod tests {
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
        let inputs =
            PlanInputs { default_currency: currency(), ..PlanInputs::with_defaults(time()) };
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
        let expected = [
            (3, "missing:event_type"),
            (5, "not_object"),
            (6, "missing:timestamp"),
            (7, "not_json"),
        ];
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
    fn the_only_site_is_given_to_lines_without_one_and_lines_of_others_are_rejected() {
        // What is appended to the line.
        let checked = |site: &str, line: &str| {
            let mut checker = checker().only_of(only(site));
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
            let of_default = checker().only_of(SiteId::default()).check_text(&text, LISTED_MAX);
            let of_shop = checker().only_of(only("shop")).check_text(&text, LISTED_MAX);
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
        let CheckedLines { accepted, accepted_lines, rejected_lines, .. } =
            checked(line.as_bytes());
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
        let mut checker = LineChecker::new(time(), currency(), Tz::UTC).only_of(only("a"));
        let CheckedLines { accepted, rejected, .. } = checker.check_text(line.as_bytes(), 9);
        assert_eq!(String::from_utf8_lossy(&accepted), "", "{rejected:?}");
    }

    #[test]
    fn a_text_of_an_object_is_no_header() {
        let text = |rest: &str| {
            let event = format!(r#"{{"site_id":"a","event":"view","ts":1,"aid":1,"x":"{rest}"}}"#);
            serde_json::to_string(&event).unwrap()
        };
        let posted =
            format!("{{}}\n{}\n{}", text(",site_id,event,ts,item_id,"), text(",b,view,1,7,"));
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
}
