//! The objects of a line, and the order in which the fields of an event are looked up in them.

use crate::event::fields::{EventTime, Found, Laid, OfEvents, OfItems};
use crate::event::json::{Nodes, Raw, ScanError, Slots, Tape};
use crate::event::parameters::Parameters;
use crate::event::reason::{Field, Reason};
use crate::event::vocabulary::Aside;

/// The objects that are in use at a time while a line is read.
pub(super) struct Objects {
    pub(super) line: Object<OfEvents>,
    pub(super) event: Object<OfEvents>,
    pub(super) item: Object<OfItems>,
}

/// An object in a place, an event or an item, and the objects in it that have fields of its own.
pub(super) struct Object<P> {
    pub(super) own: Found<P>,
    properties: Found<P>,
    parameters: Parameters<P>,
    product: Found<OfItems>,
}

impl<P: Laid> Object<P> {
    /// An object without members; `slots_of` returns the slots of a name.
    pub(super) fn new(slots_of: fn(&[u8]) -> Slots) -> Object<P> {
        Object {
            own: Found::new(),
            properties: Found::new(),
            parameters: Parameters::new(slots_of),
            product: Found::new(),
        }
    }

    /// Takes the members of an object of the line, and of the objects in which its missing fields
    /// are looked up.
    pub(super) fn take(&mut self, members: Nodes, tape: &Tape, line: &[u8]) {
        self.clear();
        self.own.take_all(members, tape);
        if self.own.has_more() {
            self.take_more(tape, line);
        }
    }

    /// Forgets all members.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.own.clear();
        self.clear_more();
    }

    /// Forgets the members of the objects in which missing fields are looked up.
    #[inline]
    pub(super) fn clear_more(&mut self) {
        self.properties.clear();
        self.parameters.clear();
        self.product.clear();
    }

    /// Takes the members of the objects in which missing fields are looked up.
    pub(super) fn take_more(&mut self, tape: &Tape, line: &[u8]) {
        if let Some(object) = self.own.properties() {
            self.properties.take_all(tape.within(object), tape);
        }
        if let Some(array) = self.own.aside(Aside::Parameters) {
            self.parameters.take(tape.within(array), tape, line);
        }
    }
}

impl Object<OfEvents> {
    /// Whether it has neither a type nor `events`, so that it is rejected if it is read by its names.
    pub(super) fn lacks_type(&self) -> bool {
        self.own.events().is_none() && self.get(Field::EventType).is_none()
    }

    /// Takes the members of the object of the only item, if the event or its properties have one.
    pub(super) fn take_product(&mut self, tape: &Tape) {
        let product = self.own.aside(Aside::Product);
        if let Some(object) = product.or_else(|| self.properties.aside(Aside::Product)) {
            self.product.take_all(tape.within(object), tape);
        }
    }
}

#[inline]
pub(super) fn not_json(error: ScanError) -> Reason {
    match error {
        ScanError::NotJson => Reason::NotJson,
        ScanError::TooDeep => Reason::TooDeep,
    }
}

/// The lookup of the fields of an event.
pub(super) trait Fields {
    /// The value of a field.
    fn get(&self, field: Field) -> Option<Raw>;

    /// The value of a field that is not inherited from the line.
    fn get_own(&self, field: Field) -> Option<Raw>;

    /// The value of a field in the object of the only item.
    fn product(&self, field: Field) -> Option<Raw>;

    /// The time of the event.
    fn time(&self) -> Option<EventTime>;

    /// When the event was sent, by the clock of a device.
    fn sent_at(&self) -> Option<Raw>;

    /// When the event was received.
    fn received_at(&self) -> Option<Raw>;

    /// The page on which the event happened.
    fn page_location(&self) -> Option<Raw>;

    /// The name of the event as an element of `events`.
    fn name(&self) -> Option<Raw>;
}

impl Fields for Found<OfEvents> {
    #[inline]
    fn get(&self, field: Field) -> Option<Raw> {
        Found::get(self, field)
    }

    #[inline]
    fn time(&self) -> Option<EventTime> {
        Found::time(self)
    }

    fn sent_at(&self) -> Option<Raw> {
        Found::sent_at(self)
    }

    fn received_at(&self) -> Option<Raw> {
        Found::received_at(self)
    }

    #[inline]
    fn get_own(&self, field: Field) -> Option<Raw> {
        Found::get(self, field)
    }

    #[inline]
    fn product(&self, _: Field) -> Option<Raw> {
        None
    }

    #[inline]
    fn page_location(&self) -> Option<Raw> {
        self.aside(Aside::PageLocation)
    }

    #[inline]
    fn name(&self) -> Option<Raw> {
        None
    }
}

/// An event, and the line from which it inherits fields.
pub(super) struct Layers<'a> {
    pub(super) near: &'a Object<OfEvents>,
    pub(super) far: Option<&'a Object<OfEvents>>,
    /// Whether it is all that the line is about: then it inherits the id of the line, too.
    pub(super) is_together: bool,
}

impl<P: Laid> Object<P> {
    /// Whether it has texts that may hold JSON, where objects or arrays are expected.
    #[inline]
    pub(super) fn has_texts(&self) -> bool {
        self.own.has_more() && (self.own.has_texts() || self.properties.has_texts())
    }

    #[inline]
    pub(super) fn get(&self, field: Field) -> Option<Raw> {
        self.first(|found| found.get(field))
    }

    #[inline]
    fn page_location(&self) -> Option<Raw> {
        self.first(|found| found.aside(Aside::PageLocation))
    }

    /// What the first of its objects has that has it.
    #[inline]
    fn first<T>(&self, get: impl Fn(&Found<P>) -> Option<T>) -> Option<T> {
        get(&self.own)
            .or_else(|| get(&self.properties))
            .or_else(|| self.parameters.found().and_then(get))
    }
}

impl Object<OfEvents> {
    /// The time of the event. When it was sent or received counts only if nothing else is there.
    #[inline]
    fn time(&self) -> Option<EventTime> {
        let time = self.first(Found::time)?;
        if !time.is_of_transport {
            return Some(time);
        }
        let own = |found: &Found<OfEvents>| found.time().filter(|time| !time.is_of_transport);
        self.first(own).or(Some(time))
    }
}

impl Fields for Layers<'_> {
    #[inline]
    fn get(&self, field: Field) -> Option<Raw> {
        self.near.get(field).or_else(|| self.far?.get(field))
    }

    #[inline]
    fn get_own(&self, field: Field) -> Option<Raw> {
        if self.is_together { self.get(field) } else { self.near.get(field) }
    }

    #[inline]
    fn product(&self, field: Field) -> Option<Raw> {
        self.near.product.get(field).or_else(|| self.far?.product.get(field))
    }

    #[inline]
    fn time(&self) -> Option<EventTime> {
        self.near.time().or_else(|| self.far?.time())
    }

    fn sent_at(&self) -> Option<Raw> {
        self.near.first(Found::sent_at).or_else(|| self.far?.first(Found::sent_at))
    }

    fn received_at(&self) -> Option<Raw> {
        self.near.first(Found::received_at).or_else(|| self.far?.first(Found::received_at))
    }

    #[inline]
    fn page_location(&self) -> Option<Raw> {
        self.near.page_location().or_else(|| self.far?.page_location())
    }

    #[inline]
    fn name(&self) -> Option<Raw> {
        self.far.filter(|_| !self.is_together).and_then(|_| self.near.own.aside(Aside::Name))
    }
}
