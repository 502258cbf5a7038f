//! Builds the functions into the zips that the template names.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::log::failure;
use crate::package::package_program;
use crate::stack::STATE_FOLDER;
use crate::template::Template;
use crate::tools::Tools;

/// What cargo tells a program that it runs; a cargo that is run by that program must not take it
/// for its own.
const OF_THE_OUTER_CARGO: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

/// The zips of the last build, by the name of their binary.
///
/// # Errors
/// The template cannot be read, or a function was never built.
pub fn built_functions(root: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let zips = Template::read(root)?.zips(root);
    match zips.values().find(|zip| !zip.is_file()) {
        Some(zip) => bail!("{} is not there: build the functions first", zip.display()),
        None => Ok(zips),
    }
}

/// Builds all functions of the template in release mode with cargo-lambda, as for AWS, but for this
/// machine's processor. Returns the zips by the name of their binary. It blocks; the first build
/// takes minutes.
///
/// Lambda's programs are Linux programs: on another system the functions are built natively
/// instead, since the emulator runs them without a container.
///
/// # Errors
/// The build failed; the message names the log.
pub fn build_functions(root: &Path, tools: &Tools) -> Result<BTreeMap<String, PathBuf>> {
    let template = Template::read(root)?;
    let mut command = if cfg!(target_os = "linux") {
        let mut command = Command::new(tools.cargo_lambda());
        command.args(["lambda", "build", "--release", "--output-format", "zip"]);
        command
    } else {
        let mut command = Command::new("cargo");
        command.args(["build", "--release"]);
        command
    };
    command.arg("--locked");
    for function in template.functions() {
        command.args(["--package", function]);
    }
    command.current_dir(root).env("PATH", tools.search_path()?).stdin(Stdio::null());
    forget_outer_cargo(&mut command);
    let log = root.join(STATE_FOLDER).join("build.log");
    let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    command.stdout(output.try_clone()?).stderr(output);
    let status = command.status().context("cannot start the build of the functions")?;
    if !status.success() {
        return Err(failure("the functions do not build", &log));
    }
    if !cfg!(target_os = "linux") {
        for (function, zip) in template.zips(root) {
            package_program(&root.join("target/release").join(function), &zip)?;
        }
    }
    Ok(template.zips(root))
}

/// Removes what an outer cargo (`cargo run`) has put into the environment about the package that it
/// runs.
pub fn forget_outer_cargo(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let is_outer = |prefix: &str| name.to_string_lossy().starts_with(prefix);
        if OF_THE_OUTER_CARGO.iter().any(|prefix| is_outer(prefix)) {
            command.env_remove(&name);
        }
    }
}
