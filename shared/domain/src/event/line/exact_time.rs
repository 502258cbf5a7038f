//! Times to the nanosecond, and the correction of clocks that are off.

use chrono::{DateTime, Utc};

use crate::event::json::{Kind, Raw};
use crate::event::line::object::Fields;
use crate::event::line::values::LineContext;
use crate::event::loose_time::iso_of;
use crate::event::reason::{Field, Reason};
use crate::event::time::nanoseconds;
use crate::time::Minute;

impl LineContext<'_> {
    /// Reads the time of an event to the nanosecond.
    pub(super) fn time(&mut self, fields: &impl Fields) -> Result<DateTime<Utc>, Reason> {
        // It also checks whether the time is in the future.
        let seconds = self.seconds(fields)?;
        let time = fields.time().ok_or(Reason::Missing(Field::Timestamp))?;
        if time.is_of_device
            && let Some(corrected) = self.corrected(time.value, fields)
        {
            return Ok(corrected);
        }
        self.with_nanoseconds(time.value, seconds)
    }

    /// The time of an event of which the device's clock may be off: when it was received, less the
    /// time that passed on that clock until the event was sent. `None` if the event does not say
    /// when it was sent and received, or if that is no time from 1970 to 9999.
    #[cold]
    pub(super) fn corrected(
        &mut self,
        original: Raw,
        fields: &impl Fields,
    ) -> Option<DateTime<Utc>> {
        let (sent_at, received_at) = (fields.sent_at()?, fields.received_at()?);
        let sent_at = self.exact(sent_at).ok()?;
        let received_at = self.exact(received_at).ok()?;
        let corrected = self.exact(original).ok()?.checked_add_signed(received_at - sent_at)?;
        Minute::containing(corrected).map(|_| corrected)
    }

    /// Reads a time to the nanosecond.
    fn exact(&mut self, value: Raw) -> Result<DateTime<Utc>, Reason> {
        let seconds = self.seconds_of(value)?;
        self.with_nanoseconds(value, seconds)
    }

    /// Reads a time whose seconds since 1970 are known to the nanosecond.
    fn with_nanoseconds(&mut self, value: Raw, seconds: i64) -> Result<DateTime<Utc>, Reason> {
        let invalid = Reason::Invalid(Field::Timestamp);
        let value = self.wrapped(value).unwrap_or(value);
        if value.kind() == Kind::Array {
            return self.array_time(value)?.ok_or(invalid);
        }
        let text = self.text_or_number(value).ok_or(invalid)?;
        let text = self.read.text(self.line, text);
        // Most times are of whole seconds, and need not be read again.
        if is_of_whole_seconds(text) {
            return DateTime::from_timestamp(seconds, 0).ok_or(invalid);
        }
        let nanoseconds = match self.values.times.parse_text(text) {
            Some(_) => nanoseconds(text),
            None => iso_of(text).map_or(0, |iso| nanoseconds(iso.as_bytes())),
        };
        DateTime::from_timestamp(seconds, nanoseconds).ok_or(invalid)
    }
}

/// Whether a text that is a time begins with a year and has no fraction.
fn is_of_whole_seconds(text: &[u8]) -> bool {
    text.get(..4).is_some_and(|year| year.iter().all(u8::is_ascii_digit))
        && text.get(4) == Some(&b'-')
        && memchr::memchr2(b'.', b',', text).is_none()
}
