//! Runs the program that deploys stacks by CloudFormation and removes them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

use crate::root::TEMPLATE;
use crate::tools::Tools;

/// The program, a folder with modules of Python, from the root of the checkout.
const PROGRAM: &str = "infra/deploy";

/// The path of the emulator below which it serves APIs by their ids.
pub(crate) const EXECUTE_API: &str = "/_aws/execute-api";

/// The code of functions: the path of each function's program, or of a zip of it, by the name of
/// its binary; `None` for a stub.
pub type CodePaths = BTreeMap<String, Option<PathBuf>>;

/// The account and the region that a stack is in, and who works there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Target {
    /// The address of an emulator; `None` is AWS.
    pub endpoint_url: Option<String>,
    /// The region; `None` is that of the profile.
    pub region: Option<String>,
    /// The profile of AWS's configuration files; `None` is that of the environment.
    pub profile: Option<String>,
    /// The access key; `None` is that of the profile or the environment.
    pub access_key_id: Option<String>,
    /// Its secret.
    pub secret_access_key: Option<String>,
}

/// What is to be deployed.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The code of the functions.
    pub code: CodePaths,
    /// Template parameters that are set.
    pub parameters: BTreeMap<String, String>,
    /// Whether other parameters keep the values that the stack has; else they get their defaults.
    pub keeps_parameters: bool,
    /// The bucket for code and templates; `None` is one that is made for the account and region.
    pub artifact_bucket: Option<String>,
}

/// What a deployment would change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The account, 12 digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// The bucket that has the code and the template now.
    pub artifact_bucket: String,
    /// Whether there is no such stack yet.
    pub is_new: bool,
    /// The name of the change set; `None` if nothing would change.
    pub change_set: Option<String>,
    /// What would change.
    pub changes: Vec<Change>,
    /// What is deployed now, for the program that made the plan; null for a new stack.
    before: Value,
}

/// A change of one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// `Add`, `Modify` or `Remove`, or another word of CloudFormation.
    pub action: String,
    /// The name of the resource in the template.
    pub resource: String,
    /// Its type, as `AWS::S3::Bucket`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether the stack would go on without the data in it.
    pub loses_data: bool,
}

/// How far a change of a stack is.
#[derive(Clone, Debug, Deserialize)]
pub struct Progress {
    /// The latest event.
    pub event: ResourceEvent,
    /// How many resources are done.
    pub done: u64,
    /// How many there are.
    pub total: u64,
}

/// An event of a resource.
#[derive(Clone, Debug, Deserialize)]
pub struct ResourceEvent {
    /// The name of the resource in the template.
    pub resource: String,
    /// Its status, as `CREATE_IN_PROGRESS`.
    pub status: String,
    /// Why; empty if no reason was given.
    pub reason: String,
}

/// A stack that is deployed.
#[derive(Clone, Debug, Deserialize)]
pub struct Deployed {
    /// The outputs, by name.
    pub outputs: BTreeMap<String, String>,
    /// The values of the parameters, by name.
    pub parameters: BTreeMap<String, String>,
}

/// What a stack has.
#[derive(Clone, Debug, Deserialize)]
pub struct Inspection {
    /// The account, 12 digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// The status of the stack; `None` if there is no such stack.
    pub status: Option<String>,
    /// The values of the parameters, by name.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// The resources.
    pub resources: Vec<Resource>,
}

/// A resource of a stack.
#[derive(Clone, Debug, Deserialize)]
pub struct Resource {
    /// The name in the template.
    pub resource: String,
    /// The type, as `AWS::S3::Bucket`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name that AWS knows it by.
    pub name: String,
    /// Whether it outlives the stack.
    pub is_kept: bool,
}

/// A line that the program prints.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Result { result: Value },
    Progress(Progress),
}

/// Deploys one stack, or removes it.
///
/// All of its errors are one sentence that says what is missing or wrong, and what to do.
#[derive(Clone, Debug)]
pub struct Deployer {
    root: PathBuf,
    python: PathBuf,
    target: Target,
    stack_name: String,
    time_max: Duration,
}

impl Deployer {
    /// Works on the stack with this name, by the template of the checkout at `root`. Each of the
    /// steps may take `time_max`.
    pub fn new(
        root: &Path,
        tools: &Tools,
        target: Target,
        stack_name: &str,
        time_max: Duration,
    ) -> Self {
        Self {
            root: root.to_path_buf(),
            python: tools.python(),
            target,
            stack_name: stack_name.to_owned(),
            time_max,
        }
    }

    /// Creates or updates the stack without asking, and waits until that is done.
    ///
    /// # Errors
    /// See [`Deployer::plan`] and [`Deployer::apply`].
    pub async fn deploy(&self, proposal: &Proposal) -> Result<Deployed> {
        self.run("deploy", self.proposed(proposal), |_| {}).await
    }

    /// Uploads the code, and asks CloudFormation what would change.
    ///
    /// # Errors
    /// There are no credentials, a permission or a bucket is missing, the code was built for
    /// another processor, or CloudFormation refuses the template or a parameter.
    pub async fn plan(&self, proposal: &Proposal) -> Result<Plan> {
        self.run("plan", self.proposed(proposal), |_| {}).await
    }

    /// Carries a plan out. A stack that cannot be created is removed, and one that cannot be
    /// updated is rolled back by CloudFormation.
    ///
    /// # Errors
    /// A resource was refused; the message names the first one.
    pub async fn apply(&self, plan: &Plan, on_progress: impl FnMut(Progress)) -> Result<Deployed> {
        self.run("apply", json!({ "plan": plan }), on_progress).await
    }

    /// Gives a plan up.
    ///
    /// # Errors
    /// The change set cannot be deleted.
    pub async fn discard(&self, plan: &Plan) -> Result<()> {
        if plan.change_set.is_none() {
            return Ok(());
        }
        let _: Value = self.run("discard", json!({ "plan": plan }), |_| {}).await?;
        Ok(())
    }

    /// Deploys again what was deployed before a plan was applied: template, code and parameters.
    ///
    /// # Errors
    /// As for [`Deployer::apply`].
    pub async fn restore(
        &self,
        plan: &Plan,
        on_progress: impl FnMut(Progress),
    ) -> Result<Deployed> {
        self.run("restore", json!({ "plan": plan }), on_progress).await
    }

    /// Looks what the stack has.
    ///
    /// # Errors
    /// There are no credentials, or they may not ask.
    pub async fn inspect(&self) -> Result<Inspection> {
        self.run("inspect", json!({}), |_| {}).await
    }

    /// Deletes the stack, but for what outlives it.
    ///
    /// # Errors
    /// A resource cannot be deleted; the message names the first one.
    pub async fn destroy(&self, on_progress: impl FnMut(Progress)) -> Result<()> {
        let _: Value = self.run("destroy", json!({}), on_progress).await?;
        Ok(())
    }

    fn proposed(&self, proposal: &Proposal) -> Value {
        json!({
            "template": self.root.join(TEMPLATE),
            "code": proposal.code,
            "parameters": proposal.parameters,
            "keeps_parameters": proposal.keeps_parameters,
            "artifact_bucket": proposal.artifact_bucket,
        })
    }

    /// Runs a command of the program with these members of its request, and returns the result.
    async fn run<T: DeserializeOwned>(
        &self,
        command: &str,
        members: Value,
        mut on_progress: impl FnMut(Progress),
    ) -> Result<T> {
        let mut request = json!({
            "command": command,
            "stack_name": self.stack_name,
            "seconds_max": self.time_max.as_secs_f64(),
        });
        for more in [serde_json::to_value(&self.target)?, members] {
            if let (Some(request), Value::Object(more)) = (request.as_object_mut(), more) {
                request.extend(more);
            }
        }
        let mut program = Command::new(&self.python)
            // Modules that are compiled would be written into the checkout.
            .arg("-B")
            .arg(self.root.join(PROGRAM))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {PROGRAM}"))?;
        // The request is smaller than the buffer of a pipe. Dropping the handle ends the input.
        let mut input = program.stdin.take().context("the input is a pipe")?;
        let written = input.write_all(request.to_string().as_bytes()).await;
        drop(input);
        let mut errors = program.stderr.take().context("the errors are a pipe")?;
        let errors = tokio::spawn(async move {
            let mut text = Vec::new();
            errors.read_to_end(&mut text).await.map(|_| String::from_utf8_lossy(&text).into_owned())
        });
        let output = program.stdout.take().context("the output is a pipe")?;
        let mut lines = BufReader::new(output).lines();
        let mut result = None;
        while let Some(line) = lines.next_line().await? {
            match serde_json::from_str(&line)
                .with_context(|| format!("{PROGRAM} printed {line:?}"))?
            {
                Line::Result { result: found } => result = Some(found),
                Line::Progress(progress) => on_progress(progress),
            }
        }
        let status = program.wait().await?;
        let reason = errors.await??;
        if !status.success() {
            bail!("{}", reason.trim_end());
        }
        // A program that dies before it reads its input breaks the pipe; it has said why.
        written.with_context(|| format!("cannot write the request to {PROGRAM}"))?;
        let result = result.ok_or_else(|| anyhow!("{PROGRAM} printed no result"))?;
        serde_json::from_value(result).with_context(|| format!("{PROGRAM} printed another result"))
    }
}

/// The root of the HTTP API of a stack with these outputs; `None` if it has none.
///
/// An emulator serves APIs below its own address: the host name that AWS would give needs a resolver
/// that knows the emulator.
pub fn api_url(outputs: &BTreeMap<String, String>, endpoint_url: Option<&str>) -> Option<String> {
    match endpoint_url {
        None => outputs.get("ApiUrl").cloned(),
        Some(endpoint_url) => {
            let api_id = outputs.get("ApiId")?;
            Some(format!("{}{EXECUTE_API}/{api_id}", endpoint_url.trim_end_matches('/')))
        }
    }
}

/// Where sockets of viewers of a stack with these outputs are opened; `None` if it has none.
pub fn live_url(outputs: &BTreeMap<String, String>) -> Option<String> {
    // An emulator's is given as the address to which messages are sent.
    let url = outputs.get("LiveUrl")?;
    Some(match url.strip_prefix("http") {
        Some(rest) => format!("ws{rest}"),
        None => url.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_those_of_aws_or_below_the_emulator() {
        let outputs = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let of_aws = outputs(&[
            ("ApiId", "a1"),
            ("ApiUrl", "https://a1.execute-api.eu-central-1.amazonaws.com"),
            ("LiveUrl", "wss://l1.execute-api.eu-central-1.amazonaws.com/realtime"),
        ]);
        assert_eq!(
            api_url(&of_aws, None).as_deref(),
            Some("https://a1.execute-api.eu-central-1.amazonaws.com")
        );
        assert_eq!(
            api_url(&of_aws, Some("http://127.0.0.1:4566/")).as_deref(),
            Some("http://127.0.0.1:4566/_aws/execute-api/a1")
        );
        assert_eq!(
            live_url(&of_aws).as_deref(),
            Some("wss://l1.execute-api.eu-central-1.amazonaws.com/realtime")
        );
        let of_emulator = outputs(&[("LiveUrl", "http://127.0.0.1:4566/_aws/x/realtime")]);
        let url = live_url(&of_emulator);
        assert_eq!(url.as_deref(), Some("ws://127.0.0.1:4566/_aws/x/realtime"));
        assert_eq!(api_url(&of_emulator, None), None);
        assert_eq!(api_url(&of_emulator, Some("http://127.0.0.1:4566")), None);
    }
}
