//! Files that have grown: only what was appended counts.

use minutebook_oracle::recount_appended;

use super::*;

fn appended(stored: &[u8], counted_before: usize) -> Recount {
    recount_appended(stored, counted_before, &Settings::at(REFERENCE_TIME.parse().unwrap()))
        .unwrap()
}

#[test]
fn only_the_lines_after_the_earlier_version_count() {
    let earlier = format!("{VIEW}\nx\n");
    let whole = format!("{earlier}{VIEW}\n{VIEW}\ny\n");
    let count = appended(whole.as_bytes(), earlier.len());
    assert_eq!((count.lines, count.counted, count.rejected_count()), (3, 2, 1));
    assert_eq!(count.rejected_lines[0].line, 5);
    assert_eq!(count.content_hash, blake3::hash(whole.as_bytes()).to_hex().to_string());
    assert_eq!(appended(whole.as_bytes(), 0).lines, 5);
}

#[test]
fn the_ids_and_the_header_of_the_earlier_version_are_known() {
    let line = |id: u32| VIEW.replacen('{', &format!("{{\"event_id\":{id},"), 1) + "\n";
    let earlier = line(1) + &line(2);
    let count = appended((earlier.clone() + &line(2) + &line(3)).as_bytes(), earlier.len());
    assert_eq!((count.counted, count.duplicate), (1, 1));
    let earlier = "timestamp,type,sku\n1700000000,view,1\n";
    let count = appended(format!("{earlier}1700000000,view,2\n").as_bytes(), earlier.len() - 1);
    assert_eq!((count.lines, count.counted), (1, 1));
}

#[test]
fn a_member_may_be_appended_to_a_packed_file() {
    let earlier = zstd::stream::encode_all(format!("{VIEW}\n{VIEW}\n").as_bytes(), 3).unwrap();
    let member = zstd::stream::encode_all(VIEW.as_bytes(), 3).unwrap();
    assert_eq!(appended(&[&earlier[..], &member].concat(), earlier.len()).counted, 1);
}
