//! The description of one call, and the schemas that it refers to.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

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

impl Operation {
    pub(crate) fn document(self) -> Value {
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
            // Only some deployments require keys.
            operation["security"] = json!([{}, {"bearer": []}, {"writeKey": []}]);
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
