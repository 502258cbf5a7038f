use super::*;

use lambda_http::http::HeaderName;

fn asked(path: &str, headers: &[(HeaderName, &str)]) -> Response<Body> {
    let mut request = lambda_http::http::Request::get(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    handle(&request.body(Body::Empty).expect("a request").with_raw_http_path(path), None)
}

fn header(response: &Response<Body>, name: HeaderName) -> &str {
    response.headers().get(name).map_or("", |value| value.to_str().expect("text"))
}

/// The first file whose name ends so.
fn file(end: &str) -> &'static File {
    FILES.iter().find(|file| file.path.ends_with(end)).expect("a file")
}

#[test]
fn the_page_is_there_with_a_script_and_a_style_beside_it() {
    let response = asked("/", &[]);
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, CONTENT_TYPE), "text/html; charset=utf-8");
    let page = String::from_utf8_lossy(response.body().as_ref()).into_owned();
    for end in [".js", ".css", ".svg"] {
        let path = file(end).path;
        assert!(page.contains(&format!("\".{path}\"")), "{path} is not in {page}");
    }
    // The policy forbids what would be in the page itself, so that nothing may be.
    for inline in ["<style", "style=", "<script>", "onclick", "http:", "https:"] {
        assert!(!page.contains(inline), "{inline}: {page}");
    }
}

#[test]
fn the_page_is_asked_for_again_and_what_has_a_hash_in_its_name_never() {
    assert_eq!(header(&asked("/", &[]), CACHE_CONTROL), "no-cache");
    for file in FILES.iter().filter(|file| file.path != PAGE) {
        let response = asked(file.path, &[]);
        assert_eq!(header(&response, CACHE_CONTROL), "public, max-age=31536000, immutable");
        assert!(file.path.starts_with("/assets/") && file.path.contains('-'), "{}", file.path);
    }
}

#[test]
fn every_file_has_the_policy_and_no_other_origin_may_use_it() {
    for file in FILES {
        for headers in [&[][..], &[(IF_NONE_MATCH, "*")]] {
            let response = asked(file.path, headers);
            let policy = header(&response, CONTENT_SECURITY_POLICY);
            assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
            assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
            assert_eq!(header(&response, X_CONTENT_TYPE_OPTIONS), "nosniff");
            let same_origin = HeaderName::from_static("cross-origin-resource-policy");
            assert_eq!(header(&response, same_origin), "same-origin");
        }
    }
}

#[test]
fn a_file_comes_compressed_to_whoever_takes_that_and_each_form_has_its_tag() {
    for file in FILES {
        let plain = asked(file.path, &[(ACCEPT_ENCODING, "gzip")]);
        let packed = asked(file.path, &[(ACCEPT_ENCODING, "gzip, deflate, br")]);
        assert_eq!(header(&plain, CONTENT_ENCODING), "");
        assert_eq!(header(&packed, CONTENT_ENCODING), "br");
        assert_eq!(plain.body().as_ref(), file.bytes);
        assert_eq!(packed.body().as_ref(), file.brotli);
        assert!(file.brotli.len() < file.bytes.len(), "{}", file.path);
        assert_ne!(header(&plain, ETAG), header(&packed, ETAG));
        for response in [plain, packed] {
            assert_eq!(header(&response, VARY), "accept-encoding");
        }
    }
}

#[test]
fn what_the_client_has_already_is_304_without_a_body() {
    for encoding in ["identity", "br"] {
        let tag = header(&asked("/", &[(ACCEPT_ENCODING, encoding)]), ETAG).to_string();
        for known in [tag.clone(), format!("\"other\" , W/{tag}"), "*".to_string()] {
            let response = asked("/", &[(ACCEPT_ENCODING, encoding), (IF_NONE_MATCH, &known)]);
            assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert!(response.body().as_ref().is_empty());
            assert_eq!(header(&response, ETAG), tag);
        }
        let other = asked("/", &[(ACCEPT_ENCODING, encoding), (IF_NONE_MATCH, "\"other\"")]);
        assert_eq!(other.status(), StatusCode::OK);
    }
}

#[test]
fn an_unknown_file_is_404_and_says_what_to_do() {
    for path in ["/assets/index-00000000.js", "/assets/", "/assets/../Cargo.toml"] {
        let response = asked(path, &[]);
        let body = String::from_utf8_lossy(response.body().as_ref()).into_owned();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert!(body.contains("load the page again"), "{body}");
        assert_eq!(header(&response, CACHE_CONTROL), "no-store");
    }
}

#[test]
fn all_files_together_are_small() {
    let compressed: usize = FILES.iter().map(|file| file.brotli.len()).sum();
    assert!(compressed <= 60 * 1024, "{compressed} bytes");
}
