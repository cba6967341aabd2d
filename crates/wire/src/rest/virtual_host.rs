//! Virtual-hosted requests of S3 (user guide, "Virtual hosting of general purpose buckets"): the bucket stands in the host's name,
//! and the path has the key alone.

use http::Uri;
use http::uri::PathAndQuery;

/// The bucket that a host's name has, if it has one: `bucket.s3.eu-west-1.amazonaws.com`, `bucket.s3.localhost:4566`,
/// `bucket.localhost`, or `bucket.` before one of `bases`, the names that the server itself goes by.
pub fn bucket_of<'a>(host: &'a str, bases: &[String]) -> Option<&'a str> {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let of_service = [".s3.", ".s3-"].iter().filter_map(|label| name.rfind(label)).max().and_then(|at| name.get(..at));
    let of_base = || {
        let bases = bases.iter().map(String::as_str).chain(["localhost"]);
        bases.filter_map(|base| name.strip_suffix(base)?.strip_suffix('.')).min_by_key(|bucket| bucket.len())
    };
    let is_service = name.starts_with("s3.") || name.starts_with("s3-");
    let bucket = of_service.or_else(|| if is_service { None } else { of_base() })?;
    (!bucket.is_empty() && bucket != "s3").then_some(bucket)
}

/// Whether a host's name says that S3 is meant, whoever else may be reached by it.
pub fn is_of_s3(host: &str) -> bool {
    host.starts_with("s3.") || host.contains(".s3.") || host.contains(".s3-")
}

/// The same target with the bucket in the path.
pub fn with_bucket(uri: &Uri, bucket: &str) -> Option<Uri> {
    let target = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let slash = if target.starts_with('/') { "" } else { "/" };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("/{bucket}{slash}{target}")).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_stand_before_the_server_s_name() {
        let bases = ["watchkeep.example.com".to_owned()];
        for (host, bucket) in [
            ("logs.s3.amazonaws.com", Some("logs")),
            ("logs.s3.eu-west-1.amazonaws.com", Some("logs")),
            ("logs.s3-eu-west-1.amazonaws.com", Some("logs")),
            ("a.b.s3.localhost:4566", Some("a.b")),
            ("a.s3.b.s3.localhost", Some("a.s3.b")),
            ("logs.localhost:4566", Some("logs")),
            ("logs.watchkeep.example.com:443", Some("logs")),
            ("s3.localhost:4566", None),
            ("s3.eu-west-1.amazonaws.com", None),
            ("localhost:4566", None),
            ("watchkeep.example.com", None),
            ("127.0.0.1:4566", None),
            ("[::1]:4566", None),
            ("example.com", None),
        ] {
            assert_eq!(bucket_of(host, &bases), bucket, "{host}");
        }
    }

    #[test]
    fn the_bucket_moves_into_the_path() {
        for (target, moved) in [
            ("/", "/b/"),
            ("/k/l?acl", "/b/k/l?acl"),
            ("/?list-type=2", "/b/?list-type=2"),
            ("/%2Fk", "/b/%2Fk"),
            ("//k", "/b//k"),
        ] {
            let uri: Uri = target.parse().unwrap();
            assert_eq!(with_bucket(&uri, "b").unwrap().to_string(), moved, "{target}");
        }
    }
}
