//! Compares the visitors and sessions of the table with those of the recount.
//!
//! The table has sketches, which estimate the number of different ids. The recount has the ids
//! themselves. The comparison has two parts. A sketch depends on its ids alone, so the estimate of
//! the merged rows of a period must equal that of a sketch of the recounted ids, to the last bit.
//! And this estimate must be near the true number. If chunks are gone, rows may have their ids too:
//! merging a sketch of the recounted ids into them must change nothing.
//!
//! Those of the stages of the funnel are compared where rows say that all of their visitors are
//! counted by stage. A build from before there were stages has not, and takes that away from a row
//! that it writes.

use std::collections::{BTreeMap, BTreeSet};

use datasketches::hll::{HllSketch, HllType, HllUnion};
use minutebook_oracle::{Granularity, Period, VisitorIds, Visitors};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::proof::differences::Differences;
use crate::proof::gone::Leeway;
use crate::proof::hours::{SiteHour, above_the_minute};
use crate::rows::{SKETCHES, Sketches, VisitorRow, VisitorSecret, VisitorState};

/// The binary logarithm of the number of registers of a sketch.
const LG_K: u8 = 14;

/// The first byte of a stored sketch that is not compressed.
const PLAIN: u8 = 1;

/// The first byte of one that is compressed with zstd.
const COMPRESSED: u8 = 2;

/// The largest decompressed sketch, in bytes.
const DECOMPRESSED_BYTES_MAX: usize = 64 * 1024;

/// Up to this many ids, a sketch keeps the hash of each.
const EXACT_MAX: u64 = 1_000;

/// How many ids may be missing then, because their hashes of 32 bits collide with others. Three or
/// more collisions among a thousand ids have a probability of 3e-9.
const COLLISIONS_MAX: u64 = 2;

/// The largest relative error of an estimate beyond that: five standard errors of 1.04 /
/// sqrt(2^14), which one estimate in two million exceeds.
const ERROR_MAX: f64 = 5.0 * 1.04 / 128.0;

/// What the keys of stand-ins are derived for, from the seed of a secret.
const STAND_INS: &str = "minutebook 2026-11-28 stand-ins of the ids of visitors";

/// The visitors and sessions of the recount and of the table. Add those of all chunks, then all
/// rows of the table, then call [`judge`](Self::judge).
#[derive(Debug, Default)]
pub(crate) struct VisitorBooks {
    recounted: Visitors,
    /// The rows of each period of a site, by the number of their secret.
    found: BTreeMap<u32, BTreeMap<(String, Period), Vec<Sketches>>>,
    /// The seeds of the secrets, by number.
    seeds: BTreeMap<u32, u64>,
    state: VisitorState,
}

/// How much was compared, and what differs.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    /// How many numbers were compared.
    pub(crate) visitors: u64,
    pub(crate) differences: Differences,
}

/// How many of the sketches of a row are those of all visitors and sessions; the others are those
/// of stages.
const OF_ALL: usize = 2;

/// The rows of a period, merged.
#[derive(Debug)]
struct Merged {
    /// By attribute, as [`SKETCHES`].
    sketches: [HllUnion; SKETCHES.len()],
    is_by_stage: bool,
}

/// The sketches of a row.
#[derive(Debug)]
struct ReadRow {
    sketches: [Option<HllSketch>; SKETCHES.len()],
    is_by_stage: bool,
}

impl VisitorBooks {
    /// Adds the visitors and sessions of a chunk.
    pub(crate) fn add_recounted(&mut self, visitors: &Visitors) {
        self.recounted.merge(visitors);
    }

    /// Adds a row of the table.
    pub(crate) fn add_found(&mut self, row: VisitorRow) {
        let of_secret = self.found.entry(row.secret).or_default();
        of_secret.entry((row.site, row.period)).or_default().push(row.sketches);
    }

    /// Adds a secret.
    pub(crate) fn add_secret(&mut self, secret: VisitorSecret) {
        self.seeds.insert(secret.number, secret.seed);
    }

    /// Notes which secrets count.
    pub(crate) fn set_state(&mut self, state: VisitorState) {
        self.state = state;
    }

    /// Forgets all rows.
    pub(crate) fn forget_found(&mut self) {
        self.found.clear();
        self.seeds.clear();
        self.state = VisitorState::default();
    }

    /// Which secrets count.
    pub(crate) fn state(&self) -> VisitorState {
        self.state
    }

    /// The number of periods of sites that have rows of secrets that do not count any more.
    pub(crate) fn leftovers(&self) -> u64 {
        let counts = |number: u32| number == self.state.counting || Some(number) == self.state.also;
        let left = self.found.iter().filter(|(number, _)| !counts(**number));
        left.map(|(_, rows)| rows.len() as u64).sum()
    }

    fn seed_of(&self, number: u32) -> Option<u64> {
        let none = VisitorSecret::NONE;
        if number == none.number { Some(none.seed) } else { self.seeds.get(&number).copied() }
    }

    /// Compares the periods for which `is_compared` is true, in the rows of the secret that answers
    /// use. The visitors of the `waiting` hours
    /// may be in their minute rows only. Chunks that are gone may have added as many as the leeway
    /// has events.
    pub(crate) fn judge<'a>(
        self,
        waiting: impl IntoIterator<Item = &'a SiteHour>,
        leeway: Option<Leeway>,
        mut is_compared: impl FnMut(&str, Period) -> bool,
    ) -> Judged {
        let mut judged = Judged::default();
        let number = self.state.counting;
        let Some(seed) = self.seed_of(number) else {
            judged.differences.add(|| format!("the secret {number} of visitors does not exist"));
            return judged;
        };
        let rows_found = self.found.get(&number).into_iter().flatten();
        let mut found: BTreeMap<Granularity, BTreeMap<(&str, Period), Merged>> = BTreeMap::new();
        let mut oddities = BTreeSet::new();
        let waiting: BTreeSet<&SiteHour> = waiting.into_iter().collect();
        for ((site, period), rows) in rows_found {
            let mut periods = vec![*period];
            if period.granularity() == Granularity::Minute {
                let hour = Period::containing(Granularity::Hour, period.first_minute());
                if waiting.contains(&(site.clone(), hour)) {
                    periods.extend(above_the_minute(hour));
                    let quarter = Period::containing(Granularity::Quarter, period.first_minute());
                    periods.push(quarter);
                }
            }
            periods.retain(|period| is_compared(site, *period));
            if periods.is_empty() {
                continue;
            }
            for row in rows {
                let sketches = match ReadRow::read(row) {
                    Ok(sketches) => sketches,
                    Err(error) => {
                        oddities.insert(format!("{site} {period}: {error}"));
                        continue;
                    }
                };
                for period in &periods {
                    let merged =
                        found.entry(period.granularity()).or_default().entry((site, *period));
                    merged.or_insert_with(Merged::empty).merge(&sketches);
                }
            }
        }
        for oddity in oddities {
            judged.differences.add(|| oddity);
        }
        let more =
            |period| leeway.filter(|leeway| leeway.reaches(period)).map_or(0, |it| it.events);
        for granularity in Granularity::WITH_QUARTERS {
            let mut found = found.remove(&granularity).unwrap_or_default();
            for (site, period, ids) in self.recounted.by_period(granularity) {
                if is_compared(site, period) {
                    let found = found.remove(&(site, period)).unwrap_or_else(Merged::empty);
                    judged.compare(seed, (site, period), &ids, &found, more(period));
                }
            }
            for ((site, period), found) in found {
                let nobody = VisitorIds::default();
                judged.compare(seed, (site, period), &nobody, &found, more(period));
            }
        }
        judged
    }
}

impl Judged {
    fn compare(
        &mut self,
        seed: u64,
        (site, period): (&str, Period),
        ids: &VisitorIds<'_>,
        found: &Merged,
        more_max: u64,
    ) {
        let mut all_ids = vec![&ids.users, &ids.sessions];
        all_ids.extend(ids.stages.iter().flat_map(|(users, sessions)| [users, sessions]));
        // Builds before write the rows of minutes of their own chunks only.
        let is_minute = period.granularity() == Granularity::Minute;
        let should_be_by_stage = is_minute && !ids.lacks_stages && !ids.are_of_nobody();
        let is_odd = match found.is_by_stage {
            true => ids.lacks_stages,
            false => should_be_by_stage,
        };
        if is_odd && more_max == 0 {
            let (found, not) = if found.is_by_stage { ("", "not ") } else { ("not ", "") };
            self.differences.add(|| {
                format!(
                    "{site} {period}: its visitors are {found}counted by stage, but were {not}so"
                )
            });
        }
        let compared = if found.is_by_stage { SKETCHES.len() } else { OF_ALL };
        let all = SKETCHES.into_iter().zip(all_ids).zip(&found.sketches).take(compared);
        for ((measure, ids), found) in all {
            if ids.is_empty() && found.is_empty() {
                continue;
            }
            self.visitors += 1;
            // An id and its stand-in are one visitor.
            let hashes: BTreeSet<u64> = ids.iter().map(|id| visitor_hash(seed, id)).collect();
            let recounted = hashes.len() as u64;
            let sketch = sketch_of(&hashes);
            let expected = sketch.composite_estimate();
            let mut merged = found.clone();
            merged.update(&sketch);
            let found = found.composite_estimate();
            let has_exactly = found.to_bits() == expected.to_bits();
            let has_all = found.to_bits() == merged.composite_estimate().to_bits();
            let is_right = is_near(recounted, expected)
                && (has_exactly
                    || (more_max > 0 && has_all && is_at_most(recounted + more_max, found)));
            if !is_right {
                let granularity = period.granularity().name();
                self.differences.add(|| {
                    format!(
                        "{site} {measure} {granularity} {period}: recounted {recounted}, the table \
                         says {found:.0} where a sketch of them says {expected:.0}"
                    )
                });
            }
        }
    }
}

/// Whether an estimate is near enough to the number of ids.
#[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^53 ids in memory")]
fn is_near(ids: u64, estimate: f64) -> bool {
    let error = estimate.round() - ids as f64;
    if ids <= EXACT_MAX {
        (-(COLLISIONS_MAX as f64)..=0.0).contains(&error)
    } else {
        error.abs() <= ids as f64 * ERROR_MAX
    }
}

/// Whether an estimate can be one of at most so many ids.
#[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^53 ids")]
fn is_at_most(ids: u64, estimate: f64) -> bool {
    let error_max = if ids <= EXACT_MAX { 0.0 } else { ids as f64 * ERROR_MAX };
    estimate.round() <= ids as f64 + error_max
}

fn empty() -> HllUnion {
    HllUnion::new(LG_K).expect("the library accepts 4 to 21")
}

fn sketch_of(hashes: &BTreeSet<u64>) -> HllSketch {
    let mut sketch = HllSketch::new(LG_K, HllType::Hll8).expect("the library accepts 4 to 21");
    hashes.iter().for_each(|hash| sketch.update(*hash));
    sketch
}

/// The hash of an id of a visitor, or that in a stand-in of one: `~`, the hash, and a code that
/// only the secret can make.
fn visitor_hash(seed: u64, id: &str) -> u64 {
    let of_stand_in = || {
        let (hash, code) = id.strip_prefix('~')?.split_at_checked(16)?;
        let number = u64::from_str_radix(hash, 16).ok()?;
        let key = blake3::derive_key(STAND_INS, &seed.to_be_bytes());
        let right = blake3::keyed_hash(&key, &number.to_be_bytes()).to_hex();
        (hash == format!("{number:016x}") && code == &right[..16]).then_some(number)
    };
    of_stand_in().unwrap_or_else(|| xxh3_64_with_seed(id.as_bytes(), seed))
}

impl Merged {
    fn empty() -> Self {
        Self { sketches: std::array::from_fn(|_| empty()), is_by_stage: true }
    }

    fn merge(&mut self, row: &ReadRow) {
        self.is_by_stage &= row.is_by_stage;
        for (merged, sketch) in self.sketches.iter_mut().zip(&row.sketches) {
            if let Some(sketch) = sketch {
                merged.update(sketch);
            }
        }
    }
}

impl ReadRow {
    /// Reads the sketches of a row.
    ///
    /// # Errors
    /// A sketch cannot be read; the sentence says why.
    fn read(row: &Sketches) -> Result<Self, String> {
        let mut sketches = [const { None }; SKETCHES.len()];
        for (sketch, name) in sketches.iter_mut().zip(SKETCHES) {
            if let Some(bytes) = row.stored.get(name) {
                *sketch = Some(stored(bytes).map_err(|error| format!("its {name}: {error}"))?);
            }
        }
        Ok(Self { sketches, is_by_stage: row.is_by_stage })
    }
}

fn stored(bytes: &[u8]) -> Result<HllSketch, String> {
    let plain = match bytes.split_first() {
        Some((&PLAIN, plain)) => plain.to_vec(),
        Some((&COMPRESSED, compressed)) => {
            zstd::bulk::decompress(compressed, DECOMPRESSED_BYTES_MAX)
                .map_err(|error| error.to_string())?
        }
        _ => {
            return Err(format!(
                "a sketch of format {:?}, not {PLAIN} or {COMPRESSED}",
                bytes.first()
            ));
        }
    };
    let sketch = HllSketch::deserialize(&plain).map_err(|error| error.to_string())?;
    if sketch.lg_config_k() != LG_K {
        return Err(format!("a sketch of 2^{} registers, not 2^{LG_K}", sketch.lg_config_k()));
    }
    Ok(sketch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::hour_named;
    use minutebook_oracle::Reached;

    const HOUR: &str = "2026-11-20T23";

    /// The secret of all rows, unless a test says otherwise.
    const SECRET: VisitorSecret = VisitorSecret { number: 2, seed: 0x5eed };

    fn hour() -> Period {
        hour_named(HOUR).unwrap()
    }

    fn names(ids: std::ops::Range<u32>) -> Vec<String> {
        ids.map(|id| format!("user-{id}")).collect()
    }

    fn bytes(ids: &[String]) -> Option<Vec<u8>> {
        let hashes = ids.iter().map(|id| visitor_hash(SECRET.seed, id)).collect();
        Some([&[PLAIN], sketch_of(&hashes).serialize().as_slice()].concat())
    }

    /// The sketches of these visitors in one session, none of whom got further than viewing.
    fn sketches(visitors: Option<Vec<u8>>) -> Sketches {
        let sessions = bytes(&["1".to_owned()]);
        let all = [("visitors", visitors), ("sessions", sessions)];
        let stored = all.into_iter().filter_map(|(name, bytes)| Some((name, bytes?))).collect();
        Sketches { stored, is_by_stage: true }
    }

    /// A row with these visitors, all in one session.
    fn row(period: Period, ids: std::ops::Range<u32>) -> VisitorRow {
        let sketches = sketches(bytes(&names(ids)));
        VisitorRow { site: "shop".to_owned(), period, secret: SECRET.number, ttl: None, sketches }
    }

    fn minute(of_hour: i64) -> Period {
        Period::containing(Granularity::Minute, hour().first_minute() + of_hour)
    }

    /// Books in which these visitors had events in two minutes of the hour, half of them in both.
    fn books(ids: u32) -> VisitorBooks {
        let mut visitors = Visitors::default();
        for (place, name) in names(0..ids).iter().enumerate() {
            visitors.add("shop", minute(7).first_minute(), Some(name), Some("1"), Reached::Viewed);
            if place % 2 == 0 {
                visitors.add(
                    "shop",
                    minute(8).first_minute(),
                    Some(name),
                    Some("1"),
                    Reached::Viewed,
                );
            }
        }
        let mut books = VisitorBooks::default();
        books.add_recounted(&visitors);
        books.add_secret(SECRET);
        books.set_state(VisitorState { counting: SECRET.number, ..VisitorState::default() });
        books
    }

    /// The differences between so many visitors and these rows, at these granularities and all
    /// above.
    #[track_caller]
    fn check(
        ids: u32,
        rows: Vec<VisitorRow>,
        is_waiting: bool,
        from: Granularity,
        differences: &[&str],
    ) -> u64 {
        let mut books = books(ids);
        rows.into_iter().for_each(|row| books.add_found(row));
        let waiting = is_waiting.then(|| ("shop".to_owned(), hour()));
        // The site has no rows of quarters.
        let judged = books.judge(&waiting, None, |_, period| {
            period.granularity() >= from && period.granularity() != Granularity::Quarter
        });
        assert_eq!(judged.differences.first, differences);
        judged.visitors
    }

    fn above(ids: std::ops::Range<u32>) -> Vec<VisitorRow> {
        above_the_minute(hour()).map(|period| row(period, ids.clone())).into()
    }

    #[test]
    fn rows_of_a_period_are_merged() {
        for ids in [10, 1_000, 40_000] {
            let [third, half] = [ids / 3, ids / 2];
            let rows = [above(0..half), above(third..ids), above(0..1)].concat();
            assert_eq!(check(ids, rows, false, Granularity::Hour, &[]), 8, "{ids}");
        }
    }

    #[test]
    fn minutes_count_for_an_hour_that_waits_but_not_for_one_that_is_done() {
        let minutes = || vec![row(minute(7), 0..4), row(minute(7), 2..10), row(minute(9), 0..1)];
        check(10, minutes(), true, Granularity::Hour, &[]);
        let rows = [minutes(), above(0..9)].concat();
        check(10, rows.clone(), true, Granularity::Hour, &[]);
        check(
            10,
            rows,
            false,
            Granularity::Day,
            &[
                "shop visitors day 2026-11-20: recounted 10, the table says 9 where a sketch of them says 10",
                "shop visitors week 2026-W47: recounted 10, the table says 9 where a sketch of them says 10",
                "shop visitors month 2026-11: recounted 10, the table says 9 where a sketch of them says 10",
            ],
        );
    }

    #[test]
    fn reports_missing_and_surplus_visitors_at_every_granularity() {
        let even = |minute| {
            let even: Vec<String> = names(0..10).into_iter().step_by(2).collect();
            let sketches = sketches(bytes(&even));
            VisitorRow {
                site: "shop".to_owned(),
                period: minute,
                secret: SECRET.number,
                ttl: None,
                sketches,
            }
        };
        let minutes = [row(minute(7), 0..10), even(minute(8))];
        check(10, [minutes.to_vec(), above(0..10)].concat(), false, Granularity::Minute, &[]);
        let stranger =
            [above(0..10), vec![row(minute(7), 0..10), even(minute(8)), row(minute(9), 0..0)]]
                .concat();
        check(
            10,
            stranger,
            false,
            Granularity::Minute,
            &[
                "shop sessions minute 2026-11-20T23:09: recounted 0, the table says 1 where a sketch of them says 0",
            ],
        );
        check(
            10,
            [minutes.to_vec(), above(0..10)[1..].to_vec()].concat(),
            false,
            Granularity::Minute,
            &[
                "shop visitors hour 2026-11-20T23: recounted 10, the table says 0 where a sketch of them says 10",
                "shop sessions hour 2026-11-20T23: recounted 1, the table says 0 where a sketch of them says 1",
            ],
        );
    }

    #[test]
    fn reports_missing_ids_among_many() {
        // Estimates of that size differ from the true number, but depend on the ids alone.
        let judged = |found| {
            let mut books = books(20_000);
            books.add_found(row(hour(), 0..found));
            books.judge(&[], None, |_, period| period == hour()).differences.count
        };
        assert_eq!((judged(20_000), judged(19_000)), (0, 1));
    }

    #[test]
    fn only_rows_of_the_secret_that_counts_are_compared_and_hashed_with_its_seed() {
        let judged = |state: VisitorState, secret| {
            let mut books = books(10);
            books.set_state(state);
            let other = VisitorRow { secret: 7, ..row(hour(), 0..3) };
            books.add_found(other);
            books.add_found(VisitorRow { secret, ..row(hour(), 0..10) });
            let leftovers = books.leftovers();
            let judged = books.judge(&[], None, |_, period| period == hour());
            (judged.differences.first, leftovers)
        };
        let counting = |counting| VisitorState { counting, ..VisitorState::default() };
        assert_eq!(judged(counting(SECRET.number), SECRET.number), (vec![], 1));
        let state = VisitorState { also: Some(7), ..counting(SECRET.number) };
        assert_eq!(judged(state, SECRET.number), (vec![], 0));
        let (differences, _) = judged(counting(3), SECRET.number);
        assert_eq!(differences, ["the secret 3 of visitors does not exist"]);
        let hashed_with = |seed| {
            let mut books = books(20_000);
            books.add_secret(VisitorSecret { seed, ..SECRET });
            books.add_found(row(hour(), 0..20_000));
            books.judge(&[], None, |_, period| period == hour()).differences.count
        };
        assert_eq!((hashed_with(SECRET.seed), hashed_with(0)), (0, 1));
    }

    #[test]
    fn reports_bytes_that_are_not_a_sketch() {
        let broken = |visitors: Option<Vec<u8>>| {
            let sketches = sketches(visitors);
            VisitorRow {
                site: "shop".to_owned(),
                period: hour(),
                secret: SECRET.number,
                ttl: None,
                sketches,
            }
        };
        let mut books = books(1);
        let small = HllSketch::new(12, HllType::Hll8).unwrap().serialize();
        for bytes in [vec![], vec![2, 1], vec![1, 9], [vec![1], small].concat()] {
            books.add_found(broken(Some(bytes)));
        }
        books.add_found(row(hour(), 0..1));
        let judged = books.judge(&[], None, |_, period| period == hour());
        assert_eq!(judged.differences.first.len(), 4, "{:?}", judged.differences.first);
        assert!(
            judged.differences.first.iter().any(|line| line.contains("2^12 registers, not 2^14"))
        );
    }

    #[test]
    fn chunks_that_are_gone_may_have_added_visitors_and_hidden_none() {
        let last_second = hour().first_minute() * 60;
        let judged = |found: std::ops::Range<u32>, events, last_second| {
            let mut books = books(10);
            books.add_found(row(hour(), found));
            let leeway = Some(Leeway { last_second, events });
            books.judge(&[], leeway, |_, period| period == hour()).differences.count
        };
        assert_eq!(judged(0..13, 3, last_second), 0);
        assert_eq!(judged(0..14, 3, last_second), 1, "more than events");
        assert_eq!(judged(1..13, 3, last_second), 1, "one is missing");
        assert_eq!(judged(0..13, 3, last_second - 1), 1, "later than what is gone");
        let mut many = books(20_000);
        many.add_found(row(hour(), 0..30_000));
        let leeway = Some(Leeway { last_second, events: 10_000 });
        assert_eq!(many.judge(&[], leeway, |_, period| period == hour()).differences.count, 0);
    }

    /// The differences between ten visitors, three of whom reached a stage, and a row in which these
    /// have carted.
    fn judged_by_stage(
        reached: Reached,
        period: Period,
        carted: std::ops::Range<u32>,
        is_by_stage: bool,
    ) -> Vec<String> {
        let mut visitors = Visitors::default();
        for (place, name) in (0..10).zip(names(0..10)) {
            let reached = if place < 3 { reached } else { Reached::Viewed };
            visitors.add("shop", minute(7).first_minute(), Some(&name), Some("1"), reached);
        }
        let mut books = VisitorBooks::default();
        books.add_recounted(&visitors);
        books.add_secret(SECRET);
        books.set_state(VisitorState { counting: SECRET.number, ..VisitorState::default() });
        let mut row = row(period, 0..10);
        row.sketches.is_by_stage = is_by_stage;
        if let Some(bytes) = bytes(&names(carted.clone())).filter(|_| !carted.is_empty()) {
            row.sketches.stored.insert("carted", bytes);
            let session = row.sketches.stored["sessions"].clone();
            row.sketches.stored.insert("carted_sessions", session);
        }
        books.add_found(row);
        books.judge(&[], None, |_, compared| compared == period).differences.first
    }

    #[test]
    fn stages_are_compared_where_a_row_is_counted_by_stage() {
        let none = Vec::<String>::new();
        for period in [minute(7), hour()] {
            let granularity = period.granularity().name();
            assert_eq!(judged_by_stage(Reached::Carted, period, 0..3, true), none);
            assert_eq!(
                judged_by_stage(Reached::Carted, period, 0..2, true),
                [format!(
                    "shop carted {granularity} {period}: recounted 3, the table says 2 where a sketch of them says 3"
                )]
            );
            assert_eq!(judged_by_stage(Reached::Bought, period, 0..0, true).len(), 2);
            assert_eq!(judged_by_stage(Reached::Unknown, period, 0..0, false), none);
            assert_eq!(
                judged_by_stage(Reached::Unknown, period, 0..0, true),
                [format!("shop {period}: its visitors are counted by stage, but were not so")]
            );
        }
        // A build before may have written the row of an hour, but not that of a minute.
        assert_eq!(judged_by_stage(Reached::Carted, hour(), 0..0, false), none);
        assert_eq!(
            judged_by_stage(Reached::Carted, minute(7), 0..3, false),
            [format!("shop {}: its visitors are not counted by stage, but were so", minute(7))]
        );
    }

    #[test]
    fn an_id_and_its_stand_in_are_one_visitor() {
        let secret = minutebook_domain::count::secret::VisitorSecret::new(SECRET.seed);
        for name in names(0..100) {
            let stand_in = secret.stand_in_of_visitor(&name);
            assert_eq!(visitor_hash(SECRET.seed, &stand_in), visitor_hash(SECRET.seed, &name));
            let forged = format!("{}{}", &stand_in[..17], "0".repeat(16));
            for other in [forged, stand_in.to_uppercase(), format!("{stand_in}0")] {
                let of_text = xxh3_64_with_seed(other.as_bytes(), SECRET.seed);
                assert_eq!(visitor_hash(SECRET.seed, &other), of_text, "{other}");
            }
        }
    }

    #[test]
    fn an_estimate_must_be_near() {
        for (ids, estimate, expected) in [
            (10, 10.0, true),
            (10, 10.4, true),
            (10, 11.0, false),
            (1_000, 998.0, true),
            (1_000, 997.0, false),
            (100_000, 104_000.0, true),
            (100_000, 104_100.0, false),
            (100_000, 95_900.0, false),
        ] {
            assert_eq!(is_near(ids, estimate), expected, "{ids} {estimate}");
        }
    }
}
