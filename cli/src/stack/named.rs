//! Looks up a stack by its name: asks CloudFormation for its outputs.
//!
//! It is the one call that the command makes there by itself. The SDK of CloudFormation takes a
//! quarter of the time in which all others compile.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, anyhow, ensure};
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_xml::decode::{Document, ScopedDecoder, try_data};

use crate::stack::endpoints::Endpoints;

const SERVICE: &str = "cloudformation";

/// The version of the API.
const VERSION: &str = "2010-05-15";

const CONTENT_TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// How long AWS may take to answer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// What to do if there are no credentials.
const NO_CREDENTIALS: &str = "no AWS credentials can be had: run `aws configure` or `aws sso \
     login`, name a profile with --profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

/// The parts of the stack with this name.
///
/// # Errors
/// There are no credentials, they may not ask, or there is no such stack or one of something else.
#[expect(clippy::disallowed_methods, reason = "a signature holds for some minutes from now")]
pub(crate) async fn look_up(config: &SdkConfig, name: &str) -> Result<Endpoints> {
    let region = config.region().context("a region is known")?.to_string();
    let provider = config.credentials_provider().context(NO_CREDENTIALS)?;
    let credentials = provider.provide_credentials().await.context(NO_CREDENTIALS)?;
    let endpoint_url = config.endpoint_url().map(str::to_owned);
    let (status, answer) = {
        let (region, endpoint_url) = (region.clone(), endpoint_url.clone());
        let form = form(name);
        tokio::task::spawn_blocking(move || {
            let url = endpoint_url.map_or_else(|| address(&region), |url| url + "/");
            ask(&url, &form, &region, credentials, SystemTime::now())
        })
        .await??
    };
    let what = || format!("cannot look up the stack {name} in {region}");
    if status != 200 {
        return Err(refusal(&answer)).with_context(what);
    }
    let outputs = outputs(&answer).with_context(what)?;
    Endpoints::of_outputs(&outputs, endpoint_url.as_deref(), &region).with_context(what)
}

/// The address of CloudFormation.
fn address(region: &str) -> String {
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    format!("https://{SERVICE}.{region}.amazonaws.com{suffix}/")
}

fn form(name: &str) -> String {
    let name = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    format!("Action=DescribeStacks&StackName={name}&Version={VERSION}")
}

/// Asks, and returns the status and the body of the answer.
fn ask(
    url: &str,
    form: &str,
    region: &str,
    credentials: Credentials,
    now: SystemTime,
) -> Result<(u16, String)> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .build()
        .into();
    let mut request = agent.post(url).header("content-type", CONTENT_TYPE);
    for (header, value) in signature(url, form, region, credentials, now)? {
        request = request.header(header, value);
    }
    let mut response = request.send(form).with_context(|| format!("cannot call {url}"))?;
    let status = response.status().as_u16();
    let body = response.body_mut().read_to_string();
    Ok((status, body.with_context(|| format!("cannot read the answer of {url}"))?))
}

/// The headers that sign the request.
fn signature(
    url: &str,
    form: &str,
    region: &str,
    credentials: Credentials,
    now: SystemTime,
) -> Result<Vec<(String, String)>> {
    let identity = credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(SERVICE)
        .time(now)
        .settings(SigningSettings::default())
        .build()?
        .into();
    let headers = std::iter::once(("content-type", CONTENT_TYPE));
    let body = SignableBody::Bytes(form.as_bytes());
    let request = SignableRequest::new("POST", url, headers, body)?;
    let (instructions, _) = sign(request, &parameters)?.into_parts();
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Ok(instructions.headers().map(owned).collect())
}

/// The outputs of the stack in an answer, by name.
fn outputs(answer: &str) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut stacks = 0;
    let mut document = Document::new(answer);
    let mut root = document.root_element()?;
    each(&mut root, &["DescribeStacksResult", "Stacks", "member"], &mut |stack| {
        stacks += 1;
        each(stack, &["Outputs", "member"], &mut |output| {
            let mut members = texts(output)?;
            let mut member =
                |name: &str| members.remove(name).with_context(|| format!("no {name}"));
            found.insert(member("OutputKey")?, member("OutputValue")?);
            Ok(())
        })
    })?;
    ensure!(stacks == 1, "the answer has {stacks} stacks");
    Ok(found)
}

/// Why CloudFormation does not answer, by the message of its error.
fn refusal(answer: &str) -> anyhow::Error {
    let mut message = None;
    let mut document = Document::new(answer);
    let read = document.root_element().map_err(anyhow::Error::from).and_then(|mut root| {
        each(&mut root, &["Error"], &mut |error| {
            let mut members = texts(error)?;
            message = members.remove("Message").or_else(|| members.remove("Code"));
            Ok(())
        })
    });
    match (read, message) {
        (Ok(()), Some(message)) => anyhow!("{message}"),
        _ => anyhow!("CloudFormation answers: {answer}"),
    }
}

/// What is done with each element that is found.
type Visit<'v> = &'v mut dyn FnMut(&mut ScopedDecoder<'_, '_>) -> Result<()>;

/// Visits each element at this path below `element`.
fn each(element: &mut ScopedDecoder<'_, '_>, path: &[&str], visit: Visit<'_>) -> Result<()> {
    let Some((first, rest)) = path.split_first() else { return visit(element) };
    while let Some(mut child) = element.next_tag() {
        if child.start_el().matches(first) {
            each(&mut child, rest, visit)?;
        }
    }
    Ok(())
}

/// The texts of the children of an element that have nothing but text, by name.
fn texts(element: &mut ScopedDecoder<'_, '_>) -> Result<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    while let Some(mut child) = element.next_tag() {
        let name = child.start_el().local().to_owned();
        if let Ok(text) = try_data(&mut child) {
            texts.insert(name, text.into_owned());
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_signed_as_botocore_signs_it() {
        let credentials = Credentials::new(
            "AKIDEXAMPLE",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            Some("session".to_owned()),
            None,
            "test",
        );
        let now: chrono::DateTime<chrono::Utc> = "2026-11-20T08:00:00Z".parse().unwrap();
        let url = address("eu-central-1");
        let form = "Action=DescribeStacks&StackName=my+shop&Version=2010-05-15";
        let signed = signature(&url, form, "eu-central-1", credentials, now.into()).unwrap();
        let header = |wanted: &str| {
            let found = signed.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.as_str())
        };
        assert_eq!(header("x-amz-date"), Some("20261120T080000Z"));
        assert_eq!(header("x-amz-security-token"), Some("session"));
        // Computed by botocore 1.43, for the same request.
        assert_eq!(
            header("authorization"),
            Some(
                "AWS4-HMAC-SHA256 \
                 Credential=AKIDEXAMPLE/20261120/eu-central-1/cloudformation/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, \
                 Signature=934db05aa83ba2a03cc5371a390909c86845c405ad6067e975f317474aac2f38"
            )
        );
    }

    #[test]
    fn addresses_and_names_are_those_of_the_region_and_the_stack() {
        assert_eq!(address("us-gov-west-1"), "https://cloudformation.us-gov-west-1.amazonaws.com/");
        assert_eq!(address("cn-north-1"), "https://cloudformation.cn-north-1.amazonaws.com.cn/");
        let form = form("a-b");
        assert_eq!(form, "Action=DescribeStacks&StackName=a%2Db&Version=2010-05-15");
    }

    #[test]
    fn outputs_are_read_and_all_else_is_passed_over() {
        let answer = r#"<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
          <DescribeStacksResult><Stacks><member>
            <StackName>shop</StackName>
            <Parameters><member><ParameterKey>KeysMax</ParameterKey></member></Parameters>
            <Outputs>
              <member><OutputKey>Bucket</OutputKey><OutputValue>raw</OutputValue></member>
              <member><OutputKey>QueueUrl</OutputKey><Description>a &amp; b</Description>
                <OutputValue>https://q?a&amp;b</OutputValue></member>
            </Outputs><Tags/>
          </member></Stacks></DescribeStacksResult>
          <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
        </DescribeStacksResponse>"#;
        let expected = [("Bucket", "raw"), ("QueueUrl", "https://q?a&b")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(outputs(answer).unwrap(), expected.into());
        assert!(outputs("<DescribeStacksResponse/>").is_err());
        assert!(outputs("not XML").is_err());
    }

    #[test]
    fn an_error_is_its_message() {
        let answer = "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>\
             <Message>Stack with id shop does not exist</Message></Error></ErrorResponse>";
        assert_eq!(refusal(answer).to_string(), "Stack with id shop does not exist");
        assert_eq!(refusal("busy").to_string(), "CloudFormation answers: busy");
    }

    #[test]
    fn a_stack_of_something_else_is_an_error() {
        let outputs = BTreeMap::from([("Bucket".to_owned(), "raw".to_owned())]);
        let error = Endpoints::of_outputs(&outputs, None, "eu-central-1").unwrap_err();
        let expected = "it is no stack of minutebook: it has no output RejectedBucket";
        assert_eq!(error.to_string(), expected);
    }
}
