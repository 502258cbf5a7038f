//! Counts the lines of a chunk.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;

use crate::chunk::count::Outcomes;
use crate::chunk::lines::{Form, Line};
use crate::chunk::rejected::write_rejected;
use crate::chunk::seen_ids::SeenIds;
use crate::chunk::settings::ChunkSettings;
use crate::count::secret::VisitorSecret;
use crate::count::sketch::IdHash;
use crate::count::tally::{SiteNumber, Tally};
use crate::count::visitors::VisitorCollector;
use crate::event::line::{EventReader, ReadEvent, ReadLine, Rejection, Text, Value, counts_stages};
use crate::event::reason::Reason;
use crate::event::site::DEFAULT_SITE;
use crate::hash_seed::HashSeed;
use crate::order::facts::Orders;
use crate::plan::PlanInputs;
use crate::time::{Minute, QuartersBySite};

/// Counts lines.
pub(super) struct Counter {
    secret: VisitorSecret,
    seed: HashSeed,
    first_kept: Minute,
    has_stages: bool,
    pub(super) quarters: Arc<QuartersBySite>,
    reader: EventReader,
    pub(super) tally: Tally,
    pub(super) visitors: VisitorCollector,
    pub(super) orders: Orders,
    sites: SiteCache,
    ids: SeenIds,
    pub(super) outcomes: Outcomes,
    pub(super) rejected: Vec<u8>,
}

/// The outcome of an event that is not rejected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Counted,
    Ignored,
    Duplicate,
    /// It would be counted, but there are too many sites.
    Refused,
}

/// How many events of a line have each outcome.
#[derive(Clone, Copy, Default)]
struct EventOutcomes {
    counted: u64,
    ignored: u64,
    duplicate: u64,
    refused: u64,
}

impl Outcomes {
    #[inline]
    fn add_line(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Counted => self.counted += 1,
            Outcome::Ignored => self.ignored += 1,
            Outcome::Duplicate => self.duplicate += 1,
            // It is rejected, and counted there.
            Outcome::Refused => return,
        }
        self.lines += 1;
    }
}

impl EventOutcomes {
    /// The outcome of the line, if that is one.
    fn of_line(self) -> Outcome {
        if self.refused > 0 {
            Outcome::Refused
        } else if self.counted > 0 {
            Outcome::Counted
        } else if self.duplicate > 0 {
            Outcome::Duplicate
        } else {
            Outcome::Ignored
        }
    }
}

impl Counter {
    pub(super) fn new(settings: &ChunkSettings, seed: HashSeed) -> Counter {
        let inputs = &settings.inputs;
        let reader = EventReader::new(
            inputs.reference_time.timestamp(),
            inputs.default_currency,
            inputs.default_time_zone,
            inputs.reader_version,
        );
        let first_kept = first_kept(inputs);
        let has_stages = counts_stages(inputs.reader_version);
        let quarters = match inputs.has_quarters {
            true => Arc::clone(settings.sites.settings.quarters()),
            false => Arc::default(),
        };
        Counter {
            secret: settings.secret,
            seed,
            first_kept,
            has_stages,
            visitors: VisitorCollector::new(first_kept, has_stages, Arc::clone(&quarters), seed),
            quarters,
            reader: reader.with_settings(&settings.sites.settings),
            tally: Tally::with_seed(seed),
            orders: Orders::default(),
            sites: SiteCache {
                refused: Arc::clone(&settings.sites.refused),
                ..SiteCache::default()
            },
            ids: SeenIds::new(seed),
            outcomes: Outcomes::default(),
            rejected: Vec::new(),
        }
    }

    /// Forgets what it has counted, but not the ids of the events.
    pub(super) fn restart(&mut self) {
        self.tally = Tally::with_seed(self.seed);
        let quarters = Arc::clone(&self.quarters);
        self.visitors =
            VisitorCollector::new(self.first_kept, self.has_stages, quarters, self.seed);
        self.orders = Orders::default();
        self.sites.last.clear();
        self.outcomes = Outcomes::default();
        self.rejected.clear();
    }

    /// Counts a line or a value; `false` if it is a line that is not one JSON object. Nothing of it
    /// has been counted then.
    #[inline]
    pub(super) fn count(&mut self, line: Line<'_>) -> bool {
        if let Form::Rejected(reason) = line.form {
            return self.reject(line, reason);
        }
        let Counter { secret, reader, tally, visitors, orders, sites, ids, outcomes, .. } = self;
        let read = match reader.read(line.text, line.and_after) {
            Ok(read) => read,
            Err(reason) => return self.reject(line, reason),
        };
        let source = read.source(line.and_after);
        let mut valid = ValidLine {
            line: source,
            read,
            secret: *secret,
            tally,
            visitors,
            orders,
            sites,
            ids,
            is_refused: false,
            refused: Vec::new(),
        };
        let outcome;
        // Nearly every line is one event.
        if let ([event], true) = (&read.events[..], read.elements.is_empty() && read.own.is_none())
        {
            outcome = valid.count_event(event, 0, false);
            outcomes.events += u64::from(outcome == Outcome::Counted);
            outcomes.add_line(outcome);
        } else {
            let events = valid.count_events();
            outcomes.events +=
                if read.is_together() { events.counted.min(1) } else { events.counted };
            outcome = events.of_line();
            if read.elements.is_empty() {
                outcomes.add_line(outcome);
            } else {
                outcomes.lines += events.counted + events.ignored + events.duplicate;
                outcomes.counted += events.counted;
                outcomes.ignored += events.ignored;
                outcomes.duplicate += events.duplicate;
            }
        }
        if !read.notes.is_empty() {
            outcomes.notes.add(read, source);
        }
        let has_elements = !read.elements.is_empty();
        let has_rejected = read.elements.len() > read.events.len();
        let refused = valid.refused;
        if outcome == Outcome::Refused && !has_elements {
            self.reject(line, Reason::TooManySites);
        } else if has_rejected || !refused.is_empty() {
            self.reject_elements(line, &refused);
        }
        true
    }

    #[inline(never)]
    fn reject(&mut self, line: Line<'_>, reason: Reason) -> bool {
        if line.form == Form::Line && !reason.is_of_object() {
            return false;
        }
        self.outcomes.lines += 1;
        *self.outcomes.rejected.entry(reason).or_default() += 1;
        write_rejected(line, None, self.reader.rejection(reason), &mut self.rejected);
        true
    }

    /// Rejects the bad elements of the line that was read last, and those of these places among the
    /// good ones.
    #[inline(never)]
    fn reject_elements(&mut self, line: Line<'_>, refused: &[usize]) {
        // Where the object begins; the elements have a number instead.
        let blank = line.text.len() - line.text.trim_ascii_start().len();
        let offset = line.offset() + blank as u64;
        let read = self.reader.last();
        let too_many_sites = Rejection { reason: Reason::TooManySites, time: None };
        let mut place = 0;
        for (number, element) in (1..).zip(&read.elements) {
            let mut rejected = element.rejected;
            if rejected.is_none() {
                rejected = refused.contains(&place).then_some(too_many_sites);
                place += 1;
            }
            if let Some(rejection) = rejected {
                self.outcomes.lines += 1;
                *self.outcomes.rejected.entry(rejection.reason).or_default() += 1;
                let text = read.source(line.text).get(element.value.whole()).unwrap_or_default();
                let end_offset = offset + text.len() as u64;
                let element = Line { text, and_after: text, end_offset, ..line };
                write_rejected(element, Some(number), rejection, &mut self.rejected);
            }
        }
    }
}

/// A valid line, and what it changes.
struct ValidLine<'a> {
    /// The line and the bytes after it.
    line: &'a [u8],
    read: &'a ReadLine,
    secret: VisitorSecret,
    tally: &'a mut Tally,
    visitors: &'a mut VisitorCollector,
    orders: &'a mut Orders,
    sites: &'a mut SiteCache,
    ids: &'a mut SeenIds,
    /// Whether its events are one, of which a part is of a refused site.
    is_refused: bool,
    /// The places of the events that are refused.
    refused: Vec<usize>,
}

impl ValidLine<'_> {
    #[inline(never)]
    fn count_events(&mut self) -> EventOutcomes {
        let own_id = self.read.own.map(|own| self.id_hash(own.site, own.id));
        self.is_refused = self.read.is_together() && self.is_any_refused();
        let Some(own_id) = own_id else {
            return self.count_each(self.read.is_together() && self.was_any_seen());
        };
        if self.ids.contains(own_id) {
            // Nothing of this line is counted or remembered.
            return self.count_each(true);
        }
        let outcomes = self.count_each(false);
        if outcomes.of_line() != Outcome::Ignored {
            self.ids.insert(own_id);
        }
        outcomes
    }

    /// Whether the id of an event was seen that would add something.
    fn was_any_seen(&self) -> bool {
        let mut additions_start = 0;
        self.read.events.iter().any(|event| {
            let adds = event.additions_end > additions_start || event.order.is_some();
            additions_start = event.additions_end;
            adds && event.id.is_some_and(|id| self.ids.contains(self.id_hash(event.site, id)))
        })
    }

    /// Whether an event is of a refused site that would add something.
    fn is_any_refused(&self) -> bool {
        if self.sites.refused.is_empty() {
            return false;
        }
        let mut additions_start = 0;
        self.read.events.iter().any(|event| {
            let adds = event.additions_end > additions_start || event.order.is_some();
            additions_start = event.additions_end;
            adds && self.sites.refused.contains(site_text(self.line, self.read, event.site))
        })
    }

    fn count_each(&mut self, were_seen: bool) -> EventOutcomes {
        let mut outcomes = EventOutcomes::default();
        let mut additions_start = 0;
        let read = self.read;
        for (place, event) in read.events.iter().enumerate() {
            let outcome = self.count_event(event, additions_start, were_seen);
            additions_start = event.additions_end;
            match outcome {
                Outcome::Counted => outcomes.counted += 1,
                Outcome::Ignored => outcomes.ignored += 1,
                Outcome::Duplicate => outcomes.duplicate += 1,
                Outcome::Refused => {
                    outcomes.refused += 1;
                    self.refused.push(place);
                }
            }
        }
        outcomes
    }

    #[inline]
    fn count_event(
        &mut self,
        event: &ReadEvent,
        additions_start: usize,
        was_seen: bool,
    ) -> Outcome {
        let additions = &self.read.additions[additions_start..event.additions_end];
        if additions.is_empty() && event.order.is_none() {
            return Outcome::Ignored;
        }
        if was_seen {
            return Outcome::Duplicate;
        }
        if let Some(id) = event.id
            && !self.ids.insert(self.id_hash(event.site, id))
        {
            return Outcome::Duplicate;
        }
        let (line, read, secret) = (self.line, self.read, self.secret);
        let site = self.sites.number(site_text(line, read, event.site), self.tally);
        let Some(site) = site.filter(|_| !self.is_refused) else {
            return Outcome::Refused;
        };
        let id_hash = |id| IdHash::of(secret, read.text(line, id));
        self.visitors.add(
            site,
            event.minute,
            event.customer.map(id_hash),
            event.session.map(id_hash),
            event.stage,
        );
        let mut known_key = None;
        for addition in additions {
            // A purchase adds units and sales under the same key.
            let key = match known_key {
                Some((text, key)) if text == addition.key => key,
                _ => self.tally.key(read.text_and_after(line, addition.key), addition.key.length()),
            };
            known_key = Some((addition.key, key));
            match addition.value {
                Value::One => self.tally.add_one(site, addition.measure, event.minute, key),
                Value::Millionths(value) => {
                    self.tally.add_millionths(site, addition.measure, event.minute, key, value);
                }
                Value::Exact(amount) => {
                    self.tally.add_amount(site, addition.measure, event.minute, key, amount)
                }
            }
        }
        if let Some(order) = event.order {
            self.add_order(event, order);
        }
        Outcome::Counted
    }

    #[cold]
    fn add_order(&mut self, event: &ReadEvent, order: u32) {
        let (line, read) = (self.line, self.read);
        let Some(order) = read.orders.get(order as usize) else {
            return;
        };
        // The reader accepts only UTF-8.
        let (site, id) = (site_text(line, read, event.site), read.text(line, order.id));
        self.orders.add_utf8(site, id, order.facts.take());
    }

    fn id_hash(&self, site: Option<Text>, id: Text) -> u128 {
        self.ids.hash(site_text(self.line, self.read, site), self.read.text(self.line, id))
    }
}

/// The first minute that is kept at the reference time.
fn first_kept(inputs: &PlanInputs) -> Minute {
    let kept = TimeDelta::days(i64::from(inputs.minute_retention_days));
    if kept.is_zero() {
        return Minute::EPOCH;
    }
    // Retention is measured from the end of a minute, so the minute that contains this time is the
    // first one kept.
    inputs
        .reference_time
        .checked_sub_signed(kept)
        .and_then(Minute::containing)
        .unwrap_or(Minute::EPOCH)
}

#[inline]
fn site_text<'a>(line: &'a [u8], read: &'a ReadLine, site: Option<Text>) -> &'a [u8] {
    match site {
        Some(site) => read.text(line, site),
        None => DEFAULT_SITE.as_bytes(),
    }
}

/// A cache of the site of the last event, which is usually that of the next one.
#[derive(Default)]
struct SiteCache {
    /// Empty before the first: no site is.
    last: Vec<u8>,
    number: Option<SiteNumber>,
    refused: Arc<BTreeSet<Vec<u8>>>,
}

impl SiteCache {
    /// The number of a site; `None` if it is refused.
    #[inline]
    fn number(&mut self, site: &[u8], tally: &mut Tally) -> Option<SiteNumber> {
        if self.last != site {
            self.number = (!self.refused.contains(site)).then(|| tally.site(site));
            self.last.clear();
            self.last.extend_from_slice(site);
        }
        self.number
    }
}
