//! Health: what the real function reports about queues and a table in every state.

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use minutebook_tests::binaries;
use minutebook_tests::clients::Clients;
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::{Fault, FaultProxy, Plan};
use minutebook_tests::store::Store;
use minutebook_tests::worker::{Invocation, Worker};
use serde_json::{Value, json};

use crate::calls::asking;
use crate::counting::chunks::{count, now, views_at};
use crate::deployed::refused;

crate::tests![
    the_deployed_stack_says_how_it_is,
    what_waits_is_said_and_dead_letters_need_care,
    an_hour_that_is_not_rolled_up_degrades_health,
    a_rollup_that_does_not_run_degrades_health,
    over_five_percent_of_rejected_lines_degrade_health,
    what_is_out_of_reach_is_503_and_named,
    api_may_not_take_messages needs Permissions,
];

/// A store with its own queue and dead-letter queue.
pub(crate) struct Watched {
    pub(crate) store: Store,
    pub(crate) queue_url: String,
    pub(crate) dead_letters_url: String,
}

impl Watched {
    pub(crate) async fn make(cloud: &Cloud, name: &str) -> Result<Watched> {
        let store = Store::make(cloud, name).await?;
        let mut urls = vec![];
        for queue in ["queue", "dead-letters"] {
            let create = cloud.clients.sqs.create_queue().queue_name(format!("{name}-{queue}"));
            urls.push(create.send().await.context("CreateQueue")?.queue_url.context("a URL")?);
        }
        let [queue_url, dead_letters_url] = urls.try_into().ok().context("two queues")?;
        Ok(Watched { store, queue_url, dead_letters_url })
    }

    /// Starts a function that reads the table and the queues. Its endpoints may be those of a
    /// proxy.
    pub(crate) async fn start(
        &self,
        function: &str,
        dynamodb_url: &str,
        sqs_url: &str,
    ) -> Result<Worker> {
        let clients = &self.store.clients;
        Worker::start(
            &binaries::path(function)?,
            &[
                ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb_url),
                ("AWS_ENDPOINT_URL_S3", &clients.endpoint_url),
                ("AWS_ENDPOINT_URL_SQS", sqs_url),
                ("AWS_REGION", &clients.region),
                ("AWS_ACCESS_KEY_ID", &clients.access_key_id),
                ("AWS_SECRET_ACCESS_KEY", &clients.secret_access_key),
                ("MINUTEBOOK_TABLE", &self.store.table),
                ("MINUTEBOOK_QUEUE_URL", &self.queue_url),
                ("MINUTEBOOK_DEAD_LETTERS_URL", &self.dead_letters_url),
                ("MINUTEBOOK_MINUTE_RETENTION_DAYS", "7"),
                ("MINUTEBOOK_HOUR_RETENTION_DAYS", "400"),
                ("MINUTEBOOK_DAY_RETENTION_DAYS", "0"),
                ("MINUTEBOOK_DEFAULT_CURRENCY", "USD"),
                ("MINUTEBOOK_DEFAULT_TIME_ZONE", "UTC"),
                ("MINUTEBOOK_REQUIRE_READ_KEYS", "false"),
                ("MINUTEBOOK_REQUIRE_WRITE_KEYS", "false"),
            ],
        )
        .await
    }

    pub(crate) async fn start_plain(&self, function: &str) -> Result<Worker> {
        self.start(function, &self.store.clients.endpoint_url, &self.store.clients.endpoint_url)
            .await
    }

    pub(crate) async fn send(&self, queue_url: &str, count: usize) -> Result<()> {
        for number in 0..count {
            let send = self
                .store
                .clients
                .sqs
                .send_message()
                .queue_url(queue_url)
                .message_body(number.to_string());
            send.send().await.context("SendMessage")?;
        }
        Ok(())
    }
}

/// Requests the health, and returns the status and the body.
async fn ask(worker: &mut Worker) -> Result<(u64, Value)> {
    // Unknown parameters are ignored.
    asking::ask(worker, "/health", "t=1").await
}

fn reasons(answer: &Value) -> Vec<&str> {
    answer["reasons"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

async fn the_deployed_stack_says_how_it_is(cloud: &Cloud) -> Result<()> {
    let (status, content_type, answer) = cloud.get("/health").await?;
    ensure!(
        status == 200 && content_type == "application/json",
        "{status} {content_type} {answer}"
    );
    // Other tests leave dead letters and old open hours behind.
    let is_well = answer["status"] == "healthy" && reasons(&answer).is_empty();
    let is_degraded = answer["status"] == "degraded" && !reasons(&answer).is_empty();
    ensure!(is_well || is_degraded, "{answer}");
    ensure!(answer["service"] == "minutebook", "{answer}");
    for member in ["queue_size", "in_flight", "dead_letters"] {
        ensure!(answer[member].is_u64(), "{member}: {answer}");
    }
    Ok(())
}

async fn what_waits_is_said_and_dead_letters_need_care(cloud: &Cloud) -> Result<()> {
    let watched = Watched::make(cloud, "health-queues").await?;
    let mut worker = watched.start_plain("api").await?;
    run_rollup(&watched.store).await?;
    let (_, first) = ask(&mut worker).await?;
    let (rollup_at, last_hour) = (&first["rollup_at"], &first["last_hour"]);
    ensure!(last_hour["lines"] == 0 && last_hour["since"].is_string(), "{first}");
    let empty = json!({
        "status": "healthy", "service": "minutebook", "queue_size": 0, "in_flight": 0, "dead_letters": 0,
        "oldest_open_hour": null, "hours_waiting": 0, "rollup_at": rollup_at,
        "last_hour": last_hour, "reasons": [],
    });
    ensure!(ask(&mut worker).await? == (200, empty.clone()), "nothing waits");

    watched.send(&watched.queue_url, 3).await?;
    let receive = watched
        .store
        .clients
        .sqs
        .receive_message()
        .queue_url(&watched.queue_url)
        .max_number_of_messages(1);
    receive.visibility_timeout(600).send().await.context("ReceiveMessage")?;
    let mut busy = empty.clone();
    busy["queue_size"] = json!(2);
    busy["in_flight"] = json!(1);
    let told = ask(&mut worker).await?;
    ensure!(told == (200, busy.clone()), "{told:?} and not {busy}");

    watched.send(&watched.dead_letters_url, 2).await?;
    let (status, answer) = ask(&mut worker).await?;
    ensure!(
        status == 200 && answer["status"] == "degraded" && answer["dead_letters"] == 2,
        "{answer}"
    );
    ensure!(
        reasons(&answer) == ["the dead letters have 2: chunks that could not be counted"],
        "{answer}"
    );
    Ok(())
}

async fn an_hour_that_is_not_rolled_up_degrades_health(cloud: &Cloud) -> Result<()> {
    let watched = Watched::make(cloud, "health-hours").await?;
    let store = &watched.store;
    let mut worker = watched.start_plain("api").await?;
    // One hour is far in the future.
    store.list_open("other", "9999-01-01T00").await?;
    run_rollup(store).await?;
    let (_, answer) = ask(&mut worker).await?;
    ensure!(
        answer["status"] == "healthy" && answer["oldest_open_hour"] == "9999-01-01T00:00:00Z",
        "{answer}"
    );
    ensure!(answer["hours_waiting"] == 0, "{answer}");

    // Two others are only sealed by the next run.
    for hour in ["2026-10-04T08", "2026-10-05T08"] {
        store.list_open("shop", hour).await?;
    }
    run_rollup(store).await?;
    let (status, answer) = ask(&mut worker).await?;
    ensure!(status == 200 && answer["status"] == "degraded", "{answer}");
    ensure!(answer["oldest_open_hour"] == "2026-10-04T08:00:00Z", "{answer}");
    ensure!(answer["hours_waiting"] == 2, "{answer}");
    let reason = reasons(&answer).join(" ");
    ensure!(
        reason.starts_with("the hour of 2026-10-04T08:00:00Z ended ")
            && reason.ends_with("not rolled up"),
        "{answer}"
    );
    Ok(())
}

async fn a_rollup_that_does_not_run_degrades_health(cloud: &Cloud) -> Result<()> {
    let watched = Watched::make(cloud, "health-rollup").await?;
    let store = &watched.store;
    let endpoint_url = &store.clients.endpoint_url;
    let proxy = FaultProxy::start(endpoint_url, Box::new(|_| None)).await?;
    let mut worker = watched.start("api", &proxy.url, endpoint_url).await?;
    let (status, answer) = ask(&mut worker).await?;
    ensure!(status == 200 && answer["status"] == "degraded", "{status} {answer}");
    ensure!(reasons(&answer) == ["rollup has not run yet"], "{answer}");
    for member in ["rollup_at", "hours_waiting", "last_hour"] {
        ensure!(answer[member].is_null(), "{member}: {answer}");
    }

    run_rollup(store).await?;
    let (_, answer) = ask(&mut worker).await?;
    ensure!(answer["status"] == "healthy", "{answer}");
    let text = |text: &str| AttributeValue::S(text.to_string());
    let update = store.clients.dynamodb.update_item().table_name(&store.table);
    let update = update.key("pk", text("LAG")).key("sk", text("sealing"));
    let update = update
        .update_expression("SET #at = :at")
        .expression_attribute_names("#at", "at")
        .expression_attribute_values(":at", text("2026-11-20T23:10:00Z"));
    update.send().await.context("UpdateItem of the lag")?;
    let (_, answer) = ask(&mut worker).await?;
    ensure!(
        answer["status"] == "degraded" && answer["rollup_at"] == "2026-11-20T23:10:00Z",
        "{answer}"
    );
    let reason = reasons(&answer).join(" ");
    ensure!(
        reason.starts_with("rollup last reported ") && reason.ends_with(" seconds ago"),
        "{answer}"
    );
    // Each answer reads the lag, the totals and their snapshots.
    ensure!(proxy.calls("Query") == 9, "{} queries", proxy.calls("Query"));
    Ok(())
}

async fn over_five_percent_of_rejected_lines_degrade_health(cloud: &Cloud) -> Result<()> {
    for (rejected, status) in [(4, "healthy"), (6, "degraded")] {
        let watched = Watched::make(cloud, &format!("health-rejected-{rejected}")).await?;
        let store = &watched.store;
        // What was counted before the last hour does not matter.
        let mut ingest = store.start_plain_ingest().await?;
        let before = store.put("before.jsonl", "bad\n".repeat(50)).await?;
        count(&mut ingest, [&before]).await?;
        run_rollup(store).await?;

        let bad = r#"{"event":"view","timestamp":"2026-11-20T08:00:00Z"}"#;
        let text = views_at(now()?, 90 - rejected)
            + &format!("{bad}\n").repeat(rejected)
            + &r#"{"event":"popup","timestamp":"2026-11-20T08:00:00Z"}"#.repeat(10);
        let record = store.put("a.jsonl", text).await?;
        count(&mut ingest, [&record]).await?;
        let (code, answer) = ask(&mut watched.start_plain("api").await?).await?;
        ensure!(code == 200 && answer["status"] == status, "{answer}");
        let hour = &answer["last_hour"];
        ensure!(hour["lines"] == 100 && hour["rejected"] == rejected, "{answer}");
        ensure!(hour["rejected_by_reason"] == json!({"missing:item_id": rejected}), "{answer}");
        let unknown = json!({"popup": 10});
        ensure!(hour["unknown"] == 10 && hour["unknown_types"] == unknown, "{answer}");
        let sentence = reasons(&answer).join(" ");
        let is_said = sentence
            .starts_with("6 of 100 lines of the last hour were rejected (missing:item_id 6): ");
        ensure!(is_said == (status == "degraded"), "{answer}");
        store.verify().await?;
    }
    Ok(())
}

/// Runs rollup once.
pub(crate) async fn run_rollup(store: &Store) -> Result<()> {
    let mut rollup = store.start_rollup(&store.clients.endpoint_url, 0).await?;
    match rollup.invoke(json!({})).await? {
        Invocation::Answered(_) => Ok(()),
        ended => bail!("the run ended with {ended:?}"),
    }
}

async fn what_is_out_of_reach_is_503_and_named(cloud: &Cloud) -> Result<()> {
    let watched = Watched::make(cloud, "health-away").await?;
    watched.send(&watched.queue_url, 1).await?;
    let endpoint_url = &watched.store.clients.endpoint_url;
    let away: Plan = Box::new(|_| Some(Fault::Status(500)));
    let proxy = FaultProxy::start(endpoint_url, away).await?;
    let (status, answer) = ask(&mut watched.start("api", &proxy.url, endpoint_url).await?).await?;
    ensure!(
        status == 503 && answer["status"] == "unavailable" && answer["queue_size"] == 1,
        "{status} {answer}"
    );
    ensure!(reasons(&answer) == ["the table could not be read"], "{answer}");

    run_rollup(&watched.store).await?;
    let (status, answer) = ask(&mut watched.start("api", endpoint_url, &proxy.url).await?).await?;
    ensure!(
        status == 503 && answer["queue_size"].is_null() && answer["dead_letters"].is_null(),
        "{status} {answer}"
    );
    let expected = ["the queue could not be reached", "the dead letters could not be reached"];
    ensure!(reasons(&answer) == expected, "{answer}");

    let gone =
        Watched { dead_letters_url: format!("{}-gone", watched.dead_letters_url), ..watched };
    let (status, answer) = ask(&mut gone.start_plain("api").await?).await?;
    ensure!(
        status == 503 && reasons(&answer) == ["the dead letters could not be reached"],
        "{status} {answer}"
    );
    Ok(())
}

async fn api_may_not_take_messages(cloud: &Cloud) -> Result<()> {
    let stack = cloud.stack().await?;
    let Clients { sqs, .. } = cloud.as_role_of("api").await?;
    for queue_url in [&stack.queue_url, &stack.dead_letters_url] {
        sqs.get_queue_attributes()
            .queue_url(queue_url)
            .send()
            .await
            .context("api may read how much waits")?;
        refused(sqs.receive_message().queue_url(queue_url).send().await, "api", "ReceiveMessage")?;
        refused(sqs.purge_queue().queue_url(queue_url).send().await, "api", "PurgeQueue")?;
        let send = sqs.send_message().queue_url(queue_url).message_body("x").send().await;
        refused(send, "api", "SendMessage")?;
    }
    Ok(())
}
