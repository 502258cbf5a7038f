//! Runs the emulator (MiniStack) as a separate process on the loopback interface.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use serde::{Deserialize, Serialize};

use crate::log::failure;
use crate::process::{GroupLeader, poll};
use crate::tools::Tools;

/// The region of the emulator.
pub const REGION: &str = "us-east-1";

/// How long the emulator may take to answer. It takes about two seconds, or more if several start
/// at once.
const START_SECONDS_MAX: u64 = 60;

const START_POLL: Duration = Duration::from_millis(50);

const RECORD_FILE: &str = "emulator.json";
const LOG_FILE: &str = "emulator.log";

/// Lets the functions answer preflight requests (`OPTIONS`), as API Gateway does where an API has
/// no CORS configuration. The emulator answers them with 403. The version is pinned, and another
/// one without this line does not start.
const PREFLIGHTS: &str = r#"
import inspect
from ministack.services import apigateway
source = inspect.getsource(apigateway._handle_execute_in_scope)
answered = 'if method == "OPTIONS":'
assert source.count(answered) == 1, "this emulator answers preflight requests elsewhere"
source = source.replace(answered, 'if method == "OPTIONS" and cors_cfg:')
exec(compile(source, apigateway.__file__, "exec"), vars(apigateway))
"#;

/// Runs the emulator. Its script names the folder in which it was installed, from which a checkout
/// may have been moved.
const RUN: &str = "
from ministack.app import main
main()
";

/// Runs the emulator, and kills it with its functions when the process at the other end of its
/// standard input ends, even if that process is killed.
const RUN_WITH_PARENT: &str = "
import os, signal, sys, threading
def watch():
    while os.read(0, 4096): pass
    os.killpg(0, signal.SIGKILL)
threading.Thread(target=watch, daemon=True).start()
from ministack.app import main
main()
";

/// How an emulator is started.
#[derive(Clone, Debug, Default)]
pub struct EmulatorOptions {
    /// The port; `None` is any free port.
    pub port: Option<u16>,
    /// The URLs, by function name, that get the invocations of a function instead of its deployed
    /// code.
    pub proxies: BTreeMap<String, String>,
    /// Additional variables of the emulator's environment.
    pub environment: BTreeMap<String, String>,
    /// Whether the emulator ends when the process that started it ends.
    pub ends_with_parent: bool,
}

/// A running emulator. Dropping this value does not stop it; `stop` does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Emulator {
    /// Its address, as `http://127.0.0.1:4566`.
    pub endpoint_url: String,
    /// Whether functions are proxied to `cargo lambda watch`.
    pub is_watched: bool,
    leader: GroupLeader,
    folder: PathBuf,
}

impl Emulator {
    /// Starts an emulator that keeps its files (record, log, temporary files) in `folder`, and
    /// waits until it answers.
    ///
    /// The call blocks. The output of functions goes to `emulator.log` in the folder.
    ///
    /// # Errors
    /// The port is in use, or the emulator does not start. Nothing is left running then.
    pub fn start(tools: &Tools, folder: &Path, options: &EmulatorOptions) -> Result<Self> {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let folder =
            folder.canonicalize().with_context(|| format!("cannot find {}", folder.display()))?;
        let port = take_port(options.port)?;
        let endpoint_url = format!("http://127.0.0.1:{port}");
        let log = folder.join(LOG_FILE);
        let mut child = spawn(tools, &folder, port, &endpoint_url, options)?;
        let emulator = match GroupLeader::of(child.id()) {
            Ok(leader) => {
                Self { endpoint_url, is_watched: !options.proxies.is_empty(), leader, folder }
            }
            Err(_) => {
                let _ = child.wait();
                return Err(failure("the emulator ended at once", &log));
            }
        };
        // The record is written first, so that `down` finds the emulator even if this process is
        // killed while it waits.
        let recorded = emulator.write_record();
        if let Err(error) =
            recorded.and_then(|()| wait_until_healthy(&mut child, &emulator.endpoint_url, &log))
        {
            // The caller gets the first error; one of stopping the emulator would hide it.
            let _ = emulator.stop();
            let _ = child.wait();
            return Err(error);
        }
        // If the child ends first, somebody must wait for it, or it stays in the process table as a
        // zombie. Its input is taken out because `wait` would close it, and the child would take
        // that for the end of its parent.
        let input = child.stdin.take();
        std::thread::spawn(move || {
            let _ = child.wait();
            drop(input);
        });
        Ok(emulator)
    }

    /// The emulator that was started in `folder`, if it is still running.
    ///
    /// # Errors
    /// Its record cannot be read.
    pub fn running(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(RECORD_FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let emulator: Self = serde_json::from_slice(&text).with_context(|| {
            format!("{} is damaged: stop the emulator by hand and remove it", path.display())
        })?;
        Ok(emulator.leader.is_running()?.then_some(emulator))
    }

    /// Stops the emulator and its functions, and removes its temporary files, but not the log.
    ///
    /// # Errors
    /// A process does not end, or a file cannot be removed.
    pub fn stop(&self) -> Result<()> {
        self.leader.stop()?;
        for path in [self.folder.join(RECORD_FILE), temporary_folder(&self.folder)] {
            let removed =
                if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            match removed {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("cannot remove {}", path.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The process id.
    pub fn pid(&self) -> i32 {
        self.leader.pid()
    }

    /// The log of the emulator and of the functions.
    pub fn log(&self) -> PathBuf {
        self.folder.join(LOG_FILE)
    }

    fn write_record(&self) -> Result<()> {
        let path = self.folder.join(RECORD_FILE);
        let text = serde_json::to_vec_pretty(self).context("a record is plain JSON")?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Checks that a port is free, so that a busy one is reported before a long build.
///
/// # Errors
/// The port is in use.
pub fn check_port(port: u16) -> Result<()> {
    take_port(Some(port)).map(drop)
}

/// The wanted port if it is free, or without one any free port.
fn take_port(wanted: Option<u16>) -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted.unwrap_or(0)));
    match (listener, wanted) {
        (Ok(listener), _) => {
            Ok(listener.local_addr().context("a bound socket has an address")?.port())
        }
        (Err(error), Some(port)) if error.kind() == std::io::ErrorKind::AddrInUse => Err(anyhow!(
            "port {port} is in use by another program: stop it, or give another port with --port"
        )),
        (Err(error), Some(port)) => {
            Err(error).with_context(|| format!("cannot listen on port {port}"))
        }
        (Err(error), None) => Err(error).context("cannot find a free port"),
    }
}

fn temporary_folder(folder: &Path) -> PathBuf {
    folder.join("tmp")
}

fn spawn(
    tools: &Tools,
    folder: &Path,
    port: u16,
    endpoint_url: &str,
    options: &EmulatorOptions,
) -> Result<Child> {
    let log = folder.join(LOG_FILE);
    let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let temporary = temporary_folder(folder);
    fs::create_dir_all(&temporary)
        .with_context(|| format!("cannot create {}", temporary.display()))?;
    let (program, input) = match options.ends_with_parent {
        true => (RUN_WITH_PARENT, Stdio::piped()),
        false => (RUN, Stdio::null()),
    };
    let mut command = Command::new(tools.python());
    command.args(["-c", &format!("{PREFLIGHTS}{program}")]).stdin(input);
    // None of the caller's AWS settings may leak in: an endpoint, a key or a profile would send
    // calls elsewhere.
    command.env_clear();
    for name in
        ["PATH", "HOME", "LANG", "LC_ALL", "SSL_CERT_FILE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"]
    {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .env("GATEWAY_PORT", port.to_string())
        .env("BIND_HOST", "127.0.0.1")
        // The host in the URLs of queues. `localhost` may resolve to an address on which the
        // emulator does not listen.
        .env("MINISTACK_HOST", "127.0.0.1")
        // The emulator passes this endpoint on to functions, which would otherwise call AWS.
        .env("AWS_ENDPOINT_URL", endpoint_url)
        .env("MINISTACK_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        // Calls without permission fail as on AWS.
        .env("AUTH", "true")
        .env("IOT_MTLS_ENABLED", "0")
        .env("STATE_DIR", temporary.join("state"))
        .env("TMPDIR", &temporary)
        .env("PYTHONUNBUFFERED", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(
            options
                .proxies
                .iter()
                .map(|(function, url)| (format!("MINISTACK_LAMBDA_PROXY_{function}"), url)),
        )
        .envs(&options.environment)
        .current_dir(folder)
        .stdout(output.try_clone()?)
        .stderr(output)
        // In its own process group, Ctrl-C in the terminal does not reach it, and it can be stopped
        // together with its functions.
        .process_group(0);
    command.spawn().context("cannot start the emulator")
}

fn wait_until_healthy(child: &mut Child, endpoint_url: &str, log: &Path) -> Result<()> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(5))).build().into();
    let url = format!("{endpoint_url}/_ministack/health");
    let is_healthy = poll(START_SECONDS_MAX, START_POLL, || {
        if child.try_wait().context("cannot check on the emulator")?.is_some() {
            return Err(failure("the emulator ended at once", log));
        }
        Ok(agent.get(&url).call().is_ok())
    })?;
    ensure!(
        is_healthy,
        "the emulator did not answer within {START_SECONDS_MAX} s (see {})",
        log.display()
    );
    Ok(())
}
