//! The specification's examples and rules, a row each.

use proptest::prelude::*;

use super::{Malformed, Measurement, Samples, read};

/// A measurement as `namespace/name{dimension=value} unit samples`, `!` for high resolution.
fn shown(measurement: &Measurement) -> String {
    let dimensions: Vec<String> =
        measurement.dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let samples = match &measurement.samples {
        Samples::Values(samples) => {
            let shown = |sample: &crate::statistic::Sample| match sample.count {
                1.0 => sample.value.to_string(),
                count => format!("{}x{count}", sample.value),
            };
            samples.iter().map(shown).collect::<Vec<_>>().join(" ")
        }
        Samples::Summary(set) => format!("n={} sum={} min={} max={}", set.count, set.sum, set.minimum, set.maximum),
    };
    let Measurement { namespace, name, unit, high_resolution, .. } = measurement;
    let resolution = if *high_resolution { "!" } else { "" };
    format!("{namespace}/{name}{{{}}} {unit}{resolution} {samples}", dimensions.join(","))
}

fn check(message: &str) -> (i64, Vec<String>, usize) {
    let embedded = read(message.as_bytes()).unwrap().unwrap();
    (embedded.timestamp_ms, embedded.measurements.iter().map(shown).collect(), embedded.skipped)
}

/// A document of one directive with these sets of dimensions and metrics, and these other members.
fn document(dimensions: &str, metrics: &str, members: &str) -> String {
    let directive = format!(r#"{{"Namespace":"n","Dimensions":{dimensions},"Metrics":{metrics}}}"#);
    format!(r#"{{"_aws":{{"Timestamp":5,"CloudWatchMetrics":[{directive}]}}{members}}}"#)
}

#[test]
fn the_specifications_example() {
    let example = r#"{
      "_aws": {
        "Timestamp": 1574109732004,
        "CloudWatchMetrics": [{
          "Namespace": "lambda-function-metrics",
          "Dimensions": [["functionVersion"]],
          "Metrics": [{ "Name": "time", "Unit": "Milliseconds", "StorageResolution": 60 }]
        }]
      },
      "functionVersion": "$LATEST",
      "time": 100,
      "requestId": "989ffbf8-9ace-4817-a57c-e4dd734019ee"
    }"#;
    let expected = vec!["lambda-function-metrics/time{functionVersion=$LATEST} Milliseconds 100".to_owned()];
    assert_eq!(check(example), (1_574_109_732_004, expected.clone(), 0));
    let by_lambda = format!("2019-11-18T20:42:12.004Z\t989ffbf8-9ace-4817-a57c-e4dd734019ee\tINFO\t{example}\n");
    assert_eq!(check(&by_lambda), (1_574_109_732_004, expected, 0));
}

#[test]
fn each_set_of_dimensions_makes_its_own_series() {
    let example = r#"{"_aws":{"Timestamp":1574109732004,"CloudWatchMetrics":[{"Namespace":"n","Dimensions":[["fn"],["fn","v"]],
        "Metrics":[{"Name":"time","Unit":"Milliseconds"},{"Name":"n"}]}]},"fn":"f","v":"1","time":[100,200],"n":3}"#;
    let expected = [
        "n/time{fn=f} Milliseconds 100 200",
        "n/n{fn=f} None 3",
        "n/time{fn=f,v=1} Milliseconds 100 200",
        "n/n{fn=f,v=1} None 3",
    ];
    assert_eq!(check(example), (1_574_109_732_004, expected.map(str::to_owned).to_vec(), 0));
}

#[test]
fn rules() {
    let a_hundred = format!("[{}1]", "1,".repeat(99));
    let more = format!("[{}1]", "1,".repeat(100));
    let many_metrics = format!(r#"[{}{{"Name":"m"}}]"#, r#"{"Name":"m"},"#.repeat(100));
    let many_names = format!(r#"[[{}"d"]]"#, r#""d","#.repeat(30));
    let long = "x".repeat(1_025);
    let m = r#"[{"Name":"m"}]"#;
    for (dimensions, metrics, members, expected, skipped) in [
        ("[[]]", m, r#","m":1.5"#.to_owned(), &["n/m{} None 1.5"][..], 0),
        ("[[]]", r#"[{"Name":"m","StorageResolution":1}]"#, r#","m":-1e3"#.to_owned(), &["n/m{} None! -1000"], 0),
        ("[[]]", r#"[{"Name":"a.b"}]"#, r#","a":{"b":1},"a.b":2"#.to_owned(), &["n/a.b{} None 2"], 0),
        // Outside of the published format: what OpenTelemetry's senders write.
        (
            "[[]]",
            m,
            r#","m":{"Values":[1,2],"Counts":[3,1],"Count":4,"Sum":5,"Min":1,"Max":2}"#.to_owned(),
            &["n/m{} None 1x3 2"],
            0,
        ),
        ("[[]]", m, r#","m":{"Count":4,"Sum":5,"Min":1,"Max":2}"#.to_owned(), &["n/m{} None n=4 sum=5 min=1 max=2"], 0),
        ("[[]]", m, r#","m":{"Values":[1,2],"Counts":[3]}"#.to_owned(), &[], 1),
        ("[[]]", m, r#","m":{"Count":0,"Sum":0,"Min":0,"Max":0}"#.to_owned(), &[], 1),
        // Targets of metrics.
        ("[[]]", m, String::new(), &[], 1),
        ("[[]]", m, r#","m":"1""#.to_owned(), &[], 1),
        ("[[]]", m, r#","m":null"#.to_owned(), &[], 1),
        ("[[]]", m, r#","m":[]"#.to_owned(), &[], 1),
        ("[[]]", m, r#","m":[1,"2"]"#.to_owned(), &[], 1),
        ("[[]]", m, format!(r#","m":{more}"#), &[], 1),
        // Definitions.
        ("[[]]", r#"[{"Name":"m","Unit":"milliseconds"}]"#, r#","m":1"#.to_owned(), &[], 1),
        ("[[]]", r#"[{"Name":"m","StorageResolution":30}]"#, r#","m":1"#.to_owned(), &[], 1),
        ("[[]]", r#"[{"Unit":"None"},7]"#, r#","m":1"#.to_owned(), &[], 2),
        ("[[]]", r#"[{"name":"m"}]"#, r#","m":1"#.to_owned(), &[], 1),
        // Dimensions.
        (r#"[["d"],[]]"#, m, r#","m":1"#.to_owned(), &["n/m{} None 1"], 1),
        (r#"[["d"]]"#, m, r#","m":1,"d":7"#.to_owned(), &[], 1),
        (r#"[["d","d"]]"#, m, r#","m":1,"d":"x""#.to_owned(), &[], 1),
        (r#"[["d"]]"#, m, format!(r#","m":1,"d":"{long}""#), &[], 1),
        (&many_names, m, r#","m":1,"d":"x""#.to_owned(), &[], 1),
        (r#"["d"]"#, m, r#","m":1,"d":"x""#.to_owned(), &[], 1),
        // Directives.
        ("[]", m, r#","m":1"#.to_owned(), &[], 1),
        (r#""d""#, m, r#","m":1"#.to_owned(), &[], 1),
        ("[[]]", &many_metrics, r#","m":1"#.to_owned(), &[], 1),
        ("[[]]", r#"{"Name":"m"}"#, r#","m":1"#.to_owned(), &[], 1),
    ] {
        let (_, measurements, counted) = check(&document(dimensions, metrics, &members));
        assert_eq!(
            (&measurements[..], counted),
            (&expected.iter().map(|row| (*row).to_owned()).collect::<Vec<_>>()[..], skipped),
            "{dimensions} {metrics} {members}"
        );
    }
    let (_, measurements, _) = check(&document("[[]]", m, &format!(r#","m":{a_hundred}"#)));
    assert_eq!(measurements[0].matches('1').count(), 100);
}

#[test]
fn a_bad_directive_leaves_the_others() {
    let good = r#"{"Namespace":"n","Dimensions":[[]],"Metrics":[{"Name":"m"}],"Other":1}"#;
    let document = |bad: &str| {
        format!(r#"{{"_aws":{{"Timestamp":5.7,"LogGroupName":"g","CloudWatchMetrics":[{bad},{good}]}},"m":1}}"#)
    };
    for bad in ["7", "{}", r#"{"Namespace":"","Dimensions":[[]],"Metrics":[]}"#, r#"{"Namespace":"n","Metrics":[]}"#] {
        assert_eq!(check(&document(bad)), (5, vec!["n/m{} None 1".to_owned()], 1), "{bad}");
    }
}

#[test]
fn other_events_and_broken_ones() {
    for message in ["", "GET / 200", r#"{"a":1}"#, r#"{"b":"\"CloudWatchMetrics\""}"#, r#"{"CloudWatchMetrics":[]}"#] {
        assert_eq!(read(message.as_bytes()), Ok(None), "{message}");
    }
    assert_eq!(read(br#"{"_aws":{"Timestamp":1},"x":{"CloudWatchMetrics":1}}"#), Ok(None));
    for (message, why) in [
        (&br#"a "CloudWatchMetrics" without an object"#[..], "it has no JSON object"),
        (br#"{"_aws":{"CloudWatchMetrics":[]}"#, "it is not JSON"),
        (br#"{"_aws":{"Timestamp":5,"CloudWatchMetrics":[]}} and more"#, "it is not JSON"),
        (b"{\"_aws\":{\"Timestamp\":5,\"CloudWatchMetrics\":[]},\"\xff\":1}", "it is not UTF-8"),
        (br#"{"_aws":{"CloudWatchMetrics":[]}}"#, "_aws has no Timestamp"),
        (br#"{"_aws":{"Timestamp":1e300,"CloudWatchMetrics":[]}}"#, "_aws has no Timestamp"),
        (br#"{"_aws":{"Timestamp":"5","CloudWatchMetrics":[]}}"#, "_aws has no list of directives"),
        (br#"{"_aws":{"Timestamp":5,"CloudWatchMetrics":{}}}"#, "_aws has no list of directives"),
        (br#"{"_aws":"CloudWatchMetrics","CloudWatchMetrics":1}"#, "_aws has no list of directives"),
    ] {
        assert_eq!(read(message), Err(Malformed(why)), "{}", String::from_utf8_lossy(message));
    }
}

#[test]
fn an_event_makes_no_millions() {
    let sets = format!("[{}[]]", "[],".repeat(20_000));
    let (_, measurements, skipped) = check(&document(&sets, r#"[{"Name":"m"}]"#, r#","m":1"#));
    assert_eq!((measurements.len(), skipped), (10_000, 10_001));
}

proptest! {
    #[test]
    fn no_document_panics(text in r#"[\[\]{}",:_aws0-9CloudWatchMetricsTimestamp -]{0,80}"#) {
        let _ = read(text.as_bytes());
        let _ = read(format!(r#"{{"_aws":{{"Timestamp":5,"CloudWatchMetrics":[{text}]}},"m":[{text}]}}"#).as_bytes());
    }
}
