//! The three rankings: one handler, three measures.

pub(crate) mod answer;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response, service_fn};
use minutebook_domain::count::measure::{Currency, Measure};
use minutebook_domain::query::ranking::Sums;
use minutebook_domain::query::window::{Precision, Window, WindowLength};
use minutebook_domain::time::period::Retention;
use minutebook_storage::reader::SumQuestion;
use minutebook_storage::table::Table;

use crate::http::answer::{WindowAnswer, unreadable};
use crate::http::parameters::{self, Defaults, RankingQuery};
use crate::http::response::{preflight_or_wrong_method, problem};
use crate::rankings::answer::Ranked;
use minutebook_runtime::aws::Aws;
use minutebook_runtime::clock::Clock;
use minutebook_runtime::config::{Config, environment};

/// What a ranking function ranks by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ranking {
    /// `GET /most_viewed_item`: views, in the last hour.
    MostViewed,
    /// `GET /top_item_added_to_cart`: additions to carts, in the last 24 hours.
    TopCarted,
    /// `GET /highest_grossing_item`: sales, in the last 24 hours.
    HighestGrossing,
}

impl Ranking {
    fn measure(self, currency: Currency) -> Measure {
        match self {
            Ranking::MostViewed => Measure::Views,
            Ranking::TopCarted => Measure::Carts,
            Ranking::HighestGrossing => Measure::Sales(currency),
        }
    }

    fn default_window(self) -> WindowLength {
        match self {
            Ranking::MostViewed => WindowLength::HOUR,
            Ranking::TopCarted | Ranking::HighestGrossing => WindowLength::DAY,
        }
    }

    /// Whether its numbers are money.
    pub(crate) fn is_money(self) -> bool {
        self == Ranking::HighestGrossing
    }
}

/// Runs a ranking function under the Lambda runtime until it is shut down.
///
/// # Errors
/// A configuration that cannot be used, at start-up; the runtime's own.
pub async fn serve(ranking: Ranking) -> Result<(), lambda_http::Error> {
    lambda_http::tracing::init_default_subscriber();
    let config = Config::read(environment)?;
    let table = Table { client: Aws::read(environment)?.dynamodb(), name: config.table };
    let handler = Handler {
        ranking,
        table,
        default_currency: config.default_currency,
        retention: config.retention,
        clock: Clock::system(),
    };
    lambda_http::run(service_fn(|request| handler.handle(request))).await
}

/// A ranking function with all that it depends on.
#[derive(Clone, Debug)]
pub struct Handler {
    /// What it ranks by.
    pub ranking: Ranking,
    /// Where the numbers lie.
    pub table: Table,
    /// The currency of questions that name none.
    pub default_currency: Currency,
    /// For how long rows are kept.
    pub retention: Retention,
    /// Where now comes from.
    pub clock: Clock,
}

impl Handler {
    /// Answers one request. What goes wrong is an answer too: 400 names the parameter, 503 says
    /// that a retry helps.
    pub async fn handle(&self, request: Request) -> Result<Response<Body>, lambda_http::Error> {
        if let Some(response) = preflight_or_wrong_method(request.method()) {
            return Ok(response);
        }
        let now = self.clock.now();
        let defaults = Defaults {
            window: self.ranking.default_window(),
            currency: self.default_currency,
            now,
            is_money: self.ranking.is_money(),
        };
        let question = match parameters::parse(request.uri().query().unwrap_or_default(), &defaults)
        {
            Ok(question) => question,
            Err(sentence) => return Ok(problem(StatusCode::BAD_REQUEST, &sentence)),
        };
        let asked = Window::ending_with(question.as_of, question.window);
        let (window, precision) = asked.kept(self.retention, now);
        let sum_question = SumQuestion {
            site: &question.site_id,
            measures: &[self.ranking.measure(question.currency)],
            key: None,
            windows: &[window],
            now,
            retention: self.retention,
        };
        match self.table.sum_windows(&sum_question).await {
            // One window was asked for.
            Ok(sums) => {
                let sums = sums.into_iter().next().unwrap_or_default();
                Ok(answer(self.ranking, &question, (window, precision), &sums))
            }
            Err(error) => Ok(unreadable(&error)),
        }
    }
}

fn answer(
    ranking: Ranking,
    question: &RankingQuery,
    (window, precision): (Window, Precision),
    sums: &Sums,
) -> Response<Body> {
    let window = WindowAnswer {
        from: window.from.to_string(),
        to: window.to.to_string(),
        precision: precision.as_str(),
    };
    let ranked = Ranked {
        top: sums.top(question.limit),
        currency: question.currency.as_str(),
        as_of: &question.as_of.to_string(),
        window,
    };
    ranked.answer(ranking)
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_domain::count::amount::Amount;
    use minutebook_domain::time::Minute;

    fn answered(ranking: Ranking, amounts: &[(&str, &str)]) -> String {
        let mut sums = Sums::default();
        for (key, amount) in amounts {
            sums.add(key, Amount::parse(amount.as_bytes()).expect("a decimal"));
        }
        let question = RankingQuery {
            site_id: "default".to_string(),
            window: ranking.default_window(),
            limit: 2,
            as_of: Minute::from_epoch_seconds(1_795_216_079).expect("in range"),
            currency: Currency::parse(b"USD").expect("three letters"),
        };
        let window = Window::ending_with(question.as_of, question.window);
        let answer = answer(ranking, &question, (window, Precision::Minute), &sums);
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
