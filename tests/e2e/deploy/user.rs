//! The user: a checkout in which all functions are built, and an environment that names an account.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use minutebook_local::STATE_FOLDER;
use minutebook_tests::binaries;
use minutebook_tests::cloud::Cloud;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{run, stderr, stdout};
use crate::local_stack::checkout;

/// Somebody who deploys the stack with one name.
pub(crate) struct User {
    pub(crate) stack: String,
    folder: TempDir,
    environment: BTreeMap<String, String>,
}

impl User {
    pub(crate) fn new(cloud: &Cloud, stack: &str) -> Result<User> {
        let clients = &cloud.clients;
        let path = std::env::var_os("PATH").unwrap_or_default().to_string_lossy().into_owned();
        let environment = [
            ("PATH", &path),
            ("AWS_ENDPOINT_URL", &clients.endpoint_url),
            ("AWS_REGION", &clients.region),
            ("AWS_ACCESS_KEY_ID", &clients.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", &clients.secret_access_key),
        ];
        let environment = environment
            .map(|(name, value)| (name.to_string(), value.clone()))
            .into_iter()
            .collect();
        Ok(User { stack: stack.to_string(), folder: checkout()?, environment })
    }

    /// The same user without this variable, or with another value of it.
    pub(crate) fn with(mut self, variable: &str, value: Option<&str>) -> User {
        self.environment.remove(variable);
        if let Some(value) = value {
            self.environment.insert(variable.to_string(), value.to_string());
        }
        self
    }

    /// The same user with the permissions of a function's role.
    pub(crate) async fn with_role_of(self, cloud: &Cloud, function: &str) -> Result<User> {
        let clients = cloud.as_role_of(function).await?;
        Ok(self
            .with("AWS_ACCESS_KEY_ID", Some(&clients.access_key_id))
            .with("AWS_SECRET_ACCESS_KEY", Some(&clients.secret_access_key))
            .with("AWS_SESSION_TOKEN", clients.session_token.as_deref()))
    }

    /// Runs the command with `--stack`.
    pub(crate) fn runs(&self, arguments: &[&str], input: Option<&str>) -> Result<Output> {
        let arguments = [&["--stack", &self.stack], arguments].concat();
        let environment: Vec<(String, String)> = self.environment.clone().into_iter().collect();
        run(&self.folder, &environment, &arguments, input)
    }

    /// Starts the command, which runs until it is killed.
    pub(crate) fn begins(&self, arguments: &[&str]) -> Result<Running> {
        let mut command = Command::new(binaries::path("minutebook")?);
        command.args(["--stack", &self.stack]).args(arguments);
        command.current_dir(self.folder.path()).env_clear().env("HOME", self.folder.path());
        command.envs(&self.environment);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Running(command.spawn()?))
    }

    /// What the command prints, which must succeed.
    pub(crate) fn gets(&self, arguments: &[&str]) -> Result<String> {
        let output = self.runs(arguments, None)?;
        let (out, err) = (stdout(&output), stderr(&output));
        ensure!(output.status.success(), "{arguments:?}: {out}{err}");
        Ok(out)
    }

    /// The last line of why the command fails, which it must.
    pub(crate) fn fails(&self, arguments: &[&str], input: Option<&str>) -> Result<String> {
        let output = self.runs(arguments, input)?;
        let (out, err) = (stdout(&output), stderr(&output));
        ensure!(output.status.code() == Some(1), "{arguments:?}: {out}{err}");
        let line = err.lines().last().context("an error says something")?;
        let (_, error) = line.split_once("error: ").with_context(|| err.clone())?;
        Ok(error.to_string())
    }

    /// The arguments of a first deployment to the emulator, before others.
    pub(crate) fn first<'a>(&'a self, others: &[&'a str]) -> Vec<&'a str> {
        let given = [
            "deploy",
            "--no-build",
            "--parameter",
            self.architecture(),
            "--parameter",
            "RequireTls=false",
            "--parameter",
            "LivePush=false",
            // The emulator compares the number with the text that a parameter is.
            "--parameter",
            "IngestMaxConcurrency=0",
        ];
        [&given[..], others].concat()
    }

    /// The parameter that names the processor of this machine.
    fn architecture(&self) -> &'static str {
        if cfg!(target_arch = "aarch64") { "Architecture=arm64" } else { "Architecture=x86_64" }
    }

    /// Puts another program in the place of a function's.
    pub(crate) fn replaces(&self, function: &str, program: &[u8]) -> Result<()> {
        let path = self.folder.path().join(function);
        std::fs::write(&path, program)?;
        let mut built = self.built()?;
        built.insert(function.to_string(), json!(path));
        std::fs::write(self.built_file(), Value::from(built).to_string())?;
        Ok(())
    }

    /// The program of a function as it is built.
    pub(crate) fn program(&self, function: &str) -> Result<Vec<u8>> {
        let built = self.built()?;
        let path = built.get(function).and_then(Value::as_str).context("a path")?;
        std::fs::read(Path::new(path)).with_context(|| path.to_string())
    }

    fn built(&self) -> Result<serde_json::Map<String, Value>> {
        Ok(serde_json::from_slice(&std::fs::read(self.built_file())?)?)
    }

    fn built_file(&self) -> PathBuf {
        self.folder.path().join(STATE_FOLDER).join("functions.json")
    }
}

/// A command that runs until this is dropped.
pub(crate) struct Running(Child);

impl Running {
    /// Whether it has not ended by itself.
    pub(crate) fn is_running(&mut self) -> Result<bool> {
        Ok(self.0.try_wait()?.is_none())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
