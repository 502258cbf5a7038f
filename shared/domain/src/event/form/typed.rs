//! The typed values of DynamoDB: `{"N":"5"}` is 5.

use crate::event::form::tree::Tree;
use crate::event::json::{Kind, Raw, is_number};

/// Writes an object of typed values as one of plain values.
pub(super) fn write_plain(tree: &mut Tree<'_>, object: Raw, out: &mut Vec<u8>) {
    out.push(b'{');
    let members: Vec<(Raw, Raw)> = tree.members(object).collect();
    for (number, (name, value)) in members.into_iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&tree.text()[name.whole()]);
        out.push(b':');
        write_value(tree, value, out);
    }
    out.push(b'}');
}

fn write_value(tree: &mut Tree<'_>, typed: Raw, out: &mut Vec<u8>) {
    let text = tree.text();
    let as_it_is = &text[typed.whole()];
    let only = match typed.kind() {
        Kind::Object => only_member(tree, typed),
        _ => None,
    };
    let Some((name, value)) = only else {
        return out.extend_from_slice(as_it_is);
    };
    let plain = &text[value.whole()];
    let is_text = matches!(value.kind(), Kind::Text | Kind::EscapedText | Kind::EmptyText);
    let is_array = matches!(value.kind(), Kind::Array | Kind::EmptyArray);
    match name.of(text) {
        b"S" | b"B" if is_text => out.extend_from_slice(plain),
        b"N" if is_text && is_number(value.of(text)) => out.extend_from_slice(value.of(text)),
        b"N" if is_text => out.extend_from_slice(plain),
        b"BOOL" if value.kind() == Kind::Boolean => out.extend_from_slice(plain),
        b"NULL" => out.extend_from_slice(b"null"),
        b"M" if value.kind() == Kind::Object => write_plain(tree, value, out),
        b"L" if is_array => {
            out.push(b'[');
            for (number, element) in tree.elements(value).into_iter().enumerate() {
                if number > 0 {
                    out.push(b',');
                }
                write_value(tree, element, out);
            }
            out.push(b']');
        }
        b"SS" | b"NS" | b"BS" if is_array => out.extend_from_slice(plain),
        _ => out.extend_from_slice(as_it_is),
    }
}

fn only_member(tree: &mut Tree<'_>, object: Raw) -> Option<(Raw, Raw)> {
    let mut members = tree.members(object);
    let only = members.next()?;
    members.next().is_none().then_some(only)
}
