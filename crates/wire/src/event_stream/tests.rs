//! Frames checked against a message made by botocore's rules, incremental reading, and events of the real streams.

use proptest::prelude::*;
use watchkeep_model::{Location, OperationType, Protocol, Structure, equal, logs, s3};

use super::*;
use crate::fill::{Fill, shown};
use crate::protocol::Call;

fn only(bytes: &[u8]) -> Message {
    let mut decoder = Decoder::new();
    decoder.push(bytes);
    let message = decoder.next().unwrap().unwrap();
    assert!(decoder.is_empty());
    assert_eq!(decoder.next(), Ok(None));
    message
}

/// Every kind of header, as Python's `struct` and `zlib.crc32` put it together.
const ALL_KINDS: &str = "0000006f000000581bf0e633017400016601016202ff017303fffe01690400000003016c05fffffffffffffffc017906000201020b3a6576656e742d7479706507000345c3a40164080000018cc820d888017509070707070707070707070707070707077b2261223a317d5eaf729e";

fn all_kinds() -> Message {
    let headers = [
        ("t", HeaderValue::Boolean(true)),
        ("f", HeaderValue::Boolean(false)),
        ("b", HeaderValue::Byte(-1)),
        ("s", HeaderValue::Short(-2)),
        ("i", HeaderValue::Integer(3)),
        ("l", HeaderValue::Long(-4)),
        ("y", HeaderValue::Bytes(vec![1, 2])),
        (":event-type", HeaderValue::String("E\u{e4}".into())),
        ("d", HeaderValue::Timestamp(1_704_164_645_000)),
        ("u", HeaderValue::Uuid([7; 16])),
    ];
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Message { headers, payload: b"{\"a\":1}".to_vec() }
}

#[test]
fn every_kind_of_header_is_framed() {
    let bytes = all_kinds().encode().unwrap();
    assert_eq!(hex::encode(&bytes), ALL_KINDS);
    assert_eq!(only(&bytes), all_kinds());
    assert_eq!(all_kinds().header(":event-type"), Some("E\u{e4}"));
    assert_eq!(all_kinds().header("i"), None);
}

#[test]
fn messages_may_be_split_anywhere() {
    let empty = Message::default();
    let bytes = [all_kinds().encode().unwrap(), empty.encode().unwrap(), all_kinds().encode().unwrap()].concat();
    for split in 0..=bytes.len() {
        let mut decoder = Decoder::new();
        let mut found = Vec::new();
        for part in [&bytes[..split], &bytes[split..]] {
            decoder.push(part);
            while let Some(message) = decoder.next().unwrap() {
                found.push(message);
            }
        }
        assert_eq!(found, [all_kinds(), empty.clone(), all_kinds()], "split at {split}");
    }
    let mut decoder = Decoder::new();
    let mut count = 0;
    for byte in &bytes {
        decoder.push(&[*byte]);
        count += usize::from(decoder.next().unwrap().is_some());
    }
    assert_eq!((count, decoder.is_empty()), (3, true));
}

#[test]
fn any_flipped_bit_is_noticed() {
    let bytes = all_kinds().encode().unwrap();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        let mut decoder = Decoder::new();
        decoder.push(&damaged);
        let error = decoder.next().expect_err("damage passed");
        decoder.push(&bytes);
        assert_eq!(decoder.next(), Err(error), "a failed stream stays failed");
    }
}

fn prelude(total: u32, headers: u32) -> Vec<u8> {
    let mut bytes = [total.to_be_bytes(), headers.to_be_bytes()].concat();
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
    bytes
}

#[test]
fn lengths_are_judged_before_the_rest_arrives() {
    for (total, headers) in
        [(15, 0), (0, 0), (16, 1), (100, 90), ((24 << 20) + 1, 0), (1 << 20, (128 << 10) + 1), (u32::MAX, u32::MAX)]
    {
        let mut decoder = Decoder::new();
        decoder.push(&prelude(total, headers));
        assert_eq!(decoder.next(), Err(FrameError::Length), "{total} {headers}");
    }
    let payload = vec![0; MESSAGE_BYTES_MAX - 16];
    assert!(Message { payload, ..Message::default() }.encode().is_ok());
    let payload = vec![0; MESSAGE_BYTES_MAX - 15];
    assert_eq!(Message { payload, ..Message::default() }.encode(), Err(FrameError::Length));
    assert_eq!(Message::default().with("a", "x".repeat(32_768)).encode(), Err(FrameError::Header));
    assert_eq!(Message::default().with(&"n".repeat(256), "x").encode(), Err(FrameError::Header));
    let many = (0..5).fold(Message::default(), |message, _| message.with("a", "x".repeat(32_767)));
    assert_eq!(many.encode(), Err(FrameError::Length));
}

fn live_tail() -> Call {
    let operation = logs::operations::StartLiveTail::OPERATION;
    Call { service: &logs::SERVICE, operation, protocol: Protocol::AwsJson11 }
}

#[test]
fn live_tail_events() {
    let event = logs::StartLiveTailResponseStream {
        session_update: Some(logs::LiveTailSessionUpdate {
            session_results: Some(vec![logs::LiveTailSessionLogEvent {
                message: Some("m".into()),
                timestamp: Some(5),
                ..Default::default()
            }]),
            ..Default::default()
        }),
        ..Default::default()
    };
    let message = only(&encode_event(Protocol::AwsJson11, &event));
    assert_eq!(message.header(":message-type"), Some("event"));
    assert_eq!(message.header(":event-type"), Some("sessionUpdate"));
    assert_eq!(message.header(":content-type"), Some("application/json"));
    assert_eq!(message.payload, br#"{"sessionResults":[{"message":"m","timestamp":5}]}"#);
    let mut read = logs::StartLiveTailResponseStream::default();
    assert!(decode_event(&live_tail(), &message, &mut read).unwrap());
    assert!(equal(&event, &read), "{}", shown(&event, &read));

    let first = only(&encode_initial_response(Protocol::AwsJson11, &logs::StartLiveTailResponse::default()));
    assert_eq!(first.header(":event-type"), Some("initial-response"));
    assert_eq!(first.payload, b"{}");
    assert!(!decode_event(&live_tail(), &first, &mut read).unwrap());
}

#[test]
fn exceptions_end_a_stream() {
    for protocol in [Protocol::AwsJson11, Protocol::RpcV2Cbor] {
        let error = logs::errors::session_timeout_exception("too \"long\"");
        let message = only(&encode_exception(protocol, &error));
        assert_eq!(message.header(":message-type"), Some("exception"));
        assert_eq!(message.header(":exception-type"), Some("SessionTimeoutException"));
        let mut event = logs::StartLiveTailResponseStream::default();
        let read = decode_event(&Call { protocol, ..live_tail() }, &message, &mut event).unwrap_err();
        assert_eq!((read.code.as_ref(), read.message.as_str()), ("SessionTimeoutException", "too \"long\""));
    }
    let as_member = logs::StartLiveTailResponseStream {
        session_timeout_exception: Some(logs::SessionTimeoutException { message: Some("m".into()) }),
        ..Default::default()
    };
    let message = only(&encode_event(Protocol::AwsJson11, &as_member));
    assert_eq!(message.header(":exception-type"), Some("SessionTimeoutException"));
    assert_eq!(message.payload, br#"{"message":"m"}"#);
    let empty = only(&encode_event(Protocol::AwsJson11, &logs::StartLiveTailResponseStream::default()));
    assert_eq!(empty.header(":exception-type"), Some("InternalFailure"));
}

#[test]
fn select_events_have_payload_members() {
    let operation = s3::operations::SelectObjectContent::OPERATION;
    let call = Call { service: &s3::SERVICE, operation, protocol: Protocol::RestXml };
    let records = s3::SelectObjectContentEventStream {
        records: Some(s3::RecordsEvent { payload: Some(b"a,b\n".to_vec()) }),
        ..Default::default()
    };
    let stats = s3::SelectObjectContentEventStream {
        stats: Some(s3::StatsEvent { details: Some(s3::Stats { bytes_scanned: Some(7), ..Default::default() }) }),
        ..Default::default()
    };
    let end = s3::SelectObjectContentEventStream { end: Some(s3::EndEvent {}), ..Default::default() };
    for (event, content_type, payload) in [
        (records, Some("application/octet-stream"), "a,b\n"),
        (stats, Some("text/xml"), "<Stats><BytesScanned>7</BytesScanned></Stats>"),
        (end, None, ""),
    ] {
        let message = only(&encode_event(Protocol::RestXml, &event));
        assert_eq!(message.header(":content-type"), content_type);
        assert_eq!(std::str::from_utf8(&message.payload), Ok(payload));
        let mut read = s3::SelectObjectContentEventStream::default();
        assert!(decode_event(&call, &message, &mut read).unwrap());
        assert!(equal(&event, &read), "{}", shown(&event, &read));
    }
    let error = only(&encode_exception(Protocol::RestXml, &s3::errors::no_such_key("gone")));
    assert_eq!((error.header(":message-type"), error.header(":error-code")), (Some("error"), Some("NoSuchKey")));
    assert_eq!(
        decode_event(&call, &error, &mut s3::SelectObjectContentEventStream::default()).unwrap_err().message,
        "gone"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn events_survive_the_wire(seed: u64, part in 1_usize..50) {
        for protocol in [Protocol::AwsJson11, Protocol::RpcV2Cbor] {
            let call = Call { protocol, ..live_tail() };
            let mut event = logs::StartLiveTailResponseStream::default();
            prop_assert!(event.schema().members.iter().all(|member| member.location == Location::Body));
            Fill::new(seed).structure(&mut event);
            let bytes = encode_event(protocol, &event);
            let mut decoder = Decoder::new();
            let mut message = None;
            for piece in bytes.chunks(part) {
                prop_assert!(message.is_none());
                decoder.push(piece);
                message = decoder.next().unwrap();
            }
            let message = message.unwrap();
            let mut read = logs::StartLiveTailResponseStream::default();
            match decode_event(&call, &message, &mut read) {
                Ok(known) => prop_assert!(known && equal(&event, &read), "{}", shown(&event, &read)),
                Err(_) => prop_assert_eq!(message.header(":message-type"), Some("exception")),
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, headers in proptest::collection::vec(any::<u8>(), 0..60)) {
        let mut decoder = Decoder::new();
        decoder.push(&bytes);
        while let Ok(Some(_)) = decoder.next() {}
        // Sound frame, arbitrary headers.
        let mut frame = prelude(16 + headers.len() as u32, headers.len() as u32);
        frame.extend_from_slice(&headers);
        frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
        let mut decoder = Decoder::new();
        decoder.push(&frame);
        if let Ok(Some(message)) = decoder.next() {
            let _ = decode_event(&live_tail(), &message, &mut logs::StartLiveTailResponseStream::default());
        }
    }
}
