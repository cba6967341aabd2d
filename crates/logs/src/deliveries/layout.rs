//! Where the files of a delivery lie in a bucket, as AWS lays vended logs out: below the prefix of the destination, or below
//! `AWSLogs/ACCOUNT/FOLDER/` where it names none, then the suffix path. Sources: "S3DeliveryConfiguration", "Configure standard
//! logging (v2)".

use jiff::Timestamp;
use watchkeep_core::ports::{BucketClient, MetricPlace, VendedLogKind};
use watchkeep_core::{AccountId, Arn, Region, TimestampMs};

use super::resources::resource_type;

/// A part of a suffix path that is different for each file.
pub(super) struct Variable {
    /// Its name between braces.
    pub name: &'static str,
    /// Its name in paths for Hive.
    hive: &'static str,
    value: fn(&File<'_>) -> String,
}

/// What files are named by.
pub(super) struct File<'f> {
    /// The account of the source.
    pub account: AccountId,
    /// Its Region.
    pub region: &'f str,
    /// The folder of the kind of log.
    pub folder: &'f str,
    /// The name of the resource.
    pub resource: &'f str,
    /// When the first of its records was received.
    pub time: TimestampMs,
    /// The number of its first record, never the same for two files.
    pub first: u64,
}

/// The variables of suffix paths.
pub(super) const VARIABLES: &[Variable] = &[
    Variable { name: "accountid", hive: "accountid", value: |file| file.account.to_string() },
    Variable { name: "region", hive: "region", value: |file| file.region.to_owned() },
    Variable { name: "resourceid", hive: "resourceid", value: |file| file.resource.replace('/', "-") },
    Variable { name: "yyyy", hive: "year", value: |file| file.formatted("%Y") },
    Variable { name: "MM", hive: "month", value: |file| file.formatted("%m") },
    Variable { name: "dd", hive: "day", value: |file| file.formatted("%d") },
    Variable { name: "HH", hive: "hour", value: |file| file.formatted("%H") },
];

/// The account, where AWS puts it before a suffix path; clients cannot use it.
const RESERVED: Variable =
    Variable { name: "account-id", hive: "aws-account-id", value: |file| file.account.to_string() };

const DEFAULT: &str = "{region}/{yyyy}/{MM}/{dd}/{HH}";

/// The bucket of a destination, and the prefix of its keys, which may be empty.
pub(super) fn bucket_of(target: &Arn) -> (&str, &str) {
    let (bucket, prefix) = target.resource.split_once('/').unwrap_or((&target.resource, ""));
    (bucket, prefix.trim_matches('/'))
}

/// What is written to see whether one may.
pub(super) fn probe_key(target: &Arn) -> String {
    match bucket_of(target).1 {
        "" => "AWSLogs/aws-logs-write-test".to_owned(),
        prefix => format!("{prefix}/aws-logs-write-test"),
    }
}

/// The suffix path of deliveries that name none.
pub(super) fn default_suffix_path(kind: &VendedLogKind) -> String {
    format!("{}{DEFAULT}", own_folder(kind))
}

fn own_folder(kind: &VendedLogKind) -> String {
    format!("AWSLogs/{{account-id}}/{}/", kind.folder)
}

/// The suffix path of a delivery, with what stands before it where the destination has no prefix.
///
/// # Errors
///
/// What is wrong with the path that was asked for.
pub(super) fn suffix_path(kind: &VendedLogKind, target: &Arn, asked: Option<&str>) -> Result<String, String> {
    let own = own_folder(kind);
    let asked = asked.filter(|asked| !asked.is_empty()).unwrap_or(DEFAULT);
    // What this operation answered may be given back.
    let asked = asked.strip_prefix(&own).unwrap_or(asked).trim_matches('/');
    let mut rest = asked;
    while let Some((literal, behind)) = rest.split_once('{') {
        check_literal(literal)?;
        let (name, behind) = behind.split_once('}').ok_or("A variable of the suffixPath has no end.")?;
        if VARIABLES.iter().all(|variable| variable.name != name) {
            return Err(format!("The suffixPath has the variable {{{name}}}, which the log source does not support."));
        }
        rest = behind;
    }
    check_literal(rest)?;
    match bucket_of(target).1 {
        "" => Ok(format!("{own}{asked}")),
        _ => Ok(asked.to_owned()),
    }
}

fn check_literal(text: &str) -> Result<(), String> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/!-_.*'()=+,&$@:;".contains(&byte);
    match text.bytes().all(is_allowed) {
        true => Ok(()),
        false => Err("The suffixPath has characters that the keys of objects should not have.".to_owned()),
    }
}

/// The key of a file.
pub(super) fn key(target: &Arn, suffix_path: &str, is_hive_compatible: bool, file: &File<'_>) -> String {
    let mut path = suffix_path.to_owned();
    for Variable { name, hive, value } in VARIABLES.iter().chain([&RESERVED]) {
        let value = value(file);
        let value = if is_hive_compatible { format!("{hive}={value}") } else { value };
        path = path.replace(&format!("{{{name}}}"), &value);
    }
    let File { account, region, folder, first, .. } = file;
    let (resource, time) = (file.resource.replace('/', "-"), file.formatted("%Y%m%dT%H%MZ"));
    let name = format!("{account}_{folder}_{region}_{resource}_{time}_{first:016x}.log.gz");
    let parts = [bucket_of(target).1, path.trim_matches('/'), &name];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

impl File<'_> {
    fn formatted(&self, format: &str) -> String {
        Timestamp::from_second(self.time.seconds()).unwrap_or_default().strftime(format).to_string()
    }
}

/// The log stream of the records of a resource.
pub(super) fn log_stream(kind: &VendedLogKind, resource: &Arn) -> String {
    let name: String = resource_type(resource).1.replace([':', '*'], "_");
    format!("{}_{name}", kind.folder).chars().take(512).collect()
}

/// Who asks for buckets.
pub(super) fn bucket_client(account: AccountId, region: &Region) -> BucketClient {
    let source = Arn::new("logs", region.as_str(), account.as_str(), "delivery-source:*");
    BucketClient {
        principal: "delivery.logs.amazonaws.com".to_owned(),
        place: MetricPlace { account, region: region.clone() },
        source_arn: Some(source.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: VendedLogKind = VendedLogKind {
        service: "events",
        resource_type: "event-bus",
        log_type: "INFO_LOGS",
        fields: &[],
        folder: "EventBusLogs",
    };

    #[test]
    fn files_lie_where_aws_puts_them() {
        let file = File {
            account: AccountId::DEFAULT,
            region: "us-east-1",
            folder: "EventBusLogs",
            resource: "a/b",
            time: TimestampMs(1_700_000_000_000),
            first: 255,
        };
        let name = "000000000000_EventBusLogs_us-east-1_a-b_20231114T2213Z_00000000000000ff.log.gz";
        let cases = [
            ("b", None, false, "AWSLogs/000000000000/EventBusLogs/us-east-1/2023/11/14/22/"),
            ("b", Some("my/"), false, "AWSLogs/000000000000/EventBusLogs/my/"),
            ("b", Some("my/{yyyy}"), true, "AWSLogs/aws-account-id=000000000000/EventBusLogs/my/year=2023/"),
            ("b", Some("AWSLogs/{account-id}/EventBusLogs/x"), false, "AWSLogs/000000000000/EventBusLogs/x/"),
            ("b/p/q", Some("/my/{resourceid}/"), false, "p/q/my/a-b/"),
            ("b/p/", Some("{accountid}/{dd}"), true, "p/accountid=000000000000/day=14/"),
        ];
        for (bucket, asked, is_hive_compatible, expected) in cases {
            let target = Arn::new("s3", "", "", bucket);
            let suffix = suffix_path(&KIND, &target, asked).unwrap();
            assert_eq!(
                key(&target, &suffix, is_hive_compatible, &file),
                format!("{expected}{name}"),
                "{bucket} {asked:?}"
            );
        }
    }

    #[test]
    fn suffix_paths_with_what_nobody_knows_are_refused() {
        let target = Arn::new("s3", "", "", "b");
        for bad in ["{DistributionId}", "a/{yyyy", "{}", "a b", "{account-id}", "ä", "a}"] {
            assert!(suffix_path(&KIND, &target, Some(bad)).is_err(), "{bad}");
        }
    }
}
