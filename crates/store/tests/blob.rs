//! One suite for every blob store: a directory, memory, and a bucket of a real S3 server.

mod support;

use std::sync::{Arc, Barrier};
use std::time::Duration;

use bytes::Bytes;
use watchkeep_store::{BlobError, BlobStore, LocalBlobs, MemoryBlobs, ReadBlobs, S3Blobs, S3Config, S3Credentials};

/// What every store does. Expects it empty and leaves it empty.
fn suite(blobs: &dyn BlobStore) {
    assert_eq!(blobs.list("").unwrap(), Vec::<String>::new());
    let body = Bytes::from((0..100_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>());

    // Whole and in part.
    blobs.put("segments/log_events/1.parquet", body.clone()).unwrap();
    assert_eq!(blobs.size("segments/log_events/1.parquet").unwrap(), 400_000);
    for range in [0..400_000, 0..1, 399_999..400_000, 1_234..56_789, 7..7, 0..0, 400_000..400_000] {
        let read = blobs.read("segments/log_events/1.parquet", range.clone()).unwrap();
        assert_eq!(read, body.slice(range.start as usize..range.end as usize), "{range:?}");
    }
    let backwards = std::ops::Range { start: 9, end: 8 };
    for range in [0..400_001, 400_000..400_001, 500_000..500_001, 400_001..400_001, 3..u64::MAX, backwards] {
        match blobs.read("segments/log_events/1.parquet", range.clone()) {
            Err(BlobError::Range { path, range: told }) => {
                assert_eq!((path.as_str(), told), ("segments/log_events/1.parquet", range))
            }
            other => panic!("{range:?}: {:?}", other.map(|bytes| bytes.len())),
        }
    }

    // Empty blobs, replaced blobs.
    blobs.put("empty", Bytes::new()).unwrap();
    assert_eq!((blobs.size("empty").unwrap(), blobs.read("empty", 0..0).unwrap()), (0, Bytes::new()));
    blobs.put("empty", Bytes::from_static(b"no more")).unwrap();
    assert_eq!(blobs.read("empty", 0..7).unwrap(), "no more");

    // Listings: by whole parts, in byte order.
    for path in [
        "segments/log_events/10.parquet",
        "segments/log_events_2/3.parquet",
        "segments/points/2/4.parquet",
        "segments.old",
    ] {
        blobs.put(path, Bytes::from_static(b"x")).unwrap();
    }
    let logs = ["segments/log_events/1.parquet", "segments/log_events/10.parquet"];
    assert_eq!(blobs.list("segments/log_events").unwrap(), logs);
    assert_eq!(blobs.list("segments/log_events/").unwrap(), logs);
    let all = [
        "empty",
        "segments.old",
        "segments/log_events/1.parquet",
        "segments/log_events/10.parquet",
        "segments/log_events_2/3.parquet",
        "segments/points/2/4.parquet",
    ];
    assert_eq!(blobs.list("").unwrap(), all);
    assert_eq!(blobs.list("segments/log_events/1.parquet").unwrap(), Vec::<String>::new());
    assert_eq!(blobs.list("nowhere").unwrap(), Vec::<String>::new());

    // What is not there.
    for path in ["segments/log_events/2.parquet", "segments/log_events", "empty/more"] {
        assert!(matches!(blobs.size(path), Err(BlobError::NotFound { path: told }) if told == path), "{path}");
        assert!(matches!(blobs.read(path, 0..1), Err(BlobError::NotFound { path: told }) if told == path), "{path}");
        blobs.delete("segments/log_events/2.parquet").unwrap();
    }

    // Where nobody may go.
    for path in ["", "/etc/passwd", "../up", "a/../../up", "a//b", ".tmp/x", "a\0b", "a b"] {
        let told = |e: BlobError| matches!(e, BlobError::BadPath { .. });
        assert!(blobs.put(path, Bytes::new()).is_err_and(told), "{path:?}");
        assert!(blobs.read(path, 0..0).is_err_and(told), "{path:?}");
        assert!(blobs.size(path).is_err_and(told), "{path:?}");
        assert!(blobs.delete(path).is_err_and(told), "{path:?}");
        assert!(path.is_empty() || blobs.list(path).is_err_and(told), "{path:?}");
    }

    concurrent_puts(blobs);

    for path in blobs.list("").unwrap() {
        blobs.delete(&path).unwrap();
        blobs.delete(&path).unwrap();
    }
    assert_eq!(blobs.list("").unwrap(), Vec::<String>::new());
}

/// Writers and removers in one directory do not get in each other's way, and a reader sees only whole blobs.
fn concurrent_puts(blobs: &dyn BlobStore) {
    let start = Barrier::new(4);
    std::thread::scope(|scope| {
        for writer in 0..4_u8 {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                for round in 0..10_u8 {
                    let own = format!("busy/{writer}-{round}");
                    let body = Bytes::from(vec![writer; 1_000 + usize::from(round)]);
                    blobs.put(&own, body.clone()).unwrap();
                    assert_eq!(blobs.read(&own, 0..body.len() as u64).unwrap(), body);
                    blobs.put("shared", Bytes::from(vec![writer; 5_000])).unwrap();
                    let shared = blobs.read("shared", 0..5_000).unwrap();
                    assert!(shared.iter().all(|b| *b == shared[0]), "torn");
                    blobs.delete(&own).unwrap();
                }
            });
        }
    });
    assert_eq!(blobs.list("busy").unwrap(), Vec::<String>::new());
    blobs.delete("shared").unwrap();
}

#[test]
fn memory() {
    suite(&MemoryBlobs::new());
}

#[test]
fn local() {
    let directory = tempfile::tempdir().unwrap();
    suite(&LocalBlobs::open(directory.path().join("made/on/demand")).unwrap());
}

#[test]
fn local_files_survive_and_unfinished_ones_do_not() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    LocalBlobs::open(root).unwrap().put("a/b", Bytes::from_static(b"kept")).unwrap();
    std::fs::write(root.join(".tmp/4711-1"), b"half a fi").unwrap();

    // A reader beside the writer leaves the writer's unfinished files alone.
    let reader = LocalBlobs::open_to_read(root).unwrap();
    assert_eq!(reader.list("").unwrap(), ["a/b"]);
    assert!(root.join(".tmp/4711-1").exists());

    let blobs = LocalBlobs::open(root).unwrap();
    assert_eq!(blobs.read("a/b", 0..4).unwrap(), "kept");
    assert!(!root.join(".tmp/4711-1").exists());

    // Directories go with their last file, the root never.
    blobs.delete("a/b").unwrap();
    assert!(!root.join("a").exists() && root.exists());
}

#[test]
fn local_says_what_it_could_not_do_and_where() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a file");
    std::fs::write(&file, b"").unwrap();
    for error in
        [LocalBlobs::open(file.join("below")), LocalBlobs::open_to_read(&file), LocalBlobs::open_to_read("/nowhere")]
    {
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with("cannot "), "{error}");
    }
    // Even root cannot create a directory there.
    let error = LocalBlobs::open("/proc/watchkeep").unwrap_err().to_string();
    assert!(error.starts_with("cannot create /proc/watchkeep"), "{error}");
}

#[test]
fn s3() {
    let Some(server) = support::moto() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    server.create_bucket("segments");
    let quick = |endpoint: &str, bucket: &str, prefix: &str| S3Config {
        credentials: Some(S3Credentials {
            access_key_id: "test".into(),
            secret_access_key: "test".into(),
            session_token: None,
        }),
        prefix: prefix.to_owned(),
        request_timeout: Duration::from_secs(10),
        // moto fails now and then when several write one key at the same time.
        retries_max: 5,
        retry_for: Duration::from_secs(2),
        ..S3Config::new(Some(endpoint.to_owned()), bucket)
    };
    let open = |bucket, prefix| S3Blobs::open(quick(&server.endpoint, bucket, prefix), runtime.handle().clone());

    suite(&open("segments", "").unwrap());
    let blobs = open("segments", "watchkeep/prod").unwrap();
    suite(&blobs);
    assert_eq!(blobs.url(), "s3://segments/watchkeep/prod/");

    // Prefixes keep stores apart.
    blobs.put("mine", Bytes::from_static(b"1")).unwrap();
    assert_eq!(open("segments", "watchkeep/production").unwrap().list("").unwrap(), Vec::<String>::new());
    assert_eq!(open("segments", "").unwrap().list("").unwrap(), ["watchkeep/prod/mine"]);

    // From a thread of the runtime, too.
    let blobs = Arc::new(blobs);
    let inside = blobs.clone();
    let other = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(other.block_on(async move { inside.size("mine") }).unwrap(), 1);
    blobs.delete("mine").unwrap();

    match open("missing", "") {
        Err(BlobError::NoBucket { bucket, endpoint }) => {
            assert_eq!((bucket.as_str(), &endpoint), ("missing", &server.endpoint))
        }
        other => panic!("{other:?}"),
    }
    // Nobody listens there.
    let nobody = S3Blobs::open(quick("http://127.0.0.1:9", "segments", ""), runtime.handle().clone()).unwrap_err();
    assert!(matches!(nobody, BlobError::Unavailable { .. }) && nobody.to_string().contains("127.0.0.1:9"), "{nobody}");
    let bad = S3Blobs::open(
        S3Config { prefix: "../x".into(), ..quick(&server.endpoint, "segments", "") },
        runtime.handle().clone(),
    );
    assert!(matches!(bad, Err(BlobError::BadPath { .. })));
}
