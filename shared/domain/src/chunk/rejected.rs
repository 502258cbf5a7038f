//! Rejected lines as JSONL.

use std::io::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::SecondsFormat;

use crate::chunk::lines::{Form, Line};
use crate::event::line::Rejection;
use crate::event::reason::Reason;

/// Writes a rejected line or value, or a rejected element of its `events`, as one line of JSON.
pub(super) fn write_rejected(
    line: Line<'_>,
    element: Option<u64>,
    rejection: Rejection,
    out: &mut Vec<u8>,
) {
    try_write_rejected(line, element, rejection, out).expect("writing to memory does not fail");
}

fn try_write_rejected(
    line: Line<'_>,
    element: Option<u64>,
    rejection: Rejection,
    out: &mut Vec<u8>,
) -> std::io::Result<()> {
    let Rejection { reason, time } = rejection;
    let is_cut = reason == Reason::TooLong;
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t' | b'\r');
    // A record of CSV may begin with an empty cell.
    let start = match line.form {
        Form::Rejected(_) => 0,
        Form::Line | Form::Value | Form::Record => {
            line.text.iter().position(is_text).unwrap_or_default()
        }
    };
    let end = line.text.iter().rposition(is_text).map_or(line.text.len(), |last| last + 1);
    let text = &line.text[start..if is_cut { line.text.len() } else { end }];
    write!(out, r#"{{"line":{},"offset":{},"#, line.number, line.offset() + start as u64)?;
    if let Some(element) = element {
        write!(out, r#""event":{element},"#)?;
    }
    write!(out, r#""reason":"{reason}","#)?;
    if let Some(time) = time {
        write!(out, r#""time":"{}","#, time.to_rfc3339_opts(SecondsFormat::Secs, true))?;
    }
    match rejected_text(text, is_cut) {
        Some(text) => {
            out.extend_from_slice(br#""text":"#);
            serde_json::to_writer(&mut *out, text)?;
        }
        None => write!(out, r#""base64":"{}""#, BASE64_STANDARD.encode(text))?,
    }
    if is_cut {
        out.extend_from_slice(br#","cut":true"#);
    }
    out.extend_from_slice(b"}\n");
    Ok(())
}

/// The text of a rejected line; `None` if it is not UTF-8. An incomplete character at the end of a
/// line that was cut is left out.
fn rejected_text(text: &[u8], is_cut: bool) -> Option<&str> {
    match std::str::from_utf8(text) {
        Ok(text) => Some(text),
        Err(error) if is_cut && error.error_len().is_none() => {
            text.get(..error.valid_up_to()).and_then(|whole| std::str::from_utf8(whole).ok())
        }
        Err(_) => None,
    }
}
