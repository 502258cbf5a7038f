//! Stand-ins: what raw events have in place of the ids of people who are forgotten.
//!
//! The stand-in of a visitor holds the hash of the id, which sketches are made of, and a code that
//! only the secret can make. With this secret it counts as the id did, so nothing that is counted
//! changes. With any other secret it is an id like others, so it still is one visitor. The stand-in
//! of an order likewise holds a hash that only the secret can make.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::count::secret::VisitorSecret;

/// What a stand-in begins with.
const MARK: char = '~';

/// The length of the stand-in of a visitor: the mark, and two numbers of 16 hex digits.
const VISITOR_BYTES: usize = 33;

/// Keeps the keys of the two kinds apart, and from all other uses of a secret.
const OF_VISITORS: &str = "minutebook 2026-11-28 stand-ins of the ids of visitors";
const OF_ORDERS: &str = "minutebook 2026-11-28 stand-ins of the ids of orders";

/// The hash of a visitor's id: that in the stand-in, if the id is one that was made with this
/// secret.
#[inline]
pub(crate) fn visitor_hash(secret: VisitorSecret, id: &[u8]) -> u64 {
    if id.len() == VISITOR_BYTES
        && let Some(hash) = hash_in_stand_in(secret, id)
    {
        return hash;
    }
    xxh3_64_with_seed(id, secret.seed())
}

#[cold]
fn hash_in_stand_in(secret: VisitorSecret, id: &[u8]) -> Option<u64> {
    hash_in(OF_VISITORS, secret, id)
}

fn hash_in(of: &str, secret: VisitorSecret, id: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(id).ok()?.strip_prefix(MARK)?;
    let hash = u64::from_str_radix(digits.get(..16)?, 16).ok()?;
    (id == text(of, secret, hash).as_bytes()).then_some(hash)
}

fn text(of: &str, secret: VisitorSecret, hash: u64) -> String {
    let code = blake3::keyed_hash(&key(of, secret), &hash.to_be_bytes());
    format!("{MARK}{hash:016x}{}", &code.to_hex()[..16])
}

fn key(of: &str, secret: VisitorSecret) -> [u8; 32] {
    blake3::derive_key(of, &secret.seed().to_be_bytes())
}

impl VisitorSecret {
    /// The stand-in of the id of a customer or a session. That of a stand-in is itself.
    pub fn stand_in_of_visitor(self, id: &str) -> String {
        text(OF_VISITORS, self, visitor_hash(self, id.as_bytes()))
    }

    /// The stand-in of the id of an order. That of a stand-in is itself.
    pub fn stand_in_of_order(self, site: &str, id: &str) -> String {
        if hash_in(OF_ORDERS, self, id.as_bytes()).is_some() {
            return id.to_string();
        }
        let mut hasher = blake3::Hasher::new_keyed(&key(OF_ORDERS, self));
        hasher.update(&(site.len() as u64).to_be_bytes()).update(site.as_bytes());
        let hash = hasher.update(id.as_bytes()).finalize();
        let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
        text(OF_ORDERS, self, u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::sketch::Sketch;

    const SECRET: VisitorSecret = VisitorSecret::new(0x5eed);

    #[test]
    fn a_stand_in_counts_as_its_id_with_the_same_secret_only() {
        for number in 0..1_000 {
            let id = format!("customer-{number}");
            let stand_in = SECRET.stand_in_of_visitor(&id);
            assert!(stand_in.len() == VISITOR_BYTES && !stand_in.contains("customer"));
            assert_eq!(SECRET.stand_in_of_visitor(&stand_in), stand_in);
            assert_eq!(Sketch::of(SECRET, [&id, &stand_in]).estimate(), 1);
            assert_eq!(Sketch::of(VisitorSecret::NONE, [&id, &stand_in]).estimate(), 2);
        }
    }

    #[test]
    fn nobody_makes_a_stand_in_without_the_secret() {
        let stand_in = SECRET.stand_in_of_visitor("ann");
        let digits = &stand_in[1..];
        for forged in [
            format!("~{}{}", &digits[..16], "0".repeat(16)),
            format!("~{}{}", "0".repeat(16), &digits[16..]),
            format!("-{digits}"),
            format!("~{}", digits.to_uppercase()),
            format!("~+{}", &digits[1..]),
            VisitorSecret::NONE.stand_in_of_visitor("ann"),
        ] {
            let of_text = xxh3_64_with_seed(forged.as_bytes(), SECRET.seed());
            assert_eq!(visitor_hash(SECRET, forged.as_bytes()), of_text, "{forged}");
        }
    }

    #[test]
    fn orders_of_two_sites_have_two_stand_ins() {
        let names: std::collections::BTreeSet<String> = [("a", "b1"), ("ab", "1"), ("a", "1")]
            .into_iter()
            .map(|(site, id)| SECRET.stand_in_of_order(site, id))
            .collect();
        for name in &names {
            assert_eq!(SECRET.stand_in_of_order("a", name), *name);
        }
        assert!(names.len() == 3 && names.iter().all(|name| name.len() == VISITOR_BYTES));
    }
}
