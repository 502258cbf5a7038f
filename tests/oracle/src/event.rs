//! One event: whether it is valid, and what it counts.

use chrono::{DateTime, Utc};

use crate::decimal::Decimal;
use crate::fields::{
    CURRENCY, CUSTOMER_ID, EVENT_ID, EVENT_TYPE, ITEM_ID, ORDER_ID, PAGE_LOCATION, PAGE_URL, PRICE,
    QUANTITY, SESSION_ID, SITE_ID, Sources, TIMESTAMP, TOTAL_AMOUNT, has_value,
};
use crate::json::{Object, Value};
use crate::orders::{self, OrderEvent};
use crate::time;
use crate::types::{Kind, kind};

/// How long an id, an item or a page may be, in bytes of UTF-8.
const ID_BYTES_MAX: usize = 256;

/// How long a site id may be, in bytes.
const SITE_BYTES_MAX: usize = 64;

/// How much later than the reference time an event may be, in seconds.
const FUTURE_SECONDS_MAX: i128 = 600;

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

/// The site and the id of a line with `events`, if it has an id of its own.
///
/// # Errors
/// The reason for which the line is rejected.
pub(crate) fn own_id(line: &Object) -> Result<Option<(String, String)>, String> {
    let sources = Sources::of(line);
    if sources.find(EVENT_ID).is_none() {
        return Ok(None);
    }
    let site = site(&sources)?;
    Ok(id(&sources, EVENT_ID)?.map(|id| (site, id)))
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
    let name = element.get("name").filter(|name| has_value(name));
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
    let time = time_of(sources, settings)?;
    let minute = minute_of(time);
    let site = site(sources)?;
    let event_id = id(own, EVENT_ID)?;
    let customer = id(sources, CUSTOMER_ID)?;
    let session = id(sources, SESSION_ID)?;
    let order = id(sources, ORDER_ID)?;
    let page = page(sources)?;
    let event_currency = currency(sources)?;
    if let Kind::Order(kind) = kind {
        let order = order.ok_or("missing:order_id")?;
        let what = orders::check(kind, sources, customer.clone(), event_currency, settings)?;
        let order = Some(OrderEvent { site: site.clone(), order, at: time, what });
        let additions = Vec::new();
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
    let item_id = id(item, ITEM_ID)?;
    let price = amount(item, PRICE)?;
    let quantity = amount(item, QUANTITY)?.unwrap_or(Decimal::ONE);
    let total_amount = amount(item, TOTAL_AMOUNT)?;
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

/// The time of an event, in nanoseconds since 1970.
fn time_of(sources: &Sources<'_>, settings: &Settings) -> Result<i128, String> {
    let value = sources.find(TIMESTAMP).ok_or("missing:timestamp")?;
    let time = time::read(value).ok_or("invalid:timestamp")?;
    let reference_second = i128::from(settings.reference_time.timestamp());
    if time / time::SECOND - reference_second > FUTURE_SECONDS_MAX {
        return Err("future".to_owned());
    }
    Ok(time)
}

/// The minute, counted since 1970, that an event time lies in.
pub(crate) fn minute_of(time: i128) -> i64 {
    i64::try_from(time / (60 * time::SECOND)).expect("times lie before the year 10000")
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

pub(crate) fn id(sources: &Sources<'_>, spellings: &[&str]) -> Result<Option<String>, String> {
    let id = match sources.find(spellings) {
        None => return Ok(None),
        Some(Value::Text(text)) => text,
        Some(Value::Number(number)) if is_integer(number) => number,
        Some(_) => return Err(invalid(spellings)),
    };
    if id.len() > ID_BYTES_MAX {
        return Err(invalid(spellings));
    }
    Ok(Some(id.clone()))
}

pub(crate) fn invalid(spellings: &[&str]) -> String {
    format!("invalid:{}", spellings[0])
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

pub(crate) fn amount(sources: &Sources<'_>, spellings: &[&str]) -> Result<Option<Decimal>, String> {
    let amount = match sources.find(spellings) {
        None => return Ok(None),
        Some(Value::Text(text) | Value::Number(text)) => Decimal::amount(text),
        Some(_) => None,
    };
    match amount {
        Some(amount) => Ok(Some(amount)),
        None => Err(invalid(spellings)),
    }
}
