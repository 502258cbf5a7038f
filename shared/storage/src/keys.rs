//! The keys of all rows of the table, and the attributes that several kinds of rows share, as
//! docs/TABLE.md gives them.

use std::fmt;

use minutebook_domain::chunk::id::{ChunkId, ContentHash};
use minutebook_domain::count::measure::Measure;
use minutebook_domain::count::secret::SecretNumber;
use minutebook_domain::count::stages::Stage;
use minutebook_domain::event::settings::SettingsRevision;
use minutebook_domain::time::period::Period;
use minutebook_domain::time::{Day, Hour, Minute};

/// The partition key's attribute.
pub const PARTITION_KEY: &str = "pk";
/// The sort key's attribute.
pub const SORT_KEY: &str = "sk";
/// The attribute of the time to live, in seconds since 1970.
pub const TIME_TO_LIVE: &str = "ttl";
/// The prefix of a counter's attribute; the rest is the key that it counts.
pub const COUNTER_PREFIX: &str = "i#";

/// The shards that a commit may write to; see [`Shard`].
pub const SHARD_COUNT: u8 = 16;

/// The copy of a row that a commit adds to. Two transactions that touch one item conflict, so a
/// transaction that met a conflict moves to another shard. Readers sum all shards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shard {
    /// 0 to [`SHARD_COUNT`] - 1.
    Number(u8),
    /// What orders add to units and sales, beside the shard of this number. The names of these
    /// counters are never given up, so they are rolled up apart from those of events. The seal of
    /// that shard closes both.
    OfOrders(u8),
    /// For events of an hour that is sealed.
    Late,
}

impl Shard {
    /// Where orders add to a measure instead of here.
    pub(crate) fn for_orders(self, measure: Measure) -> Shard {
        match self {
            Shard::Number(number) if measure.is_of_purchases() => Shard::OfOrders(number),
            shard => shard,
        }
    }
}

/// As in the sort key: `00` to `15`, `o00` to `o15`, `late`.
impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shard::Number(number) => write!(f, "{number:02}"),
            Shard::OfOrders(number) => write!(f, "o{number:02}"),
            Shard::Late => f.write_str("late"),
        }
    }
}

/// The partition of a period's rows: minutes with their hour, quarters and hours with their day,
/// days, weeks and months with their year (a week with its ISO year).
pub fn tally_partition(site: &str, period: Period) -> String {
    match period {
        Period::Minute(minute) => format!("T#{site}#{}", minute.hour()),
        Period::Quarter(quarter) => format!("T#{site}#{}", quarter.hour().day()),
        Period::Hour(hour) => format!("T#{site}#{}", hour.day()),
        Period::Day(day) => format!("T#{site}#{:04}", day.month().of_year().0),
        Period::Week(week) => format!("T#{site}#{:04}", week.of_iso_year().0),
        Period::Month(month) => format!("T#{site}#{:04}", month.of_year().0),
    }
}

/// The prefix that the sort keys of a period's rows of a family (a measure, or
/// [`visitors_family`]) share:
/// `views#07#`, `views#d11-20#`.
pub fn tally_prefix(family: impl fmt::Display, period: Period) -> String {
    match period {
        Period::Minute(minute) => format!("{family}#{:02}#", minute.of_hour()),
        Period::Quarter(quarter) => {
            let minute = quarter.first_minute();
            format!("{family}#q{:02}:{:02}#", minute.hour().of_day(), minute.of_hour())
        }
        Period::Hour(hour) => format!("{family}#{:02}#", hour.of_day()),
        Period::Day(day) => format!("{family}#d{}#", day.date().format("%m-%d")),
        Period::Week(week) => format!("{family}#w{:02}#", week.of_iso_year().1),
        Period::Month(month) => format!("{family}#m{:02}#", month.of_year().1),
    }
}

/// The sort key of a tally row; only minute rows have shards. A row that DynamoDB refuses as too
/// large continues in overflow row 1, then 2, …
pub fn tally_row(
    measure: Measure,
    period: Period,
    shard: Shard,
    slot: u32,
    overflow: u32,
) -> String {
    let mut key = tally_prefix(measure, period);
    if matches!(period, Period::Minute(_)) {
        key.push_str(&format!("{shard}#"));
    }
    key.push_str(&format!("{slot:03}"));
    if overflow > 0 {
        key.push_str(&format!(".{overflow}"));
    }
    key
}

/// What the families of visitors begin with.
const VISITORS: &str = "visitors";

/// The family of visitors, in the place of a measure. Rows of different secrets cannot be merged,
/// so that each secret has its own: `visitors` without a secret, `visitors.2`.
pub fn visitors_family(secret: SecretNumber) -> String {
    if secret == SecretNumber::NONE { VISITORS.to_string() } else { format!("{VISITORS}.{secret}") }
}

/// The secret of a family of visitors; `None` is a family of another kind.
pub fn secret_of_family(family: &str) -> Option<SecretNumber> {
    let secret = match family.strip_prefix(VISITORS)? {
        "" => SecretNumber::NONE,
        number => SecretNumber(number.strip_prefix('.')?.parse().ok()?),
    };
    // `visitors.02` would be another row with the same secret.
    (visitors_family(secret) == family).then_some(secret)
}

/// The partition of the state of visitors, which every reader of visitors may read.
pub const VISITOR_STATE_PARTITION: &str = "VISITORS";
/// The sort key of the state of visitors.
pub const VISITOR_STATE: &str = "state";
/// The partition of the secrets.
pub const VISITOR_SECRETS_PARTITION: &str = "VISITOR_SECRETS";

/// The sort key of a secret: `000001`.
pub fn visitor_secret(number: SecretNumber) -> String {
    format!("{:06}", number.0)
}

/// The attribute of the sketch of visitors.
pub const VISITORS_SKETCH: &str = "visitors";
/// The attribute of the sketch of sessions.
pub const SESSIONS_SKETCH: &str = "sessions";
/// The attribute that says that the visitors of a row are counted by stage.
pub const BY_STAGE: &str = "by_stage";

/// The attributes of the sketches of the visitors and of the sessions of a stage.
pub fn stage_sketches(stage: Stage) -> [&'static str; 2] {
    match stage {
        Stage::Carted => ["carted", "carted_sessions"],
        Stage::BeganCheckout => ["began_checkout", "began_checkout_sessions"],
        Stage::Bought => ["bought", "bought_sessions"],
    }
}

/// The attribute that numbers the versions of a row that is read, merged and written back.
pub const REVISION: &str = "revision";

/// The number of rows for the visitors of a quarter, hour, day, week or month: late chunks that are
/// counted at the same time merge into different ones.
pub const VISITOR_SHARDS: u8 = 4;

/// The sort key of a chunk's visitors of a minute: `visitors.1#07#<tag of the chunk>`.
pub fn chunk_visitors(secret: SecretNumber, minute: Minute, chunk: &ChunkId) -> String {
    format!("{}{}", tally_prefix(visitors_family(secret), Period::Minute(minute)), chunk.tag())
}

/// The sort key of visitors of a quarter, hour, day, week or month: `visitors.1#23#00`.
pub fn merged_visitors(secret: SecretNumber, period: Period, shard: u8) -> String {
    format!("{}{shard:02}", tally_prefix(visitors_family(secret), period))
}

/// The partition of an order's row, which holds nothing else.
pub fn order_partition(site: &str, order_id: &str) -> String {
    format!("O#{site}#{order_id}")
}

/// The sort key of an order's row.
pub const ORDER: &str = "order";

/// The partition of the recent orders of a day.
pub fn recent_partition(site: &str, day: Day) -> String {
    format!("R#{site}#{day}")
}

/// The sort key of a recent order: the oldest ones first.
pub fn recent_order(created_at: &str, order_id: &str) -> String {
    format!("{created_at}#{order_id}")
}

/// The first and the last sort key from one [`tally_prefix`] to another (or the same) of the same
/// partition, for a query with `BETWEEN`.
pub fn rows_between(first_prefix: &str, last_prefix: &str) -> (String, String) {
    // '~' sorts behind every digit and letter that a shard or slot begins with.
    (first_prefix.to_string(), format!("{last_prefix}~"))
}

/// The number of partitions of the list of open hours. DynamoDB may limit each of them to 1,000
/// writes a second.
///
/// **Source**:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>
pub const OPEN_PARTITIONS: u8 = 16;

/// The partition of the open hours of a site: `OPEN#4`. The digit is the first of the site's hash.
pub fn open_partition(site: &str) -> String {
    open_partition_of(digit_of(site))
}

fn digit_of(site: &str) -> u8 {
    blake3::hash(site.as_bytes()).as_bytes()[0] >> 4
}

/// The partitions of the open hours of all sites.
pub fn open_partitions() -> impl Iterator<Item = String> {
    (0..OPEN_PARTITIONS).map(open_partition_of)
}

fn open_partition_of(digit: u8) -> String {
    format!("OPEN#{digit:x}")
}

/// The single partition in which 0.1.0 and the builds that followed it list the open hours of all
/// sites. This build adds none to it, but seals those that it finds there, and reads them for
/// answers. The version after the next may forget it.
pub const SINGLE_OPEN_PARTITION: &str = "OPEN";

/// The partition of what functions record about being behind.
pub const LAG_PARTITION: &str = "LAG";

/// The sort key of the sealing lag.
pub const SEALING_LAG: &str = "sealing";

/// The partition of proofs: comparisons of the table with the raw objects.
pub const PROOF_PARTITION: &str = "PROOF";

/// The sort key of the last proof of the whole table.
pub const WHOLE_PROOF: &str = "whole";

/// The sort key of an open hour: those of a site together, the oldest ones first.
pub fn open_hour(site: &str, hour: Hour) -> String {
    format!("{site}#{hour}")
}

/// The partition of the seal rows of a site and hour; the sort key is the shard.
pub fn seal_partition(site: &str, hour: Hour) -> String {
    format!("S#{site}#{hour}")
}

/// The part of a plan, and the transaction of it, that a ledger entry is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct EntryName {
    /// The part of the plan, from 0.
    pub part: usize,
    /// The transaction of the part's late form, from 0; 0 for a part of one transaction.
    pub late: usize,
}

impl EntryName {
    /// The first transaction of part 0, whose entry is about the whole chunk too.
    pub const FIRST: EntryName = EntryName { part: 0, late: 0 };
}

/// The partition of a chunk's ledger entries.
pub fn ledger_partition(chunk: &ChunkId) -> String {
    format!("L#{chunk}")
}

/// The sort key of a ledger entry.
pub fn ledger_entry(name: EntryName) -> String {
    if name.late == 0 {
        format!("{:06}", name.part)
    } else {
        format!("{:06}.{:03}", name.part, name.late)
    }
}

/// The attribute of the secrets with which the visitors of a counted chunk were recounted, in the
/// ledger entry of part 0.
pub const RECOUNTED_WITH: &str = "recounted_with";

/// The partition of the totals.
pub const TOTALS_PARTITION: &str = "TOTALS";

/// The number of rows that the totals are spread over, so that chunks that are committed at the
/// same time rarely meet at one of them.
pub const TOTALS_SHARDS: u64 = 64;

/// The sort key of a row of the totals.
pub fn totals_row(shard: u64) -> String {
    format!("{shard:02}")
}

/// The partition of the snapshots of the totals.
pub const SNAPSHOTS_PARTITION: &str = "TOTALS_SNAPSHOTS";

/// The sort key of a snapshot: the minute of the hour at which its five minutes begin, `00`, `05`,
/// …, `55`.
pub fn snapshot_row(minute_of_hour: u32) -> String {
    format!("{minute_of_hour:02}")
}

/// The partition of the extents of a stream's partition.
pub fn stream_partition(partition: &str) -> String {
    format!("P#{partition}")
}

/// The sort key of an extent: `000001.000`.
pub fn stream_extent(epoch: u32, number: u32) -> String {
    format!("{epoch:06}.{number:03}")
}

/// The partition of the key of the API with this hash, which is the sort key. There are 16, so that
/// all keys are listed by 16 queries.
pub fn api_keys_partition(hash: &str) -> String {
    format!("KEYS#{}", hash.get(..1).unwrap_or_default())
}

/// The partition of the catalogue of a site.
pub fn catalogue_partition(site: &str) -> String {
    format!("CATALOGUE#{site}")
}

/// The sort key of the row that says which catalogue a site has now.
pub const CURRENT_CATALOGUE: &str = "current";

/// The sort key of a slot of a catalogue: `000001#00042`.
pub fn catalogue_slot(revision: u32, slot: u32) -> String {
    format!("{revision:06}#{slot:05}")
}

/// The partition of the row about the registry of sites as a whole.
pub const REGISTRY_PARTITION: &str = "SITES";
/// The sort key of that row.
pub const REGISTRY: &str = "registry";

/// The partition of a site in the registry: `SITES#8`. Its sort key is the site.
pub fn sites_partition(site: &str) -> String {
    sites_partition_of(digit_of(site))
}

/// The partitions of all sites.
pub fn sites_partitions() -> impl Iterator<Item = String> {
    (0..OPEN_PARTITIONS).map(sites_partition_of)
}

fn sites_partition_of(digit: u8) -> String {
    format!("SITES#{digit:x}")
}

/// The partition of the row of a connection by its id, which the events of its socket name.
pub fn connection_partition(id: &str) -> String {
    format!("C#{id}")
}

/// The sort key of that row.
pub const CONNECTION: &str = "connection";

/// The partition of the connections to a site: `LIVE#8`. There are 16, so that those to all sites
/// are listed by 16 queries.
pub fn live_partition(site: &str) -> String {
    live_partition_of(digit_of(site))
}

/// The partitions of the connections to all sites.
pub fn live_partitions() -> impl Iterator<Item = String> {
    (0..OPEN_PARTITIONS).map(live_partition_of)
}

fn live_partition_of(digit: u8) -> String {
    format!("LIVE#{digit:x}")
}

/// The sort key of a connection to a site; without an id, what those of the site begin with.
pub fn live_connection(site: &str, id: &str) -> String {
    format!("{site}#{id}")
}

/// The partition of the settings of sites.
pub const SETTINGS_PARTITION: &str = "SETTINGS";

/// The sort key of a revision of the settings: `000001`.
pub fn settings_revision(revision: SettingsRevision) -> String {
    format!("{:06}", revision.0)
}

/// The partition of the counted version of a file.
pub fn file_partition(bucket: &str, key: &str) -> String {
    format!("F#{bucket}/{key}")
}

/// The sort key of the counted version of a file.
pub const COUNTED_VERSION: &str = "counted";

/// The partition of the chunk that has counted these bytes.
pub fn content_partition(content_hash: &ContentHash) -> String {
    format!("B#{content_hash}")
}

/// The sort key of the chunk that has counted some bytes.
pub const COUNTED_AS: &str = "chunk";

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_domain::count::measure::Currency;
    use std::collections::BTreeSet;

    fn minute() -> Minute {
        Minute::from_epoch_seconds(1_795_216_079).expect("in range")
    }

    #[test]
    fn keys_are_written_as_the_table_page_says() {
        let usd = Currency::parse(b"USD").expect("three letters");
        let hour = minute().hour();
        let day = hour.day();
        let row = |period| tally_row(Measure::Views, period, Shard::Number(0), 3, 0);
        for (period, partition, sort) in [
            (Period::Minute(minute()), "T#shop#2026-11-20T23", "views#07#00#003"),
            (Period::Quarter(minute().quarter()), "T#shop#2026-11-20", "views#q23:00#003"),
            (Period::Hour(hour), "T#shop#2026-11-20", "views#23#003"),
            (Period::Day(day), "T#shop#2026", "views#d11-20#003"),
            (Period::Week(day.week()), "T#shop#2026", "views#w47#003"),
            (Period::Month(day.month()), "T#shop#2026", "views#m11#003"),
        ] {
            assert_eq!(
                (tally_partition("shop", period).as_str(), row(period).as_str()),
                (partition, sort)
            );
        }
        assert_eq!(
            tally_row(Measure::Sales(usd), Period::Minute(minute()), Shard::Late, 0, 2),
            "sales:USD#07#late#000.2"
        );
        for (shard, measure, key) in [
            (Shard::Number(3), Measure::Units, "units#07#o03#000"),
            (Shard::Number(3), Measure::Sales(usd), "sales:USD#07#o03#000"),
            (Shard::Number(3), Measure::OrderValue(usd), "order_value:USD#07#03#000"),
            (Shard::Late, Measure::Units, "units#07#late#000"),
        ] {
            let shard = shard.for_orders(measure);
            assert_eq!(tally_row(measure, Period::Minute(minute()), shard, 0, 0), key);
        }
        assert_eq!(seal_partition("shop", hour), "S#shop#2026-11-20T23");
        assert_eq!(open_hour("shop", hour), "shop#2026-11-20T23");
        assert_eq!(["shop", "default"].map(open_partition), ["OPEN#8", "OPEN#f"]);
        let chunk = ChunkId::of_sealed_hour("shop", hour);
        let tag = chunk.tag();
        let [none, second] = [SecretNumber::NONE, SecretNumber(2)];
        assert_eq!(chunk_visitors(none, minute(), &chunk), format!("visitors#07#{tag}"));
        assert_eq!(chunk_visitors(second, minute(), &chunk), format!("visitors.2#07#{tag}"));
        assert_eq!(merged_visitors(second, Period::Week(day.week()), 2), "visitors.2#w47#02");
        let last_quarter = Period::Quarter(hour.first_minute().plus(45).quarter());
        assert_eq!(merged_visitors(second, last_quarter, 0), "visitors.2#q23:45#00");
        assert_eq!(visitor_secret(second), "000002");
        assert_eq!(order_partition("shop", "a#b"), "O#shop#a#b");
        assert_eq!(recent_partition("shop", day), "R#shop#2026-11-20");
        assert_eq!(ledger_partition(&chunk), "L#seal:shop:2026-11-20T23");
        assert_eq!(ledger_entry(EntryName { part: 2, late: 0 }), "000002");
        assert_eq!(ledger_entry(EntryName { part: 2, late: 11 }), "000002.011");
        assert_eq!((totals_row(7), totals_row(63)), ("07".to_string(), "63".to_string()));
        assert_eq!(stream_partition("kafka/c/t/3"), "P#kafka/c/t/3");
        assert_eq!(stream_extent(1, 2), "000001.002");
        assert_eq!(api_keys_partition("3f9c"), "KEYS#3");
        assert_eq!(["shop", "default"].map(sites_partition), ["SITES#8", "SITES#f"]);
        assert_eq!(["shop", "default"].map(live_partition), ["LIVE#8", "LIVE#f"]);
        assert_eq!(live_connection("shop", "Zm9v="), "shop#Zm9v=");
        assert_eq!(
            (live_partitions().count(), connection_partition("Zm9v=").as_str()),
            (16, "C#Zm9v=")
        );
        assert_eq!(settings_revision(SettingsRevision(12)), "000012");
        assert_eq!(file_partition("raw", "a/b.jsonl"), "F#raw/a/b.jsonl");
        let hash = ContentHash::of_refused(1, b"a");
        assert_eq!(content_partition(&hash), format!("B#{hash}"));
    }

    #[test]
    fn each_secret_has_a_family_of_its_own() {
        for (family, secret) in [
            ("visitors", Some(0)),
            ("visitors.1", Some(1)),
            ("visitors.20", Some(20)),
            ("visitors.0", None),
            ("visitors.02", None),
            ("visitors.+2", None),
            ("visitors.", None),
            ("visitors2", None),
            ("views", None),
        ] {
            assert_eq!(secret_of_family(family), secret.map(SecretNumber), "{family}");
        }
        // A query for one finds no row of another.
        let minute = Period::Minute(minute());
        let families =
            [0, 1, 2, 10, 11, 20, 21].map(|number| visitors_family(SecretNumber(number)));
        for family in &families {
            let prefix = tally_prefix(family, minute);
            let (first, last) = rows_between(&prefix, &prefix);
            for other in &families {
                let key = format!("{}0123456789abcdef", tally_prefix(other, minute));
                let is_found = (first.as_str()..=last.as_str()).contains(&key.as_str());
                assert_eq!(is_found, family == other, "{key} in {first} to {last}");
            }
        }
    }

    #[test]
    fn the_open_hours_of_a_thousand_sites_are_in_all_partitions() {
        let of_sites: BTreeSet<String> =
            (0..1_000).map(|site| open_partition(&format!("site{site}"))).collect();
        assert_eq!(of_sites, open_partitions().collect());
        assert_eq!(of_sites.len(), usize::from(OPEN_PARTITIONS));
    }

    /// The emulator ignores the conditions of roles.
    #[test]
    fn rollup_and_api_may_reach_the_partitions_of_open_hours() {
        let template = include_str!("../../../infra/template.yaml");
        for statement in
            ["Sid: SealAndKeepTheListOfOpenHours", "Sid: ReadRows", "Sid: ReadCounters"]
        {
            let (_, after) = template.split_once(statement).expect("a statement of this name");
            let keys = after.lines().find(|line| line.contains("LeadingKeys")).expect("its keys");
            let names: Vec<&str> = keys.split([' ', ',', '[', ']', '\'']).collect();
            assert!(names.contains(&"OPEN#*") && names.contains(&SINGLE_OPEN_PARTITION), "{keys}");
            if statement.ends_with("ReadRows") {
                let of_totals = names.contains(&"TOTALS*");
                assert!(of_totals && SNAPSHOTS_PARTITION.starts_with(TOTALS_PARTITION), "{keys}");
            }
        }
    }

    #[test]
    fn a_week_lies_in_its_iso_year() {
        let day = Hour::parse("2027-01-01T00").expect("an hour").day();
        let week = Period::Week(day.week());
        assert_eq!(tally_partition("shop", week), "T#shop#2026");
        assert_eq!(tally_prefix(Measure::Views, week), "views#w53#");
    }

    #[test]
    fn a_range_holds_every_shard_and_slot_of_its_minutes_and_no_other() {
        let prefix = |of_hour| {
            tally_prefix(
                Measure::Views,
                Period::Minute(minute().hour().first_minute().plus(of_hour)),
            )
        };
        let (first, last) = rows_between(&prefix(5), &prefix(7));
        for (of_hour, inside) in [(4, false), (5, true), (7, true), (8, false)] {
            let shards = [Shard::Number(0), Shard::Number(15), Shard::OfOrders(15), Shard::Late];
            for shard in shards {
                for (slot, overflow) in [(0, 0), (999, 0), (1_000, 0), (3, 12)] {
                    let period = Period::Minute(minute().hour().first_minute().plus(of_hour));
                    let key = tally_row(Measure::Views, period, shard, slot, overflow);
                    assert_eq!(
                        (first.as_str()..=last.as_str()).contains(&key.as_str()),
                        inside,
                        "{key}"
                    );
                }
            }
        }
    }
}
