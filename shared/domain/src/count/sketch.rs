//! Sketches: the approximate number of distinct ids, in a few kilobytes.

use std::fmt;

use crate::count::secret::VisitorSecret;
use crate::count::stand_in::visitor_hash;
use datasketches::hll::{Coupon, HllSketch, HllType, HllUnion};

/// The binary logarithm of the number of registers in a sketch: 2^14 = 16,384 registers.
///
/// **Guarantees**: the standard error of an estimate is 1.04 / sqrt(2^14) = 0.81 %, so 19 of 20
/// estimates are within 1.6 %. Up to about 1,500 ids a sketch keeps a 32-bit hash of each id and is
/// exact, unless two hashes collide: for a thousand ids this happens in one of 400 sketches.
pub const LG_K: u8 = 14;

/// The first byte of a stored sketch in the compact format of Apache DataSketches, with four bits
/// per register.
const PLAIN: u8 = 1;

/// The first byte of a stored sketch in the same format, compressed by zstd. Most registers have
/// similar values, so the sketch of a minute with 6,000 customers takes half of the space; hashes
/// that are kept one by one do not compress.
const PACKED: u8 = 2;

/// The fastest level of zstd: higher levels make sketches no smaller.
const PACK_LEVEL: i32 = 1;

/// The maximum size of a decompressed sketch, in bytes: more than 2^14 registers of four bits and
/// their exceptions take.
const UNPACKED_BYTES_MAX: usize = 64 * 1024;

/// The hash of an id. Sketches hash it once more, which takes half of the time that their own hash
/// function would take for the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct IdHash(pub(crate) u64);

impl IdHash {
    /// The hash of an id's text.
    #[inline]
    pub(crate) fn of(secret: VisitorSecret, id: &[u8]) -> IdHash {
        IdHash(visitor_hash(secret, id))
    }
}

/// A set of ids that can only estimate its size.
///
/// **Guarantees**: merging is idempotent, commutative and associative: the estimate depends on
/// which ids were added, not on how often, in what order, or through how many sketches. So counting
/// a chunk again changes nothing. This holds for ids that were hashed with the same secret: a
/// merge of sketches of different secrets counts an id once for each.
///
/// **Source**: Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog", 2007; the estimator of Apache
/// DataSketches that does not depend on the order of updates.
#[derive(Clone)]
pub struct Sketch(HllUnion);

/// A set to which ids are added one by one, which is faster than merging sets of one id.
pub(crate) struct GrowingSketch(HllSketch);

impl GrowingSketch {
    /// A set without ids.
    pub(crate) fn new() -> GrowingSketch {
        GrowingSketch(HllSketch::new(LG_K, HllType::Hll8).expect("the library takes 4 to 21"))
    }

    /// Adds an id.
    #[inline]
    pub(crate) fn add(&mut self, id: IdHash) {
        self.0.update_with_coupon(Coupon::from_value(id.0));
    }

    /// The set of all ids that were added.
    pub(crate) fn finish(&self) -> Sketch {
        let mut sketch = Sketch::new();
        sketch.0.update(&self.0);
        sketch
    }
}

/// Why bytes are not a sketch. A retry does not help.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SketchError {
    /// They have a format that this version does not know.
    #[error("the sketch has the format {found:?}, and this version reads {PLAIN} and {PACKED}")]
    OtherFormat {
        /// The first byte; `None` if there are no bytes.
        found: Option<u8>,
    },
    /// They are broken.
    #[error("the sketch cannot be read: {0}")]
    Malformed(String),
}

impl Sketch {
    /// A set without ids.
    pub fn new() -> Sketch {
        Sketch(HllUnion::new(LG_K).expect("the library takes 4 to 21"))
    }

    /// A set of these ids, hashed with a secret.
    pub fn of<I: AsRef<[u8]>>(secret: VisitorSecret, ids: impl IntoIterator<Item = I>) -> Sketch {
        let mut growing = GrowingSketch::new();
        ids.into_iter().for_each(|id| growing.add(IdHash::of(secret, id.as_ref())));
        growing.finish()
    }

    /// Adds all ids of another set.
    pub fn merge(&mut self, other: &Sketch) {
        self.0.update(&other.0.to_sketch(HllType::Hll8));
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The estimated number of ids; see [`LG_K`] for the error.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate is finite and not negative"
    )]
    pub fn estimate(&self) -> u64 {
        self.0.composite_estimate().round() as u64
    }

    /// Encodes the sketch for [`Sketch::from_bytes`]: four bytes for each id, at most about 8,300.
    pub fn to_bytes(&self) -> Vec<u8> {
        let plain = self.0.to_sketch(HllType::Hll4).serialize();
        match zstd::bulk::compress(&plain, PACK_LEVEL) {
            Ok(packed) if packed.len() < plain.len() => [&[PACKED], &packed[..]].concat(),
            _ => [&[PLAIN], &plain[..]].concat(),
        }
    }

    /// Reads a stored sketch.
    ///
    /// # Errors
    /// Fails with a [`SketchError`] if the bytes are not a sketch; a retry does not help.
    pub fn from_bytes(bytes: &[u8]) -> Result<Sketch, SketchError> {
        let stored = match bytes.split_first() {
            Some((&PLAIN, plain)) => HllSketch::deserialize(plain).map_err(malformed)?,
            Some((&PACKED, packed)) => {
                let plain =
                    zstd::bulk::decompress(packed, UNPACKED_BYTES_MAX).map_err(malformed)?;
                HllSketch::deserialize(&plain).map_err(malformed)?
            }
            _ => return Err(SketchError::OtherFormat { found: bytes.first().copied() }),
        };
        if stored.lg_config_k() != LG_K {
            return Err(SketchError::Malformed(format!(
                "it has 2^{} registers, not 2^{LG_K}",
                stored.lg_config_k()
            )));
        }
        let mut sketch = Sketch::new();
        sketch.0.update(&stored);
        Ok(sketch)
    }
}

fn malformed(error: impl fmt::Display) -> SketchError {
    SketchError::Malformed(error.to_string())
}

impl Default for Sketch {
    fn default() -> Sketch {
        Sketch::new()
    }
}

/// `about 1234`.
impl fmt::Debug for Sketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "about {}", self.estimate())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: VisitorSecret = VisitorSecret::new(0x5eed);

    fn ids(numbers: impl IntoIterator<Item = u32>) -> Sketch {
        Sketch::of(SECRET, numbers.into_iter().map(|number| format!("user-{number}")))
    }

    #[test]
    fn small_sets_are_exact() {
        for size in [0, 1, 7, 8, 9, 100, 1_000, 1_500] {
            assert_eq!(ids(0..size).estimate(), u64::from(size));
        }
    }

    #[test]
    fn a_set_merged_with_itself_or_a_part_of_it_is_itself() {
        for size in [5, 500, 5_000] {
            let all = ids(0..size);
            let mut merged = all.clone();
            merged.merge(&all);
            merged.merge(&ids(0..size / 2));
            merged.merge(&Sketch::new());
            assert_eq!(merged.estimate(), all.estimate());
        }
    }

    #[test]
    fn a_stored_sketch_is_read_back() {
        for (size, format, bytes_max) in [
            (0, PLAIN, 20),
            (3, PLAIN, 30),
            (300, PLAIN, 1_300),
            (6_000, PACKED, 4_300),
            (300_000, PACKED, 6_900),
        ] {
            let bytes = ids(0..size).to_bytes();
            assert_eq!(bytes[0], format, "{size} ids");
            assert!(bytes.len() <= bytes_max, "{size} ids take {} bytes", bytes.len());
            assert_eq!(
                Sketch::from_bytes(&bytes).expect("stored").estimate(),
                ids(0..size).estimate()
            );
        }
    }

    #[test]
    fn bytes_that_are_not_a_sketch_are_an_error() {
        assert_eq!(
            Sketch::from_bytes(&[]).expect_err("nothing"),
            SketchError::OtherFormat { found: None }
        );
        assert_eq!(
            Sketch::from_bytes(&[3, 0]).expect_err("format 3"),
            SketchError::OtherFormat { found: Some(3) }
        );
        let bytes = ids(0..3_000).to_bytes();
        for length in [1, 2, 9, 100, bytes.len() - 1] {
            let error = Sketch::from_bytes(&bytes[..length]).expect_err("cut off");
            assert!(matches!(error, SketchError::Malformed(_)), "{length}: {error:?}");
        }
        let small = HllSketch::new(12, HllType::Hll4).expect("in range").serialize();
        let error =
            Sketch::from_bytes(&[&[PLAIN], &small[..]].concat()).expect_err("another precision");
        assert_eq!(error.to_string(), "the sketch cannot be read: it has 2^12 registers, not 2^14");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn the_estimate_depends_on_the_ids_alone(
            parts in prop::collection::vec(prop::collection::vec(0_u32..6_000, 0..3_000), 1..6),
        ) {
            let whole = ids(parts.iter().flatten().copied()).estimate();
            for stored in [false, true] {
                for backwards in [false, true] {
                    let mut merged = Sketch::new();
                    let mut merge = |part: &Vec<u32>| {
                        let sketch = ids(part.iter().copied());
                        let kept = if stored { Sketch::from_bytes(&sketch.to_bytes()).expect("stored") } else { sketch };
                        merged.merge(&kept);
                    };
                    if backwards { parts.iter().rev().for_each(&mut merge) } else { parts.iter().for_each(&mut merge) }
                    prop_assert_eq!(merged.estimate(), whole);
                }
            }
        }
    }
}
