//! Searches raw objects for a person, and writes them anew.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufWriter, Write as _};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use chrono::DateTime;
use chrono_tz::Tz;
use futures::{StreamExt as _, TryStreamExt as _};
use minutebook_domain::chunk::forget::{
    Found, Person, RelatedIds, Rewriter, Search, Want, difference,
};
use minutebook_domain::chunk::{ChunkCount, ChunkReader, ChunkSettings, ChunkSites};
use minutebook_domain::count::measure::Currency;
use minutebook_domain::count::secret::VisitorSecret;
use minutebook_domain::event::line::{READER_VERSION, READER_VERSION_OLDEST};
use minutebook_domain::event::settings::{ReadingSettings, SettingsBySite};
use minutebook_domain::event::site::SiteId;
use minutebook_domain::plan::PlanInputs;
use tempfile::NamedTempFile;

use crate::commands::forget::ledger::Successor;
use crate::rows::ledger::ChunkIds;
use crate::rows::ledger::{self, Ledger, Summary, are_counted_elsewhere};
use crate::rows::sites::settings::{self, Revision};
use crate::stack::object_hashes::ObjectHashes;
use crate::stack::objects::Object;
use crate::terminal::progress;

/// How many objects are searched at once, each by a core.
const CONCURRENCY: usize = 4;

/// The size of a block of a file, in bytes.
const BLOCK_BYTES: usize = 256 * 1024;

/// Where objects and their ledger entries are, and how they are read.
#[derive(Clone)]
pub(super) struct Objects {
    pub(super) s3: aws_sdk_s3::Client,
    pub(super) dynamodb: aws_sdk_dynamodb::Client,
    pub(super) table: String,
    pub(super) secret: VisitorSecret,
    /// The revisions of the settings of sites.
    pub(super) revisions: Arc<Vec<Revision>>,
    pub(super) default_currency: Currency,
    pub(super) default_time_zone: Tz,
}

/// What a search found.
#[derive(Debug, Default)]
pub(super) struct Searched {
    /// The objects that say something about the person, and in how many lines.
    pub(super) about: BTreeMap<(String, Option<String>), u64>,
    pub(super) related: RelatedIds,
    /// Those that cannot be read, and why.
    pub(super) unreadable: Vec<(String, String)>,
}

/// What is to become of an object.
pub(super) enum Change {
    /// It says nothing about the person after all.
    Nothing,
    /// It is counted as another one, which is written anew.
    Delete,
    /// It is replaced by this file.
    Replace(NamedTempFile),
}

impl Objects {
    /// Searches objects for a person.
    ///
    /// # Errors
    /// An object cannot be opened.
    pub(super) async fn search(&self, objects: &[Object], person: &Person) -> Result<Searched> {
        let bar = progress::bar("searching", objects.len());
        let person = Arc::new(person.clone());
        let searches = futures::stream::iter(objects).map(|object| {
            let (this, object, person) = (self.clone(), object.clone(), Arc::clone(&person));
            tokio::spawn(async move {
                let settings = this.settings_of_search(&object);
                let found = this.found_in(&object, &settings, &person, Want::Ids).await;
                (object, found)
            })
        });
        let mut searches = searches.buffered(CONCURRENCY);
        let mut searched = Searched::default();
        while let Some((object, found)) = searches.try_next().await? {
            bar.inc(1);
            match found {
                Ok(Some(found)) => {
                    searched.related.extend(found.related);
                    if found.lines > 0 {
                        searched.about.insert((object.key, object.version), found.lines);
                    }
                }
                Ok(None) => {}
                // An archive, or what a later version can read.
                Err(error) => searched.unreadable.push((object.name(), format!("{error:#}"))),
            }
        }
        bar.finish_and_clear();
        Ok(searched)
    }

    /// The sites of the events of an object; none if it cannot be read.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) async fn sites_in(&self, object: &Object) -> Result<BTreeSet<String>> {
        let Some(mut open) = object.open(&self.s3).await? else { return Ok(BTreeSet::new()) };
        let mut reader = ChunkReader::new(&self.settings_of_search(object));
        while let Some(block) = open.body.next().await {
            let block = block.with_context(|| format!("cannot read {}", object.address()))?;
            if reader.push(&block).is_err() {
                return Ok(BTreeSet::new());
            }
            drop(reader.take_rejected());
        }
        let count = reader.finish();
        Ok(count.map_or_else(
            |_| BTreeSet::new(),
            |count| count.sites().into_keys().map(str::to_owned).collect(),
        ))
    }

    /// Decides what is to become of an object, and lets the ledger know the new bytes.
    ///
    /// # Errors
    /// The object is not counted yet, it cannot be written anew, or the table or the bucket fails.
    pub(super) async fn change(&self, object: &Object, person: &Person) -> Result<Change> {
        let hashes = object.hashes(&self.s3).await?;
        let hashes: ObjectHashes = hashes.with_context(|| gone(object))?;
        let ids = ChunkIds::new(&object.bucket, &object.key, &hashes);
        let Some(ledger) = ledger::read(&self.dynamodb, &self.table, &ids.counted).await? else {
            if are_counted_elsewhere(&self.dynamodb, &self.s3, &self.table, &ids.file).await? {
                return Ok(Change::Delete);
            }
            bail!("{} is not counted yet: run it again once it is", object.address());
        };
        let summary = ledger.summary.clone().filter(|_| ledger.is_complete());
        let summary = summary.with_context(|| {
            format!("{} is not counted to its end yet: run it again once it is", object.address())
        })?;
        let settings = self.settings_as_counted(&summary, &ledger, hashes.size_bytes);
        let found = self.found_in(object, &settings, person, Want::Edits).await?;
        let found = found.with_context(|| gone(object))?;
        if found.edits.is_empty() {
            return Ok(Change::Nothing);
        }
        let (file, counted_before) = self.rewrite(object, found).await?;
        let (new_settings, new_hash) = {
            let mut settings = settings.clone();
            let size = file.as_file().metadata()?.len();
            settings.size_bytes = size;
            settings.inputs.counted_before = settings.inputs.counted_before.map(|_| counted_before);
            let count = count_file(&file, &settings)?;
            let before = self.count(object, &self.with_size(&settings, &hashes, &summary)).await?;
            let inputs = &settings.inputs;
            if let Some(what) = difference(&before, &count, inputs, person, self.secret) {
                bail!("{}: {what} would differ, so it is not written anew", object.address());
            }
            (settings, count.content_hash.to_string())
        };
        let new = format!("{}/{}#{new_hash}", object.bucket, object.key);
        let counted = ledger.read_as.as_deref().unwrap_or(&ids.counted);
        let successor = Successor {
            client: &self.dynamodb,
            table: &self.table,
            stored: &ids.counted,
            counted,
            new: &new,
            counted_before: new_settings.inputs.counted_before.unwrap_or(0),
        };
        successor.take_over().await?;
        Ok(Change::Replace(file))
    }

    /// The settings of the old bytes.
    fn with_size(
        &self,
        new: &ChunkSettings,
        hashes: &ObjectHashes,
        summary: &Summary,
    ) -> ChunkSettings {
        let mut old = new.clone();
        old.size_bytes = hashes.size_bytes;
        old.inputs.counted_before = old.inputs.counted_before.map(|_| summary.counted_before);
        old
    }

    async fn found_in(
        &self,
        object: &Object,
        settings: &ChunkSettings,
        person: &Person,
        want: Want,
    ) -> Result<Option<Found>> {
        let Some(mut open) = object.open(&self.s3).await? else { return Ok(None) };
        let mut search = Search::new(settings, person, want);
        while let Some(block) = open.body.next().await {
            let block = block.with_context(|| format!("cannot read {}", object.address()))?;
            search.push(&block).with_context(|| object.address())?;
        }
        Ok(Some(search.finish().with_context(|| object.address())?))
    }

    /// Writes an object anew into a file. Returns how much of it an earlier version has counted.
    async fn rewrite(&self, object: &Object, found: Found) -> Result<(NamedTempFile, u64)> {
        let mut file = NamedTempFile::new().context("cannot make a temporary file")?;
        let mut open = object.open(&self.s3).await?.with_context(|| gone(object))?;
        let size_bytes = object.size_bytes.unwrap_or(u64::MAX);
        let mut out = BufWriter::new(file.as_file_mut());
        let mut rewriter = Rewriter::new(&mut out, size_bytes, found);
        let what = || format!("cannot write {} anew", object.address());
        while let Some(block) = open.body.next().await {
            let block = block.with_context(|| format!("cannot read {}", object.address()))?;
            rewriter.push(&block).with_context(what)?;
        }
        let rewritten = rewriter.finish().with_context(what)?;
        out.flush().with_context(what)?;
        drop(out);
        Ok((file, rewritten.counted_before))
    }

    async fn count(&self, object: &Object, settings: &ChunkSettings) -> Result<ChunkCount> {
        let mut open = object.open(&self.s3).await?.with_context(|| gone(object))?;
        let mut reader = ChunkReader::new(settings);
        while let Some(block) = open.body.next().await {
            let block = block.with_context(|| format!("cannot read {}", object.address()))?;
            reader.push(&block).with_context(|| object.address())?;
            drop(reader.take_rejected());
        }
        reader.finish().with_context(|| object.address())
    }

    /// What an object is searched with: whose a line is hardly depends on it.
    fn settings_of_search(&self, object: &Object) -> ChunkSettings {
        let now = object.time.unwrap_or(DateTime::UNIX_EPOCH);
        let inputs = PlanInputs {
            default_currency: self.default_currency,
            default_time_zone: self.default_time_zone,
            ..PlanInputs::with_defaults(now)
        };
        ChunkSettings {
            inputs,
            secret: self.secret,
            sites: self.sites(u32::MAX),
            size_bytes: object.size_bytes.unwrap_or(u64::MAX),
        }
    }

    /// What a chunk was counted with.
    fn settings_as_counted(
        &self,
        summary: &Summary,
        ledger: &Ledger,
        size_bytes: u64,
    ) -> ChunkSettings {
        let currency = Currency::parse(summary.default_currency.as_bytes());
        let inputs = PlanInputs {
            default_currency: currency.unwrap_or(self.default_currency),
            default_time_zone: summary.default_time_zone.unwrap_or(Tz::UTC),
            minute_retention_days: summary.minute_retention_days.unwrap_or(0),
            keys_max: ledger.keys_max,
            reader_version: match summary.has_checkouts {
                true => READER_VERSION,
                false => READER_VERSION_OLDEST,
            },
            counted_before: Some(summary.counted_before),
            ..PlanInputs::with_defaults(summary.reference_time)
        };
        let sites = self.sites(summary.settings_revision);
        ChunkSettings { inputs, secret: self.secret, sites, size_bytes }
    }

    fn sites(&self, revision: u32) -> ChunkSites {
        let mut by_site = SettingsBySite::default();
        for (site, revision) in settings::as_of(&self.revisions, revision) {
            let settings::SiteSettings { currency, time_zone, .. } = &revision.settings;
            let currency = currency.as_ref().and_then(|code| Currency::parse(code.as_bytes()));
            if let Some(site) = SiteId::parse(site) {
                by_site.set(&site, ReadingSettings { currency, time_zone: *time_zone });
            }
        }
        ChunkSites { settings: Arc::new(by_site), ..ChunkSites::default() }
    }
}

fn count_file(file: &NamedTempFile, settings: &ChunkSettings) -> Result<ChunkCount> {
    use std::io::Read as _;
    let mut file = std::fs::File::open(file.path()).context("cannot read a temporary file")?;
    let mut reader = ChunkReader::new(settings);
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        let length = file.read(&mut block).context("cannot read a temporary file")?;
        if length == 0 {
            return reader.finish().map_err(|error| anyhow!("what was written anew: {error}"));
        }
        reader.push(&block[..length]).context("what was written anew")?;
        drop(reader.take_rejected());
    }
}

fn gone(object: &Object) -> String {
    format!("{} was deleted or replaced meanwhile: run it again", object.address())
}
