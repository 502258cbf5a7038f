//! Objects that have grown: only what was appended counts.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::chunk::tests::support::{event, gzip, read, settings, summary};
use crate::chunk::tests::whole::any_line;
use crate::chunk::{ChunkCount, ChunkError, ChunkReader};
use crate::order::facts::Orders;

/// Reads bytes of which an earlier version has counted so many.
fn appended(
    bytes: &[u8],
    counted_before: usize,
    push_bytes: usize,
) -> Result<ChunkCount, ChunkError> {
    let mut settings = settings(bytes.len());
    settings.inputs.counted_before = Some(counted_before as u64);
    let mut reader = ChunkReader::new(&settings);
    for block in bytes.chunks(push_bytes) {
        reader.push(block)?;
    }
    reader.finish()
}

/// What chunks count together.
#[derive(Default, PartialEq, Debug)]
struct Sums {
    numbers: BTreeMap<String, i128>,
    orders: Orders,
    rejected: Vec<u8>,
}

impl Sums {
    fn add(&mut self, count: &ChunkCount) {
        let mut add = |name: String, number: i128| *self.numbers.entry(name).or_default() += number;
        for group in count.tally.groups() {
            for (key, amount) in group.counters {
                let (site, measure) = (group.site, group.measure);
                add(format!("{site} {} {measure} {key}", group.minute), amount.units());
            }
        }
        let outcomes = &count.outcomes;
        for (name, lines) in [
            ("lines", outcomes.lines),
            ("counted", outcomes.counted),
            ("ignored", outcomes.ignored),
            ("duplicate", outcomes.duplicate),
            ("events", outcomes.events),
            ("rejected", outcomes.rejected_total()),
        ] {
            add(name.to_string(), lines.into());
        }
        for (order, facts) in count.orders.iter() {
            self.orders.add(&order.site, &order.id, facts.clone());
        }
        self.rejected.extend_from_slice(&count.rejected);
    }

    fn of(counts: &[&ChunkCount]) -> Sums {
        let mut sums = Sums::default();
        counts.iter().for_each(|count| sums.add(count));
        sums
    }
}

fn check_not_continued(bytes: &[u8], counted_before: usize) {
    for push_bytes in [1, 7, usize::MAX] {
        let error = appended(bytes, counted_before, push_bytes).expect_err("it does not go on");
        assert_eq!(error, ChunkError::NotContinued);
    }
}

/// Checks that the earlier version and what was appended count the lines of the whole.
fn check_grown(whole: &[u8], counted_before: usize, lines_appended: u64) {
    let earlier = read(&whole[..counted_before], usize::MAX).unwrap();
    let expected = Sums::of(&[&read(whole, usize::MAX).unwrap()]);
    for push_bytes in [1, 7, usize::MAX] {
        let count = appended(whole, counted_before, push_bytes).unwrap();
        assert_eq!(Sums::of(&[&earlier, &count]), expected);
        assert_eq!(count.outcomes.lines, lines_appended);
    }
}

fn views(items: &[&str]) -> String {
    items.iter().map(|item| event("view", &format!("\"sku\":\"{item}\"")) + "\n").collect()
}

#[test]
fn what_was_appended_to_lines_counts() {
    let (before, after) = (views(&["a", "b"]), views(&["a", "c"]));
    check_grown((before.clone() + &after).as_bytes(), before.len(), 2);
    check_grown((before.clone() + "\n \n" + &after).as_bytes(), before.len(), 2);
    let whole = before.clone() + &after;
    assert_eq!(
        appended(whole.as_bytes(), before.len(), 7).unwrap().content_hash,
        read(whole.as_bytes(), 7).unwrap().content_hash
    );
}

#[test]
fn a_last_line_without_its_end_may_get_one() {
    let (before, after) = (views(&["a", "b"]), views(&["c"]));
    let before = before.trim_end();
    for line_end in ["\n", "\r\n", "\n\n"] {
        check_grown(format!("{before}{line_end}{after}").as_bytes(), before.len(), 1);
    }
    check_not_continued(format!("{before}  \n{after}").as_bytes(), before.len());
    check_not_continued((before.to_string() + &after).as_bytes(), before.len() - 4);
}

#[test]
fn records_of_csv_keep_their_header() {
    let before = "timestamp,type,sku\n1795216051,view,a\n1795216051,view,b\n";
    let after = "1795216051,view,c\n1795216051,view,d\n";
    check_grown(format!("{before}{after}").as_bytes(), before.len(), 2);
    check_grown(format!("{before}{after}").as_bytes(), before.len() - 1, 2);
    check_not_continued(
        format!("{before}{after}").as_bytes(),
        "timestamp,type,sku\n1795216051".len(),
    );
}

#[test]
fn members_of_gzip_and_frames_of_zstd_are_appended() {
    let (before, after) = (views(&["a", "b"]).repeat(9), views(&["c"]));
    let zstd = |text: &str| zstd::encode_all(text.as_bytes(), 3).unwrap();
    for (first, second) in
        [(gzip(before.as_bytes()), gzip(after.as_bytes())), (zstd(&before), zstd(&after))]
    {
        check_grown(&[&first[..], &second].concat(), first.len(), 1);
        check_not_continued(&[&first[..], &second].concat(), first.len() - 1);
    }
}

#[test]
fn events_of_the_earlier_version_are_known_by_their_ids() {
    let line = |id: u32| event("view", &format!(r#""sku":"a","event_id":{id}"#)) + "\n";
    let (before, after) = (line(1) + &line(2), line(2) + &line(3));
    let whole = before.clone() + &after;
    check_grown(whole.as_bytes(), before.len(), 2);
    assert_eq!(appended(whole.as_bytes(), before.len(), 9).unwrap().outcomes.duplicate, 1);
}

#[test]
fn an_object_that_is_not_longer_has_not_grown() {
    let whole = views(&["a", "b"]);
    check_not_continued(whole.as_bytes(), whole.len());
    check_not_continued(whole.as_bytes(), whole.len() + 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_earlier_version_and_what_was_appended_count_the_whole(
        lines in proptest::collection::vec(any_line(), 1..20),
        is_pretty in any::<bool>(),
        cut in any::<proptest::sample::Index>(),
        is_at_line_end in any::<bool>(),
        push_bytes in 1..200_usize,
    ) {
        let mut text = lines.join("\n");
        if is_pretty {
            text = text.replace("\":", "\":\n  ");
        }
        let text = text.as_bytes();
        let mut cut = 1 + cut.index(text.len().max(1));
        if is_at_line_end {
            let end = memchr::memrchr(b'\n', &text[..cut.min(text.len())]);
            cut = end.map_or(cut, |end| end + 1);
        }
        prop_assume!(cut < text.len());
        let count = appended(text, cut, push_bytes);
        let again = appended(text, cut, usize::MAX);
        match (count, again) {
            (Ok(count), Ok(again)) => {
                prop_assert_eq!(summary(&count), summary(&again));
                let earlier = read(&text[..cut], usize::MAX).unwrap();
                let whole = read(text, usize::MAX).unwrap();
                prop_assert_eq!(Sums::of(&[&earlier, &count]), Sums::of(&[&whole]));
            }
            (Err(error), Err(again)) => {
                prop_assert_eq!(&error, &again);
                prop_assert_eq!(error, ChunkError::NotContinued);
            }
            (count, again) => prop_assert!(false, "{} {}", count.is_ok(), again.is_ok()),
        }
    }
}
