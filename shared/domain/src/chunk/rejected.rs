//! Rejected lines as JSONL.

use std::io::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::chunk::lines::Line;
use crate::event::reason::Reason;

/// Writes a rejected line, or a rejected element of its `events`, as one line of JSON.
pub(super) fn write_rejected(
    line: Line<'_>,
    element: Option<u64>,
    reason: Reason,
    out: &mut Vec<u8>,
) {
    try_write_rejected(line, element, reason, out).expect("writing to memory does not fail");
}

fn try_write_rejected(
    line: Line<'_>,
    element: Option<u64>,
    reason: Reason,
    out: &mut Vec<u8>,
) -> std::io::Result<()> {
    write!(out, r#"{{"line":{},"#, line.number)?;
    if let Some(element) = element {
        write!(out, r#""event":{element},"#)?;
    }
    write!(out, r#""reason":"{reason}","#)?;
    match rejected_text(line) {
        Some(text) => {
            out.extend_from_slice(br#""text":"#);
            serde_json::to_writer(&mut *out, text)?;
        }
        None => write!(out, r#""base64":"{}""#, BASE64_STANDARD.encode(line.text))?,
    }
    if line.too_long {
        out.extend_from_slice(br#","cut":true"#);
    }
    out.extend_from_slice(b"}\n");
    Ok(())
}

/// The text of a rejected line; `None` if it is not UTF-8. An incomplete character at the end of a
/// line that was cut is left out.
fn rejected_text(line: Line<'_>) -> Option<&str> {
    match std::str::from_utf8(line.text) {
        Ok(text) => Some(text),
        Err(error) if line.too_long && error.error_len().is_none() => {
            line.text.get(..error.valid_up_to()).and_then(|whole| std::str::from_utf8(whole).ok())
        }
        Err(_) => None,
    }
}
