//! Keys for reading that are made from another key and stored nowhere: a link to one site, for some
//! time.

use std::fmt;

use chrono::{DateTime, Utc};
use minutebook_domain::event::site::SiteId;

use crate::api_keys::{KeyHash, ShareSecret, hash_of_digits};

/// What a share key begins with.
const PREFIX: &str = "mbs_";

/// What stands between its parts; no site has it.
const SEPARATOR: char = '~';

/// What is signed begins with this, so that no other use of the secret signs the same.
const CONTEXT: &str = "minutebook share key 1";

/// A share key: `mbs_<site>~<expiry>~<hash of the key that it is made from>~<signature>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShareKey {
    /// The site that it is for.
    pub site: SiteId,
    /// When it stops working, in whole seconds.
    pub expires_at: DateTime<Utc>,
    /// The hash of the key that it is made from.
    pub parent: KeyHash,
    signature: blake3::Hash,
}

impl ShareKey {
    /// Makes a share key from the key with this hash and secret.
    pub fn new(
        site: SiteId,
        expires_at: DateTime<Utc>,
        parent: KeyHash,
        secret: &ShareSecret,
    ) -> ShareKey {
        let signature = signature(&site, expires_at, &parent, secret);
        ShareKey { site, expires_at, parent, signature }
    }

    /// Reads a share key, without checking it; `None` for a text that cannot be one.
    pub fn parse(text: &str) -> Option<ShareKey> {
        let mut parts = text.strip_prefix(PREFIX)?.split(SEPARATOR);
        let site = SiteId::parse(parts.next()?)?;
        let seconds = parts.next()?;
        let expires_at = DateTime::from_timestamp(seconds.parse().ok()?, 0)?;
        let parent = KeyHash::of_digits(parts.next()?)?;
        let signature = hash_of_digits(parts.next()?)?;
        let key = ShareKey { site, expires_at, parent, signature };
        // One key has one text.
        (key.to_string() == text).then_some(key)
    }

    /// Whether it was made with this secret. The comparison takes the same time for all signatures.
    pub fn is_signed_with(&self, secret: &ShareSecret) -> bool {
        signature(&self.site, self.expires_at, &self.parent, secret) == self.signature
    }
}

impl fmt::Display for ShareKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ShareKey { site, expires_at, parent, signature } = self;
        let (seconds, parent) = (expires_at.timestamp(), parent.as_str());
        write!(formatter, "{PREFIX}{site}~{seconds}~{parent}~{}", signature.to_hex())
    }
}

fn signature(
    site: &SiteId,
    expires_at: DateTime<Utc>,
    parent: &KeyHash,
    secret: &ShareSecret,
) -> blake3::Hash {
    let seconds = expires_at.timestamp();
    let signed = format!("{CONTEXT}\n{site}\n{seconds}\n{}", parent.as_str());
    blake3::keyed_hash(secret.bytes(), signed.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parent(number: u32) -> KeyHash {
        KeyHash::of(&format!("mb_{number:064x}")).expect("a key")
    }

    fn secret(number: u32) -> ShareSecret {
        ShareSecret::parse(&format!("{number:064x}")).expect("a secret")
    }

    fn key() -> ShareKey {
        let site = SiteId::parse("my-shop.de:1").expect("a site");
        let expires_at = "2026-12-20T23:07:59Z".parse().expect("a time");
        ShareKey::new(site, expires_at, parent(1), &secret(7))
    }

    #[test]
    fn a_share_key_is_read_as_it_was_made_and_is_valid_for_its_secret_only() {
        let text = key().to_string();
        assert!(text.starts_with("mbs_my-shop.de:1~1797808079~"), "{text}");
        assert_eq!(ShareKey::parse(&text), Some(key()));
        assert!(key().is_signed_with(&secret(7)) && !key().is_signed_with(&secret(8)));
        assert_eq!(format!("{:?}", secret(7)), "ShareSecret");
    }

    #[test]
    fn whoever_changes_a_part_makes_it_invalid() {
        let text = key().to_string();
        let other = parent(2);
        let changes = [
            ("my-shop", "my-shap"),
            ("1797808079", "1797808080"),
            (key().parent.as_str(), other.as_str()),
        ]
        .map(|(from, to)| text.replace(from, to));
        for changed in &changes {
            let key = ShareKey::parse(changed).expect("well formed");
            assert!(changed != &text && !key.is_signed_with(&secret(7)), "{changed}");
        }
    }

    #[test]
    fn what_is_not_written_like_a_share_key_is_none() {
        let text = key().to_string();
        for wrong in [
            String::new(),
            "mbs_".to_string(),
            text.replace("mbs_", "mb_"),
            text.replace("~1797808079~", "~01797808079~"),
            text.replace("~1797808079~", "~+1797808079~"),
            text.replace("~1797808079~", "~99999999999999999~"),
            text.replace("my-shop.de:1", "my shop"),
            text.to_uppercase(),
            format!("{text}~"),
            format!("{text}0"),
            text[..text.len() - 1].to_string(),
        ] {
            assert_eq!(ShareKey::parse(&wrong), None, "{wrong}");
        }
    }
}
