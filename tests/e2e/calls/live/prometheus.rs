//! A real Prometheus reads the metrics, by the configurations of docs/guides/PROMETHEUS.md and of
//! infra/grafana, and has a number for each panel of the dashboard.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use chrono::SecondsFormat;
use minutebook_tests::binaries::root;
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::Store;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::calls::live::get;
use crate::counting::chunks::now;
use crate::deployed::until_counted;
use crate::needs::program;
use crate::waiting::Patience;

crate::tests![
    a_real_prometheus_reads_it needs Prometheus,
    each_panel_of_grafana_has_a_number needs Prometheus,
];

async fn a_real_prometheus_reads_it(cloud: &Cloud) -> Result<()> {
    let promtool = program("promtool").context("a promtool")?;
    let store = Store::of(&cloud.clients, cloud.stack().await?);
    let time = now()?.to_rfc3339_opts(SecondsFormat::Secs, true);
    let view = |user: u64| {
        let site = "live-prometheus";
        format!(
            r#"{{"event":"view","timestamp":"{time}","site_id":"{site}","page":"/a","user_id":{user}}}"#
        ) + "\n"
    };
    store.put("live/prometheus.jsonl", [view(1), view(2), view(2)].concat()).await?;
    until_counted(&store, "live/prometheus.jsonl").await?;

    let (status, _, text) = get(cloud, "/metrics/prometheus?site_id=live-prometheus", "").await?;
    ensure!(status == 200, "{status} {text}");
    let folder = tempfile::tempdir()?;
    let samples = folder.path().join("samples");
    std::fs::write(&samples, &text)?;
    let mut check = Command::new(&promtool);
    let checked =
        check.args(["check", "metrics"]).stdin(std::fs::File::open(&samples)?).output().await?;
    let complaints = String::from_utf8_lossy(&checked.stderr);
    ensure!(
        checked.status.success() && complaints.is_empty(),
        "promtool says {complaints} of {text}"
    );

    check_page(&promtool, folder.path()).await?;

    let url = cloud.url("").await?;
    let (address, path) =
        url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).context("an address")?;
    // One job asks for OpenMetrics with `Accept`, as Prometheus does by default. The other uses the
    // path of the older format.
    let job = |name: &str, end: &str| {
        format!(
            "  - job_name: {name}\n    metrics_path: /{path}/metrics{end}\n    params:\n      \
             site_id: [live-prometheus]\n      users_window: [1h]\n      views_window: [1h]\n    \
             static_configs: [{{ targets: ['{address}'] }}]\n"
        )
    };
    let config = format!(
        "global: {{ scrape_interval: 5s, scrape_timeout: 5s }}\nscrape_configs:\n{}{}",
        job("by-accept", ""),
        job("by-path", "/prometheus")
    );
    std::fs::write(folder.path().join("prometheus.yml"), config)?;
    let mut server = Server::start(folder.path(), "prometheus.yml")?;
    let scraped = until_scraped(&server.url).await;
    server.stop(scraped).await
}

/// A Prometheus that runs in a folder.
struct Server<'a> {
    process: Child,
    url: String,
    folder: &'a Path,
}

impl Server<'_> {
    /// Starts it with a configuration of the folder.
    fn start<'a>(folder: &'a Path, config: &str) -> Result<Server<'a>> {
        let listen: SocketAddr = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let process = Command::new(program("prometheus").context("a prometheus")?)
            .arg(format!("--config.file={}", folder.join(config).display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={listen}"))
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("log"))?)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Server { process, url: format!("http://{listen}"), folder })
    }

    /// Stops it, and adds its log to a failure.
    async fn stop(&mut self, result: Result<()>) -> Result<()> {
        self.process.kill().await?;
        result.with_context(|| std::fs::read_to_string(self.folder.join("log")).unwrap_or_default())
    }
}

async fn each_panel_of_grafana_has_a_number(cloud: &Cloud) -> Result<()> {
    let store = Store::of(&cloud.clients, cloud.stack().await?);
    let site = "grafana.shop";
    let time = now()?.to_rfc3339_opts(SecondsFormat::Secs, true);
    let event = |members: Value| {
        let mut line = json!({"timestamp": time, "site_id": site, "item_id": 7});
        for (name, value) in members.as_object().into_iter().flatten() {
            line[name] = value.clone();
        }
        format!("{line}\n")
    };
    let lines = [
        event(json!({"type": "page_visit", "customer_id": "c1", "session_id": "s1"})),
        event(json!({"type": "add_to_cart"})),
        event(json!({"type": "add_to_cart"})),
        event(json!({"type": "purchase", "order_id": "1", "price": "12.50", "quantity": 4})),
        event(json!({"type": "refund", "order_id": "1", "amount": "10"})),
        event(json!({"type": "purchase", "item_id": ["?"]})),
    ];
    store.put("live/grafana.jsonl", lines.concat()).await?;
    until_counted(&store, "live/grafana.jsonl").await?;

    let folder = tempfile::tempdir()?;
    let grafana = root().join("infra/grafana");
    // The same, except that it scrapes more often, so that there is a rate soon.
    let config = std::fs::read_to_string(grafana.join("prometheus.yml"))?;
    let config = config.replace(" 10s", " 1s").replace(" 9s", " 1s");
    ensure!(config.matches(" 1s").count() == 3, "{config}");
    std::fs::write(folder.path().join("prometheus.yml"), config)?;
    std::fs::copy(grafana.join("targets.py"), folder.path().join("targets.py"))?;
    let written = Command::new("python3")
        .arg(folder.path().join("targets.py"))
        .arg(cloud.url("").await?)
        .arg(site)
        .output()
        .await?;
    ensure!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let mut server = Server::start(folder.path(), "prometheus.yml")?;
    let asked = ask_panels(&server.url, &grafana, site).await;
    server.stop(asked).await
}

/// Asks for what the panels show, until each has a number.
async fn ask_panels(prometheus: &str, grafana: &Path, site: &str) -> Result<()> {
    let file = grafana.join("dashboards/minutebook.json");
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    ensure!(dashboard["refresh"] == "10s" && dashboard["title"] == "minutebook");
    let panels = dashboard["panels"].as_array().context("panels")?;
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let asked: Vec<&str> = targets.filter_map(|target| target["expr"].as_str()).collect();
    ensure!(asked.len() > 30, "{} questions", asked.len());
    let hand_made = [
        ("minutebook_page_views{site_id=\"$site\"}", 1.0),
        ("minutebook_active_sessions{site_id=\"$site\"}", 1.0),
        ("minutebook_cart_adds{site_id=\"$site\"}", 2.0),
        ("minutebook_units_sold{site_id=\"$site\"}", 4.0),
        ("minutebook_orders{site_id=\"$site\"}", 1.0),
        ("minutebook_order_value{site_id=\"$site\"}", 50.0),
        ("minutebook_order_refunds{site_id=\"$site\"}", 10.0),
        ("minutebook_sales{site_id=\"$site\"} - minutebook_refunds{site_id=\"$site\"}", 40.0),
    ];
    for (known, _) in hand_made {
        ensure!(asked.contains(&known), "no panel shows {known}");
    }
    let patience = Patience::new();
    for expression in asked {
        let wanted = hand_made.iter().find(|(known, _)| *known == expression);
        let is_right = |value: f64| match wanted {
            Some((_, wanted)) => value == *wanted,
            None => value.is_finite(),
        };
        let question = expression.replace("$site", site);
        loop {
            let found = query(prometheus, &question).await;
            match &found {
                Ok(values) if !values.is_empty() && values.iter().copied().all(is_right) => break,
                // Another file may be counted meanwhile, but not of this site.
                Ok(values) if wanted.is_some() && !values.is_empty() => {
                    bail!("{question} is {values:?}")
                }
                _ => patience.wait(|| format!("{question} is {found:?}")).await?,
            }
        }
    }
    let variable = &dashboard["templating"]["list"][0];
    ensure!(variable["definition"] == "label_values(minutebook_page_views, site_id)", "{variable}");
    Ok(())
}

/// Checks the configuration and the alerts in docs/guides/PROMETHEUS.md.
async fn check_page(promtool: &Path, folder: &Path) -> Result<()> {
    let page = std::fs::read_to_string(root().join("docs/guides/PROMETHEUS.md"))?;
    let blocks: Vec<&str> = page
        .split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|text| text.strip_prefix("yaml\n"))
        .collect();
    ensure!(blocks.len() == 2, "docs/guides/PROMETHEUS.md has {} blocks of YAML", blocks.len());
    for (block, check) in blocks.into_iter().zip(["config", "rules"]) {
        let path = folder.join(check);
        std::fs::write(&path, block)?;
        let checked = Command::new(promtool).arg("check").arg(check).arg(&path).output().await?;
        let said = [checked.stdout, checked.stderr].concat();
        ensure!(
            checked.status.success(),
            "promtool check {check} says {}",
            String::from_utf8_lossy(&said)
        );
    }
    Ok(())
}

/// Waits until both jobs have scraped what was counted.
async fn until_scraped(prometheus: &str) -> Result<()> {
    let patience = Patience::new();
    for (metric, is_right) in [
        ("up", (|value| value == 1.0) as fn(f64) -> bool),
        ("minutebook_page_views", |value| value == 3.0),
        ("minutebook_active_users", |value| value == 2.0),
        ("minutebook_lines_total{outcome=\"counted\"}", |value| value >= 3.0),
        ("minutebook_queue_up{queue=\"ingest\"}", |value| value == 1.0),
        ("minutebook_last_chunk_lag_seconds", |value| (0.0..600.0).contains(&value)),
    ] {
        loop {
            let found = query(prometheus, metric).await;
            let is_there = |values: &Vec<f64>| {
                values.len() == 2 && values.iter().all(|value| is_right(*value))
            };
            if found.as_ref().is_ok_and(is_there) {
                break;
            }
            patience.wait(|| format!("{metric} is {found:?}")).await?;
        }
    }
    Ok(())
}

/// Prometheus's current values of a metric, one per series.
async fn query(prometheus: &str, metric: &str) -> Result<Vec<f64>> {
    let (url, metric) = (format!("{prometheus}/api/v1/query"), metric.to_string());
    let answer: Value = tokio::task::spawn_blocking(move || -> Result<Value> {
        let text = ureq::get(&url).query("query", &metric).call()?.body_mut().read_to_string()?;
        Ok(serde_json::from_str(&text)?)
    })
    .await??;
    let series = answer["data"]["result"].as_array().with_context(|| answer.to_string())?;
    series.iter().map(|one| Ok(one["value"][1].as_str().context("a value")?.parse()?)).collect()
}
