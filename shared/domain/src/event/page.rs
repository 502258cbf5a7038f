//! Pages: the readable path of an address.

use std::borrow::Cow;

/// The maximum length of a page, in bytes of UTF-8. Percent-encoded paths of scripts other than
/// Latin are long.
pub const PAGE_BYTES_MAX: usize = 1_024;

/// What a page ends with that was cut.
const CUT: &str = "…";

/// The page of an address; `None` if it is empty.
///
/// **Shape**: without its query and its fragment, but with a route (`#/cart`, `#!/cart`), which is
/// the path of shops that are one page; without percent-encoding where that gives UTF-8; of at most
/// [`PAGE_BYTES_MAX`] bytes, where a longer one is cut at a character and ends with `…`.
pub(crate) fn page_of(address: &str) -> Option<Cow<'_, str>> {
    let path = decoded(path_and_route(address));
    if path.is_empty() {
        return None;
    }
    if path.len() <= PAGE_BYTES_MAX {
        return Some(path);
    }
    let end = path.floor_char_boundary(PAGE_BYTES_MAX - CUT.len());
    Some(Cow::Owned(format!("{}{CUT}", &path[..end])))
}

fn path_and_route(address: &str) -> Cow<'_, str> {
    let (before_fragment, fragment) = match address.split_once('#') {
        Some((before, fragment)) => (before, fragment),
        None => (address, ""),
    };
    let path = before_query(before_fragment);
    if !fragment.starts_with('/') && !fragment.starts_with("!/") {
        return Cow::Borrowed(path);
    }
    let route = before_query(fragment.split('#').next().unwrap_or_default());
    Cow::Owned(format!("{path}#{route}"))
}

fn before_query(text: &str) -> &str {
    text.split('?').next().unwrap_or_default()
}

/// Decodes percent-encoding, but leaves a text as it is if that would not give UTF-8.
fn decoded(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains('%') {
        return text;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let escaped = match after {
            [high, low, ..] if *byte == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = &after[2..];
            }
            None => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    match String::from_utf8(bytes) {
        Ok(decoded) => Cow::Owned(decoded),
        Err(_) => text,
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_the_readable_path_of_an_address() {
        for (address, page) in [
            ("/", "/"),
            ("/p/1?utm=x#top", "/p/1"),
            ("/p/1#top?x", "/p/1"),
            ("https://shop.example/#/cart?step=2", "https://shop.example/#/cart"),
            ("/?utm=x#/cart", "/#/cart"),
            ("/#!/cart#top", "/#!/cart"),
            ("#/cart", "#/cart"),
            ("/#", "/"),
            ("/caf%C3%A9", "/café"),
            ("/%d8%b8%2D", "/ظ-"),
            ("/caf%E9", "/caf%E9"),
            ("/100%/%zz/%4", "/100%/%zz/%4"),
            ("/a%3Fb%23c", "/a?b#c"),
        ] {
            assert_eq!(page_of(address).as_deref(), Some(page), "{address}");
        }
        for address in ["", "?x", "#top", "?a#b"] {
            assert_eq!(page_of(address), None, "{address}");
        }
    }

    #[test]
    fn a_long_page_is_cut_at_a_character() {
        let longest = "x".repeat(PAGE_BYTES_MAX);
        assert_eq!(page_of(&longest).as_deref(), Some(&*longest));
        assert_eq!(page_of(&format!("{longest}y")), Some(format!("{}…", &longest[3..]).into()));
        let wide = page_of(&"ظ".repeat(PAGE_BYTES_MAX)).map(Cow::into_owned);
        assert_eq!(wide, Some(format!("{}…", "ظ".repeat(510))));
    }
}
