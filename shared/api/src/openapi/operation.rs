//! The description of one call, and the schemas that it refers to.

use minutebook_storage::api_keys::Role;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::access::{HEADER, Needs, PARAMETER};
use crate::http::csv::Listing;
use crate::http::response::{Nothing, Problem};

/// The description of one call.
pub(crate) struct Operation {
    /// The name of the call in generated clients.
    pub(crate) id: &'static str,
    /// The call in a few words.
    pub(crate) summary: &'static str,
    /// More about the call.
    pub(crate) description: &'static str,
    /// The query, path and header parameters.
    pub(crate) parameters: Vec<Value>,
    /// The request body of a post.
    pub(crate) body: Option<Value>,
    /// The status of each answer, and the answer.
    pub(crate) answers: Vec<(&'static str, Value)>,
}

/// The schemas that the description refers to.
pub(crate) struct Schemas(SchemaGenerator);

impl Schemas {
    pub(crate) fn new() -> Schemas {
        let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Schemas(settings.into_generator())
    }

    /// The definitions of all schemas that were referred to.
    pub(crate) fn into_definitions(mut self) -> Map<String, Value> {
        self.0.take_definitions(true)
    }

    /// A JSON answer that is serialized from this type.
    pub(crate) fn answer<T: JsonSchema>(&mut self, description: &str, example: Value) -> Value {
        let schema = self.0.subschema_for::<T>();
        json!({
            "description": description,
            "content": {"application/json": {"schema": schema, "example": example}},
        })
    }

    /// A problem document.
    pub(crate) fn problem(&mut self, description: &str) -> Value {
        self.problem_with::<Nothing>(description)
    }

    /// A problem document that may also have the members of this type.
    pub(crate) fn problem_with<M: JsonSchema>(&mut self, description: &str) -> Value {
        let plain: Schema = self.0.subschema_for::<Problem<'_, Nothing>>();
        let schema = self.0.subschema_for::<Problem<'_, M>>();
        let schema = if schema == plain { json!(plain) } else { json!({"anyOf": [schema, plain]}) };
        json!({"description": description, "content": {"application/problem+json": {"schema": schema}}})
    }
}

/// The ways to give a key: the name of each in the description, and its scheme.
pub(crate) fn security_schemes() -> Value {
    let key = "A key with the role that the call needs, where the deployment requires keys, or a token of its issuer.";
    json!({
        "bearer": {"type": "http", "scheme": "bearer", "description": key},
        "header": {"type": "apiKey", "in": "header", "name": HEADER, "description": key},
        "parameter": {"type": "apiKey", "in": "query", "name": PARAMETER, "description": key},
    })
}

/// Any of the ways to give a key with this role, or none, since only some deployments require one.
fn security(role: &str) -> Value {
    json!([{}, {"bearer": [role]}, {"header": [role]}, {"parameter": [role]}])
}

impl Operation {
    /// Adds that the answer can be had as a table of comma-separated values.
    pub(crate) fn also_as_table(&mut self, listing: &Listing) {
        let description =
            format!("A table (RFC 4180) with the columns {}.", listing.header().join(", "));
        for (_, answer) in self.answers.iter_mut().filter(|(status, _)| *status == "200") {
            answer["content"]["text/csv"] =
                json!({"schema": {"type": "string", "description": description}});
        }
    }

    /// The operation, with what callers need and the answers to those who lack it.
    pub(crate) fn document(mut self, needs: Needs, schemas: &mut Schemas) -> Value {
        if let Needs::Role(_) = needs {
            for (status, description) in [
                ("401", "A key or token is required, and there is none that is valid"),
                ("403", "The key or token is of another site or role"),
            ] {
                if !self.answers.iter().any(|(known, _)| *known == status) {
                    self.answers.push((status, schemas.problem(description)));
                }
            }
        }
        // A call that takes events has nothing that a client may keep.
        if self.body.is_none() && needs != Needs::Role(Role::Write) {
            let description = "Nothing has changed since the answer whose ETag the request names in If-None-Match";
            self.answers.push(("304", json!({"description": description, "content": {}})));
        }
        let answers: Map<String, Value> =
            self.answers.into_iter().map(|(status, answer)| (status.to_string(), answer)).collect();
        let mut operation = json!({
            "operationId": self.id,
            "summary": self.summary,
            "description": self.description,
            "parameters": self.parameters,
            "responses": answers,
        });
        if let Some(body) = self.body {
            operation["requestBody"] = body;
        }
        match needs {
            Needs::Nothing => {}
            Needs::NothingForStatus => operation["security"] = security(Role::Admin.name()),
            Needs::Role(role) => operation["security"] = security(role.name()),
        }
        operation
    }
}

/// The problems that every read call may answer with.
pub(crate) fn problems(schemas: &mut Schemas) -> [(&'static str, Value); 3] {
    [
        (
            "400",
            schemas.problem(
                "A parameter is wrong, given twice or unknown; the sentence names it and its bound",
            ),
        ),
        (
            "422",
            schemas.problem(
                "More items or pages than fit into an answer; ask for a shorter window, or about one item",
            ),
        ),
        (
            "503",
            schemas.problem(
                "The table could not be read, or not in time; try again in a moment, or ask for a shorter window",
            ),
        ),
    ]
}

/// A read call.
pub(crate) fn question(
    names: (&'static str, &'static str, &'static str),
    parameters: Vec<Value>,
    answer: Value,
    schemas: &mut Schemas,
) -> Operation {
    let (id, summary, description) = names;
    let mut answers = vec![("200", answer)];
    answers.extend(problems(schemas));
    Operation { id, summary, description, parameters, body: None, answers }
}
