//! What commands write into the table.

pub(crate) mod api_keys;
pub(crate) mod catalogues;
