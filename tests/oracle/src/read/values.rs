//! The values of fields: what each may be, and what it means.

use chrono::{DateTime, Utc};

use crate::decimal::Decimal;
use crate::read::fields::{CURRENCY, PAGE_LOCATION, PAGE_URL, SITE_ID, Sources, TIMESTAMP};
use crate::read::json::Value;
use crate::read::time;

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

/// The time of an event, in nanoseconds since 1970.
pub(crate) fn time_of(sources: &Sources<'_>, settings: &Settings) -> Result<i128, String> {
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

pub(crate) fn site(sources: &Sources<'_>) -> Result<String, String> {
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

pub(crate) fn id(sources: &Sources<'_>, field: &'static str) -> Result<Option<String>, String> {
    let id = match sources.find(field) {
        None => return Ok(None),
        Some(Value::Text(text)) => text,
        Some(Value::Number(number)) if is_integer(number) => number,
        Some(_) => return Err(invalid(field)),
    };
    if id.len() > ID_BYTES_MAX {
        return Err(invalid(field));
    }
    Ok(Some(id.clone()))
}

pub(crate) fn invalid(field: &'static str) -> String {
    format!("invalid:{field}")
}

fn is_integer(number: &str) -> bool {
    !number.contains(['.', 'e', 'E'])
}

pub(crate) fn page(sources: &Sources<'_>) -> Result<Option<String>, String> {
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
    field: &'static str,
) -> Result<Option<Decimal>, String> {
    let amount = match sources.find(field) {
        None => return Ok(None),
        Some(Value::Text(text) | Value::Number(text)) => Decimal::amount(text),
        Some(_) => None,
    };
    match amount {
        Some(amount) => Ok(Some(amount)),
        None => Err(invalid(field)),
    }
}

/// The money of an item, and the reason for which it cannot be known.
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
