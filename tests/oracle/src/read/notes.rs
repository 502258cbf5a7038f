//! What is reported about events that are not rejected.

/// What is reported about a valid event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct EventNotes {
    /// The fields whose value cannot be used, and is not needed.
    pub(crate) dropped: Vec<&'static str>,
    pub(crate) unknown_type: Option<String>,
    /// Whether it is a purchase, and how much was paid is unknown.
    pub(crate) lacks_money: bool,
}

impl EventNotes {
    /// A value that the event can do without.
    pub(crate) fn optional<T>(
        &mut self,
        field: &'static str,
        value: Result<Option<T>, String>,
    ) -> Option<T> {
        value.unwrap_or_else(|_| {
            self.dropped.push(field);
            None
        })
    }
}
