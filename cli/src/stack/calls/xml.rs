//! Answers in XML, of the services that are asked by forms.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use aws_smithy_xml::decode::{Document, ScopedDecoder, try_data};

use crate::stack::calls::signed::{Answer, Call};

/// An element.
pub(super) type Element<'inp, 'a> = ScopedDecoder<'inp, 'a>;

/// What is done with each element that is found.
pub(super) type Visit<'v> = &'v mut dyn FnMut(&mut Element<'_, '_>) -> Result<()>;

/// A call of an action with these parameters.
pub(super) fn action(
    service: &'static str,
    version: &str,
    action: &str,
    parameters: &[(&str, &str)],
) -> Call {
    let mut body = format!("Action={action}&Version={version}");
    for (name, value) in parameters {
        let value =
            percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
        body.push_str(&format!("&{name}={value}"));
    }
    let form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8".to_owned());
    Call { service, path: "/".to_owned(), headers: vec![form], body: Some(body) }
}

/// Visits each element at this path below the root of an answer.
///
/// # Errors
/// The service refuses, or the answer is no XML.
pub(super) fn visit(answer: &Answer, path: &[&str], visit: Visit<'_>) -> Result<()> {
    if answer.status != 200 {
        return Err(refusal(&answer.body));
    }
    let mut document = Document::new(&answer.body);
    let mut root = document.root_element()?;
    each(&mut root, path, visit)
}

/// Visits each element at this path below `element`.
pub(super) fn each(element: &mut Element<'_, '_>, path: &[&str], visit: Visit<'_>) -> Result<()> {
    let Some((first, rest)) = path.split_first() else { return visit(element) };
    while let Some(mut child) = element.next_tag() {
        if child.start_el().matches(first) {
            each(&mut child, rest, visit)?;
        }
    }
    Ok(())
}

/// The texts of the children of an element that have nothing but text, by name.
pub(super) fn texts(element: &mut Element<'_, '_>) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    while let Some(mut child) = element.next_tag() {
        let name = child.start_el().local().to_owned();
        if let Ok(text) = try_data(&mut child) {
            texts.insert(name, text.into_owned());
        }
    }
    texts
}

/// Why a service refuses, by the message of its error.
fn refusal(body: &str) -> anyhow::Error {
    let mut message = None;
    let mut document = Document::new(body);
    let read = document.root_element().map_err(anyhow::Error::from).and_then(|mut root| {
        each(&mut root, &["Error"], &mut |error| {
            let mut members = texts(error);
            message = members.remove("Message").or_else(|| members.remove("Code"));
            Ok(())
        })
    });
    match (read, message) {
        (Ok(()), Some(message)) => anyhow!("{message}"),
        _ => anyhow!("AWS answers: {body}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_encoded() {
        let call = action("monitoring", "2010-08-01", "DescribeAlarms", &[("Prefix", "a-b c")]);
        let expected = "Action=DescribeAlarms&Version=2010-08-01&Prefix=a%2Db%20c";
        assert_eq!(call.body.as_deref(), Some(expected));
    }

    #[test]
    fn an_error_is_its_message() {
        let answer = |body: &str| Answer { status: 400, date: None, body: body.to_owned() };
        let error =
            |body: &str| visit(&answer(body), &[], &mut |_| Ok(())).unwrap_err().to_string();
        let refused = "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>\
             <Message>Stack with id shop does not exist</Message></Error></ErrorResponse>";
        assert_eq!(error(refused), "Stack with id shop does not exist");
        assert_eq!(error("busy"), "AWS answers: busy");
    }
}
