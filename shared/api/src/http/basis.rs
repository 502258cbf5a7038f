//! By which time refunds are counted.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::openapi::parameters::query;

/// By which time the refunds of an order are counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "RefundBasis")]
pub(crate) enum Basis {
    /// That of the order: what was refunded of the orders of the window, whenever that was.
    Order,
    /// That of the refund: what was refunded in the window, of whatever orders.
    Refund,
}

impl Basis {
    /// Reads a parameter. The error is a sentence for a 400.
    pub(crate) fn parse(value: &str) -> Result<Basis, String> {
        match value {
            "order" => Ok(Basis::Order),
            "refund" => Ok(Basis::Refund),
            _ => Err(format!("basis is {value:?}; expected order or refund")),
        }
    }

    /// The description of the parameter with this default.
    pub(crate) fn parameter(self) -> Value {
        query(
            "basis",
            "Whether refunds of orders are counted at the time of the order or at that of the refund.",
            json!({"type": "string", "enum": ["order", "refund"], "default": self}),
        )
    }
}
