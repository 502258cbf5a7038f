//! Website Analytics Backend System: single events over HTTP, and the statistics of a site.

use super::*;

crate::tests![website_analytics_backend_system];

const SITE: &str = "site-abc-123";
/// The day of the document's example, and the day before.
const DAY: &str = "2025-11-12";
const DAY_BEFORE: &str = "2025-11-11";
/// The number of views of the document's paths on each day.
const VIEWS: [(&str, [usize; 2]); 3] =
    [("/pricing", [500, 200]), ("/blog/post-1", [350, 150]), ("/", [150, 100])];
/// The number of users on each day. No user appears on both days.
const USERS: [usize; 2] = [127, 85];

/// The event in the document.
fn event() -> Value {
    json!({
        "site_id": SITE, "event_type": "page_view", "path": "/pricing", "user_id": "user-xyz-789",
        "timestamp": "2025-11-12T19:30:01Z",
    })
}

/// All views of a day, spread over its users.
fn views_of(day: &str, number: usize) -> Vec<Value> {
    let paths = VIEWS.iter().flat_map(|(path, views)| std::iter::repeat_n(*path, views[number]));
    let view = |(view, path): (usize, &str)| {
        let mut event = event();
        event["path"] = json!(path);
        event["user_id"] = json!(format!("user-{day}-{}", view % USERS[number]));
        event["timestamp"] = json!(format!("{day}T{:02}:{:02}:15Z", view % 24, view % 60));
        event
    };
    paths.enumerate().map(view).collect()
}

async fn website_analytics_backend_system(cloud: &Cloud) -> Result<()> {
    let mut views = views_of(DAY_BEFORE, 0);
    views.extend(views_of(DAY, 1));
    // One view of the day is the document's own event, posted as in the document. It replaces a
    // view of one user, who gets the user id in the document.
    let own = views
        .iter()
        .position(|view| view["user_id"] == format!("user-{DAY}-0"))
        .context("a view")?;
    ensure!(views.remove(own)["path"] == "/pricing", "the first of the day");
    for view in &mut views {
        if view["user_id"] == format!("user-{DAY}-0") {
            view["user_id"] = event()["user_id"].clone();
        }
    }
    let (status, _, answer) = cloud.post("/event", &[OBJECT], event().to_string()).await?;
    ensure!(status == 200 && answer == json!({"message": "Event received"}), "{status} {answer}");
    // Adding to the cart is not a view. It adds no visitor either, because this one was counted
    // before.
    let mut cart = event();
    cart["event_type"] = json!("add_to_cart");
    cart["item_id"] = json!(7);
    views.push(cart);
    post_lines(cloud, "/events", lines(views)).await?;

    let path = |path: &str, views: usize| json!({"path": path, "views": views});
    let all = json!({
        "site_id": SITE, "date": null, "total_views": 1450, "unique_users": 212,
        "top_paths": [path("/pricing", 700), path("/blog/post-1", 500), path("/", 250)],
    });
    let answer = until_answered(cloud, &format!("/stats?site_id={SITE}"), &all).await?;
    ensure!(answer["as_of"].is_string() && answer["window"].is_object(), "{answer}");
    let of_day = json!({
        "site_id": SITE, "date": DAY, "total_views": 450, "unique_users": 85,
        "top_paths": [path("/pricing", 200), path("/blog/post-1", 150), path("/", 100)],
    });
    until_answered(cloud, &format!("/stats?site_id={SITE}&date={DAY}"), &of_day).await?;
    let nobody = json!({
        "site_id": "nonexistent-site", "date": null, "total_views": 0, "unique_users": 0, "top_paths": [],
    });
    until_answered(cloud, "/stats?site_id=nonexistent-site", &nobody).await?;
    Ok(())
}
