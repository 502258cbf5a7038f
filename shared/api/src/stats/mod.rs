//! `GET /stats`: the views, visitors and most viewed paths of a site, on a day, in a range or of
//! all time.

pub(crate) mod answer;
pub(crate) mod describe;
pub(crate) mod query;
pub(crate) mod views;

use futures::future::try_join;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use minutebook_domain::count::visitors::VisitorCounts;
use minutebook_domain::query::window::{WINDOW_MINUTES_MAX, Window};
use minutebook_storage::error::StorageError;
use minutebook_storage::reader::source::RowSource;
use minutebook_storage::reader::sum_windows;
use minutebook_storage::site::registry::SiteSource;
use minutebook_storage::visitors::VisitorStateSource;

use crate::backend::Backend;
use crate::http::answer::unreadable;
use crate::http::response::{json, problem};
use crate::stats::answer::Answer;
use crate::stats::views::Views;

/// Answers one request. Errors are answers, too: 400 names the parameter, and 503 means that a
/// retry helps.
pub async fn handle<R: RowSource + SiteSource + VisitorStateSource, Q: Sync>(
    request: &Request,
    backend: &Backend<R, Q>,
) -> Response<Body> {
    let (now, retention) = (backend.clock.now(), backend.retention);
    let question = match query::parse(request.uri().query().unwrap_or_default(), now) {
        Ok(question) => question,
        Err(sentence) => return problem(StatusCode::BAD_REQUEST, &sentence),
    };
    let site = question.site_id.as_str();
    let is_long = question.window.to.number() - question.window.from.number() > WINDOW_MINUTES_MAX;
    // The years before the first event would take a query each.
    let found = match is_long || question.is_from_first_event {
        true => backend.window_of_events(site, question.window).await,
        false => Ok(Some(question.window)),
    };
    let found = match found {
        Ok(found) => found,
        Err(error) => return unreadable(&error),
    };
    let covered = found.filter(|_| question.is_from_first_event).unwrap_or(question.window);
    let covered = covered.kept(retention, now);
    let numbers = match found {
        Some(window) => numbers(backend, site, window.kept(retention, now).0).await,
        None => Ok((Views::default(), VisitorCounts::default())),
    };
    match numbers {
        Ok((views, visitors)) => json(&Answer::new(&question, covered, &views, visitors)),
        Err(error) => unreadable(&error),
    }
}

async fn numbers<R: RowSource + VisitorStateSource, Q: Sync>(
    backend: &Backend<R, Q>,
    site: &str,
    window: Window,
) -> Result<(Views, VisitorCounts), StorageError> {
    let (now, retention, windows) = (backend.clock.now(), backend.retention, &[window]);
    let views = Views::question(site, windows, now, retention);
    let visitors = backend.count_visitors(site, window, now);
    let (sums, visitors) = try_join(sum_windows(&backend.rows, &views), visitors).await?;
    Ok((Views::of(sums), visitors))
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_domain::count::amount::Amount;
    use minutebook_domain::count::measure::Measure;
    use minutebook_domain::time::period::Retention;
    use minutebook_domain::time::{Day, DayRange, Minute};
    use minutebook_storage::memory::{MemoryTable, Reads};
    use minutebook_storage::site::registry::RegisteredSite;
    use serde_json::{Value, json};

    const RETENTION: Retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };
    const NOW: &str = "2026-11-21T12:00:30Z";

    /// Counted numbers: site, measure, time, key, number.
    const CELLS: &[(&str, Measure, &str, &str, u64)] = &[
        ("site-abc-123", Measure::Pages, "2025-11-12T19:30:00Z", "/pricing", 200),
        ("site-abc-123", Measure::Pages, "2025-11-12T23:59:00Z", "/blog/post-1", 150),
        ("site-abc-123", Measure::Pages, "2025-11-12T00:00:00Z", "/", 100),
        ("site-abc-123", Measure::Pages, "2025-11-13T00:00:00Z", "/pricing", 500),
        ("site-abc-123", Measure::Pages, "2019-10-01T08:00:00Z", "/blog/post-1", 350),
        ("site-abc-123", Measure::Pages, "2026-11-21T12:00:00Z", "/", 150),
        // On the running day: views of an item, most of them on a page, and some that named
        // nothing.
        ("site-abc-123", Measure::Views, "2026-11-21T11:59:00Z", "sku-1", 10),
        ("site-abc-123", Measure::Pages, "2026-11-21T11:59:00Z", "/sku-1", 7),
        ("site-abc-123", Measure::Pages, "2026-11-21T11:59:00Z", "", 7),
        ("site-abc-123", Measure::Pages, "2026-11-21T11:58:00Z", "(not set)", 2_000),
        // Pages without a name.
        ("full", Measure::Pages, "2025-11-12T19:30:00Z", "/a", 3),
        ("full", Measure::Pages, "2025-11-12T19:30:00Z", "(other)", 8),
        // Of another site, and no views.
        ("other", Measure::Pages, "2025-11-12T19:30:00Z", "/pricing", 9),
        ("site-abc-123", Measure::Carts, "2025-11-12T19:30:00Z", "sku-1", 9),
    ];

    /// A table in memory with the cells in all of their rows.
    fn table() -> MemoryTable {
        let table = MemoryTable::default();
        for (site, measure, time, key, count) in CELLS {
            let minute = Minute::containing(time.parse().expect("a time")).expect("in range");
            let counter = (*key, Amount::from_count(*count));
            let now = NOW.parse().expect("a time");
            table.count(site, *measure, minute, counter, now, RETENTION);
        }
        table
    }

    fn asked(query: &str) -> (u16, String, Reads) {
        asked_of(&Backend::of_test(table(), NOW.parse().expect("a time")), query)
    }

    fn asked_of(backend: &Backend<MemoryTable>, query: &str) -> (u16, String, Reads) {
        let request = lambda_http::http::Request::get(format!("/stats?{query}"));
        let request = request.body(Body::Empty).expect("a request");
        let (response, reads) = backend.rows.read(handle(&request, backend));
        (
            response.status().as_u16(),
            String::from_utf8_lossy(response.body().as_ref()).into_owned(),
            reads,
        )
    }

    #[test]
    fn a_day_of_a_site() {
        let (status, body, _) = asked("site_id=site-abc-123&date=2025-11-12");
        assert_eq!(status, 200);
        assert_eq!(
            body,
            concat!(
                r#"{"site_id":"site-abc-123","date":"2025-11-12","total_views":450,"unique_users":0,"#,
                r#""top_paths":[{"path":"/pricing","views":200},{"path":"/blog/post-1","views":150},"#,
                r#"{"path":"/","views":100}],"as_of":"2026-11-21T12:00:00Z","#,
                r#""window":{"from":"2025-11-12T00:00:00Z","to":"2025-11-13T00:00:00Z","precision":"minute"}}"#
            )
        );
    }

    #[test]
    fn all_time_counts_every_view_once_and_lists_paths_only() {
        let (status, body, reads) = asked("site_id=site-abc-123&limit=3");
        let answer: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(
            (status, &answer["date"], &answer["total_views"]),
            (200, &Value::Null, &json!(1_450 + 10 + 2_000))
        );
        let expected = json!([
            {"path": "/pricing", "views": 700},
            {"path": "/blog/post-1", "views": 500},
            {"path": "/", "views": 250},
        ]);
        assert_eq!(answer["top_paths"], expected);
        assert_eq!(answer["window"]["from"], "1970-01-01T00:00:00Z");
        // A query a year for each of two measures and the visitors, and some for the running month.
        assert!(reads.queries < 250, "{reads:?}");
    }

    /// A backend whose registry has the site from this day on.
    fn registered(is_complete: bool, first: &str) -> Backend<MemoryTable> {
        let backend = Backend::of_test(table(), NOW.parse().expect("a time"));
        let [first, last] = [first, "2026-11-21"].map(|day| Day::parse(day).expect("a day"));
        let (site, days) = ("site-abc-123".to_string(), DayRange { first, last });
        backend.rows.set_registry(is_complete, vec![RegisteredSite { site, number: 1, days }]);
        backend
    }

    #[test]
    fn all_time_begins_with_the_first_day_of_the_site() {
        let backend = registered(true, "2019-10-01");
        let (_, body, reads) = asked_of(&backend, "site_id=site-abc-123&limit=3");
        let answer: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(answer["total_views"], json!(1_450 + 10 + 2_000));
        assert_eq!(answer["window"]["from"], "2019-10-01T00:00:00Z");
        assert!(reads.queries < 100, "{reads:?}");
        // What was asked for is answered for, whatever is read.
        let (_, body, reads) = asked_of(&backend, "site_id=site-abc-123&from=1980-01-01");
        let answer: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(answer["total_views"], json!(1_450 + 10 + 2_000));
        assert_eq!(answer["window"]["from"], "1980-01-01T00:00:00Z");
        assert!(reads.queries < 100, "{reads:?}");
        let (_, body, reads) = asked_of(&backend, "site_id=site-abc-123&to=2019-10-01");
        assert!(body.contains(r#""total_views":0"#) && reads.queries == 1, "{body} {reads:?}");
    }

    #[test]
    fn an_unknown_site_costs_one_read() {
        let backend = registered(true, "2019-10-01");
        let unknown = "site_id=nonexistent-site";
        // The first question also learns that all sites are registered.
        for queries in [2, 1] {
            let (status, body, reads) = asked_of(&backend, unknown);
            assert_eq!((status, reads.queries, reads.half_units), (200, queries, queries));
            assert_eq!(body, asked(unknown).1);
        }
    }

    #[test]
    fn all_time_of_sites_that_may_have_a_past_begins_in_1970() {
        let backend = registered(false, "1970-01-01");
        for site in ["site-abc-123", "full"] {
            let query = format!("site_id={site}");
            assert_eq!(asked_of(&backend, &query).1, asked(&query).1, "{site}");
        }
    }

    #[test]
    fn pages_without_a_name_are_said_beside_the_list() {
        let (_, body, _) = asked("site_id=full&date=2025-11-12");
        let expected = concat!(
            r#""total_views":11,"unique_users":0,"top_paths":[{"path":"/a","views":3}],"#,
            r#""other":{"views":8},"as_of":"#
        );
        assert!(body.contains(expected), "{body}");
    }

    #[test]
    fn an_unknown_site_is_zeros() {
        let (status, body, _) = asked("site_id=nonexistent-site");
        let expected = r#"{"site_id":"nonexistent-site","date":null,"total_views":0,"unique_users":0,"top_paths":[],"#;
        assert!(status == 200 && body.starts_with(expected), "{status} {body}");
    }

    #[test]
    fn a_range_ends_before_its_second_edge() {
        let total = |query: &str| {
            let (_, body, _) = asked(&format!("site_id=site-abc-123&{query}"));
            serde_json::from_str::<Value>(&body).expect("JSON")["total_views"].clone()
        };
        assert_eq!(total("from=2025-11-12&to=2025-11-13"), 450);
        assert_eq!(total("from=2025-11-12&to=2025-11-14"), 950);
        assert_eq!(total("from=2026-11-21T11:59:00Z&to=2026-11-21T12:00:00Z"), 10);
        assert_eq!(total("from=2026-11-21T11:58:00Z"), 2_160);
        assert_eq!(total("to=2025-11-12T23:00:00Z"), 650);
        // The minutes of that hour have expired: all of it is taken, and the answer says so.
        assert_eq!(total("to=2025-11-12T23:01:00Z"), 800);
    }

    #[test]
    fn a_wrong_query_is_400_and_says_what_is_expected() {
        for (query, sentence) in [
            ("", r#""error":"Missing required parameter: site_id""#),
            (
                "site_id=site-abc-123&date=invalid-date",
                r#""error":"Invalid date format. Expected YYYY-MM-DD""#,
            ),
            ("site_id=site-abc-123&limit=101", "limit"),
        ] {
            let (status, body, _) = asked(query);
            assert!(status == 400 && body.contains(sentence), "{status} {body}");
        }
    }
}
