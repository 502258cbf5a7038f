//! What reading takes at most, however much there is to read.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use aws_sdk_dynamodb::types::AttributeValue;

use super::*;

/// One page after another of keys that nothing else has, without an end.
struct Endless;

impl RowSource for Endless {
    async fn page(&self, range: &RowRange, after: Option<Item>) -> Result<Page, StorageError> {
        let number = |after: &Item| after["at"].as_n().expect("a number").parse::<u64>();
        let at = after.as_ref().map_or(0, |after| number(after).expect("a number"));
        let one = || AttributeValue::N("1".to_string());
        let name = |key: u64| format!("i#{}{key:0200}", range.first);
        let row = (at..at + 2_000).map(|key| (name(key), one())).collect();
        let next = Item::from([("at".to_string(), AttributeValue::N((at + 2_000).to_string()))]);
        Ok(Page { items: vec![row], next: Some(next) })
    }

    async fn open_hours(&self, _: &str, _: Hour, _: Hour) -> Result<Vec<Hour>, StorageError> {
        Ok(vec![])
    }
}

#[test]
fn more_keys_than_fit_into_memory_are_an_error_that_names_measure_and_window() {
    let world = morning();
    let windows = [window(MORNING.0, MORNING.1)];
    let question = SumQuestion { measures: &[Measure::Pages], ..world.question(&windows) };
    let error = world.table.read(sum_windows(&Endless, &question)).0.err().expect("no end");
    let StorageError::TooManyKeys { measure, window } = error else { panic!("{error}") };
    assert_eq!((measure, window), (Measure::Pages, windows[0]));
}

/// Rows of hours that are there before the list of open hours, page after page, as long as they are
/// asked for: they would fill the memory if they waited for it.
struct SlowList {
    pages: AtomicUsize,
}

impl RowSource for SlowList {
    async fn page(&self, _: &RowRange, _: Option<Item>) -> Result<Page, StorageError> {
        let page = self.pages.fetch_add(1, Ordering::Relaxed);
        let one = || AttributeValue::N("1".to_string());
        let row = (0..5_000).map(|key| (format!("i#{key}"), one())).collect();
        let next = (page < 1_000).then(|| row_key("more"));
        Ok(Page { items: vec![row], next })
    }

    async fn open_hours(&self, _: &str, _: Hour, _: Hour) -> Result<Vec<Hour>, StorageError> {
        for _ in 0..500 {
            let mut has_waited = false;
            std::future::poll_fn(|context| {
                context.waker().wake_by_ref();
                if std::mem::replace(&mut has_waited, true) {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
        }
        // Each page has 5,000 counters.
        let pages = self.pages.load(Ordering::Relaxed);
        assert!(pages <= EARLY_ATTRIBUTES_MAX / 5_000 + 2, "{pages} pages wait for the list");
        Ok(vec![])
    }
}

fn row_key(sort_key: &str) -> Item {
    crate::table::key("T#shop".to_string(), sort_key.to_string())
}

#[test]
fn rows_that_wait_for_the_list_of_open_hours_do_not_fill_the_memory() {
    let world = World::at("2026-11-20T10:15:00Z");
    let windows = [window("2026-11-20T06:00:00Z", "2026-11-20T08:00:00Z")];
    let source = SlowList { pages: AtomicUsize::new(0) };
    let sums = world.table.read(sum_windows(&source, &world.question(&windows))).0;
    let sums = sums.expect("nothing fails");
    assert_eq!((sums[0].len(), sums[0].of("7")), (5_000, Amount::from_count(1_001)));
}
