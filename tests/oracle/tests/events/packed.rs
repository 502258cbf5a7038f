//! Packed chunks.

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 3).unwrap()
}

#[test]
fn gzip_and_zstd_are_told_by_their_first_bytes() {
    let chunk = format!("\u{feff}{VIEW}\r\n\n{VIEW}");
    for stored in [gzip(chunk.as_bytes()), zstd(chunk.as_bytes())] {
        check(&stored, "c2 e2 | views 11:07 1=2");
        assert_eq!(count(&stored).content_hash, blake3::hash(&stored).to_hex().to_string());
    }
}

#[test]
fn a_zstd_window_over_8_mib_is_broken() {
    for (window_bits, taken) in [(23, true), (24, false)] {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(window_bits).unwrap();
        encoder.write_all(VIEW.as_bytes()).unwrap();
        let stored = encoder.finish().unwrap();
        assert_eq!(try_count(&stored).is_ok(), taken, "2^{window_bits}");
    }
}

#[test]
fn several_members_or_frames_are_one_chunk() {
    let (first, second) = VIEW.split_at(20);
    check([gzip(first.as_bytes()), gzip(second.as_bytes())].concat(), "c1 e1 | views 11:07 1=1");
    check([zstd(first.as_bytes()), zstd(second.as_bytes())].concat(), "c1 e1 | views 11:07 1=1");
    for magic in [0x50, 0x5f] {
        let skippable = [magic, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, b'a', b'b', b'c'];
        check(
            [&skippable, zstd(VIEW.as_bytes()).as_slice(), &skippable].concat(),
            "c1 e1 | views 11:07 1=1",
        );
    }
}

#[test]
fn a_truncated_or_broken_file_is_an_error_of_the_whole_chunk() {
    let chunk = format!("{VIEW}\n").repeat(100);
    for stored in [gzip(chunk.as_bytes()), zstd(chunk.as_bytes())] {
        for cut in [1, 5, stored.len() / 2] {
            let truncated = &stored[..stored.len() - cut];
            assert!(matches!(try_count(truncated), Err(RecountError::Broken(_))), "cut by {cut}");
        }
    }
    let mut broken = gzip(chunk.as_bytes());
    let middle = broken.len() / 2;
    broken[middle] ^= 0xff;
    assert!(matches!(try_count(&broken), Err(RecountError::Broken(_))));
    assert!(matches!(try_count(&[0x1f, 0x8b]), Err(RecountError::Broken(_))));
    assert!(matches!(try_count(&[0x28, 0xb5, 0x2f, 0xfd]), Err(RecountError::Broken(_))));
    check([0x1f], "not_json@1 | ");
}

#[test]
fn a_bomb_unpacks_to_more_than_200_times_its_size_and_more_than_1_mib() {
    let mib = 1024 * 1024;
    for pack in [gzip, zstd] {
        assert!(try_count(&pack(&vec![b' '; mib])).is_ok());
        let limit_bytes = 1024 * 1024;
        assert_eq!(try_count(&pack(&vec![b' '; mib + 1])), Err(RecountError::Bomb { limit_bytes }));
        assert!(matches!(try_count(&pack(&vec![b' '; 4 * mib])), Err(RecountError::Bomb { .. })));
        // More than 1 MiB, but it packs less well than 200:1.
        let span = Span { events: 8_000, end: REFERENCE_TIME.parse().unwrap(), minutes: 5 };
        let text: String = lines(Shop::default(), span).map(|line| line + "\n").collect();
        assert!(text.len() > mib);
        assert_eq!(count(pack(text.as_bytes())).counted, 8_000);
    }
}

#[test]
fn zeros_behind_gzip_are_padding() {
    check([gzip(VIEW.as_bytes()), vec![0; 700]].concat(), "c1 e1 | views 11:07 1=1");
    let joined = [gzip(VIEW.as_bytes()), vec![0; 3], gzip(VIEW.as_bytes())].concat();
    check(joined, "c2 e2 | views 11:07 1=2");
    let other = [gzip(VIEW.as_bytes()), vec![0, 1]].concat();
    assert!(matches!(try_count(&other), Err(RecountError::Broken(_))));
}

#[test]
fn what_is_packed_twice_is_unpacked_twice() {
    check(gzip(&zstd(VIEW.as_bytes())), "c1 e1 | views 11:07 1=1");
    let three_times = gzip(&gzip(&gzip(VIEW.as_bytes())));
    assert!(matches!(try_count(&three_times), Err(RecountError::Broken(_))));
}

#[test]
fn an_archive_is_refused() {
    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    for stored in [&tar[..], b"PK\x03\x04\x14\x00", b"PAR1\x15\x04", b"Obj\x01"] {
        assert!(matches!(try_count(&gzip(stored)), Err(RecountError::Foreign(_))));
        assert!(matches!(try_count(stored), Err(RecountError::Foreign(_))));
    }
    check("PAR1", "not_json@1 | ");
}
