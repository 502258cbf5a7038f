//! The workers of a history: ingests, sealers and a reader. They run the real code with real
//! clients, each behind its own proxy.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use ingest::chunk::Counter;
use minutebook_domain::count::measure::Currency;
use minutebook_domain::time::period::Retention;
use minutebook_runtime::aws::Aws;
use minutebook_runtime::clock::Clock;
use minutebook_storage::bucket::read::Buckets;
use minutebook_storage::committer::Committer;
use minutebook_storage::site::known_settings::KnownSettings;
use minutebook_storage::table::Table;
use minutebook_storage::visitors::secrets::KnownSecrets;
use minutebook_tests::clients::Clients;
use minutebook_tests::faults::{FaultProxy, UploadTimes};
use minutebook_tests::store::Store;
use rollup::sealer::Sealer;

use crate::questions::Reader;
use crate::steps::time_of;

/// The SDK's first backoff. With the default of one second, a history would take minutes.
const RETRY_PAUSE: Duration = Duration::from_millis(10);
/// The attempts of one call, as in the functions.
const ATTEMPTS: u32 = 5;

/// How many keys of an hour keep their names, as in the template: more than a history has, so that
/// each hour is the sum of its minutes.
const KEYS_MAX_OF_HOURS: u32 = 100_000;

/// How many sites are counted, as in the template.
const SITES_MAX: u32 = 1_000;

/// A proxy, and clients that use it.
#[derive(Debug)]
pub(crate) struct Line {
    /// The proxy.
    pub(crate) proxy: FaultProxy,
    dynamodb: aws_sdk_dynamodb::Client,
    s3: aws_sdk_s3::Client,
}

/// The lines of all workers. One history after another uses them.
#[derive(Debug)]
pub(crate) struct Cast {
    /// Two concurrent ingests.
    pub(crate) ingests: [Line; 2],
    /// Two sealers.
    pub(crate) sealers: [Line; 2],
    /// The worker that stalls.
    pub(crate) stalled: Line,
    /// The reader.
    pub(crate) reader: Line,
    /// The upload times of the objects.
    pub(crate) upload_times: UploadTimes,
}

impl Cast {
    pub(crate) async fn new(clients: &Clients) -> Result<Cast> {
        let upload_times = UploadTimes::default();
        let line = || Line::new(clients, &upload_times);
        let cast = Cast {
            ingests: [line().await?, line().await?],
            sealers: [line().await?, line().await?],
            stalled: line().await?,
            reader: line().await?,
            upload_times: upload_times.clone(),
        };
        let writers =
            [&cast.ingests[0], &cast.ingests[1], &cast.sealers[0], &cast.sealers[1], &cast.stalled];
        FaultProxy::make_overlaps_conflict_among(&writers.map(|line| &line.proxy));
        Ok(cast)
    }

    /// Waits until the cloud has executed every call that it received.
    pub(crate) async fn is_quiet(&self) {
        let [ingests, sealers] = [&self.ingests, &self.sealers];
        for line in ingests.iter().chain(sealers).chain([&self.stalled, &self.reader]) {
            line.proxy.is_quiet().await;
        }
    }
}

impl Line {
    async fn new(clients: &Clients, upload_times: &UploadTimes) -> Result<Line> {
        let proxy = FaultProxy::start(&clients.endpoint_url, Box::new(|_| None)).await?;
        proxy.set_upload_times(upload_times);
        let aws = Aws::read(|name| {
            let value = match name {
                "AWS_REGION" => &clients.region,
                "AWS_ACCESS_KEY_ID" => &clients.access_key_id,
                "AWS_SECRET_ACCESS_KEY" => &clients.secret_access_key,
                "AWS_ENDPOINT_URL" => &proxy.url,
                _ => return None,
            };
            Some(value.clone())
        })?;
        let retry =
            RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(RETRY_PAUSE);
        let dynamodb = aws.dynamodb().config().to_builder().retry_config(retry.clone()).build();
        let s3 = aws.s3().config().to_builder().retry_config(retry).build();
        let (dynamodb, s3) =
            (aws_sdk_dynamodb::Client::from_conf(dynamodb), aws_sdk_s3::Client::from_conf(s3));
        Ok(Line { proxy, dynamodb, s3 })
    }

    fn table(&self, props: &Props) -> Table {
        Table { client: self.dynamodb.clone(), name: props.store.table.clone() }
    }

    /// A newly started ingest, whose clock is `ahead` seconds fast.
    pub(crate) fn ingest(&self, props: &Props, ahead: i64) -> Result<Counter> {
        Ok(Counter {
            committer: Committer::new(self.table(props), props.retention),
            buckets: Buckets {
                client: self.s3.clone(),
                rejected: props.store.rejected_bucket.clone(),
            },
            default_currency: Currency::parse(b"USD").context("three letters")?,
            default_time_zone: "UTC".parse().context("a zone")?,
            keys_max: props.keys_max,
            sites_max: SITES_MAX,
            clock: props.clock(ahead),
            secrets: KnownSecrets::default(),
            settings: KnownSettings::default(),
        })
    }

    /// A newly started sealer.
    pub(crate) fn sealer(&self, props: &Props) -> Sealer {
        Sealer {
            settings: Default::default(),
            committer: Committer::new(self.table(props), props.retention),
            keys_max: KEYS_MAX_OF_HOURS,
            clock: props.clock(0),
        }
    }

    /// The reader that asks questions.
    pub(crate) fn reader(&self, props: &Props) -> Reader {
        Reader { table: self.table(props), retention: props.retention, clock: props.clock(0) }
    }
}

/// What all workers of a history share.
#[derive(Clone, Debug)]
pub(crate) struct Props {
    /// The table and the buckets.
    pub(crate) store: Store,
    /// The retention of rows.
    pub(crate) retention: Retention,
    /// How many keys of a chunk keep their names, 0 for all.
    pub(crate) keys_max: u32,
    /// The current time, in seconds since 1970.
    pub(crate) seconds: Arc<AtomicI64>,
}

impl Props {
    /// A clock that is `ahead` seconds fast.
    pub(crate) fn clock(&self, ahead: i64) -> Clock {
        let seconds = self.seconds.clone();
        Clock::new(move || time_of(seconds.load(Ordering::SeqCst) + ahead))
    }

    /// The current time, in seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.seconds.load(Ordering::SeqCst)
    }
}
