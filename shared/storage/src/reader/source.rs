//! Where rows are read from.

use std::future::Future;

use futures::stream::{self, Stream};
use minutebook_domain::count::tally::OTHER_KEY;
use minutebook_domain::time::Hour;

use crate::error::StorageError;
use crate::keys;
use crate::table::{Consistency, Item, Table};

/// The rows that one query reads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowRange {
    /// Their partition.
    pub partition: String,
    /// The first sort key.
    pub first: String,
    /// The last sort key.
    pub last: String,
    /// The only counter to read beside that of [`OTHER_KEY`], as an attribute; `None` for all
    /// attributes.
    pub counter: Option<String>,
}

/// One page of a range: up to a megabyte of rows.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Page {
    /// The rows.
    pub items: Vec<Item>,
    /// The key after which the next page continues; `None` after the last page.
    pub next: Option<Item>,
}

/// Where rows are read from: the table, or a stand-in for it in tests and meters.
pub trait RowSource: Sync {
    /// One page of a range, from its start or after the key that the previous page returned. Reads
    /// may lag by less than a second.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    fn page(
        &self,
        range: &RowRange,
        after: Option<Item>,
    ) -> impl Future<Output = Result<Page, StorageError>> + Send;

    /// The open hours of a site from `from` up to, but not including, `to`, without a lag.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    fn open_hours(
        &self,
        site: &str,
        from: Hour,
        to: Hour,
    ) -> impl Future<Output = Result<Vec<Hour>, StorageError>> + Send;
}

impl RowSource for Table {
    async fn page(&self, range: &RowRange, after: Option<Item>) -> Result<Page, StorageError> {
        self.page_of(range, after, Consistency::Eventual).await
    }

    async fn open_hours(
        &self,
        site: &str,
        from: Hour,
        to: Hour,
    ) -> Result<Vec<Hour>, StorageError> {
        self.open_hours_of(site, from, to).await
    }
}

impl Table {
    /// One page of a range, as [`RowSource::page`] reads it.
    pub(crate) async fn page_of(
        &self,
        range: &RowRange,
        after: Option<Item>,
        consistency: Consistency,
    ) -> Result<Page, StorageError> {
        let bounds = (range.first.clone(), range.last.clone());
        let mut query = self
            .query_between(range.partition.clone(), bounds, consistency)
            .set_exclusive_start_key(after);
        if let Some(counter) = &range.counter {
            query = query
                .projection_expression("#pk, #sk, #ttl, #counter")
                .expression_attribute_names("#ttl", keys::TIME_TO_LIVE)
                .expression_attribute_names("#counter", counter);
            // A projection may not name an attribute twice.
            if *counter != other_counter() {
                query = query
                    .projection_expression("#pk, #sk, #ttl, #counter, #other")
                    .expression_attribute_names("#other", other_counter());
            }
        }
        let answer =
            query.send().await.map_err(|error| StorageError::from_sdk("Query of rows", error))?;
        Ok(Page { items: answer.items.unwrap_or_default(), next: answer.last_evaluated_key })
    }
}

/// The pages of a range, one call after the other.
pub(crate) fn pages<S: RowSource>(
    source: &S,
    range: RowRange,
) -> impl Stream<Item = Result<Vec<Item>, StorageError>> + Send {
    enum Next {
        First,
        After(Item),
        Nothing,
    }
    stream::try_unfold((range, Next::First), move |(range, next)| async move {
        let after = match next {
            Next::First => None,
            Next::After(key) => Some(key),
            Next::Nothing => return Ok(None),
        };
        let page = source.page(&range, after).await?;
        Ok(Some((page.items, (range, page.next.map_or(Next::Nothing, Next::After)))))
    })
}

/// The counter of what has no name, as an attribute.
pub(crate) fn other_counter() -> String {
    format!("{}{OTHER_KEY}", keys::COUNTER_PREFIX)
}
