//! What a deployment would do, in words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use minutebook_local::{Change, Plan};

/// How many changes of an update are named.
const CHANGES_NAMED_MAX: usize = 20;

/// What the plan would do to the stack with this name, with these parameters.
pub(super) fn text(name: &str, parameters: &BTreeMap<String, String>, plan: &Plan) -> String {
    let Plan { account, region, changes, .. } = plan;
    let place = format!("stack {name} in {region}, account {account}");
    let mut text = match (plan.is_new, &plan.change_set) {
        (true, _) => format!("{place}: new, with {}\n", kinds(changes)),
        (false, Some(_)) => format!("{place}: {} resources change\n", changes.len()),
        (false, None) => format!("{place}: nothing changes\n"),
    };
    for (name, value) in parameters {
        // Writing into a text cannot fail.
        let _ = writeln!(text, "  parameter {name}={value}");
    }
    if !plan.is_new {
        for change in changes.iter().take(CHANGES_NAMED_MAX) {
            let loss = if change.loses_data { " AND LOSES ITS DATA" } else { "" };
            let action = change.action.to_lowercase();
            let _ = writeln!(text, "  {action} {} ({}){loss}", change.resource, change.kind);
        }
        if changes.len() > CHANGES_NAMED_MAX {
            let _ = writeln!(text, "  and {} more", changes.len() - CHANGES_NAMED_MAX);
        }
    }
    text
}

/// The resources that would be replaced or removed with the data in them.
pub(super) fn losses(plan: &Plan) -> Vec<&str> {
    let losing = plan.changes.iter().filter(|change| change.loses_data);
    losing.map(|change| change.resource.as_str()).collect()
}

/// How many resources there are of each kind that costs or holds something.
fn kinds(changes: &[Change]) -> String {
    let count = |kind: &str| changes.iter().filter(|change| change.kind == kind).count();
    let named = [
        ("AWS::Lambda::Function", "functions"),
        ("AWS::S3::Bucket", "buckets"),
        ("AWS::SQS::Queue", "queues"),
        ("AWS::DynamoDB::Table", "table"),
        ("AWS::ApiGatewayV2::Api", "APIs"),
        ("AWS::CloudWatch::Alarm", "alarms"),
    ];
    let named = named.into_iter().map(|(kind, name)| (count(kind), name));
    let mut parts: Vec<String> = named
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    parts.push(format!("{} resources in all", changes.len()));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plan(is_new: bool, changes: serde_json::Value) -> Plan {
        let change_set = changes.as_array().filter(|all| !all.is_empty()).map(|_| "c");
        serde_json::from_value(json!({
            "account": "123456789012", "region": "eu-central-1", "artifact_bucket": "b",
            "is_new": is_new, "change_set": change_set, "changes": changes, "before": null,
        }))
        .unwrap()
    }

    fn change(action: &str, resource: &str, kind: &str, loses_data: bool) -> serde_json::Value {
        json!({ "action": action, "resource": resource, "type": kind, "loses_data": loses_data })
    }

    #[test]
    fn a_new_stack_is_told_by_its_kinds() {
        let plan = plan(
            true,
            json!([
                change("Add", "Bucket", "AWS::S3::Bucket", false),
                change("Add", "RejectedBucket", "AWS::S3::Bucket", false),
                change("Add", "Table", "AWS::DynamoDB::Table", false),
                change("Add", "TableRole", "AWS::IAM::Role", false),
            ]),
        );
        let parameters = BTreeMap::from([("KeysMax".to_owned(), "7".to_owned())]);
        let expected = "\
stack shop in eu-central-1, account 123456789012: new, with 2 buckets, 1 table, 4 resources in all
  parameter KeysMax=7
";
        assert_eq!(text("shop", &parameters, &plan), expected);
        assert!(losses(&plan).is_empty());
    }

    #[test]
    fn an_update_is_told_by_its_changes_and_losses_stand_out() {
        let plan = plan(
            false,
            json!([
                change("Modify", "IngestFunction", "AWS::Lambda::Function", false),
                change("Modify", "Table", "AWS::DynamoDB::Table", true),
            ]),
        );
        let expected = "\
stack shop in eu-central-1, account 123456789012: 2 resources change
  modify IngestFunction (AWS::Lambda::Function)
  modify Table (AWS::DynamoDB::Table) AND LOSES ITS DATA
";
        assert_eq!(text("shop", &BTreeMap::new(), &plan), expected);
        assert_eq!(losses(&plan), ["Table"]);
    }

    #[test]
    fn nothing_to_do_is_said() {
        let text = text("shop", &BTreeMap::new(), &plan(false, json!([])));
        assert_eq!(text, "stack shop in eu-central-1, account 123456789012: nothing changes\n");
    }
}
