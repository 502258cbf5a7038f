//! What the ledger recorded of chunks, and changes of settings, between which it decides.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};

use super::{Chunk, Player};
use crate::book::Book;
use crate::settings::Change;

impl Player<'_> {
    /// Looks up chunks that nobody had begun. Who begins one settles the time and the revision of
    /// the settings that it is counted by, for every attempt to come.
    pub(super) async fn read_ledger(&mut self) -> Result<()> {
        for number in 0..self.chunks.len() {
            let Chunk { text, facts, is_begun, uploaded_at, .. } = &self.chunks[number];
            if *is_begun {
                continue;
            }
            let entries = self.props.store.partition(&format!("L#{}", facts.id)).await?;
            let is_first = |entry: &&HashMap<String, AttributeValue>| {
                entry["sk"].as_s().is_ok_and(|part| part == "000000")
            };
            let Some(first) = entries.iter().find(is_first) else { continue };
            let revision = match first.get("settings_revision") {
                Some(number) => number.as_n().ok().context("a revision is a number")?.parse()?,
                None => 0,
            };
            let reference_time = first.get("reference_time").and_then(|time| time.as_s().ok());
            let reference_time: DateTime<Utc> =
                reference_time.context("an entry has a reference time")?.parse()?;
            let reference_time = reference_time.timestamp();
            ensure!(
                reference_time >= *uploaded_at,
                "{} is counted by the time {reference_time}, before it was uploaded",
                facts.id
            );
            let recount = self.recount(text, reference_time, revision)?;
            let chunk = &mut self.chunks[number];
            chunk.facts.recount = recount;
            chunk.is_begun = true;
        }
        Ok(())
    }

    /// Sets something for a site while nothing works, or while a worker is held up.
    pub(super) async fn set(&mut self, change: &Change) -> Result<()> {
        self.cast.is_quiet().await;
        let book = Book::read(&self.props.store).await?;
        let is_in_the_middle = self.held.is_some() || book.has_unfinished_chunks()?;
        let number = self.settings.newest() + 1;
        let revision = change.make(&self.props.store, number, self.props.now()).await?;
        self.settings.push(revision);
        self.tally.changes[0] += 1;
        self.tally.changes[1] += u64::from(is_in_the_middle);
        Ok(())
    }
}

impl Chunk {
    /// Somebody has tried to count it, and found one of these revisions.
    pub(super) fn note_attempt(&mut self, revisions: RangeInclusive<usize>) {
        if !self.is_begun {
            self.revisions_tried.extend(revisions);
        }
    }
}
