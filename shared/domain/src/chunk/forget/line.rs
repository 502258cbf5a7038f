//! Writes a line anew with only what is counted.

use crate::chunk::forget::mask::masked;
use crate::chunk::forget::meaning::Meaning;
use crate::chunk::forget::person::Known;
use crate::chunk::forget::tree::{NodeId, ROOT, Tree, id_text, quoted};
use crate::event::line::EventReader;

/// A line while more and more of it is left out.
///
/// Nothing here knows which member is what. A member is left out if the line still means the same
/// without it, so that this holds for all forms, and for those to come.
struct Pruner<'r, 'k> {
    reader: &'r mut EventReader,
    known: &'k Known<'k>,
    tree: Tree,
    /// The meaning that the line is to have.
    wanted: Meaning,
}

/// Writes a readable line anew, with nothing but what decides its meaning, and the person's ids
/// under stand-ins. `None` if that cannot be done without changing its meaning.
pub(super) fn written_anew(
    reader: &mut EventReader,
    known: &Known<'_>,
    line: &[u8],
) -> Option<Vec<u8>> {
    let meaning = Meaning::of(reader, line, line);
    let stand_ins = meaning.stand_ins(known);
    let wanted = meaning.forgotten(known);
    let mut pruner = Pruner { reader, known, tree: Tree::read(line)?, wanted };
    if !pruner.is_right() {
        return None;
    }
    pruner.prune(ROOT);
    pruner.replace_ids(&stand_ins);
    pruner.mask_rest();
    let text = pruner.tree.text();
    (Meaning::of(pruner.reader, &text, &text) == pruner.wanted).then_some(text)
}

impl Pruner<'_, '_> {
    /// Whether the line still means the same, apart from stand-ins.
    fn is_right(&mut self) -> bool {
        let text = self.tree.text();
        Meaning::of(self.reader, &text, &text).forgotten(self.known) == self.wanted
    }

    /// Leaves out what is within a value and not needed.
    fn prune(&mut self, id: NodeId) {
        if self.tree.is_list(id) {
            let members = self.tree.members(id);
            self.leave_out(&members);
        }
        for member in self.tree.members(id) {
            self.prune(member);
        }
    }

    /// Leaves out as many of these as can be: all at once, or else by halves.
    fn leave_out(&mut self, members: &[NodeId]) {
        if members.is_empty() {
            return;
        }
        self.tree.leave_out(members, true);
        if self.is_right() {
            return;
        }
        self.tree.leave_out(members, false);
        if members.len() > 1 {
            let (first, second) = members.split_at(members.len() / 2);
            self.leave_out(first);
            self.leave_out(second);
        }
    }

    /// Puts stand-ins where the ids are. An item that happens to have the same id keeps it.
    fn replace_ids(&mut self, stand_ins: &[(String, String)]) {
        for (id, within) in self.tree.kept() {
            let Some(leaf) = self.tree.leaf(id) else { continue };
            let text = id_text(leaf);
            let found = stand_ins.iter().filter(|(id, _)| *id == text);
            let found = found.map(|(_, stand_in)| stand_in.clone());
            let found = found.chain(self.known.stand_in_of(&text)).filter(|it| *it != text);
            let found: Vec<String> = found.map(|stand_in| quoted(&stand_in)).collect();
            for stand_in in found {
                // MongoDB and DynamoDB put a number into an object that says what it is.
                let of_table = format!("{{\"S\":{stand_in}}}");
                let places = [Some((id, &stand_in)), within.map(|it| (it, &stand_in))];
                let places = places.into_iter().chain([within.map(|it| (it, &of_table))]);
                if places.flatten().any(|(place, text)| self.replace(place, text)) {
                    break;
                }
            }
        }
    }

    /// Cuts what is left of texts down to what counts: a page without its query, and nothing of
    /// what cannot be read.
    fn mask_rest(&mut self) {
        let pages: Vec<String> = self.wanted.pages().iter().map(|page| address_of(page)).collect();
        for (id, _) in self.tree.kept() {
            let Some(leaf) = self.tree.leaf(id) else { continue };
            if leaf.first() != Some(&b'"') || pages.iter().any(|page| page.as_bytes() == leaf) {
                continue;
            }
            let masked = String::from_utf8(masked(leaf)).unwrap_or_default();
            let _ = pages.iter().chain([&masked]).any(|text| self.replace(id, text));
        }
    }

    /// Replaces a value by a text, if the line still means the same then.
    fn replace(&mut self, id: NodeId, json: &str) -> bool {
        let undo = self.tree.replace(id, json.as_bytes().to_vec());
        let is_right = self.is_right();
        if !is_right {
            undo(&mut self.tree);
        }
        is_right
    }
}

/// An address that has this page, as JSON.
fn address_of(page: &str) -> String {
    let encoded = page.chars().map(|letter| match letter {
        '%' | '?' | '#' => format!("%{:02X}", u32::from(letter)),
        letter => letter.to_string(),
    });
    quoted(&encoded.collect::<String>())
}
