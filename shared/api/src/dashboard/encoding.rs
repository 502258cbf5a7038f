//! Which encodings a client takes.
//!
//! **Source**: RFC 9110, section 12.5.3.

use lambda_http::http::HeaderValue;

/// Whether an `Accept-Encoding` header names Brotli, and not to exclude it.
pub(super) fn takes_brotli(header: &HeaderValue) -> bool {
    let Ok(header) = header.to_str() else { return false };
    header.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("br") && !is_zero(weight)
    })
}

/// Whether a weight is `q=0`, with any number of decimals.
fn is_zero(weight: &str) -> bool {
    let weight = weight.trim().to_ascii_lowercase();
    let quality = weight.strip_prefix("q=").and_then(|quality| quality.trim().parse::<f32>().ok());
    quality.is_some_and(|quality| quality <= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brotli_is_sent_to_whoever_names_it() {
        for (header, expected) in [
            ("gzip, deflate, br, zstd", true),
            ("br", true),
            ("BR;q=0.5", true),
            ("gzip, br;q=0", false),
            ("br; q=0.000", false),
            ("gzip", false),
            ("*", false),
            ("brotli", false),
            ("", false),
        ] {
            assert_eq!(takes_brotli(&HeaderValue::from_static(header)), expected, "{header}");
        }
    }
}
