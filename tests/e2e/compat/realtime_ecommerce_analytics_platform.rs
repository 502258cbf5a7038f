//! Real-Time E-commerce Analytics Platform: active visitors and viewed pages over the last minutes.

use super::*;

crate::tests![realtime_ecommerce_analytics_platform];

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
    // Users and sessions are active for 5 minutes, and views count for 15. No event is near these
    // limits, because the test itself takes time.
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
    // Pages with equal views are sorted by name, and five are listed.
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
    // Events that have left the windows remain in the statistics. The earlier platform forgot them.
    let ever = json!({"total_views": 9, "unique_users": 5});
    until_answered(cloud, &format!("/stats?site_id={site}"), &ever).await?;
    Ok(())
}
