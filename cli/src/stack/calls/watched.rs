//! What AWS watches and runs: alarms, mappings of event sources, and rules.

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::stack::calls::signed::{Answer, Call, Caller};
use crate::stack::calls::xml::{action, texts, visit};

/// An alarm that rings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alarm {
    pub(crate) name: String,
    pub(crate) description: String,
}

/// What hands messages or records to a function.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Mapping {
    #[serde(rename = "UUID")]
    pub(crate) uuid: String,
    /// `Enabled`, or another word of Lambda.
    pub(crate) state: String,
    #[serde(default)]
    pub(crate) event_source_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mappings {
    event_source_mappings: Vec<Mapping>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rule {
    state: String,
}

/// The alarms that ring and whose names begin so.
///
/// # Errors
/// The credentials may not ask CloudWatch.
pub(crate) async fn ringing(caller: &Caller, prefix: &str) -> Result<Vec<Alarm>> {
    let parameters = [("StateValue", "ALARM"), ("AlarmNamePrefix", prefix)];
    let call = action("monitoring", "2010-08-01", "DescribeAlarms", &parameters);
    let answer = caller.call(call).await?;
    let mut alarms = Vec::new();
    visit(&answer, &["DescribeAlarmsResult", "MetricAlarms", "member"], &mut |alarm| {
        let mut members = texts(alarm);
        alarms.push(Alarm {
            name: members.remove("AlarmName").context("an alarm has a name")?,
            description: members.remove("AlarmDescription").unwrap_or_default(),
        });
        Ok(())
    })?;
    Ok(alarms)
}

/// What hands messages or records to the function with this name.
///
/// # Errors
/// The credentials may not ask Lambda.
pub(crate) async fn mappings(caller: &Caller, function: &str) -> Result<Vec<Mapping>> {
    let path = format!("/2015-03-31/event-source-mappings/?FunctionName={function}");
    let call = Call { service: "lambda", path, headers: Vec::new(), body: None };
    let mappings: Mappings = json_of(&caller.call(call).await?)?;
    Ok(mappings.event_source_mappings)
}

/// Whether the rule with this name runs what it is for.
///
/// # Errors
/// The credentials may not ask EventBridge, or there is no such rule.
pub(crate) async fn is_enabled(caller: &Caller, rule: &str) -> Result<bool> {
    let headers = vec![
        ("content-type", "application/x-amz-json-1.1".to_owned()),
        ("x-amz-target", "AWSEvents.DescribeRule".to_owned()),
    ];
    let body = Some(json!({ "Name": rule }).to_string());
    let call = Call { service: "events", path: "/".to_owned(), headers, body };
    let rule: Rule = json_of(&caller.call(call).await?)?;
    Ok(rule.state == "ENABLED")
}

fn json_of<T: DeserializeOwned>(answer: &Answer) -> Result<T> {
    if answer.status != 200 {
        let message = serde_json::from_str::<serde_json::Value>(&answer.body).ok();
        let member = |name: &str| message.as_ref()?.get(name)?.as_str().map(str::to_owned);
        let message = member("message").or_else(|| member("Message"));
        bail!("{}", message.unwrap_or_else(|| format!("AWS answers: {}", answer.body)));
    }
    serde_json::from_str(&answer.body).context("AWS answers with another document")
}
