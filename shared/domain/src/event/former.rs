//! The rules before: reader version 3, as plan format version 6 applied it.
//!
//! A chunk that a build of that version began is finished by these rules; see
//! [`PLAN_FORMAT_VERSION`](crate::plan::PLAN_FORMAT_VERSION).

use crate::event::fields;
use crate::event::fields::Rules;

/// The rules of version 3.
pub(crate) const RULES: Rules = Rules { has_order_lines: false, ..fields::RULES };
