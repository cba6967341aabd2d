//! Multipart uploads.

use watchkeep_model::s3::{
    AbortMultipartUploadRequest, CompleteMultipartUploadRequest, CompletedMultipartUpload, CompletedPart,
    CreateMultipartUploadRequest, DeleteBucketRequest, GetObjectRequest, ListMultipartUploadsRequest, ListPartsRequest,
    UploadPartCopyRequest, UploadPartOutput, UploadPartRequest,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_wire::service::IncomingBody;

use super::{Fixture, bytes, code};
use crate::limits::PART_BYTES_MIN;
use crate::uploads as operations;

const PART: usize = PART_BYTES_MIN as usize;

impl Fixture {
    async fn begin(&self, key: &str, input: CreateMultipartUploadRequest) -> String {
        let input = CreateMultipartUploadRequest { bucket: "bucket".into(), key: key.into(), ..input };
        operations::create_multipart_upload(&self.objects, &self.caller, input).await.unwrap().upload_id.unwrap()
    }

    async fn part(&self, key: &str, id: &str, number: i32, body: &[u8]) -> Result<UploadPartOutput, ServiceError> {
        let input = UploadPartRequest {
            bucket: "bucket".into(),
            key: key.into(),
            upload_id: id.into(),
            part_number: number,
            ..Default::default()
        };
        operations::upload_part(&self.objects, &self.caller, input, IncomingBody::whole(body.to_vec())).await
    }

    async fn complete(&self, key: &str, id: &str, parts: &[(i32, String)]) -> Result<String, ServiceError> {
        let part = |(number, etag): &(i32, String)| CompletedPart {
            part_number: Some(*number),
            e_tag: Some(etag.clone()),
            ..Default::default()
        };
        let input = CompleteMultipartUploadRequest {
            bucket: "bucket".into(),
            key: key.into(),
            upload_id: id.into(),
            multipart_upload: Some(CompletedMultipartUpload { parts: Some(parts.iter().map(part).collect()) }),
            ..Default::default()
        };
        let output = operations::complete_multipart_upload(&self.objects, &self.caller, input).await?;
        Ok(output.e_tag.unwrap())
    }

    async fn abort(&self, key: &str, id: &str) -> Result<(), ServiceError> {
        let input = AbortMultipartUploadRequest {
            bucket: "bucket".into(),
            key: key.into(),
            upload_id: id.into(),
            ..Default::default()
        };
        operations::abort_multipart_upload(&self.objects, &self.caller, input).await.map(drop)
    }
}

#[tokio::test]
async fn an_object_of_parts() {
    let fixture = Fixture::new().await;
    let create = CreateMultipartUploadRequest {
        content_type: Some("a/b".into()),
        checksum_algorithm: Some("CRC32".into()),
        checksum_type: Some("FULL_OBJECT".into()),
        ..Default::default()
    };
    let id = fixture.begin("k", create).await;
    let body = bytes(2 * PART + 10);
    let etag = |output: UploadPartOutput| output.e_tag.unwrap();
    let third = etag(fixture.part("k", &id, 7, &body[2 * PART..]).await.unwrap());
    let unused = etag(fixture.part("k", &id, 3, b"unused").await.unwrap());
    let replaced = etag(fixture.part("k", &id, 1, b"replaced").await.unwrap());
    let first = etag(fixture.part("k", &id, 1, &body[..PART]).await.unwrap());
    let second = etag(fixture.part("k", &id, 2, &body[PART..2 * PART]).await.unwrap());
    assert_eq!(code(fixture.get("k").await), "NoSuchKey");
    for (parts, expected) in [
        (vec![], "MalformedXML"),
        (vec![(2, second.clone()), (1, first.clone())], "InvalidPartOrder"),
        (vec![(1, first.clone()), (4, first.clone())], "InvalidPart"),
        (vec![(1, replaced), (2, second.clone())], "InvalidPart"),
        (vec![(1, first.clone()), (3, unused), (7, third.clone())], "EntityTooSmall"),
    ] {
        assert_eq!(code(fixture.complete("k", &id, &parts).await), expected, "{parts:?}");
    }
    let list = ListPartsRequest {
        bucket: "bucket".into(),
        key: "k".into(),
        upload_id: id.clone(),
        max_parts: Some(3),
        ..Default::default()
    };
    let listed = operations::list_parts(&fixture.objects, &fixture.caller, list.clone()).await.unwrap();
    let numbers = |parts: Option<Vec<watchkeep_model::s3::Part>>| -> Vec<i32> {
        parts.unwrap().iter().map(|part| part.part_number.unwrap()).collect()
    };
    assert_eq!((listed.is_truncated, listed.next_part_number_marker), (Some(true), Some(3)));
    assert_eq!(numbers(listed.parts), [1, 2, 3]);
    let rest = ListPartsRequest { part_number_marker: Some(3), ..list };
    let listed = operations::list_parts(&fixture.objects, &fixture.caller, rest).await.unwrap();
    assert_eq!((listed.is_truncated, numbers(listed.parts)), (Some(false), vec![7]));

    let etag = fixture.complete("k", &id, &[(1, first), (2, second), (7, third)]).await.unwrap();
    assert!(etag.ends_with("-3\""), "{etag}");
    let read = |input: GetObjectRequest| {
        fixture.get_with(GetObjectRequest { key: "k".into(), checksum_mode: Some("ENABLED".into()), ..input })
    };
    let (told, got, _) = read(Default::default()).await.unwrap();
    assert!(got == body);
    assert_eq!((told.e_tag, told.content_type.as_deref()), (Some(etag), Some("a/b")));
    let crc = crc32fast::hash(&body).to_be_bytes();
    let crc = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, crc);
    assert_eq!((told.checksum_crc32, told.checksum_type.as_deref()), (Some(crc), Some("FULL_OBJECT")));
    let across = format!("bytes={}-{}", PART - 1, 2 * PART);
    assert!(
        read(GetObjectRequest { range: Some(across), ..Default::default() }).await.unwrap().1
            == body[PART - 1..=2 * PART]
    );
    let (told, got, status) = read(GetObjectRequest { part_number: Some(2), ..Default::default() }).await.unwrap();
    assert!(got == body[PART..2 * PART] && status == 206);
    assert_eq!(
        (told.parts_count, told.content_range),
        (Some(3), Some(format!("bytes {PART}-{}/{}", 2 * PART - 1, body.len())))
    );

    assert_eq!(code(fixture.part("k", &id, 1, b"late").await), "NoSuchUpload");
    assert_eq!(code(fixture.abort("k", &id).await), "NoSuchUpload");
    fixture.delete("k").await.unwrap();
    fixture.await_files(0).await;
    assert!(fixture.objects.entries.range(crate::keys::CONTENT, &[], &[255; 9], 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn uploads_are_listed_and_aborted() {
    let fixture = Fixture::new().await;
    let mut ids = Vec::new();
    for key in ["a/1", "a/2", "b", "b"] {
        ids.push(fixture.begin(key, Default::default()).await);
    }
    let of = &fixture;
    let list = |input: ListMultipartUploadsRequest| async move {
        let input = ListMultipartUploadsRequest { bucket: "bucket".into(), ..input };
        let output = operations::list_multipart_uploads(&of.objects, &of.caller, input).await.unwrap();
        let mut found: Vec<String> =
            output.common_prefixes.into_iter().flatten().map(|prefix| prefix.prefix.unwrap()).collect();
        found.extend(output.uploads.into_iter().flatten().map(|upload| upload.upload_id.unwrap()));
        (found, output.next_key_marker, output.next_upload_id_marker)
    };
    assert_eq!(list(Default::default()).await.0, ids);
    let folded = ListMultipartUploadsRequest { delimiter: Some("/".into()), ..Default::default() };
    assert_eq!(list(folded.clone()).await.0, ["a/".to_owned(), ids[2].clone(), ids[3].clone()]);
    // Page by page of one.
    let mut all = Vec::new();
    let mut place = (None, None);
    loop {
        let (key_marker, upload_id_marker) = place;
        let input =
            ListMultipartUploadsRequest { max_uploads: Some(1), key_marker, upload_id_marker, ..folded.clone() };
        let (found, key, id) = list(input).await;
        all.extend(found);
        if key.is_none() {
            break;
        }
        place = (key, id);
    }
    assert_eq!(all, ["a/".to_owned(), ids[2].clone(), ids[3].clone()]);
    let behind = ListMultipartUploadsRequest { key_marker: Some("a/2".into()), ..Default::default() };
    assert_eq!(list(behind).await.0, ids[2..]);

    fixture.part("b", &ids[2], 1, &bytes(100_000)).await.unwrap();
    assert_eq!(fixture.files().await.len(), 1);
    fixture.abort("b", &ids[2]).await.unwrap();
    fixture.await_files(0).await;
    assert_eq!(code(fixture.part("b", &ids[2], 2, b"x").await), "NoSuchUpload");
    assert_eq!(code(fixture.part("a/1", &ids[3], 2, b"x").await), "NoSuchUpload");
    assert_eq!(code(fixture.part("b", &ids[3], 0, b"x").await), "InvalidArgument");
    // A bucket with uploads and no objects is empty.
    fixture.part("b", &ids[3], 1, &bytes(100_000)).await.unwrap();
    let input = DeleteBucketRequest { bucket: "bucket".into(), ..Default::default() };
    let Unit {} = crate::buckets::delete_bucket(&fixture.objects, &fixture.caller, input).await.unwrap();
    fixture.await_files(0).await;
}

#[tokio::test]
async fn parts_are_copied() {
    let fixture = Fixture::new().await;
    let body = bytes(PART + 20);
    fixture.put("source", &body).await;
    let id = fixture.begin("k", Default::default()).await;
    let copy = |number: i32, range: &str| {
        let input = UploadPartCopyRequest {
            bucket: "bucket".into(),
            key: "k".into(),
            upload_id: id.clone(),
            part_number: number,
            copy_source: "/bucket/source".into(),
            copy_source_range: (!range.is_empty()).then(|| range.to_owned()),
            ..Default::default()
        };
        operations::upload_part_copy(&fixture.objects, &fixture.caller, input)
    };
    let etag = |output: watchkeep_model::s3::UploadPartCopyOutput| output.copy_part_result.unwrap().e_tag.unwrap();
    let first = etag(copy(1, "").await.unwrap());
    let second = etag(copy(2, "bytes=5-9").await.unwrap());
    assert_eq!(code(copy(3, "bytes=5-99999999").await), "InvalidRange");
    fixture.complete("k", &id, &[(1, first), (2, second)]).await.unwrap();
    assert!(fixture.get("k").await.unwrap() == [&body[..], &body[5..10]].concat());
}
