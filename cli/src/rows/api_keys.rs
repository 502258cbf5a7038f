//! The rows of the keys of the API.

use chrono::{DateTime, TimeDelta, Utc};

use crate::rows::attributes::{Item, is_hash, number, others, text, time};

/// What their partition keys begin with; the first digit of the hash follows.
pub(crate) const PREFIX: &str = "KEYS#";

/// The site of a key for all sites.
pub(crate) const ALL_SITES: &str = "*";

/// The roles that a key can have.
pub(crate) const ROLES: [&str; 3] = ["admin", "read", "write"];

/// How long the row of an expired key is kept, so that it is still listed.
pub(crate) const KEPT_AFTER_EXPIRY: TimeDelta = TimeDelta::days(30);

/// What the table knows of a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ApiKey {
    /// Its site, or [`ALL_SITES`].
    pub(crate) site: String,
    /// The BLAKE3 of the key, 64 hex digits.
    pub(crate) id: String,
    /// In alphabetical order.
    pub(crate) roles: Vec<String>,
    pub(crate) label: Option<String>,
    /// `None` if it cannot be read.
    pub(crate) created_at: Option<DateTime<Utc>>,
    /// `None` is never.
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

/// The 16 partitions.
pub(crate) fn partitions() -> impl Iterator<Item = String> {
    (0..16).map(|digit| format!("{PREFIX}{digit:x}"))
}

/// The partition of the key with this id, or with one that begins so.
pub(crate) fn partition(id: &str) -> String {
    format!("{PREFIX}{}", id.get(..1).unwrap_or_default())
}

/// Reads a key; `None` if its row is not one.
pub(super) fn read(
    item: &Item,
    pk: &str,
    sk: &str,
    odd: &mut impl FnMut(String),
) -> Option<ApiKey> {
    if !is_hash(sk) || pk != partition(sk) {
        odd("not the keys of a key of the API".to_owned());
        return None;
    }
    let site = text(item, "site").map_err(|error| odd(error.to_string())).ok()?;
    let mut roles = item.get("roles").and_then(|roles| roles.as_ss().ok()).cloned();
    roles.iter_mut().for_each(|roles| roles.sort());
    let roles = roles.unwrap_or_default();
    if roles.is_empty() || !roles.iter().all(|role| ROLES.contains(&role.as_str())) {
        odd(format!("its roles are {:?}", item.get("roles")));
    }
    let created_at = time(item, "created_at").map_err(|error| odd(error.to_string())).ok();
    let expires_at = item.get("expires_at").and_then(|_| {
        let expires_at = time(item, "expires_at").map_err(|error| odd(error.to_string())).ok()?;
        let ttl = number(item, "ttl").map_err(|error| odd(error.to_string())).ok();
        let expected = (expires_at + KEPT_AFTER_EXPIRY).timestamp();
        if ttl.is_some_and(|ttl: i64| ttl != expected) {
            odd(format!("its ttl is {ttl:?}, not {expected}"));
        }
        Some(expires_at)
    });
    if item.contains_key("share_secret") && !text(item, "share_secret").is_ok_and(is_hash) {
        odd("its share_secret is not 64 hex digits".to_owned());
    }
    let mut expected = vec!["site", "roles", "label", "created_at", "share_secret"];
    if item.contains_key("expires_at") {
        expected.extend(["expires_at", "ttl"]);
    }
    others(item, &expected, odd);
    let label = item.get("label").and_then(|label| label.as_s().ok()).cloned();
    Some(ApiKey { site: site.to_owned(), id: sk.to_owned(), roles, label, created_at, expires_at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::attributes::testing::{item, number, text};
    use aws_sdk_dynamodb::types::AttributeValue;

    fn roles(names: &[&str]) -> AttributeValue {
        AttributeValue::Ss(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_key_is_a_hash_in_its_partition_with_site_and_roles() {
        let read_row = |pk: &str, sk: &str, attributes: &[(&str, AttributeValue)]| {
            let mut oddities = 0;
            let row = read(&item(pk, sk, attributes), pk, sk, &mut |_| oddities += 1);
            (row, oddities)
        };
        let hash = "0123456789abcdef".repeat(4);
        let whole = [
            ("site", text("shop")),
            ("roles", roles(&["write", "read"])),
            ("label", text("till 7")),
            ("created_at", text("2026-11-21T12:00:00Z")),
            ("expires_at", text("2026-11-22T12:00:00Z")),
            ("ttl", number("1797940800")),
            ("share_secret", text(&"01".repeat(32))),
        ];
        let (row, oddities) = read_row("KEYS#0", &hash, &whole);
        let row = row.expect("a key");
        assert_eq!((row.roles.join(" ").as_str(), oddities), ("read write", 0));
        assert_eq!((row.site.as_str(), row.label.as_deref()), ("shop", Some("till 7")));
        for (without, expected) in
            [("label", 0), ("share_secret", 0), ("created_at", 1), ("roles", 1), ("ttl", 1)]
        {
            let part: Vec<_> = whole.iter().filter(|(name, _)| *name != without).cloned().collect();
            assert_eq!(read_row("KEYS#0", &hash, &part).1, expected, "{without}");
        }
        for (name, value) in [
            ("roles", roles(&["paint"])),
            ("ttl", number("1797940801")),
            ("expires_at", text("soon")),
            ("share_secret", text("01")),
            ("key", text("secret")),
        ] {
            let mut changed = whole.to_vec();
            changed.retain(|(known, _)| *known != name);
            changed.push((name, value));
            assert_eq!(read_row("KEYS#0", &hash, &changed).1, 1, "{name}");
        }
        for (pk, sk) in [("KEYS#1", hash.as_str()), ("KEYS#", &hash), ("KEYS#0", "0123")] {
            let (row, oddities) = read_row(pk, sk, &whole);
            assert!(row.is_none() && oddities == 1, "{pk} {sk}");
        }
    }
}
