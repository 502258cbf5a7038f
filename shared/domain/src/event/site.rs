//! The sites that events are counted for.

use std::collections::BTreeSet;
use std::fmt;

/// The bytes that a site may have.
pub const SITE_BYTES_MAX: usize = 64;

/// The site of an event that names none.
pub const DEFAULT_SITE: &str = "default";

/// The characters that a site may have, for sentences.
pub const SITE_CHARACTERS: &str = "A-Z a-z 0-9 . _ : -";

/// The id of a site: 1 to [`SITE_BYTES_MAX`] bytes of [`SITE_CHARACTERS`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteId(String);

impl SiteId {
    /// Reads an id; `None` if it is empty, too long or has another character.
    pub fn parse(text: &str) -> Option<SiteId> {
        (!text.is_empty() && is_site(text.as_bytes())).then(|| SiteId(text.to_string()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for SiteId {
    /// The site of events that name none.
    fn default() -> SiteId {
        SiteId(DEFAULT_SITE.to_string())
    }
}

impl fmt::Display for SiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The site of a set that has one, which is then the site of what names none.
pub fn only_site(sites: &BTreeSet<SiteId>) -> Option<&SiteId> {
    sites.first().filter(|_| sites.len() == 1)
}

/// Whether a text that is not empty is the id of a site. (An event with an empty site names none.)
#[inline]
pub(crate) fn is_site(text: &[u8]) -> bool {
    let is_site_byte =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-');
    text.len() <= SITE_BYTES_MAX && text.iter().all(is_site_byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_has_1_to_64_bytes_of_a_few_characters() {
        let longest = "a".repeat(SITE_BYTES_MAX);
        for text in ["a", "default", "Shop-1.de_x:y", longest.as_str()] {
            assert_eq!(SiteId::parse(text).map(|site| site.to_string()).as_deref(), Some(text));
        }
        let too_long = "a".repeat(SITE_BYTES_MAX + 1);
        for text in ["", "a b", "a/b", "ä", "a#b", too_long.as_str()] {
            assert_eq!(SiteId::parse(text), None, "{text}");
        }
    }
}
