//! The typed values of DynamoDB: `{"N":"5"}` is 5.

use crate::event::json::{Kind, Node, Raw, Tape, is_number};

/// Writes an object of typed values as one of plain values.
pub(super) fn write_plain(object: Node, text: &[u8], tape: &Tape, out: &mut Vec<u8>) {
    out.push(b'{');
    tape.each_member(text, object.value, object.within, |name, value| {
        out.extend_from_slice(&text[name.whole()]);
        out.push(b':');
        write_value(value, text, tape, out);
        out.push(b',');
    });
    end(b'}', out);
}

/// Ends an object or array; a comma after its last value goes.
fn end(bracket: u8, out: &mut Vec<u8>) {
    if out.last() == Some(&b',') {
        out.pop();
    }
    out.push(bracket);
}

fn write_value(typed: Node, text: &[u8], tape: &Tape, out: &mut Vec<u8>) {
    let as_it_is = &text[typed.value.whole()];
    let only = match typed.value.kind() {
        Kind::Object => only_member(typed, text, tape),
        _ => None,
    };
    let Some((name, member)) = only else {
        return out.extend_from_slice(as_it_is);
    };
    let value = member.value;
    let plain = &text[value.whole()];
    let is_text = matches!(value.kind(), Kind::Text | Kind::EscapedText | Kind::EmptyText);
    let is_array = matches!(value.kind(), Kind::Array | Kind::EmptyArray);
    match name.of(text) {
        b"N" if is_text && is_number(value.of(text)) => out.extend_from_slice(value.of(text)),
        b"S" | b"B" | b"N" | b"BOOL" => out.extend_from_slice(plain),
        b"NULL" => out.extend_from_slice(b"null"),
        b"M" if value.kind() == Kind::Object => write_plain(member, text, tape, out),
        b"L" if is_array => {
            out.push(b'[');
            let mut elements = member.within;
            while let Some(element) = elements.next(tape) {
                write_value(element, text, tape, out);
                out.push(b',');
            }
            end(b']', out);
        }
        b"SS" | b"NS" | b"BS" if is_array => out.extend_from_slice(plain),
        _ => out.extend_from_slice(as_it_is),
    }
}

fn only_member(object: Node, text: &[u8], tape: &Tape) -> Option<(Raw, Node)> {
    let (mut count, mut only) = (0, None);
    tape.each_member(text, object.value, object.within, |name, member| {
        count += 1;
        only = Some((name, member));
    });
    only.filter(|_| count == 1)
}
