//! Limiting how long raw objects are kept, as their sites say.

use minutebook_storage::bucket::read::ObjectRef;
use minutebook_storage::bucket::retention::Retention;
use minutebook_storage::chunk::file::CountedVersion;
use minutebook_storage::error::StorageError;
use minutebook_storage::site::known_settings::Settings;

use crate::chunk::Counter;

impl Counter {
    /// Limits how long an object of these sites is kept if all of them say so, to the longest of
    /// their times.
    /// Returns for how many days; `None` for ever.
    ///
    /// `continued` is the version of which this one counts only the rest.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub(crate) async fn limit_retention<'a>(
        &self,
        object: &ObjectRef,
        sites: impl Iterator<Item = &'a str>,
        settings: &Settings,
        continued: Option<&CountedVersion>,
    ) -> Result<Option<u32>, StorageError> {
        let mut times: Vec<Option<u32>> =
            sites.map(|site| settings.raw_retention_days_of(site)).collect();
        // What it begins with is of other sites, perhaps.
        if let Some(continued) = continued.filter(|_| !times.contains(&None)) {
            let version_id = continued.version_id.clone();
            let version = ObjectRef { version_id, etag: None, ..object.clone() };
            match self.buckets.retention_of(&version).await? {
                Retention::Unlimited => times.push(None),
                Retention::Days(days) => times.push(Some(days)),
                Retention::Gone => {}
            }
        }
        let Some(days) = longest(&times) else { return Ok(None) };
        self.buckets.limit_retention(object, days).await?;
        Ok(Some(days))
    }
}

/// The longest of these times; `None`, for ever, is the longest, and what no time is named for.
fn longest(times: &[Option<u32>]) -> Option<u32> {
    times.iter().copied().collect::<Option<Vec<u32>>>()?.into_iter().max()
}

#[cfg(test)]
mod tests {
    use super::longest;

    #[test]
    fn for_ever_is_the_longest_time_and_that_of_nobody() {
        for (times, expected) in [
            (&[Some(30)][..], Some(30)),
            (&[Some(30), Some(90), Some(30)], Some(90)),
            (&[Some(30), None], None),
            (&[None, Some(730)], None),
            (&[], None),
        ] {
            assert_eq!(longest(times), expected, "{times:?}");
        }
    }
}
