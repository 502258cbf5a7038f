//! The typed values of DynamoDB: `{"N":"5"}` is 5.

use crate::event::form::tree::{elements_of, members_of};
use crate::event::json::{Kind, Raw, is_number};

/// Writes an object of typed values as one of plain values.
pub(super) fn write_plain(object: Raw, text: &[u8], out: &mut Vec<u8>) {
    out.push(b'{');
    for (number, (name, value)) in members_of(object, text).into_iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&text[name.whole()]);
        out.push(b':');
        write_value(value, text, out);
    }
    out.push(b'}');
}

fn write_value(typed: Raw, text: &[u8], out: &mut Vec<u8>) {
    let as_it_is = &text[typed.whole()];
    let only = match typed.kind() {
        Kind::Object => only_member(typed, text),
        _ => None,
    };
    let Some((name, value)) = only else {
        return out.extend_from_slice(as_it_is);
    };
    let plain = &text[value.whole()];
    let is_text = matches!(value.kind(), Kind::Text | Kind::EscapedText | Kind::EmptyText);
    let is_array = matches!(value.kind(), Kind::Array | Kind::EmptyArray);
    match name.of(text) {
        b"N" if is_text && is_number(value.of(text)) => out.extend_from_slice(value.of(text)),
        b"S" | b"B" | b"N" | b"BOOL" => out.extend_from_slice(plain),
        b"NULL" => out.extend_from_slice(b"null"),
        b"M" if value.kind() == Kind::Object => write_plain(value, text, out),
        b"L" if is_array => {
            out.push(b'[');
            for (number, element) in elements_of(value, text).enumerate() {
                if number > 0 {
                    out.push(b',');
                }
                write_value(element, text, out);
            }
            out.push(b']');
        }
        b"SS" | b"NS" | b"BS" if is_array => out.extend_from_slice(plain),
        _ => out.extend_from_slice(as_it_is),
    }
}

fn only_member(object: Raw, text: &[u8]) -> Option<(Raw, Raw)> {
    match members_of(object, text)[..] {
        [only] => Some(only),
        _ => None,
    }
}
