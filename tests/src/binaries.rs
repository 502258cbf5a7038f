//! The workspace's binaries, built in the same profile as the tests.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, bail};

/// The binary of the `minutebook` command.
const COMMAND: &str = "minutebook";

static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();

/// The path of the `minutebook` command or of a function. The first call builds all of them. `cargo
/// mb` and `cargo mb up` use the same build, so nothing is built twice.
///
/// # Errors
/// The build fails.
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
    // The test binary is in `<target>/<profile>/deps`.
    let test = std::env::current_exe()?;
    let folder =
        test.ancestors().nth(2).context("a test binary lies in a target folder")?.to_path_buf();
    let target = folder.parent().context("a profile's folder lies in a target folder")?;
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--bin", COMMAND]);
    for function in minutebook_local::functions(&root())? {
        cargo.args(["--bin", &function]);
    }
    cargo.current_dir(root()).arg("--target-dir").arg(target);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    minutebook_local::forget_outer_cargo(&mut cargo);
    if !cargo.status().context("cargo cannot be started")?.success() {
        bail!("the command and the functions do not build (cargo says why above)");
    }
    Ok(folder)
}
