//! The key that a request gives, and the site that it asks about.

use std::collections::HashMap;

use lambda_http::http::header::AUTHORIZATION;
use lambda_http::http::{HeaderMap, HeaderValue, Uri};
use lambda_http::{Request, RequestExt};
use minutebook_domain::event::site::SiteId;

/// What precedes the key in `Authorization`.
///
/// **Source**: RFC 6750, section 2.1; the scheme's name is matched in either case, as RFC 9110
/// says.
const BEARER: &str = "bearer ";

/// The header for clients that cannot set `Authorization`.
pub(crate) const HEADER: &str = "x-api-key";

/// The query parameter for clients that can set no header: links, beacons and WebSockets.
pub(crate) const PARAMETER: &str = "key";

/// The query parameter of the site.
const SITE_PARAMETER: &str = "site_id";

/// The key that a request gives; the first one counts, in the order `Authorization: Bearer`,
/// `x-api-key`, `key`. A header that is no text gives an empty one.
pub(crate) fn key_of(request: &Request) -> Option<String> {
    let headers = request.headers();
    let header = || headers.get(HEADER).map(|value| text(value).to_string());
    let parameter = || values(request, PARAMETER).into_iter().next();
    bearer(headers).map(str::to_string).or_else(header).or_else(parameter)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let authorization = headers.get(AUTHORIZATION)?.to_str().ok()?.trim();
    let (scheme, key) = authorization.split_at_checked(BEARER.len())?;
    scheme.eq_ignore_ascii_case(BEARER).then(|| key.trim())
}

fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or_default().trim()
}

/// The sites that a request asks about, as given.
pub(crate) fn sites_of(request: &Request) -> Vec<String> {
    values(request, SITE_PARAMETER)
}

/// All values of a parameter, wherever a handler may read it: in the URI, and in the query string
/// beside it, which still has what follows a `#` in the path.
fn values(request: &Request, wanted: &str) -> Vec<String> {
    let in_uri = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    let in_uri = in_uri.filter(|(name, _)| name == wanted).map(|(_, value)| value.into_owned());
    let beside = request.query_string_parameters();
    let beside = beside.all(wanted).unwrap_or_default().into_iter().map(str::to_string);
    in_uri.chain(beside).collect()
}

/// The request as its handler gets it: without a key in the query, and with this site if it asks
/// about none. `None` if its URI cannot be written, which no URI that was read is.
pub(crate) fn stripped(mut request: Request, site: Option<&SiteId>) -> Option<Request> {
    request.headers_mut().remove(AUTHORIZATION);
    request.headers_mut().remove(HEADER);
    let site = site.filter(|_| sites_of(&request).is_empty());
    if site.is_none() && values(&request, PARAMETER).is_empty() {
        return Some(request);
    }
    let mut beside: HashMap<String, Vec<String>> = HashMap::new();
    for (name, value) in request.query_string_parameters().iter() {
        if name != PARAMETER {
            beside.entry(name.to_string()).or_default().push(value.to_string());
        }
    }
    let query = request.uri().query().unwrap_or_default();
    let in_uri = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != PARAMETER);
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(in_uri);
    if let Some(site) = site {
        query.append_pair(SITE_PARAMETER, site.as_str());
        beside.insert(SITE_PARAMETER.to_string(), vec![site.to_string()]);
    }
    let path_and_query = format!("{}?{}", request.uri().path(), query.finish());
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = Some(path_and_query.parse().ok()?);
    *request.uri_mut() = Uri::from_parts(parts).ok()?;
    Some(request.with_query_string_parameters(beside))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::Body;

    fn request(query: &str, headers: &[(&str, &str)]) -> Request {
        let mut request = lambda_http::http::Request::get(format!("https://api/history{query}"));
        for (name, value) in headers {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
            request = request.header(*name, value);
        }
        request.body(Body::Empty).expect("a request")
    }

    #[test]
    fn the_first_of_three_ways_gives_the_key() {
        let (bearer, header) = (("authorization", "Bearer a"), ("x-api-key", " b "));
        for (query, headers, key) in [
            ("?key=c", &[bearer, header][..], Some("a")),
            ("?key=c", &[header], Some("b")),
            ("?site_id=s&k%65y=c%2B", &[], Some("c+")),
            ("?key=c&key=d", &[], Some("c")),
            ("?Key=c", &[], None),
            ("", &[("authorization", "bearer  a ")], Some("a")),
            ("", &[("authorization", "Bearer")], None),
            ("", &[("authorization", "Basic a"), header], Some("b")),
            ("", &[("authorization", "é"), header], Some("b")),
            ("?key=c", &[("x-api-key", "é")], Some("")),
            ("?key=", &[], Some("")),
            ("", &[], None),
        ] {
            assert_eq!(key_of(&request(query, headers)).as_deref(), key, "{query} {headers:?}");
        }
    }

    #[test]
    fn a_handler_gets_no_key_and_the_site_of_the_key_if_it_was_asked_about_none() {
        let shop = SiteId::parse("shop");
        for (query, site, expected) in [
            ("", None, None),
            ("?limit=1", None, Some("limit=1")),
            (
                "?key=a&as_of=2026-11-20T23:07:00+01:00&k%65y=b",
                None,
                Some("as_of=2026-11-20T23%3A07%3A00+01%3A00"),
            ),
            ("?key=a", None, Some("")),
            ("", shop.as_ref(), Some("site_id=shop")),
            ("?key=a&limit=1", shop.as_ref(), Some("limit=1&site_id=shop")),
            ("?site_id=other", shop.as_ref(), Some("site_id=other")),
            ("?site_id=", shop.as_ref(), Some("site_id=")),
        ] {
            let headers = [("authorization", "Bearer a"), ("x-api-key", "b"), ("accept", "c")];
            let stripped = stripped(request(query, &headers), site).expect("a URI");
            assert_eq!(stripped.uri().query(), expected, "{query}");
            assert_eq!((stripped.uri().path(), stripped.headers().len()), ("/history", 1));
        }
    }

    #[test]
    fn what_follows_a_hash_in_the_path_is_part_of_the_query() {
        let text = include_str!("../../../../events/lambda/http_most_viewed_item.json");
        let mut event: serde_json::Value = serde_json::from_str(text).expect("JSON");
        event["rawPath"] = "/items/a#b".into();
        event["rawQueryString"] = "key=a&site_id=other&limit=1".into();
        let event = lambda_http::request::from_str(&event.to_string()).expect("an event");
        assert_eq!(event.uri().query(), None);
        assert_eq!(key_of(&event).as_deref(), Some("a"));
        assert_eq!(sites_of(&event), ["other"]);
        let stripped = stripped(event, SiteId::parse("shop").as_ref()).expect("a URI");
        assert_eq!((key_of(&stripped), sites_of(&stripped)), (None, vec!["other".to_string()]));
        assert_eq!(stripped.query_string_parameters().first("limit"), Some("1"));
        assert_eq!(stripped.raw_http_path(), "/items/a#b");
    }
}
