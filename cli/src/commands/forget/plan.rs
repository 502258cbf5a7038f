//! What is to be done, or was done, and how that is said.

use serde_json::{Value, json};

use crate::terminal::escape::shown;

/// What a run does.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) dry_run: bool,
    /// Whether a run was killed that this one continues.
    pub(super) is_continued: bool,
    /// Versions of objects with lines about the person, and how many lines.
    pub(super) objects: Vec<(String, u64)>,
    /// Versions of objects with rejected lines about them.
    pub(super) rejected: Vec<(String, u64)>,
    /// How many rows of orders.
    pub(super) orders: usize,
    pub(super) sessions: usize,
    /// Objects that cannot be searched, and why.
    pub(super) unreadable: Vec<(String, String)>,
    /// Objects that could not be written anew, and why.
    pub(super) failed: Vec<(String, String)>,
}

impl Plan {
    pub(super) fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.rejected.is_empty() && self.orders == 0
    }

    /// For people. Names and reasons command no terminal.
    pub(super) fn text(&self, is_done: bool) -> String {
        let mut text = String::new();
        if self.is_continued {
            text.push_str("a run that was stopped is continued\n");
        }
        let list = |what: &str, objects: &[(String, u64)], text: &mut String| {
            for (name, lines) in objects {
                text.push_str(&format!("{what}: {} ({lines} lines)\n", shown(name)));
            }
        };
        if !is_done {
            list("object", &self.objects, &mut text);
            list("rejected lines", &self.rejected, &mut text);
        }
        for (what, list) in [("not searched", &self.unreadable), ("failed", &self.failed)] {
            for (name, why) in list {
                text.push_str(&format!("{what}: {}: {}\n", shown(name), shown(why)));
            }
        }
        let Self { objects, rejected, orders, sessions, .. } = self;
        let lines: u64 = objects.iter().chain(rejected).map(|(_, lines)| lines).sum();
        let verb = if is_done { "forgotten" } else { "would be forgotten" };
        text.push_str(&format!(
            "{verb}: {lines} lines in {} objects and {} objects of rejected lines, {orders} orders, \
             {sessions} sessions\n",
            objects.len(),
            rejected.len()
        ));
        if !is_done {
            text.push_str(
                "lines keep what is counted, under stand-ins of the ids; all numbers stay; old \
                 versions are deleted for good\n",
            );
        }
        text
    }

    pub(super) fn json(&self) -> Value {
        let list = |objects: &[(String, u64)]| -> Value {
            objects.iter().map(|(name, lines)| json!({"object": name, "lines": lines})).collect()
        };
        let reasons = |objects: &[(String, String)]| -> Value {
            objects.iter().map(|(name, why)| json!({"object": name, "because": why})).collect()
        };
        json!({
            "dry_run": self.dry_run,
            "continued": self.is_continued,
            "objects": list(&self.objects),
            "rejected": list(&self.rejected),
            "orders": self.orders,
            "sessions": self.sessions,
            "not_searched": reasons(&self.unreadable),
            "failed": reasons(&self.failed),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_lines_and_the_names_in_it_are_no_commands() {
        let plan = Plan {
            objects: vec![("b/a\u{1b}[2J\nx.jsonl".to_owned(), 2)],
            failed: vec![("b/c".to_owned(), "no\nroute".to_owned())],
            ..Plan::default()
        };
        let text = plan.text(false);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[0], "object: b/a\\u{1b}[2J\\u{a}x.jsonl (2 lines)");
        assert_eq!(lines[1], "failed: b/c: no\\u{a}route");
        assert!(lines[2].starts_with("would be forgotten: 2 lines in 1 objects"), "{text}");
    }
}
