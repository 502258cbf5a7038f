//! The description of the API as a JSON document: generated from the routes and from the types that
//! answers are serialized from, so that it cannot disagree with them.

use serde_json::{Map, Value, json};

use crate::openapi::operation::{Schemas, security_schemes};
use crate::routes::{Purpose, ROUTES};

/// What the description says of the API as a whole.
const DESCRIPTION: &str = "\
Exact answers about the events of shops: what is viewed, added to carts and sold, now and by hour, day, week and month. \
Every event is counted exactly once.\n\n\
Whatever goes wrong is answered by a problem document (RFC 9457): `detail` and `error` say in one sentence what was wrong \
and what was expected. An unknown path is 404; a method that a path does not have is 405, and `Allow` says which it has; \
503 means that a retry helps, or asking for less. HEAD is answered like GET, and OPTIONS for browsers. What API \
Gateway refuses before any function sees it (more requests than it may pass on: 429; more than 10 MB: 413) has a body of \
its own, `{\"message\": …}`.\n\n\
Amounts are exact decimals: read them with a parser that keeps all digits. Times are UTC.";

/// The description as a JSON document.
pub(crate) fn document() -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Map::new();
    for route in ROUTES {
        let Some(describe) = route.describe else { continue };
        let method = match route.purpose {
            Purpose::Question | Purpose::File => "get",
            Purpose::Post => "post",
        };
        let mut operation = describe(&mut schemas);
        if let Some(listing) = route.listing {
            operation.also_as_table(&listing);
        }
        let described = operation.document(route.needs, &mut schemas);
        paths.insert(route.path.to_string(), json!({method: described}));
    }
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "minutebook",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        // Beside this document.
        "servers": [{"url": "."}],
        "paths": paths,
        "components": {
            "schemas": schemas.into_definitions(),
            "securitySchemes": security_schemes(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::Route;
    use std::collections::BTreeSet;

    /// All values of this member, wherever it is.
    fn members<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get(name));
                object.values().for_each(|value| members(value, name, found));
            }
            Value::Array(array) => array.iter().for_each(|value| members(value, name, found)),
            _ => {}
        }
    }

    fn operations(document: &Value) -> impl Iterator<Item = (&String, &Value)> {
        let paths = document["paths"].as_object().expect("paths");
        paths.iter().flat_map(|(path, methods)| {
            methods.as_object().expect("methods").values().map(move |call| (path, call))
        })
    }

    #[test]
    fn every_route_is_described_with_its_answers() {
        let document = document();
        let are_files = |route: &&Route| route.purpose == Purpose::File;
        let files = ROUTES.iter().filter(are_files).count();
        assert_eq!(operations(&document).count() + files, ROUTES.len());
        let mut names = BTreeSet::new();
        for (path, operation) in operations(&document) {
            assert!(
                names.insert(operation["operationId"].as_str().expect("a name")),
                "{path} has the name of another"
            );
            let answers = operation["responses"].as_object().expect("answers");
            assert!(answers.keys().any(|status| status.starts_with('2')), "{path}");
            for (status, answer) in answers {
                let content = answer["content"].as_object().expect("a content");
                let is_error = status.starts_with('4');
                assert!(
                    !is_error || content.contains_key("application/problem+json"),
                    "{path}: {status}"
                );
                assert!(
                    !answer["description"].as_str().unwrap_or_default().is_empty(),
                    "{path}: {status}"
                );
            }
        }
    }

    #[test]
    fn every_way_to_give_a_key_is_described_and_so_is_who_needs_none() {
        let document = document();
        let schemes = document["components"]["securitySchemes"].as_object().expect("schemes");
        for (path, operation) in operations(&document) {
            let is_open = path == "/openapi.json";
            let Some(ways) = operation["security"].as_array() else {
                assert!(is_open, "{path}");
                continue;
            };
            let named: BTreeSet<&String> =
                ways.iter().flat_map(|way| way.as_object().expect("a way").keys()).collect();
            assert_eq!(named, schemes.keys().collect(), "{path}");
            let answers = operation["responses"].as_object().expect("answers");
            let are_refused = ["401", "403"].iter().all(|status| answers.contains_key(*status));
            assert_eq!(are_refused, path != "/health", "{path}");
        }
    }

    #[test]
    fn every_reference_leads_to_a_schema() {
        let document = document();
        let mut references = vec![];
        members(&document, "$ref", &mut references);
        assert!(references.len() > 20, "{references:?}");
        for reference in references {
            let pointer =
                reference.as_str().and_then(|text| text.strip_prefix('#')).expect("a reference");
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
    }

    #[test]
    fn parameters_are_described_and_those_of_the_path_are_in_it() {
        let document = document();
        for (path, operation) in operations(&document) {
            for parameter in operation["parameters"].as_array().expect("parameters") {
                let name = parameter["name"].as_str().expect("a name");
                assert!(
                    parameter["description"].is_string() && parameter["schema"].is_object(),
                    "{path}: {name}"
                );
                assert_eq!(
                    parameter["in"] == "path",
                    path.contains(&format!("{{{name}}}")),
                    "{path}: {name}"
                );
            }
        }
    }

    /// The example of an answer has the members that its schema demands, and no others.
    #[test]
    fn examples_have_the_members_of_their_schemas() {
        let document = document();
        let mut answers = vec![];
        members(&document, "application/json", &mut answers);
        let mut compared = 0;
        for answer in answers {
            let (Some(example), Some(reference)) =
                (answer["example"].as_object(), answer["schema"]["$ref"].as_str())
            else {
                continue;
            };
            let schema = document.pointer(&reference[1..]).expect("a schema");
            let properties = schema["properties"].as_object().expect("properties");
            assert!(
                example.keys().all(|name| properties.contains_key(name)),
                "{reference}: {example:?}"
            );
            let required = schema["required"].as_array().expect("members");
            assert!(
                required.iter().all(|name| example.contains_key(name.as_str().expect("a name"))),
                "{reference}: {example:?}"
            );
            compared += 1;
        }
        assert!(compared >= 5, "{compared}");
    }
}
