//! The oracle: a naive recounter of chunks.
//!
//! It follows `docs/EVENTS.md` and `docs/FORMS.md` in plain code: it reads a chunk into memory, every
//! line into a tree, and adds up exact decimals in sorted maps. It was written apart from the code
//! that counts and shares nothing with it, so that an error would have to be made twice to pass
//! unseen: JSON is read by `serde_json`, decimals by `bigdecimal` and dates by `chrono`. [`shift`]
//! moves old events to the present.

mod answer;
mod calendar;
mod count;
mod decimal;
mod quarters;
mod read;
pub mod shift;

pub use answer::history::{CalendarPeriod, HistoryQuestion, history};
pub use answer::ranking::{Question, compare_keys, integer, ranking, window};
pub use calendar::{Granularity, Period};
pub use count::comparison::{Cell, Comparison, NamesKept, Numbers};
pub use count::key::TallyKey;
pub use count::order_tallies::{
    Contribution, order_tallies, tallies_of_contributions, tallies_of_orders,
};
pub use count::orders::{Order, Purchase, ReportedRefund, orders};
pub use count::other::{OTHER, nameless};
pub use count::recount::{Recount, RejectedLine, recount, recount_appended, visitors};
pub use count::roll_up::{PeriodKey, roll_up};
pub use count::sum::sum;
pub use count::totals::Totals;
pub use count::visitors::{Distinct, Reached, VisitorIds, Visitors};
pub use decimal::Decimal;
pub use quarters::QuarterHours;
pub use read::forms::rows_of;
pub use read::order::{Line, Made, OrderEvent, Refund, RefundOf, What};
pub use read::text::unpack::RecountError;
pub use read::values::{Settings, SiteSettings};
pub use read::vocabulary::is_event_field;
