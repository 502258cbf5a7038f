//! The typed values of DynamoDB: `{"N":"5"}` is 5.

use crate::event::json::{Kind, Node, Raw, Tape, number_kind};

/// Replaces the typed values in an object by plain values: writes the tape anew to `out`. Returns the
/// object there.
pub(super) fn write_plain(object: Node, text: &[u8], typed: &Tape, out: &mut Tape) -> Node {
    out.replace_within(object, typed, |out| write_members(object, text, typed, out))
}

fn write_members(mut object: Node, text: &[u8], typed: &Tape, out: &mut Tape) {
    while let Some(member) = object.within.next(typed) {
        write_value(member, text, typed, out);
    }
}

fn write_value(node: Node, text: &[u8], typed: &Tape, out: &mut Tape) {
    let only = match node.value.kind() {
        Kind::Object => typed.only_member(text, node),
        _ => None,
    };
    let Some((name, member)) = only else {
        return out.copy(node, typed);
    };
    let value = member.value;
    let slots = node.slots;
    let plain = Node { slots, ..member };
    let is_array = matches!(value.kind(), Kind::Array | Kind::EmptyArray);
    match name.of(text) {
        b"N" => match number_kind(value.of(text)).filter(|_| value.kind() == Kind::Text) {
            Some(kind) => out.add(slots, Raw::new(value.start(), value.end(), kind)),
            None => out.copy(plain, typed),
        },
        b"S" | b"B" | b"BOOL" => out.copy(plain, typed),
        b"NULL" => out.add(slots, Raw::new(value.start(), value.end(), Kind::Null)),
        b"M" if value.kind() == Kind::Object => write_container(plain, text, typed, out),
        b"L" if is_array => write_container(plain, text, typed, out),
        b"SS" | b"NS" | b"BS" if is_array => out.copy(plain, typed),
        _ => out.copy(node, typed),
    }
}

fn write_container(container: Node, text: &[u8], typed: &Tape, out: &mut Tape) {
    let place = out.open(container.slots);
    write_members(container, text, typed, out);
    out.close(place, container.value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::json::{Memory, Scanner, Slots};
    use crate::event::rules::RULES;

    fn tape_of(text: &str) -> Tape {
        let mut memory = Memory::new(RULES.slots_of);
        let taken = Scanner::of_checked(text.as_bytes(), &mut memory).whole_line(|_, _| {});
        assert_eq!(taken, Ok(true), "{text}");
        memory.tape
    }

    /// The values of a tape with the slots of their names, one after another.
    fn listed(node: Node, text: &str, tape: &Tape, out: &mut Vec<String>) {
        let (value, Slots { event, .. }) = (node.value, node.slots);
        let shown = match value.kind() {
            Kind::Object | Kind::Array | Kind::EmptyArray => String::new(),
            Kind::Null => "null".to_string(),
            _ => text[value.start()..value.end()].to_string(),
        };
        out.push(format!("{event} {:?} {shown}", value.kind()));
        let mut within = node.within;
        if value.is_container() && value.start() > 0 {
            assert_eq!(tape.within(value), within, "{text}");
        }
        while let Some(inner) = within.next(tape) {
            listed(inner, text, tape, out);
        }
        out.push("end".to_string());
    }

    #[test]
    fn typed_values_are_those_that_are_written_plainly() {
        let cases = [
            (r#""N":"5""#, "5"),
            (r#""N":"-1.5e3""#, "-1.5e3"),
            (r#""N":"05""#, r#""05""#),
            (r#""N":"""#, r#""""#),
            (r#""N":5"#, "5"),
            (r#""S":"view""#, r#""view""#),
            (r#""S":{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#""BOOL":true"#, "true"),
            (r#""NULL":true"#, "null"),
            (r#""NULL":[1]"#, "null"),
            (r#""M":{}"#, "{}"),
            (
                r#""M":{"price":{"N":"1"},"b":{"L":[{"N":"2"},3,{"M":{"ts":{"S":"x"}}}]}}"#,
                r#"{"price":1,"b":[2,3,{"ts":"x"}]}"#,
            ),
            (r#""M":[1]"#, r#"{"M":[1]}"#),
            (r#""L":[]"#, "[]"),
            (r#""SS":["a","b"]"#, r#"["a","b"]"#),
            (r#""NS":"a""#, r#"{"NS":"a"}"#),
            (r#""n":"5""#, r#"{"n":"5"}"#),
            (r#""S":"a","N":"1""#, r#"{"S":"a","N":"1"}"#),
            (r#""\u004e":"1""#, r#"{"\u004e":"1"}"#),
        ];
        for (typed, plain) in cases {
            let around = |value: &str| {
                format!(
                    r#"{{"x":[{{"ts":1}}],"item":{{"ts":{value},"sku":{value}}},"end":{{"price":1}}}}"#
                )
            };
            let (typed, plain) = (around(&format!("{{{typed}}}")), around(plain));
            let (tape, expected) = (tape_of(&typed), tape_of(&plain));
            let root = tape.root().expect("an object");
            let mut members = root.within;
            let object = (0..2).filter_map(|_| members.next(&tape)).last().expect("an object");
            let mut written = Tape::default();
            let object = write_plain(object, typed.as_bytes(), &tape, &mut written);
            let (mut one, mut other, mut within) = (vec![], vec![], vec![]);
            listed(written.root().expect("an object"), &typed, &written, &mut one);
            listed(expected.root().expect("an object"), &plain, &expected, &mut other);
            listed(object, &typed, &written, &mut within);
            assert_eq!(one, other, "{typed}");
            assert!(one.windows(within.len()).any(|part| part == within), "{typed}");
        }
    }
}
