//! The questions that histories ask along the way and at their ends, and the checks of the answers.

mod basis;
mod checks;
mod items;
pub(crate) mod orders;
mod visitors;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use lambda_http::{Body, Request};
use minutebook_api::backend::Backend;
use minutebook_api::{history, rankings};
use minutebook_domain::count::measure::Currency;
use minutebook_domain::time::period::Retention;
use minutebook_oracle::{
    Decimal, Granularity, OTHER, OrderEvent, Recount, TallyKey, Visitors, What, order_tallies,
};
use minutebook_runtime::clock::Clock;
use minutebook_storage::table::Table;
use minutebook_tests::random::Random;
use serde_json::Value;

use self::basis::Basis;
use self::checks::{check_history, check_ranking};
use self::items::ItemQuestion;
use self::orders::{OrderQuestion, OrdersNow};
use self::visitors::check_visitors;
use crate::book::orders::is_shared;
use crate::order_states::OrderStates;
use crate::settings::Revisions;
use crate::steps::{Setting, text_of};

/// A question.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    /// A ranking of a window.
    Ranking {
        /// The API call, and its measure.
        ranking: (rankings::Ranking, &'static str),
        /// The site of the events.
        site: &'static str,
        /// The window, and its length in minutes.
        window: (&'static str, i64),
        /// How many seconds before now it ends.
        age: i64,
    },
    /// A series of periods up to now.
    History {
        /// The measure, as in the query string and as in a sort key.
        measure: (&'static str, &'static str),
        /// The site of the events.
        site: &'static str,
        /// The length of the periods.
        granularity: Granularity,
        /// The time zone that the question names, or [`OF_SITE`].
        zone: &'static str,
        /// How many seconds before now it begins.
        age: i64,
        /// By which time refunds are asked for.
        basis: Basis,
    },
    /// The number of customers and sessions in a window.
    ChunkVisitors {
        /// The site of the events.
        site: &'static str,
        /// The length of the window in minutes.
        length: i64,
        /// How many seconds before now it ends.
        age: i64,
    },
    /// A question about orders.
    Orders(OrderQuestion),
    /// A question about an item.
    Item(ItemQuestion),
}

const RANKINGS: [(rankings::Ranking, &str); 3] = [
    (rankings::Ranking::MostViewed, "views"),
    (rankings::Ranking::TopCarted, "carts"),
    (rankings::Ranking::HighestGrossing, "sales:USD"),
];
const WINDOWS: [(&str, i64); 6] =
    [("1m", 1), ("35m", 35), ("1h", 60), ("24h", 1_440), ("7d", 10_080), ("400d", 576_000)];
const REFUNDS: (&str, &str) = ("refunds&currency=USD", "refunds:USD");
const MEASURES: [(&str, &str); 4] =
    [("views", "views"), ("sales&currency=EUR", "sales:EUR"), ("units", "units"), REFUNDS];
/// Sales in the currency of the site: the question names none.
const SALES_OF_SITE: (&str, &str) = ("sales", "sales:");
/// The zone of the site: the question names none.
const OF_SITE: &str = "";
/// How far back a series of each granularity can start, in hours, for UTC and for other zones.
/// Every period takes several queries, and in other zones a day is read from its hour rows.
const SERIES: [(Granularity, i64, i64); 4] = [
    (Granularity::Hour, 9, 5),
    (Granularity::Day, 5 * 24, 2 * 24),
    (Granularity::Week, 30 * 24, 24),
    (Granularity::Month, 120 * 24, 12),
];
/// More than the number of items.
const LIMIT: usize = 100;

impl Question {
    /// A random question.
    pub(crate) fn any(random: &mut Random, setting: &Setting) -> Question {
        let site = *random.pick(&setting.sites);
        if random.chance(25) {
            return Question::Orders(OrderQuestion::any(random, site));
        }
        if random.chance(60) {
            let age = if random.chance(60) { 0 } else { random.between(0, 3 * 24 * 3_600) };
            return Question::Ranking {
                ranking: *random.pick(&RANKINGS),
                site,
                window: *random.pick(&WINDOWS),
                age,
            };
        }
        if random.chance(50) {
            return Question::visitors(random, site);
        }
        let (granularity, utc_hours, zone_hours) = *random.pick(&SERIES);
        let zone = *random.pick(&["UTC", "UTC", "UTC", "Europe/Berlin", "Asia/Kolkata"]);
        let age = random.between(0, 3_600 * if zone == "UTC" { utc_hours } else { zone_hours });
        let (measure, basis) = (*random.pick(&MEASURES), Basis::any(age));
        Question::History { measure, site, granularity, zone, age, basis }
    }

    fn visitors(random: &mut Random, site: &'static str) -> Question {
        let (_, length) = *random.pick(&WINDOWS);
        let age = if random.chance(60) { 0 } else { random.between(0, 3 * 24 * 3_600) };
        Question::ChunkVisitors { site, length, age }
    }

    /// A random question about views, visitors or orders, in windows and series that end now.
    pub(crate) fn of_race(random: &mut Random, setting: &Setting) -> Question {
        let site = *random.pick(&setting.sites);
        if random.chance(25) {
            let questions = OrderQuestion::all(random, site);
            return Question::Orders(*random.pick(&questions));
        }
        if random.chance(25) {
            return Question::ChunkVisitors { site, length: random.pick(&WINDOWS).1, age: 0 };
        }
        if random.chance(70) {
            return Question::Ranking {
                ranking: RANKINGS[0],
                site,
                window: *random.pick(&WINDOWS),
                age: 0,
            };
        }
        let (granularity, ..) = *random.pick(&SERIES);
        Question::History {
            measure: MEASURES[0],
            site,
            granularity,
            zone: "UTC",
            age: random.between(0, 4 * 3_600),
            basis: Basis::Refund,
        }
    }

    /// The questions at the end of a history: for each site a ranking, its visitors in all windows,
    /// some of its items, every call about its orders and its sales by the days and in the currency
    /// that it sets, and for one site series of two granularities and of refunds.
    pub(crate) fn last(random: &mut Random, setting: &Setting) -> Vec<Question> {
        let mut questions = vec![];
        for site in &setting.sites {
            let age = *random.pick(&[0, 0, 5_400]);
            questions.push(Question::Ranking {
                ranking: *random.pick(&RANKINGS),
                site,
                window: *random.pick(&WINDOWS),
                age,
            });
            let visitors = WINDOWS.map(|(_, length)| Question::ChunkVisitors { site, length, age });
            questions.extend(visitors);
            questions.extend(OrderQuestion::all(random, site).into_iter().map(Question::Orders));
            questions.extend(ItemQuestion::some(site, age).map(Question::Item));
            questions.push(Question::History {
                measure: SALES_OF_SITE,
                site,
                granularity: Granularity::Day,
                zone: OF_SITE,
                age: 36 * 3_600,
                basis: Basis::Refund,
            });
        }
        let site = *random.pick(&setting.sites);
        let first = random.index(SERIES.len());
        for (granularity, utc_hours, _) in [SERIES[first], SERIES[(first + 1) % SERIES.len()]] {
            let measure = *random.pick(&MEASURES);
            let age = utc_hours * 3_600;
            for (measure, basis) in
                [(measure, Basis::Refund), (REFUNDS, Basis::Refund), (REFUNDS, Basis::Order)]
            {
                let zone = "UTC";
                questions.push(Question::History { measure, site, granularity, zone, age, basis });
            }
        }
        questions
    }

    /// The site that is asked about.
    pub(crate) fn site(&self) -> &'static str {
        match self {
            Question::Ranking { site, .. }
            | Question::History { site, .. }
            | Question::ChunkVisitors { site, .. } => site,
            Question::Orders(question) => question.site(),
            Question::Item(question) => question.site(),
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Question::Ranking { ranking, site, window, age } => {
                write!(f, "{} of {site} in {}, {age} s ago", ranking.1, window.0)
            }
            Question::History { measure, site, granularity, zone, age, basis } => {
                let granularity = granularity.name();
                let measure = measure.1;
                write!(
                    f,
                    "{measure} of {site} by {granularity} of {zone}, from {age} s ago, {basis:?}"
                )
            }
            Question::ChunkVisitors { site, length, age } => {
                write!(f, "visitors of {site} in {length} minutes, {age} s ago")
            }
            Question::Orders(question) => question.fmt(f),
            Question::Item(question) => question.fmt(f),
        }
    }
}

/// The bounds of an answer: at least what was counted before the question, and at most what was
/// uploaded.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// What was certainly counted.
    pub(crate) least: Counted,
    /// What may have been counted.
    pub(crate) most: Counted,
    /// What happens to orders during the question.
    pub(crate) orders: OrdersNow,
    /// What sites have set.
    pub(crate) settings: Revisions,
}

impl Bounds {
    /// The least and the most that orders count; `None` while they change.
    fn order_tallies(&self) -> Option<[BTreeMap<TallyKey, Decimal>; 2]> {
        match &self.orders {
            OrdersNow::Changing => None,
            OrdersNow::Growing => Some(
                [&self.least, &self.most]
                    .map(|counted| order_tallies(counted.order_events.iter().flatten())),
            ),
            OrdersNow::AtRest(orders) => Some([orders.tallies(), orders.tallies()]),
        }
    }

    /// The least and the most that all events count. While orders change, this is without what they
    /// sell and give back.
    fn tallies(&self) -> [BTreeMap<TallyKey, Decimal>; 2] {
        let mut tallies = [self.least.tallies.clone(), self.most.tallies.clone()];
        for (tallies, of_orders) in
            tallies.iter_mut().zip(self.order_tallies().into_iter().flatten())
        {
            for (key, number) in of_orders {
                *tallies.entry(key).or_default() += number;
            }
        }
        tallies
    }

    /// The keys of a measure of which nothing is known, because orders of them change.
    fn changing_keys(&self, site: &str, measure: &str) -> BTreeSet<&str> {
        let mut keys = BTreeSet::new();
        if !matches!(self.orders, OrdersNow::Changing) || !is_shared(measure) {
            return keys;
        }
        let events = self.most.order_events.iter().flatten();
        for event in events.filter(|event| event.site == site) {
            match &event.what {
                What::Purchased { lines, .. } => {
                    keys.insert(OTHER);
                    keys.extend(lines.keys().map(|line| line.item.as_str()));
                }
                What::Refunded(refunds) if measure.starts_with("refunds:") => {
                    keys.insert(OTHER);
                    keys.extend(refunds.keys().filter_map(|refund| refund.item.as_deref()));
                }
                _ => {}
            }
        }
        keys
    }

    /// The possible states of each order.
    fn order_states(&self) -> OrderStates {
        let [least, most] = [&self.least, &self.most]
            .map(|counted| counted.order_events.iter().map(Vec::as_slice).collect::<Vec<_>>());
        match &self.orders {
            OrdersNow::Changing | OrdersNow::Growing => OrderStates::between(&least, &most),
            OrdersNow::AtRest(orders) => OrderStates::known(orders.iter()),
        }
    }
}

/// The content of some chunks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    /// The sums of their events, without what orders count.
    pub(crate) tallies: BTreeMap<TallyKey, Decimal>,
    /// Their visitors.
    pub(crate) visitors: Visitors,
    /// The order events of each chunk.
    pub(crate) order_events: Vec<Vec<OrderEvent>>,
}

impl Counted {
    /// Adds a chunk.
    pub(crate) fn add(&mut self, recount: &Recount) {
        for (key, number) in &recount.tallies {
            *self.tallies.entry(key.clone()).or_default() += *number;
        }
        self.visitors.merge(&recount.visitors);
        self.order_events.push(recount.orders.clone());
    }
}

impl<'a> FromIterator<&'a Recount> for Counted {
    fn from_iter<I: IntoIterator<Item = &'a Recount>>(recounts: I) -> Counted {
        let mut counted = Counted::default();
        recounts.into_iter().for_each(|recount| counted.add(recount));
        counted
    }
}

/// Answers questions from a table.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    /// The table.
    pub(crate) table: Table,
    /// The retention of rows.
    pub(crate) retention: Retention,
    /// The clock.
    pub(crate) clock: Clock,
}

impl Reader {
    /// The backend that the handlers use.
    fn backend(&self) -> Result<Backend<Table>> {
        Ok(Backend {
            rows: self.table.clone(),
            queues: (),
            default_currency: usd()?,
            default_time_zone: "UTC".parse().context("a zone")?,
            retention: self.retention,
            clock: self.clock.clone(),
            visitor_state: Arc::default(),
            has_all_sites: Arc::default(),
            settings: Arc::default(),
            catalogues: Arc::default(),
            live_url: None,
        })
    }

    /// Asks a question. Returns `None` if the table could not be read, which is not a wrong answer.
    pub(crate) async fn ask(&self, question: &Question) -> Result<Option<Answer>> {
        let now = self.clock.now();
        let backend = self.backend()?;
        let response = match question {
            Question::Ranking { ranking: (ranking, _), site, window, age } => {
                let as_of = text_of(now.timestamp() - age);
                let currency = match ranking {
                    rankings::Ranking::HighestGrossing => "&currency=USD",
                    _ => "",
                };
                let query = format!(
                    "site_id={site}&window={}&limit={LIMIT}&as_of={as_of}{currency}",
                    window.0
                );
                rankings::handle(*ranking, &request(&query)?, &backend).await
            }
            Question::History { measure, site, granularity, zone, age, basis } => {
                let (from, to) = (text_of(now.timestamp() - age), text_of(now.timestamp()));
                let basis = match *measure {
                    REFUNDS => basis.in_query(Basis::Refund),
                    _ => String::new(),
                };
                let (measure, granularity) = (measure.0, granularity.name());
                let zone = match *zone {
                    OF_SITE => String::new(),
                    zone => format!("&tz={zone}"),
                };
                let query = format!(
                    "measure={measure}&site_id={site}&granularity={granularity}{zone}&from={from}&to={to}&limit={LIMIT}{basis}"
                );
                history::handle(&request(&query)?, &backend).await
            }
            Question::ChunkVisitors { site, length, age } => {
                return self.count_visitors(site, *length, *age).await;
            }
            Question::Orders(question) => question.ask(&backend, now).await?,
            Question::Item(question) => question.ask(&backend, now).await?,
        };
        let body = match response.body() {
            Body::Text(text) => text.clone(),
            body => String::from_utf8(body.to_vec())?,
        };
        match response.status().as_u16() {
            200 => Ok(Some(Answer { asked_at: now, body: serde_json::from_str(&body)? })),
            503 => Ok(None),
            status => bail!("{question} is answered {status}: {body}"),
        }
    }
}

/// An answer, and the time of its question.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    asked_at: DateTime<Utc>,
    body: Value,
}

impl Answer {
    /// Checks the answer against its bounds.
    pub(crate) fn check(&self, question: &Question, bounds: &Bounds) -> Result<()> {
        let Answer { asked_at, body } = self;
        let checked = match question {
            Question::Ranking { .. } => check_ranking(question, body, bounds, *asked_at),
            Question::History { .. } => check_history(question, body, bounds, *asked_at),
            Question::ChunkVisitors { .. } => check_visitors(question, body, bounds, *asked_at),
            Question::Orders(question) => orders::check(question, body, bounds, *asked_at),
            Question::Item(question) => items::check(question, body, bounds, *asked_at),
        };
        checked.map_err(|error| {
            anyhow::anyhow!("{error:#}; at {asked_at}, {question} is answered {body}")
        })
    }
}

fn usd() -> Result<Currency> {
    Currency::parse(b"USD").context("three letters")
}

fn request(query: &str) -> Result<Request> {
    let request =
        lambda_http::http::Request::builder().uri(format!("https://api.example/?{query}"));
    Ok(request.body(Body::Empty)?)
}
