//! Deploys the template to an emulator.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::build::Architecture;
use crate::cloudformation::{
    CodePaths, Deployed, Deployer, EXECUTE_API, Proposal, Target, api_url, live_url,
};
use crate::stack::Stack;
use crate::template::Template;
use crate::tools::Tools;

/// Emulators do not check signatures.
const SECRET_ACCESS_KEY: &str = "emulator";

/// How long a deployment to the emulator may take; it takes about a second.
const DEPLOY_TIME_MAX: Duration = Duration::from_secs(120);

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
    /// The name of the stack, and the first part of the names in it.
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
        // The host name that AWS would give needs a resolver that knows the emulator.
        let live_host = format!("{endpoint_url}{EXECUTE_API}");
        let parameters = [
            ("Architecture", Architecture::OF_THIS_MACHINE.name()),
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
        let target = Target {
            endpoint_url: Some(self.endpoint_url.clone()),
            region: Some(self.region.clone()),
            profile: None,
            access_key_id: Some(self.account_id.clone()),
            secret_access_key: Some(SECRET_ACCESS_KEY.to_owned()),
        };
        let deployer = Deployer::new(root, tools, target, &self.stack_name, self.time_max);
        let proposal = Proposal {
            code: self.code(root)?,
            parameters: self.parameters.clone(),
            keeps_parameters: false,
            artifact_bucket: None,
        };
        let deployed = deployer.deploy(&proposal).await.with_context(|| {
            format!("cannot deploy the stack {} at {}", self.stack_name, self.endpoint_url)
        })?;
        self.stack(deployed)
    }

    fn stack(&self, Deployed { outputs, parameters }: Deployed) -> Result<Stack> {
        let mut functions = BTreeMap::new();
        for (name, value) in &outputs {
            if let Some(function) = name.strip_suffix("Function") {
                functions.insert(snake_case(function), value.clone());
            }
        }
        let output = |name: &str| {
            let value = outputs.get(name).cloned();
            value.with_context(|| format!("the stack has no output {name}"))
        };
        let parameter = |name: &str| parameters.get(name).cloned().unwrap_or_default();
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
            requires_read_keys: parameter("RequireReadKeys") == "true",
            requires_write_keys: parameter("RequireWriteKeys") == "true",
            jwt_issuer: parameter("JwtIssuer"),
            jwt_audience: parameter("JwtAudience"),
            jwt_sites_claim: parameter("JwtSitesClaim"),
            api_key: None,
            api_url: api_url(&outputs, Some(&self.endpoint_url)),
            live_url: live_url(&outputs),
            account_id: self.account_id.clone(),
            access_key_id: self.account_id.clone(),
            secret_access_key: SECRET_ACCESS_KEY.to_owned(),
            functions,
        })
    }

    /// The path of the code of each function; `None` for a stub.
    fn code(&self, root: &Path) -> Result<CodePaths> {
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
