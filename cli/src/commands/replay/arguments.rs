//! The arguments of `replay`, and which objects they select.

use anyhow::{Result, bail};
use chrono::{DateTime, Utc};

use crate::commands::clock;
use crate::stack::notification::Notification;
use crate::stack::objects::Object;

#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ReplayArgs {
    /// Only objects with this prefix
    #[arg(long, value_name = "TEXT")]
    pub(super) prefix: Option<String>,
    /// Only objects that were put at this time or later: RFC 3339, or a date
    #[arg(long, value_name = "TIME", value_parser = clock::parse_time_or_date)]
    pub(super) from: Option<DateTime<Utc>>,
    /// Only objects that were put before this time: RFC 3339, or a date
    #[arg(long, value_name = "TIME", value_parser = clock::parse_time_or_date)]
    pub(super) to: Option<DateTime<Utc>>,
    /// Every object of the bucket
    #[arg(long, conflicts_with_all = ["prefix", "from", "to", "dead_letters"])]
    pub(super) all: bool,
    /// Send the dead letters instead of objects of the bucket; each is removed from the dead-letter
    /// queue once it is sent
    ///
    /// With --prefix, --from or --to, only those with a record of such an object, by the time of
    /// the record.
    #[arg(long)]
    pub(super) dead_letters: bool,
    /// Send nothing, and print what would change
    #[arg(long, conflicts_with = "wait")]
    pub(super) dry_run: bool,
    /// Wait until everything is counted, and print what was counted
    #[arg(long)]
    pub(super) wait: bool,
    /// How long to wait, in seconds
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    pub(super) timeout: u64,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// The objects that are selected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selection {
    pub(super) prefix: String,
    pub(super) from: Option<DateTime<Utc>>,
    pub(super) to: Option<DateTime<Utc>>,
}

impl ReplayArgs {
    /// The objects that the flags select.
    ///
    /// # Errors
    /// No flag selects any, or the times are in the wrong order.
    pub(super) fn selection(&self) -> Result<Selection> {
        let selection = Selection {
            prefix: self.prefix.clone().unwrap_or_default(),
            from: self.from,
            to: self.to,
        };
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from >= to
        {
            bail!("--from {} is not before --to {}", clock::rfc3339(from), clock::rfc3339(to));
        }
        if selection == Selection::default() && !self.dead_letters && !self.all {
            bail!(
                "nothing is selected: give --prefix, --from, --to or --dead-letters, or --all for \
                 every object of the bucket"
            );
        }
        Ok(selection)
    }
}

impl Selection {
    /// Whether an object is selected.
    pub(super) fn contains(&self, object: &Object) -> bool {
        let is_in_time = match object.time {
            Some(time) => {
                self.from.is_none_or(|from| from <= time) && self.to.is_none_or(|to| time < to)
            }
            None => self.from.is_none() && self.to.is_none(),
        };
        is_in_time && object.key.starts_with(&self.prefix)
    }

    /// Whether a message is selected: every one if no flag selects objects, otherwise one with a
    /// record of a selected object.
    pub(super) fn contains_message(&self, notification: &Notification) -> bool {
        match notification {
            _ if *self == Self::default() => true,
            Notification::Created(objects) => objects.iter().any(|object| self.contains(object)),
            Notification::Unreadable => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: ReplayArgs,
    }

    fn args(arguments: &[&str]) -> Result<ReplayArgs, clap::Error> {
        let command = Command::try_parse_from(["replay"].iter().chain(arguments))?;
        Ok(command.args)
    }

    fn selection(arguments: &[&str]) -> Result<Selection> {
        args(arguments)?.selection()
    }

    fn object(key: &str, time: &str) -> Object {
        Object {
            bucket: "raw".to_owned(),
            key: key.to_owned(),
            version: Some("v1".to_owned()),
            etag: Some("abc".to_owned()),
            size_bytes: Some(9),
            time: time.parse().ok(),
        }
    }

    #[test]
    fn refuses_to_replay_without_a_selection() {
        for arguments in [&[][..], &["--dry-run"], &["--wait"], &["--prefix", ""]] {
            let error = selection(arguments).unwrap_err().to_string();
            assert!(
                error.contains("--prefix") && error.contains("--all"),
                "{arguments:?}: {error}"
            );
        }
        for arguments in
            [&["--all"][..], &["--dead-letters"], &["--prefix", "a/"], &["--from", "2026-11-20"]]
        {
            assert!(selection(arguments).is_ok(), "{arguments:?}");
        }
        for arguments in [
            &["--all", "--prefix", "a/"][..],
            &["--all", "--dead-letters"],
            &["--wait", "--dry-run"],
        ] {
            assert!(args(arguments).is_err(), "{arguments:?}");
        }
        let error = selection(&["--from", "2026-11-20", "--to", "2026-11-20T00:00:00Z"])
            .unwrap_err()
            .to_string();
        assert_eq!(error, "--from 2026-11-20T00:00:00Z is not before --to 2026-11-20T00:00:00Z");
    }

    #[test]
    fn selects_objects_by_prefix_and_time() {
        let selection =
            selection(&["--prefix", "a/", "--from", "2026-11-20", "--to", "2026-11-21"]).unwrap();
        for (key, time, expected) in [
            ("a/1", "2026-11-20T00:00:00Z", true),
            ("a/1", "2026-11-20T23:59:59.999Z", true),
            ("a/1", "2026-11-21T00:00:00Z", false),
            ("a/1", "2026-11-19T23:59:59.999Z", false),
            ("b/a/1", "2026-11-20T00:00:00Z", false),
            ("a/1", "", false),
        ] {
            assert_eq!(selection.contains(&object(key, time)), expected, "{key} {time}");
        }
        assert!(Selection::default().contains(&object("a/1", "")));
    }

    #[test]
    fn selects_a_message_if_any_of_its_records_is_selected() {
        let time = "2026-11-20T00:00:00Z";
        let created = |keys: &[&str]| {
            Notification::Created(keys.iter().map(|key| object(key, time)).collect())
        };
        let messages =
            [created(&["b", "a/1"]), created(&["b"]), created(&[]), Notification::Unreadable];
        let selected = |selection: &Selection| {
            messages.each_ref().map(|message| selection.contains_message(message))
        };
        assert_eq!(
            selected(&selection(&["--dead-letters", "--prefix", "a/"]).unwrap()),
            [true, false, false, false]
        );
        assert_eq!(selected(&selection(&["--dead-letters"]).unwrap()), [true; 4]);
    }
}
