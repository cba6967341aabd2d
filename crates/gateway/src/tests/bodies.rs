//! Bodies: compressed, too large, too slow, cut off.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::AsyncWriteExt as _;

use super::harness::{Sent, Setup, open, read_answer};
use crate::AuthMode;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn gzip_is_undone_on_every_operation_and_bombs_are_not() {
    let server = open().await;
    let describe = |body: Vec<u8>| Sent::logs("DescribeLogGroups", body).with("content-encoding", "gzip");
    assert_eq!(server.send(&describe(gzip(b"{}"))).await.status, 200);
    let form = gzip(b"Action=GetCallerIdentity&Version=2011-06-15");
    let form = Sent { body: form, ..Sent::form("").with("content-encoding", "gzip") };
    assert_eq!(server.send(&form).await.status, 200);
    let bomb = server.send(&describe(gzip(&vec![b' '; 100 << 20]))).await;
    assert_eq!((bomb.code(), bomb.status), ("RequestEntityTooLarge".into(), 413));
    let garbage = server.send(&describe(b"garbage".to_vec())).await;
    assert_eq!((garbage.code(), garbage.status), ("SerializationException".into(), 400));
    let bomb = Sent { body: gzip(&vec![b'&'; 100 << 20]), ..form };
    assert_eq!(server.send(&bomb).await.status, 413);
}

#[tokio::test]
async fn chunked_bodies_are_unframed() {
    let server = open().await;
    let chunked = Sent::logs("DescribeLogGroups", "2\r\n{}\r\n0\r\nx-amz-checksum-crc32:o6a/Qw==\r\n\r\n")
        .with("content-encoding", "aws-chunked")
        .with("x-amz-decoded-content-length", "2")
        .with("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
        .with("x-amz-trailer", "x-amz-checksum-crc32");
    assert_eq!(server.send(&chunked).await.status, 200);
    let wrong = Sent { body: b"2\r\n{}\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n".to_vec(), ..chunked.clone() };
    assert_eq!(server.send(&wrong).await.code(), "BadDigest");
    let short = Sent { body: b"2\r\n{".to_vec(), ..chunked };
    assert_eq!(server.send(&short).await.code(), "IncompleteBody");
}

#[tokio::test]
async fn each_operation_has_its_limit() {
    let server = open().await;
    let events = format!(
        r#"{{"logGroupName":"g","logStreamName":"s","logEvents":[{{"timestamp":1,"message":"{}"}}]}}"#,
        "x".repeat(3 << 20)
    );
    assert_eq!(server.send(&Sent::logs("PutLogEvents", &*events)).await.status, 200);
    let large = server.send(&Sent::logs("DescribeLogGroups", &*events)).await;
    assert_eq!((large.code(), large.status), ("RequestEntityTooLarge".into(), 413));
    let form = format!("Action=GetCallerIdentity&Version=2011-06-15&x={}", "x".repeat(3 << 20));
    assert_eq!(server.send(&Sent::form(&form)).await.status, 413);
    let header = Sent::logs("DescribeLogGroups", "{}").with("x-amz-more", &"x".repeat(80 << 10));
    assert_eq!(server.send(&header).await.status, 431);
    assert!(
        server
            .audit
            .take()
            .iter()
            .any(|call| call.error.as_ref().is_some_and(|(code, _)| code == "RequestEntityTooLarge"))
    );
}

#[tokio::test]
async fn slow_clients_are_cut_off() {
    let server = Setup { manual_patience: true, ..Setup::new(AuthMode::Open) }.start().await;
    let whole = Sent::logs("DescribeLogGroups", "{     }").bytes();
    // A body that does not come.
    let mut stream = server.connect().await;
    stream.write_all(&whole[..whole.len() - 3]).await.unwrap();
    let answer = server.while_time_passes(read_answer(&mut stream)).await.unwrap();
    assert_eq!((answer.code(), answer.status), ("RequestTimeout".into(), 408));
    // A head that does not come, and nothing at all.
    for bytes in [&whole[..20], b"P", b""] {
        let mut stream = server.connect().await;
        stream.write_all(bytes).await.unwrap();
        let answer = server.while_time_passes(read_answer(&mut stream)).await;
        assert!(answer.is_none_or(|answer| answer.status == 408), "{bytes:?}");
    }
}

#[tokio::test]
async fn clients_beyond_the_limit_are_told_to_come_back() {
    let mut setup = Setup { manual_patience: true, ..Setup::new(AuthMode::Open) };
    setup.config.limits.calls = 1;
    let server = setup.start().await;
    let waiting = Sent::logs("DescribeLogGroups", r#"{"logGroupNamePrefix":"wait"}"#);
    let first = server.send(&waiting);
    let second = async {
        server.toy.waiting.notified().await;
        let answer = server.while_time_passes(server.send(&Sent::logs("DescribeLogGroups", "{}"))).await;
        server.toy.go_on.notify_one();
        answer
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.status, 200);
    assert_eq!((second.code(), second.status), ("ServiceUnavailable".into(), 503));
    assert_eq!(server.audit.take().len(), 2);
}

#[tokio::test]
async fn clients_that_announce_and_do_not_send_keep_nobody_out() {
    let mut setup = Setup::new(AuthMode::Open);
    setup.config.limits.bodies_bytes = 1 << 20;
    let server = setup.start().await;
    let mut announced = Sent::logs("PutLogEvents", "x".repeat(1 << 20)).bytes();
    announced.truncate(announced.len() - (1 << 20));
    let mut idle = Vec::new();
    for _ in 0..10 {
        let mut stream = server.connect().await;
        stream.write_all(&announced).await.unwrap();
        idle.push(stream);
    }
    assert_eq!(server.send(&Sent::logs("DescribeLogGroups", "{}")).await.status, 200);
    // They get what they need once they send.
    let message =
        format!(r#"{{"logGroupName":"g","logStreamName":"s","logEvents":[],"x":"{}"}}"#, "x".repeat(300 << 10));
    assert_eq!(server.send(&Sent::logs("PutLogEvents", &*message)).await.code(), "InvalidParameterException");
}

#[tokio::test]
async fn clients_that_ask_first_are_told_before_they_send() {
    let server = open().await;
    let ask = |length: usize| {
        let head = Sent::logs("DescribeLogGroups", "").with("expect", "100-continue").bytes();
        String::from_utf8(head).unwrap().replace("content-length: 0", &format!("content-length: {length}"))
    };
    let mut stream = server.connect().await;
    stream.write_all(ask(2).as_bytes()).await.unwrap();
    let go_on = read_answer(&mut stream).await.unwrap();
    assert_eq!(go_on.status, 100);
    stream.write_all(b"{}").await.unwrap();
    assert_eq!(read_answer(&mut stream).await.unwrap().status, 200);
    let mut stream = server.connect().await;
    stream.write_all(ask(5 << 20).as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut stream).await.unwrap().status, 413);
}
