//! Builds the functions of the template.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::stack::STATE_FOLDER;
use crate::template::{LAMBDA_FOLDER, Template};
use crate::tools::CargoLambda;

/// What cargo tells a program that it runs; a cargo that is run by that program must not take it
/// for its own.
const OF_THE_OUTER_CARGO: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

/// The file, in the state folder, with the paths of the functions' code as they were last built.
const BUILT_FILE: &str = "functions.json";

/// A message of `cargo build --message-format=json`, as far as it is read.
#[derive(Deserialize)]
struct CargoMessage {
    reason: String,
    target: Option<CargoTarget>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct CargoTarget {
    name: String,
}

/// The names of the functions' binaries, as the template has them.
///
/// # Errors
/// The template cannot be read.
pub fn functions(root: &Path) -> Result<Vec<String>> {
    Ok(Template::read(root)?.functions().to_vec())
}

/// The code of the functions as it was last built, by the name of their binary.
///
/// # Errors
/// They were never built.
pub fn built_functions(root: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let path = root.join(STATE_FOLDER).join(BUILT_FILE);
    let text = std::fs::read(&path)
        .with_context(|| format!("cannot read {}: build the functions first", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is broken", path.display()))
}

/// Builds all functions of the template with plain cargo in the dev profile, for this machine, and
/// returns their programs by name.
///
/// It is the build of the command and of the tests: the same profile, the same target folder and,
/// since no package is named, the same features of every dependency. So each of them compiles only
/// what the others have not. Cargo's progress goes to the terminal. Dropping the future ends the
/// build.
///
/// # Errors
/// The build failed; cargo has said why.
pub async fn build_functions(root: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let programs = cargo_build(root, &Template::read(root)?, false).await?;
    note_built(root, programs)
}

/// Builds all functions of the template in release mode, for this machine's processor, and returns
/// their zips or programs by name. The first build takes minutes. The progress goes to the
/// terminal. Dropping the future ends the build.
///
/// Lambda's programs are Linux programs: on another system the functions are built natively
/// instead, since the emulator runs them without a container.
///
/// # Errors
/// The build failed; cargo has said why.
pub async fn build_release(
    root: &Path,
    cargo_lambda: &CargoLambda,
) -> Result<BTreeMap<String, PathBuf>> {
    let built = if cfg!(target_os = "linux") {
        build_for_lambda(root, cargo_lambda, Architecture::OF_THIS_MACHINE).await?
    } else {
        cargo_build(root, &Template::read(root)?, true).await?
    };
    note_built(root, built)
}

/// Writes down what [`built_functions`] reads.
fn note_built(root: &Path, built: BTreeMap<String, PathBuf>) -> Result<BTreeMap<String, PathBuf>> {
    let path = root.join(STATE_FOLDER).join(BUILT_FILE);
    std::fs::write(&path, serde_json::to_vec(&built)?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(built)
}

/// A processor that Lambda has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Graviton.
    Arm64,
    /// Intel and AMD.
    X86_64,
}

impl Architecture {
    /// That of this machine.
    pub const OF_THIS_MACHINE: Self =
        if cfg!(target_arch = "aarch64") { Self::Arm64 } else { Self::X86_64 };

    /// Reads a value of the template's parameter `Architecture`.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Arm64, Self::X86_64].into_iter().find(|each| each.name() == text)
    }

    /// The value of the template's parameter `Architecture`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
        }
    }

    /// The option of cargo-lambda.
    fn option(self) -> &'static str {
        match self {
            Self::Arm64 => "--arm64",
            Self::X86_64 => "--x86-64",
        }
    }
}

/// The zips of the functions as they were last built for Lambda, by the name of their binary.
///
/// # Errors
/// One of them was never built.
pub fn built_for_lambda(root: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let zips = Template::read(root)?.zips(root);
    for zip in zips.values() {
        ensure!(zip.is_file(), "there is no {}: build the functions first", zip.display());
    }
    Ok(zips)
}

/// Builds all functions of the template in release mode with cargo-lambda: Linux programs, on any
/// system, into the zips that the template names. The first build takes minutes.
///
/// # Errors
/// The build failed; cargo has said why.
pub async fn build_for_lambda(
    root: &Path,
    cargo_lambda: &CargoLambda,
    architecture: Architecture,
) -> Result<BTreeMap<String, PathBuf>> {
    let template = Template::read(root)?;
    let mut command = Command::new(cargo_lambda.program());
    command.args(["lambda", "build", "--release", "--locked", "--output-format", "zip"]);
    // Without an option, it builds natively, and needs no other compiler.
    let is_native = cfg!(target_os = "linux") && architecture == Architecture::OF_THIS_MACHINE;
    if !is_native {
        command.arg(architecture.option());
    }
    // Where the template looks for them, wherever else cargo builds.
    command.arg("--lambda-dir").arg(root.join(LAMBDA_FOLDER));
    for function in template.functions() {
        command.args(["--package", function]);
    }
    command.current_dir(root).env("PATH", cargo_lambda.search_path()?).stdin(Stdio::null());
    // Standard output is for the answer of the command.
    command.stdout(std::io::stderr());
    forget_outer_cargo(&mut command);
    let mut child = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .spawn()
        .context("cannot start cargo-lambda")?;
    if !child.wait().await.context("cannot wait for cargo-lambda")?.success() {
        bail!("the functions do not build (cargo says why above)");
    }
    Ok(template.zips(root))
}

/// Builds the functions' programs and returns their paths by the name of the binary.
async fn cargo_build(
    root: &Path,
    template: &Template,
    is_release: bool,
) -> Result<BTreeMap<String, PathBuf>> {
    let mut command = Command::new("cargo");
    // The paths of the programs come from cargo, which knows where its target folder is.
    command.args(["build", "--locked", "--message-format=json-render-diagnostics"]);
    if is_release {
        command.arg("--release");
    }
    for function in template.functions() {
        command.args(["--bin", function]);
    }
    command.current_dir(root).stdin(Stdio::null()).stdout(Stdio::piped());
    forget_outer_cargo(&mut command);
    let mut child = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .spawn()
        .context("cannot start cargo")?;
    let messages = child.stdout.take().context("the output of cargo is a pipe")?;
    let mut lines = BufReader::new(messages).lines();
    let mut programs = BTreeMap::new();
    while let Some(line) = lines.next_line().await.context("cannot read what cargo says")? {
        if let Some((name, program)) = built_program(&line)? {
            programs.insert(name, program);
        }
    }
    if !child.wait().await.context("cannot wait for cargo")?.success() {
        bail!("the functions do not build (cargo says why above)");
    }
    Ok(programs)
}

/// The name and the path of the program that a message of cargo is about.
fn built_program(line: &str) -> Result<Option<(String, PathBuf)>> {
    let message: CargoMessage =
        serde_json::from_str(line).with_context(|| format!("cargo said {line:?}"))?;
    if message.reason != "compiler-artifact" {
        return Ok(None);
    }
    Ok(message.target.map(|target| target.name).zip(message.executable))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_among_the_messages_of_cargo() {
        let program = r#"{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"ingest"},"executable":"/t/debug/ingest"}"#;
        let expected = ("ingest".to_owned(), PathBuf::from("/t/debug/ingest"));
        assert_eq!(built_program(program).unwrap(), Some(expected));
        for other in [
            r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"ingest"},"executable":null}"#,
            r#"{"reason":"build-script-executed","out_dir":"/t"}"#,
            r#"{"reason":"build-finished","success":true}"#,
        ] {
            assert_eq!(built_program(other).unwrap(), None);
        }
        assert!(built_program("Finished").is_err());
    }

    #[test]
    fn architectures_have_the_names_of_the_template() {
        for architecture in [Architecture::Arm64, Architecture::X86_64] {
            assert_eq!(Architecture::parse(architecture.name()), Some(architecture));
        }
        assert_eq!(Architecture::parse("arm"), None);
    }

    #[test]
    fn what_was_built_is_read_back() {
        let root = tempfile::tempdir().unwrap();
        let error = built_functions(root.path()).unwrap_err().to_string();
        assert!(error.ends_with("build the functions first"), "{error}");
        std::fs::create_dir(root.path().join(STATE_FOLDER)).unwrap();
        let built = BTreeMap::from([("ingest".to_owned(), PathBuf::from("/t/debug/ingest"))]);
        note_built(root.path(), built.clone()).unwrap();
        assert_eq!(built_functions(root.path()).unwrap(), built);
    }
}
