//! Writes JSON in odd but valid ways: white space, escapes.

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

/// What may stand between two tokens.
const SPACES: [&str; 6] = ["", " ", "\t", "\r", "  ", " \t \r"];

/// How a line is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    space: Space,
    /// How likely a character of a text is escaped, although it need not be.
    escapes: f64,
}

#[derive(Clone, Copy, Debug)]
enum Space {
    None,
    AfterSeparators,
    Anywhere,
}

impl Style {
    pub(crate) fn random(random: &mut StdRng) -> Style {
        let space = match random.random_range(0..10) {
            0..6 => Space::None,
            6..8 => Space::AfterSeparators,
            _ => Space::Anywhere,
        };
        let escapes = if random.random_bool(0.1) { 0.2 } else { 0.001 };
        Style { space, escapes }
    }

    /// An object of these members, whose values are JSON already.
    pub(crate) fn object(self, random: &mut StdRng, members: &[(String, String)]) -> String {
        let members: Vec<String> = members
            .iter()
            .map(|(name, value)| {
                let name = self.text(random, name);
                let [before, after] = self.around(random);
                format!("{name}{before}:{after}{value}")
            })
            .collect();
        self.list(random, '{', &members, '}')
    }

    /// An array of these elements, which are JSON already.
    pub(crate) fn array(self, random: &mut StdRng, elements: &[String]) -> String {
        self.list(random, '[', elements, ']')
    }

    fn list(self, random: &mut StdRng, open: char, parts: &[String], close: char) -> String {
        let mut list = open.to_string();
        for (place, part) in parts.iter().enumerate() {
            if place > 0 {
                let [before, after] = self.around(random);
                list += &format!("{before},{after}");
            } else if let Space::Anywhere = self.space {
                list += SPACES.choose(random).unwrap();
            }
            list += part;
        }
        if let Space::Anywhere = self.space {
            list += SPACES.choose(random).unwrap();
        }
        list.push(close);
        list
    }

    /// A text with the escapes that it needs, and others.
    pub(crate) fn text(self, random: &mut StdRng, text: &str) -> String {
        let mut written = "\"".to_owned();
        for character in text.chars() {
            let needs_escape = character < ' ' || matches!(character, '"' | '\\');
            if needs_escape || random.random_bool(self.escapes) {
                written += &escaped(random, character);
            } else {
                written.push(character);
            }
        }
        written.push('"');
        written
    }

    fn around(self, random: &mut StdRng) -> [&'static str; 2] {
        match self.space {
            Space::None => ["", ""],
            Space::AfterSeparators => ["", " "],
            Space::Anywhere => [0; 2].map(|_| *SPACES.choose(random).unwrap()),
        }
    }
}

fn escaped(random: &mut StdRng, character: char) -> String {
    let short = match character {
        '"' => "\\\"",
        '\\' => "\\\\",
        '/' => "\\/",
        '\u{8}' => "\\b",
        '\u{c}' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        _ => "",
    };
    if !short.is_empty() && random.random_bool(0.5) {
        return short.to_owned();
    }
    let is_upper = random.random_bool(0.5);
    let mut units = [0; 2];
    let hex =
        |unit: &u16| if is_upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") };
    character.encode_utf16(&mut units).iter().map(hex).collect()
}
