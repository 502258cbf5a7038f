//! The row of the last proof.

use crate::rows::attributes::{Item, number, others, time};

/// The partition of the row.
pub(crate) const PARTITION: &str = "PROOF";

/// The sort key of the row: the proof is of the whole table.
pub(crate) const WHOLE: &str = "whole";

/// Checks the last proof; `None` if its keys are not those of it.
pub(crate) fn read(item: &Item, sk: &str, odd: &mut impl FnMut(String)) -> Option<()> {
    if sk != WHOLE {
        odd("not the keys of a proof".to_owned());
        return None;
    }
    if let Err(error) = time(item, "at") {
        odd(error.to_string());
    }
    if let Err(error) = number::<u64>(item, "differences") {
        odd(error.to_string());
    }
    others(item, &["at", "differences"], odd);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::attributes::testing::{item, number, text};

    #[test]
    fn says_what_is_odd() {
        let oddities = |sk: &str, change: fn(&mut Item)| {
            let attributes = [("at", text("2026-11-21T00:12:00Z")), ("differences", number("0"))];
            let mut item = item(PARTITION, sk, &attributes);
            change(&mut item);
            let mut oddities = 0;
            read(&item, sk, &mut |_| oddities += 1);
            oddities
        };
        assert_eq!(oddities(WHOLE, |_| {}), 0);
        assert_eq!(oddities("part", |_| {}), 1);
        assert_eq!(oddities(WHOLE, |item| _ = item.remove("at")), 1);
        assert_eq!(oddities(WHOLE, |item| _ = item.remove("differences")), 1);
        assert_eq!(oddities(WHOLE, |item| _ = item.insert("ttl".into(), number("1"))), 1);
    }
}
