//! The rows of the connections of viewers.

use chrono::TimeDelta;

use crate::rows::attributes::{Item, is_hash, number, others, text, time};

/// What the partition key of a row by id begins with; the id follows.
const BY_ID: &str = "C#";

/// What the partition key of a row by site begins with; the first digit of the site's hash follows.
const BY_SITE: &str = "LIVE#";

/// How long the rows are kept.
const KEPT: TimeDelta = TimeDelta::minutes(125);

/// Whether a partition has connections.
pub(crate) fn is_partition(pk: &str) -> bool {
    pk.starts_with(BY_ID) || pk.starts_with(BY_SITE)
}

/// Reads a row; `None` if it is not one of a connection.
pub(in crate::rows) fn read(
    item: &Item,
    pk: &str,
    sk: &str,
    odd: &mut impl FnMut(String),
) -> Option<()> {
    let site = text(item, "site").map_err(|error| odd(error.to_string())).ok()?;
    let digit = &blake3::hash(site.as_bytes()).to_hex()[..1];
    let is_by_site = pk == format!("{BY_SITE}{digit}")
        && sk.strip_prefix(site).is_some_and(|rest| rest.len() > 1 && rest.starts_with('#'));
    let is_by_id = pk.len() > BY_ID.len() && pk.starts_with(BY_ID) && sk == "connection";
    if !is_by_site && !is_by_id {
        odd("not the keys of a connection".to_owned());
        return None;
    }
    if let Err(error) = text(item, "question") {
        odd(error.to_string());
    }
    match (time(item, "connected_at"), number::<i64>(item, "ttl")) {
        (Ok(connected_at), Ok(ttl)) if ttl == (connected_at + KEPT).timestamp() => {}
        (Ok(_), Ok(ttl)) => odd(format!("its ttl is {ttl}")),
        (Err(error), _) | (_, Err(error)) => odd(error.to_string()),
    }
    if item.contains_key("key_hash") && !text(item, "key_hash").is_ok_and(is_hash) {
        odd(format!("its key_hash is {:?}", item.get("key_hash")));
    }
    if item.contains_key("expires_at")
        && let Err(error) = time(item, "expires_at")
    {
        odd(error.to_string());
    }
    let expected = ["site", "question", "connected_at", "ttl", "key_hash", "expires_at"];
    others(item, &expected, odd);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::attributes::testing::{item, number, text};
    use aws_sdk_dynamodb::types::AttributeValue;

    #[test]
    fn a_connection_has_two_rows_with_its_site_and_its_question() {
        let read_row = |pk: &str, sk: &str, attributes: &[(&str, AttributeValue)]| {
            let mut oddities = 0;
            let row = read(&item(pk, sk, attributes), pk, sk, &mut |_| oddities += 1);
            (row.is_some(), oddities)
        };
        let whole = [
            ("site", text("shop")),
            ("question", text("site_id=shop")),
            ("connected_at", text("2026-11-20T23:07:31.25Z")),
            ("ttl", number("1795223551")),
            ("key_hash", text(&"0f".repeat(32))),
            ("expires_at", text("2026-12-20T00:00:00Z")),
        ];
        for (pk, sk) in [("C#Zm9v=", "connection"), ("LIVE#8", "shop#Zm9v=")] {
            assert_eq!(read_row(pk, sk, &whole), (true, 0), "{pk} {sk}");
            assert_eq!(read_row(pk, sk, &whole[..4]), (true, 0), "{pk} {sk}");
        }
        for (pk, sk) in [
            ("C#", "connection"),
            ("C#Zm9v=", "shop#Zm9v="),
            ("LIVE#7", "shop#Zm9v="),
            ("LIVE#8", "shop#"),
            ("LIVE#8", "other#Zm9v="),
        ] {
            assert_eq!(read_row(pk, sk, &whole), (false, 1), "{pk} {sk}");
        }
        for (name, value) in [
            ("ttl", number("1795223552")),
            ("key_hash", text("mb_")),
            ("expires_at", text("soon")),
            ("question", number("7")),
            ("key", text("secret")),
        ] {
            let mut changed = whole.to_vec();
            changed.retain(|(known, _)| *known != name);
            changed.push((name, value));
            assert_eq!(read_row("C#a", "connection", &changed), (true, 1), "{name}");
        }
    }
}
