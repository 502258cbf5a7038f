//! Event Processing Analytics with Flask: a file of events, and the best item of the last hour and
//! of the last day.

use super::*;

crate::tests![event_processing_analytics_with_flask];

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
    // As in the document, item 1 has 10 views in the last hour. Item 4 has more, but they are
    // older.
    all.extend(events(site, "page_visit", 1, "9.99", &[5, 40, 3, 22, 8, 1, 50, 0, 17, 30])?);
    all.extend(events(site, "page_visit", 4, "9.99", &[hours_ago_2; 20])?);
    // Item 2 was added five times in a day, and item 3 sold for 1300.00.
    all.extend(events(site, "add_to_cart", 2, "9.99", &[1, hours_ago_20, 7, hours_ago_2, 44])?);
    all.extend(events(site, "add_to_cart", 4, "9.99", &[hours_ago_25; 9])?);
    all.extend(events(site, "purchase", 3, "433.30", &[hours_ago_20, 5])?);
    all.extend(events(site, "purchase", 3, "433.40", &[hours_ago_2])?);
    all.extend(events(site, "purchase", 4, "99999.99", &[hours_ago_25])?);
    // The order of the events does not matter.
    all.reverse();
    let text = lines(all);
    let report = put_file(cloud, "flask.jsonl", &text, &[]).await?;
    ensure!(report["files"][0]["counted"] == 48, "{report}");
    // The same file again adds nothing.
    put_file(cloud, "flask.jsonl", &text, &[]).await?;

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
