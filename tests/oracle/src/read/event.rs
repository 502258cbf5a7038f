//! One event: whether it is valid, and what it counts.

use std::collections::BTreeMap;

use crate::count::visitors::Reached;
use crate::decimal::Decimal;
use crate::read::fields::{
    CURRENCY, CUSTOMER_ID, EVENT_ID, EVENT_TYPE, ITEM_ID, ITEM_NAME, ORDER_ID, ORDER_TOTAL, PRICE,
    QUANTITY, SESSION_ID, Sources, TOTAL_AMOUNT, name_of,
};
use crate::read::json::{Object, Value};
use crate::read::money::{Money, Share, split};
use crate::read::notes::EventNotes;
use crate::read::order::{self, LINES_MAX, Line, OrderEvent, REFUNDS_MAX, Refund, RefundOf, What};
use crate::read::types::{Kind, Typed, kind};
use crate::read::values::{
    Rejection, Settings, amount, currency, id, invalid, minute_of, page, site, time_of,
};

/// What counts under no item.
const OTHER: &str = "(other)";

/// A valid event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) site: String,
    pub(crate) id: Option<String>,
    /// Minutes since 1970.
    pub(crate) minute: i64,
    pub(crate) customer: Option<String>,
    pub(crate) session: Option<String>,
    /// How far its visitor got.
    pub(crate) reached: Reached,
    /// What it adds, as (measure, key, number). Empty: the event is ignored, if it is about no
    /// order.
    pub(crate) additions: Vec<(String, String, Decimal)>,
    /// What it says of an order.
    pub(crate) order: Option<OrderEvent>,
    pub(crate) notes: EventNotes,
}

/// The site and the id of a line with `events`, if it has both, and what is dropped of them.
pub(crate) fn own_id(line: &Object) -> (Option<(String, String)>, EventNotes) {
    let mut notes = EventNotes::default();
    let sources = Sources::of_event(line);
    if sources.find(EVENT_ID).is_none() {
        return (None, notes);
    }
    let own_id = match site(&sources) {
        Ok(site) => notes.optional(EVENT_ID, id(&sources, EVENT_ID)).map(|id| (site, id)),
        Err(_) => notes.optional("site_id", Err(String::new())),
    };
    (own_id, notes)
}

/// Checks an event that is a whole line. It inherits from other objects, the nearest first.
///
/// # Errors
/// The reason for which the line is rejected.
pub(crate) fn check_line(
    line: &Object,
    inherited: &[Object],
    settings: &Settings,
) -> Result<Event, Rejection> {
    let mut sources = Sources::of_event(line);
    for object in inherited {
        sources = sources.then(&Sources::of_event(object));
    }
    check(&sources, &sources, None, settings)
}

/// Checks one element of the `events` of a line.
///
/// # Errors
/// The reason for which the element is rejected.
pub(crate) fn check_element(
    element: &Value,
    line: &Object,
    settings: &Settings,
) -> Result<Event, Rejection> {
    let Value::Object(element) = element else {
        return Err("invalid:events".into());
    };
    let own = Sources::of_event(element);
    check(&own.then(&Sources::of_event(line)), &own, name_of(element), settings)
}

/// Checks an event. `own` is what the event does not inherit, and `name` its type where it has no
/// other.
fn check(
    sources: &Sources<'_>,
    own: &Sources<'_>,
    name: Option<&Value>,
    settings: &Settings,
) -> Result<Event, Rejection> {
    let mut event = Event::default();
    let event_type = sources.find(EVENT_TYPE).or(name);
    let mut typed = kind(event_type)?;
    if !settings.has_checkouts {
        typed = typed.before_checkouts(event_type);
    }
    let kind = match typed {
        Typed::Counted(kind) => kind,
        Typed::Ignored => return Ok(event),
        Typed::Unknown(name) => {
            event.notes.unknown_type = Some(name);
            return Ok(event);
        }
    };
    let site = site(sources);
    let (default_currency, time_zone) = settings.of_site(site.as_deref().ok());
    let time = time_of(sources, time_zone, settings)?;
    event.minute = minute_of(time);
    event.site = site?;
    event.id = event.notes.optional(EVENT_ID, id(own, EVENT_ID));
    event.customer = event.notes.optional(CUSTOMER_ID, id(sources, CUSTOMER_ID));
    event.session = event.notes.optional(SESSION_ID, id(sources, SESSION_ID));
    let named_currency = event.notes.optional(CURRENCY, currency(sources));
    let currency = named_currency.clone().unwrap_or_else(|| default_currency.to_owned());
    let mut page = page(sources);
    if let Kind::Order(kind) = kind {
        event.notes.optional("page_url", page);
        let order = id(sources, ORDER_ID)?.ok_or("missing:order_id")?;
        let customer = event.customer.clone();
        let what = order::check(kind, sources, customer, currency, &mut event.notes)?;
        event.reached = Kind::Order(kind).reached(false, settings);
        event.order = Some(OrderEvent { site: event.site.clone(), order, at: time, what });
        return Ok(event);
    }
    let order = event.notes.optional(ORDER_ID, id(sources, ORDER_ID));

    let items = match sources.items() {
        Some(items) => {
            let total = || amount(sources, ORDER_TOTAL);
            check_items(items, kind, &currency, total, &mut event)?
        }
        None => {
            let is_of_order = order.is_some() && settings.has_order_refunds;
            let needs =
                if kind == Kind::Refund && is_of_order { Needs::MoneyIfNamed } else { kind.into() };
            let item = check_only_item(sources, kind, needs, &currency, &mut page, &mut event)?;
            Vec::from_iter(item)
        }
    };
    let is_given_back = kind == Kind::Refund || items.iter().all(|item| item.bought.is_negative());
    let counts_through_order = match (kind, is_given_back) {
        (Kind::Purchase | Kind::Refund, true) => settings.has_order_refunds,
        (Kind::Purchase, false) => settings.has_order_lines,
        _ => false,
    };
    event.reached = kind.reached(is_given_back, settings);
    match order.filter(|_| counts_through_order) {
        Some(order) => {
            let what = match is_given_back {
                true => refunds_of(kind, &items, event.id.as_deref())?.map(What::Refunded),
                false => purchased(&items, named_currency, currency, event.customer.clone())?,
            };
            let site = event.site.clone();
            event.order = what.map(|what| OrderEvent { site, order, at: time, what });
        }
        None => {
            items.iter().for_each(|item| count_item(kind, item, &mut event));
            if settings.has_order_refunds {
                event.additions.extend(money_of_no_order(&event.additions));
            }
        }
    }
    let page = event.notes.optional("page_url", page);
    if kind == Kind::View
        && let Some(page) = page
    {
        // Without it nobody could tell how many views there were: those of items, those of pages,
        // and some are both.
        if !event.additions.is_empty() {
            event.additions.push(("pages".to_owned(), String::new(), Decimal::ONE));
        }
        event.additions.push(("pages".to_owned(), page, Decimal::ONE));
    }
    event.additions.retain(|(_, _, number)| !number.is_zero());
    Ok(event)
}

/// What an event without an order adds to the money of no order, which has the empty key.
fn money_of_no_order(additions: &[(String, String, Decimal)]) -> Vec<(String, String, Decimal)> {
    let is_money = |measure: &str| measure.starts_with("sales:") || measure.starts_with("refunds:");
    let money = additions.iter().filter(|(measure, ..)| is_money(measure));
    money.map(|(measure, _, amount)| (measure.clone(), String::new(), *amount)).collect()
}

/// What an item is counted under: its id, or else its name.
///
/// # Errors
/// It has neither, or only such as cannot be used.
fn key_of(
    field: &dyn Fn(&'static str) -> Result<Option<String>, String>,
    notes: &mut EventNotes,
) -> Result<String, String> {
    let (item_id, name) = (field(ITEM_ID), field(ITEM_NAME));
    match (item_id, name) {
        (Ok(Some(item_id)), _) => Ok(item_id),
        (Ok(None), Ok(Some(name))) => Ok(name),
        (Err(_), Ok(Some(name))) => {
            notes.dropped.push(ITEM_ID);
            Ok(name)
        }
        (Ok(None), Ok(None)) => Err("missing:item_id".to_owned()),
        (Ok(None), Err(reason)) | (Err(reason), _) => Err(reason),
    }
}

/// What an item costs and how many of it were bought, as far as its event counts that.
struct Bought {
    quantity: Decimal,
    money: Option<Money>,
}

impl Bought {
    fn is_negative(&self) -> bool {
        self.quantity < Decimal::ZERO || self.money.is_some_and(|money| money.is_given_back)
    }
}

/// An item of an event.
struct Item {
    /// What it is counted under; none of money without an item.
    key: Option<String>,
    currency: String,
    bought: Bought,
}

impl Item {
    fn has_money(&self) -> bool {
        self.bought.money.is_some_and(|money| !money.amount.is_zero())
    }
}

/// What a purchase reports of its order, if that is anything.
///
/// # Errors
/// It has too many lines.
fn purchased(
    items: &[Item],
    named_currency: Option<String>,
    default_currency: String,
    customer: Option<String>,
) -> Result<Option<What>, String> {
    let of_items = items.iter().find(|item| item.has_money());
    let of_items = of_items.map_or(default_currency, |item| item.currency.clone());
    let currency = named_currency.unwrap_or(of_items);
    let lines = lines_of(items, &currency)?;
    let adds_something = !lines.is_empty();
    Ok(adds_something.then_some(What::Purchased { currency, customer, lines }))
}

/// The refunds that an event reports of its order, and how many there are of each; `None` if it
/// gives nothing back. A purchase gives back money only.
///
/// # Errors
/// There are too many.
fn refunds_of(
    kind: Kind,
    items: &[Item],
    event_id: Option<&str>,
) -> Result<Option<BTreeMap<Refund, u64>>, String> {
    let mut refunds = BTreeMap::new();
    let mut add = |item: Option<String>, what: RefundOf| {
        let item = item.filter(|item| item != OTHER);
        let refund = Refund { event_id: event_id.map(str::to_owned), item, what };
        *refunds.entry(refund).or_default() += 1;
    };
    if items.is_empty() {
        add(None, RefundOf::Everything);
    }
    for Item { key, currency, bought } in items {
        let (number, what) = match bought.money {
            Some(money) => (money.amount, RefundOf::Money(money.amount, currency.clone())),
            None if kind == Kind::Purchase => continue,
            None => (bought.quantity, RefundOf::Units(bought.quantity.absolute())),
        };
        if !number.is_zero() {
            add(key.clone(), what);
        }
    }
    match refunds.len() {
        0 => Ok(None),
        1..=REFUNDS_MAX => Ok(Some(refunds)),
        _ => Err("invalid:items".to_owned()),
    }
}

/// The lines that a purchase reports of its order, and how many there are of each. Those without
/// money are in the currency of the purchase.
///
/// # Errors
/// There are too many.
fn lines_of(items: &[Item], currency: &str) -> Result<BTreeMap<Line, u64>, String> {
    let mut lines = BTreeMap::new();
    for item @ Item { key, currency: own_currency, bought } in items {
        let currency = if item.has_money() { own_currency } else { currency };
        let money = bought.money.map_or(Decimal::ZERO, |money| money.amount);
        let (key, units, money) = match bought.is_negative() {
            true => (OTHER.to_owned(), Decimal::ZERO, -money),
            false => (key.clone().unwrap_or_else(|| OTHER.to_owned()), bought.quantity, money),
        };
        // Nothing is bought of it.
        if units.is_zero() && money.is_zero() {
            continue;
        }
        let line = Line { currency: currency.to_owned(), item: key, units, money };
        *lines.entry(line).or_default() += 1;
    }
    if lines.len() > LINES_MAX { Err("invalid:items".to_owned()) } else { Ok(lines) }
}

/// Reads the numbers of an item. `order_total` is the money of the event whose only item it is.
fn bought(
    kind: Kind,
    number: &dyn Fn(&'static str) -> Result<Option<Decimal>, String>,
    order_total: &dyn Fn() -> Result<Option<Decimal>, String>,
    notes: &mut EventNotes,
) -> Result<Bought, String> {
    let (total, price, quantity) = (number(TOTAL_AMOUNT), number(PRICE), number(QUANTITY));
    if !matches!(kind, Kind::Purchase | Kind::Refund) {
        notes.optional(TOTAL_AMOUNT, total);
        notes.optional(PRICE, price);
        notes.optional(QUANTITY, quantity);
        return Ok(Bought { quantity: Decimal::ONE, money: None });
    }
    let total = total?;
    let price = match total {
        Some(_) => notes.optional(PRICE, price),
        None => price?,
    };
    let is_counted = kind == Kind::Purchase;
    let is_factor = total.is_none() && price.is_some();
    let quantity =
        if is_counted || is_factor { quantity? } else { notes.optional(QUANTITY, quantity) };
    let quantity = quantity.unwrap_or(Decimal::ONE);
    let money = match (total, price) {
        (Some(total), _) => Some(Money::of_total(total, quantity)),
        (None, Some(price)) => {
            Some(Money::of_price(price, quantity).ok_or_else(|| invalid(TOTAL_AMOUNT))?)
        }
        (None, None) => order_total()?.map(|total| Money::of_total(total, quantity)),
    };
    Ok(Bought { quantity, money })
}

/// Notes what an item adds.
fn count_item(kind: Kind, item: &Item, event: &mut Event) {
    let Item { key, currency, bought } = item;
    let key = key.as_deref().unwrap_or(OTHER);
    let mut add = |measure: String, number| {
        event.additions.push((measure, key.to_owned(), number));
    };
    match (kind, bought.money) {
        (Kind::View, _) => add("views".to_owned(), Decimal::ONE),
        (Kind::Cart, _) => add("carts".to_owned(), Decimal::ONE),
        (Kind::Removal, _) => add("removals".to_owned(), Decimal::ONE),
        (Kind::Checkout, _) => add("checkouts".to_owned(), Decimal::ONE),
        (Kind::Purchase, Some(money)) if !money.is_given_back => {
            add("units".to_owned(), bought.quantity);
            add(format!("sales:{currency}"), money.amount);
        }
        (Kind::Purchase, None) => {
            if bought.quantity > Decimal::ZERO {
                add("units".to_owned(), bought.quantity);
            }
        }
        (Kind::Purchase | Kind::Refund, Some(money)) => {
            add(format!("refunds:{currency}"), money.amount);
        }
        (Kind::Refund, None) | (Kind::Order(_), _) => {}
    }
}

/// What an event without `items` needs in place of an item that it does not name.
enum Needs {
    /// A page.
    Page,
    /// Money.
    Money,
    /// Nothing replaces it.
    Item,
    /// Nothing.
    Nothing,
    /// Money, if it names an item that cannot be used: it must not be taken for one of everything.
    MoneyIfNamed,
}

impl From<Kind> for Needs {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::View => Self::Page,
            Kind::Purchase | Kind::Refund => Self::Money,
            Kind::Cart | Kind::Removal | Kind::Order(_) => Self::Item,
            Kind::Checkout => Self::Nothing,
        }
    }
}

/// The item of an event without `items`, or its money without one; `None` if it has neither, and
/// does not need them.
fn check_only_item(
    sources: &Sources<'_>,
    kind: Kind,
    needs: Needs,
    currency: &str,
    page: &mut Result<Option<String>, String>,
    event: &mut Event,
) -> Result<Option<Item>, String> {
    let product = sources.product();
    let text = |field| match (sources.find(field), &product) {
        (None, Some(product)) => id(product, field),
        _ => id(sources, field),
    };
    let number = |field| match (sources.find(field), &product) {
        (None, Some(product)) => amount(product, field),
        _ => amount(sources, field),
    };
    let key = key_of(&text, &mut event.notes);
    let total = || amount(sources, ORDER_TOTAL);
    let bought = bought(kind, &number, &total, &mut event.notes)?;
    let reason = match key {
        Ok(key) => {
            event.notes.lacks_money = kind == Kind::Purchase && bought.money.is_none();
            return Ok(Some(Item { key: Some(key), currency: currency.to_owned(), bought }));
        }
        Err(reason) => reason,
    };
    let can_do_without = match needs {
        Needs::Page => match page {
            Ok(page) => page.is_some(),
            Err(reason) => return Err(std::mem::take(reason)),
        },
        Needs::Money => bought.money.is_some(),
        Needs::Item => false,
        Needs::Nothing => true,
        Needs::MoneyIfNamed => bought.money.is_some() || reason == "missing:item_id",
    };
    if !can_do_without {
        return Err(reason);
    }
    match reason.as_str() {
        "invalid:item_id" => event.notes.dropped.push(ITEM_ID),
        "invalid:item_name" => event.notes.dropped.push(ITEM_NAME),
        _ => {}
    }
    if bought.money.is_none() && kind != Kind::Checkout {
        return Ok(None);
    }
    let bought = Bought { quantity: Decimal::ZERO, ..bought };
    Ok(Some(Item { key: None, currency: currency.to_owned(), bought }))
}

/// The items of an event; `total` is the money of all of them.
fn check_items(
    items: &[Value],
    kind: Kind,
    event_currency: &str,
    total: impl Fn() -> Result<Option<Decimal>, String>,
    event: &mut Event,
) -> Result<Vec<Item>, String> {
    let mut read = Vec::new();
    for item in items {
        let Value::Object(item) = item else {
            return Err("invalid:items".to_owned());
        };
        let item = Sources::of_item(item);
        let currency = event.notes.optional(CURRENCY, currency(&item));
        let key = key_of(&|field| id(&item, field), &mut event.notes);
        let bought = bought(kind, &|field| amount(&item, field), &|| Ok(None), &mut event.notes)?;
        let currency = currency.unwrap_or_else(|| event_currency.to_owned());
        read.push(Item { key: Some(key?), currency, bought });
    }
    if matches!(kind, Kind::Purchase | Kind::Refund) {
        if read.iter().all(|item| item.bought.money.is_none())
            && let Some(total) = total()?
        {
            let quantities = read.iter().map(|item| item.bought.quantity).collect();
            let shares = split(Share { total, quantities });
            for (item, share) in read.iter_mut().zip(shares) {
                item.bought.money = Some(share);
            }
        }
        event.notes.lacks_money =
            kind == Kind::Purchase && read.iter().any(|item| item.bought.money.is_none());
    }
    Ok(read)
}
