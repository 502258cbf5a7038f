//! The steps of a history, a pure function of its seed.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use minutebook_tests::random::Random;

use crate::chunks;
use crate::order_events::Orders;
use crate::questions::Question;
use crate::questions::orders::OrderQuestion;
use crate::settings::Change;

/// The parameters of a history.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// The start time, in seconds since 1970.
    pub(crate) begin: i64,
    /// The sites of its events.
    pub(crate) sites: Vec<&'static str>,
    /// The retention of minute rows in days. 0 means forever.
    pub(crate) minute_days: u32,
    /// How many items and pages of a chunk keep their names, 0 for all. There are four items.
    pub(crate) keys_max: u32,
    /// What sites set in its course.
    pub(crate) changes: Vec<Change>,
}

/// A step of a history.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Uploads a new chunk, but does not deliver its notification.
    Upload { text: String },
    /// Uploads the same bytes again under the same key.
    UploadAgain { chunk: usize },
    /// Moves the clock forward.
    Pass { seconds: i64, until: &'static str },
    /// Runs some of the workers concurrently.
    Work(Work),
    /// Stalls a worker at a call while the others continue.
    Stall { worker: Stalled, operation: &'static str, number: usize },
    /// Lets the stalled worker continue.
    Wake,
    /// Checks that no counter exceeds the uploads, and that finished hours are the sum of their
    /// minutes. Orders must be what some of the uploaded events make of them. Their counters, and
    /// the answers to these questions, must match these orders.
    Audit { questions: Vec<OrderQuestion> },
    /// Deletes some of the expired rows, as the table does.
    Expire { seed: u64 },
    /// Sets something for a site.
    Set(Change),
    /// Takes a recount of visitors one step further, or begins one.
    RecountVisitors,
}

/// A worker that stalls.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stalled {
    /// An ingest that received the notification of this chunk.
    Ingest { chunk: usize },
    /// A sealer.
    Sealer,
}

/// Concurrent work.
#[derive(Clone, Debug, Default)]
pub(crate) struct Work {
    /// The chunks whose notifications each of two ingests receives, by number.
    pub(crate) deliveries: [Vec<usize>; 2],
    /// The number of sealers.
    pub(crate) sealers: usize,
    /// The questions asked meanwhile.
    pub(crate) questions: Vec<Question>,
    /// What is set for a site meanwhile.
    pub(crate) change: Option<Change>,
    /// How many of 1000 calls get a fault, on average.
    pub(crate) faults_of_1000: u64,
    /// The seed of the faults.
    pub(crate) fault_seed: u64,
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// The allowed lateness: how long after its end an hour is closed. See docs/TABLE.md.
const CLOSED_AFTER: i64 = 10 * MINUTE;
/// The settle time between the steps of sealing. See docs/TABLE.md.
const SETTLE_TIME: i64 = MINUTE;

/// Times near the ends of periods of all lengths.
const BEGINNINGS: [&str; 7] = [
    "2026-11-20T22:41:30Z",
    // A year that ends in the middle of a week.
    "2026-12-31T22:58:10Z",
    // The end of a week that belongs to the previous year.
    "2027-01-03T23:05:00Z",
    "2027-02-28T21:30:00Z",
    "2028-02-28T23:52:45Z",
    // The night in which summer time begins in Berlin.
    "2027-03-27T23:15:00Z",
    "2027-08-14T12:00:00Z",
];

/// The setting and the steps of the history of a seed.
pub(crate) fn history(seed: u64) -> (Setting, Vec<Step>) {
    let mut random = Random::of(&[seed, 1]);
    let begin: DateTime<Utc> = random.pick(&BEGINNINGS).parse().expect("they are times");
    // With numbers of their own, so that the other steps of a seed stay what they were.
    let mut extra = Random::of(&[seed, 5]);
    let mut of_sites = Random::of(&[seed, 10]);
    let begin = begin.timestamp() + random.between(0, 3 * HOUR);
    let sites = random.pick(&[vec!["default"], vec!["shop"], vec!["default", "shop"]]).clone();
    let setting = Setting {
        begin,
        changes: Change::all(&mut of_sites, &sites),
        sites,
        minute_days: *random.pick(&[7, 3, 0]),
        keys_max: *extra.pick(&[0, 0, 1, 3]),
    };
    let mut writer = Writer {
        setting: &setting,
        now: setting.begin,
        sealed_at: setting.begin,
        chunks: 0,
        orders: Orders::default(),
        is_stalled: false,
        steps: vec![],
        random,
    };
    let steps = 4 + writer.random.index(5);
    for _ in 0..steps {
        writer.write_some();
    }
    writer.wake();
    let mut steps = writer.steps;
    // A recount takes four steps.
    for _ in 0..*extra.pick(&[0, 0, 3, 9]) {
        steps.insert(1 + extra.index(steps.len()), Step::RecountVisitors);
    }
    Change::distribute(&setting, &mut of_sites, &mut steps);
    (setting, steps)
}

struct Writer<'a> {
    setting: &'a Setting,
    now: i64,
    /// All hours closed by this time have been sealed.
    sealed_at: i64,
    chunks: usize,
    orders: Orders,
    is_stalled: bool,
    steps: Vec<Step>,
    random: Random,
}

impl Writer<'_> {
    fn write_some(&mut self) {
        match self.random.below(100) {
            _ if self.chunks == 0 => self.upload_and_work(),
            0..36 => self.upload_and_work(),
            36..49 => self.pass(),
            49..62 => self.work(),
            62..77 if !self.is_stalled => self.held_up_over_the_closing(),
            62..77 => self.wake(),
            77..83 => self.seal_all(),
            83..86 => {
                let chunk = self.random.index(self.chunks);
                self.steps.push(Step::UploadAgain { chunk });
                self.work();
            }
            86..90 => {
                let seed = self.random.any();
                self.steps.push(Step::Expire { seed });
            }
            _ => {
                let questions = OrderQuestion::some(&mut self.random, self.setting);
                self.steps.push(Step::Audit { questions });
            }
        }
    }

    fn upload(&mut self) {
        let text = chunks::text(&mut self.random, self.setting, &mut self.orders, self.now);
        self.steps.push(Step::Upload { text });
        self.chunks += 1;
    }

    fn upload_and_work(&mut self) {
        for _ in 0..=self.random.below(2) {
            self.upload();
        }
        self.work();
    }

    fn work(&mut self) {
        let mut work = Work {
            sealers: *self.random.pick(&[0, 0, 1, 1, 2]),
            faults_of_1000: *self.random.pick(&[0, 30, 100, 250]),
            fault_seed: self.random.any(),
            ..Work::default()
        };
        for deliveries in &mut work.deliveries {
            for _ in 0..self.random.below(4) {
                deliveries.push(self.random.index(self.chunks));
            }
        }
        for _ in 0..self.random.below(2) {
            work.questions.push(Question::any(&mut self.random, self.setting));
        }
        self.steps.push(Step::Work(work));
    }

    /// Moves the clock, mostly to a boundary.
    fn pass(&mut self) {
        let hour_end = self.now - self.now.rem_euclid(HOUR) + HOUR;
        let last_closing = hour_end - HOUR + CLOSED_AFTER;
        let closing = if last_closing > self.now { last_closing } else { last_closing + HOUR };
        let edge = self.random.between(-1, 1);
        let (to, until) = match self.random.below(8) {
            0 => (self.now + self.random.between(1, 50), "a little later"),
            1 => (hour_end + edge, "the end of an hour"),
            2 | 3 => (closing + edge, "the closing of an hour"),
            4 => (closing + SETTLE_TIME + edge, "a minute after the closing of an hour"),
            5 => (self.now + SETTLE_TIME + edge, "a minute later"),
            6 => (self.now + self.random.between(1, 2 * HOUR), "hours later"),
            _ if self.is_stalled => (self.now + self.random.between(1, HOUR), "an hour later"),
            _ => (self.now + self.days(), "days later"),
        };
        self.pass_to(to.max(self.now + 1), until);
    }

    /// A long move of the clock. Its length is limited, because hours must be sealed before their
    /// minutes expire.
    fn days(&mut self) -> i64 {
        let most = if self.setting.minute_days == 0 {
            40
        } else {
            i64::from(self.setting.minute_days) - 1
        };
        self.random.between(HOUR, most * DAY)
    }

    fn pass_to(&mut self, to: i64, until: &'static str) {
        let unsealed_for = to - self.sealed_at;
        let is_long = unsealed_for > i64::from(self.setting.minute_days) * DAY - 6 * HOUR;
        let to = if self.setting.minute_days > 0 && is_long {
            let seconds = to - self.now;
            self.seal_all();
            self.now + seconds
        } else {
            to
        };
        self.steps.push(Step::Pass { seconds: to - self.now, until });
        self.now = to;
    }

    /// Takes every closed hour through all steps of sealing, without faults.
    fn seal_all(&mut self) {
        let sealed_at = self.now;
        for step in 0..3 {
            self.steps.push(Step::Work(Work { sealers: 1, ..Work::default() }));
            if step < 2 {
                self.steps.push(Step::Pass { seconds: SETTLE_TIME, until: "a minute later" });
                self.now += SETTLE_TIME;
            }
        }
        self.sealed_at = sealed_at;
    }

    /// A worker reads the clock before an hour closes, stalls, and continues after the others have
    /// moved on.
    fn held_up_over_the_closing(&mut self) {
        let worker = if self.random.chance(75) {
            self.upload();
            Stalled::Ingest { chunk: self.chunks - 1 }
        } else {
            Stalled::Sealer
        };
        let operation = match worker {
            Stalled::Ingest { .. } => self.random.pick(&[
                "TransactWriteItems",
                "TransactWriteItems",
                "UpdateItem",
                "Query",
                "BatchGetItem",
            ]),
            Stalled::Sealer => self.random.pick(&[
                "TransactWriteItems",
                "PutItem",
                "BatchWriteItem",
                "Query",
                "BatchWriteItem",
            ]),
        };
        let number = 1 + self.random.index(3);
        self.steps.push(Step::Stall { worker, operation, number });
        self.is_stalled = true;
        if self.random.chance(30) {
            return;
        }
        if self.random.chance(60) {
            // Another chunk may list the hour as open too. Otherwise only the stalled one does.
            self.upload_and_work();
        }
        let closing = self.now - self.now.rem_euclid(HOUR) + HOUR + CLOSED_AFTER;
        let delay = self.random.between(0, 5);
        self.pass_to(closing + delay, "the closing of an hour");
        if self.random.chance(70) {
            self.seal_all();
        } else {
            self.work();
        }
        self.wake();
    }

    fn wake(&mut self) {
        if self.is_stalled {
            self.steps.push(Step::Wake);
            self.is_stalled = false;
        }
    }
}

/// Describes a step, for failure reports.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Upload { text } => write!(f, "upload {} lines", text.lines().count()),
            Step::UploadAgain { chunk } => write!(f, "upload chunk {chunk} again"),
            Step::Pass { seconds, until } => write!(f, "{seconds} s pass: {until}"),
            Step::Stall { worker, operation, number } => {
                write!(f, "{worker:?} stalls at {operation} {number}")
            }
            Step::Wake => write!(f, "the stalled worker continues"),
            Step::Audit { questions } => {
                write!(f, "audit")?;
                for question in questions {
                    write!(f, "\n        {question}")?;
                }
                Ok(())
            }
            Step::Set(change) => change.fmt(f),
            Step::RecountVisitors => write!(f, "visitors are recounted"),
            Step::Expire { .. } => write!(f, "some expired rows are deleted"),
            Step::Work(work) => {
                let Work { deliveries, sealers, questions, change, faults_of_1000, fault_seed } =
                    work;
                write!(
                    f,
                    "at once: deliveries {deliveries:?}, sealers {sealers}, questions {}",
                    questions.len()
                )?;
                write!(f, ", {faults_of_1000} of 1000 calls get a fault, seed {fault_seed:x}")?;
                if let Some(change) = change {
                    write!(f, "\n        {change}")?;
                }
                for question in questions {
                    write!(f, "\n        {question}")?;
                }
                Ok(())
            }
        }
    }
}

/// Formats a time as in events and questions.
pub(crate) fn text_of(seconds: i64) -> String {
    time_of(seconds).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Converts seconds since 1970.
pub(crate) fn time_of(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).expect("histories happen between 1970 and 9999")
}
