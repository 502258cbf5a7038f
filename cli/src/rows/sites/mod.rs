//! The rows of sites: the registry and the settings.

pub(crate) mod registry;
pub(crate) mod settings;
