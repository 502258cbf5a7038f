//! The pinned tools in a private Python environment: the emulator, and where it is asked for
//! cargo-lambda (which brings zig).

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::log::failure;
use crate::stack::STATE_FOLDER;

/// The pinned versions of the emulator and their hashes, from the root of the checkout.
const EMULATOR: Requirements =
    Requirements { file: "infra/local/requirements.txt", stamp: "requirements.blake3" };

/// The same of cargo-lambda, a large download that only release builds and `--watch` need.
const CARGO_LAMBDA: Requirements =
    Requirements { file: "infra/local/cargo-lambda.txt", stamp: "cargo-lambda.blake3" };

/// Where to look for a Python; the first that is new enough and can make environments is taken.
const PYTHONS: [&str; 7] =
    ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python"];

/// Exits with 0 if this Python will do, 3 if it is too old, 4 if it cannot make environments
/// (Debian keeps that apart).
const PYTHON_CHECK: &str = "
import sys
if sys.version_info < (3, 10): sys.exit(3)
try: import venv, ensurepip
except ImportError: sys.exit(4)
";

/// A file of pinned packages, and the file in the environment that says which version of it was
/// installed.
struct Requirements {
    file: &'static str,
    stamp: &'static str,
}

/// The installed emulator.
#[derive(Clone, Debug)]
pub struct Tools {
    folder: PathBuf,
}

/// The installed cargo-lambda.
#[derive(Clone, Debug)]
pub struct CargoLambda {
    bin: PathBuf,
}

impl Tools {
    /// Installs the emulator into `.minutebook/tools` below `root`, unless exactly these versions
    /// are there already.
    ///
    /// Two processes may call it at once: one installs, the other waits. It blocks, the first time
    /// for some ten seconds.
    ///
    /// # Errors
    /// No Python is new enough, or an installation failed; the message names the log.
    pub fn install(root: &Path) -> Result<Self> {
        let _lock = lock(root)?;
        Self::install_locked(root)
    }

    fn install_locked(root: &Path) -> Result<Self> {
        let tools = Self { folder: root.join(STATE_FOLDER).join("tools") };
        let wanted = EMULATOR.wanted(root)?;
        // The Python is a link that dangles once the machine's own has been replaced.
        let is_usable = tools.python().exists() && tools.ministack().exists();
        if !(is_usable && tools.is_noted(&EMULATOR, &wanted)) {
            let log = root.join(STATE_FOLDER).join("tools.log");
            tools.make_environment(&log)?;
            tools.add(&EMULATOR, root, &log, &wanted)?;
        }
        Ok(tools)
    }

    /// The emulator's program.
    pub fn ministack(&self) -> PathBuf {
        self.bin().join("ministack")
    }

    /// The Python that the tools run on.
    pub fn python(&self) -> PathBuf {
        self.bin().join("python")
    }

    fn bin(&self) -> PathBuf {
        self.folder.join("bin")
    }

    fn is_noted(&self, requirements: &Requirements, wanted: &str) -> bool {
        fs::read_to_string(self.folder.join(requirements.stamp)).is_ok_and(|noted| noted == wanted)
    }

    fn make_environment(&self, log: &Path) -> Result<()> {
        let python = find_python()?;
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)
                .with_context(|| format!("cannot remove the outdated {}", self.folder.display()))?;
        }
        let output =
            File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut make = Command::new(python);
        make.args(["-m", "venv"]).arg(&self.folder);
        run(&mut make, &output, log, "cannot make a Python environment")
    }

    fn add(
        &self,
        requirements: &Requirements,
        root: &Path,
        log: &Path,
        wanted: &str,
    ) -> Result<()> {
        let output = File::options()
            .append(true)
            .create(true)
            .open(log)
            .with_context(|| format!("cannot write {}", log.display()))?;
        let mut install = Command::new(self.python());
        install
            .args([
                "-m",
                "pip",
                "install",
                "--disable-pip-version-check",
                "--no-input",
                "--no-compile",
                // The file has all packages; looking for others takes a third of the time.
                "--no-deps",
            ])
            .args(["--only-binary", ":all:", "--require-hashes", "-r"])
            .arg(root.join(requirements.file));
        run(&mut install, &output, log, "cannot install the tools")?;
        fs::write(self.folder.join(requirements.stamp), wanted)
            .context("cannot note the version of the tools")
    }
}

impl CargoLambda {
    /// Installs cargo-lambda beside the emulator below `root`, unless exactly this version is
    /// there already.
    ///
    /// It blocks, the first time for about a minute.
    ///
    /// # Errors
    /// No Python is new enough, or an installation failed; the message names the log.
    pub fn install(root: &Path) -> Result<Self> {
        let _lock = lock(root)?;
        let tools = Tools::install_locked(root)?;
        let cargo_lambda = Self { bin: tools.bin() };
        let wanted = CARGO_LAMBDA.wanted(root)?;
        if !(cargo_lambda.program().exists() && tools.is_noted(&CARGO_LAMBDA, &wanted)) {
            let log = root.join(STATE_FOLDER).join("tools.log");
            tools.add(&CARGO_LAMBDA, root, &log, &wanted)?;
        }
        Ok(cargo_lambda)
    }

    /// The program behind `cargo lambda`.
    pub fn program(&self) -> PathBuf {
        self.bin.join("cargo-lambda")
    }

    /// A search path with the tools first, so that cargo-lambda finds the zig of its own
    /// environment.
    ///
    /// # Errors
    /// The folder's name has a colon in it.
    pub fn search_path(&self) -> Result<OsString> {
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.bin.clone()).chain(std::env::split_paths(&inherited));
        std::env::join_paths(folders)
            .with_context(|| format!("{} cannot stand in PATH", self.bin.display()))
    }
}

impl Requirements {
    /// The hash of the file: what the stamp of an up-to-date environment holds.
    fn wanted(&self, root: &Path) -> Result<String> {
        let path = root.join(self.file);
        let pinned = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(blake3::hash(&pinned).to_hex().to_string())
    }
}

/// Keeps another process that would install tools waiting until the lock is dropped.
fn lock(root: &Path) -> Result<File> {
    let state = root.join(STATE_FOLDER);
    fs::create_dir_all(&state).with_context(|| format!("cannot make {}", state.display()))?;
    let path = state.join("tools.lock");
    let lock = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    lock.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(lock)
}

fn run(command: &mut Command, output: &File, log: &Path, what: &str) -> Result<()> {
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output.try_clone()?);
    let status = command.status().with_context(|| what.to_owned())?;
    if !status.success() {
        return Err(failure(what, log));
    }
    Ok(())
}

fn find_python() -> Result<&'static str> {
    let mut cannot_make_environments = None;
    for python in PYTHONS {
        let mut check = Command::new(python);
        check
            .args(["-c", PYTHON_CHECK])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        match check.status().ok().and_then(|status| status.code()) {
            Some(0) => return Ok(python),
            Some(4) => cannot_make_environments = Some(python),
            _ => {}
        }
    }
    if let Some(python) = cannot_make_environments {
        bail!(
            "{python} cannot make environments: install its venv module (on Debian: apt-get install python3-venv)"
        );
    }
    Err(anyhow!(
        "no Python 3.10 or newer in PATH: install one (on Debian: apt-get install python3 python3-venv)"
    ))
}
