//! Names and ARNs of streams and consumers.

use watchkeep_core::{AccountId, Arn, Caller, Region};
use watchkeep_model::ServiceError;
use watchkeep_store::ResourceKey;

use super::errors::{invalid, no_stream};
use super::resources::{consumer_key, consumer_names};

/// The key of the stream that a call names, by name or by ARN; if by both, they must agree.
///
/// # Errors
/// None is named, or what is named cannot be the caller's.
pub(crate) fn stream_key(caller: &Caller, name: Option<&str>, arn: Option<&str>) -> Result<ResourceKey, ServiceError> {
    let key = |name: &str| ResourceKey::new(caller.account, &caller.region, name);
    match (name, arn) {
        (Some(name), None) => Ok(key(name)),
        (None, Some(arn)) => of_arn(caller, arn),
        (Some(name), Some(arn)) => {
            let of_arn = of_arn(caller, arn)?;
            match of_arn.name == name {
                true => Ok(of_arn),
                false => Err(invalid("StreamName and StreamARN do not name the same stream.")),
            }
        }
        (None, None) => Err(invalid("Either StreamName or StreamARN must be provided.")),
    }
}

/// The key of the stream of an ARN, which must be the caller's.
///
/// # Errors
/// It is no stream's ARN, or another account's or Region's.
pub(crate) fn of_arn(caller: &Caller, arn: &str) -> Result<ResourceKey, ServiceError> {
    let key = parse(arn).ok_or_else(|| invalid(format!("{arn} is not the ARN of a stream.")))?;
    match key.account == caller.account && key.region.as_ref() == Some(&caller.region) {
        true => Ok(key),
        false => Err(no_stream(&key)),
    }
}

/// The key of the stream of an ARN.
pub(crate) fn parse(arn: &str) -> Option<ResourceKey> {
    let arn: Arn = arn.parse().ok()?;
    let name = arn.resource.strip_prefix("stream/").filter(|_| arn.service == "kinesis")?;
    let (account, region): (AccountId, Region) = (arn.account.parse().ok()?, arn.region.parse().ok()?);
    Some(ResourceKey::new(account, &region, name))
}

/// A stream's ARN.
pub(crate) fn stream_arn(key: &ResourceKey) -> String {
    let region = key.region.as_ref().map_or("", Region::as_str);
    Arn::new("kinesis", region, key.account.as_str(), format!("stream/{}", key.name)).to_string()
}

/// A consumer's ARN. It ends in the time of its registration, so that it names no other of the same name.
pub(crate) fn consumer_arn(key: &ResourceKey, created: i64) -> String {
    let region = key.region.as_ref().map_or("", Region::as_str);
    let (stream, consumer) = consumer_names(key);
    let resource = format!("stream/{stream}/consumer/{consumer}:{}", created.div_euclid(1000));
    Arn::new("kinesis", region, key.account.as_str(), resource).to_string()
}

/// The key of the consumer of an ARN, and the seconds at its end.
pub(crate) fn parse_consumer(arn: &str) -> Option<(ResourceKey, i64)> {
    let arn: Arn = arn.parse().ok()?;
    let resource = arn.resource.strip_prefix("stream/").filter(|_| arn.service == "kinesis")?;
    let (stream, consumer) = resource.split_once("/consumer/")?;
    let (consumer, created) = consumer.rsplit_once(':')?;
    let (account, region): (AccountId, Region) = (arn.account.parse().ok()?, arn.region.parse().ok()?);
    Some((consumer_key(account, &region, stream, consumer), created.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_are_read_back() {
        let key = ResourceKey::new(AccountId::DEFAULT, &Region::default(), "orders");
        assert_eq!(stream_arn(&key), "arn:aws:kinesis:us-east-1:000000000000:stream/orders");
        assert_eq!(parse(&stream_arn(&key)), Some(key.clone()));
        let consumer = consumer_key(key.account, &Region::default(), "orders", "c.1");
        let arn = consumer_arn(&consumer, 1_700_000_000_999);
        assert_eq!(arn, "arn:aws:kinesis:us-east-1:000000000000:stream/orders/consumer/c.1:1700000000");
        assert_eq!(parse_consumer(&arn), Some((consumer, 1_700_000_000)));
        for bad in ["", "orders", "arn:aws:sqs:us-east-1:000000000000:orders", "arn:aws:kinesis:us-east-1:x:stream/a"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
