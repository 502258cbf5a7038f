//! A container as the cloud: the emulator's image, LocalStack, or another image that emulates AWS.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use minutebook_local::REGION;
use testcontainers::core::{IntoContainerPort, Mount, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, ContainerRequest, GenericImage, ImageExt};

/// The last LocalStack version that needs no token.
pub(crate) const DEFAULT_IMAGE: &str = "localstack/localstack:4.14.0";
const PORT: u16 = 4566;

/// Docker's socket if `DOCKER_HOST` is not set.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// The token that LocalStack after 4.14.0 requires. If the variable is set, the container gets it.
const TOKEN_VARIABLE: &str = "LOCALSTACK_AUTH_TOKEN";

/// The longest time from a container's start to its first answer.
const START_SECONDS_MAX: u64 = 120;

const START_POLL: Duration = Duration::from_millis(200);

/// The word that LocalStack ("Ready.") and the emulator ("Ready", on standard error) log when they
/// are up.
const READY: &str = "Ready";

/// A running container. [`Container::remove`] removes it, and so does interrupting the tests.
#[derive(Debug)]
pub(crate) struct Container {
    /// The cloud's URL, as seen from outside the container.
    pub(crate) endpoint_url: String,
    /// Whether the container runs the emulator (MiniStack).
    pub(crate) is_emulator: bool,
    container: ContainerAsync<GenericImage>,
}

impl Container {
    /// Starts a container of `image` and waits until it answers.
    ///
    /// # Errors
    /// Docker does not answer, the image cannot be pulled, or the container does not become
    /// healthy.
    pub(crate) async fn start(
        image: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Container> {
        let request = request(image, &variable);
        let container =
            request.start().await.with_context(|| format!("cannot start the image {image}"))?;
        // `localhost` can resolve to an address that Docker has not mapped.
        let host = match container.get_host().await?.to_string() {
            host if host == "localhost" => "127.0.0.1".to_owned(),
            host => host,
        };
        let port = container.get_host_port_ipv4(PORT.tcp()).await?;
        let endpoint_url = format!("http://{host}:{port}");
        wait_until_healthy(&endpoint_url)
            .await
            .with_context(|| format!("a container of {image}"))?;
        let is_emulator = answers(format!("{endpoint_url}/_ministack/health")).await?;
        Ok(Container { endpoint_url, is_emulator, container })
    }

    /// The container's standard output and standard error.
    pub(crate) async fn log(&self) -> Result<String> {
        let mut log = self.container.stdout_to_vec().await?;
        log.extend(self.container.stderr_to_vec().await?);
        Ok(String::from_utf8_lossy(&log).into_owned())
    }

    /// Removes the container.
    ///
    /// # Errors
    /// Docker cannot remove the container.
    pub(crate) async fn remove(self) -> Result<()> {
        self.container.rm().await.context("cannot remove the container")
    }
}

fn request(
    image: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> ContainerRequest<GenericImage> {
    let (name, tag) = name_and_tag(image);
    let mut request = GenericImage::new(name, tag)
        .with_exposed_port(PORT.tcp())
        .with_wait_for(WaitFor::message_on_either_std(READY))
        .with_startup_timeout(Duration::from_secs(START_SECONDS_MAX));
    for (name, value) in environment() {
        request = request.with_env_var(name, value);
    }
    if let Some(token) = variable(TOKEN_VARIABLE) {
        request = request.with_env_var(TOKEN_VARIABLE, token);
    }
    if runs_functions_in_docker(image)
        && let Some(socket) = docker_socket(variable("DOCKER_HOST").as_deref())
    {
        request = request.with_mount(Mount::bind_mount(socket.to_string_lossy(), DOCKER_SOCKET));
    }
    request
}

/// The emulator's environment variables, the same that `minutebook_local` sets outside a container.
/// LocalStack ignores most of them.
fn environment() -> BTreeMap<&'static str, String> {
    let inside = format!("http://127.0.0.1:{PORT}");
    [
        // Missing permissions fail as they do on AWS.
        ("AUTH", "true"),
        // The mapped port leads to the container's own address, not to its loopback interface.
        ("BIND_HOST", "0.0.0.0"),
        ("MINISTACK_HOST", "127.0.0.1"),
        ("LOCALSTACK_HOSTNAME", "127.0.0.1"),
        // Functions get this endpoint. Without it they would call AWS.
        ("AWS_ENDPOINT_URL", &inside),
        ("MINISTACK_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("IOT_MTLS_ENABLED", "0"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

/// The name and the tag (or digest) of an image. The default tag is `latest`.
fn name_and_tag(image: &str) -> (&str, &str) {
    // A colon before the last slash belongs to the registry's port.
    let path_start = image.rfind('/').map_or(0, |slash| slash + 1);
    match image[path_start..].rfind(':') {
        Some(colon) => (&image[..path_start + colon], &image[path_start + colon + 1..]),
        None => (image, "latest"),
    }
}

/// Whether the image runs each function in its own container, as LocalStack does, and so needs
/// Docker's socket. The emulator runs functions in its own container, but would use Docker if it
/// found the socket.
fn runs_functions_in_docker(image: &str) -> bool {
    name_and_tag(image).0.contains("localstack")
}

/// The Docker socket that `DOCKER_HOST` names, or `None` if it does not name a local socket.
fn docker_socket(docker_host: Option<&str>) -> Option<PathBuf> {
    match docker_host {
        None => Some(PathBuf::from(DOCKER_SOCKET)),
        Some(host) => host.strip_prefix("unix://").map(|path| Path::new(path).to_path_buf()),
    }
}

/// Waits until the endpoint answers, because the container logs that it is ready slightly earlier.
/// LocalStack and the emulator both serve this path.
async fn wait_until_healthy(endpoint_url: &str) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(START_SECONDS_MAX);
    while Instant::now() < deadline {
        if answers(format!("{endpoint_url}/_localstack/health")).await? {
            return Ok(());
        }
        tokio::time::sleep(START_POLL).await;
    }
    bail!("it does not answer at {endpoint_url} within {START_SECONDS_MAX} s")
}

/// Whether a `GET` of the URL succeeds.
async fn answers(url: String) -> Result<bool> {
    let get = move || {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(5)))
            .build()
            .into();
        agent.get(&url).call().is_ok()
    };
    Ok(tokio::task::spawn_blocking(get).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_a_tag_a_digest_or_neither() {
        for (image, expected) in [
            ("ministack:full", ("ministack", "full")),
            ("ministack", ("ministack", "latest")),
            ("localhost:5000/ministack", ("localhost:5000/ministack", "latest")),
            ("localhost:5000/a/ministack:1.5", ("localhost:5000/a/ministack", "1.5")),
            ("localstack/localstack@sha256:ab12", ("localstack/localstack@sha256", "ab12")),
        ] {
            assert_eq!(name_and_tag(image), expected, "{image}");
        }
    }

    #[test]
    fn the_socket_is_the_one_that_docker_host_names() {
        let socket = |host| docker_socket(host).map(|path| path.to_string_lossy().into_owned());
        assert_eq!(socket(None).as_deref(), Some("/var/run/docker.sock"));
        assert_eq!(
            socket(Some("unix:///run/user/1000/docker.sock")).as_deref(),
            Some("/run/user/1000/docker.sock")
        );
        assert_eq!(socket(Some("tcp://10.0.0.1:2375")), None);
    }

    #[test]
    fn only_localstack_is_given_docker_and_a_token_is_handed_on() {
        let with_token = |name: &str| (name == TOKEN_VARIABLE).then(|| "secret".to_owned());
        let of_localstack = request(DEFAULT_IMAGE, with_token);
        assert_eq!(of_localstack.mounts().count(), 1);
        let has_token = |request: &ContainerRequest<GenericImage>| {
            request.env_vars().any(|(name, value)| name == TOKEN_VARIABLE && value == "secret")
        };
        assert!(has_token(&of_localstack));
        let of_emulator = request("ministack:full", |_| None);
        assert_eq!(of_emulator.mounts().count(), 0);
        assert!(!has_token(&of_emulator));
        assert!(of_emulator.env_vars().any(|(name, value)| name == "AUTH" && value == "true"));
    }

    #[test]
    fn functions_in_a_container_never_call_aws_itself() {
        assert_eq!(environment()["AWS_ENDPOINT_URL"], "http://127.0.0.1:4566");
    }
}
