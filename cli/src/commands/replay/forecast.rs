//! The forecast that a dry run makes for each object.

use std::collections::HashSet;

use anyhow::{Context as _, Error, Result};
use chrono::DateTime;
use futures::{StreamExt as _, TryStreamExt as _};
use minutebook_oracle::{Settings, recount_appended};

use crate::commands::replay::report::Outcome;
use crate::rows::ledger::{self, ChunkIds, Counts, Ledger, are_counted_elsewhere, counted_before};
use crate::rows::sites::settings;
use crate::stack::context::Context;
use crate::stack::objects::Object;
use crate::stack::options::time_zone;
use crate::terminal::progress;

/// How many objects are read at once. One that is not counted is in memory as a whole.
const CONCURRENCY: usize = 4;

/// Makes forecasts from the bucket and the ledger.
pub(super) struct Forecast {
    s3: aws_sdk_s3::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    table: String,
    /// The newest ones, at no time.
    settings: Settings,
}

impl Forecast {
    /// # Errors
    /// The stack has no bucket or table, or the settings of sites cannot be read.
    pub(super) async fn new(context: &Context) -> Result<Self> {
        let endpoints = context.endpoints().await?;
        let (dynamodb, table) = (context.dynamodb().await?, endpoints.table()?.to_owned());
        let settings = Settings {
            default_currency: endpoints.default_currency().to_owned(),
            default_time_zone: time_zone(endpoints.default_time_zone()).map_err(Error::msg)?,
            sites: settings::reading_as_of(&settings::all(&dynamodb, &table).await?, u32::MAX),
            ..Settings::at(DateTime::UNIX_EPOCH)
        };
        Ok(Self { s3: context.s3().await?, dynamodb, table, settings })
    }

    /// Says what would happen to each object.
    ///
    /// # Errors
    /// An object or the ledger cannot be read.
    pub(super) async fn of(&self, objects: Vec<Object>) -> Result<Vec<(Object, Outcome)>> {
        let bar = progress::bar("reading", objects.len());
        let looks = futures::stream::iter(&objects).map(async |object| {
            let Some(hashes) = object.hashes(&self.s3).await? else {
                return Ok((None, Outcome::Gone));
            };
            let ids = ChunkIds::new(&object.bucket, &object.key, &hashes);
            let outcome = match ledger::read(&self.dynamodb, &self.table, &ids.counted).await? {
                Some(ledger) => of_ledger(&ledger),
                None if self.are_counted_elsewhere(&ids).await? => Outcome::SameBytes,
                None => self.uncounted(object, &ids.refused).await?,
            };
            bar.inc(1);
            Ok::<_, anyhow::Error>((Some(ids.counted), outcome))
        });
        let outcomes: Vec<(Option<String>, Outcome)> =
            looks.buffered(CONCURRENCY).try_collect().await?;
        bar.finish_and_clear();
        let mut chunk_ids = HashSet::new();
        let mut forecast = Vec::new();
        for (object, (chunk_id, outcome)) in objects.into_iter().zip(outcomes) {
            let is_first = chunk_id.is_none_or(|chunk_id| chunk_ids.insert(chunk_id));
            let would_change = matches!(
                outcome,
                Outcome::WouldCount(_) | Outcome::WouldFinish(_) | Outcome::WouldRefuse(_)
            );
            forecast.push((
                object,
                if would_change && !is_first { Outcome::SameBytes } else { outcome },
            ));
        }
        Ok(forecast)
    }

    async fn are_counted_elsewhere(&self, ids: &ChunkIds) -> Result<bool> {
        are_counted_elsewhere(&self.dynamodb, &self.s3, &self.table, &ids.file).await
    }

    /// The forecast for an object that is not counted; `refused_id` is its chunk id if it is
    /// refused.
    async fn uncounted(&self, object: &Object, refused_id: &str) -> Result<Outcome> {
        let Some(open) = object.open(&self.s3).await? else { return Ok(Outcome::Gone) };
        let settings = Settings { reference_time: open.last_modified, ..self.settings.clone() };
        let bytes = open
            .body
            .collect()
            .await
            .with_context(|| format!("cannot read {}", object.address()))?
            .into_bytes();
        let earlier = counted_before(&self.dynamodb, &self.table, object, &bytes).await?;
        let recount = move || recount_appended(&bytes, earlier, &settings);
        match tokio::task::spawn_blocking(recount).await? {
            Ok(recount) => Ok(Outcome::WouldCount(Counts::from(&recount))),
            Err(error) => {
                let found = ledger::read(&self.dynamodb, &self.table, refused_id).await?;
                Ok(match found {
                    Some(_) => Outcome::AlreadyRefused,
                    None => Outcome::WouldRefuse(error.to_string()),
                })
            }
        }
    }
}

/// The forecast for a chunk that has ledger entries.
fn of_ledger(ledger: &Ledger) -> Outcome {
    if ledger.is_complete() {
        Outcome::AlreadyCounted
    } else {
        Outcome::WouldFinish(ledger.missing())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_without_all_its_entries_would_be_finished() {
        let unfinished = Ledger { parts: [2].into(), ..Ledger::default() };
        let Outcome::WouldFinish(missing) = of_ledger(&unfinished) else {
            panic!("it has no entry")
        };
        assert_eq!(missing.len(), 2);
    }
}
