//! RetailRocket: one CSV record per event, unordered. Purchases have no price.

use anyhow::{Context, Result, bail};

use super::Expected;

const HEADER: &str = "timestamp,visitorid,event,itemid,transactionid";

pub(super) fn oracle(text: &str) -> Result<Expected> {
    let mut expected = Expected::default();
    let records = text.strip_prefix(HEADER).context("another header")?;
    for record in records.lines().skip(1) {
        let fields: Vec<&str> = record.split(',').collect();
        let &[_, visitor, kind, item, _] = &fields[..] else { bail!("{record}") };
        expected.lines.counted += 1;
        expected.users.insert(visitor.to_string());
        match kind {
            "view" => {
                expected.views += 1;
                expected.item(item).views += 1;
            }
            "addtocart" => expected.item(item).carts += 1,
            "transaction" => expected.item(item).units += 1,
            _ => bail!("{record}"),
        }
    }
    Ok(expected)
}
