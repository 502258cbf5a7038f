//! The checks during a history and at its end.

use std::sync::atomic::Ordering;

use anyhow::{Result, bail, ensure};
use minutebook_domain::time::period::Retention;
use minutebook_oracle::{OTHER, Recount};
use minutebook_tests::random::Random;

use super::{Chunk, HOUR, Player, count, no_faults};
use crate::book::{Book, ChunkFacts, Terms};
use crate::order_states::OrderStates;
use crate::questions::orders::{OrderQuestion, OrdersNow};
use crate::questions::{Answer, Bounds, Counted, Question};

/// The settle time of sealing, in seconds, plus one.
const SETTLE_TIME: i64 = 61;
/// How often the sealer may run at the end of a history until no hour is open.
const LAST_RUNS_MAX: usize = 40;
const LAST_DELIVERIES_MAX: usize = 10;

impl Player<'_> {
    pub(super) async fn audit(&mut self, questions: &[OrderQuestion]) -> Result<()> {
        self.cast.is_quiet().await;
        let book = Book::read(&self.props.store).await?;
        // Of chunks that nobody has begun, nothing is counted.
        let begun = self.chunks.iter().filter(|chunk| chunk.is_begun);
        let facts: Vec<ChunkFacts> = begun.map(|chunk| chunk.facts.clone()).collect();
        book.check_not_above(&facts, &self.terms())?;
        book.check_totals(&facts, false)?;
        book.check_orders(&self.order_states(), &facts, &self.terms())?;
        self.tally.checks += 3;
        let bounds = self.bounds(OrdersNow::AtRest(book.orders()?))?;
        let questions: Vec<Question> = questions.iter().copied().map(Question::Orders).collect();
        let answers = self.ask(&self.cast.reader, &questions).await?;
        self.tally.checks += check_answers(&answers, &bounds)?;
        if !book.has_unfinished_chunks()? {
            book.check_hours(&self.terms())?;
            self.tally.checks += 1;
        }
        Ok(())
    }

    /// Counts every chunk and seals every hour without faults, then checks everything.
    pub(super) async fn end(&mut self) -> Result<()> {
        self.wake().await?;
        for line in self.cast.ingests.iter().chain(&self.cast.sealers).chain([&self.cast.reader]) {
            line.proxy.set_plan(no_faults());
        }
        let mut deliveries = 0;
        while let Some(number) = self.chunks.iter().position(|chunk| !chunk.is_counted) {
            deliveries += 1;
            ensure!(
                deliveries <= self.chunks.len() * LAST_DELIVERIES_MAX,
                "chunk {number} cannot be counted"
            );
            let newest = self.settings.newest();
            self.chunks[number].note_attempt(newest..=newest);
            let is_counted = count(&self.ingests[0], self.version(number, 0)).await?;
            self.note(Some(number), is_counted);
        }
        self.read_ledger().await?;
        self.end_recount().await?;
        self.seal_to_the_end().await?;
        let book = self.check_all().await?;

        // Replay everything: the table must not change.
        let counter = self.cast.ingests[1].ingest(&self.props, 0)?;
        for version in self.chunks.iter().flat_map(|chunk| &chunk.versions) {
            count(&counter, version).await?;
        }
        for line in &self.cast.sealers {
            self.seal(line).await?;
        }
        let changes = book.first_changes(&Book::read(&self.props.store).await?);
        ensure!(
            changes.is_empty(),
            "replaying everything changed the table:\n    {}",
            changes.join("\n    ")
        );
        self.tally.checks += 1;
        Ok(())
    }

    async fn seal_to_the_end(&mut self) -> Result<()> {
        for _ in 0..LAST_RUNS_MAX {
            self.seal(&self.cast.sealers[0]).await?;
            let open_hours = self.props.store.open_hours().await?;
            let hours =
                open_hours.iter().filter_map(|row| Some(row["sk"].as_s().ok()?.split_once('#')?.1));
            let Some(hour) = hours.min() else {
                return Ok(());
            };
            let start =
                format!("{hour}:00:00Z").parse::<chrono::DateTime<chrono::Utc>>()?.timestamp();
            let closed = start + HOUR + 10 * 60;
            let next = closed.max(self.props.now() + SETTLE_TIME);
            self.props.seconds.store(next, Ordering::SeqCst);
        }
        bail!("hours stay open after {LAST_RUNS_MAX} sealer runs")
    }

    async fn check_all(&mut self) -> Result<Book> {
        let book = Book::read(&self.props.store).await?;
        let (facts, terms) = (self.facts(), self.terms());
        book.check_equal(&facts, &terms)?;
        // This skips hours that are not settled yet.
        book.check_hours(&terms)?;
        book.check_lines(&facts)?;
        book.check_totals(&facts, true)?;
        ensure!(!book.has_unfinished_chunks()?, "some chunks are only partly counted");
        // Every chunk is counted, so each order has one possible state.
        book.check_orders(&self.order_states(), &facts, &terms)?;
        self.tally.checks += 6;
        let bounds = self.bounds(OrdersNow::AtRest(book.orders()?))?;
        let questions = Question::last(&mut Random::of(&[self.seed, 3]), &self.setting);
        let answers = self.ask(&self.cast.reader, &questions).await?;
        self.tally.checks += check_answers(&answers, &bounds)?;
        Ok(book)
    }

    pub(super) fn count_cut_chunks(&self) -> u64 {
        let is_cut =
            |chunk: &&Chunk| chunk.facts.recount.tallies.keys().any(|key| key.key == OTHER);
        self.chunks.iter().filter(is_cut).count() as u64
    }

    pub(super) fn facts(&self) -> Vec<ChunkFacts> {
        self.chunks.iter().map(|chunk| chunk.facts.clone()).collect()
    }

    fn terms(&self) -> Terms {
        let Retention { minute_days, hour_days, day_days } = self.props.retention;
        Terms {
            now: self.props.now(),
            days: [minute_days, hour_days, day_days],
            quarter_hours: self.settings.quarter_hours(),
        }
    }

    /// What answers have at least: what is certainly counted.
    pub(super) fn least(&self) -> Counted {
        let [counted, _] = self.counted_and_begun();
        counted.into_iter().collect()
    }

    /// What answers have at least and at most while nothing else works: what is certainly counted,
    /// and what was begun.
    pub(super) fn bounds(&self, orders: OrdersNow) -> Result<Bounds> {
        let [_, begun] = self.counted_and_begun();
        let mut most: Counted = begun.into_iter().collect();
        for chunk in &self.chunks {
            for revision in &chunk.revisions_tried {
                let tried = self.recount(&chunk.text, chunk.uploaded_at, *revision)?;
                most.visitors.merge(&tried.visitors);
            }
        }
        Ok(Bounds { least: self.least(), most, orders, settings: self.settings.clone() })
    }

    /// The chunks that are certainly counted, and those that somebody has begun.
    fn counted_and_begun(&self) -> [Vec<&Recount>; 2] {
        let counted = self.chunks.iter().filter(|chunk| chunk.is_counted);
        let begun = self.chunks.iter().filter(|chunk| chunk.is_begun);
        [counted.collect::<Vec<_>>(), begun.collect()]
            .map(|chunks| chunks.into_iter().map(|chunk| &chunk.facts.recount).collect())
    }

    fn order_states(&self) -> OrderStates {
        let [counted, begun] = self.counted_and_begun().map(|recounts| {
            recounts.into_iter().map(|recount| recount.orders.as_slice()).collect::<Vec<_>>()
        });
        OrderStates::between(&counted, &begun)
    }
}

/// Checks answers against their bounds, and returns how many there are.
pub(super) fn check_answers(answers: &[(Question, Answer)], bounds: &Bounds) -> Result<u64> {
    for (question, answer) in answers {
        answer.check(question, bounds)?;
    }
    Ok(answers.len() as u64)
}
