//! The cloud that the tests run on.
//!
//! By default this is the emulator of `cargo mb up`, as a child process on a free port. Three
//! environment variables select another cloud. There is no fallback if that cloud fails:
//!
//! - `MINUTEBOOK_TEST_ENDPOINT`: the URL of a running cloud.
//! - `MINUTEBOOK_TEST_BACKEND`: `container` or `emulator`.
//! - `MINUTEBOOK_TEST_IMAGE`: the image of the container (default LocalStack). It selects a
//!   container even if `MINUTEBOOK_TEST_BACKEND` is not set.
//!
//! [`Cloud::start`] prints the selected cloud.

mod functions;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use aws_credential_types::Credentials;
use minutebook_local::{
    Architecture, CargoLambda, Code, Deployment, Emulator, EmulatorOptions, REGION, Stack, Tools,
    build_for_lambda, http_client,
};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::binaries;
use crate::clients::Clients;
use crate::container::{Container, DEFAULT_IMAGE};

/// The longest deployment to a container. LocalStack pulls the image that functions run in.
const CONTAINER_DEPLOY_TIME_MAX: Duration = Duration::from_secs(600);

/// The emulator accepts an account number as an access key with all rights in that account.
const ACCOUNT: &str = "000000000000";

/// The stream that the deployed stack reads.
pub const STREAM: &str = "minutebook-test";

/// A running cloud. [`Cloud::stop`] stops it.
#[derive(Debug)]
pub struct Cloud {
    /// Clients with all rights.
    pub clients: Clients,
    backend: Backend,
    stack: OnceCell<Stack>,
    /// The emulator's state. Dropping it removes the folder.
    _folder: TempDir,
}

#[derive(Debug)]
enum Backend {
    External,
    Container(Box<Container>),
    Emulator(Emulator),
}

/// The cloud that the environment variables select.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Endpoint(String),
    Container { image: String },
    Emulator,
}

impl Wanted {
    fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Wanted> {
        let endpoint = variable("MINUTEBOOK_TEST_ENDPOINT");
        let image = variable("MINUTEBOOK_TEST_IMAGE");
        match (endpoint, variable("MINUTEBOOK_TEST_BACKEND").as_deref(), image) {
            (Some(endpoint), None, None) => Ok(Wanted::Endpoint(endpoint)),
            (Some(_), _, _) => bail!(
                "MINUTEBOOK_TEST_ENDPOINT names a cloud: unset MINUTEBOOK_TEST_BACKEND and \
                 MINUTEBOOK_TEST_IMAGE, or the endpoint"
            ),
            (None, None | Some("container"), Some(image)) => Ok(Wanted::Container { image }),
            (None, Some("container"), None) => {
                Ok(Wanted::Container { image: DEFAULT_IMAGE.to_string() })
            }
            (None, None | Some("emulator"), None) => Ok(Wanted::Emulator),
            (None, Some("emulator"), Some(_)) => {
                bail!(
                    "MINUTEBOOK_TEST_BACKEND=emulator takes no image: unset MINUTEBOOK_TEST_IMAGE"
                )
            }
            (None, Some(other), _) => {
                bail!(
                    "MINUTEBOOK_TEST_BACKEND is {other:?}, neither \"container\" nor \"emulator\""
                )
            }
        }
    }
}

impl Cloud {
    /// Starts the cloud that the environment variables select.
    ///
    /// # Errors
    /// The variables contradict each other, or the cloud cannot be started.
    pub async fn start() -> Result<Cloud> {
        let folder = tempfile::tempdir()?;
        let (endpoint_url, backend) = match Wanted::read(variable)? {
            Wanted::Endpoint(endpoint_url) => {
                println!("backend: {endpoint_url}, as MINUTEBOOK_TEST_ENDPOINT says");
                (endpoint_url, Backend::External)
            }
            Wanted::Container { image } => {
                let container = Container::start(&image, variable).await?;
                println!("backend: a container of {image} at {}", container.endpoint_url);
                (container.endpoint_url.clone(), Backend::Container(Box::new(container)))
            }
            Wanted::Emulator => {
                let emulator = start_emulator(&folder).await?;
                println!("backend: the emulator at {}", emulator.endpoint_url);
                (emulator.endpoint_url.clone(), Backend::Emulator(emulator))
            }
        };
        Ok(Cloud::at(&endpoint_url, backend, folder))
    }

    /// Whether the backend denies a role the calls that it has no permission for.
    pub fn enforces_permissions(&self) -> bool {
        match &self.backend {
            Backend::External => false,
            Backend::Container(container) => container.is_emulator,
            Backend::Emulator(_) => true,
        }
    }

    /// The deployed stack: the real template with the functions of this workspace. It keeps rows
    /// forever, so that tests can query fixtures of any date. The first call deploys it.
    ///
    /// # Errors
    /// The deployment fails.
    pub async fn stack(&self) -> Result<&Stack> {
        self.stack.get_or_try_init(|| self.deploy()).await
    }

    /// The URL of an API path.
    ///
    /// # Errors
    /// The stack cannot be deployed or has no API.
    pub async fn url(&self, path_and_query: &str) -> Result<String> {
        let api_url = self.stack().await?.api_url.as_ref().context("the backend has no API")?;
        Ok(format!("{api_url}{path_and_query}"))
    }

    /// Clients with the permissions of a function's role.
    ///
    /// # Errors
    /// The role cannot be found or assumed.
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

    /// The schedule expression of a rule, and the ARNs of its targets.
    ///
    /// # Errors
    /// The request fails, or there is no such rule.
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

    /// Sends a request to the EventBridge API.
    ///
    /// # Errors
    /// The request fails.
    pub async fn ask_events(
        &self,
        operation: &str,
        question: serde_json::Value,
    ) -> Result<serde_json::Value> {
        self.ask("events", format!("AWSEvents.{operation}"), question).await
    }

    /// Creates the stream that the deployed stack reads, and returns its ARN, or `None` if the
    /// backend has no streams.
    async fn make_stream(&self) -> Option<String> {
        let create = serde_json::json!({"StreamName": STREAM, "ShardCount": 2});
        if let Err(error) = self.ask_kinesis("CreateStream", create).await {
            println!(
                "cannot create the stream ({error:#}); using one of an earlier run, if there is any"
            );
        }
        let describe = serde_json::json!({"StreamName": STREAM});
        let described = self.ask_kinesis("DescribeStreamSummary", describe).await.ok()?;
        described["StreamDescriptionSummary"]["StreamARN"].as_str().map(str::to_string)
    }

    /// Sends a request to the Kinesis API.
    ///
    /// # Errors
    /// The request fails.
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
            // Some operations return an empty body.
            if text.is_empty() {
                Ok(serde_json::Value::Null)
            } else {
                serde_json::from_str(&text).with_context(|| text)
            }
        })
        .await?
    }

    /// Sends a `GET` request of the Lambda API to the backend.
    async fn get_json(&self, path: &str) -> Result<serde_json::Value> {
        let url = format!("{}{path}", self.clients.endpoint_url);
        tokio::task::spawn_blocking(move || {
            let request = ureq::get(&url).header("authorization", authorization("lambda"));
            let text = request.call()?.body_mut().read_to_string()?;
            serde_json::from_str(&text).with_context(|| text)
        })
        .await?
    }

    /// Sends `GET` to the stack's API, and returns the status, content type and body.
    ///
    /// # Errors
    /// The server does not answer, or its answer is not JSON.
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

    /// Sends `POST` with a body to the stack's API, and returns the status, content type and body
    /// of the response.
    ///
    /// # Errors
    /// The server does not answer, or its answer is not JSON.
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

    /// The deployed stack, if a test has used it.
    pub fn deployed(&self) -> Option<&Stack> {
        self.stack.get()
    }

    /// The log of the backend and its functions, if the backend keeps one.
    pub async fn log(&self) -> Option<String> {
        match &self.backend {
            Backend::Emulator(emulator) => std::fs::read_to_string(emulator.log()).ok(),
            Backend::Container(container) => container.log().await.ok(),
            Backend::External => None,
        }
    }

    /// Stops the backend if this process started it.
    ///
    /// # Errors
    /// The emulator does not stop, or the container cannot be removed.
    pub async fn stop(self) -> Result<()> {
        match self.backend {
            Backend::Emulator(emulator) => {
                tokio::task::spawn_blocking(move || emulator.stop()).await?
            }
            Backend::Container(container) => container.remove().await,
            Backend::External => Ok(()),
        }
    }

    fn at(endpoint_url: &str, backend: Backend, folder: TempDir) -> Cloud {
        let credentials = Credentials::new(ACCOUNT, "no-secret", None, None, "harness");
        Cloud {
            clients: Clients::with(endpoint_url, &credentials),
            backend,
            stack: OnceCell::new(),
            _folder: folder,
        }
    }

    async fn deploy(&self) -> Result<Stack> {
        let root = binaries::root();
        let code = match &self.backend {
            // The emulator runs the binaries on this machine, so those in the test profile work.
            Backend::Emulator(_) => programs()?,
            Backend::External | Backend::Container(_) => {
                let folder = root.clone();
                let install = move || CargoLambda::install(&folder);
                let cargo_lambda = tokio::task::spawn_blocking(install).await??;
                build_for_lambda(&root, &cargo_lambda, Architecture::OF_THIS_MACHINE).await?
            }
        };
        let mut deployment = Deployment::to_emulator(&self.clients.endpoint_url, Code::Built(code));
        for rows in ["Minute", "Hour", "Day"] {
            deployment.parameters.insert(format!("{rows}RetentionDays"), "0".to_string());
        }
        if let Backend::Container(container) = &self.backend {
            deployment.time_max = CONTAINER_DEPLOY_TIME_MAX;
            if !container.is_emulator {
                // The community edition of LocalStack has no API Gateway v2.
                deployment.parameters.insert("CreateApi".to_string(), "false".to_string());
            }
        }
        if let Some(stream_arn) = self.make_stream().await {
            deployment.parameters.insert("KinesisStreamArn".to_string(), stream_arn);
        }
        let folder = root.clone();
        let tools = tokio::task::spawn_blocking(move || Tools::install(&folder)).await??;
        deployment.deploy(&root, &tools).await
    }
}

/// The functions' binaries, built in the test profile.
fn programs() -> Result<BTreeMap<String, std::path::PathBuf>> {
    let path = |function: String| Ok((function.clone(), binaries::path(&function)?));
    minutebook_local::functions(&binaries::root())?.into_iter().map(path).collect()
}

/// The status, content type and body of a response.
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

/// An authorization header. The emulator takes the account from the access key and does not check
/// the signature.
fn authorization(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={ACCOUNT}/20261120/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

async fn start_emulator(folder: &TempDir) -> Result<Emulator> {
    let emulator_folder = folder.path().join("emulator");
    tokio::task::spawn_blocking(move || {
        let tools = Tools::install(&binaries::root())?;
        let options = EmulatorOptions { ends_with_parent: true, ..EmulatorOptions::default() };
        Emulator::start(&tools, &emulator_folder, &options)
    })
    .await?
}

#[expect(clippy::disallowed_methods, reason = "the harness is configured by its environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(variables: &[(&str, &str)]) -> Result<Wanted> {
        Wanted::read(|name| {
            let suffix = name.strip_prefix("MINUTEBOOK_TEST_")?;
            let (_, value) = variables.iter().find(|(name, _)| *name == suffix)?;
            Some((*value).to_string())
        })
    }

    #[test]
    fn the_emulator_is_the_default_whatever_else_the_machine_has() {
        assert_eq!(wanted(&[]).unwrap(), Wanted::Emulator);
        assert_eq!(wanted(&[("BACKEND", "emulator")]).unwrap(), Wanted::Emulator);
    }

    #[test]
    fn a_container_is_taken_when_it_is_asked_for() {
        let of = |image: &str| Wanted::Container { image: image.to_string() };
        assert_eq!(wanted(&[("BACKEND", "container")]).unwrap(), of(DEFAULT_IMAGE));
        assert_eq!(wanted(&[("IMAGE", "ministack:full")]).unwrap(), of("ministack:full"));
        assert_eq!(wanted(&[("BACKEND", "container"), ("IMAGE", "a:1")]).unwrap(), of("a:1"));
    }

    #[test]
    fn an_endpoint_is_used_as_it_is() {
        let endpoint = "http://127.0.0.1:4566";
        assert_eq!(
            wanted(&[("ENDPOINT", endpoint)]).unwrap(),
            Wanted::Endpoint(endpoint.to_string())
        );
    }

    #[test]
    fn wishes_that_contradict_each_other_are_refused() {
        for variables in [
            &[("BACKEND", "docker")][..],
            &[("BACKEND", "emulator"), ("IMAGE", "a:1")],
            &[("ENDPOINT", "http://127.0.0.1:4566"), ("BACKEND", "container")],
            &[("ENDPOINT", "http://127.0.0.1:4566"), ("IMAGE", "a:1")],
        ] {
            assert!(wanted(variables).is_err(), "{variables:?}");
        }
    }
}
