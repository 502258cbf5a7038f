//! What numbers are counted under.

use chrono::{DateTime, Utc};

/// What a number is counted under.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TallyKey {
    /// The site.
    pub site: String,
    /// The measure, as in a sort key: `views`, `sales:USD`.
    pub measure: String,
    /// Minutes since 1970.
    pub minute: i64,
    /// The item or the page. The empty key of `pages` is for views that count items too, and is no
    /// page.
    pub key: String,
}

impl TallyKey {
    /// The start of the minute.
    ///
    /// # Panics
    /// The minute is not one of the years 1970 to 9999.
    pub fn minute_start(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.minute * 60, 0)
            .expect("event times are checked to lie before the year 10000")
    }
}
