//! `minutebook destroy`.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use minutebook_local::{Inspection, Resource, Tools};

use crate::commands::deploy::arguments::DestroyArgs;
use crate::commands::deploy::operation::{Resources, ask, deployer, print, stack_name};
use crate::stack::context::Context;
use crate::terminal::escape::shown;
use crate::terminal::progress::{Step, blocking_step};

const BUCKET: &str = "AWS::S3::Bucket";
const TABLE: &str = "AWS::DynamoDB::Table";

pub(crate) async fn run(args: DestroyArgs, context: &Context) -> Result<()> {
    let name = stack_name(context)?;
    let root = context.root()?;
    let tools = {
        let root = root.clone();
        let install = move || Tools::install(&root);
        blocking_step("tools installed in .minutebook/tools", install).await?
    };
    let deployer = deployer(&root, &tools, context, &name);
    let found = deployer.inspect().await?;
    if found.status.is_none() {
        println!("there is no stack {name} in {}: nothing to delete", found.region);
        return Ok(());
    }
    print(&text(&name, &found));
    if !args.yes {
        ask("Delete this for good?", &name)?;
    }
    let step = Step::begin("stack deleted");
    let resources = Resources::begin("deleting", found.resources.len());
    let deleted = deployer.destroy(|progress| resources.show(progress)).await;
    deleted.with_context(|| format!("cannot delete the stack {name}"))?;
    drop(resources);
    step.end();
    println!("deleted the stack {name}");
    for resource in found.resources.iter().filter(|resource| resource.is_kept) {
        println!("kept {}", shown(&kept(resource)));
    }
    Ok(())
}

/// What is deleted, and what stays.
fn text(name: &str, found: &Inspection) -> String {
    let (kept, deleted): (Vec<&Resource>, Vec<&Resource>) =
        found.resources.iter().partition(|resource| resource.is_kept);
    let mut text = format!(
        "stack {name} in {}, account {}: {} resources are deleted, {} stay\n",
        found.region,
        found.account,
        deleted.len(),
        kept.len()
    );
    // Writing into a text cannot fail.
    for table in deleted.iter().filter(|resource| resource.kind == TABLE) {
        let _ = writeln!(text, "  deletes the table {} WITH ALL NUMBERS", table.name);
    }
    for resource in kept {
        let _ = writeln!(text, "  keeps {}", self::kept(resource));
    }
    text
}

/// What stays, and how to delete it.
fn kept(resource: &Resource) -> String {
    let name = &resource.name;
    match resource.kind.as_str() {
        BUCKET => format!("the bucket {name}: empty it with all versions, then delete it by hand"),
        TABLE => format!(
            "the table {name}, which is protected from deletion: to delete it, too, first deploy \
             with --parameter DeletionProtection=false"
        ),
        kind => format!("{name} ({kind})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(kind: &str, name: &str, is_kept: bool) -> Resource {
        Resource {
            resource: name.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            is_kept,
        }
    }

    #[test]
    fn says_what_is_deleted_and_what_stays() {
        let found = |protected| Inspection {
            account: "123456789012".to_owned(),
            region: "eu-central-1".to_owned(),
            status: Some("CREATE_COMPLETE".to_owned()),
            parameters: Default::default(),
            resources: vec![
                resource("AWS::Lambda::Function", "shop-ingest", false),
                resource(BUCKET, "raw", true),
                resource(TABLE, "t", protected),
            ],
        };
        let bucket = "  keeps the bucket raw: empty it with all versions, then delete it by hand\n";
        let head = "stack shop in eu-central-1, account 123456789012:";
        assert_eq!(
            text("shop", &found(false)),
            format!(
                "{head} 2 resources are deleted, 1 stay\n  deletes the table t WITH ALL NUMBERS\n\
                 {bucket}"
            )
        );
        let text = text("shop", &found(true));
        assert!(text.starts_with(&format!("{head} 1 resources are deleted, 2 stay\n")), "{text}");
        assert!(text.contains("keeps the table t, which is protected from deletion"), "{text}");
    }
}
