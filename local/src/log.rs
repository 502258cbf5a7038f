//! Errors of programs that write a log.

use std::path::Path;

use anyhow::anyhow;

/// An error with what failed, the most telling line of the log, and the path of the log.
pub(crate) fn failure(what: &str, log: &Path) -> anyhow::Error {
    let text = std::fs::read(log)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    match telling_line(&text) {
        Some(line) => anyhow!("{what}: {line} (see {})", log.display()),
        None => anyhow!("{what} (see {})", log.display()),
    }
}

/// The line that most likely says why: the last one with an error, otherwise the last one.
fn telling_line(text: &str) -> Option<&str> {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_error =
        |line: &&str| line.to_ascii_lowercase().starts_with("error") || line.contains("Error: ");
    lines().rfind(is_error).or_else(|| lines().next_back())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_error_tells_more_than_the_last_line() {
        assert_eq!(
            telling_line("x\nerror: no such crate\n\nhint: y\n"),
            Some("error: no such crate")
        );
        assert_eq!(telling_line("x\ny\n\n"), Some("y"));
        assert_eq!(telling_line(""), None);
    }
}
