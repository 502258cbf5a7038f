//! Which fields an event has, and the objects that they are looked for in.

use std::borrow::Cow;

use crate::read::json::{Member, Object, Value};
use crate::read::vocabulary::{Place, letters, names_of};

// The fields, by the names that they have in the vocabulary and in reasons.

pub(crate) const EVENT_TYPE: &str = "event_type";
pub(crate) const TIMESTAMP: &str = "timestamp";
pub(crate) const ITEM_ID: &str = "item_id";
pub(crate) const ITEM_NAME: &str = "item_name";
pub(crate) const CUSTOMER_ID: &str = "customer_id";
pub(crate) const SESSION_ID: &str = "session_id";
pub(crate) const PAGE_URL: &str = "page_url";
pub(crate) const PAGE_LOCATION: &str = "page_location";
pub(crate) const SITE_ID: &str = "site_id";
pub(crate) const EVENT_ID: &str = "event_id";
pub(crate) const ORDER_ID: &str = "order_id";
pub(crate) const PRICE: &str = "price";
pub(crate) const QUANTITY: &str = "quantity";
pub(crate) const TOTAL_AMOUNT: &str = "total_amount";
pub(crate) const ORDER_TOTAL: &str = "order_total";
pub(crate) const CURRENCY: &str = "currency";
pub(crate) const ORDER_NUMBER: &str = "orderNumber";
pub(crate) const STATUS: &str = "status";
pub(crate) const NEW_STATUS: &str = "newStatus";
pub(crate) const REFUND_AMOUNT: &str = "refundAmount";
pub(crate) const ITEMS: &str = "items";
pub(crate) const EVENTS: &str = "events";
const NAME: &str = "name";
pub(crate) const PROPERTIES: &str = "properties";
pub(crate) const PRODUCT: &str = "product";

/// The name of an object of properties, or of an array of events.
const DATA: &str = "data";
pub(crate) const EVENT_PARAMS: &str = "event_params";

/// What the value of one of `event_params` may be called: the first that has a value.
const VALUES: &[&str] = &["string_value", "int_value", "float_value", "double_value"];

/// The objects that an event or an item takes its fields from, the nearest first.
#[derive(Clone, Debug)]
pub(crate) struct Sources<'a> {
    objects: Vec<Cow<'a, Object>>,
    /// How many of them are of each event or line: an event may inherit from others.
    lengths: Vec<usize>,
    /// The objects of the only item, the nearest first.
    products: Vec<Cow<'a, Object>>,
    place: Place,
}

impl<'a> Sources<'a> {
    /// An event, its `properties`, and its `event_params`.
    pub(crate) fn of_event(event: &'a Object) -> Self {
        Self::of(event, Place::Event)
    }

    /// An element of `items` likewise.
    pub(crate) fn of_item(item: &'a Object) -> Self {
        Self::of(item, Place::Item)
    }

    fn of(object: &'a Object, place: Place) -> Self {
        let mut objects = vec![Cow::Borrowed(object)];
        let properties = properties_of(object, place);
        objects.extend(properties.map(Cow::Borrowed));
        let parameters = value_of(object, EVENT_PARAMS, place, is_filled_array);
        if let Some(Value::Array(parameters)) = parameters {
            objects.push(Cow::Owned(object_of_parameters(parameters)));
        }
        let product = |object| match value_of(object, PRODUCT, place, is_object) {
            Some(Value::Object(product)) => Some(product),
            _ => None,
        };
        let product = product(object).or_else(|| properties.and_then(product));
        let products = product.into_iter().map(|product| Cow::Owned(product.clone())).collect();
        Self { lengths: vec![objects.len()], objects, products, place }
    }

    /// The object of the only item.
    pub(crate) fn product(&self) -> Option<Sources<'_>> {
        if self.products.is_empty() {
            return None;
        }
        let objects = self.products.clone();
        let lengths = vec![objects.len()];
        Some(Sources { objects, lengths, products: Vec::new(), place: Place::Item })
    }

    pub(crate) fn then(&self, other: &Self) -> Self {
        let objects = [&*self.objects, &*other.objects].concat();
        let lengths = [&*self.lengths, &*other.lengths].concat();
        let products = [&*self.products, &*other.products].concat();
        Self { objects, lengths, products, place: self.place }
    }

    /// The value of a field, if it has one.
    pub(crate) fn find(&self, field: &'static str) -> Option<&Value> {
        self.objects.iter().find_map(|object| value_of(object, field, self.place, has_value))
    }

    /// The time, and the name that it has, in letters. When an event was sent or received is its
    /// time only if it has no other.
    pub(crate) fn time(&self) -> Option<(&Value, &'static str)> {
        let mut objects = &self.objects[..];
        self.lengths.iter().find_map(|length| {
            let (of_event, others) = objects.split_at(*length);
            objects = others;
            let named = |is_wanted: fn(&str) -> bool| {
                let names = || names_of(TIMESTAMP, self.place).iter().map(String::as_str);
                of_event.iter().find_map(|object| {
                    let mut names = names().filter(|name| is_wanted(name));
                    names.find_map(|name| Some((last_of(object, name, has_value)?, name)))
                })
            };
            named(|name| !is_of_transport(name)).or_else(|| named(is_of_transport))
        })
    }

    /// The value of a member by its name in letters, if it has one.
    pub(crate) fn member(&self, name: &str) -> Option<&Value> {
        self.objects.iter().find_map(|object| last_of(object, name, has_value))
    }

    /// The items of an event, if it has any.
    pub(crate) fn items(&self) -> Option<&[Value]> {
        let items = |object| value_of(object, ITEMS, self.place, is_filled_array);
        match self.objects.iter().find_map(|object| items(object)) {
            Some(Value::Array(items)) => Some(items),
            _ => None,
        }
    }
}

/// Whether a name, in letters, only says when an event was sent or received.
pub(crate) fn is_of_transport(name: &str) -> bool {
    matches!(name, "sentat" | "receivedat")
}

/// The elements of the `events` of a line, if it has some.
pub(crate) fn events(line: &Object) -> Option<&[Value]> {
    names_of(EVENTS, Place::Event).iter().find_map(|name| {
        match last_of(line, name, |value| match value {
            Value::Array(_) => true,
            Value::Object(_) => name == DATA,
            _ => false,
        }) {
            Some(Value::Array(events)) => Some(&**events),
            _ => None,
        }
    })
}

/// The `events` of a line, as they are written.
pub(crate) fn written_events<'a>(line: &[(String, &'a str)]) -> Option<&'a str> {
    names_of(EVENTS, Place::Event).iter().find_map(|name| {
        let mut values =
            line.iter().rev().filter(|(own, _)| letters(own).as_ref() == Some(name)).filter(
                |(_, value)| value.starts_with('[') || name == DATA && value.starts_with('{'),
            );
        values.next().map(|(_, value)| *value).filter(|value| value.starts_with('['))
    })
}

/// The name of an element of `events`.
pub(crate) fn name_of(element: &Object) -> Option<&Value> {
    value_of(element, NAME, Place::Event, has_value)
}

/// The last value under the first name of a field that has an accepted value.
fn value_of<'a>(
    object: &'a Object,
    field: &'static str,
    place: Place,
    is_accepted: impl Fn(&Value) -> bool,
) -> Option<&'a Value> {
    names_of(field, place).iter().find_map(|name| last_of(object, name, &is_accepted))
}

/// The last accepted value under a name.
fn last_of<'a>(
    object: &'a Object,
    name: &str,
    is_accepted: impl Fn(&Value) -> bool,
) -> Option<&'a Value> {
    let mut members =
        object.0.iter().rev().filter(|member| member.letters.as_deref() == Some(name));
    members.find(|member| is_accepted(&member.value)).map(|member| &member.value)
}

/// The object in which the fields of another are looked for next.
fn properties_of(object: &Object, place: Place) -> Option<&Object> {
    names_of(PROPERTIES, place).iter().find_map(|name| {
        match last_of(object, name, |value| match value {
            Value::Object(_) => true,
            Value::Array(_) => name == DATA,
            _ => false,
        }) {
            Some(Value::Object(properties)) => Some(properties),
            _ => None,
        }
    })
}

/// The same for members of an event whose values are as they are written.
pub(crate) fn written_value<'a>(
    members: &[(String, &'a str)],
    field: &'static str,
    is_accepted: impl Fn(&str) -> bool,
) -> Option<&'a str> {
    let members = members.iter().rev();
    names_of(field, Place::Event).iter().find_map(|name| {
        let mut values = members.clone().filter(|(own, _)| letters(own).as_ref() == Some(name));
        values.find(|(_, value)| is_accepted(value)).map(|(_, value)| *value)
    })
}

fn is_object(value: &Value) -> bool {
    matches!(value, Value::Object(_))
}

fn is_filled_array(value: &Value) -> bool {
    matches!(value, Value::Array(elements) if !elements.is_empty())
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
    let mut object = Object::default();
    for parameter in parameters {
        let Value::Object(parameter) = parameter else { continue };
        let (Some(Value::Text(key)), Some(Value::Object(values))) =
            (parameter.get("key"), parameter.get("value"))
        else {
            continue;
        };
        let is_scalar =
            |value: &&Value| has_value(value) && matches!(value, Value::Text(_) | Value::Number(_));
        let value = VALUES.iter().filter_map(|name| values.get(name)).find(is_scalar);
        object.0.push(Member::new(key.clone(), value.cloned().unwrap_or(Value::Null)));
    }
    object
}
