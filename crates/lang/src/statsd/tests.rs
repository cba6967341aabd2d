//! Lines, a row each.

use proptest::prelude::*;

use super::{Line, Rejected, Sample, limits, lines};

fn check(line: &str) -> Result<(String, Vec<Sample<'_>>), Rejected> {
    let Line { name, tags, samples } = Line::parse(line)?;
    let tags: Vec<String> = tags.iter().map(|(key, value)| format!(",{key}={value}")).collect();
    Ok((format!("{name}{}", tags.concat()), samples))
}

#[test]
fn lines_that_are_taken() {
    use Sample::{Counter, Gauge, GaugeChange, Histogram, Set, Timing};
    for (line, name, samples) in [
        ("api.hits:1|c", "api.hits", &[Counter(1.0)][..]),
        ("api.hits:2|c|#env:prod", "api.hits,env=prod", &[Counter(2.0)]),
        ("api.hits:1|c|@0.1", "api.hits", &[Counter(10.0)]),
        ("api.hits:1.9|c|@0.3", "api.hits", &[Counter(3.0)]),
        ("queue:7|g", "queue", &[Gauge(7.0)]),
        ("queue:+3|g", "queue", &[GaugeChange(3.0)]),
        ("queue:-3.5|g", "queue", &[GaugeChange(-3.5)]),
        ("lat:320|ms", "lat", &[Timing { value: 320.0, weight: 1.0 }]),
        ("lat:320|ms|@0.5", "lat", &[Timing { value: 320.0, weight: 2.0 }]),
        ("size:3|h", "size", &[Histogram { value: 3.0, weight: 1.0 }]),
        ("users:bob|s", "users", &[Set("bob")]),
        // Several samples, and tags before the rate and after it.
        ("m:1|c:2|c|@0.5:3|ms", "m", &[Counter(1.0), Counter(4.0), Timing { value: 3.0, weight: 1.0 }]),
        ("m:1|c|#url:http://a:80/,b|@0.5", "m,b=<empty>,url=http://a:80/", &[Counter(2.0)]),
        ("m,zone=a,app=x:1|c|#env:p", "m,app=x,env=p,zone=a", &[Counter(1.0)]),
        ("m:1|c|#", "m", &[Counter(1.0)]),
    ] {
        assert_eq!(check(line), Ok((name.to_owned(), samples.to_vec())), "{line}");
    }
}

#[test]
fn lines_that_are_not() {
    let long = format!("{}:1|c", "x".repeat(limits::NAME_CHARS_MAX + 1));
    let many: Vec<String> = (0..=limits::TAGS_MAX).map(|tag| format!("t{tag}")).collect();
    let many = format!("m:1|c|#{}", many.join(","));
    let repeated = format!("m:1{}", "|c:1".repeat(limits::SAMPLES_MAX + 1));
    for (line, rejected) in [
        ("x:1|z", Rejected::Type),
        ("x", Rejected::Samples),
        ("x|c", Rejected::Samples),
        ("x:1", Rejected::Sample),
        ("x:1|c|extra", Rejected::Sample),
        ("x:1|@0.5", Rejected::Sample),
        ("x:1|c|@0.5|@0.5", Rejected::Sample),
        (":1|c", Rejected::Name),
        ("\u{fc}:1|c", Rejected::Name),
        (&long, Rejected::Name),
        ("x:a|c", Rejected::Value),
        ("x:|c", Rejected::Value),
        ("x:|s", Rejected::Value),
        ("x:-1|c", Rejected::Value),
        ("x:+1|ms", Rejected::Value),
        ("x:NaN|ms", Rejected::Value),
        ("x:inf|g", Rejected::Value),
        ("x:1|c|@0", Rejected::Rate),
        ("x:1|c|@2", Rejected::Rate),
        ("x:1|c|@NaN", Rejected::Rate),
        ("x:1|ms|@1e-320", Rejected::Rate),
        ("x:1|c|#a:1,a:2", Rejected::Tags),
        ("x:1|c|#host:a", Rejected::Tags),
        ("x,novalue:1|c", Rejected::Tags),
        (&many, Rejected::Tags),
        (&repeated, Rejected::Samples),
    ] {
        assert_eq!(check(line), Err(rejected), "{line}");
    }
}

#[test]
fn packets_are_lines() {
    let packet = b"\n a:1|c \r\n\n\xff:1|c\nb:1|z\nc:1|c";
    let taken: Vec<_> = lines(packet).map(|line| line.map(|line| line.name)).collect();
    assert_eq!(taken, [Ok("a"), Err(Rejected::Encoding), Err(Rejected::Type), Ok("c")]);
}

proptest! {
    #[test]
    fn no_packet_panics(bytes in proptest::collection::vec(any::<u8>(), 0..60), text in "[a-c:|@#,=.0-9+gms \n-]{0,40}") {
        lines(&bytes).for_each(drop);
        for line in lines(text.as_bytes()).flatten() {
            prop_assert!(!line.samples.is_empty() && !line.name.is_empty());
        }
    }
}
