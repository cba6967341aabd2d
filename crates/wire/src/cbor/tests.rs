use proptest::prelude::*;
use watchkeep_model::cloudwatch::{GetMetricDataOutput, PutMetricAlarmInput, PutMetricDataInput};
use watchkeep_model::{Structure, Timestamp};

use super::*;
use crate::fill::Fill;

fn decode<T: Structure + Default>(body: &[u8]) -> Result<T, String> {
    let mut value = T::default();
    match decode_members(body, &mut value, &mut Missing::default()) {
        Ok(()) => Ok(value),
        Err(error) => Err(error.message),
    }
}

/// A list given twice is as long as both, so that a limit on each alone would be none.
#[test]
fn all_lists_together_have_a_limit() {
    let data = [b"\x6aMetricData\x9a\x00\x01\x86\xa0".as_slice(), &vec![0xa0; 100_000]].concat();
    let body = |times| [b"\xbf".as_slice(), &data.repeat(times), b"\xff"].concat();
    assert!(decode::<PutMetricDataInput>(&body(5)).is_ok());
    let too_many = "The lists and maps of the request have too many entries";
    assert_eq!(decode::<PutMetricDataInput>(&body(6)).unwrap_err(), too_many);
}

#[test]
fn definite_and_indefinite_items_mean_the_same() {
    // {"Namespace": "N", "MetricData": [{"MetricName": "m", "Timestamp": 1(1700000000.5), "Values": [1, 1.5], "Unit": null}]}
    let definite = hex::decode(
        "a2694e616d657370616365614e6a4d657472696344617461\
         81a46a4d65747269634e616d65616d6954696d657374616d70c1fb41d954fc40200000\
         6656616c7565738201f93e0064556e6974f6",
    )
    .unwrap();
    let indefinite = hex::decode(
        "bf694e616d6573706163657f614eff6a4d6574726963446174619f\
         bf6954696d657374616d70fb41d954fc402000006a4d65747269634e616d65616d\
         67556e6b6e6f776ebf61619f01ffff6656616c7565739f01fa3fc00000ffffffff",
    )
    .unwrap();
    for body in [definite, indefinite] {
        let input: PutMetricDataInput = decode(&body).unwrap();
        assert_eq!(input.namespace, "N");
        let data = input.metric_data.unwrap();
        assert_eq!(data[0].metric_name, "m");
        assert_eq!(data[0].timestamp, Some(Timestamp(1_700_000_000_500)));
        assert_eq!(data[0].values.as_deref(), Some(&[1.0, 1.5][..]));
        assert_eq!(data[0].unit, None);
    }
}

#[test]
fn malformed_bodies_say_why() {
    for (body, text) in [
        ("80", "START_ARRAY can not be converted to a structure"),
        ("a1", "Unexpected end-of-input in the request body"),
        ("bf", "Unexpected end-of-input in the request body"),
        ("a0a0", "Bytes after the end of the request body's document"),
        ("a1694e616d65737061636505", "NUMBER_VALUE can not be converted to a String"),
        ("a1694e616d657370616365614e00", "Bytes after the end of the request body's document"),
        ("a1694e616d657370616365ff", "BREAK can not be converted to a String"),
        ("a1694e616d65737061636561ff", "Invalid UTF-8 in the request body"),
        ("a16a4d657472696344617461 9bffffffffffffffff", "Unexpected end-of-input in the request body"),
        ("a101", "NUMBER_VALUE can not be converted to a String"),
    ] {
        let bytes = hex::decode(body.replace(' ', "")).unwrap();
        assert_eq!(decode::<PutMetricDataInput>(&bytes).unwrap_err(), text, "{body}");
    }
    let deep = [b"\xa1\x61a".to_vec(), vec![0x81; 500], vec![0x01]].concat();
    assert_eq!(decode::<PutMetricDataInput>(&deep).unwrap_err(), "The request body nests too deeply");
}

fn round_trip<T: Structure + Default + PartialEq + std::fmt::Debug>(seed: u64) {
    let mut value = T::default();
    Fill::new(seed).structure(&mut value);
    let bytes = encode_members(&value);
    ciborium::from_reader::<ciborium::Value, _>(&bytes[..]).unwrap();
    let mut back = T::default();
    decode_members(&bytes, &mut back, &mut Missing::default()).unwrap();
    assert_eq!(value, back);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_reads_back(seed: u64) {
        round_trip::<PutMetricDataInput>(seed);
        round_trip::<PutMetricAlarmInput>(seed);
        round_trip::<GetMetricDataOutput>(seed);
        round_trip::<watchkeep_model::logs::PutLogEventsRequest>(seed);
        round_trip::<watchkeep_model::kms::EncryptRequest>(seed);
        round_trip::<watchkeep_model::logs::GetTransformerResponse>(seed);
    }

    #[test]
    fn damaged_bodies_never_panic(seed: u64, cut in 0.0..1.0, flip: u8) {
        let mut value = PutMetricAlarmInput::default();
        Fill::new(seed).structure(&mut value);
        let mut bytes = encode_members(&value);
        let at = (bytes.len() as f64 * cut) as usize;
        bytes[at] ^= flip;
        let _ = decode::<PutMetricAlarmInput>(&bytes);
        bytes.truncate(at);
        prop_assert!(at == 0 || decode::<PutMetricAlarmInput>(&bytes).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = decode::<PutMetricDataInput>(&bytes);
        let _ = decode::<PutMetricDataInput>(&[b"\xa1\x6aMetricData".as_slice(), &bytes].concat());
    }
}
