//! What is read from few small rows.

use minutebook_domain::catalogue::Slot;
use minutebook_domain::event::settings::SettingsRevision;

use crate::catalogue::{CatalogueSource, Current};
use crate::error::StorageError;
use crate::memory::MemoryTable;
use crate::order::recent::{OrderSource, RecentOrder, RecentQuestion};
use crate::proof::{Proof, ProofSource};
use crate::site::registry::{RegisteredSite, Registry, SiteSource};
use crate::site::settings::{Revision, SettingsSource};
use crate::table::Consistency;
use crate::visitors::{VisitorState, VisitorStateSource};

impl VisitorStateSource for MemoryTable {
    async fn visitor_state(&self) -> Result<Option<VisitorState>, StorageError> {
        Ok(self.small_turn().await.visitor_state)
    }
}

impl SiteSource for MemoryTable {
    async fn site(&self, site: &str) -> Result<Option<RegisteredSite>, StorageError> {
        let state = self.small_turn().await;
        Ok(state.sites.iter().find(|registered| registered.site == site).cloned())
    }

    async fn sites_after(
        &self,
        after: &str,
        limit: usize,
    ) -> Result<Vec<RegisteredSite>, StorageError> {
        let mut sites = self.small_turn().await.sites.clone();
        sites.retain(|site| site.site.as_str() > after);
        sites.sort_unstable_by(|left, right| left.site.cmp(&right.site));
        sites.truncate(limit);
        Ok(sites)
    }

    async fn registry(&self) -> Result<Option<Registry>, StorageError> {
        Ok(self.small_turn().await.registry)
    }
}

impl ProofSource for MemoryTable {
    async fn last_proof(&self) -> Result<Option<Proof>, StorageError> {
        Ok(self.small_turn().await.proof)
    }
}

impl SettingsSource for MemoryTable {
    async fn revisions_after(
        &self,
        number: SettingsRevision,
        _: Consistency,
    ) -> Result<Vec<Revision>, StorageError> {
        let state = self.small_turn().await;
        Ok(state.revisions.iter().filter(|revision| revision.number > number).cloned().collect())
    }
}

impl CatalogueSource for MemoryTable {
    async fn current_catalogue(
        &self,
        site: &str,
        _: Consistency,
    ) -> Result<Option<Current>, StorageError> {
        let state = self.small_turn().await;
        Ok(state.catalogues.get(site).map(|_| Current { revision: 1, slots: 1 }))
    }

    async fn catalogue_slots(
        &self,
        site: &str,
        _: u32,
        slots: &[u32],
        _: Consistency,
    ) -> Result<Vec<(u32, Slot)>, StorageError> {
        let state = self.small_turn().await;
        let slot = state.catalogues.get(site);
        Ok(slots.iter().filter_map(|number| Some((*number, slot?.clone()))).collect())
    }
}

/// Answers with the orders that it was given, whatever the site and the window.
impl OrderSource for MemoryTable {
    async fn recent_orders(
        &self,
        question: &RecentQuestion<'_>,
    ) -> Result<Vec<RecentOrder>, StorageError> {
        self.turn().await;
        Ok(self.state().recent_orders.iter().take(question.limit).cloned().collect())
    }
}
