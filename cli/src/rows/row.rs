//! A row of the table, of whichever kind its keys say.

use crate::rows::api_keys::{self, ApiKey};
use crate::rows::attributes::{Item, text};
use crate::rows::extents;
use crate::rows::forgetting;
use crate::rows::ledger::LedgerEntry;
use crate::rows::ledger::files::{self, BYTES_PREFIX, FILE_PREFIX};
use crate::rows::open_hours::{self, OpenHour};
use crate::rows::orders::{self, OrderRow, RecentRow};
use crate::rows::records::catalogues;
use crate::rows::records::connections;
use crate::rows::records::lag::{self, LAG};
use crate::rows::records::proofs;
use crate::rows::sites::registry::{self, Registry, SiteRow};
use crate::rows::sites::settings;
use crate::rows::tallies::{self, Tallies};
use crate::rows::totals::{self, SNAPSHOTS, TOTALS, TotalsShard};
use crate::rows::visitor_secrets::{self, SECRETS_PARTITION, STATE_PARTITION};
use crate::rows::visitor_secrets::{VisitorSecret, VisitorState};
use crate::rows::visitors::{self, VisitorRow};

/// A row of the table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TableRow {
    /// The tallies of a period.
    Tallies(Tallies),
    /// The visitors and sessions of a period.
    Visitors(VisitorRow),
    /// A secret that ids of visitors are hashed with.
    VisitorSecret(VisitorSecret),
    /// Which secrets count.
    VisitorState(VisitorState),
    /// A shard of the totals.
    Totals(TotalsShard),
    /// The totals as they were at a time.
    Snapshot,
    /// An order.
    Order(OrderRow),
    /// An order in the list of recent ones.
    RecentOrder(RecentRow),
    /// An hour that still waits to be sealed, or was sealed just now.
    OpenHour(OpenHour),
    /// A closed shard.
    Seal,
    /// How far sealing is behind.
    SealingLag,
    /// When the table was compared last.
    Proof,
    /// Which records of a partition of a stream are stored.
    Extent,
    /// What a key of the API allows.
    ApiKey(ApiKey),
    /// A viewer's connection.
    Connection,
    /// A part of the catalogue of a site.
    Catalogue,
    /// A revision of the settings of sites.
    Settings,
    /// A registered site.
    Site(SiteRow),
    /// The registry of sites as a whole.
    Registry(Registry),
    /// The counted version of a file.
    File,
    /// Which chunk has counted some bytes.
    CountedBytes,
    /// Who is being forgotten.
    Forgetting,
    /// An entry of the ledger.
    LedgerEntry {
        chunk_id: String,
        /// `None` if it cannot be read.
        entry: Option<Box<LedgerEntry>>,
    },
}

/// Reads a row. Each way in which it differs from docs/TABLE.md is added to `oddities`, as a
/// sentence; `None` is a row that is of no kind at all.
pub(crate) fn read(item: &Item, oddities: &mut Vec<String>) -> Option<TableRow> {
    let (Ok(pk), Ok(sk)) = (text(item, "pk"), text(item, "sk")) else {
        let (pk, sk) = (item.get("pk"), item.get("sk"));
        oddities.push(format!("a row whose keys are {pk:?} and {sk:?}"));
        return None;
    };
    let odd = &mut |what: String| oddities.push(format!("row {pk} {sk}: {what}"));
    if let Some(chunk_id) = LedgerEntry::chunk_id(pk) {
        let entry = LedgerEntry::read(item).map_err(|error| odd(format!("{error:#}"))).ok();
        let entry = entry.map(Box::new);
        return Some(TableRow::LedgerEntry { chunk_id: chunk_id.to_owned(), entry });
    }
    if open_hours::is_partition(pk) {
        return open_hours::read_open_hour(item, pk, sk, odd).map(TableRow::OpenHour);
    }
    if let Some(site_hour) = pk.strip_prefix("S#") {
        return open_hours::read_seal(item, site_hour, sk, odd).map(|()| TableRow::Seal);
    }
    if pk == LAG {
        return lag::read(item, sk, odd).map(|()| TableRow::SealingLag);
    }
    if pk == proofs::PARTITION {
        return proofs::read(item, sk, odd).map(|()| TableRow::Proof);
    }
    if pk.starts_with(api_keys::PREFIX) {
        return api_keys::read(item, pk, sk, odd).map(TableRow::ApiKey);
    }
    if catalogues::is_partition(pk) {
        return catalogues::read(item, sk, odd).map(|()| TableRow::Catalogue);
    }
    if connections::is_partition(pk) {
        return connections::read(item, pk, sk, odd).map(|()| TableRow::Connection);
    }
    if let Some(partition) = pk.strip_prefix(extents::PREFIX) {
        return extents::read(item, partition, sk, odd).map(|()| TableRow::Extent);
    }
    if pk == registry::REGISTRY_PARTITION {
        return registry::read_registry(item, sk, odd).map(TableRow::Registry);
    }
    if pk.starts_with(registry::PREFIX) {
        return registry::read(item, pk, sk, odd).map(TableRow::Site);
    }
    if pk == settings::PARTITION {
        return settings::read(item, sk, odd).map(|_| TableRow::Settings);
    }
    if let Some(file) = pk.strip_prefix(FILE_PREFIX) {
        return files::read_file(item, file, sk, odd).map(|()| TableRow::File);
    }
    if let Some(hash) = pk.strip_prefix(BYTES_PREFIX) {
        return files::read_bytes(item, hash, sk, odd).map(|()| TableRow::CountedBytes);
    }
    if pk == forgetting::PARTITION {
        return forgetting::read(item, odd).map(|_| TableRow::Forgetting);
    }
    if pk == TOTALS {
        return totals::read(item, sk, odd).map(TableRow::Totals);
    }
    if pk == SNAPSHOTS {
        return totals::read_snapshot(item, sk, odd).map(|()| TableRow::Snapshot);
    }
    if pk == SECRETS_PARTITION {
        return visitor_secrets::read_secret(item, sk, odd).map(TableRow::VisitorSecret);
    }
    if pk == STATE_PARTITION {
        return visitor_secrets::read_state(item, sk, odd).map(TableRow::VisitorState);
    }
    if let Some(order) = orders::read_order(item, pk, sk, odd) {
        return Some(TableRow::Order(order));
    }
    if let Some(recent) = orders::read_recent(item, pk, sk, odd) {
        return Some(TableRow::RecentOrder(recent));
    }
    if visitors::are_keys(pk, sk) {
        return visitors::read(item, pk, sk, odd).map(TableRow::Visitors);
    }
    tallies::read(item, pk, sk, odd).map(TableRow::Tallies)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::attributes::testing::{item, number, text};
    use aws_sdk_dynamodb::types::AttributeValue;

    /// The kind of a row, and what is odd about it.
    fn kind(pk: &str, sk: &str, attributes: &[(&str, AttributeValue)]) -> (String, Vec<String>) {
        let mut oddities = Vec::new();
        let row = read(&item(pk, sk, attributes), &mut oddities);
        let kind = format!("{row:?}").trim_start_matches("Some(").to_owned();
        (kind.split(['(', ' ', ')']).next().unwrap_or_default().to_owned(), oddities)
    }

    #[test]
    fn the_keys_say_the_kind() {
        for (pk, sk, expected) in [
            ("T#shop#2026", "views#m11#000", "Tallies"),
            ("T#shop#2026", "visitors.2#m11#00", "Visitors"),
            ("TOTALS", "63", "Totals"),
            ("TOTALS_SNAPSHOTS", "55", "Snapshot"),
            ("R#shop#2026-11-20", "2026-11-20T00:00:00.000000000Z#1", "RecentOrder"),
            ("O#shop#1", "order", "Order"),
            ("OPEN#8", "shop#2026-11-20T23", "OpenHour"),
            ("OPEN", "2026-11-20T23#shop", "OpenHour"),
            ("S#shop#2026-11-20T23", "15", "Seal"),
            ("LAG", "sealing", "SealingLag"),
            ("PROOF", "whole", "Proof"),
            ("C#Zm9v=", "connection", "None"),
            ("CATALOGUE#shop", "000001#00042", "Catalogue"),
            ("P#kafka/shop-01234567/orders/0", "000001.000", "Extent"),
            ("SETTINGS", "1", "None"),
            ("F#b/k", "counted", "File"),
            (&format!("B#{}", "0123456789abcdef".repeat(4)), "chunk", "CountedBytes"),
            ("L#b/k#hash", "000000", "LedgerEntry"),
            ("M#x", "y", "None"),
            ("O#shop#1", "other", "None"),
            ("T#shop", "views#m11#000", "None"),
        ] {
            assert_eq!(kind(pk, sk, &[]).0, expected, "{pk} {sk}");
        }
        assert_eq!(kind("M#x", "y", &[]).1, ["row M#x y: not the keys of any row"]);
    }

    #[test]
    fn reads_entries_and_says_what_is_wrong_with_them() {
        let time = text("2026-11-21T00:10:00.5Z");
        let attributes =
            [("plan_format_version", number("2")), ("parts", number("1")), ("committed_at", time)];
        let sums = "L#seal:shop:2026-11-20T23";
        assert_eq!(kind(sums, "000000", &attributes).1, [""; 0]);
        assert_eq!(
            kind(sums, "000000", &attributes[..2]).1,
            ["row L#seal:shop:2026-11-20T23 000000: its committed_at is None"]
        );
        let row = read(&item("L#b/k#hash", "0", &[]), &mut Vec::new());
        let unreadable = TableRow::LedgerEntry { chunk_id: "b/k#hash".to_owned(), entry: None };
        assert_eq!(row, Some(unreadable));
    }
}
