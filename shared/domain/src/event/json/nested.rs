//! Scans what is nested in a line.

use crate::event::json::names::{Behind, OF_LINE, Slots};
use crate::event::json::raw::{Kind, Raw};
use crate::event::json::scanner::{Container, Next, ScanError, Scanner};

impl Scanner<'_> {
    /// Scans an object or array within the line, and adds it to the tape with all that is in it.
    // All levels in one loop: a call for each value costs more than the value.
    pub(super) fn container(
        &mut self,
        start: usize,
        depth: usize,
        mut slots: Slots,
        parent: usize,
    ) -> Result<Raw, ScanError> {
        self.around.clear();
        let (mut at, mut token, mut in_object) = (start, parent, false);
        loop {
            // A value begins here, under a name with these slots or in an array.
            match self.byte(at) {
                b'"' => {
                    let value = self.text(at + 1)?;
                    self.tape.add(slots, value);
                    at = value.end() + 1;
                }
                b'-' | b'0'..=b'9' => {
                    let value = self.number(at)?;
                    self.tape.add(slots, value);
                    at = value.end();
                }
                opening @ (b'{' | b'[') => {
                    if depth + self.around.len() >= self.depth_max {
                        return Err(ScanError::TooDeep);
                    }
                    in_object = opening == b'{';
                    let place = self.tape.open(slots);
                    self.around.push(Container {
                        place,
                        start: at,
                        parent: token,
                        is_object: in_object,
                    });
                    let end = if in_object {
                        let next = match self.names.find(self.bytes, at + 1, Behind::Brace(token)) {
                            Some(known) => Next::Member(known),
                            None => self.new_first_member(at + 1, token)?,
                        };
                        match next {
                            Next::Member(known) => {
                                at += 1 + known.length;
                                (token, slots) = (known.place, known.slots);
                                continue;
                            }
                            Next::End(end) => end,
                        }
                    } else {
                        at = self.skip_space(at + 1);
                        slots = Slots::NONE;
                        if self.byte(at) != b']' {
                            continue;
                        }
                        at + 1
                    };
                    let kind = if in_object { Kind::Object } else { Kind::EmptyArray };
                    let (value, ended) = self.end(kind, end);
                    (at, token) = (end, ended);
                    match self.around.last() {
                        Some(outer) => in_object = outer.is_object,
                        None => return Ok(value),
                    }
                }
                b' ' | b'\t' | b'\r' => {
                    at = self.skip_space(at);
                    continue;
                }
                _ => {
                    let value = self.word(at)?;
                    self.tape.add(slots, value);
                    at = value.end();
                }
            }
            // A value ended here, and perhaps those around it.
            loop {
                if in_object {
                    if self.byte(at) == b'}' {
                        at += 1;
                    } else {
                        let next = match self.names.find(self.bytes, at, Behind::Value(token)) {
                            Some(known) => Next::Member(known),
                            None => self.new_next_member(at, token)?,
                        };
                        match next {
                            Next::Member(known) => {
                                at += known.length;
                                (token, slots) = (known.place, known.slots);
                                break;
                            }
                            Next::End(end) => at = end,
                        }
                    }
                } else {
                    at = self.skip_space(at);
                    match self.byte(at) {
                        b',' => {
                            at = self.skip_space(at + 1);
                            slots = Slots::NONE;
                            break;
                        }
                        b']' => at += 1,
                        _ => return Err(ScanError::NotJson),
                    }
                }
                let kind = if in_object { Kind::Object } else { Kind::Array };
                let (value, ended) = self.end(kind, at);
                token = ended;
                match self.around.last() {
                    Some(outer) => in_object = outer.is_object,
                    None => return Ok(value),
                }
            }
        }
    }

    /// Ends the innermost object or array; returns the place of the token that it stands under, too.
    #[inline]
    fn end(&mut self, kind: Kind, end: usize) -> (Raw, usize) {
        let Some(Container { place, start, parent, .. }) = self.around.pop() else {
            return (Raw::NULL, OF_LINE);
        };
        let value = Raw::new(start, end, kind);
        self.tape.close(place, value);
        (value, parent)
    }
}
