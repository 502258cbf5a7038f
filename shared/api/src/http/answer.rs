//! What the answers of several calls have in common. The description of the API has these doc
//! comments.

use std::borrow::Cow;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Response};
use minutebook_domain::count::amount::Amount;
use minutebook_domain::query::ranking::canonical_integer;
use minutebook_domain::query::window::{Precision, Window};
use minutebook_storage::catalogue::known::Catalogue;
use minutebook_storage::error::StorageError;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde::ser::Serializer;
use serde_json::value::RawValue;

use crate::http::response::problem;

/// The minutes that an answer sums: `from` belongs to them, `to` does not.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Window")]
pub(crate) struct WindowAnswer {
    /// The first minute.
    #[schemars(with = "Time")]
    from: String,
    /// The minute after the last.
    #[schemars(with = "Time")]
    to: String,
    /// How exact the edges are: `minute`, or the coarser unit that they had to be moved to.
    #[schemars(extend("enum" = ["minute", "hour", "day"]))]
    precision: &'static str,
}

impl WindowAnswer {
    /// The window that was summed, and how exact its edges are.
    pub(crate) fn new(window: Window, precision: Precision) -> WindowAnswer {
        WindowAnswer {
            from: window.from.to_string(),
            to: window.to.to_string(),
            precision: precision.as_str(),
        }
    }
}

/// An item id, as a number if it is written as one.
pub(crate) struct ItemId<'a>(pub(crate) &'a str);

/// An item of a list, and what the catalogue of the site says about it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ListedItem<'a> {
    item_id: ItemId<'a>,
    /// Its name; left out, as what follows, if the catalogue has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    brand: Option<&'a str>,
}

impl<'a> ListedItem<'a> {
    pub(crate) fn of(key: &'a str, catalogue: &'a Catalogue) -> ListedItem<'a> {
        let item = catalogue.of(key);
        ListedItem {
            item_id: ItemId(key),
            name: item.and_then(|item| item.name.as_deref()),
            category: item.and_then(|item| item.category.as_deref()),
            brand: item.and_then(|item| item.brand.as_deref()),
        }
    }
}

impl JsonSchema for ItemId<'_> {
    fn schema_name() -> Cow<'static, str> {
        "ItemId".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["integer", "string"]})
    }
}

/// The schema of a [`number`], which has no type of its own since its digits are kept as text.
pub(crate) struct Number;

impl JsonSchema for Number {
    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number"})
    }
}

/// The schema of a time that is written as text.
pub(crate) struct Time;

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

impl Serialize for ItemId<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match canonical_integer(self.0) {
            Some(number) => serializer.serialize_i64(number),
            None => serializer.serialize_str(self.0),
        }
    }
}

/// A count or an amount of money as a JSON number with all its digits.
pub(crate) fn number(amount: Amount, is_money: bool) -> Box<RawValue> {
    let text = if is_money { amount.to_money_text() } else { amount.to_string() };
    // A decimal's text is a JSON number, kept whole where a float would round it.
    RawValue::from_string(text).unwrap_or_default()
}

/// The number of what was counted without a name; `None` if there is none.
pub(crate) fn other(amount: Amount, is_money: bool) -> Option<Box<RawValue>> {
    (amount != Amount::ZERO).then(|| number(amount, is_money))
}

/// The answer to a wrong parameter, which the sentence names.
pub(crate) fn refused(sentence: String) -> Response<Body> {
    problem(StatusCode::BAD_REQUEST, &sentence)
}

/// The answer when the table could not be read: 503, since a retry helps; 422 if there is more to
/// read than fits into memory, since only another question helps.
pub(crate) fn unreadable(error: &StorageError) -> Response<Body> {
    if let StorageError::TooManyKeys { measure, window } = error {
        tracing::warn!(%error, "a question has too many keys");
        let Window { from, to } = window;
        return problem(
            StatusCode::UNPROCESSABLE_ENTITY,
            &format!(
                "{measure} from {from} to {to} has more items or pages than fit into an answer; ask \
                 for a shorter window, or about one item"
            ),
        );
    }
    tracing::error!(%error, "the table could not be read");
    problem(StatusCode::SERVICE_UNAVAILABLE, "the table could not be read; try again in a moment")
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_domain::count::measure::Measure;
    use minutebook_domain::time::Minute;

    #[test]
    fn too_many_keys_are_422_and_the_sentence_says_what_to_ask_instead() {
        let minute = |time: &str| Minute::containing(time.parse().expect("a time"));
        let window = Window {
            from: minute("2026-11-20T22:08:00Z").expect("in range"),
            to: minute("2026-11-20T23:08:00Z").expect("in range"),
        };
        let response = unreadable(&StorageError::TooManyKeys { measure: Measure::Pages, window });
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let body = String::from_utf8_lossy(response.body().as_ref()).into_owned();
        let sentence = "pages from 2026-11-20T22:08:00Z to 2026-11-20T23:08:00Z has more items or \
                        pages than fit into an answer; ask for a shorter window, or about one item";
        assert!(body.contains(sentence), "{body}");
        let away = StorageError::Unavailable { call: "Query", reason: "no route".to_string() };
        assert_eq!(unreadable(&away).status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
