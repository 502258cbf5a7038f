//! Totals of measures in windows, whatever their keys.

use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::measure::Measure;

use crate::counters::counters;
use crate::error::StorageError;
use crate::reader::source::RowSource;
use crate::reader::{RowQuestion, SumQuestion, each_row};

/// What a measure has in a window.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Total {
    /// The sum of all keys, with or without a name.
    pub of_all: Amount,
    /// The sums of the keys that were asked for, in their order.
    pub of_keys: Vec<Amount>,
}

/// Sums measures over windows without remembering their keys, so that it takes no more memory for a
/// million items than for one. `keys` are also summed by themselves.
///
/// **Shape**: one [`Total`] for each measure and window, in the order of
/// [`sum_windows`](crate::reader::sum_windows), whose guarantees hold; `of_all` equals
/// [`Sums::total`](minutebook_domain::query::ranking::Sums::total). The key of the question is
/// ignored.
///
/// # Errors
/// [`StorageError`]; see [`StorageError::is_retryable`].
pub async fn total_windows<S: RowSource>(
    source: &S,
    question: &SumQuestion<'_>,
    keys: &[&str],
) -> Result<Vec<Total>, StorageError> {
    let &SumQuestion { site, windows, now, retention, quarter_hours, .. } = question;
    let families: Vec<String> = question.measures.iter().map(Measure::to_string).collect();
    let nothing = Total { of_all: Amount::ZERO, of_keys: vec![Amount::ZERO; keys.len()] };
    let mut totals = vec![nothing; families.len() * windows.len()];
    let (families, counter) = (&families, None);
    let rows = RowQuestion { site, families, counter, windows, now, retention, quarter_hours };
    each_row(source, &rows, |place, item| {
        let total = &mut totals[place];
        for counter in counters(item) {
            let (key, amount) = counter?;
            // The empty key is beside all others: what it counts, they count as well.
            if !key.is_empty() {
                total.of_all = total.of_all.saturating_add(amount);
            }
            for (sum, _) in total.of_keys.iter_mut().zip(keys).filter(|(_, wanted)| **wanted == key)
            {
                *sum = sum.saturating_add(amount);
            }
        }
        Ok(())
    })
    .await?;
    Ok(totals)
}
