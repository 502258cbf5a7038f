//! The cloud that the tests run on.
//!
//! In this order: the endpoint that `MINUTEBOOK_TEST_ENDPOINT` names; a container of
//! `MINUTEBOOK_TEST_IMAGE` (default LocalStack), where Docker answers and has or can pull the
//! image; the emulator of `cargo mb up`, as a child process on a free port. Which one it is, is
//! printed: nothing is skipped silently.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use aws_credential_types::Credentials;
use minutebook_local::{
    Code, Deployment, Emulator, EmulatorOptions, REGION, Stack, Tools, build_functions,
    http_client, package_program,
};
use tempfile::TempDir;
use testcontainers::core::{IntoContainerPort, Mount, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};
use tokio::sync::OnceCell;

use crate::binaries;
use crate::store::Store;

/// The last LocalStack that asks for no token.
const DEFAULT_IMAGE: &str = "localstack/localstack:4.14.0";
const CONTAINER_PORT: u16 = 4566;
const DOCKER_SOCKET: &str = "/var/run/docker.sock";
/// The emulator takes an account's number as an access key that may do everything in that account.
const ACCOUNT: &str = "000000000000";

/// The stream whose records the deployed stack counts.
pub const STREAM: &str = "minutebook-test";

/// The functions, by the names of their binaries.
const FUNCTIONS: &[&str] =
    &["ingest", "rollup", "collect", "most_viewed", "top_carted", "highest_grossing", "api"];

/// The SDK's clients, and what another process needs to make its own.
#[derive(Clone, Debug)]
pub struct Clients {
    /// The cloud's address.
    pub endpoint_url: String,
    /// The region.
    pub region: String,
    /// Credentials that may do everything.
    pub access_key_id: String,
    /// Their secret, which is none.
    pub secret_access_key: String,
    /// S3.
    pub s3: aws_sdk_s3::Client,
    /// DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
}

/// A running cloud; it stops when it is dropped.
#[derive(Debug)]
pub struct Cloud {
    /// Clients with all rights.
    pub clients: Clients,
    backend: Backend,
    stack: OnceCell<Stack>,
    folder: TempDir,
}

#[derive(Debug)]
enum Backend {
    External,
    Container { _container: Box<ContainerAsync<GenericImage>> },
    Emulator(Emulator),
}

impl Cloud {
    /// Starts a cloud, or finds the one that the environment names.
    ///
    /// # Errors
    ///
    /// If there is none to be had.
    pub async fn start() -> Result<Cloud> {
        let folder = tempfile::tempdir()?;
        if let Some(endpoint_url) = variable("MINUTEBOOK_TEST_ENDPOINT") {
            println!("backend: {endpoint_url}, as MINUTEBOOK_TEST_ENDPOINT says");
            return Ok(Cloud::at(&endpoint_url, Backend::External, folder));
        }
        match container().await {
            Ok((endpoint_url, container)) => {
                println!("backend: a container at {endpoint_url}");
                return Ok(Cloud::at(
                    &endpoint_url,
                    Backend::Container { _container: Box::new(container) },
                    folder,
                ));
            }
            Err(error) => println!("no container ({error:#}); the emulator takes its place"),
        }
        let emulator_folder = folder.path().join("emulator");
        let emulator = tokio::task::spawn_blocking(move || {
            let tools = Tools::install(&binaries::root())?;
            let options = EmulatorOptions { ends_with_parent: true, ..EmulatorOptions::default() };
            Emulator::start(&tools, &emulator_folder, &options)
        })
        .await??;
        println!("backend: the emulator at {}", emulator.endpoint_url);
        let endpoint_url = emulator.endpoint_url.clone();
        Ok(Cloud::at(&endpoint_url, Backend::Emulator(emulator), folder))
    }

    /// Whether the backend refuses what a role has no permission for.
    pub fn enforces_permissions(&self) -> bool {
        matches!(self.backend, Backend::Emulator(_))
    }

    /// The deployed stack: the real template with the functions of this workspace; rows are kept
    /// for ever, so that fixtures of any date can be asked about. The first call deploys it.
    ///
    /// # Errors
    ///
    /// If it cannot be deployed.
    pub async fn stack(&self) -> Result<&Stack> {
        self.stack.get_or_try_init(|| self.deploy()).await
    }

    /// The URL of a call.
    ///
    /// # Errors
    ///
    /// If the stack cannot be deployed or has no API.
    pub async fn url(&self, path_and_query: &str) -> Result<String> {
        let api_url = self.stack().await?.api_url.as_ref().context("the backend has no API")?;
        Ok(format!("{api_url}{path_and_query}"))
    }

    /// Clients with the rights of a function's role.
    ///
    /// # Errors
    ///
    /// If the role cannot be found or taken.
    pub async fn as_role_of(&self, function: &str) -> Result<Clients> {
        let stack = self.stack().await?;
        let name = stack
            .functions
            .get(function)
            .with_context(|| format!("there is no function {function}"))?;
        let configuration =
            self.get_json(&format!("/2015-03-31/functions/{name}/configuration")).await?;
        let role = configuration["Role"].as_str().context("a function has a role")?;
        let sts = aws_sdk_sts::Config::builder()
            .behavior_version_latest()
            .http_client(http_client())
            .endpoint_url(&self.clients.endpoint_url)
            .region(aws_sdk_sts::config::Region::new(REGION))
            .credentials_provider(Credentials::new(ACCOUNT, "no-secret", None, None, "harness"));
        let assume = aws_sdk_sts::Client::from_conf(sts.build())
            .assume_role()
            .role_arn(role)
            .role_session_name("test");
        let answer = assume.send().await.with_context(|| format!("AssumeRole of {role}"))?;
        let taken = answer.credentials().context("credentials")?;
        let credentials = Credentials::new(
            taken.access_key_id(),
            taken.secret_access_key(),
            Some(taken.session_token().to_string()),
            None,
            "role",
        );
        Ok(Clients::with(&self.clients.endpoint_url, &credentials))
    }

    /// Invokes a function of the stack, with the rights of its role, and gives its answer.
    ///
    /// # Errors
    ///
    /// If the function fails, with what it says.
    pub async fn invoke(
        &self,
        function: &str,
        payload: &serde_json::Value,
    ) -> Result<serde_json::Value> {
        let stack = self.stack().await?;
        let name = stack
            .functions
            .get(function)
            .with_context(|| format!("there is no function {function}"))?;
        let url = format!("{}/2015-03-31/functions/{name}/invocations", self.clients.endpoint_url);
        let (authorization, payload) = (authorization("lambda"), payload.to_string());
        tokio::task::spawn_blocking(move || {
            let mut response =
                ureq::post(&url).header("authorization", &authorization).send(&payload)?;
            let has_failed = response.headers().contains_key("x-amz-function-error");
            let text = response.body_mut().read_to_string()?;
            anyhow::ensure!(!has_failed, "the function failed: {text}");
            serde_json::from_str(&text).with_context(|| text)
        })
        .await?
    }

    /// What the schedule of the name `rule` calls: its expression, and the ARNs of its targets.
    ///
    /// # Errors
    ///
    /// If there is no such rule.
    pub async fn schedule(&self, rule: &str) -> Result<(String, Vec<String>)> {
        let described = self.ask_events("DescribeRule", serde_json::json!({"Name": rule})).await?;
        let listed =
            self.ask_events("ListTargetsByRule", serde_json::json!({"Rule": rule})).await?;
        let expression =
            described["ScheduleExpression"].as_str().with_context(|| described.to_string())?;
        let targets = listed["Targets"].as_array().with_context(|| listed.to_string())?;
        let arns = targets
            .iter()
            .filter_map(|target| target["Arn"].as_str().map(str::to_string))
            .collect();
        Ok((expression.to_string(), arns))
    }

    async fn ask_events(
        &self,
        operation: &str,
        question: serde_json::Value,
    ) -> Result<serde_json::Value> {
        self.ask("events", format!("AWSEvents.{operation}"), question).await
    }

    /// Makes the stream that the deployed stack reads, and gives its ARN; `None` if the backend has
    /// no streams.
    async fn make_stream(&self) -> Option<String> {
        let create = serde_json::json!({"StreamName": STREAM, "ShardCount": 2});
        if let Err(error) = self.ask_kinesis("CreateStream", create).await {
            println!(
                "no stream can be made ({error:#}); one of an earlier run will do, if there is any"
            );
        }
        let describe = serde_json::json!({"StreamName": STREAM});
        let described = self.ask_kinesis("DescribeStreamSummary", describe).await.ok()?;
        described["StreamDescriptionSummary"]["StreamARN"].as_str().map(str::to_string)
    }

    /// Asks Kinesis, in the shape of its API.
    ///
    /// # Errors
    ///
    /// If it refuses.
    pub async fn ask_kinesis(
        &self,
        operation: &str,
        question: serde_json::Value,
    ) -> Result<serde_json::Value> {
        self.ask("kinesis", format!("Kinesis_20131202.{operation}"), question).await
    }

    async fn ask(
        &self,
        service: &'static str,
        target: String,
        question: serde_json::Value,
    ) -> Result<serde_json::Value> {
        let url = self.clients.endpoint_url.clone();
        tokio::task::spawn_blocking(move || {
            let request = ureq::post(&url)
                .header("authorization", authorization(service))
                .header("content-type", "application/x-amz-json-1.1")
                .header("x-amz-target", &target);
            let text = request.send(question.to_string())?.body_mut().read_to_string()?;
            // Some operations have nothing to say.
            if text.is_empty() {
                Ok(serde_json::Value::Null)
            } else {
                serde_json::from_str(&text).with_context(|| text)
            }
        })
        .await?
    }

    /// Asks the emulator itself, in the shape that AWS's own API has.
    async fn get_json(&self, path: &str) -> Result<serde_json::Value> {
        let url = format!("{}{path}", self.clients.endpoint_url);
        tokio::task::spawn_blocking(move || {
            let request = ureq::get(&url).header("authorization", authorization("lambda"));
            let text = request.call()?.body_mut().read_to_string()?;
            serde_json::from_str(&text).with_context(|| text)
        })
        .await?
    }

    /// Calls a function of the stack over HTTP and gives status, content type and body.
    ///
    /// # Errors
    ///
    /// If nobody answers.
    pub async fn get(&self, path_and_query: &str) -> Result<(u16, String, serde_json::Value)> {
        let url = self.url(path_and_query).await?;
        tokio::task::spawn_blocking(move || {
            let agent: ureq::Agent =
                ureq::Agent::config_builder().http_status_as_error(false).build().into();
            let response = agent.get(&url).call().with_context(|| format!("GET {url}"))?;
            answer_of(&url, response)
        })
        .await?
    }

    /// Posts a body to a function of the stack over HTTP, and gives status, content type and body
    /// of the answer.
    ///
    /// # Errors
    ///
    /// If nobody answers.
    pub async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Result<(u16, String, serde_json::Value)> {
        let url = self.url(path).await?;
        let mut request = ureq::http::Request::builder().method("POST").uri(&url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into())?;
        tokio::task::spawn_blocking(move || {
            let agent: ureq::Agent =
                ureq::Agent::config_builder().http_status_as_error(false).build().into();
            let response = agent.run(request).with_context(|| format!("POST {url}"))?;
            answer_of(&url, response)
        })
        .await?
    }

    /// Recounts all that the tests together put into the deployed stack, if they needed one.
    ///
    /// # Errors
    ///
    /// If `minutebook verify` finds any difference.
    pub async fn verify_deployed_stack(&self) -> Result<()> {
        let Some(stack) = self.stack.get() else {
            return Ok(());
        };
        let report = Store::of(&self.clients, stack).verify().await?;
        println!(
            "the deployed stack as a whole: {} events, {} differences",
            report["events"], report["differences"]
        );
        Ok(())
    }

    /// What the backend and its functions printed, if it keeps a log.
    pub fn log(&self) -> Option<String> {
        match &self.backend {
            Backend::Emulator(emulator) => std::fs::read_to_string(emulator.log()).ok(),
            Backend::External | Backend::Container { .. } => None,
        }
    }

    /// Stops what was started.
    ///
    /// # Errors
    ///
    /// If the emulator does not stop.
    pub fn stop(self) -> Result<()> {
        match self.backend {
            Backend::Emulator(emulator) => emulator.stop(),
            Backend::External | Backend::Container { .. } => Ok(()),
        }
    }

    fn at(endpoint_url: &str, backend: Backend, folder: TempDir) -> Cloud {
        let credentials = Credentials::new(ACCOUNT, "no-secret", None, None, "harness");
        Cloud {
            clients: Clients::with(endpoint_url, &credentials),
            backend,
            stack: OnceCell::new(),
            folder,
        }
    }

    async fn deploy(&self) -> Result<Stack> {
        let root = binaries::root();
        let zips = match &self.backend {
            // The emulator runs the programs on this very machine, so those of the tests' own
            // profile will do.
            Backend::Emulator(_) => self.package_binaries()?,
            Backend::External | Backend::Container { .. } => {
                let tools = Tools::install(&root)?;
                build_functions(&root, &tools)?
            }
        };
        let mut deployment = Deployment::to_emulator(&self.clients.endpoint_url, Code::Zips(zips));
        for rows in ["Minute", "Hour", "Day"] {
            deployment.parameters.insert(format!("{rows}RetentionDays"), "0".to_string());
        }
        if matches!(self.backend, Backend::Container { .. }) {
            // The community edition of LocalStack has no API Gateway v2.
            deployment.parameters.insert("CreateApi".to_string(), "false".to_string());
        }
        if let Some(stream_arn) = self.make_stream().await {
            deployment.parameters.insert("KinesisStreamArn".to_string(), stream_arn);
        }
        deployment.deploy(&root).await
    }

    fn package_binaries(&self) -> Result<BTreeMap<String, std::path::PathBuf>> {
        let mut zips = BTreeMap::new();
        for &function in FUNCTIONS {
            let zip = self.folder.path().join(format!("{function}.zip"));
            package_program(&binaries::path(function)?, &zip)?;
            zips.insert(function.to_string(), zip);
        }
        Ok(zips)
    }
}

impl Clients {
    fn with(endpoint_url: &str, credentials: &Credentials) -> Clients {
        let region = aws_sdk_s3::config::Region::new(REGION);
        let s3 = aws_sdk_s3::Config::builder()
            .behavior_version_latest()
            .http_client(http_client())
            .endpoint_url(endpoint_url)
            .region(region.clone())
            .credentials_provider(credentials.clone())
            .force_path_style(true);
        let dynamodb = aws_sdk_dynamodb::Config::builder()
            .behavior_version_latest()
            .http_client(http_client())
            .endpoint_url(endpoint_url)
            .region(region.clone())
            .credentials_provider(credentials.clone());
        let sqs = aws_sdk_sqs::Config::builder()
            .behavior_version_latest()
            .http_client(http_client())
            .endpoint_url(endpoint_url)
            .region(region)
            .credentials_provider(credentials.clone());
        Clients {
            endpoint_url: endpoint_url.to_string(),
            region: REGION.to_string(),
            access_key_id: credentials.access_key_id().to_string(),
            secret_access_key: credentials.secret_access_key().to_string(),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
        }
    }
}

/// Status, content type and body of an answer.
fn answer_of(
    url: &str,
    mut response: ureq::http::Response<ureq::Body>,
) -> Result<(u16, String, serde_json::Value)> {
    let content_type = response
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_string();
    let text = response.body_mut().read_to_string()?;
    let body = serde_json::from_str(&text).with_context(|| format!("{url} answered {text}"))?;
    Ok((response.status().as_u16(), content_type, body))
}

/// The emulator looks the account up by the access key and does not check the signature.
fn authorization(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={ACCOUNT}/20261120/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

async fn container() -> Result<(String, ContainerAsync<GenericImage>)> {
    if variable("DOCKER_HOST").is_none() && !Path::new(DOCKER_SOCKET).exists() {
        anyhow::bail!("Docker does not answer: there is no {DOCKER_SOCKET}");
    }
    let image = variable("MINUTEBOOK_TEST_IMAGE").unwrap_or_else(|| DEFAULT_IMAGE.to_string());
    let (name, tag) = image.rsplit_once(':').unwrap_or((&image, "latest"));
    let request = GenericImage::new(name, tag)
        .with_exposed_port(CONTAINER_PORT.tcp())
        .with_wait_for(WaitFor::message_on_stdout("Ready."))
        // LocalStack runs each function in a container of its own.
        .with_mount(Mount::bind_mount(DOCKER_SOCKET, DOCKER_SOCKET));
    let container = request.start().await.with_context(|| format!("the image {image}"))?;
    let port = container.get_host_port_ipv4(CONTAINER_PORT.tcp()).await?;
    Ok((format!("http://127.0.0.1:{port}"), container))
}

#[expect(clippy::disallowed_methods, reason = "the harness is configured by its environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
