//! The chunks that are not counted with a secret yet, and sending their messages.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures::{StreamExt as _, TryStreamExt as _};

use crate::rows::ledger::{self, ChunkIds, Goal, Ledger, Wait};
use crate::rows::{self, TableRow};
use crate::stack::context::Context;
use crate::stack::notification;
use crate::stack::object_hashes::ObjectHashes;
use crate::stack::objects::{self, Object};
use crate::stack::queue::Queue;
use crate::terminal::progress;

/// How many objects are read at once.
const CONCURRENCY: usize = 4;

/// The chunks that are counted, but not with a secret.
#[derive(Debug, Default)]
pub(super) struct Lacking {
    /// An object of each whose bytes still exist, by chunk id.
    pub(super) objects: BTreeMap<String, (Object, ChunkIds)>,
    /// The others, which cannot be recounted.
    pub(super) gone: BTreeSet<String>,
}

/// Where chunks, objects and messages are.
pub(super) struct Chunks<'a> {
    pub(super) context: &'a Context,
    pub(super) dynamodb: &'a aws_sdk_dynamodb::Client,
    pub(super) table: &'a str,
    pub(super) s3: aws_sdk_s3::Client,
    pub(super) bucket: &'a str,
}

impl Chunks<'_> {
    /// The chunks that are counted, but not with this secret.
    ///
    /// # Errors
    /// The table, the bucket or an object cannot be read.
    pub(super) async fn lacking(&self, secret: u32) -> Result<Lacking> {
        let mut ids = self.lacking_ids(secret).await?;
        if ids.is_empty() {
            return Ok(Lacking::default());
        }
        let keys: HashSet<&str> = ids
            .iter()
            .filter_map(|id| ledger::object_of(id))
            .filter(|(bucket, ..)| *bucket == self.bucket)
            .map(|(_, key, _)| key)
            .collect();
        let step = progress::bar("listing", 0);
        let mut listed = objects::list(&self.s3, self.bucket, "").await?;
        step.finish_and_clear();
        listed.retain(|object| keys.contains(object.key.as_str()));
        let bar = progress::bar("reading", listed.len());
        let hashes = futures::stream::iter(&listed).map(async |object| {
            let hashes = object.hashes(&self.s3).await?;
            bar.inc(1);
            Ok::<_, anyhow::Error>(hashes)
        });
        let hashes: Vec<Option<ObjectHashes>> = hashes.buffered(CONCURRENCY).try_collect().await?;
        bar.finish_and_clear();
        let mut found = BTreeMap::new();
        for (object, hashes) in listed.into_iter().zip(hashes) {
            let Some(hashes) = hashes else { continue };
            let chunk_ids = ChunkIds::new(&object.bucket, &object.key, &hashes);
            if ids.remove(&chunk_ids.counted) {
                found.insert(chunk_ids.counted.clone(), (object, chunk_ids));
            }
        }
        Ok(Lacking { objects: found, gone: ids })
    }

    async fn lacking_ids(&self, secret: u32) -> Result<BTreeSet<String>> {
        let step = progress::bar("reading the ledger", 0);
        let mut ledgers: BTreeMap<String, Ledger> = BTreeMap::new();
        let mut items = std::pin::pin!(rows::scan(self.dynamodb, self.table));
        while let Some(item) = items.try_next().await? {
            let mut oddities = Vec::new();
            let row = rows::read(&item, &mut oddities);
            let Some(TableRow::LedgerEntry { chunk_id, entry }) = row else { continue };
            if ledger::sealed_hour(&chunk_id).is_some() {
                continue;
            }
            let Some(entry) = entry else {
                bail!("cannot read the ledger: {}", oddities.join(", "));
            };
            ledgers.entry(chunk_id).or_default().add(*entry);
        }
        step.finish_and_clear();
        let lacks = |ledger: &Ledger| {
            let summary = ledger.summary.as_ref();
            summary.is_some_and(|summary| !summary.visitor_secrets.contains(&secret))
        };
        ledgers.retain(|_, ledger| ledger.is_complete() && !ledger.is_removed && lacks(ledger));
        Ok(ledgers.into_keys().collect())
    }

    /// Sends the messages of chunks, and waits until all of them are counted with the secret.
    ///
    /// # Errors
    /// A message cannot be sent, or the time is over.
    pub(super) async fn recount(
        &self,
        chunks: &BTreeMap<String, (Object, ChunkIds)>,
        secret: u32,
        timeout: Duration,
    ) -> Result<()> {
        if chunks.is_empty() {
            return Ok(());
        }
        let url = self.context.endpoints().await?.queue_url()?.to_owned();
        let queue = Queue { client: self.context.sqs().await?, url };
        let ids: Vec<ChunkIds> = chunks.values().map(|(_, ids)| ids.clone()).collect();
        let wait = Wait::begin(self.context, Goal::VisitorsWith(secret), ids).await?;
        let region = self.s3.config().region().map_or_else(String::new, ToString::to_string);
        let bodies: Vec<String> =
            chunks.values().map(|(object, _)| notification::write(object, &region)).collect();
        let bar = progress::bar("sending", bodies.len());
        let sent = queue.send_all(&bodies, |count| bar.inc(count)).await;
        bar.finish_and_clear();
        sent.context("not all messages are sent; run it again, it continues")?;
        let waited = wait.end(timeout).await?;
        if let Some(reason) = waited.gave_up {
            let missing = waited.chunks.iter().filter(|chunk| chunk.is_none()).count();
            bail!(
                "{missing} of {} chunks are not recounted: {reason}; answers still use the old \
                 numbers. Run it again, it continues",
                waited.chunks.len()
            );
        }
        Ok(())
    }
}
