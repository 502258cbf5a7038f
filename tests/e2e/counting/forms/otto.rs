//! OTTO: one line per session, with all its events. There are no prices, and no users apart from
//! the sessions.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Expected;

pub(super) fn oracle(text: &str) -> Result<Expected> {
    let mut expected = Expected::default();
    for line in text.lines() {
        let session: Value = serde_json::from_str(line)?;
        for event in session["events"].as_array().context("events")? {
            expected.lines.counted += 1;
            let article = expected.item(&event["aid"]);
            match event["type"].as_str() {
                Some("clicks") => {
                    article.views += 1;
                    expected.views += 1;
                }
                Some("carts") => article.carts += 1,
                Some("orders") => article.units += 1,
                _ => bail!("{event}"),
            }
        }
    }
    Ok(expected)
}
