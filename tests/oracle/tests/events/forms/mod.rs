//! Every row of docs/FORMS.md.

mod envelopes;
mod others;
mod shopify;
mod texts;
mod values;
mod woocommerce;

use minutebook_oracle::{Settings, order_tallies, recount};

use super::summary;

/// The summary of a chunk of 26 November 2026, and what its orders count.
fn summary_with_orders(chunk: &[u8]) -> String {
    let settings = Settings::at("2026-11-27T00:00:00Z".parse().unwrap());
    let recount = recount(chunk, &settings).unwrap();
    let sum = recount.counted + recount.ignored + recount.duplicate + recount.rejected_count();
    assert_eq!(sum, recount.lines, "every line ends in one place");
    let orders = order_tallies(&recount.orders).into_iter();
    let orders = orders.filter(|(cell, _)| !cell.key.is_empty()).map(|(cell, number)| {
        let site = if cell.site == "default" { String::new() } else { format!("{} ", cell.site) };
        let minute = cell.minute_start().format("%H:%M");
        format!("{site}{} {minute} {}={number}", cell.measure, cell.key)
    });
    let orders: Vec<String> = orders.collect();
    let orders =
        if orders.is_empty() { String::new() } else { format!(" | {}", orders.join("; ")) };
    format!("{}{orders}", summary(&recount))
}

#[track_caller]
fn check(chunk: impl AsRef<[u8]>, expected: &str) {
    let chunk = chunk.as_ref();
    assert_eq!(summary_with_orders(chunk), expected, "{}", String::from_utf8_lossy(chunk));
}

/// A JSON text that holds this.
fn text(content: &str) -> String {
    serde_json::Value::from(content).to_string()
}

const VIEW: &str = r#"{"event":"view","ts":"2026-11-26T10:07:31Z","item_id":1}"#;
const ONE_VIEW: &str = "c1 e1 | views 10:07 1=1";
