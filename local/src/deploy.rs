//! Deploys the template by CloudFormation.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::{TimeToLiveSpecification, TimeToLiveStatus};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::http::http_client;
use crate::stack::Stack;
use crate::template::Template;
use crate::tools::Tools;

/// The program that calls CloudFormation, from the root of the checkout.
const PROGRAM: &str = "infra/local/deploy.py";

/// Emulators do not check signatures.
const SECRET_ACCESS_KEY: &str = "emulator";

/// The attribute that holds when a row expires, as in the template.
const TTL_ATTRIBUTE: &str = "ttl";

/// How long a deployment to the emulator may take; it takes about a second.
const DEPLOY_TIME_MAX: Duration = Duration::from_secs(120);

/// The name of the stack on this machine.
pub const STACK_NAME: &str = "minutebook";

/// What the code of the functions is.
#[derive(Clone, Debug)]
pub enum Code {
    /// The zips by the name of their binary.
    Zips(BTreeMap<String, PathBuf>),
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

/// Where the code and the template are uploaded to.
struct Artifacts {
    s3: aws_sdk_s3::Client,
    bucket: String,
}

impl Deployment {
    /// The deployment of the stack `minutebook` to an emulator on this machine.
    pub fn to_emulator(endpoint_url: &str, code: Code) -> Self {
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        let parameters = [
            ("Architecture", architecture),
            // Emulators speak plain HTTP.
            ("RequireTls", "false"),
            ("DeletionProtection", "false"),
            ("DemoEvents", "true"),
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
    /// A zip is missing, the endpoint cannot be reached, or a resource was refused; the message
    /// gives its reason.
    pub async fn deploy(&self, root: &Path, tools: &Tools) -> Result<Stack> {
        let template = Template::read(root)?;
        let artifacts = self.artifacts().await?;
        let uris = self.upload_code(&artifacts, root, &template).await?;
        let template_url = self.upload_template(&artifacts, template.packaged(&uris)?).await?;
        let outputs = self.create_or_update(root, tools, &template_url).await?;
        let stack = self.stack(outputs)?;
        self.enable_ttl(&stack.table).await?;
        Ok(stack)
    }

    fn credentials(&self) -> Credentials {
        Credentials::new(&self.account_id, SECRET_ACCESS_KEY, None, None, "emulator")
    }

    /// The bucket that a deployment is read from.
    async fn artifacts(&self) -> Result<Artifacts> {
        let s3 = aws_sdk_s3::Client::from_conf(
            aws_sdk_s3::Config::builder()
                .behavior_version_latest()
                .http_client(http_client())
                .endpoint_url(&self.endpoint_url)
                .region(aws_sdk_s3::config::Region::new(self.region.clone()))
                .credentials_provider(self.credentials())
                .force_path_style(true)
                .build(),
        );
        let bucket = format!("{}-artifacts-{}", self.stack_name, self.account_id);
        if s3.head_bucket().bucket(&bucket).send().await.is_err() {
            let created = s3.create_bucket().bucket(&bucket).send().await;
            created.map_err(|error| {
                self.unreachable("make a bucket for the code", &DisplayErrorContext(error))
            })?;
        }
        Ok(Artifacts { s3, bucket })
    }

    /// Uploads each zip under its content hash, so that the template changes exactly when the code
    /// does.
    async fn upload_code(
        &self,
        Artifacts { s3, bucket }: &Artifacts,
        root: &Path,
        template: &Template,
    ) -> Result<BTreeMap<String, String>> {
        let mut uris = BTreeMap::new();
        for (function, path) in template.zips(root) {
            let zip = self.zip(&function, &path).await?;
            let key = format!("{function}/{}.zip", blake3::hash(&zip).to_hex());
            if s3.head_object().bucket(bucket).key(&key).send().await.is_err() {
                let put = s3.put_object().bucket(bucket).key(&key).body(zip.into()).send().await;
                put.map_err(|error| {
                    self.unreachable("upload the code", &DisplayErrorContext(error))
                })?;
            }
            uris.insert(function, format!("s3://{bucket}/{key}"));
        }
        Ok(uris)
    }

    /// Uploads the template, and gives its URL: in a request it may have 51,200 bytes, and in a
    /// bucket 1 MB.
    async fn upload_template(
        &self,
        Artifacts { s3, bucket }: &Artifacts,
        text: String,
    ) -> Result<String> {
        let key = format!("template/{}.yaml", blake3::hash(text.as_bytes()).to_hex());
        let put =
            s3.put_object().bucket(bucket).key(&key).body(text.into_bytes().into()).send().await;
        put.map_err(|error| self.unreachable("upload the template", &DisplayErrorContext(error)))?;
        Ok(format!("{}/{bucket}/{key}", self.endpoint_url))
    }

    async fn zip(&self, function: &str, built: &Path) -> Result<Vec<u8>> {
        match &self.code {
            Code::Stubs => crate::package::stub_zip(),
            Code::Zips(zips) => {
                let path = zips.get(function).map_or(built, PathBuf::as_path);
                tokio::fs::read(path)
                    .await
                    .with_context(|| format!("cannot read {}", path.display()))
            }
        }
    }

    /// Runs [`PROGRAM`], and returns the outputs of the stack.
    async fn create_or_update(
        &self,
        root: &Path,
        tools: &Tools,
        template_url: &str,
    ) -> Result<BTreeMap<String, String>> {
        let request = serde_json::json!({
            "endpoint_url": self.endpoint_url,
            "region": self.region,
            "access_key_id": self.account_id,
            "secret_access_key": SECRET_ACCESS_KEY,
            "stack_name": self.stack_name,
            "template_url": template_url,
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
        input.write_all(request.to_string().as_bytes()).await?;
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
        let mut output = |name: &str| {
            outputs.remove(name).with_context(|| format!("the stack has no output {name}"))
        };
        let days =
            |text: String| text.parse().with_context(|| format!("{text} is no number of days"));
        Ok(Stack {
            endpoint_url: self.endpoint_url.clone(),
            region: self.region.clone(),
            bucket: output("Bucket")?,
            rejected_bucket: output("RejectedBucket")?,
            table: output("Table")?,
            queue_url: output("QueueUrl")?,
            dead_letters_url: output("DeadLettersUrl")?,
            default_currency: output("DefaultCurrency")?,
            minute_retention_days: days(output("MinuteRetentionDays")?)?,
            hour_retention_days: days(output("HourRetentionDays")?)?,
            day_retention_days: days(output("DayRetentionDays")?)?,
            // The host name that AWS would give needs a resolver that knows the emulator.
            api_url: api_id
                .map(|api_id| format!("{}/_aws/execute-api/{api_id}", self.endpoint_url)),
            account_id: self.account_id.clone(),
            access_key_id: self.account_id.clone(),
            secret_access_key: SECRET_ACCESS_KEY.to_owned(),
            functions,
        })
    }

    /// Has expired rows deleted, which the template asks for and MiniStack's CloudFormation passes
    /// over.
    async fn enable_ttl(&self, table: &str) -> Result<()> {
        let dynamodb = aws_sdk_dynamodb::Client::from_conf(
            aws_sdk_dynamodb::Config::builder()
                .behavior_version_latest()
                .http_client(http_client())
                .endpoint_url(&self.endpoint_url)
                .region(aws_sdk_dynamodb::config::Region::new(self.region.clone()))
                .credentials_provider(self.credentials())
                .build(),
        );
        let described = dynamodb.describe_time_to_live().table_name(table).send().await;
        let described = described
            .map_err(|error| self.unreachable("look at the table", &DisplayErrorContext(error)))?;
        let status = described
            .time_to_live_description()
            .and_then(|description| description.time_to_live_status());
        if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
            return Ok(());
        }
        let specification = TimeToLiveSpecification::builder()
            .attribute_name(TTL_ATTRIBUTE)
            .enabled(true)
            .build()?;
        let updated = dynamodb
            .update_time_to_live()
            .table_name(table)
            .time_to_live_specification(specification);
        let updated = updated.send().await;
        updated.map_err(|error| {
            self.unreachable("have expired rows deleted", &DisplayErrorContext(error))
        })?;
        Ok(())
    }

    fn unreachable(&self, what: &str, error: &dyn std::fmt::Display) -> anyhow::Error {
        anyhow!("{error}").context(format!("cannot {what} at {}", self.endpoint_url))
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
