//! Why a chunk is refused as a whole.

use crate::chunk::reader::ChunkError;
use crate::chunk::unpack::UnpackError;

/// Why a chunk is refused as a whole: no line of it can ever be counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// A short name of the reason: `archive`, `foreign_format`, `packed_too_often`, `bomb`,
    /// `truncated`, `broken` or `too_many_orders`.
    pub code: &'static str,
    /// A sentence that says what the file is and what to do.
    pub because: String,
}

impl Refusal {
    /// The refusal of a chunk that could not be read; `None` if a retry may help.
    pub fn of(error: &ChunkError) -> Option<Refusal> {
        let code = match error {
            ChunkError::Unpack(UnpackError::Foreign(foreign)) if foreign.is_archive => "archive",
            ChunkError::Unpack(UnpackError::Foreign(_)) => "foreign_format",
            ChunkError::Unpack(UnpackError::PackedTooOften) => "packed_too_often",
            ChunkError::Unpack(UnpackError::Bomb { .. }) => "bomb",
            ChunkError::Unpack(UnpackError::Truncated { .. }) => "truncated",
            ChunkError::Unpack(UnpackError::Corrupt { .. }) => "broken",
            ChunkError::TooManyOrders => "too_many_orders",
            ChunkError::OutOfTime | ChunkError::NotContinued => return None,
        };
        Some(Refusal { code, because: error.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::unpack::{Foreign, Format};

    #[test]
    fn a_refusal_says_what_the_file_is_and_what_to_do() {
        let foreign = |name, is_archive| Foreign { name, advice: "do this", is_archive };
        let page = include_str!("../../../../docs/EVENTS.md");
        let is_documented = |code: &str| page.contains(&format!("\n| `{code}` | "));
        let of = |error: UnpackError| Refusal::of(&ChunkError::Unpack(error)).expect("no retry");
        for (error, code, because) in [
            (UnpackError::Foreign(foreign("a tar archive", true)), "archive", "do this"),
            (UnpackError::Foreign(foreign("a PDF document", false)), "foreign_format", "do this"),
            (UnpackError::PackedTooOften, "packed_too_often", "put what is in it"),
            (UnpackError::Bomb { limit_bytes: 9, stored_bytes: 1 }, "bomb", "put it unpacked"),
            (UnpackError::Truncated { format: Format::Gzip }, "truncated", "put it again"),
            (
                UnpackError::Corrupt { format: Format::Zstd, detail: "x".to_string() },
                "broken",
                "put it again",
            ),
        ] {
            let refusal = of(error);
            assert_eq!(refusal.code, code);
            assert!(is_documented(code), "{code}");
            assert!(refusal.because.contains(because), "{}", refusal.because);
        }
        let orders = Refusal::of(&ChunkError::TooManyOrders).expect("no retry");
        assert_eq!(orders.code, "too_many_orders");
        assert!(is_documented(orders.code));
        assert_eq!(Refusal::of(&ChunkError::OutOfTime), None);
    }
}
