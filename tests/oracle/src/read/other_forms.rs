//! Times in forms that are not those of RFC 3339.

use chrono::DateTime;

/// The shape of a text: digits are 9, letters are a.
fn shape(text: &str) -> String {
    let kind = |character: char| match character {
        '0'..='9' => '9',
        'a'..='z' | 'A'..='Z' => 'a',
        other => other,
    };
    text.chars().map(kind).collect()
}

/// The time as a date and time that looks like one of RFC 3339, without a zone if it names none; `None` if the text has another form.
pub(crate) fn written_out(text: &str) -> Option<String> {
    if !text.is_ascii() {
        return None;
    }
    let shape = shape(text);
    if shape.chars().all(|digit| digit == '9') && matches!(shape.len(), 18 | 19) {
        let nanoseconds: i128 = text.parse().ok()?;
        return (!text.starts_with('0')).then(|| since_1970(nanoseconds)).flatten();
    }
    if let Some(inner) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) {
        return milliseconds(inner);
    }
    if shape == "9999-99-99" {
        return Some(format!("{text}T00:00:00"));
    }
    if shape.starts_with("99999999a999999") && text.as_bytes()[8] == b'T' {
        let part = |from: usize, length: usize| &text[from..from + length];
        let date = [part(0, 4), part(4, 2), part(6, 2)].join("-");
        let time = [part(9, 2), part(11, 2), part(13, 2)].join(":");
        return Some(format!("{date}T{time}{}", &text[15..]));
    }
    if let Some(time) = of_java(text) {
        return Some(time);
    }
    if let Some(time) = of_log(text) {
        return Some(time);
    }
    let with_comma = |time: &str| match time.as_bytes().get(19) {
        Some(b',') => format!("{}.{}", &time[..19], &time[20..]),
        _ => time.to_owned(),
    };
    if let Some(time) = text.strip_suffix("GMT")
        && !text.contains(", ")
        && shape.starts_with("9999-")
    {
        return Some(format!("{}Z", with_comma(time.strip_suffix(' ').unwrap_or(time))));
    }
    if text.as_bytes().get(19) == Some(&b',') && shape.starts_with("9999-") {
        return Some(with_comma(text));
    }
    if text.contains('/') { of_america(text) } else { of_mail(text) }
}

fn since_1970(nanoseconds: i128) -> Option<String> {
    let seconds = i64::try_from(nanoseconds / 1_000_000_000).ok()?;
    let rest = u32::try_from(nanoseconds % 1_000_000_000).ok()?;
    let time = DateTime::from_timestamp(seconds, rest)?;
    Some(time.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true))
}

/// `1795687200000`, perhaps with a zone behind it.
fn milliseconds(text: &str) -> Option<String> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    let zone = shape(&text[digits.len()..]);
    if digits.is_empty() || digits.len() > 15 || !["", "+9999", "-9999"].contains(&zone.as_str()) {
        return None;
    }
    since_1970(digits.parse::<i128>().ok()? * 1_000_000)
}

/// A time with its zone's name behind it.
fn of_java(text: &str) -> Option<String> {
    let (time, name) = text.strip_suffix(']')?.split_once('[')?;
    let is_name = !name.is_empty()
        && name
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "/_+-".contains(character));
    let tail: String = time.chars().rev().take(6).collect::<Vec<_>>().into_iter().rev().collect();
    let mut characters = tail.chars();
    let has_offset = tail.chars().count() == 6
        && characters.next().is_some_and(|sign| "+-".contains(sign))
        && characters.nth(2) == Some(':');
    (is_name && (time.ends_with('Z') || has_offset)).then(|| time.to_owned())
}

fn month(name: &str) -> Option<String> {
    let names = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec";
    let place = names.split(' ').position(|known| known == name)?;
    Some(format!("{:02}", place + 1))
}

/// `20/Nov/2026:23:07:31 +0000`
fn of_log(text: &str) -> Option<String> {
    let is_it = text.len() == 26
        && text
            .char_indices()
            .filter(|(_, character)| "/: ".contains(*character))
            .map(|(at, _)| at)
            .eq([2, 6, 11, 14, 17, 20]);
    let bytes = text.as_bytes();
    if !is_it || (bytes[2], bytes[6], bytes[11], bytes[20]) != (b'/', b'/', b':', b' ') {
        return None;
    }
    let (day, year) = (&text[..2], &text[7..11]);
    Some(format!("{year}-{}-{day}T{}{}", month(&text[3..6])?, &text[12..20], &text[21..]))
}

/// `Fri, 20 Nov 2026 23:07:31 GMT`
fn of_mail(text: &str) -> Option<String> {
    let without_weekday = match text.find(", ") {
        None => text,
        Some(3) if "Mon Tue Wed Thu Fri Sat Sun".split(' ').any(|day| day == &text[..3]) => {
            &text[5..]
        }
        Some(_) => return None,
    };
    let mut words = without_weekday.split(' ');
    let (day, name, year) = (words.next()?, words.next()?, words.next()?);
    let (time, zone) = (words.next()?, words.next()?);
    if words.next().is_some() || year.len() != 4 || ![5, 8].contains(&time.len()) {
        return None;
    }
    let zone = match zone {
        "GMT" | "UTC" | "UT" | "Z" => "Z",
        zone if zone.len() == 5 => zone,
        _ => return None,
    };
    let day = match shape(day).as_str() {
        "9" => format!("0{day}"),
        "99" => day.to_owned(),
        _ => return None,
    };
    Some(format!("{year}-{}-{day}T{time}{zone}", month(name)?))
}

/// `11/20/2026 11:07 PM`: the month comes first.
fn of_america(text: &str) -> Option<String> {
    let (date, time) = text.split_once(' ')?;
    let (time, half) = match time.split_once(' ') {
        Some((time, half)) => (time, Some(half.to_ascii_lowercase())),
        None => (time, None),
    };
    // In either case, but not in a mix of both.
    let is_mixed = text.ends_with("Am")
        || text.ends_with("Pm")
        || text.ends_with("aM")
        || text.ends_with("pM");
    let two = |number: &str| match shape(number).as_str() {
        "9" => Some(format!("0{number}")),
        "99" => Some(number.to_owned()),
        _ => None,
    };
    let date: Vec<&str> = date.split('/').collect();
    let time: Vec<&str> = time.split(':').collect();
    let &[month, day, year] = &date[..] else { return None };
    let (hour, rest) = time.split_first()?;
    let seconds = match rest {
        [minute] => format!("{minute}:00"),
        [minute, second] => format!("{minute}:{second}"),
        _ => return None,
    };
    if is_mixed || year.len() != 4 || rest.iter().any(|part| part.len() != 2) {
        return None;
    }
    let mut hour: u8 = two(hour)?.parse().ok()?;
    if let Some(half) = half {
        let is_afternoon = match half.as_str() {
            "am" => false,
            "pm" => true,
            _ => return None,
        };
        if hour == 0 || hour > 12 {
            return None;
        }
        hour = hour % 12 + if is_afternoon { 12 } else { 0 };
    }
    Some(format!("{year}-{}-{}T{hour:02}:{seconds}", two(month)?, two(day)?))
}
