//! Which URLs are asked.

/// The hosts that only programs on this machine answer for.
const LOOPBACK_HOSTS: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

/// Whether nobody between here and the server of a URL can change what it answers: it is https, or
/// on this machine.
pub(crate) fn is_encrypted_or_local(url: &str) -> bool {
    let is_url = |rest: &str| {
        // What precedes an @ looks like a host and is none.
        !rest.starts_with(['/', '?', '#', ':'])
            && !rest.is_empty()
            && !rest.contains('@')
            && rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    if let Some(rest) = url.strip_prefix("https://") {
        return is_url(rest);
    }
    let Some(rest) = url.strip_prefix("http://").filter(|rest| is_url(rest)) else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    LOOPBACK_HOSTS.iter().any(|host| {
        let port = authority.strip_prefix(host).and_then(|port| {
            port.strip_prefix(':').or(
                // No port.
                port.is_empty().then_some("0"),
            )
        });
        port.is_some_and(|port| port.parse::<u16>().is_ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_http_on_loopback_are_asked() {
        for url in [
            "https://issuer.example",
            "https://issuer.example:8443/tenant/",
            "http://127.0.0.1",
            "http://127.0.0.1:8080/a?b",
            "http://localhost/a",
            "http://[::1]:1",
        ] {
            assert!(is_encrypted_or_local(url), "{url}");
        }
        for url in [
            "",
            "https://",
            "https:///a",
            "https://a b",
            "https://a\\b",
            "https://a@b",
            "ftp://127.0.0.1",
            "http://issuer.example",
            "http://127.0.0.1.issuer.example",
            "http://127.0.0.1:80@issuer.example",
            "http://127.0.0.1:x",
            "http://127.0.0.2",
            "http://localhost.issuer.example/",
            "HTTP://127.0.0.1",
        ] {
            assert!(!is_encrypted_or_local(url), "{url}");
        }
    }
}
