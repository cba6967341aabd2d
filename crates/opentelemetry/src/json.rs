//! What JSON has differently from the wire (Protocol Buffers' "ProtoJSON" and OTLP's "JSON Protobuf Encoding"): 64-bit integers
//! are texts or numbers, numbers that JSON lacks are words, bytes are base64.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};

use crate::limits::BUCKETS_MAX;
use crate::messages::{CUMULATIVE, DELTA};

/// A number of one of the kinds that a text may hold.
trait Number: Sized {
    const NAME: &'static str;
    fn of_unsigned(number: u64) -> Option<Self>;
    fn of_signed(number: i64) -> Option<Self>;
    fn of_double(number: f64) -> Option<Self>;
    fn of_text(text: &str) -> Option<Self>;
}

impl Number for u64 {
    const NAME: &'static str = "an unsigned integer";

    fn of_unsigned(number: u64) -> Option<Self> {
        Some(number)
    }

    fn of_signed(number: i64) -> Option<Self> {
        number.try_into().ok()
    }

    fn of_double(number: f64) -> Option<Self> {
        (number.fract() == 0.0 && (0.0..1.8e19).contains(&number)).then_some(number as u64)
    }

    fn of_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Number for i64 {
    const NAME: &'static str = "an integer";

    fn of_unsigned(number: u64) -> Option<Self> {
        number.try_into().ok()
    }

    fn of_signed(number: i64) -> Option<Self> {
        Some(number)
    }

    fn of_double(number: f64) -> Option<Self> {
        (number.fract() == 0.0 && number.abs() < 9.2e18).then_some(number as i64)
    }

    fn of_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Number for f64 {
    const NAME: &'static str = "a number";

    fn of_unsigned(number: u64) -> Option<Self> {
        Some(number as f64)
    }

    fn of_signed(number: i64) -> Option<Self> {
        Some(number as f64)
    }

    fn of_double(number: f64) -> Option<Self> {
        Some(number)
    }

    fn of_text(text: &str) -> Option<Self> {
        match text {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text => text.parse().ok(),
        }
    }
}

/// A number, or a text of one.
struct Either<N>(N);

impl<'de, N: Number> Deserialize<'de> for Either<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EitherVisitor(PhantomData))
    }
}

struct EitherVisitor<N>(PhantomData<N>);

impl<N: Number> Visitor<'_> for EitherVisitor<N> {
    type Value = Either<N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(N::NAME)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Either<N>, E> {
        N::of_unsigned(number).map(Either).ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Either<N>, E> {
        N::of_signed(number).map(Either).ok_or_else(|| E::invalid_value(de::Unexpected::Signed(number), &self))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Either<N>, E> {
        N::of_double(number).map(Either).ok_or_else(|| E::invalid_value(de::Unexpected::Float(number), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Either<N>, E> {
        N::of_text(text).map(Either).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// A list of no more numbers than a data point may have.
struct List<N>(Vec<N>);

impl<'de, N: Number> Deserialize<'de> for List<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor(PhantomData))
    }
}

struct ListVisitor<N>(PhantomData<N>);

impl<'de, N: Number> Visitor<'de> for ListVisitor<N> {
    type Value = List<N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {BUCKETS_MAX} numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<List<N>, A::Error> {
        let mut list = Vec::new();
        while let Some(Either(number)) = sequence.next_element::<Either<N>>()? {
            if list.len() == BUCKETS_MAX {
                return Err(de::Error::invalid_length(list.len() + 1, &self));
            }
            list.push(number);
        }
        Ok(List(list))
    }
}

pub(crate) fn unsigned<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Either::deserialize(deserializer).map(|Either(number)| number)
}

pub(crate) fn double<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Either::deserialize(deserializer).map(|Either(number)| number)
}

pub(crate) fn maybe_signed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(Option::<Either<i64>>::deserialize(deserializer)?.map(|Either(number)| number))
}

pub(crate) fn maybe_double<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(Option::<Either<f64>>::deserialize(deserializer)?.map(|Either(number)| number))
}

pub(crate) fn unsigned_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    List::deserialize(deserializer).map(|List(list)| list)
}

pub(crate) fn double_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    List::deserialize(deserializer).map(|List(list)| list)
}

pub(crate) fn maybe_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    STANDARD.decode(text).map(Some).map_err(|_| de::Error::custom("bytes must be base64"))
}

/// Ids of traces and spans are the exception: they are hexadecimal.
pub(crate) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    hex::decode(String::deserialize(deserializer)?).map_err(|_| de::Error::custom("ids must be hexadecimal"))
}

/// The temporality is to be a number; many writers give its name.
pub(crate) fn temporality<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    struct Temporality;

    impl Visitor<'_> for Temporality {
        type Value = i32;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an aggregation temporality")
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<i32, E> {
            number.try_into().map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
        }

        fn visit_str<E: de::Error>(self, name: &str) -> Result<i32, E> {
            match name {
                "AGGREGATION_TEMPORALITY_DELTA" => Ok(DELTA),
                "AGGREGATION_TEMPORALITY_CUMULATIVE" => Ok(CUMULATIVE),
                "AGGREGATION_TEMPORALITY_UNSPECIFIED" => Ok(0),
                _ => Err(E::invalid_value(de::Unexpected::Str(name), &self)),
            }
        }
    }

    deserializer.deserialize_any(Temporality)
}
