//! What is sent to viewers.

use chrono::{DateTime, SecondsFormat, Utc};
use minutebook_domain::event::site::SiteId;
use serde::Serialize;
use serde_json::value::RawValue;

/// The longest message: API Gateway bills each started 32 KB, and sends no longer frame.
///
/// **Source**:
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html>
pub(crate) const MESSAGE_BYTES_MAX: usize = 32 * 1_024;

/// When the numbers of a message are from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Times {
    /// When the newest commit was made that it tells of; `None` if the viewer has asked.
    pub(crate) committed_at: Option<DateTime<Utc>>,
    /// When the answer was begun: it has all that was committed before. Of two messages the one
    /// with the later time is newer.
    pub(crate) computed_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct Message<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    site_id: &'a str,
    committed_at: Option<String>,
    computed_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Refusal {
    #[serde(rename = "type")]
    kind: &'static str,
    detail: &'static str,
}

/// The message with an answer; without one, or if it is too long, the message that says that the
/// answer has changed.
pub(crate) fn message(site: &SiteId, times: Times, answer: Option<&str>) -> String {
    let answer = answer.and_then(|text| serde_json::from_str::<&RawValue>(text).ok());
    let rfc3339 = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let of_kind = |kind, answer| Message {
        kind,
        site_id: site.as_str(),
        committed_at: times.committed_at.map(rfc3339),
        computed_at: rfc3339(times.computed_at),
        answer,
    };
    if answer.is_some() {
        let text = text_of(&of_kind("realtime", answer));
        if text.len() <= MESSAGE_BYTES_MAX {
            return text;
        }
    }
    text_of(&of_kind("changed", None))
}

/// The last message before a socket is closed.
pub(crate) fn refusal(detail: &'static str) -> String {
    text_of(&Refusal { kind: "error", detail })
}

fn text_of(message: &impl Serialize) -> String {
    // Only a map with keys that are no texts could fail.
    serde_json::to_string(message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_message_has_the_answer_to_the_byte_or_says_that_it_has_changed() {
        let site = SiteId::parse("shop").expect("a site");
        let at = |text: &str| text.parse().expect("a time");
        let computed_at = at("2026-11-20T23:07:59.5Z");
        let committed_at = Some(at("2026-11-20T23:07:59.25Z"));
        let times = Times { committed_at, computed_at };
        let answer = r#"{"revenue_per_minute":16.00,"b":[1]}"#;
        let text = message(&site, times, Some(answer));
        assert!(text.ends_with(&format!("\"answer\":{answer}}}")), "{text}");
        let parsed: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(parsed["type"], "realtime");
        assert_eq!(parsed["committed_at"], "2026-11-20T23:07:59.250Z");
        let long = format!("[\"{}\"]", "x".repeat(MESSAGE_BYTES_MAX));
        let changed = json!({
            "type": "changed", "site_id": "shop", "committed_at": null,
            "computed_at": "2026-11-20T23:07:59.500Z",
        });
        let times = Times { committed_at: None, computed_at };
        for answer in [None, Some(long.as_str())] {
            let text = message(&site, times, answer);
            assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), changed);
        }
    }
}
