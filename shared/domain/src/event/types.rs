//! The types of events.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::event::vocabulary::{EventKind, NAME_BYTES_MAX, TYPES, normalize};

/// The kind of a type, by what its name says; `None` for an unknown type.
pub(crate) fn kind_of(text: &[u8]) -> Option<EventKind> {
    static KINDS: LazyLock<HashMap<&[u8], EventKind>> = LazyLock::new(|| {
        let names = |(kind, names): &(EventKind, &'static [&'static str])| {
            let kind = *kind;
            names.iter().map(move |name| (name.as_bytes(), kind))
        };
        TYPES.iter().flat_map(names).collect()
    });
    let mut letters = [0; NAME_BYTES_MAX];
    KINDS.get(normalize(text, &mut letters)?).copied()
}

/// Remembers the kinds of types as they were spelled, so that most events pay one comparison.
pub(crate) struct KindCache {
    kind_of: fn(&[u8]) -> Option<EventKind>,
    known: [KnownType; KNOWN_TYPES],
}

/// A power of two. A chunk rarely has more types than half of it.
const KNOWN_TYPES: usize = 64;

/// The maximum length of a remembered spelling, in bytes.
const KNOWN_BYTES_MAX: usize = 30;

#[derive(Clone, Copy)]
struct KnownType {
    /// `None` of an unknown type, which every line of a form may have.
    kind: Option<EventKind>,
    length: u8,
    spelling: [u8; KNOWN_BYTES_MAX],
}

impl KindCache {
    /// A cache without types; `kind_of` returns the kind of a type.
    pub(crate) fn new(kind_of: fn(&[u8]) -> Option<EventKind>) -> KindCache {
        let none = KnownType { kind: None, length: 0, spelling: [0; KNOWN_BYTES_MAX] };
        KindCache { kind_of, known: [none; KNOWN_TYPES] }
    }

    /// The kind of a type; `None` for an unknown type.
    #[inline]
    pub(crate) fn kind(&mut self, text: &[u8]) -> Option<EventKind> {
        let known = &self.known[place_of(text)];
        let spelling = known.spelling.get(..usize::from(known.length)).unwrap_or_default();
        if !text.is_empty() && spelling == text {
            return known.kind;
        }
        self.learn(text)
    }

    #[cold]
    fn learn(&mut self, text: &[u8]) -> Option<EventKind> {
        let kind = (self.kind_of)(text);
        let known = &mut self.known[place_of(text)];
        if let (Ok(length), Some(spelling)) =
            (u8::try_from(text.len()), known.spelling.get_mut(..text.len()))
        {
            spelling.copy_from_slice(text);
            known.length = length;
            known.kind = kind;
        }
        kind
    }
}

/// Where a type is remembered: its length and its first and last bytes tell most types apart.
#[inline]
fn place_of(text: &[u8]) -> usize {
    let byte = |byte: Option<&u8>| usize::from(byte.copied().unwrap_or_default());
    (text.len() * 5 + byte(text.first()) * 3 + byte(text.last()) * 7) % KNOWN_TYPES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::vocabulary::OrderEvent;

    #[test]
    fn a_type_is_known_by_what_it_says() {
        for (kind, spellings) in [
            (
                EventKind::View,
                &["page_visit", "View", "PRODUCT_VIEW", "Product viewed", "PageView", "page-view"]
                    [..],
            ),
            (EventKind::CartAdd, &["add_to_cart", "AddToCart", "ADD-TO-CART", "Product Added"]),
            (EventKind::Removal, &["remove_from_cart", "Product Removed"]),
            (EventKind::Checkout, &["begin_checkout", "Checkout Started", "InitiateCheckout"]),
            (EventKind::Purchase, &["Purchase", "orders", "Order Completed"]),
            (EventKind::Refund, &["refund", "Order Refunded"]),
            (EventKind::Order(OrderEvent::Created), &["OrderCreatedEvent"]),
            (EventKind::Order(OrderEvent::StatusChanged), &["OrderStatusChangedEvent"]),
            (EventKind::Order(OrderEvent::Cancelled), &["OrderCancelledEvent"]),
            (EventKind::Other, &["session_start", "click", "Cart Viewed", "Order Updated"]),
        ] {
            for spelling in spellings {
                assert_eq!(kind_of(spelling.as_bytes()), Some(kind), "{spelling}");
            }
        }
        for other in ["", "views", "track", "purchse", "vi\u{eb}w", &"view".repeat(9)] {
            assert_eq!(kind_of(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn no_name_has_two_kinds() {
        let names = TYPES.iter().flat_map(|(_, names)| *names);
        let distinct: std::collections::BTreeSet<&&str> = names.clone().collect();
        assert_eq!(distinct.len(), names.count());
    }

    #[test]
    fn the_cache_says_what_the_vocabulary_says() {
        let mut cache = KindCache::new(kind_of);
        let names = || TYPES.iter().flat_map(|(_, names)| *names);
        let spellings = names().map(|name| (*name).to_string());
        let shouted = names().map(|name| name.to_uppercase());
        let odd = ["", "v", "purchse", &"x".repeat(300)].map(str::to_string);
        let all: Vec<String> = spellings.chain(shouted).chain(odd).collect();
        for _ in 0..2 {
            for text in &all {
                let (text, expected) = (text.as_bytes(), kind_of(text.as_bytes()));
                assert_eq!((cache.kind(text), cache.kind(text)), (expected, expected));
            }
        }
    }
}
