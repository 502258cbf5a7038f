//! Real-Time E-commerce Analytics Platform: who is there, and what is looked at, over the last
//! minutes.

use super::*;

crate::tests![
    realtime_ecommerce_analytics_platform,
    invalid_events_are_set_aside,
    prometheus_reads_the_metrics,
    live_windows_become_history,
];

/// Events of a site, as (minutes ago, user, session, page).
fn views(site: &str, views: &[(i64, &str, &str, &str)]) -> Result<String> {
    let mut events = vec![];
    for (minutes, user, session, page) in views {
        events.push(json!({
            "event_type": "page_view", "timestamp": minutes_ago(*minutes)?, "site_id": site,
            "user_id": user, "session_id": session, "page_url": page,
        }));
    }
    Ok(lines(events))
}

async fn realtime_ecommerce_analytics_platform(cloud: &Cloud) -> Result<()> {
    let site = "realtime";
    // Users and sessions are active for 5 minutes, and views are looked at for 15: both edges lie
    // some minutes away, as a test takes its time.
    let posted = [
        (0, "u1", "s1", "/products/1?ref=mail"),
        (1, "u1", "s2", "/products/1"),
        (0, "u2", "s3", "/cart"),
        (8, "u3", "s4", "/products/1"),
        (9, "u3", "s4", "/"),
        (7, "u4", "s5", "/about"),
        (7, "u4", "s5", "/help"),
        (8, "u4", "s5", "/terms"),
        (20, "u5", "s6", "/old"),
    ];
    post_lines(cloud, "/ingest", views(site, &posted)?).await?;
    let page = |page: &str, views: u32| json!({"page": page, "views": views});
    // Of pages with as many views the first by name comes first, and five are listed.
    let live = json!({
        "active_users": 2, "active_sessions": 3, "page_views": 8,
        "top_pages": [page("/products/1", 3), page("/", 1), page("/about", 1), page("/cart", 1), page("/help", 1)],
    });
    until_answered(cloud, &format!("/metrics?site_id={site}"), &live).await?;
    let wider = json!({"active_users": 5, "active_sessions": 6, "page_views": 9});
    until_answered(
        cloud,
        &format!("/metrics?site_id={site}&users_window=30m&views_window=30m"),
        &wider,
    )
    .await?;
    Ok(())
}

async fn invalid_events_are_set_aside(cloud: &Cloud) -> Result<()> {
    let site = "realtime-invalid";
    let good = views(site, &[(0, "u1", "s1", "/")])?;
    // Of a post the answer says what was not taken.
    let answer =
        post_lines(cloud, "/ingest", format!("{{\"event_type\":\"page_view\"}}\n{good}")).await?;
    ensure!(answer["accepted"] == 1, "{answer}");
    ensure!(answer["rejected"] == json!([{"line": 1, "reason": "missing:timestamp"}]), "{answer}");
    // Of a file it is kept beside its number and its reason.
    let store = Store::of(&cloud.clients, cloud.stack().await?);
    let key = "compat/realtime-invalid.jsonl";
    store.put(key, format!("{good}oops\n")).await?;
    until_counted(&store, key).await?;
    let rejected = store.rejected(key).await?;
    ensure!(rejected == [json!({"line": 2, "reason": "not_json", "text": "oops"})], "{rejected:?}");
    until_answered(
        cloud,
        &format!("/metrics?site_id={site}"),
        &json!({"page_views": 2, "active_users": 1}),
    )
    .await?;
    Ok(())
}

async fn prometheus_reads_the_metrics(cloud: &Cloud) -> Result<()> {
    let site = "realtime-scraped";
    post_lines(cloud, "/ingest", views(site, &[(0, "u1", "s1", "/"), (0, "u2", "s1", "/")])?)
        .await?;
    for (call, accept) in [("/metrics/prometheus", None), ("/metrics", Some("text/plain"))] {
        let text = text_of(cloud, &format!("{call}?site_id={site}"), accept).await?;
        let value = |name: &str| {
            let sample =
                text.lines().find(|line| line.starts_with(name) && !line.starts_with('#'))?;
            sample.rsplit(' ').next()?.parse::<f64>().ok()
        };
        for (name, expected) in
            [("minutebook_active_users", 2.0), ("minutebook_active_sessions", 1.0)]
        {
            ensure!(value(name) == Some(expected), "{call}: {name} is to be {expected}:\n{text}");
        }
        ensure!(text.contains("# TYPE minutebook_"), "{call}: {text}");
    }
    Ok(())
}

async fn live_windows_become_history(cloud: &Cloud) -> Result<()> {
    // The platform forgot what was older than its windows.
    let site = "realtime-history";
    let month_ago = 31 * 24 * 60;
    let text = views(
        site,
        &[(0, "u1", "s1", "/"), (month_ago, "u1", "s0", "/"), (month_ago, "u2", "s9", "/old")],
    )?;
    post_lines(cloud, "/ingest", text).await?;
    let ever = json!({
        "total_views": 3, "unique_users": 2,
        "top_paths": [{"path": "/", "views": 2}, {"path": "/old", "views": 1}],
    });
    until_answered(cloud, &format!("/stats?site_id={site}"), &ever).await?;
    until_answered(
        cloud,
        &format!("/metrics?site_id={site}"),
        &json!({"page_views": 1, "active_users": 1}),
    )
    .await?;
    Ok(())
}
