//! What the count of a chunk depends on besides its bytes.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::count::secret::VisitorSecret;
use crate::event::settings::SettingsBySite;
use crate::plan::PlanInputs;

/// What the count of a chunk depends on besides its bytes.
#[derive(Clone, Debug)]
pub struct ChunkSettings {
    /// The inputs of its plan: the time from which "future" is measured, the currency of money
    /// without one, and which minutes are kept, because visitors of older ones are collected by
    /// hour or quarter.
    pub inputs: PlanInputs,
    /// The secret that the inputs name by its number.
    pub secret: VisitorSecret,
    /// What depends on the sites of its events.
    pub sites: ChunkSites,
    /// The stored size, which bounds the size of the decompressed chunk.
    pub size_bytes: u64,
}

/// What the count of a chunk depends on that the table keeps by site.
#[derive(Clone, Default, Debug)]
pub struct ChunkSites {
    /// The settings of sites as of the revision that the inputs name.
    pub settings: Arc<SettingsBySite>,
    /// The sites that are not counted, because there are too many.
    pub refused: Arc<BTreeSet<Vec<u8>>>,
}
