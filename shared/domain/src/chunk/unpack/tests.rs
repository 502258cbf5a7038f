use super::*;
use flate2::write::GzEncoder;
use std::io::Write;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn unpack_cut(bytes: &[u8], push_bytes: usize, stored_bytes: u64) -> Result<Vec<u8>, UnpackError> {
    let mut unpacker = Unpacker::new(stored_bytes);
    let mut out = Vec::new();
    for bytes in bytes.chunks(push_bytes) {
        unpacker.push(bytes, &mut |block| out.extend_from_slice(block))?;
    }
    unpacker.finish(&mut |block| out.extend_from_slice(block))?;
    Ok(out)
}

fn unpack(bytes: &[u8]) -> Result<Vec<u8>, UnpackError> {
    let results: Vec<_> = [1, 2, 3, 7, 4096, usize::MAX]
        .map(|push| unpack_cut(bytes, push, bytes.len() as u64))
        .into();
    for result in &results {
        // The message of a decoder may depend on how the data is split; that it is broken may not.
        match (result, &results[0]) {
            (Err(UnpackError::Corrupt { .. }), Err(UnpackError::Corrupt { .. })) => {}
            (left, right) => assert_eq!(left, right),
        }
    }
    results[0].clone()
}

fn text() -> Vec<u8> {
    (0..40_000_u32)
        .flat_map(|number| format!("line {}\n", number.wrapping_mul(2_654_435_761)).into_bytes())
        .collect()
}

#[test]
fn plain_bytes_pass_through() {
    for bytes in [
        &b""[..],
        b"{",
        b"{\"a\":1}\n",
        b"\x1f",
        b"\x28\xb5",
        b"\x28\xb5\x2f",
        b"P*M",
        b"P*",
        b"\x1fx",
        b"PQ",
    ] {
        assert_eq!(unpack(bytes).as_deref(), Ok(bytes));
    }
}

#[test]
fn zeros_after_a_gzip_member_are_padding() {
    let (text, zeros) = (text(), vec![0; 5_000]);
    let packed = gzip(&text);
    assert_eq!(unpack(&[&packed[..], &zeros].concat()).as_deref(), Ok(&text[..]));
    let twice = [&packed[..], &zeros, &packed, &zeros].concat();
    assert_eq!(unpack(&twice), Ok([&text[..], &text].concat()));
    let other = [&packed[..], &zeros, b"x"].concat();
    assert_eq!(unpack(&other), Err(UnpackError::Truncated { format: Format::Gzip }));
}

#[test]
fn what_is_packed_twice_is_unpacked_twice() {
    let text = text();
    for packed in [gzip(&gzip(&text)), zstd(&gzip(&text)), gzip(&zstd(&text))] {
        assert_eq!(unpack(&packed).as_deref(), Ok(&text[..]));
    }
    assert_eq!(unpack(&gzip(&gzip(&zstd(&text)))), Err(UnpackError::PackedTooOften));
    let truncated = &gzip(&text)[..1_000];
    let format = Format::Gzip;
    assert_eq!(unpack(&zstd(truncated)), Err(UnpackError::Truncated { format }));
    // Both layers count: neither is a bomb by itself.
    let once = gzip(&vec![b' '; 700_000]);
    let stored = [&once[..], &vec![0; 400_000]].concat();
    assert_eq!(unpack(&once).map(|text| text.len()), Ok(700_000));
    assert!(matches!(unpack(&gzip(&stored)), Err(UnpackError::Bomb { .. })));
}

#[test]
fn archives_and_other_formats_are_refused_for_what_they_are() {
    let mut tar = vec![0; 1_536];
    tar[..5].copy_from_slice(b"a.txt");
    tar[257..262].copy_from_slice(b"ustar");
    let mut old_tar = vec![0; 1_024];
    old_tar[..7].copy_from_slice(b"a.jsonl");
    let sum: u32 = b"a.jsonl".iter().map(|byte| u32::from(*byte)).sum::<u32>() + 8 * 32;
    old_tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    for (bytes, name) in [
        (&tar[..], "a tar archive"),
        (&old_tar, "a tar archive"),
        (b"PK\x03\x04\x14\0", "a zip archive"),
        (b"PAR1\x15\x04", "a Parquet file"),
        (b"Obj\x01\x04", "an Avro file"),
        (b"ORC\x0a\x03", "an ORC file"),
        (b"\xfd7zXZ\0\0", "packed with xz"),
        (b"BZh91AY&SY\x01", "packed with bzip2"),
    ] {
        for stored in [bytes.to_vec(), gzip(bytes), gzip(&zstd(bytes))] {
            let Err(UnpackError::Foreign(foreign)) = unpack(&stored) else {
                panic!("{name} is read");
            };
            assert_eq!(foreign.name, name);
        }
    }
    assert_eq!(
        unpack(&tar).unwrap_err().to_string(),
        "the file is a tar archive, which is not read: put the files in it one by one, as .jsonl, \
         .jsonl.gz or .csv"
    );
    for text in [&b"PAR1,ORC\nBZh"[..], b"ORC", b"BZh9", &[b'7'; 600]] {
        assert_eq!(unpack(text).as_deref(), Ok(text));
    }
}

#[test]
fn gzip_and_zstd_are_detected_by_their_first_bytes() {
    let text = text();
    assert_eq!(unpack(&gzip(&text)).as_deref(), Ok(&text[..]));
    assert_eq!(unpack(&zstd(&text)).as_deref(), Ok(&text[..]));
    assert_eq!(unpack(&gzip(b"")).as_deref(), Ok(&b""[..]));
    assert_eq!(unpack(&zstd(b"")).as_deref(), Ok(&b""[..]));
}

#[test]
fn a_complete_gzip_file_is_decompressed_within_its_limit() {
    let text = text();
    let packed = gzip(&text);
    let size = text.len() as u64;
    assert_eq!(unpack_gzip(&packed, size).as_deref(), Ok(&text[..]));
    let stored_bytes = packed.len() as u64;
    let bomb = UnpackError::Bomb { limit_bytes: size - 1, stored_bytes };
    assert_eq!(unpack_gzip(&packed, size - 1), Err(bomb));
    let half = unpack_gzip(&packed[..packed.len() / 2], size);
    assert_eq!(half, Err(UnpackError::Truncated { format: Format::Gzip }));
    for other in [&zstd(b"a")[..], b"{}", b"\x1f\x8bx"] {
        let broken = unpack_gzip(other, size).expect_err("no gzip");
        assert!(!matches!(broken, UnpackError::Bomb { .. }), "{broken}");
    }
    assert!(unpack_gzip(b"", size).is_err());
}

#[test]
fn all_members_and_frames_are_concatenated() {
    assert_eq!(
        unpack(&[gzip(b"a\nb"), gzip(b""), gzip(b"c\n")].concat()).as_deref(),
        Ok(&b"a\nbc\n"[..])
    );
    assert_eq!(
        unpack(&[zstd(b"a\nb"), zstd(b""), zstd(b"c\n")].concat()).as_deref(),
        Ok(&b"a\nbc\n"[..])
    );
    let skippable = [0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    assert_eq!(unpack(&[&skippable[..], &zstd(b"a\n")].concat()).as_deref(), Ok(&b"a\n"[..]));
}

#[test]
fn truncated_data_is_an_error_wherever_it_is_cut() {
    let text = b"{\"event\":\"view\"}\n{\"event\":\"view\"}\n{\"event\":\"cart\"}\n";
    for (format, magic_bytes, packed) in
        [(Format::Gzip, 2, gzip(text)), (Format::Zstd, 4, zstd(text))]
    {
        let twice = [packed.clone(), packed.clone()].concat();
        for end in magic_bytes..twice.len() {
            if end == packed.len() {
                continue;
            }
            assert_eq!(
                unpack(&twice[..end]),
                Err(UnpackError::Truncated { format }),
                "{format} cut at {end}"
            );
        }
    }
}

#[test]
fn a_zstd_window_over_8_mib_is_rejected() {
    for (window_bits, taken) in [(23, true), (24, false)] {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).expect("memory");
        encoder.window_log(window_bits).expect("a window that zstd has");
        std::io::Write::write_all(&mut encoder, &text()).expect("memory");
        let packed = encoder.finish().expect("memory");
        assert_eq!(unpack(&packed).is_ok(), taken, "a window of 2^{window_bits} bytes");
    }
}

#[test]
fn a_zstd_frame_that_promises_content_and_has_none_is_empty_however_it_is_split() {
    for promised_bytes in [0, 7, 128] {
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x20, promised_bytes, 1, 0, 0];
        assert_eq!(unpack(&frame).as_deref(), Ok(&b""[..]), "{promised_bytes}");
        let frames = [&zstd(b"a\n")[..], &frame, &zstd(b"b\n")].concat();
        assert_eq!(unpack(&frames).as_deref(), Ok(&b"a\nb\n"[..]), "{promised_bytes}");
    }
}

#[test]
fn broken_data_is_an_error() {
    for packed in [gzip(&text()), zstd(&text())] {
        let mut broken = packed.clone();
        let middle = broken.len() / 2;
        for byte in &mut broken[middle..middle + 40] {
            *byte ^= 0x5a;
        }
        assert!(matches!(
            unpack(&broken),
            Err(UnpackError::Corrupt { .. } | UnpackError::Bomb { .. })
        ));
        let trailing = [&packed[..], b"{\"not\":\"packed\"}"].concat();
        assert!(matches!(unpack(&trailing), Err(UnpackError::Corrupt { .. })));
    }
    let mut wrong_sum = gzip(b"hello");
    let sum = wrong_sum.len() - 8;
    wrong_sum[sum] ^= 1;
    assert!(matches!(unpack(&wrong_sum), Err(UnpackError::Corrupt { format: Format::Gzip, .. })));
}

#[test]
fn a_bomb_is_detected_however_it_is_split() {
    let zeros = vec![b'0'; 3 << 20];
    for packed in [gzip(&zeros), zstd(&zeros)] {
        // 3 MiB of one byte pack far below 3 MiB / 200.
        assert!(matches!(unpack(&packed), Err(UnpackError::Bomb { .. })));
        let roomy = unpack_cut(&packed, 100, 3 << 20).map(|out| out.len());
        assert_eq!(roomy, Ok(3 << 20));
    }
    let exactly_free = vec![b'0'; 1 << 20];
    for packed in [gzip(&exactly_free), zstd(&exactly_free)] {
        assert_eq!(unpack(&packed).map(|out| out.len()), Ok(1 << 20));
    }
    let one_more = vec![b'0'; (1 << 20) + 1];
    for packed in [gzip(&one_more), zstd(&one_more)] {
        assert!(
            matches!(unpack(&packed), Err(UnpackError::Bomb { limit_bytes, .. }) if limit_bytes == 1 << 20)
        );
    }
}

#[test]
fn the_limit_is_the_ratio_between_1_mib_and_4_gib() {
    for (stored, limit) in [
        (0, 1 << 20),
        (5242, 1 << 20),
        (5243, 1_048_600),
        (1 << 20, 200 << 20),
        (1 << 30, 4 << 30),
        (u64::MAX, 4 << 30),
    ] {
        assert_eq!(Unpacker::new(stored).budget.limit_bytes, limit, "{stored}");
    }
}
