//! The views of a window: all of them, and those of each page.

use chrono::{DateTime, Utc};
use minutebook_domain::chunk::single::PAGE_NOT_SET;
use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::measure::Measure;
use minutebook_domain::query::ranking::Sums;
use minutebook_domain::query::window::Window;
use minutebook_domain::time::QuarterHours;
use minutebook_domain::time::period::Retention;
use minutebook_storage::reader::SumQuestion;

/// The views of a window.
#[derive(Default)]
pub(crate) struct Views {
    of_items: Sums,
    of_pages: Sums,
}

impl Views {
    /// The measures to sum, in the order that [`Views::of`] takes.
    const MEASURES: [Measure; 2] = [Measure::Views, Measure::Pages];

    /// The question for the views of windows.
    pub(crate) fn question<'a>(
        site: &'a str,
        windows: &'a [Window],
        now: DateTime<Utc>,
        retention: Retention,
    ) -> SumQuestion<'a> {
        SumQuestion {
            site,
            measures: &Views::MEASURES,
            key: None,
            windows,
            now,
            retention,
            quarter_hours: QuarterHours::NONE,
        }
    }

    /// The sums of [`Views::MEASURES`].
    pub(crate) fn of(sums: Vec<Sums>) -> Views {
        let mut sums = sums.into_iter();
        let mut next = || sums.next().unwrap_or_default();
        Views { of_items: next(), of_pages: next() }
    }

    /// The number of all views. A view of an item on a page is counted for both, and once more
    /// under the empty key.
    pub(crate) fn total(&self) -> Amount {
        self.of_items
            .total()
            .saturating_add(self.of_pages.total())
            .saturating_sub(self.of_pages.of_no_key())
    }

    /// The views of pages that are counted without the names of these pages.
    pub(crate) fn of_other_pages(&self) -> Amount {
        self.of_pages.of_other()
    }

    /// The pages with the most views, descending. Views without a page are left out.
    pub(crate) fn top_pages(&self, limit: usize) -> Vec<(&str, Amount)> {
        let mut top = self.of_pages.top(limit.saturating_add(1));
        top.retain(|(page, _)| *page != PAGE_NOT_SET);
        top.truncate(limit);
        top
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(counts: &[(&str, u64)]) -> Sums {
        let mut sums = Sums::default();
        for (key, count) in counts {
            sums.add(key, Amount::from_count(*count));
        }
        sums
    }

    #[test]
    fn a_view_of_an_item_on_a_page_is_one_view() {
        // Three views of items without a page, two of items on a page, four of pages, one of
        // neither.
        let of_pages = sums(&[("/a", 5), ("/b", 1), (PAGE_NOT_SET, 1), ("", 2)]);
        let views = Views::of(vec![sums(&[("1", 4), ("2", 1)]), of_pages]);
        assert_eq!(views.total(), Amount::from_count(3 + 2 + 4 + 1));
        assert_eq!(Views::default().total(), Amount::ZERO);
    }

    #[test]
    fn views_of_pages_without_a_name_are_views_and_no_page() {
        let of_pages = sums(&[("/a", 5), ("(other)", 9), ("", 3)]);
        let views = Views::of(vec![sums(&[("1", 1), ("(other)", 2)]), of_pages]);
        assert_eq!(views.total(), Amount::from_count(1 + 2 + 5 + 9 - 3));
        assert_eq!(views.of_other_pages(), Amount::from_count(9));
        assert_eq!(views.top_pages(10), [("/a", Amount::from_count(5))]);
    }

    #[test]
    fn views_that_name_no_page_are_of_none() {
        let of_pages = sums(&[(PAGE_NOT_SET, 9), ("/a", 5), ("/b", 7), ("/c", 7), ("", 3)]);
        let views = Views::of(vec![Sums::default(), of_pages]);
        let top =
            |limit| views.top_pages(limit).into_iter().map(|(page, _)| page).collect::<Vec<_>>();
        assert_eq!(top(2), ["/b", "/c"]);
        assert_eq!(top(3), ["/b", "/c", "/a"]);
        assert_eq!(top(100), ["/b", "/c", "/a"]);
    }
}
