//! The secrets that ids of visitors are hashed with.
//!
//! Whoever knows how ids are hashed can choose ids that look like millions of visitors. The hash
//! therefore depends on a secret of the deployment. A plan records the number of its secret, so
//! that a retry hashes with the same one.

use std::fmt;

/// The number of a secret of the deployment, from 1; [`SecretNumber::NONE`] is the hash without a
/// secret, with which deployments began that are older than secrets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct SecretNumber(pub u32);

impl SecretNumber {
    /// No secret.
    pub const NONE: SecretNumber = SecretNumber(0);
}

/// As a decimal number.
impl fmt::Display for SecretNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A secret: the seed of the hash of ids.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VisitorSecret(u64);

impl VisitorSecret {
    /// No secret: the hash that everybody can compute.
    pub const NONE: VisitorSecret = VisitorSecret(0);

    /// The secret with this seed; 0 is [`VisitorSecret::NONE`].
    pub const fn new(seed: u64) -> VisitorSecret {
        VisitorSecret(seed)
    }

    /// The seed.
    pub(crate) fn seed(self) -> u64 {
        self.0
    }
}

/// Without the seed, so that no log can have it.
impl fmt::Debug for VisitorSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VisitorSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", VisitorSecret::new(12_345)), "VisitorSecret(..)");
    }
}
