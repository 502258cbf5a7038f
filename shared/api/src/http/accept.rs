//! The `Accept` header: which form of an answer a client prefers.
//!
//! **Source**: RFC 9110, section 12.5.1.

/// A form that an answer can have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct MediaType {
    /// The part before the slash, in lower case.
    pub(crate) kind: &'static str,
    /// The part after the slash, in lower case.
    pub(crate) subtype: &'static str,
    /// The `version` that a range may ask for, if the form has one.
    pub(crate) version: Option<&'static str>,
}

/// The index of the form that a client prefers; of equally preferred forms, the first.
///
/// **Shape**: `None` if it accepts none of them. An empty header accepts all. Parameters other than
/// `version` and `q`, and malformed ranges, are ignored.
pub(crate) fn best(accept: &str, offered: &[MediaType]) -> Option<usize> {
    if accept.trim().is_empty() {
        return (!offered.is_empty()).then_some(0);
    }
    let ranges: Vec<Range<'_>> =
        split_outside_quotes(accept, ',').filter_map(Range::parse).collect();
    let quality = |form: &MediaType| {
        let matching =
            ranges.iter().filter_map(|range| Some((range.precision(form)?, range.per_mille)));
        matching.max_by_key(|(precision, _)| *precision).map_or(0, |(_, per_mille)| per_mille)
    };
    let liked = offered.iter().map(quality).enumerate().filter(|(_, per_mille)| *per_mille > 0);
    // Of equal ones the last is the maximum, so that the places are turned round.
    liked
        .max_by_key(|(place, per_mille)| (*per_mille, std::cmp::Reverse(*place)))
        .map(|(place, _)| place)
}

/// One of the ranges of a header: `text/*;q=0.5`.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    version: Option<&'a str>,
    /// Its weight in thousandths, 0 to 1,000; 0 is not acceptable.
    per_mille: u32,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Range<'a>> {
        let mut parts = split_outside_quotes(text, ';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let mut range =
            Range { kind: kind.trim(), subtype: subtype.trim(), version: None, per_mille: 1_000 };
        for parameter in parts {
            let Some((name, value)) = parameter.split_once('=') else {
                continue;
            };
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => range.per_mille = per_mille(value)?,
                "version" => range.version = Some(value),
                _ => {}
            }
        }
        Some(range)
    }

    /// How specifically it matches a form, the larger the better; `None` if it does not match.
    fn precision(&self, form: &MediaType) -> Option<u8> {
        if let (Some(wanted), Some(version)) = (self.version, form.version)
            && wanted != version
        {
            return None;
        }
        match (self.kind, self.subtype) {
            ("*", "*") => Some(0),
            (kind, "*") => kind.eq_ignore_ascii_case(form.kind).then_some(1),
            (kind, subtype) => {
                let is_named = kind.eq_ignore_ascii_case(form.kind)
                    && subtype.eq_ignore_ascii_case(form.subtype);
                is_named.then_some(if self.version.is_some() { 3 } else { 2 })
            }
        }
    }
}

/// Reads a quality: 0 to 1 with up to three decimals.
fn per_mille(text: &str) -> Option<u32> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let are_digits = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    let thousandths: u32 =
        if are_digits { format!("{decimals:0<3}").parse().ok()? } else { return None };
    match (whole, thousandths) {
        ("0", _) => Some(thousandths),
        ("1", 0) => Some(1_000),
        _ => None,
    }
}

fn split_outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |character| {
        is_quoted ^= character == '"';
        character == separator && !is_quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: MediaType = MediaType { kind: "application", subtype: "json", version: None };
    const OPEN_METRICS: MediaType =
        MediaType { kind: "application", subtype: "openmetrics-text", version: Some("1.0.0") };
    const TEXT: MediaType = MediaType { kind: "text", subtype: "plain", version: Some("0.0.4") };

    fn check(accept: &str, expected: Option<MediaType>) {
        let offered = [JSON, OPEN_METRICS, TEXT];
        assert_eq!(best(accept, &offered).map(|place| offered[place]), expected, "{accept}");
    }

    #[test]
    fn who_takes_all_gets_the_first() {
        for accept in [
            "",
            "*/*",
            "application/*",
            "application/json, text/plain, */*",
            "*/*;q=0.1, text/plain;q=0.05",
        ] {
            check(accept, Some(JSON));
        }
        // A browser.
        check(
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
            Some(JSON),
        );
    }

    #[test]
    fn what_is_named_goes_before_what_is_not_excluded() {
        check("text/plain", Some(TEXT));
        check("Text/Plain; charset=utf-8", Some(TEXT));
        check("text/*", Some(TEXT));
        check("application/openmetrics-text", Some(OPEN_METRICS));
        check("text/plain, */*;q=0.9", Some(TEXT));
        check("application/json;q=0, */*", Some(OPEN_METRICS));
        check("application/*;q=0.2, application/json;q=0.1", Some(OPEN_METRICS));
    }

    #[test]
    fn what_prometheus_sends_is_understood() {
        check(
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
             text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            Some(OPEN_METRICS),
        );
        check(
            "application/openmetrics-text;version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            Some(TEXT),
        );
        check(
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            Some(OPEN_METRICS),
        );
        check("text/plain;version=0.0.4;q=1,*/*;q=0.1", Some(TEXT));
    }

    #[test]
    fn what_nobody_offers_is_nothing() {
        for accept in
            ["text/html", "image/*", "*/*;q=0", "text/plain;version=7", "text", ";q=1", "*/json"]
        {
            check(accept, None);
        }
    }

    #[test]
    fn qualities_have_three_decimals_at_most_and_quoted_separators_separate_nothing() {
        check("text/plain;q=0.001, application/json;q=0.01", Some(JSON));
        check("text/plain;q=1.000, application/json;q=0.999", Some(TEXT));
        for broken in ["2", "1.001", "0.0001", "-1", "", "half", "0.+1"] {
            check(&format!("text/plain;q={broken}"), None);
        }
        check("text/plain;note=\"a,b;q=0\";q=0.5, application/json;q=0.4", Some(TEXT));
        check("text/plain; version=\"0.0.4\"", Some(TEXT));
    }
}
