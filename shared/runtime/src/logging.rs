//! The log of a function: lines on standard output.

use tracing_subscriber::filter::LevelFilter;

use crate::config::environment;

/// The variables that may hold the log level, in order of precedence. The template sets the first.
pub(crate) const LEVEL_VARIABLES: [&str; 2] = ["MINUTEBOOK_LOG_LEVEL", "RUST_LOG"];

/// Lambda sets it to `JSON` or `Text`.
const FORMAT_VARIABLE: &str = "AWS_LAMBDA_LOG_FORMAT";

/// Starts logging. It must be called once, before the first line is logged.
///
/// **Shape**: JSON with a `timestamp` if Lambda asks for JSON, because Lambda takes a line without
/// one for `INFO`; otherwise text, to which other programs add the time.
pub fn start() {
    let lines = tracing_subscriber::fmt().with_target(false).with_max_level(level(environment));
    if environment(FORMAT_VARIABLE).is_some_and(|format| format.eq_ignore_ascii_case("json")) {
        lines.json().init();
    } else {
        lines.without_time().init();
    }
}

/// The least severe level to log: `INFO`, unless a variable holds another one. `TRACE` is `DEBUG`:
/// the runtime would log whole requests, with the keys and the events in them.
fn level(variable: impl Fn(&'static str) -> Option<String>) -> LevelFilter {
    let text = LEVEL_VARIABLES.into_iter().find_map(variable);
    let level = text.and_then(|text| text.parse().ok()).unwrap_or(LevelFilter::INFO);
    level.min(LevelFilter::DEBUG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_of_the_template_has_precedence_and_anything_else_is_info() {
        for (template, rust, expected) in [
            (None, None, LevelFilter::INFO),
            (Some("WARN"), Some("debug"), LevelFilter::WARN),
            (None, Some("debug"), LevelFilter::DEBUG),
            (Some("loud"), None, LevelFilter::INFO),
            (Some("TRACE"), None, LevelFilter::DEBUG),
            (Some("OFF"), None, LevelFilter::OFF),
        ] {
            let variable = |name: &'static str| {
                let value = if name == LEVEL_VARIABLES[0] { template } else { rust };
                value.map(str::to_string)
            };
            assert_eq!(level(variable), expected, "{template:?} {rust:?}");
        }
    }
}
