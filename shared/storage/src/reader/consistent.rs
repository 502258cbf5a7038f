//! Strongly consistent reads, for functions that follow the table's stream: an eventually consistent
//! read may not show a commit yet that the stream has already delivered.

use minutebook_domain::event::settings::SettingsRevision;
use minutebook_domain::time::Hour;

use crate::error::StorageError;
use crate::order::recent::{OrderSource, RecentOrder, RecentQuestion};
use crate::reader::source::{Page, RowRange, RowSource};
use crate::site::settings::{Revision, SettingsSource};
use crate::table::{Consistency, Item, Table};
use crate::visitors::{VisitorState, VisitorStateSource};

/// The table, of which every read shows what was committed before it, at twice the cost.
#[derive(Clone, Debug)]
pub struct ConsistentTable(pub Table);

impl RowSource for ConsistentTable {
    async fn page(&self, range: &RowRange, after: Option<Item>) -> Result<Page, StorageError> {
        self.0.page_of(range, after, Consistency::Strong).await
    }

    async fn open_hours(
        &self,
        site: &str,
        from: Hour,
        to: Hour,
    ) -> Result<Vec<Hour>, StorageError> {
        self.0.open_hours_of(site, from, to).await
    }
}

impl OrderSource for ConsistentTable {
    async fn recent_orders(
        &self,
        question: &RecentQuestion<'_>,
    ) -> Result<Vec<RecentOrder>, StorageError> {
        self.0.read_recent_orders(question, Consistency::Strong).await
    }
}

impl SettingsSource for ConsistentTable {
    async fn revisions_after(
        &self,
        number: SettingsRevision,
        consistency: Consistency,
    ) -> Result<Vec<Revision>, StorageError> {
        self.0.revisions_after(number, consistency).await
    }
}

impl VisitorStateSource for ConsistentTable {
    async fn visitor_state(&self) -> Result<Option<VisitorState>, StorageError> {
        self.0.read_visitor_state(Consistency::Strong).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Replay;
    use chrono::{DateTime, Utc};
    use minutebook_domain::query::window::{Window, WindowLength};
    use minutebook_domain::time::Minute;
    use serde_json::json;

    #[tokio::test]
    async fn every_read_of_rows_is_consistent() {
        let listed = json!({"Items": [
            {"pk": {"S": "R#s#2026-11-20"}, "sk": {"S": "2026-11-20T23:07:31.000000000Z#1"}},
        ]});
        let replay =
            Replay::default().answer("Query", json!({"Items": []})).answer("Query", listed);
        let table = ConsistentTable(replay.table());
        let range = RowRange {
            partition: "T#s#2026-11-20T23".to_string(),
            first: "a".to_string(),
            last: "b".to_string(),
            counter: None,
        };
        table.page(&range, None).await.expect("a page");
        let now: DateTime<Utc> = "2026-11-20T23:08:00Z".parse().expect("a time");
        let as_of = Minute::containing(now).expect("in range");
        let window = Window::ending_with(as_of, WindowLength::FIVE_MINUTES);
        let question = RecentQuestion { site: "s", window, limit: 1, now };
        table.recent_orders(&question).await.expect("orders");
        table.visitor_state().await.expect("no state");
        let calls = replay.calls();
        assert_eq!(calls.len(), 4);
        for call in &calls[..] {
            let keys = &call.request["RequestItems"]["table"];
            let asked = if keys.is_null() { &call.request } else { keys };
            assert_eq!(asked["ConsistentRead"], true, "{}", call.operation);
        }
    }
}
