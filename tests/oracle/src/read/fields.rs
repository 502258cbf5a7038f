//! Which fields an event has: their spellings, and the objects that they are looked for in.

use std::borrow::Cow;

use crate::read::json::{Object, Value};

// The spellings of each field, the one that wins first, which is also the name of the field.

pub(crate) const EVENT_TYPE: &[&str] = &["event_type", "event", "type", "event_name", "eventType"];
pub(crate) const TIMESTAMP: &[&str] =
    &["timestamp", "event_time", "ts", "time", "event_timestamp", "timestamp_micros"];
pub(crate) const ITEM_ID: &[&str] = &["item_id", "product_id", "itemid", "aid", "sku"];
pub(crate) const CUSTOMER_ID: &[&str] = &[
    "customer_id",
    "user_id",
    "visitorid",
    "userId",
    "anonymousId",
    "user_pseudo_id",
    "client_id",
];
pub(crate) const SESSION_ID: &[&str] = &["session_id", "user_session", "session"];
pub(crate) const PAGE_URL: &[&str] = &["page_url", "path", "url", "page"];
pub(crate) const PAGE_LOCATION: &[&str] = &["page_location"];
pub(crate) const SITE_ID: &[&str] = &["site_id", "app_id", "tenant_id"];
pub(crate) const EVENT_ID: &[&str] = &["event_id", "messageId", "insert_id"];
pub(crate) const ORDER_ID: &[&str] = &["order_id", "transaction_id", "transactionid", "orderId"];
pub(crate) const PRICE: &[&str] = &["price", "unitPrice"];
pub(crate) const QUANTITY: &[&str] = &["quantity"];
pub(crate) const TOTAL_AMOUNT: &[&str] = &["total_amount", "totalAmount", "totalPrice"];
pub(crate) const CURRENCY: &[&str] = &["currency"];
pub(crate) const PRODUCT_NAME: &[&str] = &["productName"];
pub(crate) const ORDER_NUMBER: &[&str] = &["orderNumber"];
pub(crate) const STATUS: &[&str] = &["status"];
pub(crate) const NEW_STATUS: &[&str] = &["newStatus"];
pub(crate) const REFUND_AMOUNT: &[&str] = &["refundAmount"];
const ITEMS: &[&str] = &["items", "products"];

/// Objects that are looked into for missing fields: the first that is there.
pub(crate) const PROPERTIES: &[&str] = &["properties", "params"];

/// What the value of one of `event_params` may be called: the first that has a value.
const VALUES: &[&str] = &["string_value", "int_value", "float_value", "double_value"];

/// The objects that an event takes its fields from, the nearest first.
#[derive(Clone, Debug)]
pub(crate) struct Sources<'a>(Vec<Cow<'a, Object>>);

impl<'a> Sources<'a> {
    /// An object, its `properties` or `params`, and its `event_params`.
    pub(crate) fn of(object: &'a Object) -> Self {
        let mut sources = vec![Cow::Borrowed(object)];
        for spelling in PROPERTIES {
            if let Some(Value::Object(properties)) = object.get(*spelling) {
                sources.push(Cow::Borrowed(properties));
                break;
            }
        }
        if let Some(Value::Array(parameters)) = object.get("event_params") {
            sources.push(Cow::Owned(object_of_parameters(parameters)));
        }
        Self(sources)
    }

    pub(crate) fn then(&self, other: &Self) -> Self {
        Self([self.0.as_slice(), other.0.as_slice()].concat())
    }

    /// The value of a field, if it has one.
    pub(crate) fn find(&self, spellings: &[&str]) -> Option<&Value> {
        for object in &self.0 {
            for spelling in spellings {
                if let Some(value) = object.get(*spelling)
                    && has_value(value)
                {
                    return Some(value);
                }
            }
        }
        None
    }

    /// The items of an event, if it has any.
    pub(crate) fn items(&self) -> Option<&[Value]> {
        for object in &self.0 {
            for spelling in ITEMS {
                match object.get(*spelling) {
                    Some(Value::Array(items)) if !items.is_empty() => return Some(items),
                    _ => {}
                }
            }
        }
        None
    }
}

/// Whether a value is one: neither `null` nor an empty text.
pub(crate) fn has_value(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Text(text) => !text.is_empty(),
        _ => true,
    }
}

/// The object that BigQuery writes as an array of keys and values.
fn object_of_parameters(parameters: &[Value]) -> Object {
    let mut object = Object::new();
    for parameter in parameters {
        let Value::Object(parameter) = parameter else { continue };
        let (Some(Value::Text(key)), Some(Value::Object(values))) =
            (parameter.get("key"), parameter.get("value"))
        else {
            continue;
        };
        let is_scalar =
            |value: &&Value| has_value(value) && matches!(value, Value::Text(_) | Value::Number(_));
        let value = VALUES.iter().filter_map(|name| values.get(*name)).find(is_scalar);
        object.insert(key.clone(), value.cloned().unwrap_or(Value::Null));
    }
    object
}
