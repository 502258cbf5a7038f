//! Deploys the template by CloudFormation.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::root::TEMPLATE;
use crate::stack::Stack;
use crate::template::Template;
use crate::tools::Tools;

/// The program that deploys, from the root of the checkout.
const PROGRAM: &str = "infra/local/deploy.py";

/// Emulators do not check signatures.
const SECRET_ACCESS_KEY: &str = "emulator";

/// How long a deployment to the emulator may take; it takes about a second.
const DEPLOY_TIME_MAX: Duration = Duration::from_secs(120);

/// The path of the emulator below which it serves APIs by their ids.
const EXECUTE_API: &str = "/_aws/execute-api";

/// The name of the stack on this machine.
pub const STACK_NAME: &str = "minutebook";

/// What the code of the functions is.
#[derive(Clone, Debug)]
pub enum Code {
    /// The programs, or zips of them, by the name of their binary.
    Built(BTreeMap<String, PathBuf>),
    /// A stub for each function: their invocations are proxied.
    Stubs,
}

/// What is deployed, and where.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The emulator's address.
    pub endpoint_url: String,
    /// The region.
    pub region: String,
    /// The account, 12 digits. The emulator takes it as an access key that may do everything in
    /// that account.
    pub account_id: String,
    /// The name of the stack, and the first part of the names in it. Lower case, since buckets are
    /// named after it.
    pub stack_name: String,
    /// The code of the functions.
    pub code: Code,
    /// Template parameters that differ from their defaults.
    pub parameters: BTreeMap<String, String>,
    /// How long the deployment may take.
    pub time_max: Duration,
}

impl Deployment {
    /// The deployment of the stack `minutebook` to an emulator on this machine.
    pub fn to_emulator(endpoint_url: &str, code: Code) -> Self {
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        // The host name that AWS would give needs a resolver that knows the emulator.
        let live_host = format!("{endpoint_url}{EXECUTE_API}");
        let parameters = [
            ("Architecture", architecture),
            ("LiveHost", live_host.as_str()),
            // Emulators speak plain HTTP.
            ("RequireTls", "false"),
            ("DeletionProtection", "false"),
            ("DemoEvents", "true"),
            ("RequireReadKeys", "false"),
            ("RequireWriteKeys", "false"),
            // MiniStack compares the number with the text that a parameter is, and stops polling
            // every queue.
            ("IngestMaxConcurrency", "0"),
        ];
        Self {
            endpoint_url: endpoint_url.to_owned(),
            region: crate::emulator::REGION.to_owned(),
            account_id: "000000000000".to_owned(),
            stack_name: STACK_NAME.to_owned(),
            code,
            parameters: parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            time_max: DEPLOY_TIME_MAX,
        }
    }

    /// Uploads the code, creates or updates the stack, waits until it is done, and says where its
    /// parts are.
    ///
    /// A second deployment of the same code and parameters changes nothing.
    ///
    /// # Errors
    /// The code of a function is missing, the endpoint cannot be reached, or a resource was refused;
    /// the message gives the reason.
    pub async fn deploy(&self, root: &Path, tools: &Tools) -> Result<Stack> {
        self.stack(self.outputs(root, tools).await?)
    }

    /// Runs [`PROGRAM`], and returns the outputs of the stack.
    async fn outputs(&self, root: &Path, tools: &Tools) -> Result<BTreeMap<String, String>> {
        let request = serde_json::json!({
            "endpoint_url": self.endpoint_url,
            "region": self.region,
            "account_id": self.account_id,
            "access_key_id": self.account_id,
            "secret_access_key": SECRET_ACCESS_KEY,
            "stack_name": self.stack_name,
            "template": root.join(TEMPLATE),
            "code": self.code(root)?,
            "parameters": self.parameters,
            "seconds_max": self.time_max.as_secs_f64(),
        });
        let mut program = Command::new(tools.python())
            .arg(root.join(PROGRAM))
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
        let output = program.wait_with_output().await?;
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr);
            bail!(
                "cannot deploy the stack {} at {}: {}",
                self.stack_name,
                self.endpoint_url,
                reason.trim_end()
            );
        }
        // A program that dies before it reads its input breaks the pipe; it has said why.
        written.with_context(|| format!("cannot write the request to {PROGRAM}"))?;
        serde_json::from_slice(&output.stdout).with_context(|| {
            format!("{PROGRAM} printed {:?}", String::from_utf8_lossy(&output.stdout))
        })
    }

    fn stack(&self, mut outputs: BTreeMap<String, String>) -> Result<Stack> {
        let mut functions = BTreeMap::new();
        for (name, value) in &outputs {
            if let Some(function) = name.strip_suffix("Function") {
                functions.insert(snake_case(function), value.clone());
            }
        }
        let api_id = outputs.remove("ApiId");
        let live_url = outputs.remove("LiveUrl");
        let mut output = |name: &str| {
            outputs.remove(name).with_context(|| format!("the stack has no output {name}"))
        };
        let requires = |name: &str| self.parameters.get(name).is_none_or(|value| value == "true");
        let parameter = |name: &str| self.parameters.get(name).cloned().unwrap_or_default();
        let whole =
            |text: String| text.parse().with_context(|| format!("{text} is no whole number"));
        Ok(Stack {
            endpoint_url: self.endpoint_url.clone(),
            region: self.region.clone(),
            bucket: output("Bucket")?,
            rejected_bucket: output("RejectedBucket")?,
            table: output("Table")?,
            queue_url: output("QueueUrl")?,
            dead_letters_url: output("DeadLettersUrl")?,
            default_currency: output("DefaultCurrency")?,
            default_time_zone: output("DefaultTimeZone")?,
            minute_retention_days: whole(output("MinuteRetentionDays")?)?,
            hour_retention_days: whole(output("HourRetentionDays")?)?,
            day_retention_days: whole(output("DayRetentionDays")?)?,
            keys_max: whole(output("KeysMax")?)?,
            sites_max: whole(output("SitesMax")?)?,
            requires_read_keys: requires("RequireReadKeys"),
            requires_write_keys: requires("RequireWriteKeys"),
            jwt_issuer: parameter("JwtIssuer"),
            jwt_audience: parameter("JwtAudience"),
            jwt_sites_claim: parameter("JwtSitesClaim"),
            api_key: None,
            // The host name that AWS would give needs a resolver that knows the emulator.
            api_url: api_id.map(|api_id| format!("{}{EXECUTE_API}/{api_id}", self.endpoint_url)),
            live_url: live_url.map(|url| url.replacen("http", "ws", 1)),
            account_id: self.account_id.clone(),
            access_key_id: self.account_id.clone(),
            secret_access_key: SECRET_ACCESS_KEY.to_owned(),
            functions,
        })
    }

    /// The path of the code of each function; `None` for a stub.
    fn code(&self, root: &Path) -> Result<BTreeMap<String, Option<PathBuf>>> {
        let path = |function: String| match &self.code {
            Code::Stubs => Ok((function, None)),
            Code::Built(built) => {
                let path = built
                    .get(&function)
                    .with_context(|| format!("the function {function} was not built"))?;
                Ok((function, Some(path.clone())))
            }
        };
        Template::read(root)?.functions().iter().cloned().map(path).collect()
    }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_named_after_binaries() {
        assert_eq!(snake_case("MostViewed"), "most_viewed");
        assert_eq!(snake_case("Ingest"), "ingest");
    }
}
