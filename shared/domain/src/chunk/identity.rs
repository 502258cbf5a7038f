//! What identifies a post whose events all have ids, so that a repetition of it is known.

use std::cell::Cell;

use crate::event::line::{ReadLine, Text, Value};
use crate::event::site::DEFAULT_SITE;
use crate::order::facts::OrderFacts;

/// Hashes the ids of events with what the events add.
///
/// The times of events are left out: the events of one id and content are one event, and a client
/// that repeats its post may have corrected the time, or have left it to the arrival of the post.
#[derive(Default)]
pub(crate) struct PostIdentity {
    events: Vec<blake3::Hash>,
    lacks_id: bool,
}

impl PostIdentity {
    /// Adds the events of a line that count something.
    pub(crate) fn add(&mut self, read: &ReadLine, line: &[u8]) {
        if self.lacks_id {
            return;
        }
        let source = read.source(line);
        let text = |text: Text| read.text(source, text);
        let site = |site: Option<Text>| site.map_or(DEFAULT_SITE.as_bytes(), text);
        let mut additions_start = 0;
        for event in &read.events {
            let additions = &read.additions[additions_start..event.additions_end];
            additions_start = event.additions_end;
            if additions.is_empty() && event.order.is_none() {
                continue;
            }
            if event.id.is_none() && read.own.is_none() {
                self.lacks_id = true;
                return;
            }
            let mut hasher = Parts::default();
            hasher.add(site(event.site));
            if let Some(own) = read.own {
                hasher.add(site(own.site)).add(text(own.id));
            }
            hasher.add(event.id.map_or(&[], text));
            for addition in additions {
                hasher.add(addition.measure.to_string().as_bytes()).add(text(addition.key));
                match addition.value {
                    Value::One => hasher.add(b"1"),
                    Value::Millionths(value) => hasher.add(&value.to_be_bytes()),
                    Value::Exact(amount) => hasher.add(amount.to_string().as_bytes()),
                };
            }
            if let Some(order) = event.order.and_then(|order| read.orders.get(order as usize)) {
                hasher.add(text(order.id)).add(described(&order.facts).as_bytes());
            }
            self.events.push(hasher.0.finalize());
        }
    }

    /// The identity; `None` if an event has no id, or if there are no events. It does not depend on
    /// their order, or on how often each of them comes.
    pub(crate) fn finish(mut self) -> Option<blake3::Hash> {
        if self.lacks_id || self.events.is_empty() {
            return None;
        }
        self.events.sort_unstable_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
        self.events.dedup();
        let mut hasher = blake3::Hasher::new();
        self.events.iter().for_each(|event| {
            hasher.update(event.as_bytes());
        });
        Some(hasher.finalize())
    }
}

/// Hashes parts so that no two lists of them are alike.
#[derive(Default)]
struct Parts(blake3::Hasher);

impl Parts {
    fn add(&mut self, part: &[u8]) -> &mut Parts {
        self.0.update(&(part.len() as u64).to_be_bytes());
        self.0.update(part);
        self
    }
}

fn described(facts: &Cell<OrderFacts>) -> String {
    let taken = facts.take();
    let text = format!("{taken:?}");
    facts.set(taken);
    text
}
