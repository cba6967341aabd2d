//! Damaged segments: an error, never a panic, and never a row that was not written.

use proptest::prelude::*;

use super::super::{FooterCache, SegmentError, SegmentReader, fuzz_read, verify};
use super::*;

fn segment() -> (Vec<Row>, bytes::Bytes) {
    let row = |n: u64| Row {
        group: n / 30,
        stream: 1,
        time: n as i64,
        seq: n,
        id: format!("id-{n}"),
        value: Some(n as f64),
        note: None,
        message: format!(r#"{{"level":"{}","n":{n}}}"#, if n.is_multiple_of(3) { "INFO" } else { "WARN" }).into_bytes(),
        number: Some(n),
        amount: None,
    };
    let rows: Vec<Row> = (0..120).map(row).collect();
    let bytes = encode_rows(&rows, 50, true).bytes;
    (rows, bytes)
}

fn check(bytes: Vec<u8>, rows: &[Row], what: impl std::fmt::Debug) {
    let (size, blobs) = (bytes.len() as u64, stored(bytes.into()));
    let verdict = verify(blobs.clone(), "a.parquet", size);
    assert!(matches!(&verdict, Err(error) if error.is_damage()), "{what:?}: {verdict:?}");
    // A scan may not touch the damaged place; if it does, it says so.
    match scan_file(&blobs, &FooterCache::default(), &Scan::new(&TABLE)) {
        Ok((found, _)) => assert_eq!(found, rows, "{what:?}"),
        Err(error) => assert!(error.is_damage(), "{what:?}: {error}"),
    }
}

#[test]
fn a_good_segment_verifies() {
    let (rows, bytes) = segment();
    let (size, blobs) = (bytes.len() as u64, stored(bytes));
    verify(blobs.clone(), "a.parquet", size).unwrap();
    assert_eq!(scan_file(&blobs, &FooterCache::default(), &Scan::new(&TABLE)).unwrap().0, rows);
    let missing = verify(blobs, "b.parquet", size);
    assert!(matches!(missing, Err(SegmentError::Blob { .. })), "{missing:?}");
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    let (rows, bytes) = segment();
    let mut at = 0;
    while at < bytes.len() {
        let mut bad = bytes.to_vec();
        bad[at] ^= 1 << (at % 8);
        check(bad, &rows, at);
        at += 37;
    }
}

#[test]
fn a_torn_or_foreign_file_is_no_segment() {
    let (rows, bytes) = segment();
    for keep in [0, 1, 4, 7, 8, 100, bytes.len() / 2, bytes.len() - 9, bytes.len() - 1] {
        check(bytes[..keep].to_vec(), &rows, keep);
    }
    check(b"PAR1\x00\x00\x00\x00PAR1".to_vec(), &rows, "empty footer");
    check(b"PAR1\xff\xff\xff\xffPAR1".to_vec(), &rows, "huge footer");
    let mut plain = Vec::new();
    let batch = batch(&rows);
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut plain, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    check(plain, &rows, "a Parquet file of another writer");
}

#[test]
fn a_wrong_size_is_damage() {
    let (_, bytes) = segment();
    let blobs = stored(bytes.clone());
    for size in [0, bytes.len() as u64 - 1, bytes.len() as u64 + 1, u64::MAX] {
        let cache = FooterCache::default();
        let opened = SegmentReader::open(blobs.clone(), "a.parquet", size, &cache);
        assert!(matches!(opened.map(|_| ()), Err(error) if error.is_damage()), "{size}");
    }
}

#[test]
fn a_later_format_is_told_from_damage() {
    let (_, bytes) = segment();
    let at = memchr::memmem::find(&bytes, b"{\"format\":1,").unwrap();
    let mut later = bytes.to_vec();
    later[at + 10] = b'9';
    let seal = super::super::layout::Seal::find(&later).unwrap();
    super::super::layout::Seal::stamp(&mut later[seal.tail_from as usize..]).unwrap();
    let size = later.len() as u64;
    let verdict = verify(stored(later.into()), "a.parquet", size);
    assert!(matches!(&verdict, Err(SegmentError::Format { format, .. }) if format == "9"), "{verdict:?}");
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz_read(&bytes);
        let mut framed = b"PAR1".to_vec();
        framed.extend_from_slice(&bytes);
        framed.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        framed.extend_from_slice(b"PAR1");
        fuzz_read(&framed);
    }

    #[test]
    fn bytes_changed_at_random_are_found(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5)) {
        let (rows, bytes) = segment();
        let mut bad = bytes.to_vec();
        for (at, byte) in changes {
            bad[at.index(bytes.len())] = byte;
        }
        if bad != bytes {
            check(bad, &rows, "random");
        }
    }
}
