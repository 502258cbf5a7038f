//! What differs between the recount and the table.

/// How many differences are printed. All are counted.
pub(crate) const PRINTED_MAX: usize = 100;

/// Differences: how many, and the first ones as sentences.
#[derive(Clone, Debug, Default)]
pub(crate) struct Differences {
    pub(crate) count: u64,
    pub(crate) first: Vec<String>,
}

impl Differences {
    pub(crate) fn add(&mut self, difference: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < PRINTED_MAX {
            self.first.push(difference());
        }
    }

    /// Adds `count` differences, the first ones as sentences.
    pub(crate) fn add_all(&mut self, count: u64, first: impl IntoIterator<Item = String>) {
        self.count += count;
        let room = PRINTED_MAX - self.first.len();
        self.first.extend(first.into_iter().take(room));
    }
}
