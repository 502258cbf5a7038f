//! The reader of chunks against the oracle: any bytes, in any container and any blocks, must come to
//! the same outcomes, tallies, orders and visitors. It is the comparison of
//! `tests/oracle/tests/differential`, with chunks that the fuzzer makes.

#![no_main]

#[expect(dead_code, reason = "the statistics are for the random chunks of the oracle's own test")]
#[path = "../../tests/oracle/tests/differential/compare.rs"]
mod compare;

use libfuzzer_sys::fuzz_target;

use crate::chunk::Chunk;
use crate::compare::compare;

fuzz_target!(|input: &[u8]| {
    let Some(chunk) = Chunk::of(input) else { return };
    // In one block and in several, each like the oracle, and so like each other.
    for chunk in [Chunk { splits: vec![], ..chunk.clone() }, chunk] {
        if let Err(difference) = compare(&chunk) {
            panic!("{chunk:?}\n{difference}");
        }
    }
});

mod chunk {
    use std::fmt;
    use std::io::Write as _;

    /// The reference time of every chunk: 2026-11-20T23:07:59Z.
    pub(crate) const REFERENCE_SECONDS: i64 = 1_795_216_079;

    /// The settings before the bytes of a chunk: the container, the settings of the count, and three
    /// places to split the stored bytes at, of two bytes each.
    const SETTINGS_BYTES: usize = 8;

    /// The zones of times that name none; the clocks of all but the first two change.
    const ZONES: [&str; 8] = [
        "UTC",
        "Asia/Kolkata",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "America/Sao_Paulo",
        "Pacific/Apia",
        "Africa/Monrovia",
    ];

    /// A chunk, and what its count depends on besides its bytes.
    #[derive(Clone)]
    pub(crate) struct Chunk {
        /// The bytes as they are stored.
        pub(crate) stored: Vec<u8>,
        /// Where they are split into blocks, ascending.
        pub(crate) splits: Vec<usize>,
        /// The currency of money that names none.
        pub(crate) default_currency: &'static str,
        /// The zone of times that name none.
        pub(crate) default_time_zone: &'static str,
        /// Whether sites set what their events are read with.
        pub(crate) has_site_settings: bool,
        /// Whether some sites are refused.
        pub(crate) has_refused_sites: bool,
        /// For how many days minutes are kept; 0 is for ever.
        pub(crate) retention_days: u32,
    }

    impl Chunk {
        /// The chunk that an input of the fuzzer stands for; `None` if it is too short.
        pub(crate) fn of(input: &[u8]) -> Option<Chunk> {
            let (settings, bytes) = input.split_at_checked(SETTINGS_BYTES)?;
            let place =
                |at: usize| usize::from(u16::from_le_bytes([settings[at], settings[at + 1]]));
            let stored = packed(settings[0], bytes, place(2));
            let mut splits = [2, 4, 6].map(|at| place(at) % (stored.len() + 1)).to_vec();
            splits.sort_unstable();
            Some(Chunk {
                stored,
                splits,
                default_currency: if settings[1] & 1 == 0 { "USD" } else { "EUR" },
                default_time_zone: ZONES[usize::from(settings[1] >> 3 & 7)],
                has_site_settings: settings[1] >> 6 & 1 == 1,
                has_refused_sites: settings[1] >> 7 == 1,
                retention_days: [0, 0, 1, 7][usize::from(settings[1] >> 1 & 3)],
            })
        }

        /// The stored bytes as the reader gets them. Blocks may be empty.
        pub(crate) fn blocks(&self) -> impl Iterator<Item = &[u8]> {
            let starts = std::iter::once(0).chain(self.splits.iter().copied());
            let ends = self.splits.iter().copied().chain(std::iter::once(self.stored.len()));
            starts.zip(ends).map(|(start, end)| &self.stored[start..end])
        }
    }

    /// As a text that can be pasted into a test.
    impl fmt::Debug for Chunk {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            let Chunk {
                stored,
                splits,
                default_currency,
                default_time_zone,
                has_site_settings,
                has_refused_sites,
                retention_days,
            } = self;
            write!(
                formatter,
                "b\"{}\" split at {splits:?}, {default_currency}, {default_time_zone}, settings of sites: {has_site_settings}, refused sites: {has_refused_sites}, minutes kept for {retention_days} days",
                stored.escape_ascii()
            )
        }
    }

    /// The bytes in a container, of one member or of two that meet at `cut`, or in two containers. Without one, bytes that
    /// look packed are unpacked as they are.
    fn packed(container: u8, bytes: &[u8], cut: usize) -> Vec<u8> {
        let (first, second) = bytes.split_at(cut % (bytes.len() + 1));
        match container % 7 {
            1 => gzip(bytes),
            2 => [gzip(first), gzip(second)].concat(),
            3 => zstd(bytes),
            4 => [zstd(first), zstd(second)].concat(),
            5 => [gzip(first), vec![0; 3], gzip(second), vec![0; 600]].concat(),
            6 => zstd(&gzip(bytes)),
            _ => bytes.to_vec(),
        }
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
        let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
        packed.expect("memory takes everything")
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 1).expect("memory takes everything")
    }
}
