//! Sites: what each of them sets, in numbered revisions.

pub mod known_settings;
pub mod settings;
