//! The steps that bring the local stack up: tools, build, emulator, deployment.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use minutebook_local::{
    CargoLambda, Code, Deployment, Emulator, EmulatorOptions, STATE_FOLDER, Stack, Tools,
};

use crate::terminal::progress::{Step, blocking_step, step_beside_others};

/// The port on which AWS emulators usually listen.
const DEFAULT_PORT: u16 = 4566;

/// The flags that `up` and `demo` share.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LocalArgs {
    /// Port of the emulator [default: 4566]
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// Deploy the functions as they were last built
    #[arg(long, conflicts_with = "release")]
    pub(crate) no_build: bool,
    /// Build the functions with cargo-lambda in release mode, as for AWS; the first build takes
    /// minutes
    #[arg(long)]
    pub(crate) release: bool,
}

/// Starts the stack, or updates it if it is running.
///
/// # Errors
/// A step failed. An emulator that this call started is stopped then.
pub(crate) async fn bring_up(
    root: &Path,
    local: &LocalArgs,
    parameters: BTreeMap<String, String>,
) -> Result<Stack> {
    let _lock = lock(root).await?;
    check_port(root, local)?;
    let (tools, functions) = if local.release {
        let (tools, cargo_lambda) = install_cargo_lambda(root).await?;
        (tools, release_build(root, &cargo_lambda).await?)
    } else {
        // The installation waits for the network, the build for the processor. The first failure
        // ends both.
        tokio::try_join!(install_tools(root), dev_build(root, local))?
    };
    let (emulator, is_new) = emulator(root, &tools, local, BTreeMap::new()).await?;
    deploy(root, &tools, &emulator, is_new, Code::Built(functions), parameters).await
}

/// Makes a second `up` in the same checkout wait until this one is done.
pub(crate) async fn lock(root: &Path) -> Result<File> {
    let folder = root.join(STATE_FOLDER);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let path = folder.join("up.lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    tokio::task::spawn_blocking(move || file.lock().map(|()| file))
        .await?
        .context("cannot lock the state folder")
}

/// Checks that the port is free, before the build, which may take minutes.
///
/// # Errors
/// Another program uses the port.
pub(crate) fn check_port(root: &Path, local: &LocalArgs) -> Result<()> {
    match Emulator::running(&root.join(STATE_FOLDER))? {
        Some(_) => Ok(()),
        None => minutebook_local::check_port(local.port.unwrap_or(DEFAULT_PORT)),
    }
}

async fn install_tools(root: &Path) -> Result<Tools> {
    let root = root.to_path_buf();
    let install = async { tokio::task::spawn_blocking(move || Tools::install(&root)).await? };
    step_beside_others("emulator installed in .minutebook/tools", install).await
}

/// Installs the emulator and cargo-lambda.
pub(crate) async fn install_cargo_lambda(root: &Path) -> Result<(Tools, CargoLambda)> {
    let root = root.to_path_buf();
    let install = move || Ok((Tools::install(&root)?, CargoLambda::install(&root)?));
    blocking_step("emulator and cargo-lambda installed in .minutebook/tools", install).await
}

/// Builds the functions in the dev profile, as the command and the tests are built.
pub(crate) async fn dev_build(root: &Path, local: &LocalArgs) -> Result<BTreeMap<String, PathBuf>> {
    if local.no_build {
        return minutebook_local::built_functions(root);
    }
    let build = minutebook_local::build_functions(root);
    step_beside_others("functions built (the first build takes a minute or two)", build).await
}

async fn release_build(
    root: &Path,
    cargo_lambda: &CargoLambda,
) -> Result<BTreeMap<String, PathBuf>> {
    let build = minutebook_local::build_release(root, cargo_lambda);
    step_beside_others("functions built for release (the first build takes minutes)", build).await
}

/// The running emulator, or a new one; `true` says that it is new.
///
/// # Errors
/// Another local stack is running, on another port or of the other kind (watched or not), or the
/// emulator does not start.
pub(crate) async fn emulator(
    root: &Path,
    tools: &Tools,
    local: &LocalArgs,
    proxies: BTreeMap<String, String>,
) -> Result<(Emulator, bool)> {
    let folder = root.join(STATE_FOLDER);
    if let Some(emulator) = Emulator::running(&folder)? {
        let is_elsewhere =
            local.port.is_some_and(|port| !emulator.endpoint_url.ends_with(&format!(":{port}")));
        if is_elsewhere || emulator.is_watched == proxies.is_empty() {
            bail!(
                "another local stack is running at {}: run `cargo mb down` first",
                emulator.endpoint_url
            );
        }
        return Ok((emulator, false));
    }
    let options = EmulatorOptions {
        port: Some(local.port.unwrap_or(DEFAULT_PORT)),
        proxies,
        ..Default::default()
    };
    let tools = tools.clone();
    let start = move || Emulator::start(&tools, &folder, &options);
    let emulator = blocking_step("emulator started (log: .minutebook/emulator.log)", start).await?;
    Ok((emulator, true))
}

/// Deploys the template to the emulator with these parameters, and writes down where its parts are.
///
/// # Errors
/// The deployment fails, or the file cannot be written. A new emulator is stopped then.
pub(crate) async fn deploy(
    root: &Path,
    tools: &Tools,
    emulator: &Emulator,
    is_new: bool,
    code: Code,
    parameters: BTreeMap<String, String>,
) -> Result<Stack> {
    let step = Step::begin("stack deployed from infra/template.yaml");
    let mut deployment = Deployment::to_emulator(&emulator.endpoint_url, code);
    deployment.parameters.extend(parameters);
    let folder = root.join(STATE_FOLDER);
    let deployed = deployment.deploy(root, tools).await;
    let written = deployed.and_then(|mut stack| {
        if !is_new && (stack.requires_read_keys || stack.requires_write_keys) {
            // The table of this emulator still has the key.
            stack.api_key = Stack::read(&folder)?.and_then(|before| before.api_key);
        }
        stack.write(&folder)?;
        Ok(stack)
    });
    if written.is_err() && is_new {
        // The caller gets the first error; one of stopping the emulator would hide it.
        let _ = emulator.stop();
    }
    let stack = written?;
    step.end();
    Ok(stack)
}
