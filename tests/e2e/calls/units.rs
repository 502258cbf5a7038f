//! What questions cost, by a meter between the function and the table.

use anyhow::{Result, ensure};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::FaultProxy;
use minutebook_tests::store::{Store, sqs_event};
use minutebook_tests::worker::Worker;

use crate::calls::access::keys::{add, store_with_keys};
use crate::calls::asking::ask;

crate::tests![
    a_key_costs_at_most_a_read_unit_in_a_new_process_and_none_after_that,
    all_time_of_a_site_costs_what_its_years_cost_and_an_unknown_site_one_read,
];

/// The function `api` behind a meter.
struct Metered {
    proxy: FaultProxy,
    worker: Worker,
}

impl Metered {
    async fn start(store: &Store) -> Result<Metered> {
        let proxy = FaultProxy::start(&store.clients.endpoint_url, Box::new(|_| None)).await?;
        let worker = store.start_query("api", &proxy.url).await?;
        Ok(Metered { proxy, worker })
    }

    /// Asks a question, and returns its read units, in halves.
    async fn half_units(&mut self, path: &str, query: &str) -> Result<u64> {
        let (status, answer) = ask(&mut self.worker, path, query).await?;
        ensure!(status == 200, "{path} {query}: {answer}");
        Ok(self.proxy.take_half_read_units())
    }
}

/// Read units, as text.
fn units(half_units: u64) -> String {
    format!("{}{}", half_units / 2, if half_units.is_multiple_of(2) { "" } else { ".5" })
}

async fn a_key_costs_at_most_a_read_unit_in_a_new_process_and_none_after_that(
    cloud: &Cloud,
) -> Result<()> {
    let store = store_with_keys(cloud, "units-keys").await?;
    let (key, _) = add(&store, &["shop.a", "--role", "read"]).await?;
    let query = "site_id=shop.a&window=1h&as_of=2026-11-20T08:30:00Z";
    let with_key = format!("{query}&key={key}");
    let open = Store { requires_keys: false, ..store.clone() };
    let [mut keyed, mut open] = [Metered::start(&store).await?, Metered::start(&open).await?];
    for process in ["a new process", "the same process"] {
        let without = open.half_units("/items/7", query).await?;
        let with = keyed.half_units("/items/7", &with_key).await?;
        println!(
            "a question in {process}: {} read units without a key, {} with one",
            units(without),
            units(with)
        );
        let more = if process == "a new process" { 2 } else { 0 };
        ensure!(without > 0, "the meter does not see what the question reads");
        ensure!(with <= without + more, "{with} half units with a key, {without} without one");
    }
    Ok(())
}

async fn all_time_of_a_site_costs_what_its_years_cost_and_an_unknown_site_one_read(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "units-stats").await?;
    // A view on the first of each month since October 2019.
    let months = (2019..=2026).flat_map(|year| (1..=12).map(move |month| (year, month)));
    let months = months.filter(|month| ((2019, 10)..=(2026, 10)).contains(month));
    let mut text = String::new();
    for (year, month) in months {
        let time = format!("{year}-{month:02}-01T12:00:00Z");
        text += &format!(
            "{{\"event\":\"view\",\"ts\":\"{time}\",\"site_id\":\"shop\",\"item_id\":1,\
             \"path\":\"/sale\",\"user_id\":1}}\n"
        );
    }
    let record = store.put("months.jsonl", text).await?;
    let counted = store.start_plain_ingest().await?.invoke(sqs_event(&[vec![record]])).await?;
    ensure!(counted.is_clean(), "{counted:?}");
    for (site, most) in [("shop", [200, 200]), ("unknown", [2, 1])] {
        let mut api = Metered::start(&store).await?;
        for (process, most) in ["a new process", "the same process"].into_iter().zip(most) {
            let queries = api.proxy.calls("Query");
            let found = api.half_units("/stats", &format!("site_id={site}")).await?;
            let queries = api.proxy.calls("Query") - queries;
            println!(
                "/stats of all time of {site} in {process}: {} read units, {queries} queries",
                units(found)
            );
            ensure!((1..=most).contains(&found), "{found} half units, not 1 to {most}");
        }
    }
    Ok(())
}
