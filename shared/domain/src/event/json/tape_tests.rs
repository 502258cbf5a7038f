//! Tests of the tape against serde_json, which shares no code with it.

use proptest::prelude::*;

use super::tests::{any_json, memory};
use super::*;
use crate::event::rules::RULES;

/// The value that the tape has, with the slots of its names checked.
fn read(value: Raw, mut within: Nodes, line: &str, tape: &Tape) -> serde_json::Value {
    let parse = |raw: Raw| -> serde_json::Value {
        serde_json::from_str(&line[raw.whole()]).expect("a value")
    };
    match value.kind() {
        Kind::Object => {
            let mut members = serde_json::Map::new();
            let only = Node { slots: Slots::NONE, value, within };
            let only = tape.only_member(line.as_bytes(), only);
            let mut at = value.start() + 1;
            while let Some(member) = within.next(tape) {
                let (name, _) =
                    line[at..member.value.whole().start].rsplit_once(':').expect("a colon");
                let start = at + name.find('"').expect("a name");
                let raw = Raw::new(start + 1, at + name.trim_end().len() - 1, Kind::EscapedText);
                let name = parse(raw).as_str().map(str::to_owned).expect("a name");
                assert_eq!(member.slots, (RULES.slots_of)(name.as_bytes()), "{name}");
                assert!(only.is_none_or(|(only, _)| only.whole() == raw.whole()), "{name}");
                members.insert(name, read(member.value, member.within, line, tape));
                at = member.value.whole().end;
            }
            assert!(only.is_none() || members.len() == 1);
            members.into()
        }
        Kind::Array => {
            let mut elements = vec![];
            while let Some(element) = within.next(tape) {
                assert_eq!(element.slots, Slots::NONE);
                elements.push(read(element.value, element.within, line, tape));
            }
            elements.into()
        }
        _ => {
            assert!(within.next(tape).is_none());
            parse(value)
        }
    }
}

proptest! {
    #[test]
    fn the_tape_has_what_serde_json_reads(
        values in prop::collection::vec((any_json(), any::<bool>()), 1..5),
        text in "[\\\\\"{}\\[\\] :,a]{0,24}",
    ) {
        let mut memory = memory();
        for (value, is_spaced) in values {
            let mut value = serde_json::json!({"a": [text, value], "b": {"c": value, &text: [text]}, "e": 1});
            value["a_name_that_is_longer_than_three_words"] = value.clone();
            let line = if is_spaced { format!("{value:#}").replace('\n', " ") } else { value.to_string() };
            // Numbers as they are read, not as they were made.
            let value: serde_json::Value = serde_json::from_str(&line).expect("a line");
            let mut members = vec![];
            let taken = Scanner::new(line.as_bytes(), &mut memory).line(|_, value| members.push(value));
            prop_assert_eq!(taken, Ok(true));
            for (member, expected) in members.iter().zip(value.as_object().into_iter().flatten()) {
                let within = memory.tape.within(*member);
                prop_assert_eq!(&read(*member, within, &line, &memory.tape), expected.1);
            }
            let taken = Scanner::of_checked(line.as_bytes(), &mut memory).whole_line(|_, _| {});
            prop_assert_eq!(taken, Ok(true));
            let root = memory.tape.root().expect("the line");
            prop_assert_eq!(&read(root.value, root.within, &line, &memory.tape), &value);
        }
    }
}
