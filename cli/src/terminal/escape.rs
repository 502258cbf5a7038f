//! Text from outside, which must not command the terminal.
//!
//! Keys of objects, ids of items and sites, names of pages and files, and texts of errors are
//! chosen by others. A terminal obeys some characters instead of showing them: they move its
//! cursor, change its title, or reverse what follows. Whatever a command prints for people passes
//! through [`shown`], and its JSON through [`json`].

use std::borrow::Cow;

/// The text on one line, with every character that a terminal would obey written as `\u{1b}`.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    escaped(text, is_obeyed, |character| format!("\\u{{{:x}}}", u32::from(character)))
}

/// A valid JSON document with the same meaning and without such characters, except the newlines
/// between its tokens.
///
/// JSON escapes only those below U+0020. The others are escaped wherever the output goes, so that
/// a file is the same as what a terminal shows.
pub(crate) fn json(document: &str) -> Cow<'_, str> {
    let is_obeyed = |character| character != '\n' && is_obeyed(character);
    escaped(document, is_obeyed, |character| match character {
        // Inside a string they are escaped already, so they are white space between tokens.
        '\t' | '\r' => " ".to_owned(),
        _ => format!("\\u{:04x}", u32::from(character)),
    })
}

fn escaped(
    text: &str,
    is_escaped: impl Fn(char) -> bool,
    escape: impl Fn(char) -> String,
) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let character = |character| match is_escaped(character) {
        true => escape(character),
        false => String::from(character),
    };
    Cow::Owned(text.chars().map(character).collect())
}

/// Whether a terminal may obey a character instead of showing it: the control characters (C0,
/// DEL, C1), line and paragraph separators, and the marks that change the direction of text.
fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every character that a terminal may obey, and a few beside them.
    fn hostile() -> String {
        ('\0'..='\u{2070}').filter(|character| is_obeyed(*character)).collect()
    }

    #[test]
    fn what_a_terminal_obeys_is_shown_instead() {
        for (text, expected) in [
            ("", ""),
            ("sku-7 \\ \"ä\" 日本 🛒 \u{a0}", "sku-7 \\ \"ä\" 日本 🛒 \u{a0}"),
            ("\u{1b}[2Ja\u{1b}]0;x\u{7}", "\\u{1b}[2Ja\\u{1b}]0;x\\u{7}"),
            ("a\nb\r\tc\u{7f}", "a\\u{a}b\\u{d}\\u{9}c\\u{7f}"),
            ("\u{85}\u{9b}31m", "\\u{85}\\u{9b}31m"),
            ("\u{202e}fdp.\u{2066}\u{61c}\u{200f}", "\\u{202e}fdp.\\u{2066}\\u{61c}\\u{200f}"),
        ] {
            assert_eq!(shown(text), expected);
        }
        assert_eq!(hostile().chars().count(), 65 + 3 + 7 + 4);
        assert!(!shown(&hostile()).contains(is_obeyed));
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = serde_json::json!({ hostile(): [hostile(), "\n\t plain"] });
        for document in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let harmless = json(&document);
            assert!(!harmless.contains(|character| character != '\n' && is_obeyed(character)));
            assert_eq!(serde_json::from_str::<serde_json::Value>(&harmless).unwrap(), value);
        }
        assert_eq!(json("{\r\n\t\"a\":\"\u{9b}\"}"), "{ \n \"a\":\"\\u009b\"}");
    }
}
