//! Numbers as people write them.

/// The signs of currencies.
const CURRENCIES: &str = "$€£¥₹₽₩₺₫₪₴฿₦";

/// The number that a text says, written like a JSON number; `None` if it says none, or may say
/// several.
pub(crate) fn plain_number(text: &str) -> Option<String> {
    let is_currency = |character: char| CURRENCIES.contains(character);
    let (first_sign, rest) = sign(text.trim());
    let (second_sign, number) = match rest.strip_prefix(is_currency) {
        Some(rest) => sign(rest.trim_start()),
        None => ("", rest.strip_suffix(is_currency).map_or(rest, str::trim_end)),
    };
    if first_sign == "-" && second_sign == "-" {
        return None;
    }
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, decimals) = cut(number)?;
    if decimals.is_some_and(|decimals| !is_digits(decimals)) {
        return None;
    }
    let digits = without_separators(whole)?;
    let digits = digits.trim_start_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    let decimals = decimals.map(|decimals| format!(".{decimals}")).unwrap_or_default();
    Some(format!("{first_sign}{second_sign}{digits}{decimals}"))
}

/// The minus sign before a number, and the rest of it.
fn sign(text: &str) -> (&'static str, &str) {
    for minus in ["-", "\u{2212}"] {
        if let Some(rest) = text.strip_prefix(minus) {
            return ("-", rest.trim_start());
        }
    }
    ("", text.strip_prefix('+').unwrap_or(text))
}

/// A number before and after its decimal mark; `None` if it is ambiguous which that is.
fn cut(number: &str) -> Option<(&str, Option<&str>)> {
    let marks: Vec<char> = number.chars().filter(|mark| ".,".contains(*mark)).collect();
    let after_last = |mark| match number.rsplit_once(mark) {
        Some((whole, decimals)) => (whole, Some(decimals)),
        None => (number, None),
    };
    match marks[..] {
        [] => Some((number, None)),
        ['.'] => Some(after_last('.')),
        [','] => {
            let (whole, decimals) = after_last(',');
            let may_be_thousands = decimals.is_some_and(|decimals| decimals.len() == 3)
                && whole.chars().any(|digit| digit != '0');
            (!may_be_thousands).then_some((whole, decimals))
        }
        // All alike: they separate thousands.
        [first, ..] if marks.iter().all(|mark| *mark == first) => Some((number, None)),
        [.., last] => Some(after_last(last)),
    }
}

/// The digits of a whole number whose thousands may be separated.
fn without_separators(whole: &str) -> Option<String> {
    let separators: Vec<char> = whole.chars().filter(|c| !c.is_ascii_digit()).collect();
    let Some(separator) = separators.first() else {
        return (!whole.is_empty()).then(|| whole.to_owned());
    };
    let is_known = ".,' \u{a0}\u{202f}\u{2019}".contains(*separator);
    if !is_known || separators.iter().any(|other| other != separator) {
        return None;
    }
    let mut groups = whole.split(*separator);
    let first = groups.next()?;
    let is_right = (1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3);
    is_right.then(|| whole.chars().filter(char::is_ascii_digit).collect())
}

#[cfg(test)]
mod tests {
    use super::plain_number;

    #[test]
    fn reads_what_says_one_number() {
        for (text, number) in [
            ("1,234.50", "1234.50"),
            ("1.234,5", "1234.5"),
            ("-$99.00", "-99.00"),
            ("$ -5", "-5"),
            ("19,90 €", "19.90"),
            ("0,234", "0.234"),
            ("1 234 567", "1234567"),
        ] {
            assert_eq!(plain_number(text).as_deref(), Some(number), "{text}");
        }
        for text in ["1,234", "1.2.3", "1,2,3", "", "$", "12 34", "x", "1,", ",5", "1'234,567.8"] {
            assert_eq!(plain_number(text), None, "{text}");
        }
    }
}
