//! The binaries of this workspace, built in the profile of the tests.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, bail};

static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();

/// How the names of the variables begin with which cargo describes a package to its program.
const PACKAGE_VARIABLES: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

/// The path of a binary, which is up to date: the first call builds all of them.
///
/// # Errors
///
/// If they cannot be built.
pub fn path(name: &str) -> anyhow::Result<PathBuf> {
    match FOLDER.get_or_init(|| build().map_err(|error| format!("{error:#}"))) {
        Ok(folder) => Ok(folder.join(name)),
        Err(error) => bail!("{error}"),
    }
}

/// The root of the checkout.
pub fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn build() -> anyhow::Result<PathBuf> {
    // The test's own binary lies in `<target>/<profile>/deps`.
    let test = std::env::current_exe()?;
    let folder =
        test.ancestors().nth(2).context("a test binary lies in a target folder")?.to_path_buf();
    let target = folder.parent().context("a profile's folder lies in a target folder")?;
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--quiet", "--locked", "--workspace", "--bins"])
        .current_dir(root())
        .arg("--target-dir")
        .arg(target);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    // `cargo test` says which package it runs. A build that was told so compiles all that asks for
    // it, and so would the next `cargo test`, which was not.
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| PACKAGE_VARIABLES.iter().any(|prefix| name.starts_with(prefix)))
        {
            cargo.env_remove(name);
        }
    }
    let output = cargo.output().context("cargo cannot be started")?;
    if !output.status.success() {
        bail!("the binaries cannot be built: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(folder)
}
