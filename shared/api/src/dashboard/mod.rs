//! The dashboard: the files of `web/dist`, which are compiled in. Whoever may reach the API gets
//! them; the numbers that they show are asked for like all others.

mod encoding;

use lambda_http::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::http::{HeaderMap, StatusCode};
use lambda_http::{Body, Request, RequestExt, Response};

use crate::http::response::problem;

/// A built file, as `web/vite.config.ts` lists it.
#[derive(Debug)]
struct File {
    /// Its path in the API.
    path: &'static str,
    content_type: &'static str,
    /// The beginning of the hash of its bytes.
    tag: &'static str,
    bytes: &'static [u8],
    /// The bytes, compressed with Brotli.
    brotli: &'static [u8],
}

const FILES: &[File] = include!("../../../../web/dist/files.rs");

/// The path of the page itself. All others have a hash of their content in their name.
const PAGE: &str = "/";

/// What the page may do: run and show what is beside it, and ask the API that it came from. Neither
/// scripts nor styles may be in the page itself, no other page may frame it, and it sends no forms.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; \
                      form-action 'none'; connect-src 'self'";

/// The policy of a deployment: the page may also open a socket where it has them.
fn policy(live_url: Option<&str>) -> String {
    match live_url.and_then(origin) {
        Some(origin) => format!("{POLICY} {origin}"),
        None => POLICY.to_string(),
    }
}

/// The scheme and the authority of a URL.
fn origin(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split('/').next().unwrap_or_default();
    url.get(..scheme.len() + "://".len() + authority.len())
}

/// Answers with a file of the dashboard: 304 if the client has it already, and 404 for a name that
/// this build does not have, as that of a build before.
pub(crate) fn handle(request: &Request, live_url: Option<&str>) -> Response<Body> {
    let path = request.raw_http_path();
    match FILES.iter().find(|file| file.path == path) {
        Some(file) => file.answer(request.headers(), live_url),
        None => problem(
            StatusCode::NOT_FOUND,
            &format!("{path:?} is no file of the dashboard; load the page again"),
        ),
    }
}

impl File {
    fn answer(&self, headers: &HeaderMap, live_url: Option<&str>) -> Response<Body> {
        let takes_brotli = headers.get_all(ACCEPT_ENCODING).iter().any(encoding::takes_brotli);
        // The two forms differ in their bytes, so that a strong tag may not be the same for both.
        let tag = format!("\"{}{}\"", self.tag, if takes_brotli { "-br" } else { "" });
        let is_known =
            headers.get_all(IF_NONE_MATCH).iter().any(|tags| names(tags.as_bytes(), &tag));
        let caching = match self.path {
            PAGE => "no-cache",
            _ => "public, max-age=31536000, immutable",
        };
        let mut builder = Response::builder()
            .header(CACHE_CONTROL, caching)
            .header(CONTENT_SECURITY_POLICY, policy(live_url))
            .header(ETAG, &tag)
            .header(REFERRER_POLICY, "no-referrer")
            .header(VARY, "accept-encoding")
            .header("cross-origin-opener-policy", "same-origin")
            .header("cross-origin-resource-policy", "same-origin")
            .header(X_CONTENT_TYPE_OPTIONS, "nosniff");
        let body = if is_known {
            builder = builder.status(StatusCode::NOT_MODIFIED);
            Body::Empty
        } else {
            builder = builder.header(CONTENT_TYPE, self.content_type);
            if takes_brotli {
                builder = builder.header(CONTENT_ENCODING, "br");
            }
            Body::Binary(if takes_brotli { self.brotli } else { self.bytes }.to_vec())
        };
        // Only a malformed header could fail: all of them are constants but the origin of sockets,
        // which the configuration has checked.
        builder.body(body).unwrap_or_default()
    }
}

/// Whether a list of entity tags names this one. The comparison is the weak one (RFC 9110, section
/// 13.1.2).
fn names(tags: &[u8], tag: &str) -> bool {
    tags.split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .any(|named| named == b"*" || named.strip_prefix(b"W/").unwrap_or(named) == tag.as_bytes())
}

#[cfg(test)]
mod tests;
