//! The body of a post: its forms, and how it is split into lines.

use lambda_http::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use lambda_http::http::{HeaderMap, HeaderName, StatusCode};
use minutebook_domain::chunk::unpack::{UnpackError, unpack_gzip};

use minutebook_domain::chunk::event_lines::EventLines;

/// The largest body, in bytes: the largest payload of a Lambda call. Where API Gateway passes a
/// body on in base64, about three quarters of it fit.
///
/// **Source**: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(crate) const BODY_BYTES_MAX: usize = 6 * 1024 * 1024;

/// The largest unpacked body, in bytes: 32 MiB, which fits into the memory of the function several
/// times.
pub(crate) const UNPACKED_BYTES_MAX: u64 = 32 << 20;

/// The longest idempotency key, in bytes: many times the length of a UUID.
pub(crate) const IDEMPOTENCY_KEY_BYTES_MAX: usize = 256;

/// The header that names a post.
///
/// **Source**: <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Why a post is refused, for the client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refusal {
    /// The status of the answer.
    pub(crate) status: StatusCode,
    /// One sentence.
    pub(crate) detail: String,
}

/// The lines of a body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PostedLines {
    /// One event per line.
    pub(crate) text: Vec<u8>,
    /// Whether the body is one JSON object, which is the only line then.
    pub(crate) is_object: bool,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Refusal {
        Refusal { status, detail: detail.into() }
    }
}

/// Unpacks a body, and refuses one that cannot hold events.
///
/// # Errors
/// 400, 413 or 415.
pub(crate) fn unpacked(headers: &HeaderMap, body: &[u8]) -> Result<Vec<u8>, Refusal> {
    check_content_type(headers)?;
    let is_gzip = is_gzip(headers)?;
    if body.len() > BODY_BYTES_MAX {
        let detail = format!(
            "the body has {} bytes; expected at most {BODY_BYTES_MAX}: cut it, or put it into the bucket as a file",
            body.len()
        );
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    let text = if is_gzip && !body.is_empty() { unpack(body)? } else { body.to_vec() };
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "the body is empty; expected at least one event",
        ));
    }
    Ok(text)
}

/// The key that names this post, if it has one.
///
/// # Errors
/// 400.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<&[u8]>, Refusal> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let key = key.as_bytes().trim_ascii();
    if (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len()) {
        return Ok(Some(key));
    }
    let detail = format!(
        "Idempotency-Key has {} bytes; expected 1 to {IDEMPOTENCY_KEY_BYTES_MAX}",
        key.len()
    );
    Err(Refusal::new(StatusCode::BAD_REQUEST, detail))
}

/// Splits a body into lines: each element of an array is a line, an object is one line, and
/// anything else is read like a file.
///
/// # Errors
/// 400 for an empty array.
pub(crate) fn lines(body: &[u8]) -> Result<PostedLines, Refusal> {
    match EventLines::cut(body) {
        EventLines::Object(text) => Ok(PostedLines { text, is_object: true }),
        EventLines::Elements(text) if text.is_empty() => {
            let detail = "the array is empty; expected at least one event";
            Err(Refusal::new(StatusCode::BAD_REQUEST, detail))
        }
        EventLines::Elements(text) | EventLines::Lines(text) => {
            Ok(PostedLines { text, is_object: false })
        }
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let content_type = text_of(headers, CONTENT_TYPE);
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media_type.as_str() {
        "" | "application/json" | "application/x-ndjson" | "text/plain" => Ok(()),
        _ => {
            let detail = format!(
                "Content-Type is {media_type:?}; expected application/json, application/x-ndjson or text/plain"
            );
            Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
        }
    }
}

fn is_gzip(headers: &HeaderMap) -> Result<bool, Refusal> {
    let encoding = text_of(headers, CONTENT_ENCODING).trim().to_ascii_lowercase();
    match encoding.as_str() {
        "" | "identity" => Ok(false),
        "gzip" | "x-gzip" => Ok(true),
        _ => {
            let detail = format!("Content-Encoding is {encoding:?}; expected gzip or none");
            Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
        }
    }
}

fn text_of(headers: &HeaderMap, name: HeaderName) -> String {
    headers
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .unwrap_or_default()
}

fn unpack(body: &[u8]) -> Result<Vec<u8>, Refusal> {
    unpack_gzip(body, UNPACKED_BYTES_MAX).map_err(|error| match error {
        UnpackError::Bomb { limit_bytes, .. } => {
            let detail = format!("the body unpacks to more than {limit_bytes} bytes; expected no more: cut it");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
        }
        UnpackError::Truncated { .. }
        | UnpackError::Corrupt { .. }
        | UnpackError::PackedTooOften
        | UnpackError::Foreign(_) => Refusal::new(
            StatusCode::BAD_REQUEST,
            "the body is broken gzip (with the Content-Type application/json or text/plain API Gateway takes it for text and \
             breaks it: packed bodies are application/x-ndjson)",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::http::HeaderValue;

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        let entry = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header"))
        };
        list.iter().map(entry).collect()
    }

    fn status(list: &[(&'static str, &str)], body: &[u8]) -> u16 {
        unpacked(&headers(list), body).map_or_else(|refusal| refusal.status.as_u16(), |_| 200)
    }

    fn cut(body: &str) -> (String, bool) {
        let lines = lines(body.as_bytes()).expect(body);
        (String::from_utf8(lines.text).expect("text"), lines.is_object)
    }

    #[test]
    fn only_json_lines_and_text_are_taken() {
        for (content_type, expected) in [
            ("application/json", 200),
            ("Application/JSON; charset=utf-8", 200),
            ("application/x-ndjson", 200),
            ("text/plain;charset=UTF-8", 200),
            ("text/csv", 415),
            ("application/x-www-form-urlencoded", 415),
            ("multipart/form-data; boundary=x", 415),
        ] {
            assert_eq!(
                status(&[("content-type", content_type)], b"{}"),
                expected,
                "{content_type}"
            );
        }
        assert_eq!(status(&[], b"{}"), 200);
        assert_eq!(status(&[("content-encoding", "br")], b"{}"), 415);
        assert_eq!(status(&[("content-encoding", "identity")], b"{}"), 200);
        assert_eq!(status(&[("content-encoding", "gzip")], b"{}"), 400);
    }

    #[test]
    fn a_body_has_its_bounds() {
        for empty in [&b""[..], b" \r\n\t\n"] {
            assert_eq!(status(&[], empty), 400);
            assert_eq!(status(&[("content-encoding", "gzip")], empty), 400);
        }
        let longest = vec![b'x'; BODY_BYTES_MAX];
        assert_eq!(status(&[], &longest), 200);
        assert_eq!(status(&[], &[&longest[..], b"x"].concat()), 413);
        // The wrong type is said before the size.
        assert_eq!(status(&[("content-type", "text/csv")], &[&longest[..], b"x"].concat()), 415);
    }

    #[test]
    fn an_idempotency_key_has_its_bounds() {
        assert_eq!(idempotency_key(&headers(&[])), Ok(None));
        assert_eq!(
            idempotency_key(&headers(&[("idempotency-key", " a b ")])),
            Ok(Some(&b"a b"[..]))
        );
        let long = "k".repeat(IDEMPOTENCY_KEY_BYTES_MAX + 1);
        for wrong in ["", " ", long.as_str()] {
            let refusal = idempotency_key(&headers(&[("idempotency-key", wrong)]))
                .expect_err("out of bounds");
            assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
        }
    }

    #[test]
    fn an_object_an_array_and_lines_become_lines() {
        for (body, text, is_object) in [
            ("{\"a\":1}", "{\"a\":1}", true),
            ("\u{feff}\n{\r\n \"a\": \"\\n\"\n}\n", "{   \"a\": \"\\n\" }", true),
            ("[{\"a\":\n1},\n 2]", "{\"a\": 1}\n2\n", false),
            ("{\"a\":1}\n{\"b\":2}", "{\"a\":1}\n{\"b\":2}", false),
            ("{\"a\":1}\nx", "{\"a\":1}\nx", false),
            ("{\"a\":", "{\"a\":", false),
            ("[{\"a\":1},x", "[{\"a\":1},x", false),
            ("\"text\"", "\"text\"", false),
        ] {
            assert_eq!(cut(body), (text.to_string(), is_object), "{body}");
        }
    }

    #[test]
    fn an_empty_array_is_refused() {
        for (body, word) in [("[]", "empty"), (" [ ] ", "empty")] {
            let refusal = lines(body.as_bytes()).expect_err(body);
            assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
            assert!(refusal.detail.contains(word), "{body}: {}", refusal.detail);
        }
    }
}
