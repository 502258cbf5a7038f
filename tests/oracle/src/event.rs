//! One event: which fields it has, whether it is valid, and what it counts.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, Utc};

use crate::decimal::Decimal;
use crate::json::{Object, Value};
use crate::orders::{self, OrderEvent, OrderKind};
use crate::time;

const EVENT_TYPE: &[&str] = &["event_type", "event", "type", "event_name", "eventType"];
pub(crate) const TIMESTAMP: &[&str] =
    &["timestamp", "event_time", "ts", "time", "event_timestamp", "timestamp_micros"];
const ITEM_ID: &[&str] = &["item_id", "product_id", "itemid", "aid", "sku"];
const CUSTOMER_ID: &[&str] = &[
    "customer_id",
    "user_id",
    "visitorid",
    "userId",
    "anonymousId",
    "user_pseudo_id",
    "client_id",
];
const SESSION_ID: &[&str] = &["session_id", "user_session", "session"];
const PAGE_URL: &[&str] = &["page_url", "path", "url", "page"];
const PAGE_LOCATION: &[&str] = &["page_location"];
const NAME: &[&str] = &["name"];
const SITE_ID: &[&str] = &["site_id", "app_id", "tenant_id"];
const EVENT_ID: &[&str] = &["event_id", "messageId", "insert_id"];
const ORDER_ID: &[&str] = &["order_id", "transaction_id", "transactionid", "orderId"];
pub(crate) const PRICE: &[&str] = &["price", "unitPrice"];
pub(crate) const QUANTITY: &[&str] = &["quantity"];
pub(crate) const TOTAL_AMOUNT: &[&str] = &["total_amount", "totalAmount", "totalPrice"];
const CURRENCY: &[&str] = &["currency"];
const ITEMS: &[&str] = &["items", "products"];

/// Objects that are looked into for missing fields: the first that is there.
pub(crate) const PROPERTIES: &[&str] = &["properties", "params"];

/// What the value of one of `event_params` may be called: the first that has a value.
const VALUES: &[&str] = &["string_value", "int_value", "float_value", "double_value"];

/// Types that shops send beside those that count: of Google Analytics 4, and of Segment.
const IGNORED: &[&str] = &[
    "add_payment_info",
    "add_shipping_info",
    "add_to_wishlist",
    "begin_checkout",
    "click",
    "file_download",
    "first_visit",
    "form_start",
    "form_submit",
    "generate_lead",
    "login",
    "scroll",
    "search",
    "select_content",
    "select_item",
    "select_promotion",
    "session_start",
    "share",
    "sign_up",
    "user_engagement",
    "video_complete",
    "video_progress",
    "video_start",
    "view_cart",
    "view_item_list",
    "view_promotion",
    "view_search_results",
    "alias",
    "group",
    "identify",
    "screen",
    "Cart Shared",
    "Cart Viewed",
    "Checkout Started",
    "Checkout Step Completed",
    "Checkout Step Viewed",
    "Coupon Applied",
    "Coupon Denied",
    "Coupon Entered",
    "Coupon Removed",
    "Order Cancelled",
    "Order Updated",
    "Payment Info Entered",
    "Product Added to Wishlist",
    "Product Clicked",
    "Product List Filtered",
    "Product List Viewed",
    "Product Removed from Wishlist",
    "Product Reviewed",
    "Product Shared",
    "Products Searched",
    "Promotion Clicked",
    "Promotion Viewed",
];

/// How long an id, an item or a page may be, in bytes of UTF-8.
const ID_BYTES_MAX: usize = 256;

/// How long a site id may be, in bytes.
const SITE_BYTES_MAX: usize = 64;

/// How much later than the reference time an event may be, in seconds.
const FUTURE_SECONDS_MAX: i64 = 600;

/// The site of events that name none.
const DEFAULT_SITE: &str = "default";

/// What the events of a chunk are read against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What "now" is for the chunk: its LastModified. Only whole seconds count.
    pub reference_time: DateTime<Utc>,
    /// The currency of money that names none, in capitals.
    pub default_currency: String,
}

/// A valid event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) site: String,
    pub(crate) id: Option<String>,
    /// Minutes since 1970.
    pub(crate) minute: i64,
    pub(crate) customer: Option<String>,
    pub(crate) session: Option<String>,
    /// What it adds, as (measure, key, number). Empty: the event is ignored, if it is about no
    /// order.
    pub(crate) additions: Vec<(String, String, Decimal)>,
    /// What it says of an order.
    pub(crate) order: Option<OrderEvent>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    View,
    Cart,
    Removal,
    Purchase,
    Refund,
    Order(OrderKind),
}

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

    fn then(&self, other: &Self) -> Self {
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

    /// The site and the id of this object, if it has an id.
    ///
    /// # Errors
    /// The reason for which the line is rejected.
    pub(crate) fn own_id(&self) -> Result<Option<(String, String)>, String> {
        if self.find(EVENT_ID).is_none() {
            return Ok(None);
        }
        let site = site(self)?;
        let id = id(self, EVENT_ID, "event_id")?;
        Ok(id.map(|id| (site, id)))
    }
}

/// Whether a value is one: neither `null` nor an empty text.
fn has_value(value: &Value) -> bool {
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

/// Checks an event that is a whole line. `None` is an event of a type that nothing counts.
///
/// # Errors
/// The reason for which the line is rejected.
pub(crate) fn check_line(line: &Object, settings: &Settings) -> Result<Option<Event>, String> {
    let sources = Sources::of(line);
    check(&sources, &sources, None, settings)
}

/// Checks one element of the `events` of a line.
///
/// # Errors
/// The reason for which the line is rejected.
pub(crate) fn check_element(
    element: &Value,
    line: &Object,
    settings: &Settings,
) -> Result<Option<Event>, String> {
    let Value::Object(element) = element else {
        return Err("invalid:events".to_owned());
    };
    let own = Sources::of(element);
    let name = NAME.iter().filter_map(|name| element.get(*name)).find(|name| has_value(name));
    check(&own.then(&Sources::of(line)), &own, name, settings)
}

/// Checks an event in the order that names the reason. `own` is what the event does not inherit,
/// and `name` its type where it has no other.
fn check(
    sources: &Sources<'_>,
    own: &Sources<'_>,
    name: Option<&Value>,
    settings: &Settings,
) -> Result<Option<Event>, String> {
    let Some(kind) = kind(sources.find(EVENT_TYPE).or(name))? else {
        return Ok(None);
    };
    let minute = minute(sources, settings)?;
    let site = site(sources)?;
    let event_id = id(own, EVENT_ID, "event_id")?;
    let customer = id(sources, CUSTOMER_ID, "customer_id")?;
    let session = id(sources, SESSION_ID, "session_id")?;
    let order = id(sources, ORDER_ID, "order_id")?;
    let page = page(sources)?;
    let event_currency = currency(sources)?;
    if let Kind::Order(kind) = kind {
        let order =
            orders::check(kind, sources, &site, order, customer.clone(), event_currency, settings)?;
        let (additions, order) = (Vec::new(), Some(order));
        return Ok(Some(Event { site, id: event_id, minute, customer, session, additions, order }));
    }

    let mut additions = Vec::new();
    match sources.items() {
        Some(items) => {
            for item in items {
                let Value::Object(item) = item else {
                    return Err("invalid:items".to_owned());
                };
                let item = Sources::of(item);
                let item_currency = currency(&item)?.or_else(|| event_currency.clone());
                check_item(&item, kind, item_currency, None, settings, &mut additions)?;
            }
        }
        None => {
            check_item(sources, kind, event_currency, page.as_deref(), settings, &mut additions)?
        }
    }
    if kind == Kind::View
        && let Some(page) = page
    {
        // Without it nobody could tell how many views there were: those of items, those of pages,
        // and some are both.
        if !additions.is_empty() {
            additions.push(("pages".to_owned(), String::new(), Decimal::ONE));
        }
        additions.push(("pages".to_owned(), page, Decimal::ONE));
    }
    additions.retain(|(_, _, number)| !number.is_zero());
    Ok(Some(Event { site, id: event_id, minute, customer, session, additions, order: None }))
}

/// Checks one item and notes what it adds. `page` is the page that a view may have in place of an
/// item.
fn check_item(
    item: &Sources<'_>,
    kind: Kind,
    currency: Option<String>,
    page: Option<&str>,
    settings: &Settings,
    additions: &mut Vec<(String, String, Decimal)>,
) -> Result<(), String> {
    let item_id = id(item, ITEM_ID, "item_id")?;
    let price = amount(item, PRICE, "price")?;
    let quantity = amount(item, QUANTITY, "quantity")?.unwrap_or(Decimal::ONE);
    let total_amount = amount(item, TOTAL_AMOUNT, "total_amount")?;
    let Some(item_id) = item_id else {
        if kind == Kind::View && page.is_some() {
            return Ok(());
        }
        return Err("missing:item_id".to_owned());
    };
    let currency = currency.unwrap_or_else(|| settings.default_currency.clone());
    match kind {
        Kind::View => additions.push(("views".to_owned(), item_id, Decimal::ONE)),
        Kind::Cart => additions.push(("carts".to_owned(), item_id, Decimal::ONE)),
        Kind::Removal => additions.push(("removals".to_owned(), item_id, Decimal::ONE)),
        Kind::Purchase => {
            additions.push(("units".to_owned(), item_id.clone(), quantity));
            if let Some(money) = money(total_amount, price, quantity)? {
                additions.push((format!("sales:{currency}"), item_id, money));
            }
        }
        Kind::Refund => {
            if let Some(money) = money(total_amount, price, quantity)? {
                additions.push((format!("refunds:{currency}"), item_id, money));
            }
        }
        Kind::Order(_) => {}
    }
    Ok(())
}

pub(crate) fn money(
    total_amount: Option<Decimal>,
    price: Option<Decimal>,
    quantity: Decimal,
) -> Result<Option<Decimal>, String> {
    match (total_amount, price) {
        (Some(total_amount), _) => Ok(Some(total_amount)),
        (None, Some(price)) => match price.product(quantity) {
            Some(product) => Ok(Some(product)),
            None => Err("invalid:total_amount".to_owned()),
        },
        (None, None) => Ok(None),
    }
}

/// The kind of an event; `None` for a known type that nothing counts.
fn kind(event_type: Option<&Value>) -> Result<Option<Kind>, String> {
    let name = match event_type {
        None => return Err("missing:event_type".to_owned()),
        Some(Value::Text(name)) => name.as_str(),
        Some(_) => return Err("invalid:event_type".to_owned()),
    };
    match name {
        "page_visit" | "page_view" | "view" | "view_item" | "product_view" | "Product Viewed"
        | "clicks" | "page" => Ok(Some(Kind::View)),
        "add_to_cart" | "addtocart" | "cart" | "carts" | "Product Added" => Ok(Some(Kind::Cart)),
        "remove_from_cart" | "Product Removed" => Ok(Some(Kind::Removal)),
        "purchase" | "transaction" | "order" | "orders" | "Order Completed" => {
            Ok(Some(Kind::Purchase))
        }
        "refund" | "Order Refunded" => Ok(Some(Kind::Refund)),
        "OrderCreatedEvent" => Ok(Some(Kind::Order(OrderKind::Created))),
        "OrderStatusChangedEvent" => Ok(Some(Kind::Order(OrderKind::StatusChanged))),
        "OrderCancelledEvent" => Ok(Some(Kind::Order(OrderKind::Cancelled))),
        other if IGNORED.contains(&other) => Ok(None),
        _ => Err("unknown_type".to_owned()),
    }
}

fn minute(sources: &Sources<'_>, settings: &Settings) -> Result<i64, String> {
    let seconds = match sources.find(TIMESTAMP) {
        None => return Err("missing:timestamp".to_owned()),
        Some(Value::Text(text)) => time::read_text(text),
        Some(Value::Number(number)) => time::read_epoch(number),
        Some(Value::Array(numbers)) => read_array(numbers).map(|(seconds, _)| seconds),
        Some(_) => None,
    };
    let Some(seconds) = seconds else {
        return Err("invalid:timestamp".to_owned());
    };
    if seconds - settings.reference_time.timestamp() > FUTURE_SECONDS_MAX {
        return Err("future".to_owned());
    }
    Ok(seconds.div_euclid(60))
}

/// The time of an event that was found valid, in nanoseconds since 1970.
pub(crate) fn nanoseconds(sources: &Sources<'_>) -> Option<i128> {
    let (seconds, nanoseconds) = match sources.find(TIMESTAMP)? {
        Value::Text(text) => (time::read_text(text)?, time::nanoseconds(text)),
        Value::Number(number) => (time::read_epoch(number)?, time::nanoseconds(number)),
        Value::Array(numbers) => read_array(numbers)?,
        _ => return None,
    };
    Some(i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds))
}

/// Year, month, day, hour, minute, and then perhaps second and nanosecond: seconds since 1970, and
/// nanoseconds.
pub(crate) fn read_array(numbers: &[Value]) -> Option<(i64, u32)> {
    let mut read = Vec::new();
    for number in numbers {
        let Value::Number(number) = number else { return None };
        if !is_integer(number) {
            return None;
        }
        read.push(number.parse::<u32>().ok()?);
    }
    if !(5..=7).contains(&read.len()) {
        return None;
    }
    read.resize(7, 0);
    let date = NaiveDate::from_ymd_opt(i32::try_from(read[0]).ok()?, read[1], read[2])?;
    let time = date.and_hms_opt(read[3], read[4], read[5])?.and_utc().timestamp();
    let is_valid = read[6] < 1_000_000_000 && (0..time::SECOND_MAX).contains(&time);
    is_valid.then_some((time, read[6]))
}

fn site(sources: &Sources<'_>) -> Result<String, String> {
    let site = match sources.find(SITE_ID) {
        None => return Ok(DEFAULT_SITE.to_owned()),
        Some(Value::Text(text)) => text.clone(),
        Some(Value::Number(number)) if is_integer(number) => number.clone(),
        Some(_) => return Err("invalid:site_id".to_owned()),
    };
    let allowed = |character: char| character.is_ascii_alphanumeric() || "._:-".contains(character);
    if site.len() > SITE_BYTES_MAX || !site.chars().all(allowed) {
        return Err("invalid:site_id".to_owned());
    }
    Ok(site)
}

pub(crate) fn id(
    sources: &Sources<'_>,
    spellings: &[&str],
    name: &str,
) -> Result<Option<String>, String> {
    let id = match sources.find(spellings) {
        None => return Ok(None),
        Some(Value::Text(text)) => text,
        Some(Value::Number(number)) if is_integer(number) => number,
        Some(_) => return Err(format!("invalid:{name}")),
    };
    if id.len() > ID_BYTES_MAX {
        return Err(format!("invalid:{name}"));
    }
    Ok(Some(id.clone()))
}

fn is_integer(number: &str) -> bool {
    !number.contains(['.', 'e', 'E'])
}

fn page(sources: &Sources<'_>) -> Result<Option<String>, String> {
    let location = || if sources.items().is_none() { sources.find(PAGE_LOCATION) } else { None };
    let url = match sources.find(PAGE_URL).or_else(location) {
        None => return Ok(None),
        Some(Value::Text(url)) => url,
        Some(_) => return Err("invalid:page_url".to_owned()),
    };
    let page = url.split(['?', '#']).next().unwrap_or_default();
    if page.is_empty() || page.len() > ID_BYTES_MAX {
        return Err("invalid:page_url".to_owned());
    }
    Ok(Some(page.to_owned()))
}

pub(crate) fn currency(sources: &Sources<'_>) -> Result<Option<String>, String> {
    match sources.find(CURRENCY) {
        None => Ok(None),
        Some(Value::Text(text))
            if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic()) =>
        {
            Ok(Some(text.to_ascii_uppercase()))
        }
        Some(_) => Err("invalid:currency".to_owned()),
    }
}

pub(crate) fn amount(
    sources: &Sources<'_>,
    spellings: &[&str],
    name: &str,
) -> Result<Option<Decimal>, String> {
    let amount = match sources.find(spellings) {
        None => return Ok(None),
        Some(Value::Text(text) | Value::Number(text)) => Decimal::amount(text),
        Some(_) => None,
    };
    match amount {
        Some(amount) => Ok(Some(amount)),
        None => Err(format!("invalid:{name}")),
    }
}
