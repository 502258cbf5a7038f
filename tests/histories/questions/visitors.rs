//! Questions about visitors and sessions, and how far they got.

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use minutebook_domain::count::visitors::VisitorCounts;
use minutebook_domain::query::window::{Window, WindowLength};
use minutebook_domain::time::{Minute, QuarterHours};
use minutebook_storage::error::StorageError;
use minutebook_storage::visitors::{VisitorQuestion, VisitorStateSource, visitors_of_windows};
use serde_json::{Value, json};

use super::checks::minutes_of;
use super::{Answer, Bounds, Question, Reader};

impl Reader {
    /// Counts customers and sessions by stage in the same way as the API calls that report them.
    pub(super) async fn count_visitors(
        &self,
        site: &str,
        length: i64,
        age: i64,
    ) -> Result<Option<Answer>> {
        let now = self.clock.now();
        let as_of = Minute::from_epoch_seconds(now.timestamp() - age)
            .context("histories happen after 1970")?;
        let length = WindowLength::parse(&format!("{length}m")).context("a window length")?;
        let (window, precision) = Window::ending_with(as_of, length).kept(self.retention, now);
        let visitors = async {
            let state = self.table.visitor_state().await?.unwrap_or_default();
            let question = VisitorQuestion {
                site,
                secret: state.counting,
                windows: &[window],
                now,
                retention: self.retention,
                quarter_hours: QuarterHours::NONE,
                by_stage: true,
            };
            visitors_of_windows(&self.table, &question).await
        };
        let visitors = match visitors.await {
            Ok(visitors) => visitors,
            Err(StorageError::Unavailable { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let [visitors] = &visitors[..] else { bail!("one window has {visitors:?}") };
        let funnel = visitors.funnel();
        let funnel = funnel.map(|VisitorCounts { visitors, sessions }| [visitors, sessions]);
        let body = json!({
            "window": {
                "from": window.from.to_string(), "to": window.to.to_string(), "precision": precision.as_str(),
            },
            "funnel": funnel, "complete": visitors.stages.are_complete,
        });
        Ok(Some(Answer { asked_at: now, body }))
    }
}

pub(super) fn check_visitors(
    question: &Question,
    answer: &Value,
    bounds: &Bounds,
    now: DateTime<Utc>,
) -> Result<()> {
    let Question::ChunkVisitors { site, length, age } = question else {
        bail!("not about visitors");
    };
    let as_of = now - TimeDelta::seconds(*age);
    let minutes = minutes_of(answer, minutebook_oracle::window(as_of, *length))?;
    ensure!(answer["complete"] == true, "no build before stages is in a history");
    let [least, most] = [&bounds.least, &bounds.most]
        .map(|bound| bound.visitors.ids(site, minutes.clone()).funnel());
    for (stage, (least, most)) in least.iter().zip(&most).enumerate() {
        for (place, name, least, most) in
            [(0, "users", least.users, most.users), (1, "sessions", least.sessions, most.sessions)]
        {
            let found = answer["funnel"][stage][place].as_u64();
            let found = found.with_context(|| format!("there are no {name} of stage {stage}"))?;
            ensure!(least <= found, "{found} {name} of {stage}, and {least} were counted before");
            ensure!(found <= most, "{found} {name} of {stage}, and no more than {most} uploaded");
        }
    }
    Ok(())
}
