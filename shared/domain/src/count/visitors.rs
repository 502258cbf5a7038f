//! The visitors and sessions in the events of a chunk, by site and minute.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;
use xxhash_rust::xxh3::Xxh3Builder;

use crate::count::sketch::{GrowingSketch, IdHash, Sketch};
use crate::count::stages::{Stage, StageVisitors, Stages};
use crate::count::tally::SiteNumber;
use crate::hash_seed::HashSeed;
use crate::time::period::Period;
use crate::time::{Hour, Minute, QuartersBySite};

/// The visitors of a site in a period.
#[derive(Clone, Default, Debug)]
pub struct Visitors {
    /// The visitors: customers, by id.
    pub visitors: Sketch,
    /// The sessions.
    pub sessions: Sketch,
    /// Those of them that got further than viewing.
    pub stages: Stages,
}

/// The numbers of visitors and sessions: exact up to about 1,500, beyond that with the error of
/// [`crate::count::sketch::LG_K`].
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct VisitorCounts {
    /// Visitors.
    pub visitors: u64,
    /// Sessions.
    pub sessions: u64,
}

/// The visitors of a chunk.
///
/// **Shape**: by minute, or by quarter or hour if the minute is no longer kept.
#[derive(Clone, Debug, Default)]
pub struct ChunkVisitors {
    groups: BTreeMap<(String, Period), Visitors>,
    /// Those of its hours that have rows of their quarters.
    quarter_hours: BTreeMap<String, BTreeSet<Hour>>,
}

impl Visitors {
    /// Adds the visitors of another period.
    pub fn merge(&mut self, other: &Visitors) {
        self.visitors.merge(&other.visitors);
        self.sessions.merge(&other.sessions);
        self.stages.merge(&other.stages);
    }

    /// The numbers of visitors and sessions.
    pub fn counts(&self) -> VisitorCounts {
        VisitorCounts { visitors: self.visitors.estimate(), sessions: self.sessions.estimate() }
    }

    /// The numbers of those that reached each stage: all that viewed, and those with an event of
    /// the stage or of a later one, ascending by stage.
    ///
    /// **Shape**: no number is greater than the one before: an estimate that is, by the error of
    /// sketches, is cut.
    pub fn funnel(&self) -> [VisitorCounts; Stage::ALL.len() + 1] {
        let mut funnel = [self.counts(); Stage::ALL.len() + 1];
        let mut reached = StageVisitors::default();
        for stage in Stage::ALL.into_iter().rev() {
            if let Some(of_stage) = self.stages.of(stage) {
                reached.merge(of_stage);
            }
            funnel[stage.index() + 1] = VisitorCounts {
                visitors: reached.visitors.estimate(),
                sessions: reached.sessions.estimate(),
            };
        }
        for place in 1..funnel.len() {
            let before = funnel[place - 1];
            let counts = &mut funnel[place];
            counts.visitors = counts.visitors.min(before.visitors);
            counts.sessions = counts.sessions.min(before.sessions);
        }
        funnel
    }
}

impl ChunkVisitors {
    /// The minutes that are still kept, each with its site and visitors, ascending.
    pub fn minutes(&self) -> impl Iterator<Item = (&str, Minute, &Visitors)> {
        self.groups.iter().filter_map(|((site, period), visitors)| match period {
            Period::Minute(minute) => Some((site.as_str(), *minute, visitors)),
            _ => None,
        })
    }

    /// The visitors of the hours (of a site) for which `is_wanted` holds, by quarter if the hour has
    /// rows of them, and by hour, day, week and month, ascending.
    pub fn rolled_up(
        &self,
        is_wanted: impl Fn(&str, Hour) -> bool,
    ) -> BTreeMap<(&str, Period), Visitors> {
        let mut rolled_up: BTreeMap<(&str, Period), Visitors> = BTreeMap::new();
        for ((site, period), visitors) in &self.groups {
            let minute = period.first_minute();
            if is_wanted(site, minute.hour()) {
                let has_quarters = self.has_quarters(site, minute.hour());
                for period in Period::above(minute, has_quarters) {
                    rolled_up.entry((site, period)).or_default().merge(visitors);
                }
            }
        }
        rolled_up
    }

    fn has_quarters(&self, site: &str, hour: Hour) -> bool {
        self.quarter_hours.get(site).is_some_and(|hours| hours.contains(&hour))
    }

    /// Lets an hour have rows of its quarters.
    pub fn set_quarters(&mut self, site: &str, hour: Hour) {
        self.quarter_hours.entry(site.to_string()).or_default().insert(hour);
    }

    /// The sites with a minute of each of their periods.
    pub(crate) fn minutes_of_sites(&self) -> impl Iterator<Item = (&str, Minute)> {
        self.groups.keys().map(|(site, period)| (site.as_str(), period.first_minute()))
    }

    /// Keeps only the visitors of the sites for which `is_kept` holds.
    pub fn retain_sites(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.groups.retain(|(site, _), _| is_kept(site));
    }

    /// Adds visitors of a minute.
    pub fn merge(&mut self, site: &str, minute: Minute, visitors: &Visitors) {
        self.groups.entry((site.to_string(), Period::Minute(minute))).or_default().merge(visitors);
    }

    /// The sketches of visitors and of sessions of each of its periods, and those by stage, as they
    /// are stored.
    pub(crate) fn sketches(&self) -> impl Iterator<Item = (&(String, Period), Vec<Vec<u8>>)> {
        self.groups.iter().map(|(group, Visitors { visitors, sessions, stages })| {
            let bytes = |sketch: Option<&Sketch>| sketch.map(Sketch::to_bytes).unwrap_or_default();
            let mut all = vec![bytes(Some(visitors)), bytes(Some(sessions))];
            for stage in Stage::ALL {
                let of_stage = stages.of(stage);
                all.push(bytes(of_stage.map(|it| &it.visitors)));
                all.push(bytes(of_stage.map(|it| &it.sessions)));
            }
            (group, all)
        })
    }

    /// Whether there are no visitors.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

/// Collects the visitors of a chunk while it is read.
///
/// **Shape**: the hashes of a minute are buffered until they take as much memory as a sketch, which
/// is 16 KiB. So a chunk takes 16 bytes per event, or about 64 KiB per minute and each stage that
/// somebody got to in it, whichever is less.
pub(crate) struct VisitorCollector {
    /// Visitors of earlier minutes are collected by hour or quarter.
    minutes_from: Minute,
    /// Whether they are counted by stage.
    has_stages: bool,
    quarters: Arc<QuartersBySite>,
    /// The last hour of which a minute was earlier, and whether it has quarters at any site.
    last_hour: Option<(Hour, bool)>,
    places: Vec<Place>,
    by_name: HashMap<PlaceName, usize, Xxh3Builder>,
    /// A cache of the last places used; neighbouring minutes have different cache entries.
    recent_places: [Option<(PlaceName, usize)>; RECENT_PLACES],
    recent_visitors: RecentIds,
    recent_sessions: RecentIds,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct PlaceName {
    site: u32,
    /// The first minute of the span.
    minute: Minute,
    span: Span,
}

/// What the visitors of a place are collected by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Span {
    Minute,
    Quarter,
    Hour,
}

const RECENT_PLACES: usize = 64;

impl PlaceName {
    #[inline]
    fn recent_place(self) -> usize {
        self.minute.number() as usize % RECENT_PLACES
    }
}

#[derive(Default)]
struct Place {
    visitors: Ids,
    sessions: Ids,
    /// Of most minutes of most sites nobody is there but viewers.
    stages: Option<Box<[StageIds; Stage::ALL.len()]>>,
}

/// The ids that had an event of a stage.
#[derive(Default)]
struct StageIds {
    visitors: Ids,
    sessions: Ids,
}

/// A set of ids while it grows.
#[derive(Default)]
struct Ids {
    waiting: Vec<IdHash>,
    sketch: Option<Box<GrowingSketch>>,
}

/// The maximum number of buffered hashes: 16 KiB, as much as the sketch that they are added to.
const WAITING_MAX: usize = 2_048;

impl Ids {
    #[inline]
    fn push(&mut self, id: IdHash) {
        if self.waiting.len() == WAITING_MAX {
            self.make_room();
        }
        self.waiting.push(id);
    }

    #[cold]
    fn make_room(&mut self) {
        let sketch = self.sketch.get_or_insert_with(|| Box::new(GrowingSketch::new()));
        self.waiting.drain(..).for_each(|id| sketch.add(id));
    }

    fn finish(mut self) -> Sketch {
        self.make_room();
        self.sketch.map_or_else(Sketch::new, |sketch| sketch.finish())
    }
}

/// A cache of the ids that were added last, each with its place. Most customers have many events in
/// a minute, and a look into the cache takes a tenth of the time of adding an id again.
struct RecentIds(Vec<u64>);

/// A power of two; 32 KiB of hashes fit into a first or second level cache.
const RECENT_IDS: usize = 4_096;

impl RecentIds {
    fn new() -> RecentIds {
        RecentIds(vec![0; RECENT_IDS])
    }

    /// Whether the id is not cached for this place; afterwards it is.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower bits of a hash")]
    fn is_new(&mut self, place: usize, id: IdHash) -> bool {
        // Two ids, or one id at two places, collide with the probability of any two 64-bit hashes.
        let named = id.0 ^ (place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let known = &mut self.0[named as usize % RECENT_IDS];
        std::mem::replace(known, named) != named
    }
}

impl Place {
    fn finish(self, has_stages: bool) -> Visitors {
        let mut stages = Stages::of_nobody(has_stages);
        for (stage, ids) in Stage::ALL.into_iter().zip(self.stages.into_iter().flat_map(|it| *it)) {
            let StageIds { visitors, sessions } = ids;
            let (visitors, sessions) = (visitors.finish(), sessions.finish());
            if !visitors.is_empty() || !sessions.is_empty() {
                *stages.of_mut(stage) = StageVisitors { visitors, sessions };
            }
        }
        Visitors { visitors: self.visitors.finish(), sessions: self.sessions.finish(), stages }
    }
}

impl VisitorCollector {
    pub(crate) fn new(
        minutes_from: Minute,
        has_stages: bool,
        quarters: Arc<QuartersBySite>,
        seed: HashSeed,
    ) -> VisitorCollector {
        VisitorCollector {
            minutes_from,
            has_stages,
            quarters,
            last_hour: None,
            places: vec![],
            by_name: HashMap::with_hasher(seed.hashers()),
            recent_places: [None; RECENT_PLACES],
            recent_visitors: RecentIds::new(),
            recent_sessions: RecentIds::new(),
        }
    }

    /// Adds the visitor and the session of an event of this stage.
    #[inline]
    pub(crate) fn add(
        &mut self,
        site: SiteNumber,
        minute: Minute,
        visitor: Option<IdHash>,
        session: Option<IdHash>,
        stage: Option<Stage>,
    ) {
        if visitor.is_none() && session.is_none() {
            return;
        }
        let name = match minute < self.minutes_from {
            false => PlaceName { site: site.0, minute, span: Span::Minute },
            true => self.name_of_earlier(site, minute),
        };
        let number = match self.recent_places[name.recent_place()] {
            Some((recent, number)) if recent == name => number,
            _ => self.find(name),
        };
        let place = &mut self.places[number];
        if let Some(visitor) = visitor
            && self.recent_visitors.is_new(number, visitor)
        {
            place.visitors.push(visitor);
        }
        if let Some(session) = session
            && self.recent_sessions.is_new(number, session)
        {
            place.sessions.push(session);
        }
        if let Some(stage) = stage
            && self.has_stages
        {
            let ids = &mut place.stages.get_or_insert_default()[stage.index()];
            visitor.into_iter().for_each(|visitor| ids.visitors.push(visitor));
            session.into_iter().for_each(|session| ids.sessions.push(session));
        }
    }

    fn name_of_earlier(&mut self, SiteNumber(site): SiteNumber, minute: Minute) -> PlaceName {
        let hour = minute.hour();
        let has_quarters = match self.last_hour {
            Some((last, has_quarters)) if last == hour => has_quarters,
            _ => self.quarters.contains_anywhere(hour),
        };
        self.last_hour = Some((hour, has_quarters));
        match has_quarters {
            true => {
                PlaceName { site, minute: minute.quarter().first_minute(), span: Span::Quarter }
            }
            false => PlaceName { site, minute: hour.first_minute(), span: Span::Hour },
        }
    }

    fn find(&mut self, name: PlaceName) -> usize {
        let place = *self.by_name.entry(name).or_insert_with(|| {
            self.places.push(Place::default());
            self.places.len() - 1
        });
        self.recent_places[name.recent_place()] = Some((name, place));
        place
    }

    /// Finishes the collection; `sites` are indexed by the site numbers.
    pub(crate) fn finish(self, sites: &[&str]) -> ChunkVisitors {
        let mut places: Vec<Option<Place>> = self.places.into_iter().map(Some).collect();
        let named = self
            .by_name
            .into_iter()
            .filter_map(|(name, place)| Some((name, places.get_mut(place)?.take()?)));
        let mut visitors = ChunkVisitors::default();
        for (PlaceName { site, minute, span }, place) in named {
            let (site, hour) = (sites[site as usize], minute.hour());
            let has_quarters = self.quarters.contains(site, hour);
            if has_quarters {
                visitors.set_quarters(site, hour);
            }
            let period = match span {
                Span::Minute => Period::Minute(minute),
                Span::Quarter if has_quarters => Period::Quarter(minute.quarter()),
                // It has quarters at another site.
                Span::Quarter | Span::Hour => Period::Hour(hour),
            };
            let of_place = place.finish(self.has_stages);
            match visitors.groups.entry((site.to_string(), period)) {
                Entry::Vacant(vacant) => {
                    vacant.insert(of_place);
                }
                Entry::Occupied(mut hour) => hour.get_mut().merge(&of_place),
            }
        }
        visitors
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::secret::VisitorSecret;
    use std::collections::{BTreeSet, HashSet};

    const SECRET: VisitorSecret = VisitorSecret::new(7);

    /// 2026-11-18T16:00Z.
    const FIRST_SECOND: i64 = 1_795_017_600;

    fn minute(number: i64) -> Minute {
        Minute::from_epoch_seconds(FIRST_SECOND + number * 60).expect("in range")
    }

    fn collect(
        minutes_from: i64,
        events: impl IntoIterator<Item = (u32, i64, u32, u32)>,
    ) -> ChunkVisitors {
        collect_with(QuartersBySite::default(), minutes_from, events)
    }

    fn collect_with(
        quarters: QuartersBySite,
        minutes_from: i64,
        events: impl IntoIterator<Item = (u32, i64, u32, u32)>,
    ) -> ChunkVisitors {
        let mut collector =
            VisitorCollector::new(minute(minutes_from), true, Arc::new(quarters), HashSeed::of(1));
        for (site, at, visitor, session) in events {
            let hash = |id: u32| Some(IdHash::of(SECRET, id.to_string().as_bytes()));
            collector.add(SiteNumber(site), minute(at), hash(visitor), hash(session), None);
        }
        collector.finish(&["a", "b"])
    }

    #[test]
    fn a_minute_counts_each_visitor_once() {
        let events = (0..20_000)
            .map(|number| (number % 2, i64::from(number % 3), number % 500, number % 1_400));
        let visitors = collect(0, events.clone());
        let counts: Vec<_> = visitors
            .minutes()
            .map(|(site, minute, visitors)| (site, minute, visitors.counts()))
            .collect();
        assert_eq!(counts.len(), 6);
        for (site, at, found) in counts {
            let of_minute = events
                .clone()
                .filter(|event| (["a", "b"][event.0 as usize], minute(event.1)) == (site, at));
            let expected_visitors: HashSet<u32> = of_minute.clone().map(|event| event.2).collect();
            let sessions: HashSet<u32> = of_minute.map(|event| event.3).collect();
            assert_eq!(
                (found.visitors, found.sessions),
                (expected_visitors.len() as u64, sessions.len() as u64)
            );
        }
    }

    #[test]
    fn a_full_buffer_goes_into_the_sketch() {
        let events = (0..30_000).map(|number| (0, 0, number % 10_000, number));
        let visitors = collect(0, events);
        let (_, _, visitors) = visitors.minutes().next().expect("a minute");
        let expected_visitors = Sketch::of(SECRET, (0..10_000).map(|visitor| visitor.to_string()));
        let sessions = Sketch::of(SECRET, (0..30_000).map(|session| session.to_string()));
        assert_eq!(
            visitors.counts(),
            VisitorCounts { visitors: expected_visitors.estimate(), sessions: sessions.estimate() }
        );
    }

    #[test]
    fn minutes_that_are_not_kept_are_collected_by_hour_and_rolled_up_with_the_others() {
        let visitors = collect(30, [(0, 0, 1, 1), (0, 29, 2, 1), (0, 30, 2, 2), (0, 60, 3, 3)]);
        let minutes: Vec<Minute> = visitors.minutes().map(|(_, minute, _)| minute).collect();
        assert_eq!(minutes, [minute(30), minute(60)]);
        let rolled_up = visitors.rolled_up(|_, hour| hour == minute(0).hour());
        let periods: BTreeSet<Period> = rolled_up.keys().map(|(_, period)| *period).collect();
        assert_eq!(periods, BTreeSet::from(Period::of_hour(minute(0).hour())));
        for visitors in rolled_up.values() {
            assert_eq!(visitors.counts(), VisitorCounts { visitors: 2, sessions: 2 });
        }
    }

    #[test]
    fn hours_with_quarters_are_rolled_up_by_quarter_whether_their_minutes_are_kept_or_not() {
        let mut quarters = QuartersBySite::default();
        // Its day begins at 18:30Z, in the third hour.
        quarters.push("a", minute(0).hour(), Some(chrono_tz::Tz::Asia__Kolkata));
        let at = [120, 134, 135, 149, 150, 179, 180];
        let events = at
            .iter()
            .flat_map(|at| [0, 1].map(|site| (site, *at, 7, u32::try_from(*at).expect("small"))));
        for minutes_from in [0, 151, 1_000] {
            let visitors = collect_with(quarters.clone(), minutes_from, events.clone());
            let rolled_up = visitors.rolled_up(|_, _| true);
            let sessions: Vec<(&str, i64, u64)> = rolled_up
                .iter()
                .filter_map(|((site, period), visitors)| match period {
                    Period::Quarter(quarter) => {
                        let minutes = (quarter.first_minute().epoch_seconds() - FIRST_SECOND) / 60;
                        Some((*site, minutes, visitors.counts().sessions))
                    }
                    _ => None,
                })
                .collect();
            let expected = [("a", 120, 2), ("a", 135, 2), ("a", 150, 1), ("a", 165, 1)];
            assert_eq!(sessions, expected, "minutes from {minutes_from}");
            let hour = |site| rolled_up[&(site, Period::Hour(minute(120).hour()))].counts();
            let counts = VisitorCounts { visitors: 1, sessions: 6 };
            assert_eq!((hour("a"), hour("b")), (counts, counts));
        }
    }

    /// The numbers of visitors and of sessions of each stage, and whether they are complete.
    fn funnel(visitors: &Visitors) -> (Vec<(u64, u64)>, bool) {
        let funnel = visitors.funnel().map(|counts| (counts.visitors, counts.sessions));
        (funnel.to_vec(), visitors.stages.are_complete)
    }

    #[test]
    fn a_stage_has_those_that_got_there_or_further() {
        let events = [
            (0, 1, None),
            (0, 2, Some(Stage::Carted)),
            (1, 2, Some(Stage::BeganCheckout)),
            (1, 3, Some(Stage::Bought)),
            (2, 3, Some(Stage::Bought)),
        ];
        for (has_stages, expected) in [
            (true, vec![(3, 3), (2, 2), (2, 2), (1, 1)]),
            (false, vec![(3, 3), (0, 0), (0, 0), (0, 0)]),
        ] {
            let mut collector =
                VisitorCollector::new(minute(1), has_stages, Arc::default(), HashSeed::of(1));
            for (at, id, stage) in events {
                let hash = IdHash::of(SECRET, &[id]);
                // Who has no session got as far without one.
                let session = (id != 3 || at == 2).then_some(hash);
                collector.add(SiteNumber(0), minute(at), Some(hash), session, stage);
            }
            let chunk = collector.finish(&["a"]);
            let rolled_up = chunk.rolled_up(|_, _| true);
            for visitors in rolled_up.values() {
                assert_eq!(funnel(visitors), (expected.clone(), has_stages));
            }
            let minutes: Vec<_> = chunk.minutes().map(|(_, _, it)| funnel(it).0[3]).collect();
            assert_eq!(minutes, if has_stages { [(1, 0), (1, 1)] } else { [(0, 0); 2] });
        }
    }

    #[test]
    fn stages_are_complete_if_all_that_was_merged_was() {
        let complete = Visitors::default();
        let mut former = Visitors::default();
        former.stages.are_complete = false;
        for (first, second, expected) in
            [(&complete, &complete, true), (&complete, &former, false), (&former, &complete, false)]
        {
            let mut merged = first.clone();
            merged.merge(second);
            assert_eq!(merged.stages.are_complete, expected);
        }
    }

    #[test]
    fn events_without_visitor_and_session_add_nothing() {
        let mut collector = VisitorCollector::new(minute(0), true, Arc::default(), HashSeed::of(1));
        collector.add(SiteNumber(0), minute(0), None, None, Some(Stage::Carted));
        assert!(collector.finish(&["a"]).is_empty());
    }
}
