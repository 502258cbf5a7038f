//! The live numbers: who is there, what is looked at, and for Prometheus how counting itself is
//! doing.

pub(crate) mod prometheus;
pub(crate) mod query;
pub(crate) mod text;

use chrono::{DateTime, Utc};
use futures::future::{join3, try_join, try_join3};
use lambda_http::http::StatusCode;
use lambda_http::http::header::{ACCEPT, HeaderValue, VARY};
use lambda_http::{Body, Request, RequestExt, Response, service_fn};
use minutebook_domain::count::visitors::VisitorCounts;
use minutebook_domain::query::window::{Precision, Window, WindowLength};
use minutebook_domain::time::period::Retention;
use minutebook_storage::error::StorageError;
use minutebook_storage::queue::{Queue, QueueDepth};
use minutebook_storage::reader::SumQuestion;
use minutebook_storage::table::Table;
use minutebook_storage::visitors::VisitorQuestion;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::http::accept::{self, MediaType};
use crate::http::answer::{Number, Time, WindowAnswer, number, unreadable};
use crate::http::response::{json, preflight_or_wrong_method, problem, text};
use crate::http::views::Views;
use crate::live::prometheus::TextFormat;
use crate::live::query::LiveQuery;
use crate::live::text::{Queues, State};
use minutebook_runtime::aws::Aws;
use minutebook_runtime::clock::Clock;
use minutebook_runtime::config::{Config, HealthConfig, environment};

/// The end of the path that always answers in a form of Prometheus.
const TEXT_PATH: &str = "/prometheus";

/// What the path without that end answers by default.
const JSON: MediaType = MediaType { kind: "application", subtype: "json", version: None };

/// Runs the live function under the Lambda runtime until it is shut down.
///
/// # Errors
/// A configuration that cannot be used, at start-up; the runtime's own.
pub async fn serve() -> Result<(), lambda_http::Error> {
    lambda_http::tracing::init_default_subscriber();
    let config = Config::read(environment)?;
    let HealthConfig { queue_url, dead_letters_url } = HealthConfig::read(environment)?;
    let aws = Aws::read(environment)?;
    let sqs = aws.sqs();
    let handler = Handler {
        table: Table { client: aws.dynamodb(), name: config.table },
        queue: Queue { client: sqs.clone(), url: queue_url },
        dead_letters: Queue { client: sqs, url: dead_letters_url },
        retention: config.retention,
        clock: Clock::system(),
    };
    lambda_http::run(service_fn(|request| handler.handle(request))).await
}

/// The live function with all that it depends on.
#[derive(Clone, Debug)]
pub struct Handler {
    /// Where the numbers lie.
    pub table: Table,
    /// What ingest takes its messages from.
    pub queue: Queue,
    /// Where messages end up that ingest could not handle.
    pub dead_letters: Queue,
    /// For how long rows are kept.
    pub retention: Retention,
    /// Where now comes from.
    pub clock: Clock,
}

impl Handler {
    /// Answers one request, in the form that is asked for. What goes wrong is an answer too: 400
    /// names the parameter, 503 says that a retry helps. Queues that cannot be reached only leave
    /// their numbers out.
    pub async fn handle(&self, request: Request) -> Result<Response<Body>, lambda_http::Error> {
        if let Some(response) = preflight_or_wrong_method(request.method()) {
            return Ok(response);
        }
        let now = self.clock.now();
        let question = match query::parse(request.uri().query().unwrap_or_default(), now) {
            Ok(question) => question,
            Err(sentence) => return Ok(problem(StatusCode::BAD_REQUEST, &sentence)),
        };
        let answered = match form(&request) {
            None => self
                .numbers(&question, now)
                .await
                .map(|numbers| json(&Answer::new(&question, &numbers))),
            Some(format) => self.state(&question, now).await.map(|state| {
                let body = state.text(format, &question, now);
                text(format.content_type(), body)
            }),
        };
        let mut response = answered.unwrap_or_else(|error| unreadable(&error));
        response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
        Ok(response)
    }

    async fn numbers(
        &self,
        question: &LiveQuery,
        now: DateTime<Utc>,
    ) -> Result<Numbers, StorageError> {
        let (site, retention) = (question.site_id.as_str(), self.retention);
        let kept =
            |length: WindowLength| Window::ending_with(question.as_of, length).kept(retention, now);
        let (users_window, views_window) =
            (kept(question.users_window), kept(question.views_window));
        let visitors = VisitorQuestion { site, windows: &[users_window.0], now, retention };
        let windows = &[views_window.0];
        let views =
            SumQuestion { site, measures: &Views::MEASURES, key: None, windows, now, retention };
        let (visitors, sums) =
            try_join(self.table.count_visitors(&visitors), self.table.sum_windows(&views)).await?;
        let active = visitors.first().copied().unwrap_or_default();
        Ok(Numbers { active, users_window, views: Views::of(sums), views_window })
    }

    async fn state(&self, question: &LiveQuery, now: DateTime<Utc>) -> Result<State, StorageError> {
        let table = try_join3(
            self.numbers(question, now),
            self.table.totals(),
            self.table.oldest_open_hour(),
        );
        let (table, ingest, dead_letters) =
            join3(table, self.queue.depth(), self.dead_letters.depth()).await;
        let (Numbers { active, views, .. }, totals, oldest) = table?;
        let queues = Queues { ingest: reached(ingest), dead_letters: reached(dead_letters) };
        Ok(State {
            active,
            page_views: views.total(),
            totals,
            oldest_open: oldest.map(|open| open.hour),
            queues,
        })
    }
}

fn reached(depth: Result<QueueDepth, StorageError>) -> Option<QueueDepth> {
    depth.inspect_err(|error| tracing::error!(%error, "a queue could not be reached")).ok()
}

/// The text form that a request asks for; `None` is JSON.
///
/// **Shape**: who takes nothing of what there is gets what they would without asking.
fn form(request: &Request) -> Option<TextFormat> {
    let accept: Vec<&str> =
        request.headers().get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let accept = accept.join(",");
    if request.raw_http_path().ends_with(TEXT_PATH) {
        let forms = [TextFormat::Prometheus, TextFormat::OpenMetrics];
        return Some(forms[accept::best(&accept, &forms.map(TextFormat::media_type)).unwrap_or(0)]);
    }
    let texts = [TextFormat::OpenMetrics, TextFormat::Prometheus];
    let offered = [JSON, texts[0].media_type(), texts[1].media_type()];
    accept::best(&accept, &offered)?.checked_sub(1).and_then(|place| texts.get(place).copied())
}

/// What is going on at a site, and in which windows.
struct Numbers {
    active: VisitorCounts,
    users_window: (Window, Precision),
    views: Views,
    views_window: (Window, Precision),
}

/// What goes on at a site.
// In the order in which its members are written.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Live")]
pub(crate) struct Answer<'a> {
    /// How many customers had an event.
    active_users: u64,
    /// How many sessions had an event.
    active_sessions: u64,
    /// All views: of pages, of items, and of neither.
    #[schemars(with = "Number")]
    page_views: Box<RawValue>,
    /// The pages with the most views, in their order.
    top_pages: Vec<TopPage<'a>>,
    site_id: &'a str,
    /// The minute that the windows end with.
    #[schemars(with = "Time")]
    as_of: String,
    windows: Windows,
}

#[derive(Serialize, JsonSchema)]
struct TopPage<'a> {
    page: &'a str,
    #[schemars(with = "Number")]
    views: Box<RawValue>,
}

/// The windows of the numbers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LiveWindows")]
struct Windows {
    /// Of active users and sessions.
    users: WindowAnswer,
    /// Of views and pages.
    views: WindowAnswer,
}

impl<'a> Answer<'a> {
    fn new(question: &'a LiveQuery, numbers: &'a Numbers) -> Answer<'a> {
        let window = |(window, precision): (Window, Precision)| WindowAnswer {
            from: window.from.to_string(),
            to: window.to.to_string(),
            precision: precision.as_str(),
        };
        let top = numbers.views.top_pages(question.limit).into_iter();
        Answer {
            active_users: numbers.active.visitors,
            active_sessions: numbers.active.sessions,
            page_views: number(numbers.views.total(), false),
            top_pages: top
                .map(|(page, views)| TopPage { page, views: number(views, false) })
                .collect(),
            site_id: &question.site_id,
            as_of: question.as_of.to_string(),
            windows: Windows {
                users: window(numbers.users_window),
                views: window(numbers.views_window),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_domain::count::amount::Amount;
    use minutebook_domain::query::ranking::Sums;

    #[test]
    fn an_answer_has_the_members_of_a_dashboard() {
        let question = query::parse("limit=2", "2026-11-20T23:07:59Z".parse().expect("a time"))
            .expect("right");
        let mut pages = Sums::default();
        for (page, views) in [("/a", 3), ("/b", 4), ("/c", 1), ("(not set)", 9)] {
            pages.add(page, Amount::from_count(views));
        }
        let window = |length| (Window::ending_with(question.as_of, length), Precision::Minute);
        let numbers = Numbers {
            active: VisitorCounts { visitors: 7, sessions: 8 },
            users_window: window(question.users_window),
            views: Views::of(vec![Sums::default(), pages]),
            views_window: window(question.views_window),
        };
        assert_eq!(
            serde_json::to_string(&Answer::new(&question, &numbers)).expect("an answer is JSON"),
            concat!(
                r#"{"active_users":7,"active_sessions":8,"page_views":17,"#,
                r#""top_pages":[{"page":"/b","views":4},{"page":"/a","views":3}],"#,
                r#""site_id":"default","as_of":"2026-11-20T23:07:00Z","#,
                r#""windows":{"#,
                r#""users":{"from":"2026-11-20T23:03:00Z","to":"2026-11-20T23:08:00Z","precision":"minute"},"#,
                r#""views":{"from":"2026-11-20T22:53:00Z","to":"2026-11-20T23:08:00Z","precision":"minute"}}}"#
            )
        );
    }

    #[test]
    fn the_path_and_the_header_say_the_form() {
        let form_of = |path: &str, accepts: &[&str]| {
            let mut request =
                lambda_http::http::Request::builder().uri(format!("https://api{path}"));
            for accept in accepts {
                request = request.header(ACCEPT, *accept);
            }
            form(&request.body(Body::Empty).expect("a request").with_raw_http_path(path))
        };
        let (prometheus, open_metrics) =
            (Some(TextFormat::Prometheus), Some(TextFormat::OpenMetrics));
        for (accepts, of_metrics, of_prometheus) in [
            (&[][..], None, prometheus),
            (&["*/*"], None, prometheus),
            (&["application/json"], None, prometheus),
            (&["text/html"], None, prometheus),
            (&["text/plain"], prometheus, prometheus),
            (&["application/openmetrics-text"], open_metrics, open_metrics),
            (&["application/json;q=0.1", "text/plain;q=0.2"], prometheus, prometheus),
            (
                &["application/openmetrics-text;version=1.0.0,text/plain;q=0.5,*/*;q=0.1"],
                open_metrics,
                open_metrics,
            ),
        ] {
            assert_eq!(form_of("/metrics", accepts), of_metrics, "{accepts:?}");
            assert_eq!(form_of("/metrics/prometheus", accepts), of_prometheus, "{accepts:?}");
        }
    }
}
