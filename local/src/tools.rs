//! The pinned tools in a private Python environment: the emulator and cargo-lambda (which brings
//! zig).

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::log::failure;
use crate::stack::STATE_FOLDER;

/// The pinned versions and their hashes, from the root of the checkout.
const REQUIREMENTS: &str = "infra/local/requirements.txt";

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

/// The installed tools.
#[derive(Clone, Debug)]
pub struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// Installs the tools into `.minutebook/tools` below `root`, unless exactly these versions are
    /// there already.
    ///
    /// Two processes may call it at once: one installs, the other waits. It blocks, the first time
    /// for about a minute.
    ///
    /// # Errors
    /// No Python is new enough, or an installation failed; the message names the log.
    pub fn install(root: &Path) -> Result<Self> {
        let state = root.join(STATE_FOLDER);
        fs::create_dir_all(&state).with_context(|| format!("cannot make {}", state.display()))?;
        let requirements = root.join(REQUIREMENTS);
        let wanted = fs::read(&requirements)
            .with_context(|| format!("cannot read {}", requirements.display()))?;
        let wanted = blake3::hash(&wanted).to_hex().to_string();
        let tools = Self { folder: state.join("tools") };

        let lock_path = state.join("tools.lock");
        let lock = File::create(&lock_path)
            .with_context(|| format!("cannot write {}", lock_path.display()))?;
        lock.lock().with_context(|| format!("cannot lock {}", lock_path.display()))?;
        if !tools.is_installed(&wanted) {
            tools.make(&requirements, &state.join("tools.log"))?;
            fs::write(tools.stamp(), &wanted).context("cannot note the version of the tools")?;
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

    /// The program behind `cargo lambda`.
    pub fn cargo_lambda(&self) -> PathBuf {
        self.bin().join("cargo-lambda")
    }

    /// A search path with the tools first, so that cargo-lambda finds the zig of its own
    /// environment.
    ///
    /// # Errors
    /// The folder's name has a colon in it.
    pub fn search_path(&self) -> Result<std::ffi::OsString> {
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.bin()).chain(std::env::split_paths(&inherited));
        std::env::join_paths(folders)
            .with_context(|| format!("{} cannot stand in PATH", self.bin().display()))
    }

    fn bin(&self) -> PathBuf {
        self.folder.join("bin")
    }

    fn stamp(&self) -> PathBuf {
        self.folder.join("requirements.blake3")
    }

    fn is_installed(&self, wanted: &str) -> bool {
        let noted = fs::read_to_string(self.stamp()).unwrap_or_default();
        // The Python is a link that dangles once the machine's own has been replaced.
        noted == wanted
            && self.python().exists()
            && self.ministack().exists()
            && self.cargo_lambda().exists()
    }

    fn make(&self, requirements: &Path, log: &Path) -> Result<()> {
        let python = find_python()?;
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)
                .with_context(|| format!("cannot remove the outdated {}", self.folder.display()))?;
        }
        let output =
            File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut make = Command::new(python);
        make.args(["-m", "venv"]).arg(&self.folder);
        run(&mut make, &output, log, "cannot make a Python environment")?;
        let mut install = Command::new(self.python());
        install
            .args([
                "-m",
                "pip",
                "install",
                "--disable-pip-version-check",
                "--no-input",
                "--no-compile",
            ])
            .args(["--only-binary", ":all:", "--require-hashes", "-r"])
            .arg(requirements);
        run(&mut install, &output, log, "cannot install the tools")
    }
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
