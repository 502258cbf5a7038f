//! Random chunks: lines with their ends, packed or not, and what they are counted with.

use std::fmt;
use std::io::Write as _;

use chrono_tz::TZ_VARIANTS;
use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

use crate::csv;
use crate::line::line;
use crate::mutate::mutate;

/// The reference time of every chunk: 2026-11-20T23:07:59Z.
pub(crate) const REFERENCE_SECONDS: i64 = 1_795_216_079;

/// How long a line may be, in bytes.
pub(crate) const LINE_BYTES_MAX: usize = 256 * 1024;

/// The zones of which the clocks change in ways of their own.
const ZONES: &[&str] = &[
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "Africa/Monrovia",
    "Africa/Casablanca",
];

/// A chunk, and what its count depends on beside its bytes.
#[derive(Clone)]
pub(crate) struct Chunk {
    /// The bytes as they are stored.
    pub(crate) stored: Vec<u8>,
    /// The bytes before they were packed.
    pub(crate) plain: Vec<u8>,
    /// How many bytes the reader is given at a time.
    pub(crate) block_bytes: usize,
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
    pub(crate) fn random(random: &mut StdRng) -> Chunk {
        let mut plain = if random.random_bool(0.15) { csv::text(random) } else { text(random) };
        if random.random_bool(0.05) {
            plain = utf16(&plain, random);
        }
        let stored = pack(&plain, random);
        let block_bytes = match random.random_range(0..4) {
            0 => random.random_range(1..20),
            1 => random.random_range(20..2_000),
            _ => usize::MAX,
        };
        let default_currency = if random.random_bool(0.5) { "USD" } else { "EUR" };
        let default_time_zone = match random.random_range(0..10) {
            0..4 => "UTC",
            4..9 => ZONES.choose(random).unwrap(),
            _ => TZ_VARIANTS.choose(random).unwrap().name(),
        };
        let retention_days = *[0, 0, 1, 7].choose(random).unwrap();
        let has_site_settings = random.random_bool(0.5);
        let has_refused_sites = random.random_bool(0.1);
        Chunk {
            stored,
            plain,
            block_bytes,
            default_currency,
            default_time_zone,
            has_site_settings,
            has_refused_sites,
            retention_days,
        }
    }

    /// The stored bytes as the reader gets them.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &[u8]> {
        self.stored.chunks(self.block_bytes)
    }

    /// The same with other bytes, which are not packed.
    pub(crate) fn with_text(&self, text: Vec<u8>) -> Chunk {
        Chunk { stored: text.clone(), plain: text, ..*self }
    }
}

/// As a text that can be pasted into a test.
impl fmt::Debug for Chunk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Chunk {
            stored,
            block_bytes,
            default_currency,
            default_time_zone,
            has_site_settings,
            has_refused_sites,
            retention_days,
            ..
        } = self;
        write!(
            formatter,
            "b\"{}\" in blocks of {block_bytes} bytes, {default_currency}, {default_time_zone}, settings \
             of sites: {has_site_settings}, refused sites: {has_refused_sites}, minutes kept for \
             {retention_days} days",
            stored.escape_ascii()
        )
    }
}

fn text(random: &mut StdRng) -> Vec<u8> {
    let mut text = Vec::new();
    if random.random_bool(0.1) {
        text.extend_from_slice("\u{feff}".as_bytes());
    }
    let layout = Layout::random(random);
    if layout == Layout::Array {
        text.push(b'[');
    }
    let mutated = *[0.0, 0.0, 0.0, 0.1, 0.3, 1.0].choose(random).unwrap();
    let registry = *[0.0, 0.0, 0.0, 0.0, 0.02, 0.8].choose(random).unwrap();
    for _ in 0..random.random_range(0..60) {
        let mut next = line(random).into_bytes();
        if layout != Layout::Lines && random.random_bool(0.2) {
            next = spread(&next, random);
        }
        if random.random_bool(mutated) {
            next = mutate(next, random);
        }
        if random.random_bool(0.0003) {
            next = fill_up(next, random);
        }
        if random.random_bool(registry) {
            text.extend_from_slice(&registry_bytes(random));
        }
        text.extend_from_slice(&next);
        if random.random_bool(0.02) {
            text.extend_from_slice(&next);
        }
        if layout != Layout::Lines && random.random_bool(0.06) {
            let odd = ODD_PIECES.choose(random).unwrap();
            text.extend_from_slice(odd.as_bytes());
        }
        layout.end_value(&mut text, random);
        if random.random_bool(0.05) {
            let blank = ["\n", "\r\n", " \n", "\t \r\r\n", "\r", " ", "\u{feff}", "\u{a0}\n"];
            text.extend_from_slice(blank.choose(random).unwrap().as_bytes());
        }
        if random.random_bool(0.03) {
            text.extend_from_slice(&next);
            text.push(b'\n');
        }
    }
    if layout == Layout::Array && random.random_bool(0.9) {
        text.push(b']');
    }
    if random.random_bool(0.3) {
        while text.pop_if(|byte| matches!(byte, b'\n' | b'\r')).is_some() {}
    }
    text
}

/// What a schema registry writes before a value, or nearly so.
fn registry_bytes(random: &mut StdRng) -> Vec<u8> {
    let mut bytes = vec![0, 0, 0, 0, 7];
    while random.random_bool(0.4) {
        bytes[random.random_range(1..5)] =
            *[0, 7, b'\n', b'\r', b' ', b'{', b'}', b'[', b'"', b'1', 0xff].choose(random).unwrap();
    }
    match random.random_range(0..100) {
        0 => bytes.truncate(4),
        1 => bytes.push(*[0, b' ', b'\n', b'{'].choose(random).unwrap()),
        2 => bytes[0] = 1,
        _ => {}
    }
    bytes
}

/// The text as UTF-16, mostly with a byte order mark.
fn utf16(text: &[u8], random: &mut StdRng) -> Vec<u8> {
    let is_big_endian = random.random_bool(0.5);
    let mark = if random.random_bool(0.7) { "\u{feff}" } else { "" };
    let mut text = mark.to_owned() + &String::from_utf8_lossy(text);
    if random.random_bool(0.1) {
        text.push('\u{fffe}');
    }
    let mut bytes: Vec<u8> = text
        .encode_utf16()
        .flat_map(|unit| if is_big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() })
        .collect();
    if random.random_bool(0.3) {
        bytes = mutate(bytes, random);
    }
    bytes
}

/// What the values of a text stand in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    Lines,
    Array,
    Concatenated,
    Mixed,
}

/// What may stand between values.
const SEPARATORS: &[&str] = &[
    "",
    "\n",
    "\r\n",
    ",",
    ",\n",
    " ",
    "]",
    "[",
    "\\n",
    "\\r\\n",
    "\\t",
    "\u{1e}",
    "\u{feff}",
    "\n\u{feff}",
    "]\n[",
];

/// What may be there in place of a value.
const ODD_PIECES: &[&str] = &[
    ",null,",
    " 1 ",
    ",\"x\",",
    "}",
    "{",
    "\n{\n",
    "[",
    "x",
    ":",
    "{\"a\":[\n",
    "{\"a\":\n",
    "1,2",
    "\\",
    "\\x",
    "\u{feff}",
    "\n-1.5e3\n",
    "\ntrue,false\n",
    ",1,x",
    "{\"a\":NaN}",
    "{\"a\":\"b\"c\"}",
    "{\"a\":{\"b\":1}",
    "{\n\"a\":1,}",
    "{\"a\":{}}}",
    "\0\0\0\0\u{7}",
    ",\0\0\0\0\u{7}{}",
    "1,\0\n\0\n\0{}",
    "\n\"{}\"\n",
    "\n[\"{\\\"a\\\":1}\"]\n",
];

impl Layout {
    fn random(random: &mut StdRng) -> Layout {
        match random.random_range(0..10) {
            0 => Layout::Array,
            1 => Layout::Concatenated,
            2..4 => Layout::Mixed,
            _ => Layout::Lines,
        }
    }

    fn end_value(self, text: &mut Vec<u8>, random: &mut StdRng) {
        let separators = match self {
            Layout::Lines => &["\n", "\n", "\n", "\n", "\r\n"][..],
            Layout::Array => &[",", ",", ",", ", ", ",\n"],
            Layout::Concatenated => &["", "", "", "\\n", " "],
            Layout::Mixed => SEPARATORS,
        };
        text.extend_from_slice(separators.choose(random).unwrap().as_bytes());
    }
}

/// A line with line ends where it may have white space, if it is valid.
fn spread(line: &[u8], random: &mut StdRng) -> Vec<u8> {
    let often = random.random_range(0.1..1.0);
    let mut spread = Vec::new();
    let mut in_text = false;
    for (place, byte) in line.iter().enumerate() {
        if *byte == b'"' && (place == 0 || line[place - 1] != b'\\') {
            in_text = !in_text;
        }
        spread.push(*byte);
        if !in_text && matches!(byte, b'{' | b'[' | b',' | b':') && random.random_bool(often) {
            let end = ["\n", "\r\n", "\n  ", "\n\n"].choose(random).unwrap();
            spread.extend_from_slice(end.as_bytes());
        }
    }
    spread
}

/// A line of about the length that a line may have.
fn fill_up(mut line: Vec<u8>, random: &mut StdRng) -> Vec<u8> {
    let filling = *[b' ', b'\r', b'x', b'['].choose(random).unwrap();
    line.resize(LINE_BYTES_MAX + random.random_range(0..4) - 2, filling);
    line
}

fn pack(plain: &[u8], random: &mut StdRng) -> Vec<u8> {
    let (first, second) = plain.split_at(random.random_range(0..=plain.len()));
    let mut packed = match random.random_range(0..10) {
        0 => gzip(plain),
        1 => [gzip(first), gzip(second)].concat(),
        2 => zstd::encode_all(plain, 1).unwrap(),
        3 => [zstd::encode_all(first, 1).unwrap(), zstd::encode_all(second, 3).unwrap()].concat(),
        4 => match random.random_range(0..6) {
            0 => [gzip(plain), vec![0; random.random_range(1..600)]].concat(),
            1 => [gzip(first), vec![0; 3], gzip(second)].concat(),
            2 => gzip(&gzip(plain)),
            3 => gzip(&zstd::encode_all(plain, 1).unwrap()),
            4 => zstd::encode_all(gzip(plain).as_slice(), 1).unwrap(),
            _ => gzip(&[b"PK\x03\x04", plain].concat()),
        },
        _ => return plain.to_vec(),
    };
    if random.random_bool(0.1) {
        packed = mutate(packed, random);
    }
    packed
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
