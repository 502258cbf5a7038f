//! The three rankings: one handler, three measures.

pub(crate) mod answer;
pub(crate) mod describe;
pub(crate) mod query;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use minutebook_domain::count::measure::Currency;
use minutebook_domain::query::ranking::Sums;
use minutebook_domain::query::window::{Precision, Window};
use minutebook_domain::time::QuarterHours;
use minutebook_storage::reader::source::RowSource;
use minutebook_storage::reader::{SumQuestion, sum_windows};
use minutebook_storage::site::settings::SettingsSource;

use crate::backend::Backend;
use crate::http::answer::{WindowAnswer, unreadable};
use crate::http::response::problem;
use crate::rankings::answer::Ranked;
use crate::rankings::query::{Defaults, RankingQuery};

pub use crate::rankings::query::Ranking;

/// Answers one request. Errors are answers, too: 400 names the parameter, and 503 means that a
/// retry helps.
pub async fn handle<R: RowSource + SettingsSource, Q: Sync>(
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
    match sum_windows(&backend.rows, &sum_question).await {
        Ok(sums) => {
            // There is one window.
            let sums = sums.into_iter().next().unwrap_or_default();
            answer((ranking, currency), &question, (window, precision), &sums)
        }
        Err(error) => unreadable(&error),
    }
}

fn answer(
    (ranking, currency): (Ranking, Currency),
    question: &RankingQuery,
    (window, precision): (Window, Precision),
    sums: &Sums,
) -> Response<Body> {
    let window = WindowAnswer::new(window, precision);
    let ranked = Ranked {
        top: sums.top(question.limit),
        other: sums.of_other(),
        is_money: ranking.measure(currency).is_money(),
        currency: currency.as_str(),
        as_of: &question.as_of.to_string(),
        window,
    };
    ranked.answer(ranking)
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_domain::count::amount::Amount;
    use minutebook_domain::event::site::SiteId;
    use minutebook_domain::time::Minute;

    fn answered(ranking: Ranking, amounts: &[(&str, &str)]) -> String {
        let mut sums = Sums::default();
        for (key, amount) in amounts {
            sums.add(key, Amount::parse(amount.as_bytes()).expect("a decimal"));
        }
        let question = RankingQuery {
            site_id: SiteId::default(),
            window: ranking.default_window(),
            limit: 2,
            as_of: Minute::from_epoch_seconds(1_795_216_079).expect("in range"),
            currency: None,
        };
        let window = Window::ending_with(question.as_of, question.window);
        let answer =
            answer((ranking, Currency::USD), &question, (window, Precision::Minute), &sums);
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
