//! Whole chunks: the count does not depend on how the bytes arrive.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::chunk::tests::support::{event, gzip, read, read_whole, settings, summary};
use crate::chunk::unpack::UnpackError;
use crate::chunk::{ChunkCount, ChunkError, ChunkReader};

#[test]
fn the_content_hash_is_blake3_of_the_stored_bytes() {
    assert_eq!(
        read_whole(b"").content_hash.to_string(),
        "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    );
    let packed = zstd::encode_all(&b"{}\n"[..], 3).unwrap();
    assert_eq!(read_whole(&packed).content_hash.as_bytes(), blake3::hash(&packed).as_bytes());
}

#[test]
fn a_reader_can_move_to_another_thread() {
    fn check<T: Send>() {}
    check::<ChunkReader>();
    check::<ChunkCount>();
}

#[test]
fn a_broken_chunk_is_an_error() {
    let packed = gzip(event("view", r#""sku":"a""#).as_bytes());
    assert!(matches!(
        read(&packed[..packed.len() - 1], 5),
        Err(ChunkError::Unpack(UnpackError::Truncated { .. }))
    ));
    let bomb = gzip(&vec![b' '; 8 << 20]);
    assert!(matches!(read(&bomb, 5), Err(ChunkError::Unpack(UnpackError::Bomb { .. }))));
}

pub(in crate::chunk) fn any_line() -> impl Strategy<Value = String> {
    let kind = proptest::sample::select(vec![
        "view",
        "clicks",
        "cart",
        "remove_from_cart",
        "purchase",
        "refund",
        "OrderCreatedEvent",
        "x",
    ]);
    let member = proptest::sample::select(vec![
        r#""sku":"a""#,
        r#""item_id":"b\u00e4""#,
        r#""aid":7"#,
        r#""page":"/p?x""#,
        r#""price":1.25"#,
        r#""price":"0.001""#,
        r#""quantity":3"#,
        r#""quantity":0.5"#,
        r#""total_amount":9"#,
        r#""currency":"gbp""#,
        r#""event_id":1"#,
        r#""event_id":"2""#,
        r#""site_id":"s""#,
        r#""items":[{"sku":"c"},{"sku":"d","price":2}]"#,
        r#""properties":{"sku":"e"}"#,
        r#""events":[{"sku":"f","event_id":3},{"type":"cart"}]"#,
        r#""note":"żółw""#,
        r#""price":-1"#,
        r#""x":{"y":[null,true]}"#,
        r#""orderId":8,"totalAmount":5"#,
    ]);
    let line = (kind, proptest::collection::vec(member, 0..5), 0..3_u32).prop_map(
        |(kind, members, minute)| {
            let mut line = format!(r#"{{"event":"{kind}","ts":"2026-11-20T23:0{minute}:10Z""#);
            for member in members {
                line.push(',');
                line.push_str(member);
            }
            line + "}"
        },
    );
    prop_oneof![
        20 => line,
        1 => Just(String::new()),
        1 => Just(" \t\r".into()),
        1 => "[ -~]{0,30}",
        1 => Just("{\"event\":\"view\"".into()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_count_does_not_depend_on_pushes_or_packing(
        lines in proptest::collection::vec(any_line(), 0..40),
        crlf in any::<bool>(),
        entry in any::<bool>(),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
    ) {
        let mut text = lines.join(if crlf { "\r\n" } else { "\n" });
        if entry {
            text.insert(0, '\u{feff}');
        }
        let expected = summary(&read(text.as_bytes(), usize::MAX).unwrap());
        for packed in [text.clone().into_bytes(), gzip(text.as_bytes()), zstd::encode_all(text.as_bytes(), 3).unwrap()] {
            for push_bytes in [1, 13] {
                prop_assert_eq!(&summary(&read(&packed, push_bytes).unwrap()), &expected);
            }
            let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(packed.len() + 1)).collect();
            ends.sort_unstable();
            ends.push(packed.len());
            let mut reader = ChunkReader::new(&settings(packed.len()));
            let mut start = 0;
            for end in ends {
                reader.push(&packed[start..end]).unwrap();
                start = end;
            }
            prop_assert_eq!(&summary(&reader.finish().unwrap()), &expected);
        }
    }

    #[test]
    fn single_events_sum_as_a_naive_model_does(
        events in proptest::collection::vec((0..4_usize, 0..5_u32, 0..30_u32, 1..900_u32, 1..4_u32), 0..200),
    ) {
        let kinds = ["view", "cart", "purchase", "refund"];
        let mut text = String::new();
        let mut model: BTreeMap<(u32, &str, String), u64> = BTreeMap::new();
        for (kind, minute, item, cents, quantity) in events {
            let price = format!("{}.{:02}", cents / 100, cents % 100);
            text += &format!("{{\"type\":\"{}\",\"ts\":{},\"aid\":{item},\"price\":\"{price}\",\"quantity\":{quantity}}}\n", kinds[kind], minute * 60);
            let mut add = |measure: &'static str, amount: u32| {
                *model.entry((minute, measure, item.to_string())).or_default() += u64::from(amount);
                if measure.contains(':') {
                    // What is of no order is summed.
                    *model.entry((minute, measure, String::new())).or_default() += u64::from(amount);
                }
            };
            match kinds[kind] {
                "view" => add("views", 100),
                "cart" => add("carts", 100),
                "refund" => add("refunds:EUR", cents * quantity),
                _ => {
                    add("units", quantity * 100);
                    add("sales:EUR", cents * quantity);
                }
            }
        }
        let count = read(text.as_bytes(), 1_000).unwrap();
        let mut counted = BTreeMap::new();
        for group in count.tally.groups() {
            for (key, amount) in group.counters {
                let hundredths = u64::try_from(amount.units() / 10_i128.pow(10)).unwrap();
                counted.insert((group.minute.number(), group.measure.to_string(), key.to_string()), hundredths);
            }
        }
        let expected: BTreeMap<_, _> =
            model.into_iter().map(|((minute, measure, item), amount)| ((minute, measure.to_string(), item), amount)).collect();
        prop_assert_eq!(counted, expected);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(count) = read(&bytes, 50) {
            prop_assert_eq!(count.outcomes.lines, count.outcomes.counted + count.outcomes.rejected_total());
        }
    }
}
