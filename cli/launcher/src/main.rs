//! `cargo mb`: builds the `minutebook` command and becomes it.
//!
//! Cargo locks the folder of a profile while it builds there, so `cargo run` would keep `cargo mb
//! status` waiting until the functions or the tests are built. This program has a profile, and with
//! it a folder and a lock, of its own. While another cargo builds the command's profile, it runs the
//! command as it was built last.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

/// The subcommands that build, and so would have to wait for the lock in any case.
const BUILDERS: [&str; 2] = ["up", "demo"];

/// The beginnings of the variables that `cargo run` sets about this package. A cargo that is
/// started with them takes them for its own and compiles again what reads them.
const OF_THE_OUTER_CARGO: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

fn main() -> ExitCode {
    let Err(error) = run();
    eprintln!("error: {error}");
    ExitCode::FAILURE
}

/// Becomes the command; returns only if it cannot.
fn run() -> Result<Infallible, String> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    // This program lies in `<target>/launcher`, the command in `<target>/debug`.
    let this = std::env::current_exe().map_err(|error| format!("where am I: {error}"))?;
    let target = this.ancestors().nth(2).ok_or("a program lies in a target folder")?;
    let folder = target.join("debug");
    let command = folder.join("minutebook");

    let builds = arguments.iter().any(|argument| BUILDERS.iter().any(|name| argument == name));
    if !builds && command.is_file() && is_locked(&folder.join(".cargo-lock")) {
        eprintln!("another cargo is building: this is the command as it was built last");
    } else {
        build(target)?;
    }
    let error = Command::new(&command).args(arguments).exec();
    Err(format!("cannot run {}: {error}", command.display()))
}

/// Whether a cargo builds in the folder of the lock file `path`.
fn is_locked(path: &Path) -> bool {
    let Ok(file) = File::open(path) else {
        // Nothing was built there yet.
        return false;
    };
    matches!(file.try_lock(), Err(TryLockError::WouldBlock))
}

/// Brings the command up to date. Cargo says what it does.
fn build(target: &Path) -> Result<(), String> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--bin", "minutebook", "--target-dir"]).arg(target);
    for (name, _) in std::env::vars_os() {
        let is_outer = |beginning: &str| name.to_string_lossy().starts_with(beginning);
        if OF_THE_OUTER_CARGO.iter().any(|beginning| is_outer(beginning)) {
            cargo.env_remove(&name);
        }
    }
    let status = cargo.status().map_err(|error| format!("cannot start cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err("the command does not build".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_seen_while_it_is_held() {
        let path = std::env::temp_dir().join(format!("minutebook-lock-{}", std::process::id()));
        assert!(!is_locked(&path), "no file");
        let held = File::create(&path).unwrap();
        assert!(!is_locked(&path), "nobody holds it");
        held.lock().unwrap();
        assert!(is_locked(&path));
        drop(held);
        assert!(!is_locked(&path), "looking at it does not keep it");
        std::fs::remove_file(&path).unwrap();
    }
}
