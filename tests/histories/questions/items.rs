//! Questions about an item, and their expected answers.

use std::collections::HashMap;
use std::fmt;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use lambda_http::{Body, Request, RequestExt as _, Response};
use minutebook_api::backend::Backend;
use minutebook_api::items;
use minutebook_oracle::Decimal;
use minutebook_storage::table::Table;
use minutebook_tests::random::Random;
use serde_json::Value;

use super::basis::Basis;
use super::checks::minutes_of;
use super::orders::{ensure_between, net};
use super::{Bounds, WINDOWS, text_of};

/// Items that are sold with and without orders.
const ITEMS: [&str; 3] = ["1", "o1", "o2"];

/// A question about what was sold and given back of an item.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ItemQuestion {
    site: &'static str,
    item: &'static str,
    /// The window, and its length in minutes.
    window: (&'static str, i64),
    /// How many seconds before now it ends.
    age: i64,
    basis: Basis,
}

impl ItemQuestion {
    /// Questions about each item of a site by both times, in windows of random lengths.
    pub(super) fn some(site: &'static str, age: i64) -> impl Iterator<Item = ItemQuestion> {
        let mut random = Random::of(&[age.unsigned_abs(), site.len() as u64, 9]);
        let questions = ITEMS
            .into_iter()
            .flat_map(|item| [Basis::Refund, Basis::Order].map(|basis| (item, basis)));
        questions.map(move |(item, basis)| {
            let window = *random.pick(&WINDOWS);
            ItemQuestion { site, item, window, age, basis }
        })
    }

    /// The site that is asked about.
    pub(super) fn site(&self) -> &'static str {
        self.site
    }

    /// Sends the question to its handler.
    pub(super) async fn ask(
        &self,
        backend: &Backend<Table>,
        now: DateTime<Utc>,
    ) -> Result<Response<Body>> {
        Ok(items::handle(&self.request(now)?, backend).await)
    }

    fn request(&self, now: DateTime<Utc>) -> Result<Request> {
        let ItemQuestion { site, item, window, age, basis } = self;
        let as_of = text_of(now.timestamp() - age);
        let mut parameters = HashMap::from([
            ("site_id", *site),
            ("window", window.0),
            ("currency", "USD"),
            ("as_of", as_of.as_str()),
        ]);
        if let Some((name, value)) = basis.parameter(Basis::Refund) {
            parameters.insert(name, value);
        }
        let parameters: HashMap<String, String> = parameters
            .into_iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        let path = format!("/items/{item}");
        let request = lambda_http::http::Request::builder()
            .uri(format!("https://api.example{path}"))
            .body(Body::Empty)?;
        Ok(request.with_raw_http_path(&path).with_query_string_parameters(parameters))
    }
}

impl fmt::Display for ItemQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ItemQuestion { site, item, window, age, basis } = self;
        write!(f, "item {item} of {site} in {}, {age} s ago, {basis:?}", window.0)
    }
}

/// Checks what an answer says of units and money against its bounds.
pub(super) fn check(
    question: &ItemQuestion,
    answer: &Value,
    bounds: &Bounds,
    now: DateTime<Utc>,
) -> Result<()> {
    let ItemQuestion { site, item, window: (_, length), age, basis } = question;
    let as_of = now - TimeDelta::seconds(*age);
    let minutes = minutes_of(answer, minutebook_oracle::window(as_of, *length))?;
    let tallies = bounds.tallies().map(|tallies| basis.of(tallies));
    let is_known = |measure: &str| !bounds.changing_keys(site, measure).contains(item);
    let between = |measure: &str| -> [Decimal; 2] {
        tallies.each_ref().map(|tallies| {
            let of_item = tallies.iter().filter(|(cell, _)| {
                (cell.site.as_str(), cell.measure.as_str(), cell.key.as_str())
                    == (*site, measure, *item)
                    && minutes.contains(&cell.minute)
            });
            of_item.map(|(_, number)| *number).sum()
        })
    };
    let [units, sales, refunds] = ["units", "sales:USD", "refunds:USD"];
    for (name, measure) in [("units", units), ("gross_sales", sales), ("refunds", refunds)] {
        if is_known(measure) {
            ensure_between(answer, name, between(measure))?;
        }
    }
    if is_known(sales) && is_known(refunds) {
        ensure_between(answer, "net_sales", net(between(sales), between(refunds)))?;
    }
    Ok(())
}
