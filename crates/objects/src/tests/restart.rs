//! What was acknowledged is there after a crash, and nothing else.

use bytes::Bytes;

use super::{Fixture, bytes, code};
use crate::contents::path;

#[tokio::test]
async fn objects_survive_and_orphans_are_swept() {
    let fixture = Fixture::new().await;
    let big = bytes(100_000);
    fixture.put("big", &big).await;
    fixture.put("small", b"small").await;
    fixture.put("gone", &big).await;
    fixture.delete("gone").await.unwrap();
    fixture.await_files(1).await;
    // A file whose content never became known, as a crash leaves it.
    let number = fixture.store.catalog().next_id("s3 content").await.unwrap();
    let orphan = path(number, 0);
    let put = orphan.clone();
    fixture.store.blocking(move |store| store.blobs().put(&put, Bytes::from_static(b"x"))).await.unwrap();

    let fixture = fixture.reopen().await;
    assert!(fixture.get("big").await.unwrap() == big);
    assert_eq!(fixture.get("small").await.unwrap(), b"small");
    assert_eq!(code(fixture.get("gone").await), "NoSuchKey");
    assert!(fixture.files().await.contains(&orphan));
    fixture.objects.start().await.unwrap();
    fixture.put("new", &big).await;
    fixture.await_files(2).await;
    assert!(!fixture.files().await.contains(&orphan));
    assert!(fixture.get("big").await.unwrap() == big && fixture.get("new").await.unwrap() == big);
    fixture.objects.reset().await;
    fixture.await_files(0).await;
}
