//! The three rankings: one handler, three measures.

pub(crate) mod answer;
pub(crate) mod describe;
pub(crate) mod groups;
pub(crate) mod query;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use minutebook_domain::count::measure::Currency;
use minutebook_domain::query::ranking::Sums;
use minutebook_domain::query::window::{Precision, Window};
use minutebook_domain::time::QuarterHours;
use minutebook_storage::catalogue::CatalogueSource;
use minutebook_storage::catalogue::known::{Catalogue, Wanted};
use minutebook_storage::reader::source::RowSource;
use minutebook_storage::reader::{SumQuestion, sum_windows};
use minutebook_storage::site::settings::SettingsSource;

use crate::backend::Backend;
use crate::http::answer::{WindowAnswer, unreadable};
use crate::http::response::problem;
use crate::rankings::answer::Ranked;
use crate::rankings::groups::Groups;
use crate::rankings::query::{By, Defaults, RankingQuery};

pub use crate::rankings::query::Ranking;

/// Answers one request. Errors are answers, too: 400 names the parameter, and 503 means that a
/// retry helps.
pub async fn handle<R: RowSource + SettingsSource + CatalogueSource, Q: Sync>(
    ranking: Ranking,
    request: &Request,
    backend: &Backend<R, Q>,
) -> Response<Body> {
    let (now, retention) = (backend.clock.now(), backend.retention);
    let query = request.uri().query().unwrap_or_default();
    let defaults = Defaults {
        window: ranking.default_window(),
        now,
        is_money: ranking.measure(backend.default_currency).is_money(),
    };
    let question = match query::parse(query, &defaults) {
        Ok(question) => question,
        Err(sentence) => return problem(StatusCode::BAD_REQUEST, &sentence),
    };
    let named = match defaults.is_money {
        true => question.currency,
        // It is not used, so that settings need not be read.
        false => Some(backend.default_currency),
    };
    let currency = match backend.currency(named, &question.site_id, now).await {
        Ok(currency) => currency,
        Err(error) => return unreadable(&error),
    };
    let (window, precision) =
        Window::ending_with(question.as_of, question.window).kept(retention, now);
    let sum_question = SumQuestion {
        site: question.site_id.as_str(),
        measures: &[ranking.measure(currency)],
        key: None,
        windows: &[window],
        now,
        retention,
        quarter_hours: QuarterHours::NONE,
    };
    let sums = match sum_windows(&backend.rows, &sum_question).await {
        Ok(sums) => sums.into_iter().next().unwrap_or_default(), // there is one window
        Err(error) => return unreadable(&error),
    };
    let site = question.site_id.as_str();
    let catalogue = match question.by {
        By::Item => {
            let items = sums.top(question.limit).into_iter().map(|(key, _)| key);
            backend.catalogue_of(site, items, now).await
        }
        By::Category | By::Brand => backend.catalogue(site, Wanted::All, now).await,
    };
    match catalogue {
        Ok(catalogue) => {
            let summed = Summed { window, precision, sums: &sums, catalogue: &catalogue };
            answer((ranking, currency), &question, summed)
        }
        Err(error) => unreadable(&error),
    }
}

/// What was read for a ranking.
struct Summed<'a> {
    window: Window,
    precision: Precision,
    sums: &'a Sums,
    catalogue: &'a Catalogue,
}

fn answer(
    (ranking, currency): (Ranking, Currency),
    question: &RankingQuery,
    Summed { window, precision, sums, catalogue }: Summed<'_>,
) -> Response<Body> {
    let ranked = Ranked {
        ranking,
        other: sums.of_other(),
        currency: currency.as_str(),
        as_of: &question.as_of.to_string(),
        window: WindowAnswer::new(window, precision),
    };
    match question.by {
        By::Item => ranked.items(&sums.top(question.limit), catalogue),
        by => ranked.groups(&Groups::of(sums, catalogue, by), question),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use minutebook_domain::catalogue::{CatalogueItem, Slot};
    use minutebook_domain::count::amount::Amount;
    use minutebook_domain::event::site::SiteId;
    use minutebook_domain::time::Minute;
    use minutebook_storage::memory::MemoryTable;

    fn answered(ranking: Ranking, amounts: &[(&str, &str)]) -> String {
        answered_by(By::Item, ranking, amounts, &Catalogue::default())
    }

    fn answered_by(
        by: By,
        ranking: Ranking,
        amounts: &[(&str, &str)],
        catalogue: &Catalogue,
    ) -> String {
        let mut sums = Sums::default();
        for (key, amount) in amounts {
            sums.add(key, Amount::parse(amount.as_bytes()).expect("a decimal"));
        }
        let question = RankingQuery {
            site_id: SiteId::default(),
            window: ranking.default_window(),
            by,
            limit: 2,
            as_of: Minute::from_epoch_seconds(1_795_216_079).expect("in range"),
            currency: None,
        };
        let window = Window::ending_with(question.as_of, question.window);
        let summed = Summed { window, precision: Precision::Minute, sums: &sums, catalogue };
        let answer = answer((ranking, Currency::USD), &question, summed);
        String::from_utf8_lossy(answer.body().as_ref()).into_owned()
    }

    #[test]
    fn the_most_viewed_item_comes_with_the_list_and_the_window() {
        assert_eq!(
            answered(Ranking::MostViewed, &[("1", "10"), ("sku-2", "9"), ("3", "1")]),
            concat!(
                r#"{"most_viewed_item":1,"views":10,"top":[{"item_id":1,"views":10},{"item_id":"sku-2","views":9}],"#,
                r#""as_of":"2026-11-20T23:07:00Z","#,
                r#""window":{"from":"2026-11-20T22:08:00Z","to":"2026-11-20T23:08:00Z","precision":"minute"}}"#
            )
        );
    }

    #[test]
    fn money_is_an_exact_number_with_its_currency() {
        let answer =
            answered(Ranking::HighestGrossing, &[("3", "1300"), ("4", "99999999999999.125")]);
        let expected = concat!(
            r#"{"highest_grossing_item":4,"total_sales":99999999999999.125,"currency":"USD","#,
            r#""top":[{"item_id":4,"total_sales":99999999999999.125},{"item_id":3,"total_sales":1300.00}],"#
        );
        assert!(answer.starts_with(expected), "{answer}");
    }

    #[test]
    fn what_has_no_name_is_said_beside_the_items_and_is_none_of_them() {
        for (ranking, member, number) in [
            (Ranking::MostViewed, "views", "7"),
            (Ranking::TopCarted, "adds_to_cart", "7"),
            (Ranking::HighestGrossing, "total_sales", "7.00"),
        ] {
            let answer = answered(ranking, &[("1", "2"), ("(other)", "7"), ("sku-2", "1")]);
            let has = |text: &str| assert!(answer.contains(text), "{answer}");
            has(&format!(r#"],"other":{{"{member}":{number}}},"as_of":"#));
            has(r#""top":[{"item_id":1,"#);
            assert!(!answer.contains("(other)"), "{answer}");
        }
    }

    #[test]
    fn what_orders_have_taken_back_is_in_no_list() {
        let amounts = [("1", "2"), ("gone", "0"), ("(other)", "-10.5")];
        let answer = answered(Ranking::HighestGrossing, &amounts);
        let expected =
            r#""top":[{"item_id":1,"total_sales":2.00}],"other":{"total_sales":-10.50},"as_of":"#;
        assert!(answer.contains(expected), "{answer}");
        let answer = answered(Ranking::HighestGrossing, &[("gone", "0"), ("(other)", "0")]);
        let expected = r#"{"highest_grossing_item":null,"total_sales":0.00,"currency":"USD","top":[],"as_of":"#;
        assert!(answer.starts_with(expected), "{answer}");
    }

    /// A catalogue of five items, as a process reads it.
    fn catalogue() -> Catalogue {
        let table = MemoryTable::default();
        let mut items = Slot::new();
        for (id, name, category, brand) in [
            ("1", Some("Oat mug"), Some("Mugs"), Some("Haver")),
            ("2", None, Some("Mugs"), None),
            ("3", Some("Board"), Some("(other)"), Some("Haver")),
            ("4", Some("Ladle"), None, None),
            ("5", None, Some("Gone"), None),
        ] {
            let [name, category, brand] = [name, category, brand].map(|it| it.map(Box::from));
            let item = CatalogueItem { name, category, brand, ..CatalogueItem::default() };
            items.insert(id.into(), item);
        }
        table.set_catalogue("default", items);
        let backend = Backend::of_test(table, DateTime::UNIX_EPOCH);
        let read = backend.catalogue("default", Wanted::All, DateTime::UNIX_EPOCH);
        backend.rows.read(read).0.expect("a table in memory")
    }

    #[test]
    fn items_have_what_the_catalogue_says_about_them() {
        let amounts = [("1", "3"), ("sku-2", "2")];
        let answer = answered_by(By::Item, Ranking::MostViewed, &amounts, &catalogue());
        let expected = concat!(
            r#"{"most_viewed_item":1,"views":3,"top":[{"item_id":1,"name":"Oat mug","category":"Mugs","#,
            r#""brand":"Haver","views":3},{"item_id":"sku-2","views":2}],"#
        );
        assert!(answer.starts_with(expected), "{answer}");
    }

    #[test]
    fn groups_are_ranked_by_the_sums_of_their_items() {
        let amounts = [
            ("1", "1.5"),
            ("2", "2"),
            ("3", "9"),
            ("4", "4"),
            ("5", "0"),
            ("sku-2", "1"),
            ("(other)", "7"),
        ];
        let by = |by, ranking| answered_by(by, ranking, &amounts, &catalogue());
        let answer = by(By::Category, Ranking::HighestGrossing);
        let expected = concat!(
            r#"{"by":"category","currency":"USD","top":[{"category":"(other)","total_sales":9.00},"#,
            r#"{"category":"Mugs","total_sales":3.50}],"ungrouped":{"total_sales":5.00},"#,
            r#""other":{"total_sales":7.00},"as_of":"2026-11-20T23:07:00Z","#
        );
        assert!(answer.starts_with(expected), "{answer}");
        let answer = by(By::Brand, Ranking::TopCarted);
        let expected = concat!(
            r#"{"by":"brand","top":[{"brand":"Haver","adds_to_cart":10.5}],"#,
            r#""ungrouped":{"adds_to_cart":7},"other":{"adds_to_cart":7},"#
        );
        assert!(answer.starts_with(expected), "{answer}");
        let none = Catalogue::default();
        let answer = answered_by(By::Category, Ranking::MostViewed, &[("1", "2")], &none);
        assert!(
            answer.starts_with(r#"{"by":"category","top":[],"ungrouped":{"views":2},"as_of":"#),
            "{answer}"
        );
        let answer = answered_by(By::Category, Ranking::MostViewed, &[], &none);
        assert!(answer.starts_with(r#"{"by":"category","top":[],"as_of":"#), "{answer}");
    }

    #[test]
    fn nothing_counted_is_null_zero_and_an_empty_list() {
        let answer = answered(Ranking::TopCarted, &[]);
        assert!(
            answer.starts_with(r#"{"top_item_added_to_cart":null,"adds_to_cart":0,"top":[],"#),
            "{answer}"
        );
        let answer = answered(Ranking::HighestGrossing, &[]);
        assert!(
            answer.starts_with(
                r#"{"highest_grossing_item":null,"total_sales":0.00,"currency":"USD","#
            ),
            "{answer}"
        );
    }
}
