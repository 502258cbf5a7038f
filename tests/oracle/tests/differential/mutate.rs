//! Changes a few bytes of a line.

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

/// What is put into lines.
const PIECES: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"0",
    b"9",
    b"-",
    b"+",
    b".",
    b"e",
    b"E",
    b" ",
    b"\t",
    b"\r",
    b"\n",
    b"\x00",
    b"\x1f",
    b"\x7f",
    b"\xff",
    b"\xc3",
    b"\xe2\x82",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x98\x80",
    b"\xc3\xa9",
    b"\xef\xbb\xbf",
    b"\xc2\xa0",
    b"\\u",
    b"\\u0000",
    b"\\ud83d",
    b"\\ude00",
    b"\\ud83d\\ude00",
    b"\\u00e",
    b"\\x",
    b"\\/",
    b"null",
    b"true",
    b"false",
    b"\"\"",
    b"\"a\":",
    b",\"a\":1",
    b"{}",
    b"[]",
    b"//",
    b"NaN",
    b"1e400",
    b"00",
    b"-0",
    b"1.",
    b"'",
];

/// A line with some bytes changed.
pub(crate) fn mutate(mut line: Vec<u8>, random: &mut StdRng) -> Vec<u8> {
    for _ in 0..random.random_range(1..4) {
        let start = random.random_range(0..=line.len());
        let end = (start + random.random_range(0..8)).min(line.len());
        match random.random_range(0..7) {
            0 => drop(line.drain(start..end)),
            1 => {
                let copy = line[start..end].to_vec();
                line.splice(start..start, copy);
            }
            2 => {
                let piece = PIECES.choose(random).unwrap();
                line.splice(start..start, piece.iter().copied());
            }
            3 => {
                let piece = PIECES.choose(random).unwrap();
                line.splice(start..end, piece.iter().copied());
            }
            4 => {
                let bit = 1 << random.random_range(0..8);
                if let Some(byte) = line.get_mut(start) {
                    *byte ^= bit;
                }
            }
            5 => {
                if let Some(byte) = line.get_mut(start) {
                    *byte = random.random();
                }
            }
            _ if random.random_bool(0.2) => line.truncate(start),
            _ => {
                // A member, or a part of one, comes twice.
                let far = (start + random.random_range(0..60)).min(line.len());
                let copy = line[start..far].to_vec();
                let place = random.random_range(0..=line.len());
                line.splice(place..place, copy);
            }
        }
    }
    line
}
