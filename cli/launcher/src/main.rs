//! `cargo mb`: builds the `minutebook` command and becomes it.
//!
//! Cargo locks the folder of a profile while it builds there. With `cargo run`, `cargo mb status`
//! would wait until the functions or the tests are built. This program has its own profile, and so
//! its own folder and lock. While another cargo builds in the folder of the command, this program
//! runs the command as it was last built.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

/// The subcommands that build, and therefore wait for the lock in any case.
const BUILDERS: [&str; 2] = ["up", "demo"];

/// The prefixes of the variables that `cargo run` sets for this package. If the inner cargo had
/// them, it would compile everything that reads them again.
const OUTER_CARGO_PREFIXES: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

fn main() -> ExitCode {
    let Err(error) = run();
    eprintln!("error: {error}");
    ExitCode::FAILURE
}

/// Becomes the command; returns only if it cannot.
fn run() -> Result<Infallible, String> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    // This program lies in `<target>/launcher`, the command in `<target>/debug`.
    let this = std::env::current_exe()
        .map_err(|error| format!("cannot find the path of this program: {error}"))?;
    let target = this.ancestors().nth(2).ok_or("this program is not in a target folder")?;
    let folder = target.join("debug");
    let command = folder.join("minutebook");

    let builds = arguments.iter().any(|argument| BUILDERS.iter().any(|name| argument == name));
    if !builds && command.is_file() && is_locked(&folder.join(".cargo-lock")) {
        eprintln!("another cargo is building: running the command as it was last built");
    } else {
        build(target)?;
    }
    let error = Command::new(&command).args(arguments).exec();
    Err(format!("cannot run {}: {error}", command.display()))
}

/// Whether a cargo is building in the folder of the lock file `path`.
fn is_locked(path: &Path) -> bool {
    let Ok(file) = File::open(path) else {
        // Nothing has been built there yet.
        return false;
    };
    matches!(file.try_lock(), Err(TryLockError::WouldBlock))
}

/// Builds the command. Cargo shows its progress.
fn build(target: &Path) -> Result<(), String> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--bin", "minutebook", "--target-dir"]).arg(target);
    for (name, _) in std::env::vars_os() {
        let is_outer = |prefix: &str| name.to_string_lossy().starts_with(prefix);
        if OUTER_CARGO_PREFIXES.iter().any(|prefix| is_outer(prefix)) {
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
