//! Zips for Lambda: a single file named `bootstrap`.

use std::fs::{self, File};
use std::io::{BufReader, Cursor, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Readable and executable for everyone, as Lambda requires.
const MODE: u32 = 0o755;

/// Packs the program at `program` into the zip at `zip`. The same program gives the same bytes.
///
/// The program is stored uncompressed: compressing a debug binary takes longer than uploading it to
/// the emulator.
///
/// # Errors
/// A file cannot be read or written.
pub fn package_program(program: &Path, zip: &Path) -> Result<()> {
    let source =
        File::open(program).with_context(|| format!("cannot read {}", program.display()))?;
    if let Some(folder) = zip.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    // Written under another name first, because two processes may pack the same program at once.
    let unfinished = zip.with_extension(format!("zip.{}", std::process::id()));
    let target = File::create(&unfinished)
        .with_context(|| format!("cannot write {}", unfinished.display()))?;
    let mut writer = ZipWriter::new(target);
    writer.start_file("bootstrap", options()).context("cannot begin the zip")?;
    std::io::copy(&mut BufReader::new(source), &mut writer)
        .with_context(|| format!("cannot pack {}", program.display()))?;
    writer.finish().with_context(|| format!("cannot pack {}", program.display()))?;
    fs::rename(&unfinished, zip).with_context(|| format!("cannot write {}", zip.display()))
}

/// A zip of a program that fails, for functions whose invocations are proxied elsewhere.
///
/// # Errors
/// None are expected: the zip is made in memory.
pub fn stub_zip() -> Result<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("bootstrap", options()).context("cannot begin the zip")?;
    writer.write_all(
        b"#!/bin/sh\necho 'this function is proxied to cargo lambda watch' >&2\nexit 1\n",
    )?;
    Ok(writer.finish().context("cannot pack the stub")?.into_inner())
}

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .unix_permissions(MODE)
        .last_modified_time(zip::DateTime::default())
        .large_file(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn packs_an_executable_bootstrap_the_same_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("ingest");
        fs::write(&program, "a program").unwrap();
        let zip = folder.path().join("lambda/ingest/bootstrap.zip");
        package_program(&program, &zip).unwrap();
        let first = fs::read(&zip).unwrap();
        package_program(&program, &zip).unwrap();
        assert_eq!(fs::read(&zip).unwrap(), first);

        let mut archive = zip::ZipArchive::new(Cursor::new(first)).unwrap();
        let mut file = archive.by_name("bootstrap").unwrap();
        assert_eq!(file.unix_mode().map(|mode| mode & 0o777), Some(MODE));
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "a program");
    }
}
