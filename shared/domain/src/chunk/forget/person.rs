//! Whose an event is.

use std::collections::{BTreeMap, BTreeSet};

use crate::chunk::forget::tree::Tree;
use crate::count::secret::VisitorSecret;
use crate::event::fields::is_name_of;
use crate::event::reason::Field;
use crate::event::site::DEFAULT_SITE;

/// From how many bytes on an id is taken for the person wherever it stands as a word. Shorter ones
/// are quantities and item ids as often as people.
const WORD_BYTES_MIN: usize = 6;

/// Who is to be forgotten.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Person {
    /// The site at which they are known.
    pub site: String,
    /// Their id there; `None` if only an order is to be forgotten.
    pub customer: Option<String>,
    /// What belongs to them besides.
    pub related: RelatedIds,
}

/// Ids of a person's own.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct RelatedIds {
    /// Sessions: an event in one of them that names no customer is theirs.
    pub sessions: BTreeSet<String>,
    /// Orders: every event about one of them is theirs.
    pub orders: BTreeSet<String>,
}

impl RelatedIds {
    /// Adds others, and returns whether any is new.
    pub fn extend(&mut self, other: RelatedIds) -> bool {
        let before = self.sessions.len() + self.orders.len();
        self.sessions.extend(other.sessions);
        self.orders.extend(other.orders);
        self.sessions.len() + self.orders.len() > before
    }
}

/// The ids of an event that say whose it is.
#[derive(Clone, Copy)]
pub(super) struct EventIds<'a> {
    pub(super) site: &'a str,
    pub(super) customer: Option<&'a str>,
    pub(super) session: Option<&'a str>,
    pub(super) order: Option<&'a str>,
}

/// A person with the stand-ins of their ids.
pub(super) struct Known<'p> {
    pub(super) person: &'p Person,
    pub(super) secret: VisitorSecret,
    customer: Option<String>,
    sessions: BTreeSet<String>,
    /// The stand-ins of the orders, by order, and by themselves.
    orders: BTreeMap<String, String>,
}

impl<'p> Known<'p> {
    pub(super) fn new(person: &'p Person, secret: VisitorSecret) -> Known<'p> {
        let visitor = |id: &String| secret.stand_in_of_visitor(id);
        let mut orders = BTreeMap::new();
        for order in &person.related.orders {
            let stand_in = secret.stand_in_of_order(&person.site, order);
            orders.insert(stand_in.clone(), stand_in.clone());
            orders.insert(order.clone(), stand_in);
        }
        Known {
            person,
            secret,
            customer: person.customer.as_ref().map(visitor),
            sessions: person.related.sessions.iter().map(visitor).collect(),
            orders,
        }
    }

    /// Whether an event is theirs, under its own ids or under stand-ins.
    pub(super) fn owns(&self, ids: EventIds<'_>) -> bool {
        let EventIds { site, customer, session, order } = ids;
        if site != self.person.site {
            return false;
        }
        let is_customer = |id: &str| {
            self.person.customer.as_deref() == Some(id) || self.customer.as_deref() == Some(id)
        };
        let is_session =
            |id: &str| self.person.related.sessions.contains(id) || self.sessions.contains(id);
        customer.is_some_and(is_customer)
            || order.is_some_and(|order| self.orders.contains_key(order))
            || customer.is_none() && session.is_some_and(is_session)
    }

    /// The stand-in of an id of theirs.
    pub(super) fn stand_in_of(&self, id: &str) -> Option<String> {
        let Person { customer, related, .. } = self.person;
        let is_visitor = customer.as_deref() == Some(id) || related.sessions.contains(id);
        let visitor = is_visitor.then(|| self.secret.stand_in_of_visitor(id));
        visitor.or_else(|| self.orders.get(id).cloned())
    }

    /// Whether an order is theirs, under its id or its stand-in.
    pub(super) fn has_order(&self, id: &str) -> bool {
        self.orders.contains_key(id)
    }

    /// What an order of theirs is called from now on; that of others keeps its id.
    pub(super) fn order(&self, id: &str) -> String {
        self.orders.get(id).cloned().unwrap_or_else(|| id.to_string())
    }

    /// Whether a text mentions them by a word that is hardly anything else.
    pub(super) fn is_mentioned(&self, text: &[u8]) -> bool {
        let long = self.person.customer.as_deref().filter(|id| id.len() >= WORD_BYTES_MIN);
        long.is_some_and(|id| has_word(text, id.as_bytes()))
    }

    /// Whether a text that cannot be read has their id as a word.
    pub(super) fn is_mentioned_unreadably(&self, text: &[u8]) -> bool {
        let orders = self.person.related.orders.iter();
        let long = orders.filter(|id| id.len() >= WORD_BYTES_MIN);
        let mut words = self.person.customer.iter().chain(long);
        words.any(|id| has_word(text, id.as_bytes()))
    }

    /// Whether an object that counts nothing names them: by the names that fields have.
    pub(super) fn is_named_in(&self, tree: &Tree) -> bool {
        let mut named = Named::default();
        tree.each_named_leaf(&mut |name, within, text| {
            if is_name_of(name, Field::SiteId) {
                named.sites.push(text.to_string());
            } else if is_name_of(name, Field::CustomerId)
                || name == b"id" && is_name_of(within, Field::CustomerId)
            {
                named.has_customer = true;
                named.is_customer |= self.person.customer.as_deref() == Some(text);
            } else if is_name_of(name, Field::SessionId) {
                named.is_session |= self.person.related.sessions.contains(text);
            } else if is_name_of(name, Field::OrderId) {
                named.is_order |= self.person.related.orders.contains(text);
            }
        });
        let is_here = match named.sites.is_empty() {
            true => self.person.site == DEFAULT_SITE,
            false => named.sites.contains(&self.person.site),
        };
        is_here && (named.is_customer || named.is_order || named.is_session && !named.has_customer)
    }
}

/// What the members of an object name.
#[derive(Default)]
struct Named {
    sites: Vec<String>,
    has_customer: bool,
    is_customer: bool,
    is_session: bool,
    is_order: bool,
}

/// Whether a text has these bytes as a word: no letter or digit comes before or behind them, and no
/// point or hyphen behind them that goes on with one, as in a longer address.
pub(super) fn has_word(text: &[u8], word: &[u8]) -> bool {
    !word.is_empty()
        && memchr::memmem::find_iter(text, word).any(|start| {
            let before = start.checked_sub(1).and_then(|at| text.get(at));
            let goes_on = match &text[start + word.len()..] {
                [b'.' | b'-', next, ..] | [next, ..] => next.is_ascii_alphanumeric(),
                [] => false,
            };
            !before.is_some_and(u8::is_ascii_alphanumeric) && !goes_on
        })
}
