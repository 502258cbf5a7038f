//! Looks up a stack by its name: asks CloudFormation for its outputs.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, Utc};

use crate::stack::calls::signed::{Answer, Caller};
use crate::stack::calls::xml::{action, each, texts, visit};
use crate::stack::endpoints::Endpoints;

/// What CloudFormation says of a stack.
#[derive(Clone, Debug)]
pub(crate) struct NamedStack {
    /// Its status, as `UPDATE_COMPLETE`.
    pub(crate) status: String,
    /// Where its parts are.
    pub(crate) endpoints: Endpoints,
    /// The values of its parameters.
    pub(crate) parameters: BTreeMap<String, String>,
    /// What the clock of AWS says.
    pub(crate) date: Option<DateTime<Utc>>,
}

/// The stack with this name.
///
/// # Errors
/// The credentials may not ask, or there is no such stack or one of something else.
pub(crate) async fn look_up(caller: &Caller, name: &str) -> Result<NamedStack> {
    let what = || format!("cannot look up the stack {name} in {}", caller.region);
    let call = action("cloudformation", "2010-05-15", "DescribeStacks", &[("StackName", name)]);
    let answer = caller.call(call).await.with_context(what)?;
    let described = described(&answer).with_context(what)?;
    let endpoint_url = caller.endpoint_url.as_deref();
    let endpoints = Endpoints::of_outputs(&described.outputs, endpoint_url, &caller.region);
    Ok(NamedStack {
        status: described.status,
        endpoints: endpoints.with_context(what)?,
        parameters: described.parameters,
        date: answer.date,
    })
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Described {
    status: String,
    outputs: BTreeMap<String, String>,
    parameters: BTreeMap<String, String>,
}

/// The stack in an answer.
fn described(answer: &Answer) -> Result<Described> {
    let mut found = Described::default();
    let mut stacks = 0;
    visit(answer, &["DescribeStacksResult", "Stacks", "member"], &mut |stack| {
        stacks += 1;
        while let Some(mut part) = stack.next_tag() {
            let name = part.start_el().local().to_owned();
            match name.as_str() {
                "StackStatus" => {
                    found.status = aws_smithy_xml::decode::try_data(&mut part)?.into_owned();
                }
                "Outputs" => each(&mut part, &["member"], &mut |output| {
                    let mut members = texts(output);
                    let mut member =
                        |name: &str| members.remove(name).with_context(|| format!("no {name}"));
                    found.outputs.insert(member("OutputKey")?, member("OutputValue")?);
                    Ok(())
                })?,
                "Parameters" => each(&mut part, &["member"], &mut |parameter| {
                    let mut members = texts(parameter);
                    let key = members.remove("ParameterKey").context("no ParameterKey")?;
                    let value = members.remove("ParameterValue").unwrap_or_default();
                    found.parameters.insert(key, value);
                    Ok(())
                })?,
                _ => {}
            }
        }
        Ok(())
    })?;
    ensure!(stacks == 1, "the answer has {stacks} stacks");
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Answer {
        Answer { status: 200, date: None, body: body.to_owned() }
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_stack_is_read_and_all_else_is_passed_over() {
        let stack = answer(
            r#"<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
          <DescribeStacksResult><Stacks><member>
            <StackName>shop</StackName>
            <StackStatus>UPDATE_COMPLETE</StackStatus>
            <Parameters>
              <member><ParameterKey>KeysMax</ParameterKey><ParameterValue>7</ParameterValue></member>
              <member><ParameterKey>AlarmEmail</ParameterKey><ParameterValue/></member>
            </Parameters>
            <Outputs>
              <member><OutputKey>Bucket</OutputKey><OutputValue>raw</OutputValue></member>
              <member><OutputKey>QueueUrl</OutputKey><Description>a &amp; b</Description>
                <OutputValue>https://q?a&amp;b</OutputValue></member>
            </Outputs><Tags/>
          </member></Stacks></DescribeStacksResult>
          <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
        </DescribeStacksResponse>"#,
        );
        let expected = Described {
            status: "UPDATE_COMPLETE".to_owned(),
            outputs: map(&[("Bucket", "raw"), ("QueueUrl", "https://q?a&b")]),
            parameters: map(&[("KeysMax", "7"), ("AlarmEmail", "")]),
        };
        assert_eq!(described(&stack).unwrap(), expected);
        assert!(described(&answer("<DescribeStacksResponse/>")).is_err());
        assert!(described(&answer("not XML")).is_err());
    }

    #[test]
    fn a_stack_of_something_else_is_an_error() {
        let error = Endpoints::of_outputs(&map(&[("Bucket", "raw")]), None, "eu-central-1");
        let expected = "it is no stack of minutebook: it has no output RejectedBucket";
        assert_eq!(error.unwrap_err().to_string(), expected);
    }
}
