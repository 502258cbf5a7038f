//! Event Processing Analytics with Flask: a file of events, and the best item of the last hour and
//! of the last day.

use super::*;

crate::tests![
    event_processing_analytics_with_flask,
    random_events_are_generated_on_request,
    events_out_of_order_and_twice_in_a_file_are_counted_once_each,
];

/// Events with the attributes that the document assumes.
fn events(site: &str, kind: &str, item: u32, price: &str, minutes: &[i64]) -> Result<Vec<Value>> {
    let event = |(customer, minutes): (usize, &i64)| {
        Ok(json!({
            "event": kind, "timestamp": minutes_ago(*minutes)?, "site_id": site, "item_id": item,
            "customer_id": customer, "price": price,
        }))
    };
    minutes.iter().enumerate().map(event).collect()
}

async fn event_processing_analytics_with_flask(cloud: &Cloud) -> Result<()> {
    let site = "flask";
    let (hours_ago_2, hours_ago_20, hours_ago_25) = (2 * 60, 20 * 60, 25 * 60);
    let mut all = vec![];
    // As in the document, item 1 has 10 views in the last hour; another has more, but they are
    // older.
    all.extend(events(site, "page_visit", 1, "9.99", &[5, 40, 3, 22, 8, 1, 50, 0, 17, 30])?);
    all.extend(events(site, "page_visit", 4, "9.99", &[hours_ago_2; 20])?);
    // Item 2 was added five times in a day, and item 3 sold for 1300.00.
    all.extend(events(site, "add_to_cart", 2, "9.99", &[1, hours_ago_20, 7, hours_ago_2, 44])?);
    all.extend(events(site, "add_to_cart", 4, "9.99", &[hours_ago_25; 9])?);
    all.extend(events(site, "purchase", 3, "433.30", &[hours_ago_20, 5])?);
    all.extend(events(site, "purchase", 3, "433.40", &[hours_ago_2])?);
    all.extend(events(site, "purchase", 4, "99999.99", &[hours_ago_25])?);
    // They may come in any order.
    all.reverse();
    let report = put_file(cloud, "flask.jsonl", &lines(all), &[]).await?;
    ensure!(report["files"][0]["counted"] == 48, "{report}");

    for (call, answer) in [
        ("/most_viewed_item", r#"{"most_viewed_item":1,"views":10,"#),
        ("/top_item_added_to_cart", r#"{"top_item_added_to_cart":2,"adds_to_cart":5,"#),
        ("/highest_grossing_item", r#"{"highest_grossing_item":3,"total_sales":1300.00,"#),
    ] {
        let text = text_of(cloud, &format!("{call}?site_id={site}"), None).await?;
        ensure!(text.starts_with(answer), "{call}: {text}");
    }
    Ok(())
}

async fn random_events_are_generated_on_request(cloud: &Cloud) -> Result<()> {
    let (status, _, answer) = cloud.get("/generate_random_events").await?;
    ensure!(
        status == 200 && answer["message"] == "Random event generated and appended to file",
        "{status} {answer}"
    );
    ensure!(answer["events"] == 100, "{answer}");
    let store = Store::of(&cloud.clients, cloud.stack().await?);
    let mark = until_counted(&store, answer["chunk"].as_str().context("a chunk")?).await?;
    ensure!(mark["counted"] == 100, "{mark}");
    Ok(())
}

async fn events_out_of_order_and_twice_in_a_file_are_counted_once_each(
    cloud: &Cloud,
) -> Result<()> {
    let site = "flask-again";
    let mut text = lines(events(site, "page_visit", 1, "1", &[0, 50, 10])?);
    let first = put_file(cloud, "flask-again.jsonl", &text, &[]).await?;
    let again = put_file(cloud, "flask-again.jsonl", &text, &[]).await?;
    ensure!(first["files"][0]["counted"] == 3 && again["files"].is_array(), "{first} {again}");
    until_answered(cloud, &format!("/most_viewed_item?site_id={site}"), &json!({"views": 3}))
        .await?;
    // A line that is no event does not stop those behind it.
    text = format!("not json\n{}", lines(events(site, "page_visit", 2, "1", &[1, 2, 3, 4])?));
    let mixed = put_file(cloud, "flask-mixed.jsonl", &text, &[]).await?;
    ensure!(mixed["files"][0]["counted"] == 4 && mixed["files"][0]["rejected"] == 1, "{mixed}");
    let best = json!({"most_viewed_item": 2, "views": 4});
    until_answered(cloud, &format!("/most_viewed_item?site_id={site}"), &best).await?;
    Ok(())
}
