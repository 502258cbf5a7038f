//! The values of fields: what each may be, and what it means.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use percent_encoding::percent_decode_str;

use crate::decimal::Decimal;
use crate::read::fields::{CURRENCY, PAGE_LOCATION, PAGE_URL, SITE_ID, Sources};
use crate::read::json::Value;
use crate::read::mongo;
use crate::read::shop_number::plain_number;
use crate::read::time;

/// How long an id or an item may be, in bytes of UTF-8.
const ID_BYTES_MAX: usize = 256;

/// How long a page may be, in bytes of UTF-8, and what a longer one ends with.
const PAGE_BYTES_MAX: usize = 1024;
const MARK_OF_CUT: char = '…';

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
    /// The zone of times that name none.
    pub default_time_zone: Tz,
    /// What sites set, in place of the two.
    pub sites: BTreeMap<String, SiteSettings>,
    /// The sites that are not counted, because there are too many.
    pub refused_sites: BTreeSet<String>,
    /// Whether purchases that name an order count through it. In chunks that a build before began,
    /// they count like any event.
    pub has_order_lines: bool,
    /// The same of refunds.
    pub has_order_refunds: bool,
    /// Whether checkouts count, and visitors by stage.
    pub has_checkouts: bool,
}

/// What a site sets about the reading of its events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteSettings {
    /// The currency of money that names none, in capitals.
    pub currency: Option<String>,
    /// The zone of times that name none.
    pub time_zone: Option<Tz>,
}

impl Settings {
    /// The settings of a deployment that sets no parameter.
    pub fn at(reference_time: DateTime<Utc>) -> Settings {
        let default_currency = "USD".to_owned();
        Settings {
            reference_time,
            default_currency,
            default_time_zone: Tz::UTC,
            sites: BTreeMap::new(),
            refused_sites: BTreeSet::new(),
            has_order_lines: true,
            has_order_refunds: true,
            has_checkouts: true,
        }
    }

    /// The currency and the zone of events of a site; without one, of the deployment.
    pub(crate) fn of_site(&self, site: Option<&str>) -> (&str, Tz) {
        let set = site.and_then(|site| self.sites.get(site));
        let currency = set.and_then(|set| set.currency.as_deref());
        let time_zone = set.and_then(|set| set.time_zone);
        (currency.unwrap_or(&self.default_currency), time_zone.unwrap_or(self.default_time_zone))
    }
}

/// Why a line or an event is rejected.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) reason: String,
    /// What its time was taken for, in seconds since 1970, if it is in the future.
    pub(crate) time: Option<i64>,
}

impl From<String> for Rejection {
    fn from(reason: String) -> Rejection {
        Rejection { reason, time: None }
    }
}

impl From<&str> for Rejection {
    fn from(reason: &str) -> Rejection {
        reason.to_owned().into()
    }
}

/// The time of an event, in nanoseconds since 1970.
pub(crate) fn time_of(
    sources: &Sources<'_>,
    time_zone: Tz,
    settings: &Settings,
) -> Result<i128, Rejection> {
    let (value, name) = sources.time().ok_or("missing:timestamp")?;
    let read = |value| time::read(mongo::plain(value), time_zone);
    let mut time = read(value).ok_or("invalid:timestamp")?;
    if name == "originaltimestamp" {
        let of = |name| sources.member(name).and_then(read);
        // The device's clock may be off, but both are by it.
        let on_the_way = of("receivedat").zip(of("sentat")).map(|(received, sent)| received - sent);
        let corrected = time + on_the_way.unwrap_or(0);
        if time::is_in_range(corrected) {
            time = corrected;
        }
    }
    let reference_second = i128::from(settings.reference_time.timestamp());
    if time / time::SECOND - reference_second > FUTURE_SECONDS_MAX {
        let seconds = i64::try_from(time / time::SECOND).expect("times lie before the year 10000");
        return Err(Rejection { reason: "future".to_owned(), time: Some(seconds) });
    }
    Ok(time)
}

/// The minute, counted since 1970, that an event time lies in.
pub(crate) fn minute_of(time: i128) -> i64 {
    i64::try_from(time / (60 * time::SECOND)).expect("times lie before the year 10000")
}

pub(crate) fn site(sources: &Sources<'_>) -> Result<String, String> {
    let site = match sources.find(SITE_ID).map(mongo::plain) {
        None => return Ok(DEFAULT_SITE.to_owned()),
        Some(Value::Text(text)) => text.clone(),
        Some(Value::Number(number)) => integer(number).ok_or("invalid:site_id")?.to_owned(),
        Some(_) => return Err("invalid:site_id".to_owned()),
    };
    let allowed = |character: char| character.is_ascii_alphanumeric() || "._:-".contains(character);
    if site.len() > SITE_BYTES_MAX || !site.chars().all(allowed) {
        return Err("invalid:site_id".to_owned());
    }
    Ok(site)
}

pub(crate) fn id(sources: &Sources<'_>, field: &'static str) -> Result<Option<String>, String> {
    let id = match sources.find(field).map(mongo::plain) {
        None => return Ok(None),
        Some(Value::Text(text)) => integer(text).unwrap_or(text),
        Some(Value::Number(number)) => integer(number).ok_or_else(|| invalid(field))?,
        Some(_) => return Err(invalid(field)),
    };
    if id.len() > ID_BYTES_MAX {
        return Err(invalid(field));
    }
    Ok(Some(id.to_owned()))
}

pub(crate) fn invalid(field: &'static str) -> String {
    format!("invalid:{field}")
}

/// The integer that is written like `7` or, as a column of floats has it, like `7.0`.
fn integer(number: &str) -> Option<&str> {
    let (whole, zeros) = match number.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() => (whole, zeros),
        Some(_) => return None,
        None => (number, ""),
    };
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let is_integer = !digits.is_empty() && digits.chars().all(|digit| digit.is_ascii_digit());
    (is_integer && zeros.chars().all(|zero| zero == '0')).then_some(whole)
}

pub(crate) fn page(sources: &Sources<'_>) -> Result<Option<String>, String> {
    let location = || if sources.items().is_none() { sources.find(PAGE_LOCATION) } else { None };
    let url = match sources.find(PAGE_URL).or_else(location) {
        None => return Ok(None),
        Some(Value::Text(url)) => url,
        Some(_) => return Err("invalid:page_url".to_owned()),
    };
    let (address, fragment) = url.split_once('#').unwrap_or((url, ""));
    let before = |text: &str, end: &[char]| text.split(end).next().unwrap_or_default().to_owned();
    let mut page = before(address, &['?']);
    // The route of a shop that is one page.
    if fragment.starts_with('/') || fragment.starts_with("!/") {
        page = format!("{page}#{}", before(fragment, &['?', '#']));
    }
    if let Ok(readable) = percent_decode_str(&page).decode_utf8() {
        page = readable.into_owned();
    }
    if page.is_empty() {
        return Err("invalid:page_url".to_owned());
    }
    if page.len() > PAGE_BYTES_MAX {
        let mut cut = String::new();
        for character in page.chars() {
            if cut.len() + character.len_utf8() + MARK_OF_CUT.len_utf8() > PAGE_BYTES_MAX {
                break;
            }
            cut.push(character);
        }
        cut.push(MARK_OF_CUT);
        page = cut;
    }
    Ok(Some(page))
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
    let amount = match sources.find(field).map(mongo::plain) {
        None => return Ok(None),
        Some(Value::Number(number)) => Decimal::amount(number),
        Some(Value::Text(text)) => Decimal::amount(text)
            .or_else(|| plain_number(text).and_then(|number| Decimal::amount(&number))),
        Some(_) => None,
    };
    match amount {
        Some(amount) => Ok(Some(amount)),
        None => Err(invalid(field)),
    }
}
