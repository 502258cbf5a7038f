//! `minutebook deploy`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Error, Result, anyhow, bail};
use minutebook_local::{CargoLambda, Deployed, Deployer, Plan, Proposal, Tools};

use crate::commands::deploy::arguments::DeployArgs;
use crate::commands::deploy::operation::{Resources, ask, deployer, print, stack_name};
use crate::commands::deploy::{code, proposal, smoke};
use crate::commands::{keys, status};
use crate::stack::context::Context;
use crate::terminal::progress::{Step, blocking_step};

/// What the label of the first key says.
const KEY_LABEL: &str = "minutebook deploy";

/// A stack that was deployed, and how it is tried.
struct Trial<'a> {
    name: &'a str,
    context: Context,
    timeout: Duration,
}

pub(crate) async fn run(args: DeployArgs, context: &Context) -> Result<()> {
    let name = stack_name(context)?;
    let root = context.root()?;
    let parameters: BTreeMap<String, String> = args.parameters.iter().cloned().collect();
    let (tools, cargo_lambda) = install(&root, args.no_build).await?;
    let deployer = deployer(&root, &tools, context, &name);
    // What is missing in the account is found before a build that takes minutes.
    let found = deployer.inspect().await?;
    let architecture = code::architecture(&parameters, &found.parameters)?;
    let code = match cargo_lambda {
        Some(cargo_lambda) => code::built(&root, &cargo_lambda, architecture).await?,
        None => code::last_built(&root, context.target().endpoint_url.is_some())?,
    };
    let step = Step::begin("code uploaded, change set made");
    let artifact_bucket = args.artifact_bucket.clone();
    let proposed =
        Proposal { code, parameters: parameters.clone(), keeps_parameters: true, artifact_bucket };
    let plan = deployer.plan(&proposed).await?;
    step.end();
    print(&proposal::text(&name, &parameters, &plan));
    if let Err(declined) = agree(&args, &name, &plan) {
        deployer.discard(&plan).await?;
        return Err(declined);
    }

    let what = format!("cannot deploy the stack {name}");
    let deployed = apply(&deployer, &plan).await.with_context(|| what)?;
    let trial = Trial {
        name: &name,
        context: context.of_name(&name, &plan.region),
        timeout: Duration::from_secs(args.smoke_timeout),
    };
    status::print(&trial.context).await?;
    if requires_keys(&deployed)
        && let Some(key) = keys::first_admin_key(&trial.context, KEY_LABEL).await?
    {
        println!("{:<17} {key}", "admin_key");
        eprintln!("the admin key is stored nowhere, so keep it");
    }
    match trial.smoke_test(&deployed).await {
        Ok(()) => Ok(()),
        Err(failure) => Err(trial.after_failure(&deployer, &plan, failure).await),
    }
}

async fn install(root: &Path, no_build: bool) -> Result<(Tools, Option<CargoLambda>)> {
    let root = root.to_path_buf();
    let install = move || {
        let tools = Tools::install(&root)?;
        let cargo_lambda = (!no_build).then(|| CargoLambda::install(&root)).transpose()?;
        Ok((tools, cargo_lambda))
    };
    blocking_step("tools installed in .minutebook/tools", install).await
}

/// Asks whether to carry the plan out, unless it changes nothing or `--yes` is given.
///
/// # Errors
/// It is not to be carried out. `--yes` does not agree to a loss of data.
fn agree(args: &DeployArgs, name: &str, plan: &Plan) -> Result<()> {
    if plan.change_set.is_none() {
        return Ok(());
    }
    let losses = proposal::losses(plan);
    if losses.is_empty() {
        return if args.yes { Ok(()) } else { ask("Deploy this?", "yes") };
    }
    let losses = losses.join(", ");
    if args.yes {
        bail!(
            "the stack would lose the data of {losses}, and nothing was changed: deploy without \
             --yes, which asks"
        );
    }
    ask(&format!("The stack goes on without the data of {losses}."), name)
}

async fn apply(deployer: &Deployer, plan: &Plan) -> Result<Deployed> {
    let step = Step::begin("stack deployed from infra/template.yaml");
    let resources = Resources::begin("deploying", plan.changes.len());
    let deployed = deployer.apply(plan, |progress| resources.show(progress)).await?;
    drop(resources);
    step.end();
    Ok(deployed)
}

fn requires_keys(deployed: &Deployed) -> bool {
    let is_true = |name: &str| deployed.parameters.get(name).is_some_and(|value| value == "true");
    is_true("RequireReadKeys") || is_true("RequireWriteKeys")
}

impl Trial<'_> {
    async fn smoke_test(&self, deployed: &Deployed) -> Result<()> {
        smoke::run(&self.context, requires_keys(deployed), self.timeout).await
    }

    /// What is done when the smoke test of a plan fails: an update is rolled back. A new stack
    /// stays, since its logs say why it fails.
    async fn after_failure(&self, deployer: &Deployer, plan: &Plan, failure: Error) -> Error {
        let name = self.name;
        if plan.is_new || plan.change_set.is_none() {
            return anyhow!(
                "the stack {name} is deployed, but its smoke test failed: {failure:#}. Its log \
                 groups /aws/lambda/{name}-… say why; deploy again once that is mended, or remove \
                 it by `minutebook destroy --stack {name}`"
            );
        }
        let restored = match roll_back(deployer, plan).await {
            Ok(restored) => restored,
            Err(error) => {
                return anyhow!(
                    "the smoke test failed: {failure:#}. Rolling the stack {name} back failed, \
                     too: {error:#}"
                );
            }
        };
        let passes = match self.smoke_test(&restored).await {
            Ok(()) => "passes".to_owned(),
            Err(error) => format!("fails, too: {error:#}"),
        };
        anyhow!(
            "the smoke test failed: {failure:#}. The stack {name} is as it was before, and its \
             smoke test {passes}"
        )
    }
}

async fn roll_back(deployer: &Deployer, plan: &Plan) -> Result<Deployed> {
    let step = Step::begin("rolled back to the template, code and parameters of before");
    let resources = Resources::begin("rolling back", plan.changes.len());
    let restored = deployer.restore(plan, |progress| resources.show(progress)).await?;
    drop(resources);
    step.end();
    Ok(restored)
}
