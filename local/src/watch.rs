//! The functions under `cargo lambda watch`, which rebuilds an edited function at its next call.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::build::forget_outer_cargo;
use crate::process::GroupLeader;
use crate::stack::Stack;
use crate::template::Template;
use crate::tools::CargoLambda;

/// The address at which `cargo lambda watch` will take invocations, and the functions that it will
/// run.
#[derive(Clone, Debug)]
pub struct WatchPlan {
    port: u16,
    proxies: BTreeMap<String, String>,
}

impl WatchPlan {
    /// Plans to run all functions of the template, for a stack of the name `stack_name`, at a free
    /// port.
    ///
    /// # Errors
    /// The template cannot be read, or no port is free.
    pub fn new(root: &Path, stack_name: &str) -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot find a free port")?;
        let port = listener.local_addr().context("a bound socket has an address")?.port();
        let mut proxies = BTreeMap::new();
        for function in Template::read(root)?.functions() {
            let url =
                format!("http://127.0.0.1:{port}/2015-03-31/functions/{function}/invocations");
            proxies.insert(function_name(stack_name, function), url);
        }
        Ok(Self { port, proxies })
    }

    /// Where the emulator sends the invocations of each function, by its deployed name.
    pub fn proxies(&self) -> &BTreeMap<String, String> {
        &self.proxies
    }

    /// Starts `cargo lambda watch` with the environment of `stack`. Its output goes to the
    /// terminal.
    ///
    /// # Errors
    /// A function was deployed under a name that is not proxied, or the program cannot be started.
    pub fn start(&self, root: &Path, cargo_lambda: &CargoLambda, stack: &Stack) -> Result<Watch> {
        if let Some(name) = stack.functions.values().find(|name| !self.proxies.contains_key(*name))
        {
            bail!(
                "the template names a function {name}, which is not <stack>-<binary> with dashes"
            );
        }
        let mut command = Command::new(cargo_lambda.program());
        command
            .args([
                "lambda",
                "watch",
                "--invoke-address",
                "127.0.0.1",
                "--invoke-port",
                &self.port.to_string(),
            ])
            .current_dir(root)
            .env("PATH", cargo_lambda.search_path()?)
            .env_remove("AWS_SESSION_TOKEN")
            .env_remove("AWS_PROFILE")
            .envs(stack.environment())
            .stdin(Stdio::null())
            // Ctrl-C is for the command, which then ends the functions together with their watcher.
            .process_group(0);
        forget_outer_cargo(&mut command);
        let mut child = command.spawn().context("cannot start cargo lambda watch")?;
        match GroupLeader::of(child.id()) {
            Ok(leader) => Ok(Watch { child, leader }),
            Err(error) => {
                let _ = child.wait();
                Err(error.context("cargo lambda watch ended at once"))
            }
        }
    }
}

/// A running `cargo lambda watch`.
#[derive(Debug)]
pub struct Watch {
    child: Child,
    leader: GroupLeader,
}

impl Watch {
    /// Whether it has ended by itself.
    ///
    /// # Errors
    /// The system does not say.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait().context("cannot watch cargo lambda watch")?.is_some())
    }

    /// Ends it and the functions that it runs.
    ///
    /// # Errors
    /// A process does not end.
    pub fn stop(mut self) -> Result<()> {
        self.leader.stop()?;
        self.child.wait().context("cannot end cargo lambda watch")?;
        Ok(())
    }
}

/// The name under which the template deploys the function `binary`.
fn function_name(stack_name: &str, binary: &str) -> String {
    format!("{stack_name}-{}", binary.replace('_', "-"))
}
