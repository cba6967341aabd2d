//! Putting, reading, copying and deleting objects.

use bytes::Bytes;
use futures_util::StreamExt as _;
use watchkeep_model::s3::{
    CopyObjectRequest, Delete, DeleteObjectsRequest, GetObjectRequest, GetObjectTaggingRequest, HeadObjectRequest,
    ObjectIdentifier, PutObjectRequest, PutObjectTaggingRequest, Tag, Tagging,
};
use watchkeep_wire::service::{BodyPiece, IncomingBody};

use super::{Fixture, NOW, bytes, code, pairs, put};
use crate::limits::{FILE_BYTES, INLINE_BYTES_MAX};

#[tokio::test]
async fn content_of_any_size_comes_back() {
    let fixture = Fixture::new().await;
    let sizes = [0, 1, INLINE_BYTES_MAX, INLINE_BYTES_MAX + 1, FILE_BYTES, FILE_BYTES + 1, 2 * FILE_BYTES + 77];
    for size in sizes {
        let body = bytes(size);
        fixture.put("k", &body).await;
        assert!(fixture.get("k").await.unwrap() == body, "{size} bytes");
        let range = GetObjectRequest { key: "k".into(), range: Some("bytes=-3".into()), ..Default::default() };
        if size > 3 {
            let (output, got, status) = fixture.get_with(range).await.unwrap();
            assert_eq!((got, status), (body[size - 3..].to_vec(), 206));
            assert_eq!(output.content_range, Some(format!("bytes {}-{}/{size}", size - 3, size - 1)));
        }
    }
    // Each replaced the one before: three files are left, and none when the object is gone.
    fixture.await_files(3).await;
    let across = format!("bytes={}-{}", FILE_BYTES - 2, FILE_BYTES + 1);
    let range = GetObjectRequest { key: "k".into(), range: Some(across), ..Default::default() };
    assert_eq!(fixture.get_with(range).await.unwrap().1, bytes(FILE_BYTES + 2)[FILE_BYTES - 2..]);
    fixture.delete("k").await.unwrap();
    fixture.delete("k").await.unwrap();
    assert_eq!(code(fixture.get("k").await), "NoSuchKey");
    fixture.await_files(0).await;
}

#[tokio::test]
async fn what_is_being_read_stays_until_it_was_read() {
    let fixture = Fixture::new().await;
    let body = bytes(FILE_BYTES + 1);
    fixture.put("k", &body).await;
    let open = GetObjectRequest { key: "k".into(), ..Default::default() };
    let reply = fixture.open_object(open).await.unwrap();
    fixture.put("k", b"new").await;
    fixture.delete("k").await.unwrap();
    assert_eq!(fixture.files().await.len(), 2);
    let pieces: Vec<Bytes> = reply.body.unwrap().map(Result::unwrap).collect().await;
    assert!(pieces.concat() == body);
    fixture.await_files(0).await;
}

#[tokio::test]
async fn a_body_that_breaks_off_changes_nothing() {
    let fixture = Fixture::new().await;
    fixture.put("k", b"old").await;
    let broken = || Err(crate::errors::coded("IncompleteBody", 400, "gone"));
    let pieces = vec![Ok(BodyPiece::Data(bytes(FILE_BYTES + 5).into())), broken()];
    let body = IncomingBody {
        length: Some(3 * FILE_BYTES as u64),
        promised: Vec::new(),
        pieces: futures_util::stream::iter(pieces).boxed(),
    };
    let outcome = crate::put_object::put_object(&fixture.objects, &fixture.caller, put("k"), body).await;
    assert_eq!(code(outcome), "IncompleteBody");
    assert_eq!(fixture.get("k").await.unwrap(), b"old");
    fixture.await_files(0).await;
    for (length, expected) in
        [(Some(9), "IncompleteBody"), (None, "MissingContentLength"), (Some(6 << 30), "EntityTooLarge")]
    {
        let body = IncomingBody { length, ..IncomingBody::whole(&b"12345"[..]) };
        let outcome = crate::put_object::put_object(&fixture.objects, &fixture.caller, put("k"), body).await;
        assert_eq!(code(outcome), expected);
    }
}

#[tokio::test]
async fn what_is_told_of_an_object_comes_back() {
    let fixture = Fixture::new().await;
    let output = fixture
        .try_put(
            PutObjectRequest {
                content_type: Some("text/plain".into()),
                content_encoding: Some("aws-chunked,gzip".into()),
                cache_control: Some("no-cache".into()),
                expires: Some("Thu, 01 Dec 1994 16:00:00 GMT".into()),
                metadata: Some(pairs(&[("by", "me")])),
                tagging: Some("a=b+c&d=%26".into()),
                checksum_crc32: Some("y/Q5Jg==".into()),
                content_md5: Some("JfnnlDI7RTiF9RgfG2JNCw==".into()),
                ..put("k")
            },
            b"123456789",
        )
        .await
        .unwrap();
    assert_eq!(output.e_tag.as_deref(), Some("\"25f9e794323b453885f5181f1b624d0b\""));
    assert_eq!(output.checksum_crc32.as_deref(), Some("y/Q5Jg=="));
    let head = |input: HeadObjectRequest| crate::get_object::head_object(&fixture.objects, &fixture.caller, input);
    let input = HeadObjectRequest {
        bucket: "bucket".into(),
        key: "k".into(),
        checksum_mode: Some("ENABLED".into()),
        ..Default::default()
    };
    let told = head(input.clone()).await.unwrap().output;
    assert_eq!(told.content_type.as_deref(), Some("text/plain"));
    assert_eq!(told.content_encoding.as_deref(), Some("gzip"));
    assert_eq!(told.cache_control.as_deref(), Some("no-cache"));
    assert_eq!(told.metadata, Some(pairs(&[("by", "me")])));
    assert_eq!((told.content_length, told.tag_count), (Some(9), Some(2)));
    assert_eq!(told.last_modified.map(|time| time.0), Some(NOW));
    assert_eq!(told.checksum_crc32.as_deref(), Some("y/Q5Jg=="));
    assert_eq!(told.checksum_type.as_deref(), Some("FULL_OBJECT"));
    let overridden = HeadObjectRequest { response_content_type: Some("a/b".into()), ..input };
    assert_eq!(head(overridden).await.unwrap().output.content_type.as_deref(), Some("a/b"));
    let tags = GetObjectTaggingRequest { bucket: "bucket".into(), key: "k".into(), ..Default::default() };
    let tags = crate::tags::get_object_tagging(&fixture.objects, &fixture.caller, tags).await.unwrap().tag_set;
    let tags: Vec<_> = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    assert_eq!(tags, [("a".into(), "b c".into()), ("d".into(), "&".into())] as [(String, String); 2]);
}

#[tokio::test]
async fn what_cannot_be_done_is_refused() {
    let fixture = Fixture::new().await;
    let text = |text: &str| Some(text.to_owned());
    for (input, expected) in [
        (PutObjectRequest { bucket: "other".into(), ..put("k") }, "NoSuchBucket"),
        (put(&"k".repeat(1_025)), "KeyTooLongError"),
        (PutObjectRequest { acl: text("public-read"), ..put("k") }, "AccessControlListNotSupported"),
        (PutObjectRequest { grant_read: text("id=x"), ..put("k") }, "AccessControlListNotSupported"),
        (PutObjectRequest { storage_class: text("GLACIER"), ..put("k") }, "InvalidStorageClass"),
        (PutObjectRequest { server_side_encryption: text("aws:kms"), ..put("k") }, "NotImplemented"),
        (PutObjectRequest { sse_customer_algorithm: text("AES256"), ..put("k") }, "NotImplemented"),
        (PutObjectRequest { object_lock_mode: text("GOVERNANCE"), ..put("k") }, "InvalidRequest"),
        (PutObjectRequest { website_redirect_location: text("/x"), ..put("k") }, "NotImplemented"),
        (PutObjectRequest { checksum_sha512: text("x"), ..put("k") }, "NotImplemented"),
        (PutObjectRequest { checksum_sha1: text("AAAAAAAAAAAAAAAAAAAAAAAAAAA="), ..put("k") }, "BadDigest"),
        (PutObjectRequest { content_md5: text("AAAAAAAAAAAAAAAAAAAAAA=="), ..put("k") }, "BadDigest"),
        (PutObjectRequest { tagging: text("a=1&a=2"), ..put("k") }, "InvalidTag"),
        (PutObjectRequest { tagging: text("aws:a=1"), ..put("k") }, "InvalidTag"),
        (PutObjectRequest { metadata: Some(pairs(&[("m", &"x".repeat(2_048))])), ..put("k") }, "MetadataTooLarge"),
        (PutObjectRequest { expected_bucket_owner: text("111122223333"), ..put("k") }, "AccessDenied"),
        (PutObjectRequest { if_match: text("*"), ..put("k") }, "NoSuchKey"),
    ] {
        let shown = format!("{input:?}");
        assert_eq!(code(fixture.try_put(input, b"x").await), expected, "{shown}");
    }
    assert_eq!(code(fixture.get("k").await), "NoSuchKey");
    assert!(fixture.objects.entries.range(crate::keys::CONTENT, &[], &[255; 9], 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn only_one_of_many_puts_the_first() {
    let fixture = Fixture::new().await;
    let put_new = |body: &'static [u8]| {
        let input = PutObjectRequest { if_none_match: Some("*".into()), ..put("k") };
        fixture.try_put(input, body)
    };
    let (a, b, c) = tokio::join!(put_new(b"a"), put_new(b"b"), put_new(b"c"));
    let codes = [code(a), code(b), code(c)];
    assert_eq!(codes.iter().filter(|code| code.is_empty()).count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| *code == "PreconditionFailed").count(), 2, "{codes:?}");
    let read = |input: GetObjectRequest| fixture.get_with(GetObjectRequest { key: "k".into(), ..input });
    let text = |text: &str| Some(text.to_owned());
    for (input, expected) in [
        (GetObjectRequest { if_match: text("\"x\""), ..Default::default() }, "PreconditionFailed"),
        (GetObjectRequest { if_none_match: text("*"), ..Default::default() }, "NotModified"),
        (GetObjectRequest { range: text("bytes=1-"), ..Default::default() }, "InvalidRange"),
        (GetObjectRequest { part_number: Some(2), ..Default::default() }, "InvalidPartNumber"),
        (GetObjectRequest { part_number: Some(0), ..Default::default() }, "InvalidArgument"),
        (GetObjectRequest { part_number: Some(1), range: text("bytes=0-"), ..Default::default() }, "InvalidRequest"),
        (GetObjectRequest { version_id: text("x"), ..Default::default() }, "InvalidArgument"),
        (GetObjectRequest { version_id: text("null"), ..Default::default() }, ""),
    ] {
        assert_eq!(code(read(input).await), expected);
    }
}

#[tokio::test]
async fn copies() {
    let fixture = Fixture::new().await;
    let body = bytes(FILE_BYTES + 3);
    let original = PutObjectRequest {
        content_type: Some("a/b".into()),
        metadata: Some(pairs(&[("m", "1")])),
        tagging: Some("t=1".into()),
        ..put("dir/a b")
    };
    fixture.try_put(original, &body).await.unwrap();
    let copy = |key: &str, input: CopyObjectRequest| {
        let input = CopyObjectRequest {
            bucket: "bucket".into(),
            key: key.into(),
            copy_source: "bucket/dir/a%20b".into(),
            ..input
        };
        crate::copy_object::copy_object(&fixture.objects, &fixture.caller, input)
    };
    let output = copy("c", CopyObjectRequest::default()).await.unwrap();
    let (told, got, _) = fixture.get_with(GetObjectRequest { key: "c".into(), ..Default::default() }).await.unwrap();
    assert!(got == body);
    assert_eq!(output.copy_object_result.unwrap().e_tag, told.e_tag);
    assert_eq!(
        (told.content_type.as_deref(), told.metadata, told.tag_count),
        (Some("a/b"), Some(pairs(&[("m", "1")])), Some(1))
    );
    let replace = || Some("REPLACE".to_owned());
    let replaced = CopyObjectRequest {
        metadata_directive: replace(),
        tagging_directive: replace(),
        content_type: Some("c/d".into()),
        ..Default::default()
    };
    copy("dir/a b", replaced).await.unwrap();
    let (told, got, _) =
        fixture.get_with(GetObjectRequest { key: "dir/a b".into(), ..Default::default() }).await.unwrap();
    assert!(got == body);
    assert_eq!((told.content_type.as_deref(), told.metadata, told.tag_count), (Some("c/d"), Some(pairs(&[])), None));
    for (key, input, expected) in [
        ("dir/a b", CopyObjectRequest::default(), "InvalidRequest"),
        (
            "c",
            CopyObjectRequest { copy_source_if_none_match: Some("*".into()), ..Default::default() },
            "PreconditionFailed",
        ),
        ("c", CopyObjectRequest { if_none_match: Some("*".into()), ..Default::default() }, "PreconditionFailed"),
    ] {
        assert_eq!(code(copy(key, input).await), expected, "{key}");
    }
    let missing = CopyObjectRequest {
        bucket: "bucket".into(),
        key: "x".into(),
        copy_source: "bucket/no".into(),
        ..Default::default()
    };
    assert_eq!(code(crate::copy_object::copy_object(&fixture.objects, &fixture.caller, missing).await), "NoSuchKey");
}

#[tokio::test]
async fn many_are_deleted_at_once() {
    let fixture = Fixture::new().await;
    for key in ["a", "b", "c"] {
        fixture.put(key, b"x").await;
    }
    let delete = |keys: &[&str], quiet: bool| {
        let objects =
            keys.iter().map(|key| ObjectIdentifier { key: (*key).to_owned(), ..Default::default() }).collect();
        let delete = Delete { objects, quiet: Some(quiet) };
        let input = DeleteObjectsRequest { bucket: "bucket".into(), delete, ..Default::default() };
        crate::delete_objects::delete_objects(&fixture.objects, &fixture.caller, input)
    };
    let output = delete(&["a", "no", "a"], false).await.unwrap();
    let keys: Vec<_> = output.deleted.unwrap().into_iter().map(|deleted| deleted.key.unwrap()).collect();
    assert_eq!(keys, ["a", "no", "a"]);
    let output = delete(&["b"], true).await.unwrap();
    assert!(output.deleted.is_none() && output.errors.is_none());
    let left = fixture.list(Default::default()).await.unwrap().contents.unwrap();
    assert_eq!(left.len(), 1);
    let conditional = ObjectIdentifier { key: "c".into(), e_tag: Some("\"x\"".into()), ..Default::default() };
    let delete_if = Delete { objects: vec![conditional], quiet: Some(true) };
    let input = DeleteObjectsRequest { bucket: "bucket".into(), delete: delete_if, ..Default::default() };
    let output = crate::delete_objects::delete_objects(&fixture.objects, &fixture.caller, input).await.unwrap();
    assert_eq!(output.errors.unwrap()[0].code.as_deref(), Some("PreconditionFailed"));
    assert_eq!(code(delete(&[], false).await), "MalformedXML");
    let many: Vec<&str> = std::iter::repeat_n("k", 1_001).collect();
    assert_eq!(code(delete(&many, false).await), "MalformedXML");
    let tag = Tag { key: "k".into(), value: "v".into() };
    let input = PutObjectTaggingRequest {
        bucket: "bucket".into(),
        key: "gone".into(),
        tagging: Tagging { tag_set: vec![tag] },
        ..Default::default()
    };
    assert_eq!(code(crate::tags::put_object_tagging(&fixture.objects, &fixture.caller, input).await), "NoSuchKey");
}
