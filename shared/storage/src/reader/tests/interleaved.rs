//! Whatever happens between the pages of an answer, it is neither less than what was committed
//! before the question nor more than what is committed after it.

use proptest::prelude::*;

use super::*;

/// What happens in the world, in between.
#[derive(Clone, Debug)]
enum Step {
    Begin { age_minutes: u32, key: usize, uploaded_minutes_ago: u32 },
    Finish { place: usize, shard: u8 },
    Seal { place: usize },
    Pass { seconds: u32 },
}

impl World {
    fn take(&mut self, step: &Step) {
        match *step {
            Step::Begin { age_minutes, key, uploaded_minutes_ago } => {
                let minute = Minute::containing(self.now).expect("in range").minus(age_minutes);
                let uploaded_ago =
                    TimeDelta::minutes(i64::from(uploaded_minutes_ago.min(age_minutes)));
                let begun = self.begin(Event { minute, key: KEYS[key] }, uploaded_ago);
                self.begun.push(begun);
            }
            Step::Finish { place, shard } => {
                if !self.begun.is_empty() {
                    let begun = self.begun.remove(place % self.begun.len());
                    self.finish(&begun, shard);
                }
            }
            Step::Seal { place } => {
                let due = self.stages.iter().filter(|(hour, stage)| {
                    **stage != Stage::Removed && is_closed(**hour, self.now)
                });
                let hours: Vec<Hour> = due.map(|(hour, _)| *hour).collect();
                if let Some(hour) = hours.get(place % hours.len().max(1)) {
                    self.seal(*hour);
                }
            }
            Step::Pass { seconds } => self.now += TimeDelta::seconds(i64::from(seconds)),
        }
    }
}

/// Most events are recent, as in life.
fn begin() -> impl Strategy<Value = Step> {
    let age = prop_oneof![0_u32..20, 0_u32..130, 0_u32..3_000];
    (age, 0..KEYS.len(), 0_u32..20).prop_map(|(age_minutes, key, uploaded_minutes_ago)| {
        Step::Begin { age_minutes, key, uploaded_minutes_ago }
    })
}

fn step_in_an_instant() -> impl Strategy<Value = Step> {
    prop_oneof![
        begin(),
        (0_usize..9, 0_u8..16).prop_map(|(place, shard)| Step::Finish { place, shard }),
        (0_usize..5).prop_map(|place| Step::Seal { place }),
    ]
}

/// Some hours pass in a history: no minutes expire before they are sealed.
fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => step_in_an_instant(),
        1 => (10_u32..600).prop_map(|seconds| Step::Pass { seconds }),
    ]
}

/// Which of the calls that wait is answered next, and what happens before.
fn answers() -> impl Strategy<Value = Vec<(usize, Vec<Step>)>> {
    prop::collection::vec((0_usize..100, prop::collection::vec(step_in_an_instant(), 0..3)), 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn nothing_that_was_committed_is_missed_or_counted_twice_while_ingest_and_sealing_go_on(
        before in prop::collection::vec(step(), 0..150),
        answers in answers(),
        seconds in 0_u32..50,
        length in 1_u32..3_000,
        is_since_midnight: bool,
    ) {
        let begin = if is_since_midnight { "2026-11-20T18:40:00Z" } else { "2026-11-20T22:40:00Z" };
        let mut world = World::at(begin);
        before.iter().for_each(|step| world.take(step));
        let to = Minute::containing(world.now).expect("in range").plus(1);
        // The day of the site begins within the hour that may be sealed at present.
        let since_midnight = Window { from: minute("2026-11-20T18:30:00Z"), to };
        let window = match is_since_midnight {
            true => since_midnight,
            false => Window { from: to.minus(length), to }.kept(RETENTION, world.now).0,
        };
        let windows = [window];
        let question = world.question(&windows);
        let at_first = world.committed_in(window);
        // Reading takes so long: enough for an hour that is done to leave the list meanwhile.
        world.now += TimeDelta::seconds(i64::from(seconds));
        let table = Rc::clone(&world.table);
        let mut answers = answers.iter();
        let sums = table.read_one_by_one(sum_windows(&*table, &question), |waiting| {
            let Some((chosen, steps)) = answers.next() else {
                return 0;
            };
            steps.iter().for_each(|step| world.take(step));
            chosen % waiting
        });
        let sums = counts(&sums.expect("nothing fails in memory")[0]);
        let at_last = world.committed_in(window);
        for key in KEYS {
            let count = |counts: &BTreeMap<String, u64>| counts.get(key).copied().unwrap_or(0);
            prop_assert!(count(&at_first) <= count(&sums), "{key}: {sums:?} is less than {at_first:?}");
            prop_assert!(count(&sums) <= count(&at_last), "{key}: {sums:?} is more than {at_last:?}");
        }
    }
}
