//! The oracle: a naive recounter of chunks.
//!
//! It follows `docs/EVENTS.md` in plain code: it reads a chunk into memory, every line into a tree,
//! and adds up exact decimals in sorted maps. It was written apart from the code that counts and
//! shares nothing with it, so that an error would have to be made twice to pass unseen: JSON is read
//! by `serde_json`, decimals by `bigdecimal` and dates by `chrono`. [`shift`]
//! moves old events to the present.

mod calendar;
mod comparison;
mod decimal;
mod event;
mod fields;
mod history;
mod json;
mod names;
mod orders;
mod ranking;
mod recount;
mod roll_up;
pub mod shift;
mod time;
mod totals;
mod types;
mod unpack;
mod visitors;

pub use calendar::{Granularity, Period};
pub use comparison::{Cell, Comparison, Numbers};
pub use decimal::Decimal;
pub use event::Settings;
pub use history::{CalendarPeriod, HistoryQuestion, history};
pub use orders::{Made, Order, OrderEvent, What, order_tallies, orders, tallies_of_orders};
pub use ranking::{Question, compare_keys, integer, ranking, window};
pub use recount::{Recount, RecountError, TallyKey, recount, sum, visitors};
pub use roll_up::{PeriodKey, roll_up};
pub use totals::Totals;
pub use visitors::{Distinct, VisitorIds, Visitors};
