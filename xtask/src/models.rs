//! `cargo xtask models`: the facts of AWS's API models (operations, shapes, constraints, routes, errors), without their prose,
//! one compact JSON a service. The source is the newest `botocore` wheel on PyPI (Apache-2.0).

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value};

/// Our name of the service, and its directory in botocore's `data`.
const SERVICES: &[(&str, &str)] = &[
    ("cloudtrail", "cloudtrail"),
    ("cloudtrail_data", "cloudtrail-data"),
    ("cloudwatch", "cloudwatch"),
    ("events", "events"),
    ("iam", "iam"),
    ("kinesis", "kinesis"),
    ("kms", "kms"),
    ("logs", "logs"),
    ("observabilityadmin", "observabilityadmin"),
    ("pipes", "pipes"),
    ("s3", "s3"),
    ("s3tables", "s3tables"),
    ("scheduler", "scheduler"),
    ("schemas", "schemas"),
    ("sns", "sns"),
    ("sqs", "sqs"),
    ("ssm", "ssm"),
    ("sts", "sts"),
    ("xray", "xray"),
];

const METADATA: &[&str] = &[
    "apiVersion",
    "awsQueryCompatible",
    "endpointPrefix",
    "globalEndpoint",
    "jsonVersion",
    "protocol",
    "protocols",
    "serviceFullName",
    "serviceId",
    "signingName",
    "targetPrefix",
    "xmlNamespace",
];

const OPERATION: &[&str] = &[
    "authtype",
    "endpoint",
    "errors",
    "http",
    "httpChecksumRequired",
    "input",
    "name",
    "output",
    "requestcompression",
];

const SHAPE: &[&str] = &[
    "box",
    "document",
    "enum",
    "error",
    "event",
    "eventpayload",
    "eventstream",
    "exception",
    "fault",
    "flattened",
    "hostLabel",
    "idempotencyToken",
    "jsonvalue",
    "key",
    "location",
    "locationName",
    "max",
    "member",
    "members",
    "min",
    "pattern",
    "payload",
    "queryName",
    "required",
    "resultWrapper",
    "sensitive",
    "shape",
    "streaming",
    "timestampFormat",
    "type",
    "union",
    "value",
    "wrapper",
    "xmlAttribute",
    "xmlNamespace",
];

/// Members that the model calls required and that the service leaves out at times, with which it says something: service, shape,
/// member.
const LEFT_OUT_AT_TIMES: &[(&str, &str, &str)] = &[
    // What consumers know the end of a shard by.
    ("kinesis", "SubscribeToShardEvent", "ContinuationSequenceNumber"),
];

/// Downloads botocore and rewrites `models/`.
pub fn models(_: &crate::Options) -> Result<()> {
    let scratch = std::env::temp_dir().join("watchkeep-models");
    if scratch.exists() {
        fs::remove_dir_all(&scratch)?;
    }
    fs::create_dir_all(&scratch)?;
    run(Command::new("python3")
        .args(["-m", "pip", "download", "--quiet", "--no-deps", "--dest"])
        .arg(&scratch)
        .arg("botocore"))?;
    let wheel = find(&scratch, ".whl")?;
    let unpacked = scratch.join("unpacked");
    run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&unpacked))?;
    for (name, directory) in SERVICES {
        let versions = unpacked.join("botocore/data").join(directory);
        let newest = fs::read_dir(&versions)
            .with_context(|| format!("reading {}", versions.display()))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .max()
            .context("no version of the model")?;
        let mut text = String::new();
        flate2::read::GzDecoder::new(fs::File::open(newest.join("service-2.json.gz"))?).read_to_string(&mut text)?;
        let mut facts = facts(&serde_json::from_str(&text)?);
        for (_, shape, member) in LEFT_OUT_AT_TIMES.iter().filter(|(service, ..)| service == name) {
            let required = facts["shapes"][shape]["required"].as_array_mut();
            required.with_context(|| format!("{shape} requires nothing"))?.retain(|required| required != member);
        }
        let path = crate::root().join("models").join(format!("{name}.json"));
        fs::write(&path, serde_json::to_string(&facts)? + "\n")?;
        println!("{name}: {} operations", facts["operations"].as_object().map_or(0, Map::len));
    }
    println!("from {}", wheel.file_name().unwrap_or_default().to_string_lossy());
    fs::remove_dir_all(&scratch)?;
    Ok(())
}

fn facts(model: &Value) -> Value {
    let each = |section: &str, keys: &'static [&'static str]| -> Value {
        let entries = model[section].as_object().cloned().unwrap_or_default();
        Value::Object(entries.into_iter().map(|(name, value)| (name, keep(&value, keys))).collect())
    };
    let mut facts = Map::new();
    facts.insert("metadata".into(), keep(&model["metadata"], METADATA));
    facts.insert("operations".into(), each("operations", OPERATION));
    facts.insert("shapes".into(), each("shapes", SHAPE));
    Value::Object(facts)
}

/// The object with only these keys; the members of a structure, and what refers to a shape, are cut down likewise.
fn keep(object: &Value, keys: &'static [&'static str]) -> Value {
    let Value::Object(entries) = object else { return object.clone() };
    let kept = entries.iter().filter(|(key, _)| keys.contains(&key.as_str())).map(|(key, value)| {
        let value = match key.as_str() {
            "members" => {
                let members = value.as_object().cloned().unwrap_or_default();
                Value::Object(members.into_iter().map(|(name, member)| (name, keep(&member, SHAPE))).collect())
            }
            "member" | "key" | "value" | "input" | "output" => keep(value, SHAPE),
            "errors" => Value::Array(value.as_array().into_iter().flatten().map(|error| keep(error, SHAPE)).collect()),
            _ => value.clone(),
        };
        (key.clone(), value)
    });
    Value::Object(kept.collect())
}

fn find(directory: &Path, ending: &str) -> Result<PathBuf> {
    let mut paths = fs::read_dir(directory)?.filter_map(|entry| Some(entry.ok()?.path()));
    paths.find(|path| path.to_string_lossy().ends_with(ending)).context("nothing was downloaded")
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("running {command:?}"))?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}
