//! Lines and ids that somebody chose to make counting expensive.

use crate::chunk::ChunkReader;
use crate::chunk::tests::support::{
    check_outcomes, check_rejected, event, read_whole, settings, summary,
};
use crate::event::line::WRITTEN_OUT_BYTES_MAX;
use crate::hash_seed::HashSeed;
use crate::plan::Plan;

/// A line of an event that `count` empty elements of `events` inherit.
fn inherited(count: usize, members: &str) -> String {
    inherited_of("cart", count, members)
}

fn inherited_of(kind: &str, count: usize, members: &str) -> String {
    let elements = vec!["{}"; count].join(",");
    event(kind, &format!(r#"{members},"events":[{elements}]"#))
}

/// The length of such a line without its array.
fn inherited_bytes(members: &str) -> usize {
    inherited(0, members).len() - "[]".len()
}

#[test]
fn events_may_inherit_so_much_and_no_more() {
    for count in [1_000, 10_000, 50_000] {
        let padding = |bytes: usize| {
            let own = inherited_bytes(r#""sku":"a","x":"""#);
            format!(r#""sku":"a","x":"{}""#, "x".repeat(bytes - own))
        };
        let most = WRITTEN_OUT_BYTES_MAX / count;
        if most >= inherited_bytes(r#""sku":"a","x":"""#) {
            check_outcomes(&inherited(count, &padding(most)), &format!("{count}/0/0"));
            // White space around the object is none of it; found by the differential test.
            let spaced = format!(" {} \r", inherited(count, &padding(most)));
            check_outcomes(&spaced, &format!("{count}/0/0"));
            check_rejected(&inherited(count, &padding(most + 1)), "too_large");
        } else {
            check_rejected(&inherited(count, r#""sku":"a""#), "too_large");
        }
    }
}

#[test]
fn what_grew_with_the_product_of_two_lengths_is_rejected() {
    let items = vec![r#"{"sku":1}"#; 6_000].join(",");
    let zeros = "0".repeat(65_000);
    let products: Vec<String> = (0..400)
        .map(|number| format!(r#"{{"productName":"{number:03}{}"}}"#, "x".repeat(240)))
        .collect();
    let products = products.join(",");
    let order = format!(r#""order_id":1,"total_amount":1,"items":[{products}]"#);
    check_rejected(&inherited_of("OrderCreatedEvent", 20_000, &order), "too_large");
    for members in [
        format!(r#""items":[{items}]"#),
        format!(r#""sku":"a","path":"/x?{}""#, r"\n".repeat(30_000)),
        format!(r#""sku":"a","ts":"2026-11-20T23:07:0\u0030.{zeros}""#),
        format!(r#""sku":"a","price":"1.{zeros}""#),
    ] {
        check_rejected(&inherited(20_000, &members), "too_large");
    }
}

#[test]
fn a_long_text_around_a_form_that_is_no_site_is_inherited_like_the_rest() {
    let elements = ",{}".repeat(1_000);
    let text = |site: &str| {
        format!(
            r#"{{"specversion":"1","site_id":"{site}","data":{{"api_key":"k","events":[{{"event_type":"x"}}{elements}]}}}}"#
        )
    };
    check_rejected(&text(&"s".repeat(20_000)), "too_large");
    let short = read_whole(text("s").as_bytes());
    assert!(String::from_utf8_lossy(&short.rejected).contains(r#"{\"site_id\":\"s\"}"#));
}

/// A chunk with something in every hash table.
fn chunk() -> String {
    let kinds = ["view", "cart", "purchase"];
    let line = |number: usize| {
        let (item, user) = (number * number % 1_009, number % 300);
        event(
            kinds[number % kinds.len()],
            &format!(
                r#""sku":"{item}","user_id":"u{user}","session":"s{}","event_id":"{}","price":1.{},"site_id":"shop-{}""#,
                number % 500,
                number % 2_900,
                number % 100,
                number % 3,
            ),
        )
    };
    (0..3_000).map(|number| line(number) + "\n").collect()
}

#[test]
fn neither_the_count_nor_the_plan_depends_on_the_seed_of_hash_tables() {
    let text = chunk();
    let settings = settings(text.len());
    let expected = read_whole(text.as_bytes());
    let expected_plan = Plan::of(&expected, &settings.inputs);
    for seed in [0, 1, u64::MAX].into_iter().chain((0..100).map(|number| 1_u64 << (number % 64))) {
        let mut reader = ChunkReader::with_seed(&settings, HashSeed::of(seed));
        reader.push(text.as_bytes()).unwrap();
        let count = reader.finish().unwrap();
        assert_eq!(summary(&count), summary(&expected), "seed {seed}");
        assert_eq!(Plan::of(&count, &settings.inputs), expected_plan, "seed {seed}");
        let counts = |count: &crate::chunk::ChunkCount| -> Vec<_> {
            let minutes = count.visitors.minutes();
            minutes
                .map(|(site, minute, visitors)| (site.to_string(), minute, visitors.counts()))
                .collect()
        };
        assert_eq!(counts(&count), counts(&expected), "seed {seed}");
    }
}

#[test]
fn a_reader_that_is_told_to_stop_reads_no_further_block() {
    let text = chunk();
    let packed = zstd::encode_all(text.repeat(20).as_bytes(), 1).unwrap();
    let blocks = std::cell::Cell::new(0);
    let mut reader = ChunkReader::new(&settings(packed.len()));
    let stopped = reader.push_in_time(&packed, || {
        blocks.set(blocks.get() + 1);
        blocks.get() <= 3
    });
    assert_eq!(stopped, Err(crate::chunk::ChunkError::OutOfTime));
    assert_eq!(blocks.get(), 4, "nobody asks again after the answer is no");
}
