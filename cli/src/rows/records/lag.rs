//! The row that says how far sealing is behind.

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use minutebook_oracle::Period;

use crate::rows::attributes::{Item, number, others, text, time};
use crate::rows::periods::hour_named;

/// The partition of the row.
pub(crate) const LAG: &str = "LAG";

/// How far sealing is behind.
#[derive(Clone, Debug)]
pub(crate) struct SealingLag {
    /// When `rollup` reported this.
    pub(crate) at: DateTime<Utc>,
    /// How many hours are over and not rolled up, of all sites.
    pub(crate) hours_waiting: u64,
    /// The first hour that is not rolled up.
    pub(crate) oldest_open_hour: Option<Period>,
}

/// The sealing lag that the row says.
///
/// # Errors
/// The row is damaged.
pub(crate) fn of_row(item: &Item) -> Result<SealingLag> {
    let oldest =
        item.get("oldest_open_hour").map(|_| text(item, "oldest_open_hour")).transpose()?;
    let hour = |name| hour_named(name).context("its oldest_open_hour is not an hour");
    Ok(SealingLag {
        at: time(item, "at")?,
        hours_waiting: number(item, "hours_waiting")?,
        oldest_open_hour: oldest.map(hour).transpose()?,
    })
}

/// Checks the sealing lag; `None` if its keys are not those of it.
pub(crate) fn read(item: &Item, sk: &str, odd: &mut impl FnMut(String)) -> Option<()> {
    if sk != "sealing" {
        odd("not the keys of the sealing lag".to_owned());
        return None;
    }
    if let Err(error) = time(item, "at") {
        odd(error.to_string());
    }
    for name in ["hours_waiting", "catch_up_seconds"] {
        if let Err(error) = number::<u64>(item, name) {
            odd(error.to_string());
        }
    }
    if item.contains_key("oldest_open_hour")
        && text(item, "oldest_open_hour").ok().and_then(hour_named).is_none()
    {
        odd("its oldest_open_hour is not an hour".to_owned());
    }
    others(item, &["at", "hours_waiting", "catch_up_seconds", "oldest_open_hour"], odd);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::attributes::testing::{item, number, text};

    #[test]
    fn says_what_is_odd() {
        let oddities = |sk: &str, change: fn(&mut Item)| {
            let attributes = [
                ("at", text("2026-11-21T00:12:00.5Z")),
                ("hours_waiting", number("3")),
                ("catch_up_seconds", number("0")),
                ("oldest_open_hour", text("2026-11-20T23")),
            ];
            let mut item = item(LAG, sk, &attributes);
            change(&mut item);
            let mut oddities = 0;
            read(&item, sk, &mut |_| oddities += 1);
            oddities
        };
        assert_eq!(oddities("sealing", |_| {}), 0);
        assert_eq!(oddities("sealing", |item| _ = item.remove("oldest_open_hour")), 0);
        assert_eq!(oddities("counting", |_| {}), 1);
        assert_eq!(oddities("sealing", |item| _ = item.remove("at")), 1);
        assert_eq!(oddities("sealing", |item| _ = item.remove("hours_waiting")), 1);
        assert_eq!(
            oddities("sealing", |item| _ = item.insert("oldest_open_hour".into(), text("x"))),
            1
        );
        assert_eq!(oddities("sealing", |item| _ = item.insert("ttl".into(), number("1"))), 1);
    }
}
