//! Envelopes, and what they give to the events in them.

use crate::read::fields::SITE_ID;
use crate::read::forms::page::{Envelope, TABLES};
use crate::read::forms::path::{Path, all_hold};
use crate::read::forms::typed;
use crate::read::json::{Member, Object};

/// How many envelopes are opened, one in another.
pub(crate) const ENVELOPES_MAX: usize = 4;

/// The first envelope that an object is.
pub(crate) fn fitting(text: &str, object: &Object) -> Option<&'static Envelope> {
    TABLES.envelopes.iter().find(|envelope| fits(envelope, text, object))
}

fn fits(envelope: &Envelope, text: &str, object: &Object) -> bool {
    let has_event = || envelope.event.is_none() || event_of(envelope, text).is_some();
    all_hold(&envelope.when, object) && has_event()
}

/// The event in an envelope, as it is written.
pub(crate) fn event_of(envelope: &Envelope, text: &str) -> Option<String> {
    let event = envelope.event.as_ref()?.find_written(text)?;
    if envelope.is_typed {
        return typed::plain_object(event);
    }
    event.starts_with('{').then(|| event.to_owned())
}

/// What an envelope gives to its event.
pub(crate) fn given(envelope: &Envelope, object: &Object) -> Object {
    let site = (SITE_ID, Path::of(SITE_ID));
    let also = envelope.also.iter().chain([&site]);
    let given = also.filter_map(|(field, path)| {
        Some(Member::new((*field).to_owned(), path.find(object)?.clone()))
    });
    Object(given.collect())
}
