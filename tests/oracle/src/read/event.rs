//! One event: whether it is valid, and what it counts.

use crate::decimal::Decimal;
use crate::read::fields::{
    CUSTOMER_ID, EVENT_ID, EVENT_TYPE, ITEM_ID, ITEM_NAME, ORDER_ID, ORDER_TOTAL, PRICE, QUANTITY,
    SESSION_ID, Sources, TOTAL_AMOUNT, name_of,
};
use crate::read::json::{Object, Value};
use crate::read::order::{self, OrderEvent};
use crate::read::types::{Kind, kind};
use crate::read::values::{Settings, amount, currency, id, minute_of, money, page, site, time_of};

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
    let sources = Sources::of_event(line);
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
    let sources = Sources::of_event(line);
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
    let own = Sources::of_event(element);
    check(&own.then(&Sources::of_event(line)), &own, name_of(element), settings)
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
    let order_id = id(sources, ORDER_ID)?;
    let page = page(sources)?;
    let event_currency = currency(sources)?;
    if let Kind::Order(kind) = kind {
        let order = order_id.ok_or("missing:order_id")?;
        let what = order::check(kind, sources, customer.clone(), event_currency, settings)?;
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
                let item = Sources::of_item(item);
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
    let item_id = match id(item, ITEM_ID)? {
        None => id(item, ITEM_NAME)?,
        item_id => item_id,
    };
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
    let has_money = matches!(kind, Kind::Purchase | Kind::Refund);
    let total_amount = match total_amount {
        // An element of `items` has no such field.
        None if has_money && price.is_none() => amount(item, ORDER_TOTAL)?,
        total_amount => total_amount,
    };
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
