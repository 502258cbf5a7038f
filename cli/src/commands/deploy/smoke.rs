//! The smoke test of a deployment: posts events of an item to a site of their own, waits until they
//! are counted, and asks every function that answers questions for them.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::commands::clock;
use crate::commands::top::Ranking;
use crate::stack::context::Context;
use crate::stack::endpoints::Endpoints;
use crate::stack::http;
use crate::stack::table::api_keys::{ApiKeys, NewKey};
use crate::terminal::progress::Step;

/// The site of the events.
const SITE: &str = "smoke-test";

/// The window that is asked for, and how many items: those of earlier smoke tests are in it.
const WINDOW: &str = "15m";
const ITEMS: &str = "100";

/// What each item has: the members of its answer.
const COUNTED_ONCE: [&str; 3] = ["views", "adds_to_cart", "units"];

const POLL: Duration = Duration::from_millis(500);

/// How long the key of the test is valid, should it not be revoked.
const KEY_VALID: TimeDelta = TimeDelta::hours(1);

/// Tries the stack, which requires keys or not.
///
/// # Errors
/// Within `timeout`, the events are not counted exactly once, or a question is not answered.
pub(super) async fn run(context: &Context, requires_keys: bool, timeout: Duration) -> Result<()> {
    let mut endpoints = context.endpoints().await?;
    if endpoints.api_url().is_err() {
        eprintln!("  the stack has no API, so there is no smoke test");
        return Ok(());
    }
    let step = Step::begin("smoke test: events posted, counted once, and found by every question");
    if !requires_keys {
        attempt(&endpoints, timeout).await?;
        step.end();
        return Ok(());
    }
    let keys = ApiKeys { client: context.dynamodb().await?, table: endpoints.table()?.to_owned() };
    let now = clock::now();
    let new = NewKey {
        site: SITE.to_owned(),
        roles: vec!["read".to_owned(), "write".to_owned()],
        label: Some("smoke test of minutebook deploy".to_owned()),
        expires_at: Some(now + KEY_VALID),
    };
    let (key, made) = keys.add(new, now).await?;
    endpoints.api_key = Some(key);
    let tried = attempt(&endpoints, timeout).await;
    keys.revoke(&made.id).await?;
    tried?;
    step.end();
    Ok(())
}

async fn attempt(endpoints: &Endpoints, timeout: Duration) -> Result<()> {
    let deadline = Instant::now() + timeout;
    let item = item()?;
    let events = events(&item);
    // The first call of a new deployment may come before its permissions are known everywhere. The
    // events count once, however often they are posted.
    let answer = until(deadline, "events cannot be posted", async || {
        http::post(endpoints, "events", &item, events.clone()).await
    })
    .await?;
    let accepted: Value = serde_json::from_str(&answer)?;
    ensure!(accepted["accepted"] == 3, "the events are not accepted: {answer}");
    let question = || vec![("site_id", SITE.to_owned()), ("window", WINDOW.to_owned())];
    until(deadline, "the events are not counted", async || {
        let answer = http::get(endpoints, &format!("items/{item}"), question()).await?;
        is_counted(&answer)
    })
    .await?;
    for ranking in [Ranking::Views, Ranking::Carts, Ranking::Sales] {
        let path = ranking.path();
        until(deadline, &format!("{path} does not know the item"), async || {
            let query = [question(), vec![("limit", ITEMS.to_owned())]].concat();
            let answer: Value = serde_json::from_str(&http::get(endpoints, path, query).await?)?;
            let top = answer["top"].as_array().context("it has no member top")?;
            ensure!(top.iter().any(|entry| entry["item_id"] == *item), "it is not in the answer");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// Checks that every number of the item is 1.
fn is_counted(answer: &str) -> Result<()> {
    let answer: Value = serde_json::from_str(answer)?;
    for member in COUNTED_ONCE {
        ensure!(answer[member] == 1, "{member} of the item is {}", answer[member]);
    }
    Ok(())
}

/// Tries until it succeeds or the time is over.
///
/// # Errors
/// The last one, with `what` has failed.
async fn until<T>(
    deadline: Instant,
    what: &str,
    attempt: impl AsyncFn() -> Result<T>,
) -> Result<T> {
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) if Instant::now() + POLL >= deadline => {
                bail!("{what} in time: {error:#}");
            }
            Err(_) => sleep(POLL).await,
        }
    }
}

/// An item that no other test has.
fn item() -> Result<String> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).context("the system has no random numbers")?;
    let mut item = "smoke-".to_owned();
    for byte in random {
        write!(item, "{byte:02x}")?;
    }
    Ok(item)
}

/// A view, a cart and a purchase of the item, as JSON Lines.
fn events(item: &str) -> String {
    let now = clock::rfc3339(clock::now());
    let event = |kind: &str| {
        json!({
            "event_type": kind, "event_id": format!("{item}-{kind}"), "timestamp": now,
            "site_id": SITE, "customer_id": "smoke-test", "item_id": item,
        })
    };
    let mut purchase = event("purchase");
    purchase["price"] = json!("1.00");
    format!("{}\n{}\n{purchase}\n", event("page_visit"), event("add_to_cart"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_another_one_with_three_events() {
        let item = item().unwrap();
        assert_eq!(item.len(), "smoke-".len() + 16);
        assert_ne!(item, super::item().unwrap());
        let events = events(&item);
        assert_eq!(events.lines().count(), 3);
        for line in events.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            assert_eq!(event["item_id"], item);
            assert_eq!(event["site_id"], SITE);
        }
    }

    #[test]
    fn only_what_is_counted_once_passes() {
        assert!(is_counted(r#"{"views":1,"adds_to_cart":1,"units":1}"#).is_ok());
        let error = is_counted(r#"{"views":1,"adds_to_cart":2,"units":1}"#).unwrap_err();
        assert_eq!(error.to_string(), "adds_to_cart of the item is 2");
        assert!(is_counted("{}").is_err());
    }

    #[tokio::test]
    async fn the_last_error_is_told_once_the_time_is_over() {
        let deadline = Instant::now();
        let failed = until(deadline, "nothing works", async || -> Result<()> { bail!("busy") });
        assert_eq!(failed.await.unwrap_err().to_string(), "nothing works in time: busy");
        assert_eq!(until(deadline, "x", async || Ok(7)).await.unwrap(), 7);
    }
}
