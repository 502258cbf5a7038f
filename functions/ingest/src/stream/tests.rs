use std::collections::{BTreeMap, HashMap};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use minutebook_storage::bucket::store::Label;
use minutebook_storage::stream::offset::Offset;
use proptest::prelude::*;

use super::*;

const PARTITION: &str = "kafka/shop-01234567/orders/0";

/// The lines of an object, and its metadata.
type Object = (Vec<u8>, HashMap<String, String>);

/// A bucket and a table in memory. Every call is under way twice: before it is carried out, and
/// before its reply.
#[derive(Debug, Default)]
struct Memory {
    objects: Mutex<BTreeMap<String, Object>>,
    rows: Mutex<BTreeMap<(String, ExtentName), Extent>>,
}

async fn turn() {
    let mut has_waited = false;
    poll_fn(|_| match std::mem::replace(&mut has_waited, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

impl EventStore for &Memory {
    async fn put(&self, _: &str, _: Vec<u8>) -> Result<(), StorageError> {
        panic!("records are never put without a condition");
    }

    async fn put_once<L: Label>(
        &self,
        key: &str,
        lines: Vec<u8>,
        label: &L,
    ) -> Result<PutOnce<L>, StorageError> {
        turn().await;
        let put = {
            let mut objects = self.objects.lock().expect("no test panics");
            match objects.get(key) {
                Some((_, metadata)) => {
                    PutOnce::Known(L::of(metadata).expect("a label of this kind"))
                }
                None => {
                    objects.insert(key.to_string(), (lines, label.metadata()));
                    PutOnce::Stored
                }
            }
        };
        turn().await;
        Ok(put)
    }
}

impl Positions for &Memory {
    async fn extents(&self, partition: &str) -> Result<Vec<Extent>, StorageError> {
        turn().await;
        let rows = self.rows.lock().expect("no test panics").clone();
        turn().await;
        Ok(rows
            .into_iter()
            .filter(|((of, _), _)| of == partition)
            .map(|(_, extent)| extent)
            .collect())
    }

    async fn begin(&self, partition: &str, extent: &Extent) -> Result<bool, StorageError> {
        turn().await;
        let is_new = {
            let mut rows = self.rows.lock().expect("no test panics");
            let name = (partition.to_string(), extent.name);
            let is_new = !rows.contains_key(&name);
            rows.entry(name).or_insert_with(|| extent.clone());
            is_new
        };
        turn().await;
        Ok(is_new)
    }

    async fn advance(
        &self,
        partition: &str,
        from: &Extent,
        to: &Extent,
    ) -> Result<bool, StorageError> {
        turn().await;
        let is_moved = {
            let mut rows = self.rows.lock().expect("no test panics");
            match rows.get_mut(&(partition.to_string(), from.name)) {
                Some(row) if row.next == from.next => {
                    *row = to.clone();
                    true
                }
                _ => false,
            }
        };
        turn().await;
        Ok(is_moved)
    }
}

impl Memory {
    fn store(&self) -> StreamStore<&Memory, &Memory> {
        StreamStore { events: self, positions: self }
    }

    /// Stores the records without anything in between.
    fn deliver(&self, records: &[StreamRecord]) -> Report {
        self.deliver_to(PARTITION, records)
    }

    fn deliver_to(&self, partition: &str, records: &[StreamRecord]) -> Report {
        let delivery = Delivery { partition: partition.to_string(), records: records.to_vec() };
        let store = self.store();
        let mut storing = pin!(store.store(&delivery));
        loop {
            if let Poll::Ready(report) =
                storing.as_mut().poll(&mut Context::from_waker(Waker::noop()))
            {
                return report.expect("memory does not fail");
            }
        }
    }

    /// Begins to store the records, and dies after so many steps.
    fn die_after(&self, steps: usize, records: &[StreamRecord]) -> bool {
        let delivery = Delivery { partition: PARTITION.to_string(), records: records.to_vec() };
        let store = self.store();
        let mut storing = pin!(store.store(&delivery));
        (0..steps)
            .all(|_| storing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending())
    }

    /// The names of the objects behind their partition, and their lines.
    fn objects(&self) -> Vec<(String, String)> {
        let objects = self.objects.lock().expect("no test panics");
        let name = |key: &str| key.rsplit('/').next().unwrap_or_default().to_string();
        let text = |lines: &[u8]| String::from_utf8_lossy(lines).into_owned();
        objects.iter().map(|(key, (lines, _))| (name(key), text(lines))).collect()
    }

    /// The lines of all objects, ordered.
    fn lines(&self) -> Vec<String> {
        let objects = self.objects();
        let mut lines: Vec<String> =
            objects.iter().flat_map(|(_, text)| text.lines().map(str::to_string)).collect();
        lines.sort();
        lines
    }
}

fn record(offset: u64) -> StreamRecord {
    record_at(offset, i64::try_from(offset).expect("small"))
}

fn record_at(offset: u64, timestamp: i64) -> StreamRecord {
    record_of(
        offset,
        Some(timestamp),
        format!("{{\"offset\":{offset:04},\"at\":{timestamp}}}").as_bytes(),
    )
}

fn record_of(offset: u64, timestamp: Option<i64>, value: &[u8]) -> StreamRecord {
    StreamRecord { offset: Offset::from(offset), timestamp, values: vec![value.to_vec()] }
}

fn records(offsets: impl IntoIterator<Item = u64>) -> Vec<StreamRecord> {
    offsets.into_iter().map(record).collect()
}

fn lines_of_all(records: &[StreamRecord]) -> Vec<String> {
    records
        .iter()
        .flat_map(|record| &record.values)
        .map(|value| String::from_utf8(value.clone()).expect("text"))
        .collect()
}

fn name(position: u64) -> String {
    format!("{position:020}.jsonl")
}

#[test]
fn batches_become_segments_named_by_the_position_that_they_go_on_from() {
    let memory = Memory::default();
    let report = memory.deliver(&records([15, 16, 18]));
    let key = format!("{PARTITION}/{}", name(15));
    assert_eq!(report, Report { stored: 3, keys: vec![key], epoch: 1, ..Report::default() });
    // 19 was compacted away before it could be read.
    memory.deliver(&records(20..22));
    let names: Vec<String> = memory.objects().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [name(15), name(19)]);
    assert_eq!(memory.lines(), lines_of_all(&records([15, 16, 18, 20, 21])));
}

#[test]
fn partitions_have_nothing_to_do_with_each_other() {
    let memory = Memory::default();
    for partition in [PARTITION, "kafka/shop-01234567/orders/1", "kafka/other-01234567/orders/0"] {
        assert_eq!(memory.deliver_to(partition, &records(0..2)).stored, 2);
        assert_eq!(memory.deliver_to(partition, &records(0..3)).stored, 1);
    }
    assert_eq!(memory.objects().len(), 6);
}

#[test]
fn a_batch_that_comes_again_longer_shorter_or_in_halves_adds_what_is_new() {
    for (again, stored) in [(0..10, 0), (0..7, 0), (0..13, 3), (4..10, 0), (4..12, 2), (10..11, 1)]
    {
        let memory = Memory::default();
        memory.deliver(&records(0..10));
        let report = memory.deliver(&records(again.clone()));
        let count = usize::try_from(again.end - again.start).expect("small");
        assert_eq!((report.stored, report.redelivered), (stored, count - stored), "{again:?}");
        assert_eq!(memory.lines(), lines_of_all(&records(0..again.end.max(10))), "{again:?}");
    }
}

#[test]
fn a_function_that_dies_at_any_step_is_finished_by_any_batch_that_goes_on() {
    // As Lambda does it: from where the last batch that was acknowledged ended.
    for again in [10..20, 10..13, 10..30] {
        let mut steps = 0;
        loop {
            let memory = Memory::default();
            memory.deliver(&records(0..10));
            let has_died = memory.die_after(steps, &records(10..20));
            memory.deliver(&records(again.clone()));
            memory.deliver(&records(again.end..40));
            assert_eq!(
                memory.lines(),
                lines_of_all(&records(0..40)),
                "{again:?} after {steps} steps"
            );
            if !has_died {
                assert!(steps > 4, "reading, putting and advancing are two steps each");
                break;
            }
            steps += 1;
        }
    }
}

#[test]
fn a_row_that_is_behind_or_gone_is_no_second_copy() {
    let memory = Memory::default();
    memory.deliver(&records(0..3));
    let behind = memory.rows.lock().expect("no test panics").clone();
    memory.deliver(&records(3..6));
    memory.deliver(&records(6..9));
    // As after a restore of the table.
    *memory.rows.lock().expect("no test panics") = behind;
    let report = memory.deliver(&records(3..12));
    assert_eq!((report.stored, report.redelivered), (3, 6));
    assert_eq!(memory.lines(), lines_of_all(&records(0..12)));
    let row = memory.rows.lock().expect("no test panics").values().next().cloned().expect("a row");
    assert_eq!((row.next, row.timestamp_max), (Offset::from(12), Some(11)));
}

#[test]
fn a_batch_of_tombstones_moves_the_position_on() {
    let memory = Memory::default();
    let tombstones: Vec<StreamRecord> =
        (0..3).map(|offset| record_of(offset, Some(0), b"")).collect();
    let report = memory.deliver(&tombstones);
    assert_eq!((report.stored, report.empty), (3, 3));
    assert_eq!(memory.objects(), [(name(0), String::new())]);
    // One that took them and died before the row moved on must not meet another name than one that
    // took more.
    let memory = Memory::default();
    assert!(memory.die_after(6, &tombstones));
    memory.deliver(&[&tombstones[..], &records(3..5)].concat());
    memory.deliver(&records(3..5));
    assert_eq!(memory.lines(), lines_of_all(&records(3..5)));
}

#[test]
fn a_stream_that_is_read_again_from_further_back_adds_what_lies_before_its_start() {
    let memory = Memory::default();
    memory.deliver(&records(100..110));
    // A mapping that began at LATEST is made anew with TRIM_HORIZON.
    assert_eq!(memory.deliver(&records(50..70)).stored, 20);
    assert_eq!(memory.deliver(&records(60..105)).stored, 30);
    assert_eq!(memory.deliver(&records(105..120)).stored, 10);
    assert_eq!(memory.deliver(&records(0..120)).stored, 50);
    assert_eq!(memory.deliver(&records(0..120)).stored, 0);
    assert_eq!(memory.lines(), lines_of_all(&records(0..120)));
    assert!(
        memory
            .objects()
            .iter()
            .all(|(name, _)| name.len() == name.trim_end().len() && !name.contains(".2."))
    );
}

#[test]
fn a_topic_that_was_made_anew_begins_again() {
    let memory = Memory::default();
    memory.deliver(&records(0..10));
    let anew = |offsets: std::ops::Range<u64>| -> Vec<StreamRecord> {
        offsets
            .map(|offset| record_at(offset, 1_000 + i64::try_from(offset).expect("small")))
            .collect()
    };
    let report = memory.deliver(&anew(0..4));
    assert_eq!((report.stored, report.epoch, report.is_new_epoch), (4, 2, true));
    assert_eq!(report.keys, [format!("{PARTITION}/{:020}.2.jsonl", 0)]);
    // The same again, and on from there.
    assert_eq!(memory.deliver(&anew(0..4)).stored, 0);
    let report = memory.deliver(&anew(2..20));
    assert_eq!((report.stored, report.epoch, report.is_new_epoch), (16, 2, false));
    assert_eq!(memory.lines().len(), 30);
}

#[test]
fn a_time_that_is_not_later_is_no_sign_of_a_new_topic() {
    let memory = Memory::default();
    // The clocks of producers differ, so the times of records do not ascend.
    let records: Vec<StreamRecord> =
        [500, 3, 900, 4].into_iter().zip(0..).map(|(at, offset)| record_at(offset, at)).collect();
    memory.deliver(&records);
    for again in 0..records.len() {
        let report = memory.deliver(&records[again..]);
        assert_eq!((report.stored, report.is_new_epoch), (0, false));
    }
    // Neither is a record of the oldest message format, or of Kinesis, which has no time that never
    // changes.
    let timeless: Vec<StreamRecord> = (0..6).map(|offset| record_of(offset, None, b"{}")).collect();
    assert_eq!(memory.deliver(&timeless).stored, 2);
}

#[test]
fn values_become_lines() {
    for (value, line, count) in [
        (&b"{\"a\":1}"[..], "{\"a\":1}\n", 0),
        (b"{\n \"a\": 1\r\n}\n", "{  \"a\": 1  }\n", 0),
        (b"{\"a\":1}\n{\"b\":2}\n", "{\"a\":1}\n{\"b\":2}\n", 0),
        (b"[{\"a\":1},{\"b\":2}]", "{\"a\":1}\n{\"b\":2}\n", 0),
        (b"\xef\xbb\xbf{}", "{}\n", 0),
        (b"", "", 1),
        (b" \r\n", "", 1),
        (b"[]", "", 1),
        (b"not json", "\nnot json\n", 0),
    ] {
        let (text, empty) = lines_of(&[record_of(0, None, value)]);
        assert_eq!((String::from_utf8(text).expect("text").as_str(), empty), (line, count));
    }
}

#[test]
fn values_that_were_packed_into_one_record_become_lines_of_one_segment() {
    let mut packed = record(0);
    packed.values.push(b"{\"a\":1}".to_vec());
    packed.values.push(b" ".to_vec());
    let mut tombstone = record(1);
    tombstone.values.clear();
    let (text, empty) = lines_of(&[packed, tombstone]);
    assert_eq!((text.as_slice(), empty), (&b"{\"offset\":0000,\"at\":0}\n{\"a\":1}\n"[..], 1));
}

#[test]
fn a_value_that_looks_packed_does_not_spoil_its_neighbours() {
    for magic in [&b"\x1f\x8b\x08"[..], b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18"] {
        let (text, _) = lines_of(&[record_of(0, None, magic), record(1)]);
        assert_eq!(text[0], b'\n');
        assert!(text.ends_with(b"{\"offset\":0001,\"at\":1}\n"));
    }
}

#[test]
fn sequence_numbers_of_any_length_go_on_from_each_other() {
    let memory = Memory::default();
    let record = |digits: &str| StreamRecord {
        offset: Offset::parse(digits).expect("a number"),
        timestamp: None,
        values: vec![format!("{{\"n\":{digits}}}").into_bytes()],
    };
    let (short, nines, long) =
        (record(&"8".repeat(55)), record(&"9".repeat(56)), record(&format!("1{}", "0".repeat(56))));
    memory.deliver(&[short.clone(), nines.clone()]);
    assert_eq!(memory.deliver(&[short, nines, long]).stored, 1);
    let names: Vec<String> = memory.objects().into_iter().map(|(name, _)| name).collect();
    assert!(names.contains(&format!("1{}.jsonl", "0".repeat(56))), "{names:?}");
}

#[test]
fn a_segment_that_ends_before_it_begins_is_an_error() {
    let memory = Memory::default();
    memory.deliver(&records(5..6));
    let label = Segment { last: Offset::from(3), timestamp_max: None };
    let key = format!("{PARTITION}/{}", name(6));
    memory.objects.lock().expect("no test panics").insert(key, (vec![], label.metadata()));
    let delivery = Delivery { partition: PARTITION.to_string(), records: records(6..8) };
    let store = memory.store();
    let mut storing = pin!(store.store(&delivery));
    let error = loop {
        if let Poll::Ready(stored) = storing.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        {
            break stored.expect_err("no segment");
        }
    };
    assert!(error.to_string().contains("last offset 3"), "{error}");
}

/// What happens in a history of a partition.
#[derive(Clone, Debug)]
enum Happening {
    /// A batch is delivered from so far before the first record that is not acknowledged, with so
    /// many records.
    Begin { back: usize, length: usize },
    /// One of those that are at work makes so many steps.
    Step { which: usize, steps: usize },
    /// One of them dies.
    Kill { which: usize },
    /// A record is compacted away.
    Compact { which: usize },
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        3 => (0..8_usize, 1..12_usize).prop_map(|(back, length)| Happening::Begin { back, length }),
        9 => (0..8_usize, 1..8_usize).prop_map(|(which, steps)| Happening::Step { which, steps }),
        1 => (0..8_usize).prop_map(|which| Happening::Kill { which }),
        1 => (0..40_usize).prop_map(|which| Happening::Compact { which }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Batches of any cut at once and one after the other, deaths and gaps: no record is stored
    /// twice, and none is lost.
    #[test]
    fn every_record_is_stored_once_in_any_history(
        gaps in proptest::collection::vec(1..3_u64, 40),
        begins_at in 0..5_u64,
        happenings in proptest::collection::vec(happening(), 0..120),
    ) {
        let offsets: Vec<u64> = gaps.iter().scan(begins_at, |offset, gap| { *offset += gap; Some(*offset) }).collect();
        let memory = Memory::default();
        let store = memory.store();
        let store = &store;
        let mut compacted = vec![false; offsets.len()];
        let mut acknowledged = 0;
        type Storing<'a> = Pin<Box<dyn Future<Output = Report> + 'a>>;
        let mut working: Vec<(usize, Storing<'_>)> = vec![];
        for happening in happenings {
            match happening {
                Happening::Begin { back, length } => {
                    let start = acknowledged - back.min(acknowledged);
                    let end = (start + length).min(offsets.len());
                    let batch: Vec<u64> = (start..end).filter(|place| !compacted[*place]).map(|place| offsets[place]).collect();
                    let delivery = Delivery { partition: PARTITION.to_string(), records: records(batch) };
                    working.push((end, Box::pin(async move { store.store(&delivery).await.expect("memory does not fail") })));
                }
                Happening::Step { which, steps } if !working.is_empty() => {
                    let which = which % working.len();
                    for _ in 0..steps {
                        let (end, storing) = &mut working[which];
                        if storing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                            acknowledged = acknowledged.max(*end);
                            drop(working.remove(which));
                            break;
                        }
                    }
                }
                Happening::Kill { which } if !working.is_empty() => drop(working.remove(which % working.len())),
                Happening::Compact { which } => compacted[which] = true,
                Happening::Step { .. } | Happening::Kill { .. } => {}
            }
        }
        // What is left at work goes on beside the last batch.
        for (_, mut storing) in working.drain(..) {
            while storing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {}
        }
        let left: Vec<u64> =
            (acknowledged..offsets.len()).filter(|place| !compacted[*place]).map(|place| offsets[place]).collect();
        memory.deliver(&records(left));
        let stored = memory.lines();
        let mut once = stored.clone();
        once.dedup();
        prop_assert_eq!(&stored, &once, "a record is stored twice");
        for (place, offset) in offsets.iter().enumerate().filter(|(place, _)| !compacted[*place]) {
            let lines = lines_of_all(&[record(*offset)]);
            prop_assert!(stored.binary_search(&lines[0]).is_ok(), "record {place} is lost");
        }
    }
}
