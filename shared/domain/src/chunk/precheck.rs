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
use crate::event::line::{Defaults, EventReader, READER_VERSION, ReadLine, Rejection, Unity};
use crate::event::reason::{Field, Reason};
use crate::event::settings::SettingsBySite;
use crate::event::site::{DEFAULT_SITE, SiteId, only_site};

/// Checks whether a chunk may contain a line.
pub struct LineChecker {
    reader: EventReader,
    /// The only sites that are allowed; `None` is all.
    sites: Option<BTreeSet<SiteId>>,
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
            sites: None,
        }
    }

    /// Reads events with what their sites set.
    pub fn with_settings(self, settings: &Arc<SettingsBySite>) -> LineChecker {
        LineChecker { reader: self.reader.with_settings(settings), ..self }
    }

    /// Rejects lines that name another site than these. If it is a single one, lines that name none
    /// are given it; otherwise they are of the default site, as everywhere.
    pub fn only_of(self, sites: BTreeSet<SiteId>) -> LineChecker {
        LineChecker { sites: Some(sites), ..self }
    }

    /// Checks one line without its line end. Elements of its `events` are not checked. Returns the
    /// line to store: with the single site that is allowed, if the line names none.
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

    /// The single site that is allowed.
    pub(crate) fn only_site(&self) -> Option<&SiteId> {
        self.sites.as_ref().and_then(only_site)
    }

    /// Checks the sites that the line that was read last names. Returns the single site that is
    /// allowed if something in the line names none and would be another site's.
    fn site_to_add(&self, line: &[u8]) -> Result<Option<SiteId>, Reason> {
        let Some(sites) = &self.sites else { return Ok(None) };
        let is_allowed = |named: &[u8]| sites.iter().any(|site| site.as_str().as_bytes() == named);
        let mut lacks_site = false;
        for named in self.named_sites(line) {
            match named {
                None => lacks_site = true,
                Some(site) if is_allowed(site) => {}
                Some(_) => return Err(Reason::Invalid(Field::SiteId)),
            }
        }
        if !lacks_site || is_allowed(DEFAULT_SITE.as_bytes()) {
            return Ok(None);
        }
        let only = only_site(sites).ok_or(Reason::Missing(Field::SiteId))?;
        Ok(Some(only.clone()))
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
                Form::Line | Form::Value | Form::Record => self.judge(line.text, line.and_after),
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
    let text = read.source(line);
    let accepted = read.elements.iter().filter(|element| element.rejected.is_none());
    let accepted: Vec<&[u8]> = accepted.map(|element| &text[element.value.whole()]).collect();
    let object = match read.unity {
        Some(Unity::Line(object)) => object.whole(),
        _ => 0..text.len(),
    };
    match (read.unity, &read.elements[..]) {
        (Some(Unity::Apart), _) => accepted.join(&b'\n'),
        (_, [first, .., last]) => {
            let (before, after) = (first.value.whole().start, last.value.whole().end);
            let (before, after) = (&text[object.start..before], &text[after..object.end]);
            [before, &accepted.join(&b','), after].concat()
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
#[path = "precheck_tests.rs"]
mod tests;
