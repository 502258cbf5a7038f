//! Texts that nobody can read, with every letter and digit replaced.

/// The words that JSON has.
const WORDS: [&[u8]; 3] = [b"true", b"false", b"null"];

/// A text in which letters are `a` and digits are `1`. What else there is stays, and so does what
/// makes a text JSON or not: braces, quotes, words, exponents, escapes, and bytes that are not
/// UTF-8. So it is rejected for the same reason, and its length is the same.
pub(super) fn masked(text: &[u8]) -> Vec<u8> {
    let mut masked = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        mask_valid(chunk.valid().as_bytes(), &mut masked);
        masked.extend_from_slice(chunk.invalid());
    }
    masked
}

fn mask_valid(text: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let rest = &text[at..];
        let is_inner = at > 0 && text[at - 1].is_ascii_alphanumeric();
        let word = WORDS.into_iter().find(|word| {
            let after = rest.get(word.len());
            !is_inner && rest.starts_with(word) && !after.is_some_and(u8::is_ascii_alphanumeric)
        });
        let (kept, replaced): (&[u8], &[u8]) = match (word, rest) {
            (Some(word), _) => (word, b""),
            (_, [b'\\', b'u', hex @ ..]) if hex.len() >= 4 && is_hex(&hex[..4]) => {
                (b"\\u0061", b"")
            }
            (_, [b'\\', escaped, ..]) if escaped.is_ascii() && *escaped != b'\n' => {
                (&rest[..2], b"")
            }
            (_, [b'e' | b'E', b'0'..=b'9' | b'+' | b'-', ..])
                if at > 0 && text[at - 1].is_ascii_digit() =>
            {
                (&rest[..1], b"")
            }
            _ if byte.is_ascii_digit() => (b"", b"1"),
            _ if byte.is_ascii_alphabetic() || !byte.is_ascii() => (b"", b"a"),
            _ => (&rest[..1], b""),
        };
        out.extend_from_slice(kept);
        out.extend_from_slice(replaced);
        at += kept.len() + replaced.len();
    }
}

fn is_hex(digits: &[u8]) -> bool {
    digits.iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_outline_stays() {
        for (text, expected) in [
            (r#"{"mail":"ann@x.com","n":-12.5e+3,"#, r#"{"aaaa":"aaa@a.aaa","a":-11.1e+1,"#),
            (r#"[true,falsely,null] "\u00e9\n" é"#, r#"[true,aaaaaaa,null] "\u0061\n" aa"#),
            ("1e5 e5 5e", "1e1 a1 1a"),
        ] {
            assert_eq!(String::from_utf8(masked(text.as_bytes())).unwrap(), expected);
            assert_eq!(text.len(), expected.len());
        }
        assert_eq!(masked(b"M\xfcller \\"), b"a\xfcaaaa \\");
    }
}
