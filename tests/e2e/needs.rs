//! What some tests need, and not every machine or backend has.
//!
//! A test whose need is not met is ignored with a message. If the variable `CI` is `true`, as
//! `.ci/run` sets it, a missing program makes its test fail.

use std::path::PathBuf;

use minutebook_tests::binaries::root;
use minutebook_tests::cloud::Cloud;
use serde_json::json;

/// What a test needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// The program `curl`.
    Curl,
    /// The programs of the Debian package `prometheus`: `prometheus` and `promtool`.
    Prometheus,
    /// The program that `MINUTEBOOK_SCHEMATHESIS` names.
    Schemathesis,
    /// A backend that enforces the permissions of roles.
    Permissions,
    /// A backend that has streams.
    Kinesis,
}

impl Need {
    /// The name that the list of tests shows.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Need::Curl => "curl",
            Need::Prometheus => "prometheus",
            Need::Schemathesis => "schemathesis",
            Need::Permissions => "permissions",
            Need::Kinesis => "kinesis",
        }
    }

    /// How to provide it.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Need::Curl => "install curl",
            Need::Prometheus => "install Debian's prometheus; .ci/run unpacks one",
            Need::Schemathesis => {
                "set MINUTEBOOK_SCHEMATHESIS to the program, as .ci/run does, which installs one"
            }
            Need::Permissions | Need::Kinesis => "run the tests on the emulator",
        }
    }

    /// Whether it is available.
    pub(crate) async fn is_met(self, cloud: &Cloud) -> bool {
        match self {
            Need::Curl => program("curl").is_some(),
            Need::Prometheus => program("prometheus").and(program("promtool")).is_some(),
            Need::Schemathesis => schemathesis().is_some_and(|path| path.is_file()),
            Need::Permissions => cloud.enforces_permissions(),
            Need::Kinesis => cloud.ask_kinesis("ListStreams", json!({})).await.is_ok(),
        }
    }

    /// Whether a test fails without it, instead of being ignored.
    pub(crate) fn is_required(self) -> bool {
        let is_program = matches!(self, Need::Curl | Need::Prometheus | Need::Schemathesis);
        is_program && std::env::var_os("CI").is_some_and(|value| value == "true")
    }
}

/// The path of a program, unpacked with the other tools or installed.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let unpacked = root().join(".minutebook/prometheus/usr/bin");
    let installed = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(unpacked).chain(std::env::split_paths(&installed));
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// The path of Schemathesis, which tests the API description.
pub(crate) fn schemathesis() -> Option<PathBuf> {
    let program = std::env::var_os("MINUTEBOOK_SCHEMATHESIS").filter(|name| !name.is_empty())?;
    Some(root().join(program))
}
