//! Who was there: customers and sessions, kept by their ids, so that how many different ones there
//! were is exact.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::calendar::{Granularity, Period};
use crate::count::names::{Name, Names};

/// Who had counted events, by site and minute.
///
/// **Shape**: every id is kept once; a minute holds the numbers of its ids, some ten bytes each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visitors {
    ids: Names,
    sites: BTreeMap<String, BTreeMap<i64, Present>>,
}

/// Who was there in a minute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Present {
    users: BTreeSet<Name>,
    sessions: BTreeSet<Name>,
    /// Those that had an event of each stage after viewing.
    stages: [(BTreeSet<Name>, BTreeSet<Name>); 3],
    /// Whether of some nobody knows what stage they reached.
    lacks_stages: bool,
}

/// How far the visitor of an event got with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reached {
    /// The build that counted the event did not count by stage.
    Unknown,
    /// No further than all visitors.
    #[default]
    Viewed,
    /// Something went into a cart.
    Carted,
    /// A checkout began.
    BeganCheckout,
    /// Something was bought.
    Bought,
}

impl Reached {
    /// The names of the stages after viewing, in their order.
    pub const STAGES: [&str; 3] = ["carted", "began_checkout", "bought"];

    fn place(self) -> Option<usize> {
        match self {
            Self::Unknown | Self::Viewed => None,
            Self::Carted => Some(0),
            Self::BeganCheckout => Some(1),
            Self::Bought => Some(2),
        }
    }
}

/// How many different ids there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Distinct {
    /// Customers.
    pub users: u64,
    /// Sessions.
    pub sessions: u64,
}

/// The different ids of a span of time, in no particular order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VisitorIds<'a> {
    /// Customers.
    pub users: Vec<&'a str>,
    /// Sessions.
    pub sessions: Vec<&'a str>,
    /// The customers and the sessions that had an event of each stage, as [`Reached::STAGES`].
    pub stages: [(Vec<&'a str>, Vec<&'a str>); 3],
    /// Whether of some nobody knows what stage they reached.
    pub lacks_stages: bool,
}

impl VisitorIds<'_> {
    /// Whether nobody was there.
    pub fn are_of_nobody(&self) -> bool {
        self.users.is_empty() && self.sessions.is_empty()
    }

    /// How many reached each stage, by an event of it or of a later one; all have viewed.
    pub fn funnel(&self) -> [Distinct; 4] {
        let count = |ids: BTreeSet<&str>| ids.len() as u64;
        let all = Distinct { users: self.users.len() as u64, sessions: self.sessions.len() as u64 };
        let from = |stage: usize| {
            let later = || self.stages[stage..].iter();
            Distinct {
                users: count(later().flat_map(|(users, _)| users.iter().copied()).collect()),
                sessions: count(later().flat_map(|(_, it)| it.iter().copied()).collect()),
            }
        };
        [all, from(0), from(1), from(2)]
    }
}

impl Visitors {
    /// Adds whom an event of a minute (counted since 1970) is of; it may be of nobody.
    pub fn add(
        &mut self,
        site: &str,
        minute: i64,
        customer: Option<&str>,
        session: Option<&str>,
        reached: Reached,
    ) {
        if customer.is_none() && session.is_none() {
            return;
        }
        let [customer, session] = [customer, session].map(|id| id.map(|id| self.ids.name(id)));
        let present = self.minutes_mut(site).entry(minute).or_default();
        present.users.extend(customer);
        present.sessions.extend(session);
        present.lacks_stages |= reached == Reached::Unknown;
        if let Some(place) = reached.place() {
            let (users, sessions) = &mut present.stages[place];
            users.extend(customer);
            sessions.extend(session);
        }
    }

    /// Adds all visitors of another chunk.
    pub fn merge(&mut self, other: &Self) {
        let names: Vec<Name> = other.ids.texts().iter().map(|text| self.ids.name(text)).collect();
        let here =
            |ids: &BTreeSet<Name>| ids.iter().map(|id| names[*id as usize]).collect::<Vec<Name>>();
        for (site, minutes) in &other.sites {
            for (minute, present) in minutes {
                let merged = self.minutes_mut(site).entry(*minute).or_default();
                merged.users.extend(here(&present.users));
                merged.sessions.extend(here(&present.sessions));
                merged.lacks_stages |= present.lacks_stages;
                for (merged, (users, sessions)) in merged.stages.iter_mut().zip(&present.stages) {
                    merged.0.extend(here(users));
                    merged.1.extend(here(sessions));
                }
            }
        }
    }

    /// How many different ones a site had in these minutes, counted since 1970.
    pub fn distinct(&self, site: &str, minutes: Range<i64>) -> Distinct {
        let ids = self.ids(site, minutes);
        Distinct { users: ids.users.len() as u64, sessions: ids.sessions.len() as u64 }
    }

    /// Which different ones a site had in these minutes, counted since 1970.
    pub fn ids(&self, site: &str, minutes: Range<i64>) -> VisitorIds<'_> {
        let minutes = self.sites.get(site).map(|all| all.range(minutes));
        self.different(minutes.into_iter().flatten().map(|(_, present)| present))
    }

    /// Every period of a granularity in which anybody was at a site, each with who it was;
    /// ascending by site and time.
    pub fn by_period(
        &self,
        granularity: Granularity,
    ) -> impl Iterator<Item = (&str, Period, VisitorIds<'_>)> {
        self.sites.iter().flat_map(move |(site, minutes)| {
            let mut minutes = minutes.iter().peekable();
            std::iter::from_fn(move || {
                let period = Period::containing(granularity, *minutes.peek()?.0);
                let end = period.end_minute();
                let within = std::iter::from_fn(|| minutes.next_if(|(minute, _)| **minute < end));
                Some((site.as_str(), period, self.different(within.map(|(_, present)| present))))
            })
        })
    }

    fn different<'a>(&self, minutes: impl Iterator<Item = &'a Present>) -> VisitorIds<'_> {
        let (mut users, mut sessions) = (Vec::new(), Vec::new());
        let mut stages = [const { (Vec::new(), Vec::new()) }; 3];
        let mut lacks_stages = false;
        for present in minutes {
            users.extend(&present.users);
            sessions.extend(&present.sessions);
            lacks_stages |= present.lacks_stages;
            for (all, (users, sessions)) in stages.iter_mut().zip(&present.stages) {
                all.0.extend(users);
                all.1.extend(sessions);
            }
        }
        let texts = |mut names: Vec<Name>| {
            names.sort_unstable();
            names.dedup();
            names.into_iter().map(|name| self.ids.text(name)).collect()
        };
        let stages = stages.map(|(users, sessions)| (texts(users), texts(sessions)));
        VisitorIds { users: texts(users), sessions: texts(sessions), stages, lacks_stages }
    }

    fn minutes_mut(&mut self, site: &str) -> &mut BTreeMap<i64, Present> {
        // A site is there already, but for its first event.
        if !self.sites.contains_key(site) {
            self.sites.insert(site.to_owned(), BTreeMap::new());
        }
        self.sites.get_mut(site).expect("it is there, or was inserted just now")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visitors(events: &[(&str, i64, Option<&str>, Option<&str>)]) -> Visitors {
        let mut visitors = Visitors::default();
        for (site, minute, customer, session) in events {
            visitors.add(site, *minute, *customer, *session, Reached::Viewed);
        }
        visitors
    }

    fn counts(visitors: &Visitors, site: &str, minutes: Range<i64>) -> (u64, u64) {
        let Distinct { users, sessions } = visitors.distinct(site, minutes);
        (users, sessions)
    }

    /// Two minutes of an hour, one of the next day, and another site.
    fn some() -> Visitors {
        visitors(&[
            ("s", 0, Some("a"), Some("1")),
            ("s", 0, Some("a"), Some("2")),
            ("s", 59, Some("b"), None),
            ("s", 59, Some("a"), Some("1")),
            ("s", 1440, None, Some("a")),
            ("t", 0, Some("a"), None),
            ("u", 0, None, None),
        ])
    }

    #[test]
    fn an_id_is_counted_once_in_a_window_and_once_a_site() {
        let visitors = some();
        assert_eq!(counts(&visitors, "s", 0..1), (1, 2));
        assert_eq!(counts(&visitors, "s", 59..60), (2, 1));
        assert_eq!(counts(&visitors, "s", 0..60), (2, 2));
        assert_eq!(counts(&visitors, "s", 0..1441), (2, 3));
        assert_eq!(counts(&visitors, "s", 1..59), (0, 0));
        assert_eq!(counts(&visitors, "t", 0..1441), (1, 0));
        assert_eq!(
            (counts(&visitors, "u", 0..1441), counts(&visitors, "v", 0..1)),
            ((0, 0), (0, 0))
        );
        assert_eq!(
            visitors.ids("s", 0..60),
            VisitorIds { users: vec!["a", "b"], sessions: vec!["1", "2"], ..VisitorIds::default() }
        );
    }

    #[test]
    fn a_stage_is_reached_by_an_event_of_it_or_of_a_later_one() {
        let mut visitors = Visitors::default();
        for (minute, customer, session, reached) in [
            (0, "a", None, Reached::Viewed),
            (0, "b", Some("1"), Reached::Carted),
            (1, "b", Some("2"), Reached::BeganCheckout),
            (2, "c", None, Reached::Bought),
        ] {
            visitors.add("s", minute, Some(customer), session, reached);
        }
        let mut merged = some();
        merged.merge(&visitors);
        let funnel = |minutes| merged.ids("s", minutes).funnel().map(|it| (it.users, it.sessions));
        assert_eq!(funnel(0..3), [(3, 2), (2, 2), (2, 1), (1, 0)]);
        assert_eq!(funnel(1..3), [(2, 1), (2, 1), (2, 1), (1, 0)]);
        assert!(!merged.ids("s", 0..3).lacks_stages);
        merged.add("s", 2, Some("d"), None, Reached::Unknown);
        assert!(merged.ids("s", 0..3).lacks_stages && !merged.ids("s", 0..2).lacks_stages);
    }

    #[test]
    fn periods_are_those_in_which_somebody_was_there() {
        let visitors = some();
        let by_period = |granularity| {
            let periods = visitors.by_period(granularity).map(|(site, period, ids)| {
                format!("{site} {period} {} {}", ids.users.join("+"), ids.sessions.join("+"))
            });
            periods.collect::<Vec<_>>()
        };
        assert_eq!(
            by_period(Granularity::Hour),
            ["s 1970-01-01T00 a+b 1+2", "s 1970-01-02T00  a", "t 1970-01-01T00 a "]
        );
        assert_eq!(by_period(Granularity::Month), ["s 1970-01 a+b a+1+2", "t 1970-01 a "]);
        assert_eq!(by_period(Granularity::Minute).len(), 4);
    }

    #[test]
    fn chunks_are_merged_whatever_numbers_their_ids_have() {
        let mut merged = visitors(&[("s", 0, Some("b"), None), ("t", 7, Some("c"), Some("d"))]);
        merged.merge(&some());
        merged.merge(&some());
        assert_eq!(counts(&merged, "s", 0..1), (2, 2));
        assert_eq!(counts(&merged, "s", 0..1441), (2, 3));
        assert_eq!(counts(&merged, "t", 0..8), (2, 1));
        for granularity in Granularity::ALL {
            for (site, period, ids) in merged.by_period(granularity) {
                let minutes = period.first_minute()..period.end_minute();
                assert_eq!(ids, merged.ids(site, minutes), "{site} {period}");
            }
        }
    }
}
