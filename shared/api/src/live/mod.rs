//! `GET /metrics` and `/metrics/prometheus`: who is there, what is viewed, and for Prometheus also
//! what is sold and how counting is doing.

pub(crate) mod answer;
pub(crate) mod describe;
pub(crate) mod prometheus;
pub(crate) mod query;
pub(crate) mod shop;
pub(crate) mod text;

use chrono::{DateTime, Utc};
use futures::future::{join, try_join, try_join3};
use lambda_http::http::StatusCode;
use lambda_http::http::header::{ACCEPT, HeaderValue, VARY};
use lambda_http::{Body, Request, Response};
use minutebook_domain::query::window::{Window, WindowLength};
use minutebook_storage::error::StorageError;
use minutebook_storage::queue::QueueDepth;
use minutebook_storage::table::Table;

use crate::access::Caller;
use crate::backend::Backend;
use crate::http::accept::{self, MediaType};
use crate::http::answer::unreadable;
use crate::http::response::{json, problem, text};
use crate::live::answer::{Answer, Numbers};
use crate::live::prometheus::TextFormat;
use crate::live::query::LiveQuery;
use crate::live::shop::Shop;
use crate::live::text::{Counting, Queues as QueuesText, State};
use crate::queues::Queues;
use crate::stats::views::Views;

/// What `/metrics` answers with unless a client prefers another form.
const JSON: MediaType = MediaType { kind: "application", subtype: "json", version: None };

/// The two calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LiveCall {
    /// `/metrics`: JSON, or a text format if the client prefers it.
    Metrics,
    /// `/metrics/prometheus`: always a text format.
    Prometheus,
}

/// Answers one request, in the form that the client prefers. Errors are answers, too: 400 names the
/// parameter, and 503 means that a retry helps. The numbers of a queue that cannot be reached are
/// left out, and so is how counting is doing if the caller may not see the whole deployment.
pub async fn handle(
    call: LiveCall,
    request: &Request,
    caller: &Caller,
    backend: &Backend<Table, Queues>,
) -> Response<Body> {
    let now = backend.clock.now();
    let question = match query::parse(request.uri().query().unwrap_or_default(), now) {
        Ok(question) => question,
        Err(sentence) => return problem(StatusCode::BAD_REQUEST, &sentence),
    };
    let answered = match form(call, request) {
        None => numbers(backend, &question, now)
            .await
            .map(|numbers| json(&Answer::new(&question, &numbers))),
        Some(format) => state(backend, &question, caller, now)
            .await
            .map(|state| text(format.content_type(), state.text(format, &question, now))),
    };
    let mut response = answered.unwrap_or_else(|error| unreadable(&error));
    response.headers_mut().append(VARY, HeaderValue::from_static("accept"));
    response
}

async fn numbers(
    backend: &Backend<Table, Queues>,
    question: &LiveQuery,
    now: DateTime<Utc>,
) -> Result<Numbers, StorageError> {
    let (site, retention) = (question.site_id.as_str(), backend.retention);
    let kept =
        |length: WindowLength| Window::ending_with(question.as_of, length).kept(retention, now);
    let (users_window, views_window) = (kept(question.users_window), kept(question.views_window));
    let windows = &[views_window.0];
    let views = Views::question(site, windows, now, retention);
    let visitors = backend.count_visitors(site, users_window.0, now);
    let (active, sums) = try_join(visitors, backend.rows.sum_windows(&views)).await?;
    Ok(Numbers { active, users_window, views: Views::of(sums), views_window })
}

async fn state(
    backend: &Backend<Table, Queues>,
    question: &LiveQuery,
    caller: &Caller,
    now: DateTime<Utc>,
) -> Result<State, StorageError> {
    let counting =
        async { if caller.sees_deployment { counting(backend).await.map(Some) } else { Ok(None) } };
    let shop = async {
        match question.shop_window {
            Some(window) => Shop::read(backend, question, window, now).await.map(Some),
            None => Ok(None),
        }
    };
    let (numbers, shop, counting) =
        try_join3(numbers(backend, question, now), shop, counting).await?;
    let Numbers { active, views, .. } = numbers;
    Ok(State { active, page_views: views.total(), shop, counting })
}

async fn counting(backend: &Backend<Table, Queues>) -> Result<Counting, StorageError> {
    let rows = try_join(backend.rows.totals(), backend.rows.sealing_lag());
    let (rows, depths) = join(rows, backend.queues.depths()).await;
    let (totals, sealing_lag) = rows?;
    let queues =
        QueuesText { ingest: reached(depths.ingest), dead_letters: reached(depths.dead_letters) };
    Ok(Counting { totals, sealing_lag, queues })
}

fn reached(depth: Result<QueueDepth, StorageError>) -> Option<QueueDepth> {
    depth.inspect_err(|error| tracing::error!(%error, "a queue could not be reached")).ok()
}

/// The text format that the client prefers; `None` is JSON.
///
/// **Shape**: a client that accepts nothing on offer gets the default of the call.
fn form(call: LiveCall, request: &Request) -> Option<TextFormat> {
    let accept: Vec<&str> =
        request.headers().get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let accept = accept.join(",");
    if call == LiveCall::Prometheus {
        let forms = [TextFormat::Prometheus, TextFormat::OpenMetrics];
        return Some(forms[accept::best(&accept, &forms.map(TextFormat::media_type)).unwrap_or(0)]);
    }
    let texts = [TextFormat::OpenMetrics, TextFormat::Prometheus];
    let offered = [JSON, texts[0].media_type(), texts[1].media_type()];
    accept::best(&accept, &offered)?.checked_sub(1).and_then(|place| texts.get(place).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_and_the_header_select_the_form() {
        let form_of = |call: LiveCall, accepts: &[&str]| {
            let mut request = lambda_http::http::Request::get("https://api/metrics");
            for accept in accepts {
                request = request.header(ACCEPT, *accept);
            }
            form(call, &request.body(Body::Empty).expect("a request"))
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
            assert_eq!(form_of(LiveCall::Metrics, accepts), of_metrics, "{accepts:?}");
            assert_eq!(form_of(LiveCall::Prometheus, accepts), of_prometheus, "{accepts:?}");
        }
    }
}
