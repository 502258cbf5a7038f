//! The rows of the table (docs/TABLE.md), read without the code that writes them.

pub(crate) mod api_keys;
mod attributes;
mod extents;
pub(crate) mod forgetting;
pub(crate) mod ledger;
mod open_hours;
mod orders;
mod periods;
pub(crate) mod records;
mod row;
mod scan;
pub(crate) mod sites;
mod tallies;
pub(crate) mod totals;
pub(crate) mod visitor_secrets;
mod visitors;

pub(crate) use attributes::Item;
pub(crate) use open_hours::{OpenHour, open_partitions};
pub(crate) use orders::{
    OrderRow, RecentRow, lines_of_text, lines_text, nanoseconds, refunds_of_text, refunds_text,
    written,
};
pub(crate) use periods::hour_named;
pub(crate) use row::{TableRow, read};
pub(crate) use scan::{delete, partition, scan, write};
pub(crate) use sites::registry::{Registry, SiteRow};
pub(crate) use tallies::{Shard, Tallies};
pub(crate) use totals::TotalsShard;
pub(crate) use visitor_secrets::{VisitorSecret, VisitorState};
pub(crate) use visitors::{SKETCHES, Sketches, VisitorRow};
