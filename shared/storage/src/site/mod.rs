//! Sites: their registry, and what each of them sets, in numbered revisions.

pub mod admission;
pub mod known_settings;
pub mod registry;
pub mod settings;
