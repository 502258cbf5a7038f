//! What a line counts, as far as it can be told apart.

use std::cell::Cell;

use chrono::{DateTime, Utc};

use crate::chunk::forget::person::{EventIds, Known, RelatedIds};
use crate::count::measure::Measure;
use crate::event::line::{EventReader, ReadLine, Rejection, Text, Value};
use crate::event::reason::{Field, Reason};
use crate::event::site::DEFAULT_SITE;
use crate::order::facts::OrderFacts;
use crate::time::Minute;

/// What becomes of a line. Two lines of one meaning count the same, in whatever chunk they stand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Meaning {
    Rejected(Reason, Option<DateTime<Utc>>),
    Read(Box<ReadMeaning>),
}

/// The meaning of a line that is not rejected as a whole.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct ReadMeaning {
    /// The site and the id of a line with `events`.
    own: Option<(String, String)>,
    is_together: bool,
    /// Why each element of its `events` is rejected.
    elements: Vec<Option<(Reason, Option<DateTime<Utc>>)>>,
    pub(super) events: Vec<EventMeaning>,
    dropped: Vec<Field>,
    unknown_types: Vec<String>,
    purchases_without_money: u64,
}

/// What an event counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct EventMeaning {
    minute: Minute,
    site: String,
    id: Option<String>,
    customer: Option<String>,
    session: Option<String>,
    /// Measures, keys and numbers.
    additions: Vec<(Measure, String, String)>,
    order: Option<(String, OrderFacts)>,
}

impl EventMeaning {
    pub(super) fn ids(&self) -> EventIds<'_> {
        EventIds {
            site: &self.site,
            customer: self.customer.as_deref(),
            session: self.session.as_deref(),
            order: self.order.as_ref().map(|(id, _)| id.as_str()),
        }
    }

    /// Whether it adds nothing, so that its line is ignored.
    fn is_nothing(&self) -> bool {
        self.additions.is_empty() && self.order.is_none()
    }

    /// The ids that have stand-ins if it is the person's, with them.
    fn stand_ins(&self, known: &Known<'_>) -> Vec<(String, String)> {
        let order = self.order.iter().map(|(id, _)| (id.clone(), known.order(id)));
        let of_facts = self.order.iter().flat_map(|(_, facts)| customers(facts));
        let visitors = self.customer.iter().chain(&self.session).chain(of_facts);
        let visitors = visitors.map(|id| (id.clone(), known.secret.stand_in_of_visitor(id)));
        order.chain(visitors).collect()
    }

    /// Itself under stand-ins.
    fn replace_ids(&mut self, known: &Known<'_>) {
        let stand_ins = self.stand_ins(known);
        let stand_in_of = |id: &mut String| {
            if let Some((_, stand_in)) = stand_ins.iter().find(|(it, _)| it == id) {
                *id = stand_in.clone();
            }
        };
        self.id.as_mut().map(stand_in_of);
        self.customer.as_mut().map(stand_in_of);
        self.session.as_mut().map(stand_in_of);
        if let Some((id, facts)) = &mut self.order {
            stand_in_of(id);
            facts.refunds.change_event_ids(stand_in_of);
            replace_customers(facts, known);
        }
    }
}

/// The customers that the facts of an order name.
fn customers(facts: &OrderFacts) -> impl Iterator<Item = &String> {
    let created = facts.created.as_ref().and_then(|created| created.customer.as_ref());
    let purchased = facts.purchased.as_ref().and_then(|bought| bought.first.customer.as_ref());
    created.into_iter().chain(purchased)
}

/// The facts of an order that is forgotten: customers under stand-ins, and no number, which people
/// know the order by.
pub(super) fn replace_customers(facts: &mut OrderFacts, known: &Known<'_>) {
    let created = facts.created.as_mut().map(|created| {
        created.number = None;
        &mut created.customer
    });
    let purchased = facts.purchased.as_mut().map(|purchased| &mut purchased.first.customer);
    for customer in created.into_iter().chain(purchased).flatten() {
        *customer = known.secret.stand_in_of_visitor(customer);
    }
}

impl Meaning {
    /// What a line means; `line` is what the reader is given with what follows.
    pub(super) fn of(reader: &mut EventReader, line: &[u8], and_after: &[u8]) -> Meaning {
        match reader.read(line, and_after) {
            Ok(read) => Meaning::Read(Box::new(ReadMeaning::of(read, read.source(and_after)))),
            Err(reason) => {
                let Rejection { reason, time } = reader.rejection(reason);
                Meaning::Rejected(reason, time)
            }
        }
    }

    fn events(&self) -> &[EventMeaning] {
        match self {
            Meaning::Rejected(..) => &[],
            Meaning::Read(read) => &read.events,
        }
    }

    /// Whether one of its events is the person's and says so under an id of theirs.
    pub(super) fn is_of(&self, known: &Known<'_>) -> bool {
        let owned = |event: &EventMeaning| !event.is_nothing() && known.owns(event.ids());
        self.events().iter().any(owned) && self.clone().forgotten(known) != *self
    }

    /// Whether something in it counts nothing, so that its ids are not read.
    pub(super) fn has_uncounted(&self) -> bool {
        match self {
            Meaning::Rejected(..) => true,
            Meaning::Read(read) => {
                read.events.iter().any(EventMeaning::is_nothing)
                    || read.elements.iter().any(Option::is_some)
                    || read.events.is_empty()
            }
        }
    }

    /// The person's own ids in its events.
    pub(super) fn related(&self, known: &Known<'_>, related: &mut RelatedIds) {
        for event in self.events().iter().filter(|event| known.owns(event.ids())) {
            related.sessions.extend(event.session.clone());
            related.orders.extend(event.order.as_ref().map(|(id, _)| id.clone()));
        }
    }

    /// The ids of the person's events that have stand-ins, with them.
    pub(super) fn stand_ins(&self, known: &Known<'_>) -> Vec<(String, String)> {
        let own = self.events().iter().filter(|event| known.owns(event.ids()));
        own.flat_map(|event| event.stand_ins(known)).collect()
    }

    /// Whether an item or another key that is counted is called as the person is: such a line does
    /// not mention them.
    pub(super) fn has_key_of(&self, known: &Known<'_>) -> bool {
        let customer = known.person.customer.as_deref();
        let is_key = |key: &str| customer == Some(key);
        self.events().iter().any(|event| {
            let facts = event.order.as_ref().map(|(_, facts)| facts);
            let lines = facts.and_then(|facts| facts.purchased.as_ref());
            let mut items = lines.into_iter().flat_map(|bought| bought.lines.iter());
            let created = facts.and_then(|facts| facts.created.as_ref());
            let mut products = created.into_iter().flat_map(|created| &created.products);
            event.additions.iter().any(|(_, key, _)| is_key(key))
                || items.any(|(line, _)| is_key(&line.item))
                || products.any(|product| is_key(&product.name))
        })
    }

    /// The page keys of its events.
    pub(super) fn pages(&self) -> Vec<String> {
        let additions = self.events().iter().flat_map(|event| &event.additions);
        let pages =
            additions.filter(|(measure, key, _)| *measure == Measure::Pages && !key.is_empty());
        pages.map(|(_, key, _)| key.clone()).collect()
    }

    /// The meaning that it is to have once the person is forgotten. That of such a line is itself.
    pub(super) fn forgotten(mut self, known: &Known<'_>) -> Meaning {
        if let Meaning::Read(read) = &mut self {
            for event in &mut read.events {
                if known.owns(event.ids()) {
                    event.replace_ids(known);
                }
            }
        }
        self
    }
}

impl ReadMeaning {
    fn of(read: &ReadLine, source: &[u8]) -> ReadMeaning {
        let text = |text: Text| String::from_utf8_lossy(read.text(source, text)).into_owned();
        let site = |site: Option<Text>| site.map_or(DEFAULT_SITE.to_string(), text);
        let mut additions_start = 0;
        let events = read.events.iter().map(|event| {
            let additions = &read.additions[additions_start..event.additions_end];
            additions_start = event.additions_end;
            let additions = additions.iter().map(|addition| {
                let value = match addition.value {
                    Value::One => "1".to_string(),
                    Value::Millionths(value) => format!("{value} millionths"),
                    Value::Exact(amount) => amount.to_string(),
                };
                (addition.measure, text(addition.key), value)
            });
            let order = event.order.and_then(|order| read.orders.get(order as usize));
            EventMeaning {
                minute: event.minute,
                site: site(event.site),
                id: event.id.map(text),
                customer: event.customer.map(text),
                session: event.session.map(text),
                additions: additions.collect(),
                order: order.map(|order| (text(order.id), copy(&order.facts))),
            }
        });
        let mut dropped = read.notes.dropped.clone();
        dropped.sort_unstable();
        ReadMeaning {
            events: events.collect(),
            own: read.own.map(|own| (site(own.site), text(own.id))),
            is_together: read.is_together(),
            elements: read
                .elements
                .iter()
                .map(|element| element.rejected.map(|rejected| (rejected.reason, rejected.time)))
                .collect(),
            dropped,
            unknown_types: read.notes.unknown_types.iter().map(|name| text(*name)).collect(),
            purchases_without_money: read.notes.purchases_without_money,
        }
    }
}

fn copy(facts: &Cell<OrderFacts>) -> OrderFacts {
    let taken = facts.take();
    facts.set(taken.clone());
    taken
}
