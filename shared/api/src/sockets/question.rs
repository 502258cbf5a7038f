//! What a viewer asks, for as long as the socket is open.

use chrono::{DateTime, Utc};
use lambda_http::{Body, Request};
use minutebook_domain::event::site::SiteId;
use minutebook_storage::order::recent::OrderSource;
use minutebook_storage::reader::source::RowSource;
use minutebook_storage::site::settings::SettingsSource;
use minutebook_storage::visitors::VisitorStateSource;

use crate::backend::Backend;
use crate::http::parameters;
use crate::orders::query::OrdersQuery;
use crate::orders::{self, OrdersCall};
use crate::sockets::CALL;

/// A question that is answered again and again.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Question {
    /// The site that it is about.
    pub(crate) site: SiteId,
    /// Its query string. That of questions that mean the same is the same.
    pub(crate) query: String,
}

impl Question {
    /// Reads the query string of a request to connect, which has the parameters of
    /// `/metrics/realtime` but for the time: the answer is always that of now.
    ///
    /// # Errors
    /// One sentence that names the parameter and what was expected, for a 400.
    pub(crate) fn parse(query: &str, now: DateTime<Utc>) -> Result<Question, String> {
        if parameters::parameters(query)?.iter().any(|(name, _)| name == "as_of") {
            return Err("as_of is not a parameter of a socket: it is sent what is new".to_string());
        }
        let OrdersQuery { site_id, window, limit, currency, .. } =
            orders::query::parse(query, &OrdersCall::Realtime.takes(), now)?;
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("site_id", site_id.as_str());
        query.append_pair("window", &format!("{}m", window.minutes()));
        query.append_pair("limit", &limit.to_string());
        if let Some(currency) = currency {
            query.append_pair("currency", &currency.to_string());
        }
        Ok(Question { site: site_id, query: query.finish() })
    }

    /// The body of the answer; `None` if there is none, which was logged.
    pub(crate) async fn answer<R, Q: Sync>(&self, backend: &Backend<R, Q>) -> Option<String>
    where
        R: RowSource + OrderSource + SettingsSource + VisitorStateSource,
    {
        let uri = format!("https://live{CALL}?{}", self.query);
        let request: Request = lambda_http::http::Request::get(uri).body(Body::Empty).ok()?;
        let response = orders::handle(OrdersCall::Realtime, &request, backend).await;
        match (response.status().is_success(), response.into_body()) {
            (true, Body::Text(body)) => Some(body),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(query: &str) -> Result<String, String> {
        let now = "2026-11-20T23:07:59Z".parse().expect("a time");
        Question::parse(query, now).map(|question| question.query)
    }

    #[test]
    fn questions_that_mean_the_same_are_the_same() {
        let expected = Ok("site_id=default&window=5m&limit=10".to_string());
        for query in ["", "limit=10", "window=5m&site_id=default"] {
            assert_eq!(parsed(query), expected, "{query}");
        }
        assert_eq!(
            parsed("currency=eur&window=1h&site_id=a.b&limit=3"),
            Ok("site_id=a.b&window=60m&limit=3&currency=EUR".to_string())
        );
    }

    #[test]
    fn a_socket_has_no_other_time_and_no_other_parameters() {
        for (query, named) in [
            ("as_of=2026-11-20T22:00:00Z", "as_of"),
            ("window=2d", "window"),
            ("limit=101", "limit"),
            ("site_id=a%20b", "site_id"),
            ("colour=red", "colour"),
            ("limit=1&limit=2", "limit is given twice"),
        ] {
            let sentence = parsed(query).expect_err(query);
            assert!(sentence.contains(named), "{query}: {sentence}");
        }
    }
}
