//! The two text formats that Prometheus and compatible tools read.
//!
//! Existing crates write one of the two and keep the numbers in the process. Here the numbers are
//! in the table, and the two formats differ by a few lines.
//!
//! **Source**: <https://prometheus.io/docs/instrumenting/exposition_formats/> and
//! <https://github.com/OpenObservability/OpenMetrics/blob/main/specification/OpenMetrics.md>

use std::fmt::Display;

use crate::http::accept::MediaType;

/// A text format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TextFormat {
    /// The text format of Prometheus, version 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl TextFormat {
    /// The media type that a client requests it by.
    pub(crate) fn media_type(self) -> MediaType {
        match self {
            TextFormat::Prometheus => {
                MediaType { kind: "text", subtype: "plain", version: Some("0.0.4") }
            }
            TextFormat::OpenMetrics => MediaType {
                kind: "application",
                subtype: "openmetrics-text",
                version: Some("1.0.0"),
            },
        }
    }

    /// The content type of an answer.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            TextFormat::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            TextFormat::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The type of a metric.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Only grows. The names of its samples end with `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// A label and its value.
pub(crate) type Label<'a> = (&'static str, &'a str);

/// The text that is being written.
pub(crate) struct Exposition {
    format: TextFormat,
    text: String,
}

impl Exposition {
    /// An empty text.
    pub(crate) fn new(format: TextFormat) -> Exposition {
        Exposition { format, text: String::new() }
    }

    /// Adds a metric with all its samples. Counters get the suffix `_total` here. A metric without
    /// samples is left out.
    pub(crate) fn add<'a, V: Display>(
        &mut self,
        kind: Kind,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Vec<Label<'a>>, V)>,
    ) {
        let sample_name = match kind {
            Kind::Counter => format!("{name}_total"),
            Kind::Gauge => name.to_string(),
        };
        let (family, kind) = match (self.format, kind) {
            // Where OpenMetrics names the family, Prometheus' own form names its samples.
            (TextFormat::OpenMetrics, Kind::Counter) => (name, "counter"),
            (TextFormat::Prometheus, Kind::Counter) => (sample_name.as_str(), "counter"),
            (_, Kind::Gauge) => (name, "gauge"),
        };
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        let help = escaped(help, self.format == TextFormat::OpenMetrics);
        self.text += &format!("# HELP {family} {help}\n# TYPE {family} {kind}\n");
        for (labels, value) in samples {
            let labels: Vec<String> = labels
                .iter()
                .map(|(name, value)| format!("{name}=\"{}\"", escaped(value, true)))
                .collect();
            let labels =
                if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            self.text += &format!("{sample_name}{labels} {value}\n");
        }
    }

    /// The whole text.
    pub(crate) fn finish(mut self) -> String {
        if self.format == TextFormat::OpenMetrics {
            self.text += "# EOF\n";
        }
        self.text
    }
}

/// Escapes a text. Quotation marks are escaped in label values, and everywhere in OpenMetrics.
fn escaped(text: &str, with_quotes: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => escaped += r"\\",
            '\n' => escaped += r"\n",
            '"' if with_quotes => escaped += r#"\""#,
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: TextFormat) -> String {
        let mut exposition = Exposition::new(format);
        let lines = [("counted", 12), ("rejected", 0)];
        let samples = lines
            .map(|(outcome, count)| (vec![("outcome", outcome), ("site", "a\"b\\c\nd")], count));
        exposition.add(
            Kind::Counter,
            "app_lines",
            "Lines, with \"quotes\", \\ and\nmore.",
            samples,
        );
        exposition.add(Kind::Gauge, "app_age_seconds", "Age.", [(vec![], 1.25)]);
        exposition.add(
            Kind::Gauge,
            "app_nothing",
            "Nobody knows.",
            Vec::<(Vec<Label<'_>>, u64)>::new(),
        );
        exposition.finish()
    }

    #[test]
    fn the_form_of_prometheus() {
        let expected = concat!(
            "# HELP app_lines_total Lines, with \"quotes\", \\\\ and\\nmore.\n",
            "# TYPE app_lines_total counter\n",
            "app_lines_total{outcome=\"counted\",site=\"a\\\"b\\\\c\\nd\"} 12\n",
            "app_lines_total{outcome=\"rejected\",site=\"a\\\"b\\\\c\\nd\"} 0\n",
            "# HELP app_age_seconds Age.\n",
            "# TYPE app_age_seconds gauge\n",
            "app_age_seconds 1.25\n",
        );
        assert_eq!(written(TextFormat::Prometheus), expected);
    }

    #[test]
    fn the_form_of_open_metrics() {
        let expected = concat!(
            "# HELP app_lines Lines, with \\\"quotes\\\", \\\\ and\\nmore.\n",
            "# TYPE app_lines counter\n",
            "app_lines_total{outcome=\"counted\",site=\"a\\\"b\\\\c\\nd\"} 12\n",
            "app_lines_total{outcome=\"rejected\",site=\"a\\\"b\\\\c\\nd\"} 0\n",
            "# HELP app_age_seconds Age.\n",
            "# TYPE app_age_seconds gauge\n",
            "app_age_seconds 1.25\n",
            "# EOF\n",
        );
        assert_eq!(written(TextFormat::OpenMetrics), expected);
    }

    #[test]
    fn a_form_is_called_what_it_is_asked_for_by() {
        for format in [TextFormat::Prometheus, TextFormat::OpenMetrics] {
            let MediaType { kind, subtype, version } = format.media_type();
            let called =
                format!("{kind}/{subtype}; version={}; charset=utf-8", version.unwrap_or_default());
            assert_eq!(format.content_type(), called);
        }
    }
}
