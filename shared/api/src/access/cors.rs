//! Which pages may read answers (CORS).
//!
//! **Source**: <https://fetch.spec.whatwg.org/#http-cors-protocol>

use lambda_http::Response;
use lambda_http::http::HeaderValue;
use lambda_http::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, VARY};

/// The origins of pages that may read answers which need a key, whatever site they are about.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Origins(Vec<String>);

/// What an answer says about the pages that may read it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Cors {
    /// Every page may read it.
    Any,
    /// Pages of this origin may read it.
    Origin(HeaderValue),
    /// Pages of the origin that asked may not read it; pages of another may.
    OtherOrigin,
    /// No page of another origin may read it.
    None,
}

impl Origins {
    pub(crate) fn new(origins: Vec<String>) -> Origins {
        Origins(origins)
    }

    /// What an answer that needs a key says to a page of this origin, where a site allows `more`.
    ///
    /// A key is never sent by the browser on its own, so that `*` would let a page read no more
    /// than whoever has its key. The list keeps keys from being used in pages of others.
    pub(crate) fn cors<'a>(
        &'a self,
        more: impl IntoIterator<Item = &'a String>,
        origin: Option<&HeaderValue>,
    ) -> Cors {
        if self.0.iter().any(|allowed| allowed == "*") {
            return Cors::Any;
        }
        let Some(origin) = origin else { return Cors::OtherOrigin };
        let is_allowed =
            |allowed: &String| allowed.as_bytes().eq_ignore_ascii_case(origin.as_bytes());
        if self.0.iter().chain(more).any(is_allowed) {
            Cors::Origin(origin.clone())
        } else {
            Cors::OtherOrigin
        }
    }
}

impl Cors {
    /// Adds the headers to an answer.
    pub(crate) fn add_to<B>(self, response: &mut Response<B>) {
        let headers = response.headers_mut();
        if matches!(self, Cors::Origin(_) | Cors::OtherOrigin) {
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        let allowed = match self {
            Cors::Any => HeaderValue::from_static("*"),
            Cors::Origin(origin) => origin,
            Cors::OtherOrigin | Cors::None => return,
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("etag, link"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origins_of_the_list_may_read_and_no_others() {
        let headers = |origins: &[&str], origin: Option<&str>| {
            let origins = Origins(origins.iter().map(|origin| (*origin).to_string()).collect());
            let origin = origin.map(|origin| HeaderValue::from_str(origin).expect("text"));
            let mut response = Response::builder().header(VARY, "accept").body(()).expect("valid");
            origins.cors(&[], origin.as_ref()).add_to(&mut response);
            let text = |value: &HeaderValue| value.to_str().expect("text").to_string();
            let allowed = response.headers().get(ACCESS_CONTROL_ALLOW_ORIGIN).map(text);
            let vary: Vec<String> = response.headers().get_all(VARY).iter().map(text).collect();
            (allowed.unwrap_or_default(), vary.join(","))
        };
        let list = &["https://a.example", "http://127.0.0.1:8080"];
        let answer = |allowed: &str, vary: &str| (allowed.to_string(), vary.to_string());
        for (origins, origin, expected) in [
            (&list[..], Some("https://a.example"), answer("https://a.example", "accept,origin")),
            (list, Some("http://127.0.0.1:8080"), answer("http://127.0.0.1:8080", "accept,origin")),
            (list, Some("https://A.example"), answer("https://A.example", "accept,origin")),
            (list, Some("https://a.example.evil"), answer("", "accept,origin")),
            (list, Some("https://a.example:444"), answer("", "accept,origin")),
            (list, Some("null"), answer("", "accept,origin")),
            (list, None, answer("", "accept,origin")),
            (&[], Some("https://a.example"), answer("", "accept,origin")),
            (&["*"], Some("https://b.example"), answer("*", "accept")),
        ] {
            assert_eq!(headers(origins, origin), expected, "{origins:?} {origin:?}");
        }
    }
}
