//! Deploys the template by CloudFormation.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use aws_credential_types::Credentials;
use aws_sdk_cloudformation::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_cloudformation::types::{Capability, Parameter, ResourceStatus, StackStatus};
use aws_sdk_dynamodb::types::{TimeToLiveSpecification, TimeToLiveStatus};

use crate::http::http_client;
use crate::stack::Stack;
use crate::template::Template;

/// The attribute that holds when a row expires, as in the template.
const TTL_ATTRIBUTE: &str = "ttl";

/// How long a deployment to the emulator may take; it takes about a second.
const DEPLOY_TIME_MAX: Duration = Duration::from_secs(120);

/// The name of the stack on this machine.
pub const STACK_NAME: &str = "minutebook";

const DEPLOY_POLL: Duration = Duration::from_millis(100);

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
    pub async fn deploy(&self, root: &Path) -> Result<Stack> {
        let template = Template::read(root)?;
        let artifacts = self.artifacts().await?;
        let uris = self.upload_code(&artifacts, root, &template).await?;
        let template_url = self.upload_template(&artifacts, template.packaged(&uris)?).await?;
        let cloudformation = aws_sdk_cloudformation::Client::from_conf(
            aws_sdk_cloudformation::Config::builder()
                .behavior_version_latest()
                .http_client(http_client())
                .endpoint_url(&self.endpoint_url)
                .region(aws_sdk_cloudformation::config::Region::new(self.region.clone()))
                .credentials_provider(self.credentials())
                .build(),
        );
        self.create_or_update(&cloudformation, &template_url).await?;
        let outputs = self.wait(&cloudformation).await?;
        let stack = self.stack(outputs)?;
        self.enable_ttl(&stack.table).await?;
        Ok(stack)
    }

    fn credentials(&self) -> Credentials {
        Credentials::new(&self.account_id, "emulator", None, None, "emulator")
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

    async fn create_or_update(
        &self,
        cloudformation: &aws_sdk_cloudformation::Client,
        template_url: &str,
    ) -> Result<()> {
        let status = self.status(cloudformation).await?;
        let capabilities = [Capability::CapabilityIam, Capability::CapabilityAutoExpand];
        let parameter = |(name, value): (&String, &String)| {
            Parameter::builder().parameter_key(name).parameter_value(value).build()
        };
        let parameters: Vec<_> = self.parameters.iter().map(parameter).collect();
        let sent = match status {
            None => {
                let create = cloudformation
                    .create_stack()
                    .stack_name(&self.stack_name)
                    .template_url(template_url);
                let create = create
                    .set_parameters(Some(parameters))
                    .set_capabilities(Some(capabilities.into()));
                create.send().await.map(|_| ()).map_err(aws_sdk_cloudformation::Error::from)
            }
            Some(_) => {
                let update = cloudformation
                    .update_stack()
                    .stack_name(&self.stack_name)
                    .template_url(template_url);
                let update = update
                    .set_parameters(Some(parameters))
                    .set_capabilities(Some(capabilities.into()));
                update.send().await.map(|_| ()).map_err(aws_sdk_cloudformation::Error::from)
            }
        };
        match sent {
            Err(error)
                if error
                    .message()
                    .is_some_and(|message| message.contains("No updates are to be")) =>
            {
                Ok(())
            }
            Err(error) => Err(self.unreachable("deploy the stack", &DisplayErrorContext(error))),
            Ok(()) => Ok(()),
        }
    }

    /// The stack's status; `None` if there is no such stack. A stack whose creation failed is
    /// removed first, since it cannot be updated.
    async fn status(
        &self,
        cloudformation: &aws_sdk_cloudformation::Client,
    ) -> Result<Option<StackStatus>> {
        let deadline = Instant::now() + self.time_max;
        let mut is_deleting = false;
        while Instant::now() < deadline {
            let described =
                cloudformation.describe_stacks().stack_name(&self.stack_name).send().await;
            let status = match described {
                Ok(described) => {
                    described.stacks().first().and_then(|stack| stack.stack_status().cloned())
                }
                Err(error) if error.code() == Some("ValidationError") => None,
                Err(error) => {
                    return Err(self.unreachable("look for the stack", &DisplayErrorContext(error)));
                }
            };
            match status {
                None | Some(StackStatus::DeleteComplete) => return Ok(None),
                Some(
                    StackStatus::CreateFailed
                    | StackStatus::RollbackComplete
                    | StackStatus::RollbackFailed,
                ) if !is_deleting => {
                    let deleted =
                        cloudformation.delete_stack().stack_name(&self.stack_name).send().await;
                    deleted.map_err(|error| {
                        self.unreachable("remove the failed stack", &DisplayErrorContext(error))
                    })?;
                    is_deleting = true;
                }
                Some(status) if !status.as_str().ends_with("_IN_PROGRESS") && !is_deleting => {
                    return Ok(Some(status));
                }
                Some(_) => {}
            }
            tokio::time::sleep(DEPLOY_POLL).await;
        }
        bail!("the stack {} is busy for {} s", self.stack_name, self.time_max.as_secs())
    }

    /// Waits until the stack is at rest and returns its outputs.
    async fn wait(
        &self,
        cloudformation: &aws_sdk_cloudformation::Client,
    ) -> Result<BTreeMap<String, String>> {
        let deadline = Instant::now() + self.time_max;
        while Instant::now() < deadline {
            let described =
                cloudformation.describe_stacks().stack_name(&self.stack_name).send().await;
            let described = described.map_err(|error| {
                self.unreachable("look at the stack", &DisplayErrorContext(error))
            })?;
            let stack =
                described.stacks().first().context("the stack that was just deployed is gone")?;
            match stack.stack_status() {
                Some(StackStatus::CreateComplete | StackStatus::UpdateComplete) => {
                    let output = |output: &aws_sdk_cloudformation::types::Output| {
                        Some((output.output_key()?.to_owned(), output.output_value()?.to_owned()))
                    };
                    return Ok(stack.outputs().iter().filter_map(output).collect());
                }
                Some(status) if status.as_str().ends_with("_IN_PROGRESS") => {
                    tokio::time::sleep(DEPLOY_POLL).await
                }
                _ => {
                    let reason =
                        stack.stack_status_reason().unwrap_or("no reason was given").to_owned();
                    return Err(self
                        .first_failure(cloudformation)
                        .await
                        .unwrap_or_else(|| anyhow!(reason)))
                    .with_context(|| format!("the stack {} was not deployed", self.stack_name));
                }
            }
        }
        bail!("the stack {} is not deployed within {} s", self.stack_name, self.time_max.as_secs())
    }

    /// The failure that the others followed from: the earliest with a reason of its own.
    async fn first_failure(
        &self,
        cloudformation: &aws_sdk_cloudformation::Client,
    ) -> Option<anyhow::Error> {
        let events = cloudformation
            .describe_stack_events()
            .stack_name(&self.stack_name)
            .send()
            .await
            .ok()?;
        // The newest comes first.
        let failure = events.stack_events().iter().rev().find(|event| {
            let status = event.resource_status().map_or("", ResourceStatus::as_str);
            status.ends_with("_FAILED")
                && !event.resource_status_reason().unwrap_or("").contains("cancelled")
        })?;
        let resource = failure.logical_resource_id().unwrap_or("a resource");
        let reason = failure.resource_status_reason().unwrap_or("no reason was given");
        Some(anyhow!("{resource}: {reason}"))
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
            secret_access_key: "emulator".to_owned(),
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
