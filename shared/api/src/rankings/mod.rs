//! The three rankings: one handler, three measures.

pub(crate) mod answer;
pub(crate) mod describe;
pub(crate) mod groups;
pub(crate) mod query;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use minutebook_domain::count::amount::Amount;
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
use crate::rankings::answer::{ComparedWindow, Ranked};
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
    // The window of the ranking, and that which it is compared with, if there is one.
    let minutes = [Some(question.as_of), question.compared_as_of].into_iter().flatten();
    let kept = |as_of| Window::ending_with(as_of, question.window).kept(retention, now);
    let (windows, precisions): (Vec<Window>, Vec<Precision>) = minutes.map(kept).unzip();
    let sum_question = SumQuestion {
        site: question.site_id.as_str(),
        measures: &[ranking.measure(currency)],
        key: None,
        windows: &windows,
        now,
        retention,
        quarter_hours: QuarterHours::NONE,
    };
    let sums = match sum_windows(&backend.rows, &sum_question).await {
        Ok(sums) => sums,
        Err(error) => return unreadable(&error),
    };
    let covered = windows.into_iter().zip(precisions).zip(sums);
    let mut covered = covered.map(|((window, precision), sums)| Summed { window, precision, sums });
    let Some(summed) = covered.next() else {
        return problem(StatusCode::INTERNAL_SERVER_ERROR, "nothing was summed");
    };
    let site = question.site_id.as_str();
    let top = match question.by {
        By::Item => summed.sums.top(question.limit),
        By::Category | By::Brand => Vec::new(),
    };
    let catalogue = match question.by {
        By::Item => backend.catalogue_of(site, top.iter().map(|(key, _)| *key), now).await,
        By::Category | By::Brand => backend.catalogue(site, Wanted::All, now).await,
    };
    match catalogue {
        Ok(catalogue) => {
            let compared = covered.next();
            let summed = (&summed, compared.as_ref());
            answer((ranking, currency), &question, summed, (&top, &catalogue))
        }
        Err(error) => unreadable(&error),
    }
}

/// A window, and what was summed in it.
struct Summed {
    window: Window,
    precision: Precision,
    sums: Sums,
}

impl Summed {
    fn answer(&self) -> WindowAnswer {
        WindowAnswer::new(self.window, self.precision)
    }
}

/// The answer; `top` has the items that it lists.
fn answer(
    (ranking, currency): (Ranking, Currency),
    question: &RankingQuery,
    (summed, compared): (&Summed, Option<&Summed>),
    (top, catalogue): (&[(&str, Amount)], &Catalogue),
) -> Response<Body> {
    let ranked = Ranked {
        ranking,
        other: summed.sums.of_other(),
        currency: currency.as_str(),
        as_of: &question.as_of.to_string(),
        window: summed.answer(),
        compared: ComparedWindow { compared_window: compared.map(Summed::answer) },
    };
    match question.by {
        By::Item => {
            let compared = |key: &str| compared.map(|compared| compared.sums.of(key));
            ranked.items(top, compared, catalogue)
        }
        by => {
            let groups = |summed: &Summed| Groups::of(&summed.sums, catalogue, by);
            let compared = compared.map(groups);
            ranked.groups(&groups(summed), compared.as_ref(), question)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use minutebook_domain::catalogue::{CatalogueItem, Slot};
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
        answered_beside(by, ranking, (amounts, None), catalogue)
    }

    fn sums_of(amounts: &[(&str, &str)]) -> Sums {
        let mut sums = Sums::default();
        for (key, amount) in amounts {
            sums.add(key, Amount::parse(amount.as_bytes()).expect("a decimal"));
        }
        sums
    }

    type Amounts<'a> = &'a [(&'a str, &'a str)];

    fn answered_beside(
        by: By,
        ranking: Ranking,
        (amounts, compared): (Amounts<'_>, Option<Amounts<'_>>),
        catalogue: &Catalogue,
    ) -> String {
        let question = RankingQuery {
            site_id: SiteId::default(),
            window: ranking.default_window(),
            by,
            limit: 2,
            as_of: Minute::from_epoch_seconds(1_795_216_079).expect("in range"),
            compared_as_of: None,
            currency: None,
        };
        let summed = |minutes_ago: u32, amounts| Summed {
            window: Window::ending_with(question.as_of.minus(minutes_ago), question.window),
            precision: Precision::Minute,
            sums: sums_of(amounts),
        };
        let (now, before) = (summed(0, amounts), compared.map(|amounts| summed(1_440, amounts)));
        let (both, top) = ((&now, before.as_ref()), now.sums.top(question.limit));
        let answer = answer((ranking, Currency::USD), &question, both, (&top, catalogue));
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
    fn each_item_is_compared_with_itself_in_the_other_window() {
        let both: (Amounts<'_>, _) =
            (&[("1", "3"), ("9", "2")], Some(&[("1", "5"), ("2", "9")][..]));
        let answer = answered_beside(By::Item, Ranking::MostViewed, both, &Catalogue::default());
        assert_eq!(
            answer,
            concat!(
                r#"{"most_viewed_item":1,"views":3,"top":[{"item_id":1,"views":3,"compared":5},"#,
                r#"{"item_id":9,"views":2,"compared":0}],"as_of":"2026-11-20T23:07:00Z","#,
                r#""window":{"from":"2026-11-20T22:08:00Z","to":"2026-11-20T23:08:00Z","precision":"minute"},"#,
                r#""compared_window":{"from":"2026-11-19T22:08:00Z","to":"2026-11-19T23:08:00Z","precision":"minute"}}"#
            )
        );
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
        let before: Amounts<'_> = &[("2", "7"), ("3", "1"), ("4", "5")];
        let both = (&amounts[..], Some(before));
        let answer = answered_beside(By::Category, Ranking::HighestGrossing, both, &catalogue());
        let expected = concat!(
            r#""top":[{"category":"(other)","total_sales":9.00,"compared":1.00},"#,
            r#"{"category":"Mugs","total_sales":3.50,"compared":7.00}],"ungrouped":{"#,
        );
        assert!(answer.contains(expected), "{answer}");
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
