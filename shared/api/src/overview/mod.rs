//! `GET /overview`: all numbers of a site in a range of time and in its periods, beside those of an
//! earlier range.

pub(crate) mod answer;
pub(crate) mod describe;
pub(crate) mod numbers;
pub(crate) mod query;
pub(crate) mod series;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use minutebook_storage::reader::RowSource;
use minutebook_storage::site::settings::SettingsSource;
use minutebook_storage::visitors::VisitorStateSource;

use crate::backend::{Backend, SiteDefaults};
use crate::http::answer::unreadable;
use crate::http::response::{json, problem};
use crate::overview::answer::Answer;
use crate::overview::query::Given;
use crate::overview::series::Rows;

/// Answers one request. Errors are answers, too: 400 names the parameter, and 503 means that a
/// retry helps.
pub async fn handle<R: RowSource + SettingsSource + VisitorStateSource, Q: Sync>(
    request: &Request,
    backend: &Backend<R, Q>,
) -> Response<Body> {
    let (now, retention) = (backend.clock.now(), backend.retention);
    let given = match Given::read(request.uri().query().unwrap_or_default()) {
        Ok(given) => given,
        Err(sentence) => return problem(StatusCode::BAD_REQUEST, &sentence),
    };
    let of_site = match backend.defaults_of(&given.site_id, now).await {
        Ok(of_site) => of_site,
        Err(error) => return unreadable(&error),
    };
    let SiteDefaults { currency, time_zone: zone, quarter_hours } = &of_site;
    let rows = Rows { quarter_hours, retention, now };
    let question = match given.resolve((*currency, *zone), rows) {
        Ok(question) => question,
        Err(sentence) => return problem(StatusCode::BAD_REQUEST, &sentence),
    };
    match numbers::read(backend, &question, quarter_hours, now).await {
        Ok(overview) => json(&Answer::new(&question, &overview)),
        Err(error) => unreadable(&error),
    }
}
