//! The rows of write keys.

use crate::rows::attributes::{Item, others, text, time};

/// What their partition keys begin with.
pub(crate) const PREFIX: &str = "K#";

/// The hash of a key that may write for a site.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WriteKey {
    pub(crate) site: String,
    /// 64 hex digits.
    pub(crate) hash: String,
    /// `None` if it cannot be read.
    pub(crate) created_at: Option<String>,
}

/// Reads a write key of `site`; `None` if its keys are not those of one.
pub(super) fn read(
    item: &Item,
    site: &str,
    sk: &str,
    odd: &mut impl FnMut(String),
) -> Option<WriteKey> {
    let is_hash =
        sk.len() == 64 && sk.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if site.is_empty() || !is_hash {
        odd("not the keys of a write key".to_owned());
        return None;
    }
    let created_at = time(item, "created_at").and_then(|_| text(item, "created_at"));
    let created_at = created_at.map_err(|error| odd(error.to_string())).ok();
    others(item, &["created_at"], odd);
    Some(WriteKey {
        site: site.to_owned(),
        hash: sk.to_owned(),
        created_at: created_at.map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::attributes::testing::{item, text};
    use aws_sdk_dynamodb::types::AttributeValue;

    #[test]
    fn a_write_key_is_the_hash_of_one_for_a_site() {
        let oddities = |site: &str, sk: &str, attributes: &[(&str, AttributeValue)]| {
            let mut oddities = 0;
            let item = item(&format!("{PREFIX}{site}"), sk, attributes);
            read(&item, site, sk, &mut |_| oddities += 1);
            oddities
        };
        let hash = "0123456789abcdef".repeat(4);
        let created_at = ("created_at", text("2026-11-21T12:00:00Z"));
        assert_eq!(oddities("shop", &hash, std::slice::from_ref(&created_at)), 0);
        assert_eq!(oddities("shop", &hash, &[]), 1);
        assert_eq!(oddities("shop", &hash, &[created_at.clone(), ("key", text("secret"))]), 1);
        for (site, sk) in [("", hash.as_str()), ("shop", "short"), ("shop", &hash.to_uppercase())] {
            assert_eq!(oddities(site, sk, std::slice::from_ref(&created_at)), 1, "{site} {sk}");
        }
    }
}
