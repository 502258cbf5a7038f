//! Entity tags: a client that has an answer already is told that nothing has changed.
//!
//! **Source**: RFC 9110, sections 8.8.3 and 13.1.2.

use lambda_http::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH,
};
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Body, Response};

/// The tags of the answers that a client has.
pub(crate) struct Known(Vec<String>);

impl Known {
    /// Reads `If-None-Match`.
    pub(crate) fn of(headers: &HeaderMap) -> Known {
        let values = headers.get_all(IF_NONE_MATCH).iter();
        let texts = values.filter_map(|value| value.to_str().ok());
        let tags = texts.flat_map(|text| text.split(','));
        // A weak tag is as good: what is the same to the byte is the same in meaning.
        let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_string();
        Known(tags.map(opaque).collect())
    }

    fn contains(&self, tag: &str) -> bool {
        self.0.iter().any(|known| known == tag || known == "*")
    }

    /// Adds the tag of its body to an answer with status 200, or replaces it by a 304 if the client
    /// has it. Others are left as they are.
    ///
    /// **Guarantees**: the tag is strong: two answers with the same one are the same to the byte.
    pub(crate) fn tag(&self, mut response: Response<Body>) -> Response<Body> {
        if response.status() != StatusCode::OK {
            return response;
        }
        let tag = tag_of(response.body().as_ref());
        let Ok(value) = HeaderValue::from_str(&tag) else { return response };
        let headers = response.headers_mut();
        headers.insert(ETAG, value);
        // The client may keep it, but must ask each time whether it is still right, and with the
        // same key: a shared cache must not.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        if self.contains(&tag) {
            headers.remove(CONTENT_TYPE);
            headers.remove(CONTENT_LENGTH);
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            *response.body_mut() = Body::Empty;
        }
        response
    }
}

/// The tag of these bytes, in quotes: 128 bits of their hash.
fn tag_of(body: &[u8]) -> String {
    let hash = blake3::hash(body).to_hex();
    format!("\"{}\"", hash.get(..32).unwrap_or(&hash))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::response::{json, problem};

    fn answered(known: &[&str], answer: Response<Body>) -> (u16, String, String) {
        let mut headers = HeaderMap::new();
        for value in known {
            headers.append(IF_NONE_MATCH, HeaderValue::from_str(value).expect("a header"));
        }
        let response = Known::of(&headers).tag(answer);
        let tag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok());
        let body = String::from_utf8_lossy(response.body().as_ref()).into_owned();
        (response.status().as_u16(), tag.unwrap_or_default().to_string(), body)
    }

    #[test]
    fn an_answer_has_the_tag_of_its_bytes() {
        let (status, tag, body) = answered(&[], json(&7));
        assert_eq!((status, tag.len(), body.as_str()), (200, 34, "7"));
        assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
        assert_eq!(answered(&[], json(&7)).1, tag);
        assert_ne!(answered(&[], json(&8)).1, tag);
    }

    #[test]
    fn who_has_it_is_told_so() {
        let tag = answered(&[], json(&7)).1;
        let weak = format!("W/{tag}");
        let list = format!("\"other\", {tag}");
        for known in [&[tag.as_str()][..], &[&weak], &[&list], &["\"other\"", &tag], &["*"]] {
            assert_eq!(answered(known, json(&7)), (304, tag.clone(), String::new()), "{known:?}");
        }
        for known in [&["\"other\""][..], &[""], &[tag.trim_matches('"')]] {
            assert_eq!(answered(known, json(&7)).0, 200, "{known:?}");
        }
    }

    #[test]
    fn an_answer_without_a_body_has_no_type_and_may_be_kept() {
        let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static("*"))]);
        let response = Known::of(&headers).tag(json(&7));
        let headers = response.headers();
        assert!(!headers.contains_key(CONTENT_TYPE));
        assert_eq!(headers[CACHE_CONTROL], "private, no-cache");
    }

    #[test]
    fn a_problem_has_no_tag() {
        let (status, tag, body) = answered(&["*"], problem(StatusCode::BAD_REQUEST, "no"));
        assert!(status == 400 && tag.is_empty() && body.contains("no"), "{status} {tag} {body}");
    }
}
