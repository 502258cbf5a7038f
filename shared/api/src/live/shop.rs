//! What a shop sells just now, for Prometheus.

use chrono::{DateTime, Utc};
use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::measure::{Currency, Measure};
use minutebook_domain::order::contribution::{COUNT, GROSS, REFUNDS};
use minutebook_domain::query::window::{Window, WindowLength};
use minutebook_domain::time::QuarterHours;
use minutebook_storage::error::StorageError;
use minutebook_storage::reader::SumQuestion;
use minutebook_storage::reader::source::RowSource;
use minutebook_storage::reader::totals::{Total, total_windows};
use minutebook_storage::site::settings::SettingsSource;

use crate::backend::Backend;
use crate::live::query::LiveQuery;

/// The keys of [`Measure::OrderValue`] that are summed.
const KEYS: [&str; 3] = [COUNT, GROSS, REFUNDS];

/// What was put into carts, sold and ordered in a window.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Shop {
    /// How long the window is.
    pub(crate) window: WindowLength,
    /// The currency of all money.
    pub(crate) currency: Currency,
    /// Additions to carts.
    pub(crate) carts: Amount,
    /// Units that were sold.
    pub(crate) units: Amount,
    /// Sales of items, before refunds.
    pub(crate) sales: Amount,
    /// What was refunded in the window, for items.
    pub(crate) refunds: Amount,
    /// Orders of all currencies that were placed in the window.
    pub(crate) orders: Amount,
    /// What the orders of the currency cost.
    pub(crate) order_value: Amount,
    /// What was refunded in the window, of orders of any time.
    pub(crate) order_refunds: Amount,
}

impl Shop {
    /// Reads the numbers of a site.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub(crate) async fn read<R: RowSource + SettingsSource, Q>(
        backend: &Backend<R, Q>,
        question: &LiveQuery,
        window: WindowLength,
        now: DateTime<Utc>,
    ) -> Result<Shop, StorageError> {
        let (site, retention) = (&question.site_id, backend.retention);
        let currency = backend.currency(question.currency, site, now).await?;
        let asked = Window::ending_with(question.as_of, window);
        let totals = SumQuestion {
            site: site.as_str(),
            measures: &[
                Measure::Carts,
                Measure::Units,
                Measure::Sales(currency),
                Measure::Refunds(currency),
                Measure::Orders,
                Measure::OrderValue(currency),
            ],
            key: None,
            windows: &[asked.kept(retention, now).0],
            now,
            retention,
            quarter_hours: QuarterHours::NONE,
        };
        let totals = total_windows(&backend.rows, &totals, &KEYS).await?;
        let of = |place: usize| totals.get(place).map_or(Amount::ZERO, |total| total.of_all);
        let of_orders = |key: usize| {
            let of_keys = |total: &Total| total.of_keys.get(key).copied();
            totals.last().and_then(of_keys).unwrap_or(Amount::ZERO)
        };
        Ok(Shop {
            window,
            currency,
            carts: of(0),
            units: of(1),
            sales: of(2),
            refunds: of(3),
            orders: of(4),
            order_value: of_orders(1),
            order_refunds: of_orders(2),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::query;
    use minutebook_domain::time::Minute;
    use minutebook_storage::memory::MemoryTable;

    #[test]
    fn the_numbers_are_those_of_the_site_in_the_window() {
        let now: DateTime<Utc> = "2026-11-21T12:00:30Z".parse().expect("a time");
        let eur = Currency::parse(b"EUR").expect("a currency");
        let backend = Backend::of_test(MemoryTable::default(), now);
        for (site, measure, time, key, amount) in [
            ("shop", Measure::Carts, "2026-11-21T12:00:00Z", "a", "2"),
            ("shop", Measure::Carts, "2026-11-21T11:01:00Z", "b", "3"),
            ("shop", Measure::Carts, "2026-11-21T11:00:00Z", "b", "100"),
            ("other", Measure::Carts, "2026-11-21T12:00:00Z", "a", "100"),
            ("shop", Measure::Units, "2026-11-21T12:00:00Z", "a", "7"),
            ("shop", Measure::Sales(eur), "2026-11-21T12:00:00Z", "a", "10.25"),
            ("shop", Measure::Sales(eur), "2026-11-21T11:59:00Z", "b", "1"),
            ("shop", Measure::Sales(eur), "2026-11-21T11:59:00Z", "", "1"),
            ("shop", Measure::Sales(Currency::USD), "2026-11-21T12:00:00Z", "a", "100"),
            ("shop", Measure::Refunds(eur), "2026-11-21T12:00:00Z", "a", "0.5"),
            ("shop", Measure::Orders, "2026-11-21T12:00:00Z", "PAID", "2"),
            ("shop", Measure::Orders, "2026-11-21T11:30:00Z", "NEW", "1"),
            ("shop", Measure::OrderValue(eur), "2026-11-21T12:00:00Z", COUNT, "3"),
            ("shop", Measure::OrderValue(eur), "2026-11-21T12:00:00Z", GROSS, "30"),
            ("shop", Measure::OrderValue(eur), "2026-11-21T12:00:00Z", REFUNDS, "4"),
        ] {
            let minute = Minute::containing(time.parse().expect("a time")).expect("in range");
            let amount = Amount::parse(amount.as_bytes()).expect("an amount");
            backend.rows.count(site, measure, minute, (key, amount), now, backend.retention);
        }
        let question = query::parse("site_id=shop&currency=EUR", now).expect("right");
        let window = WindowLength::HOUR;
        let (shop, reads) = backend.rows.read(Shop::read(&backend, &question, window, now));
        let amount = |text: &str| Amount::parse(text.as_bytes()).expect("an amount");
        let expected = Shop {
            window,
            currency: eur,
            carts: amount("5"),
            units: amount("7"),
            sales: amount("11.25"),
            refunds: amount("0.5"),
            orders: amount("3"),
            order_value: amount("30"),
            order_refunds: amount("4"),
        };
        assert_eq!(shop.expect("read"), expected);
        // docs/guides/PROMETHEUS.md says what it costs.
        assert_eq!(reads.queries, 42);
    }
}
