//! REES46: one CSV record per event. An item that was bought twice appears twice.

use anyhow::{Context, Result, bail};

use super::{Expected, cents};

const HEADER: &str =
    "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session";

pub(super) fn oracle(text: &str) -> Result<Expected> {
    let mut expected = Expected::default();
    let records = text.strip_prefix(HEADER).context("another header")?;
    for record in records.lines().skip(1) {
        let fields: Vec<&str> = record.split(',').collect();
        let &[_, kind, product, _, _, _, price, user, _] = &fields[..] else { bail!("{record}") };
        expected.lines.counted += 1;
        expected.users.insert(user.to_string());
        match kind {
            "view" => {
                expected.views += 1;
                expected.item(product).views += 1;
            }
            "cart" => expected.item(product).carts += 1,
            "remove_from_cart" => expected.item(product).removals += 1,
            // The data set has negative prices.
            "purchase" if price.starts_with('-') => {
                let refunds = &mut expected.item(product).refunds;
                *refunds.entry("USD".to_owned()).or_default() += cents(&price[1..])?;
            }
            "purchase" => expected.item(product).sell(1, "USD", cents(price)?),
            _ => bail!("{record}"),
        }
    }
    Ok(expected)
}
