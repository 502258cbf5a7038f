//! `GET /sites`: the sites with events, and what counts for each of them.

pub(crate) mod answer;
pub(crate) mod describe;

use futures::future::try_join;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use minutebook_domain::event::site::SiteId;
use minutebook_domain::time::Minute;
use minutebook_storage::site::registry::SiteSource;
use minutebook_storage::site::settings::SettingsSource;

use crate::backend::Backend;
use crate::http::answer::unreadable;
use crate::http::parameters::{self, LIMIT_MAX};
use crate::http::response::{json, problem};
use crate::sites::answer::Answer;

/// Which sites are listed.
struct Page {
    limit: usize,
    /// The site after which the page begins; empty for the first page.
    after: String,
    /// The only site that is listed.
    only: Option<SiteId>,
}

/// Answers one request. Errors are answers, too: 400 names the parameter, and 503 means that a
/// retry helps.
pub async fn handle<R: SettingsSource + SiteSource, Q: Sync>(
    request: &Request,
    backend: &Backend<R, Q>,
) -> Response<Body> {
    let now = backend.clock.now();
    let page = match page(request.uri().query().unwrap_or_default()) {
        Ok(page) => page,
        Err(sentence) => return problem(StatusCode::BAD_REQUEST, &sentence),
    };
    let as_of = Minute::containing(now).unwrap_or(Minute::EPOCH);
    let sites = async {
        match &page.only {
            Some(site) => Ok(backend.rows.site(site.as_str()).await?.into_iter().collect()),
            None => backend.rows.sites_after(&page.after, page.limit + 1).await,
        }
    };
    match try_join(sites, backend.settings(now)).await {
        Ok((sites, settings)) => {
            let defaults = (backend.default_currency, backend.default_time_zone);
            let live_url = backend.live_url.as_deref();
            json(&Answer::new(&sites, page.limit, &settings, defaults, live_url, as_of))
        }
        Err(error) => unreadable(&error),
    }
}

fn page(query: &str) -> Result<Page, String> {
    let mut page = Page { limit: LIMIT_MAX, after: String::new(), only: None };
    for (name, value) in parameters::parameters(query)? {
        match name.as_ref() {
            "site_id" => page.only = Some(parameters::site_id(&value)?),
            "limit" => page.limit = parameters::limit(&value, 1)?,
            "cursor" => {
                let site = parameters::site_id(&value).map_err(|_| {
                    format!("cursor is {value:?}; expected the next_cursor of an answer")
                })?;
                page.after = site.to_string();
            }
            _ => {
                return Err(format!(
                    "{name:?} is not a parameter of this call; it takes site_id, limit, cursor"
                ));
            }
        }
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_domain::time::{Day, DayRange};
    use minutebook_storage::memory::MemoryTable;
    use minutebook_storage::site::registry::RegisteredSite;
    use serde_json::{Value, json};

    fn asked(query: &str) -> (u16, Value) {
        let now = "2026-11-21T12:00:30Z".parse().expect("a time");
        let mut backend = Backend::of_test(MemoryTable::default(), now);
        backend.live_url = Some("wss://live.example/realtime".to_string());
        let day = |name: &str| Day::parse(name).expect("a day");
        let site = |site: &str, number, first| {
            let days = DayRange { first: day(first), last: day("2026-11-20") };
            RegisteredSite { site: site.to_string(), number, days }
        };
        let sites = [("b", 1, "2019-10-01"), ("a", 2, "1970-01-01"), ("a.b", 3, "2026-11-20")];
        let sites = sites.map(|(name, number, first)| site(name, number, first));
        backend.rows.set_registry(true, sites.to_vec());
        let request = lambda_http::http::Request::get(format!("/sites?{query}"));
        let request = request.body(Body::Empty).expect("a request");
        let response = backend.rows.read(handle(&request, &backend)).0;
        let body = serde_json::from_slice(response.body().as_ref()).expect("JSON");
        (response.status().as_u16(), body)
    }

    #[test]
    fn sites_are_listed_with_what_counts_for_them() {
        let (status, answer) = asked("");
        assert_eq!(status, 200);
        let first = json!({
            "site_id": "a", "display_name": null, "time_zone": "UTC", "currency": "USD",
            "first_day": null, "last_day": "2026-11-20", "settings_revision": 0,
        });
        assert_eq!(answer["sites"][0], first);
        assert_eq!(answer["sites"][2]["first_day"], "2019-10-01");
        assert_eq!(answer["live_url"], "wss://live.example/realtime");
        assert_eq!(
            (&answer["settings_revision"], &answer["next_cursor"]),
            (&json!(0), &Value::Null)
        );
        assert_eq!(answer["as_of"], "2026-11-21T12:00:00Z");
    }

    #[test]
    fn one_site_is_listed_if_it_exists() {
        for (site, expected) in [("a.b", 1), ("c", 0)] {
            let (_, answer) = asked(&format!("site_id={site}"));
            let sites = answer["sites"].as_array().expect("a list");
            assert!(sites.len() == expected && sites.iter().all(|it| it["site_id"] == site));
        }
    }

    #[test]
    fn pages_follow_each_other_by_name() {
        let mut names = vec![];
        let mut query = "limit=2".to_string();
        loop {
            let (_, answer) = asked(&query);
            let sites = answer["sites"].as_array().expect("a list");
            names.extend(
                sites.iter().map(|site| site["site_id"].as_str().expect("a name").to_string()),
            );
            let Some(cursor) = answer["next_cursor"].as_str() else { break };
            query = format!("limit=2&cursor={cursor}");
        }
        assert_eq!(names, ["a", "a.b", "b"]);
    }

    #[test]
    fn a_wrong_query_is_400_and_says_what_is_expected() {
        for (query, sentence) in [
            ("limit=0", "from 1 to 100"),
            ("cursor=a%20b", "next_cursor"),
            ("site=a", "it takes site_id, limit, cursor"),
        ] {
            let (status, problem) = asked(query);
            let error = problem["error"].as_str().expect("a sentence");
            assert!(status == 400 && error.contains(sentence), "{query}: {error}");
        }
    }
}
