//! Finds event files, and converts and moves them in time. Files are streamed, never held in memory
//! as a whole.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read as _, Seek as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use minutebook_oracle::shift;
use tempfile::NamedTempFile;

use crate::event_files::csv;
use crate::stack::object_hashes::{ObjectHasher, ObjectHashes};

/// The size of the buffers for reading and writing files.
const BLOCK_BYTES: usize = 256 * 1024;

/// The longest piece of a line in memory, longer than the longest event (256 KiB).
const PIECE_BYTES_MAX: u64 = 1024 * 1024;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A file that becomes one object.
#[derive(Debug)]
pub(crate) struct Source {
    /// The name that the user gave, for messages.
    pub(crate) name: String,
    /// The key of the object.
    pub(crate) key: String,
    path: PathBuf,
    /// Keeps the file at `path`, if it is a temporary one.
    temporary: Option<NamedTempFile>,
}

impl Source {
    /// The file to upload.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn replace(&mut self, file: NamedTempFile) {
        self.path = file.path().to_owned();
        self.temporary = Some(file);
    }
}

/// Finds the named files: files, folders with everything in them, and `-` for standard input.
///
/// # Errors
/// There are no files, or one cannot be read.
pub(crate) fn find(names: &[String], prefix: &str) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for name in names {
        if name == "-" {
            sources.push(read_standard_input(prefix)?);
            continue;
        }
        let path = PathBuf::from(name);
        let metadata = std::fs::metadata(&path).with_context(|| format!("cannot read {name}"))?;
        if metadata.is_dir() {
            find_in_folder(&path, prefix, &mut sources)?;
        } else {
            let file_name = path.file_name().with_context(|| format!("{name} has no file name"))?;
            let key = format!("{prefix}{}", file_name.to_string_lossy());
            sources.push(Source { name: name.clone(), key, path, temporary: None });
        }
    }
    if sources.is_empty() {
        bail!("there are no files in {}", names.join(", "));
    }
    Ok(sources)
}

/// Checks that no two sources have the same key: one would replace the other.
///
/// # Errors
/// Two sources have the same key.
pub(crate) fn check_keys(sources: &[Source]) -> Result<()> {
    let mut names = BTreeMap::new();
    for source in sources {
        if let Some(other) = names.insert(&source.key, &source.name) {
            bail!(
                "{other} and {} would both become {}: upload them with different --prefix",
                source.name,
                source.key
            );
        }
    }
    Ok(())
}

fn find_in_folder(folder: &Path, prefix: &str, sources: &mut Vec<Source>) -> Result<()> {
    let read = || format!("cannot read the folder {}", folder.display());
    let mut entries = std::fs::read_dir(folder)
        .with_context(read)?
        .collect::<io::Result<Vec<_>>>()
        .with_context(read)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let file_name = entry.file_name().to_string_lossy().into_owned();
        if file_name.starts_with('.') {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            find_in_folder(&path, &format!("{prefix}{file_name}/"), sources)?;
        } else {
            let name = path.display().to_string();
            sources.push(Source {
                name,
                key: format!("{prefix}{file_name}"),
                path,
                temporary: None,
            });
        }
    }
    Ok(())
}

/// Copies standard input to a temporary file. Its key has a hash of its bytes, so that the same
/// input is the same chunk.
fn read_standard_input(prefix: &str) -> Result<Source> {
    let mut file = temporary_file()?;
    io::copy(&mut io::stdin().lock(), file.as_file_mut()).context("cannot read standard input")?;
    let hashes = hash(file.path())?;
    let key = format!("{prefix}stdin-{}.jsonl", &hashes.content[..16]);
    let path = file.path().to_owned();
    Ok(Source { name: "-".to_owned(), key, path, temporary: Some(file) })
}

/// The hashes of a file.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn hash(path: &Path) -> Result<ObjectHashes> {
    let read = || format!("cannot read {}", path.display());
    let mut hasher = ObjectHasher::default();
    let mut file = File::open(path).with_context(read)?;
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        let length = file.read(&mut block).with_context(read)?;
        if length == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(&block[..length]);
    }
}

/// Converts a CSV file to JSON Lines; does nothing to other files.
///
/// # Errors
/// The file cannot be read or is not CSV with a header of events.
pub(crate) fn convert(source: &mut Source) -> Result<()> {
    let plain_key = ["", ".gz", ".zst"]
        .iter()
        .find_map(|extension| source.key.strip_suffix(&format!(".csv{extension}")));
    let Some(plain_key) = plain_key else { return Ok(()) };
    let key = format!("{plain_key}.jsonl");
    let (lines, _) = open(&source.path)?;
    let mut converted = temporary_file()?;
    let mut writer = BufWriter::with_capacity(BLOCK_BYTES, converted.as_file_mut());
    csv::convert(lines, &mut writer)
        .with_context(|| format!("cannot convert {} to events", source.name))?;
    writer.flush().context("cannot write a temporary file")?;
    drop(writer);
    source.replace(converted);
    source.key = key;
    Ok(())
}

/// The first lines of a file, as far as they can be read: `ingest` reads more forms of files, and
/// says what is wrong with others.
pub(crate) fn first_lines(path: &Path, count: usize) -> Vec<Vec<u8>> {
    let Ok((mut reader, _)) = open(path) else { return Vec::new() };
    let mut lines = Vec::new();
    while lines.len() < count {
        let mut line = Vec::new();
        match reader.by_ref().take(PIECE_BYTES_MAX).read_until(b'\n', &mut line) {
            Ok(1..) => lines.push(line),
            Ok(0) | Err(_) => break,
        }
    }
    lines
}

/// The time of the last event that is not after `limit`, in seconds since 1970. Times that name no
/// zone are in `zone`.
///
/// # Errors
/// The file cannot be read or decompressed.
pub(crate) fn last_event(
    source: &Source,
    limit: Option<DateTime<Utc>>,
    zone: Tz,
) -> Result<Option<i64>> {
    let limit = limit.map_or(i64::MAX, |limit| limit.timestamp());
    let mut last = None;
    let (lines, _) = open(&source.path)?;
    for_each_line(lines, &source.name, |line, _| {
        let Ok(line) = std::str::from_utf8(line) else { return Ok(()) };
        let times = shift::event_times(line, zone)
            .into_iter()
            .map(|time| time.seconds)
            .filter(|seconds| *seconds <= limit);
        last = last.max(times.max());
        Ok(())
    })?;
    Ok(last)
}

/// Moves the events of a file in time. A compressed file stays compressed.
///
/// # Errors
/// The file cannot be read or decompressed, or the temporary file cannot be written.
pub(crate) fn shift(source: &mut Source, minutes: i64) -> Result<()> {
    let (lines, compression) = open(&source.path)?;
    let mut shifted = temporary_file()?;
    let writer = BufWriter::with_capacity(BLOCK_BYTES, shifted.as_file_mut());
    let write = "cannot write a temporary file";
    match compression {
        Compression::Plain => {
            shift_lines(lines, writer, &source.name, minutes)?.flush().context(write)?
        }
        Compression::Gzip => {
            let encoder = flate2::write::GzEncoder::new(writer, flate2::Compression::default());
            shift_lines(lines, encoder, &source.name, minutes)?
                .finish()
                .and_then(|mut writer| writer.flush())
                .context(write)?;
        }
        Compression::Zstd => {
            let encoder =
                zstd::stream::write::Encoder::new(writer, zstd::DEFAULT_COMPRESSION_LEVEL)
                    .context(write)?;
            shift_lines(lines, encoder, &source.name, minutes)?
                .finish()
                .and_then(|mut writer| writer.flush())
                .context(write)?;
        }
    }
    source.replace(shifted);
    Ok(())
}

fn shift_lines<W: Write>(
    lines: Box<dyn BufRead>,
    mut writer: W,
    name: &str,
    minutes: i64,
) -> Result<W> {
    for_each_line(lines, name, |line, is_whole| {
        let (mark, text) = match line.strip_prefix(BYTE_ORDER_MARK) {
            Some(text) => (BYTE_ORDER_MARK, text),
            None => (&b""[..], line),
        };
        match std::str::from_utf8(text) {
            Ok(text) if is_whole => {
                let shifted = shift::shift_line(text, minutes).map_err(anyhow::Error::msg)?;
                writer.write_all(mark)?;
                writer.write_all(shifted.as_bytes())?;
            }
            // It is rejected either way.
            _ => writer.write_all(line)?,
        }
        Ok(())
    })?;
    Ok(writer)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    Plain,
    Gzip,
    Zstd,
}

/// Opens a file for reading, and decompresses it.
fn open(path: &Path) -> Result<(Box<dyn BufRead>, Compression)> {
    let read = || format!("cannot read {}", path.display());
    let mut file = File::open(path).with_context(read)?;
    let mut start = Vec::new();
    io::Read::take(&mut file, 4).read_to_end(&mut start).with_context(read)?;
    file.rewind().with_context(read)?;
    if start.starts_with(&[0x1f, 0x8b]) {
        let decoder =
            flate2::read::MultiGzDecoder::new(BufReader::with_capacity(BLOCK_BYTES, file));
        return Ok((Box::new(BufReader::with_capacity(BLOCK_BYTES, decoder)), Compression::Gzip));
    }
    // A frame, or a skippable frame, which some compressors write first.
    if matches!(start.as_slice(), [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18]) {
        let decoder = zstd::stream::read::Decoder::new(file).with_context(read)?;
        return Ok((Box::new(BufReader::with_capacity(BLOCK_BYTES, decoder)), Compression::Zstd));
    }
    Ok((Box::new(BufReader::with_capacity(BLOCK_BYTES, file)), Compression::Plain))
}

/// Calls `work` with every line, including its line end. A line that is too long to be an event
/// comes in pieces, which are not whole.
fn for_each_line(
    mut lines: Box<dyn BufRead>,
    name: &str,
    mut work: impl FnMut(&[u8], bool) -> Result<()>,
) -> Result<()> {
    let mut piece = Vec::new();
    let mut line_number = 1_u64;
    let mut line_continues = false;
    loop {
        piece.clear();
        let bytes = lines.by_ref().take(PIECE_BYTES_MAX).read_until(b'\n', &mut piece);
        if bytes.with_context(|| format!("cannot read {name}"))? == 0 {
            return Ok(());
        }
        let ends = piece.ends_with(b"\n");
        let is_whole = !line_continues && (ends || piece.len() as u64 != PIECE_BYTES_MAX);
        work(&piece, is_whole).with_context(|| format!("line {line_number} of {name}"))?;
        line_continues = !ends;
        line_number += u64::from(ends);
    }
}

fn temporary_file() -> Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix("minutebook-")
        .tempfile()
        .context("cannot create a temporary file")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(bytes: &[u8]) -> Source {
        let mut file = temporary_file().unwrap();
        file.write_all(bytes).unwrap();
        let path = file.path().to_owned();
        Source {
            name: "test".to_owned(),
            key: "a/events.csv.gz".to_owned(),
            path,
            temporary: Some(file),
        }
    }

    fn read_decompressed(source: &Source) -> (String, Compression) {
        let (mut lines, compression) = open(source.path()).unwrap();
        let mut text = String::new();
        lines.read_to_string(&mut text).unwrap();
        (text, compression)
    }

    const LINES: &str =
        "\u{feff}{\"ts\":60, \"x\":1}\r\n\nnonsense\n {\"event_time\":\"1970-01-01 00:03:20\"}";

    #[test]
    fn shifts_a_file_and_keeps_its_compression_and_every_other_byte() {
        let expected = "\u{feff}{\"ts\":180, \"x\":1}\r\n\nnonsense\n {\"event_time\":\"1970-01-01 00:05:20\"}";
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(LINES.as_bytes()).unwrap();
        for (bytes, compression) in [
            (LINES.as_bytes().to_vec(), Compression::Plain),
            (gzip.finish().unwrap(), Compression::Gzip),
            (zstd::stream::encode_all(LINES.as_bytes(), 3).unwrap(), Compression::Zstd),
        ] {
            let mut source = source(&bytes);
            assert_eq!(last_event(&source, None, Tz::UTC).unwrap(), Some(200));
            assert_eq!(
                last_event(&source, DateTime::from_timestamp(59, 0), Tz::UTC).unwrap(),
                None
            );
            shift(&mut source, 2).unwrap();
            assert_eq!(read_decompressed(&source), (expected.to_owned(), compression));
        }
    }

    #[test]
    fn a_very_long_line_is_kept_in_pieces() {
        let long = "x".repeat(2 * 1024 * 1024 + 7);
        let text = format!("{{\"ts\":60}}\n{long}{{\"ts\":60}}\n{{\"ts\":60}}\n");
        let mut source = source(text.as_bytes());
        shift(&mut source, 1).unwrap();
        let expected = format!("{{\"ts\":120}}\n{long}{{\"ts\":60}}\n{{\"ts\":120}}\n");
        assert!(read_decompressed(&source).0 == expected);
    }

    #[test]
    fn finds_folders_in_order_and_skips_hidden_files() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.jsonl", "a.jsonl", ".hidden"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/c.jsonl"), "").unwrap();
        let name = folder.path().display().to_string();
        let sources = find(std::slice::from_ref(&name), "in/").unwrap();
        let keys: Vec<&str> = sources.iter().map(|source| source.key.as_str()).collect();
        assert_eq!(keys, ["in/a/c.jsonl", "in/a.jsonl", "in/b.jsonl"]);
        check_keys(&sources).unwrap();
        let twice = find(&[name.clone(), format!("{name}/a.jsonl")], "").unwrap();
        assert!(check_keys(&twice).unwrap_err().to_string().contains("would both become a.jsonl"));
        assert_eq!(
            find(&["/nowhere".to_owned()], "").unwrap_err().to_string(),
            "cannot read /nowhere"
        );
    }

    #[test]
    fn a_csv_file_becomes_json_lines() {
        let mut source =
            source(b"event_time,event_type,product_id\n2019-10-01 00:00:00 UTC,view,7\n");
        convert(&mut source).unwrap();
        assert_eq!(source.key, "a/events.jsonl");
        let expected = "{\"event_time\":\"2019-10-01 00:00:00 UTC\",\"event_type\":\"view\",\"product_id\":7}\n";
        assert_eq!(read_decompressed(&source).0, expected);
    }
}
