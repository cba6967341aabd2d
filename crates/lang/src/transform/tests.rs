//! Whole transformers: the examples of the processors' pages, and the rules for lists of processors.

use serde_json::{Value, json};

use super::{Source, Transformer};

fn source(message: &str) -> Source<'_> {
    Source {
        message,
        time_ms: 1_700_000_000_000,
        log_group: "myLogGroupName",
        log_stream: "myLogStreamName",
        account: "012345678912",
        region: "us-east-1",
    }
}

fn transformed(config: &Value, message: &str) -> Result<Value, String> {
    let transformer = Transformer::parse(&config.to_string()).unwrap_or_else(|error| panic!("{config}: {error}"));
    let transformed = transformer.transform(&source(message)).map_err(|error| error.to_string())?;
    Ok(serde_json::from_str(&transformed).unwrap())
}

#[track_caller]
fn check(config: Value, message: &str, expected: Value) {
    assert_eq!(transformed(&config, message), Ok(expected), "{config}");
}

/// Of an event in JSON, one processor behind `parseJSON`.
#[track_caller]
fn check_json(processor: Value, event: Value, expected: Value) {
    check(json!([{"parseJSON": {}}, processor]), &event.to_string(), expected);
}

#[track_caller]
fn check_failure(config: Value, message: &str, reason: &str) {
    let error = transformed(&config, message).unwrap_err();
    assert!(error.contains(reason), "{config}: {error}");
}

#[test]
fn parse_json() {
    let event = r#"{"outer_key": {"inner_key": "inner_value"}}"#;
    check(json!([{"parseJSON": {}}]), event, json!({"outer_key": {"inner_key": "inner_value"}}));
    check(
        json!([{"parseJSON": {"destination": "new_key"}}]),
        event,
        json!({"new_key": {"outer_key": {"inner_key": "inner_value"}}}),
    );
    let nested = json!({"a": "{\"b\": 1}", "c": 2}).to_string();
    check(
        json!([{"parseJSON": {}}, {"parseJSON": {"source": "a"}}]),
        &nested,
        json!({"a": "{\"b\": 1}", "c": 2, "b": 1}),
    );
    check_failure(json!([{"parseJSON": {}}]), "text", "parseJSON: the text is not JSON");
    check_failure(json!([{"parseJSON": {}}]), "[1]", "no JSON object");
    check_failure(json!([{"parseJSON": {}}, {"parseJSON": {"source": "x"}}]), "{}", "there is no field 'x'");
    check_failure(json!([{"parseJSON": {}}, {"parseJSON": {"source": "x"}}]), r#"{"x":1}"#, "is not a string");
    check_failure(json!([{"parseJSON": {}}]), &"[".repeat(10_000), "not JSON");
}

#[test]
fn grok_reads_fields() {
    check(
        json!([{"parseJSON": {}}, {"grok": {"source": "logMsg", "match": "%{WORD:http_method} %{NOTSPACE:request} HTTP/%{NUMBER:http_version}"}}]),
        r#"{"level": "ERROR", "logMsg": "GET /page.html HTTP/1.1"}"#,
        json!({"level": "ERROR", "logMsg": "GET /page.html HTTP/1.1", "http_method": "GET", "request": "/page.html", "http_version": "1.1"}),
    );
    check_failure(json!([{"grok": {"match": "%{NUMBER:n}"}}]), "x", "grok: the text does not match");
}

#[test]
fn csv() {
    let line = "'Akua Mansa':28:'New York: USA'";
    check(
        json!([{"csv": {"delimiter": ":", "quoteCharacter": "'"}}]),
        line,
        json!({"column_1": "Akua Mansa", "column_2": "28", "column_3": "New York: USA"}),
    );
    check(
        json!([{"parseJSON": {}}, {"csv": {"source": "logMsg", "delimiter": ":", "quoteCharacter": "'",
            "columns": ["name", "age", "location"], "destination": "msg"}}]),
        &json!({"type": "user_data", "logMsg": line}).to_string(),
        json!({"type": "user_data", "logMsg": line, "msg": {"name": "Akua Mansa", "age": "28", "location": "New York: USA"}}),
    );
    check(
        json!([{"csv": {"columns": ["a"]}}]),
        "1,,\"x\"\"y\"\n",
        json!({"a": "1", "column_2": "", "column_3": "x\"y"}),
    );
    check(json!([{"csv": {"delimiter": "\\t"}}]), "a\tb", json!({"column_1": "a", "column_2": "b"}));
    check(json!([{"csv": {"delimiter": "\\s"}}]), "a b", json!({"column_1": "a", "column_2": "b"}));
    check_failure(json!([{"csv": {}}]), "\"a", "does not end");
    check_failure(json!([{"csv": {}}]), &",".repeat(100), "more than 100 columns");
}

#[test]
fn parse_key_value() {
    check(
        json!([{"parseKeyValue": {"destination": "new_key", "fieldDelimiter": "!", "keyValueDelimiter": ":",
            "nonMatchValue": "defaultValue", "keyPrefix": "parsed_"}}]),
        "key1:value1!key2:value2!key3:value3!key4",
        json!({"new_key": {"parsed_key1": "value1", "parsed_key2": "value2", "parsed_key3": "value3", "parsed_key4": "defaultValue"}}),
    );
    check(json!([{"parseKeyValue": {}}]), "a=1&b=2=3&a=4&c", json!({"a": "1", "b": "2=3", "c": null}));
    check(json!([{"parseKeyValue": {"overwriteIfExists": true}}]), "a=1&a=4", json!({"a": "4"}));
}

#[test]
fn parsers_of_vended_logs() {
    check(
        json!([{"parseWAF": {}}]),
        &json!({"httpRequest": {"country": "AU", "headers": [{"name": "Host", "value": "localhost:1989"}, {"name": "Accept", "value": "*/*"}]},
            "labels": [{"name": "value"}], "action": "BLOCK"})
        .to_string(),
        json!({"httpRequest": {"country": "AU", "headers": {"Host": "localhost:1989", "Accept": "*/*"}},
            "labels": {"name": "value"}, "action": "BLOCK"}),
    );
    check(
        json!([{"parseWAF": {}}]),
        &json!({"labels": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}).to_string(),
        json!({"labels": {"name": ["a", "b", "c"]}}),
    );
    check(
        json!([{"parsePostgres": {}}]),
        r#"2019-03-10 03:54:59 UTC:10.0.0.123(52834):postgres@logtestdb:[20175]:ERROR: column "wrong_column_name" does not exist at character 8"#,
        json!({"logTime": "2019-03-10 03:54:59 UTC", "srcIp": "10.0.0.123(52834)", "userName": "postgres",
            "dbName": "logtestdb", "processId": "20175", "logLevel": "ERROR"}),
    );
    let agent = "Mozilla/5.0%20(Windows%20NT%2010.0;%20Win64;%20x64)";
    check(
        json!([{"parseCloudfront": {}}]),
        &format!(
            "2019-12-04\t21:02:31\tLAX1\t392\t192.0.2.24\tGET\td1.cloudfront.net\t/index.html\t200\t-\t{agent}\t-\t-\tHit\tSOX4==\td1.cloudfront.net\t\
             https\t23\t0.001\t-\tTLSv1.2\tECDHE-RSA\tHit\tHTTP/2.0\t-\t-\t11040\t0.001\tHit\ttext/html\t78\t-\t-"
        ),
        json!({"date": "2019-12-04", "time": "21:02:31", "x-edge-location": "LAX1", "sc-bytes": 392, "c-ip": "192.0.2.24",
            "cs-method": "GET", "cs(Host)": "d1.cloudfront.net", "cs-uri-stem": "/index.html", "sc-status": 200,
            "cs(Referer)": "-", "cs(User-Agent)": "Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "cs-uri-query": "-",
            "cs(Cookie)": "-", "x-edge-result-type": "Hit", "x-edge-request-id": "SOX4==",
            "x-host-header": "d1.cloudfront.net", "cs-protocol": "https", "cs-bytes": 23, "time-taken": 0.001,
            "x-forwarded-for": "-", "ssl-protocol": "TLSv1.2", "ssl-cipher": "ECDHE-RSA",
            "x-edge-response-result-type": "Hit", "cs-protocol-version": "HTTP/2.0", "fle-status": "-",
            "fle-encrypted-fields": "-", "c-port": 11040, "time-to-first-byte": 0.001,
            "x-edge-detailed-result-type": "Hit", "sc-content-type": "text/html", "sc-content-len": 78,
            "sc-range-start": "-", "sc-range-end": "-"}),
    );
    check(
        json!([{"parseRoute53": {}}]),
        "1.0 2017-12-13T08:15:50.235Z Z123412341234 example.com AAAA NOERROR TCP IAD12 192.0.2.0 198.51.100.0/24",
        json!({"version": 1.0, "queryTimestamp": "2017-12-13T08:15:50.235Z", "hostZoneId": "Z123412341234",
            "queryName": "example.com", "queryType": "AAAA", "responseCode": "NOERROR", "protocol": "TCP",
            "edgeLocation": "IAD12", "resolverIp": "192.0.2.0", "ednsClientSubnet": "198.51.100.0/24"}),
    );
    check(
        json!([{"parseVPC": {}}]),
        "2 123456789010 eni-abc123de 192.0.2.0 192.0.2.24 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK",
        json!({"version": 2, "accountId": "123456789010", "interfaceId": "eni-abc123de", "srcAddr": "192.0.2.0",
            "dstAddr": "192.0.2.24", "srcPort": 20641, "dstPort": 22, "protocol": 6, "packets": 20, "bytes": 4249,
            "start": 1418530010, "end": 1418530070, "action": "ACCEPT", "logStatus": "OK"}),
    );
    for parser in ["parseWAF", "parsePostgres", "parseCloudfront", "parseRoute53", "parseVPC"] {
        check_failure(json!([{parser: {}}]), "not such a line", parser);
    }
}

#[test]
fn keys_are_added_copied_moved_renamed_and_deleted() {
    let outer = || json!({"outer_key": {"inner_key": "inner_value"}});
    check_json(
        json!({"addKeys": {"entries": [{"key": "outer_key.new_key", "value": "new_value"}, {"key": "outer_key.inner_key", "value": "x"}]}}),
        outer(),
        json!({"outer_key": {"inner_key": "inner_value", "new_key": "new_value"}}),
    );
    check_json(
        json!({"addKeys": {"entries": [{"key": "outer_key", "value": "x", "overwriteIfExists": true}]}}),
        outer(),
        json!({"outer_key": "x"}),
    );
    check_json(
        json!({"copyValue": {"entries": [
            {"source": "outer_key.inner_key", "target": "new_key"},
            {"source": "@logGroupName", "target": "log_group_name"},
            {"source": "@logGroupStream", "target": "log_group_stream"},
            {"source": "@accountId", "target": "account_id"},
            {"source": "@regionName", "target": "region_name"}]}}),
        outer(),
        json!({"outer_key": {"inner_key": "inner_value"}, "new_key": "inner_value", "log_group_name": "myLogGroupName",
            "log_group_stream": "myLogStreamName", "account_id": "012345678912", "region_name": "us-east-1"}),
    );
    check_json(
        json!({"deleteKeys": {"withKeys": ["outer_key.inner_key", "no.such"]}}),
        outer(),
        json!({"outer_key": {}}),
    );
    check_json(
        json!({"moveKeys": {"entries": [{"source": "outer_key1.inner_key1", "target": "outer_key2"}]}}),
        json!({"outer_key1": {"inner_key1": "inner_value1"}, "outer_key2": {"inner_key2": "inner_value2"}}),
        json!({"outer_key1": {}, "outer_key2": {"inner_key2": "inner_value2", "inner_key1": "inner_value1"}}),
    );
    check_json(
        json!({"moveKeys": {"entries": [{"source": "a.k", "target": "b"}]}}),
        json!({"a": {"k": 1}, "b": {"k": 2}}),
        json!({"a": {"k": 1}, "b": {"k": 2}}),
    );
    check_json(
        json!({"moveKeys": {"entries": [{"source": "a.k", "target": "b"}]}}),
        json!({"a": {"k": 1}, "b": "text"}),
        json!({"a": {"k": 1}, "b": "text"}),
    );
    check_json(
        json!({"renameKeys": {"entries": [{"key": "outer_key", "renameTo": "new_key"}]}}),
        outer(),
        json!({"new_key": {"inner_key": "inner_value"}}),
    );
    check_json(
        json!({"renameKeys": {"entries": [{"key": "a", "renameTo": "b"}, {"key": "c", "renameTo": "d", "overwriteIfExists": true}]}}),
        json!({"a": 1, "b": 2, "c": 3, "d": 4}),
        json!({"a": 1, "b": 2, "d": 3}),
    );
}

#[test]
fn list_to_map() {
    let list = || json!([{"k": "a", "v": 1}, {"k": "b", "v": 2}, {"k": "b", "v": 3}, {"v": 4}, 5]);
    let cases = [
        (json!({"valueKey": "v"}), json!({"a": [1], "b": [2, 3]})),
        (json!({"valueKey": "v", "flatten": true, "flattenedElement": "first"}), json!({"a": 1, "b": 2})),
        (json!({"valueKey": "v", "flatten": true, "flattenedElement": "last"}), json!({"a": 1, "b": 3})),
        (
            json!({"target": "t", "flatten": true, "flattenedElement": "last"}),
            json!({"t": {"a": {"k": "a", "v": 1}, "b": {"k": "b", "v": 3}}}),
        ),
    ];
    for (options, made) in cases {
        let mut processor = json!({"listToMap": {"source": "l", "key": "k"}});
        processor["listToMap"].as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
        let mut expected = json!({"l": list()});
        expected.as_object_mut().unwrap().extend(made.as_object().unwrap().clone());
        check_json(processor, json!({"l": list()}), expected);
    }
}

#[test]
fn strings() {
    let event = || json!({"outer_key": {"inner_key": " Inner_Value "}, "n": 1});
    let keys = json!({"withKeys": ["outer_key.inner_key", "n", "none"]});
    check_json(json!({"lowerCaseString": keys}), event(), json!({"outer_key": {"inner_key": " inner_value "}, "n": 1}));
    check_json(json!({"upperCaseString": keys}), event(), json!({"outer_key": {"inner_key": " INNER_VALUE "}, "n": 1}));
    check_json(json!({"trimString": keys}), event(), json!({"outer_key": {"inner_key": "Inner_Value"}, "n": 1}));
    check_json(
        json!({"splitString": {"entries": [{"source": "a", "delimiter": "_"}, {"source": "b", "delimiter": ", "}]}}),
        json!({"a": "inner_value", "b": "1, 2, 3"}),
        json!({"a": ["inner", "value"], "b": ["1", "2", "3"]}),
    );
    check_json(
        json!({"substituteString": {"entries": [
            {"source": "a", "from": "\\[\\]", "to": "value1"},
            {"source": "b", "from": "[0-9]{3}-[0-9]{3}-[0-9]{3}", "to": "xxx-xxx-xxx"},
            {"source": "c", "from": "cat", "to": "dog"},
            {"source": "d", "from": "(\\w+), (\\w+), and (\\w+)", "to": "$1 and $3"},
            {"source": "e", "from": "^arn:aws:sts::(?P<account_id>\\d{12}):assumed-role/(?<role_name>[\\w+=,.@-]+)/.*$",
                "to": "${account_id}:${role_name}"},
            {"source": "f", "from": "(x)", "to": "\\$1 $12"}]}}),
        json!({"a": "[]", "b": "123-345-567", "c": "A cat takes a catnap.", "d": "Tom, Dick, and Harry",
            "e": "arn:aws:sts::123456789012:assumed-role/MyImportantRole/MySession", "f": "x"}),
        json!({"a": "value1", "b": "xxx-xxx-xxx", "c": "A dog takes a dognap.", "d": "Tom and Harry",
            "e": "123456789012:MyImportantRole", "f": "$1 x2"}),
    );
}

#[test]
fn types() {
    let event = || json!({"name": "value", "status": "200"});
    let convert =
        |to: &str| json!({"typeConverter": {"entries": [{"key": "status", "type": to}, {"key": "none", "type": to}]}});
    check_json(convert("integer"), event(), json!({"name": "value", "status": 200}));
    check_json(convert("double"), event(), json!({"name": "value", "status": 200.0}));
    let cases = [
        (json!("3.9"), "integer", json!(3)),
        (json!(-3.9), "integer", json!(-3)),
        (json!(true), "integer", json!(1)),
        (json!("TRUE"), "boolean", json!(true)),
        (json!(0), "boolean", json!(false)),
        (json!(1.5), "string", json!("1.5")),
        (json!({"a": 1}), "string", json!("{\"a\":1}")),
        (json!("1e3"), "double", json!(1000.0)),
    ];
    for (value, to, expected) in cases {
        check_json(convert(to), json!({"status": value}), json!({"status": expected}));
    }
    for (value, to) in
        [(json!("x"), "integer"), (json!("1e400"), "double"), (json!("yes"), "boolean"), (json!(null), "string")]
    {
        check_failure(
            json!([{"parseJSON": {}}, convert(to)]),
            &json!({"status": value}).to_string(),
            "cannot be converted",
        );
    }
}

#[test]
fn dates() {
    let german = || json!({"german_datetime": "Samstag 05. Dezember 1998 11:00:00"});
    check_json(
        json!({"dateTimeConverter": {"source": "german_datetime", "target": "target_1", "locale": "de",
            "matchPatterns": ["yyyy", "EEEE dd. MMMM yyyy HH:mm:ss"], "sourceTimezone": "Europe/Berlin",
            "targetTimezone": "America/New_York", "targetFormat": "yyyy-MM-dd'T'HH:mm:ss z"}}),
        german(),
        json!({"german_datetime": "Samstag 05. Dezember 1998 11:00:00", "target_1": "1998-12-05T05:00:00 EST"}),
    );
    check_json(
        json!({"dateTimeConverter": {"source": "t", "target": "t", "matchPatterns": ["dd/MMM/yyyy:HH:mm:ss Z"]}}),
        json!({"t": "03/Aug/2023:12:34:56 +0200"}),
        json!({"t": "2023-08-03T10:34:56.000Z"}),
    );
    let converter = json!({"dateTimeConverter": {"source": "t", "target": "u", "matchPatterns": ["yyyy"]}});
    check_failure(json!([{"parseJSON": {}}, converter]), r#"{"t": "x"}"#, "matches no pattern");
}

#[test]
fn transformers_have_rules() {
    let long = "a".repeat(129);
    let add = json!({"addKeys": {"entries": [{"key": "a", "value": "b"}]}});
    let entries = |count: usize| json!([{"parseJSON": {}}, {"addKeys": {"entries": vec![json!({"key": "a", "value": "b"}); count]}}]);
    let cases: Vec<(Value, &str)> = vec![
        (json!({}), "must be a JSON array"),
        (json!([]), "between 1 and 20 processors"),
        (json!(vec![json!({"parseJSON": {}}); 21]), "between 1 and 20 processors"),
        (json!(vec![json!({"parseJSON": {}}); 6]), "at most 5 parsers"),
        (json!([{}]), "Item 1 of the transformer configuration must name exactly one processor"),
        (json!([{"parseJSON": {}, "csv": {}}]), "Item 1"),
        (json!([{"parseXML": {}}]), "There is no processor parseXML"),
        (json!([{"parseToOCSF": {"eventSource": "VPCFlow"}}]), "missing field `ocsfVersion`"),
        (json!([{"parseToOCSF": {"eventSource": "GuardDuty", "ocsfVersion": "V1.1"}}]), "unknown variant `GuardDuty`"),
        (json!([{"parseToOCSF": {"eventSource": "AWSWAF", "ocsfVersion": "V1.2"}}]), "unknown variant `V1.2`"),
        (
            json!([{"parseToOCSF": {"eventSource": "AWSWAF", "ocsfVersion": "V1.1", "mappingVersion": "1.5.0"}}]),
            "mappingVersion is not supported for ocsfVersion V1.1",
        ),
        (
            json!([{"parseToOCSF": {"eventSource": "AWSWAF", "ocsfVersion": "V1.5", "mappingVersion": "2.0"}}]),
            "there is no mappingVersion 2.0",
        ),
        (
            json!([{"parseJSON": {}}, {"parseToOCSF": {"eventSource": "AWSWAF", "ocsfVersion": "V1.5"}}]),
            "parseToOCSF must be the first",
        ),
        (json!([add]), "The first processor of a transformer must be a parser"),
        (json!([{"parseJSON": {}}, {"parseVPC": {}}]), "parseVPC must be the first"),
        (json!([{"parseJSON": {}}, add, add]), "at most one processor addKeys"),
        (json!([{"grok": {"match": "%{DATA}"}}, {"grok": {"match": "%{DATA}"}}]), "at most one processor grok"),
        (json!([{"parseVPC": {"source": "x"}}]), "source can only be @message"),
        (json!([{"parseJSON": {"sauce": "x"}}]), "unknown field"),
        (json!([{"parseJSON": {"source": long}}]), "at most 128 characters"),
        (json!([{"parseJSON": {"source": "a.b.c.d"}}]), "more than 3 nested keys"),
        (json!([{"parseJSON": 1}]), "The processor parseJSON is invalid"),
        (entries(0), "entries must have between 1 and 5 items"),
        (entries(6), "entries must have between 1 and 5 items"),
        (json!([{"csv": {"delimiter": "ab"}}]), "delimiter must be one character"),
        (json!([{"csv": {"quoteCharacter": ""}}]), "quoteCharacter must be one character"),
        (json!([{"csv": {"columns": vec!["a"; 101]}}]), "at most 100 items"),
        (
            json!([{"parseJSON": {}}, {"listToMap": {"source": "a", "key": "b", "flatten": true}}]),
            "flattenedElement is required",
        ),
        (
            json!([{"parseJSON": {}}, {"substituteString": {"entries": [{"source": "a", "from": "(?=x)", "to": "y"}]}}]),
            "is not supported",
        ),
        (
            json!([{"parseJSON": {}}, {"substituteString": {"entries": [{"source": "a", "from": "x", "to": "$1"}]}}]),
            "group that there is not",
        ),
        (json!([{"parseJSON": {}}, {"typeConverter": {"entries": [{"key": "a", "type": "long"}]}}]), "unknown variant"),
        (
            json!([{"parseJSON": {}}, {"dateTimeConverter": {"source": "a", "target": "b", "matchPatterns": []}}]),
            "matchPatterns",
        ),
        (
            json!([{"parseJSON": {}}, {"dateTimeConverter": {"source": "a", "target": "b", "matchPatterns": ["b"]}}]),
            "letter b",
        ),
        (
            json!([{"parseJSON": {}}, {"dateTimeConverter": {"source": "a", "target": "b", "matchPatterns": ["y"], "locale": "tlh"}}]),
            "locale tlh",
        ),
        (
            json!([{"parseJSON": {}}, {"dateTimeConverter": {"source": "a", "target": "b", "matchPatterns": ["y"], "sourceTimezone": "Mars"}}]),
            "no time zone Mars",
        ),
    ];
    for (config, reason) in cases {
        let error = Transformer::parse(&config.to_string()).unwrap_err().to_string();
        assert!(error.contains(reason), "{config}: {error}");
    }
}

#[test]
fn growth_has_an_end() {
    let entry = json!({"source": "a", "from": "[0-9a-z]", "to": "0123456789"});
    let config = json!([{"parseJSON": {}}, {"substituteString": {"entries": vec![entry; 10]}}]);
    check_failure(config, r#"{"a":"x"}"#, "substituteString: a text has become larger");
    check_failure(json!([{"parseKeyValue": {}}]), &"x".repeat(512 * 1024 + 1), "the event is larger");
    let copies: Vec<Value> = (0..5).map(|n| json!({"source": "a", "target": format!("b{n}")})).collect();
    let event = json!({"a": "x".repeat(300_000)}).to_string();
    check_failure(
        json!([{"parseJSON": {}}, {"copyValue": {"entries": copies}}]),
        &event,
        "the transformed event is larger",
    );
}
