//! `minutebook up --watch`: runs the functions under `cargo lambda watch`, behind the triggers of
//! the emulator.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use minutebook_local::{CargoLambda, Code, STACK_FILE, STACK_NAME, STATE_FOLDER, Stack, WatchPlan};
use tokio::signal::unix::{SignalKind, signal};

use crate::commands::{keys, status};
use crate::stack::context::Context;
use crate::stack::local::{self, LocalArgs};

/// The pause between two checks whether `cargo lambda watch` still runs.
const WATCH_POLL: Duration = Duration::from_millis(200);

/// Starts the stack with proxied functions, runs `cargo lambda watch` until Ctrl-C, and stops the
/// stack.
pub(crate) async fn run(
    root: &Path,
    args: &LocalArgs,
    parameters: BTreeMap<String, String>,
) -> Result<()> {
    let lock = local::lock(root).await?;
    local::check_port(root, args)?;
    let (tools, cargo_lambda) = local::install_cargo_lambda(root).await?;
    let plan = WatchPlan::new(root, STACK_NAME)?;
    // Otherwise `cargo lambda watch` builds the functions at their first call, which would wait.
    local::dev_build(root, args).await?;
    let (emulator, is_new) = local::emulator(root, &tools, args, plan.proxies().clone()).await?;
    if !is_new {
        bail!("another `cargo mb up --watch` runs at {}", emulator.endpoint_url);
    }
    let stack = local::deploy(root, &tools, &emulator, is_new, Code::Stubs, parameters).await?;
    drop(lock);
    let watched = match keys::with_admin_key(stack, root).await {
        Ok(stack) => watch(root, &cargo_lambda, &plan, stack).await,
        Err(error) => Err(error),
    };
    // Without the watcher there are no functions, so the stack is of no use.
    emulator.stop()?;
    let path = root.join(STATE_FOLDER).join(STACK_FILE);
    std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    watched
}

async fn watch(
    root: &Path,
    cargo_lambda: &CargoLambda,
    plan: &WatchPlan,
    stack: Stack,
) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    status::print(&Context::of_stack(stack.clone())).await?;
    eprintln!("\nan edited function is rebuilt at its next call; Ctrl-C stops everything");
    let mut watch = plan.start(root, cargo_lambda, &stack)?;
    loop {
        tokio::select! {
            _ = interrupt.recv() => return watch.stop(),
            _ = terminate.recv() => return watch.stop(),
            () = tokio::time::sleep(WATCH_POLL) => {
                if watch.has_ended()? {
                    watch.stop()?;
                    bail!("cargo lambda watch ended by itself (see its output above)");
                }
            }
        }
    }
}
