//! What expressions find: the examples of AWS's page, and the borders of each pattern.

use serde_json::{Map, Value, json};

use super::Expression;

fn matched(expression: &str, text: &str) -> Option<Value> {
    let expression = Expression::parse(expression).unwrap();
    let mut fields = Map::new();
    for (path, value) in expression.fields(text)? {
        path.set(&mut fields, value, true);
    }
    Some(Value::Object(fields))
}

#[track_caller]
fn check(expression: &str, text: &str, expected: Value) {
    assert_eq!(matched(expression, text), Some(expected), "{expression} on {text}");
}

#[test]
fn each_pattern_matches_what_it_is_for() {
    // Pattern, texts that it matches, texts that it does not.
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("USERNAME", &["user123.name-TEST"], &["", "a b"]),
        ("USER", &["a_b"], &["a@b"]),
        ("INT", &["-456", "+1", "007"], &["1.5", "x"]),
        ("BASE10NUM", &["-0.67", "12", ".5"], &["1.", "0x1"]),
        ("NUMBER", &["1629860738.123456"], &["1e5"]),
        ("BASE16NUM", &["+0xA1B2", "ff", "12"], &["0xg"]),
        ("POSINT", &["123"], &["0", "01", "-1"]),
        ("NONNEGINT", &["007", "0"], &["-1"]),
        ("WORD", &["user_123"], &["a-b", ""]),
        ("NOTSPACE", &["hello_world123"], &["a b"]),
        ("SPACE", &["", " \t\n"], &["a"]),
        ("DATA", &["", "abc"], &["a\nb"]),
        ("GREEDYDATA", &["abc def"], &["a\nb"]),
        ("GREEDYDATA_MULTILINE", &["abc\ndef\nghi"], &[]),
        ("UUID", &["550e8400-e29b-41d4-a716-446655440000"], &["550e8400e29b41d4a716446655440000"]),
        ("URN", &["urn:isbn:0451450523"], &["isbn:1"]),
        (
            "ARN",
            &["arn:aws:iam:us-east-1:123456789012:user/johndoe"],
            &["arn:aws:iam::123456789012:user/x", "arn:x:a:b:1:c"],
        ),
        ("CISCOMAC", &["0123.4567.89AB"], &["01:23:45:67:89:AB"]),
        ("WINDOWSMAC", &["01-23-45-67-89-AB"], &["01:23:45:67:89:AB"]),
        ("COMMONMAC", &["01:23:45:67:89:AB"], &["01:23:45:67:89"]),
        ("MAC", &["01:23:45:67:89:AB", "0123.4567.89AB", "01-23-45-67-89-AB"], &["x"]),
        (
            "IPV6",
            &[
                "2001:db8:3333:4444:5555:6666:7777:8888",
                "::",
                "::1",
                "fe80::1%eth0",
                "1::",
                "1::8",
                "1:2::7:8",
                "::ffff:192.0.2.1",
                "64:ff9b::192.0.2.33",
                "1:2:3:4:5:6:192.0.2.1",
                "1:2:3:4:5:6::8",
                "1::3:4:5:6:7:8",
            ],
            &["1:2", "192.0.2.1", "12345::", "1:2:3:4:5:6:7:8:9", ":1"],
        ),
        ("IPV4", &["192.168.0.1", "255.255.255.255"], &["256.0.0.1", "1.2.3"]),
        ("IP", &["192.168.0.1", "::1"], &["host"]),
        ("HOSTNAME", &["server-01.internal-network.local", "a."], &["-a", "a..b"]),
        ("IPORHOST", &["2001:db8:3333:4444:5555:6666:7777:8888", "example.com", "192.0.2.1"], &["a b"]),
        ("UNIXPATH", &["/search?q=regex", "/var/log/x.log"], &["search", "/a b"]),
        ("WINPATH", &[r"C:\Users\John\Documents\file.txt", r"\\host\share"], &["/a", "C:"]),
        ("PATH", &["/search?q=regex", r"C:\a"], &["a"]),
        ("TTY", &["/dev/tty1", "/dev/pts/0"], &["/dev/sda"]),
        ("URIPROTO", &["web+transformer", "https"], &["1http"]),
        ("URIPATH", &["/category/sub-category/product_name"], &["/a?b"]),
        ("URIPARAM", &["?param1=value1&param2=value2"], &["a=b"]),
        ("URIPATHPARAM", &["/category/sub-category/product?id=12345&color=red", "/a"], &["a"]),
        ("URI", &["https://user:password@example.com/path/to/resource?param1=value1&param2=value2"], &["example.com"]),
        ("MONTH", &["Jan", "January", "Sept", "Sep", "June"], &["Janu", "jan"]),
        ("MONTHNUM", &["5", "05", "12"], &["0", "13"]),
        ("MONTHNUM2", &["05", "12"], &["5", "13"]),
        ("MONTHDAY", &["31", "1", "09"], &["32", "0"]),
        ("YEAR", &["2024", "24"], &["1", "20245"]),
        ("DAY", &["Tuesday", "Tue"], &["Tues"]),
        ("HOUR", &["22", "0", "09"], &["24"]),
        ("MINUTE", &["59"], &["60", "5"]),
        ("SECOND", &["3", "30.5", "30:5", "60"], &["61"]),
        ("TIME", &["09:45:32"], &["9:4:3"]),
        ("DATE_US", &["11/23/2024", "1-01-24"], &["23/11/2024"]),
        ("DATE_EU", &["23/11/2024", "1.01.24"], &["11/23/2024"]),
        ("ISO8601_TIMEZONE", &["+05:30", "-530", "Z"], &["05:30"]),
        ("ISO8601_SECOND", &["60"], &["61"]),
        (
            "TIMESTAMP_ISO8601",
            &["2023-05-15T14:30:00+05:30", "23-5-1T1:25+5:30", "23-5-1T1:25Z", "2024-01-02 03:04:05,678"],
            &["x"],
        ),
        ("DATE", &["11/29/2024", "29.11.2024"], &["2024"]),
        ("DATESTAMP", &["29-11-2024 14:30:00"], &["29-11-2024"]),
        ("TZ", &["PDT", "UTC"], &["CEST"]),
        ("DATESTAMP_RFC822", &["Monday Jan 5 23 1:30:00 CDT", "Mon January 15 2023 14:30:00 PST"], &["x"]),
        ("DATESTAMP_RFC2822", &["Mon, 15 May 2023 14:30:00 +0530", "Monday, 15 Jan 23 14:30:00 Z"], &["x"]),
        ("DATESTAMP_OTHER", &["Mon May 15 14:30:00 PST 2023"], &["x"]),
        ("DATESTAMP_EVENTLOG", &["20230515143000"], &["2023-05-15"]),
        ("LOGLEVEL", &["INFO", "Warning", "ERR", "Emergency", "SEVERE"], &["LOUD"]),
        ("HTTPDATE", &["23/Nov/2024:14:30:00 +0640"], &["x"]),
        ("SYSLOGTIMESTAMP", &["Nov 29 14:30:00", "Nov  9 14:30:00"], &["x"]),
        ("PROG", &["user.profile/settings-page"], &["a b"]),
        ("SYSLOGHOST", &["2001:db8:3333:4444:5555:6666:7777:8888", "host"], &["a b"]),
    ];
    for (pattern, texts, others) in cases {
        for text in *texts {
            check(&format!("%{{{pattern}:x}}"), text, json!({"x": text}));
        }
        for text in *others {
            assert_eq!(matched(&format!("%{{{pattern}:x}}"), text), None, "{pattern} on {text}");
        }
    }
}

#[test]
fn every_pattern_compiles() {
    for pattern in super::patterns::PATTERNS {
        Expression::parse(&format!("%{{{}}}", pattern.name)).unwrap();
    }
}

#[test]
fn patterns_make_fields() {
    check(r"%{QUOTEDSTRING:msg}", r#""Hello, world!""#, json!({"msg": "Hello, world!"}));
    check(r"%{QUOTEDSTRING:msg}", r"'it\'s'", json!({"msg": r"it\'s"}));
    check("%{DATA:x} %{DATA:y}", "abc def ghi", json!({"x": "abc", "y": "def ghi"}));
    check("%{GREEDYDATA:x} %{GREEDYDATA:y}", "abc def ghi", json!({"x": "abc def", "y": "ghi"}));
    check("%{WORD} %{WORD:b}", "x y", json!({"b": "y"}));
    check("%{HOSTPORT:ip}", "192.168.1.1:8080", json!({"ip": "192.168.1.1:8080", "PORT": "8080"}));
    check(
        "%{URIHOST:host} %{URIHOST:ip}",
        "example.com:443 10.0.0.1",
        json!({"host": "example.com:443", "port": "443", "ip": "10.0.0.1"}),
    );
    check(
        "%{SYSLOGPROG:programWithId}",
        "user.profile/settings-page[1234]",
        json!({"programWithId": "user.profile/settings-page[1234]", "program": "user.profile/settings-page", "pid": "1234"}),
    );
    check("%{SYSLOGFACILITY:s}", "<13.6>", json!({"s": "<13.6>", "facility": "13", "priority": "6"}));
    check(
        "%{NUMBER:version} %{HOSTNAME:hostname} %{NOTSPACE:status} %{QUOTEDSTRING:logMsg}",
        r#"293750 server-01.internal-network.local OK "[Thread-000] token generated""#,
        json!({"version": "293750", "hostname": "server-01.internal-network.local", "status": "OK",
            "logMsg": "[Thread-000] token generated"}),
    );
    check(
        "%{HTTPDATE:timestamp} %{IPORHOST:clientip} %{NUMBER:response_status}",
        "23/Nov/2024:10:25:15 -0900 172.16.0.1 200",
        json!({"timestamp": "23/Nov/2024:10:25:15 -0900", "clientip": "172.16.0.1", "response_status": "200"}),
    );
    check(
        "%{NUMBER:timestamp} [%{NUMBER:db} %{IP:client_ip}:%{NUMBER:client_port}] %{GREEDYDATA:data}",
        r#"1629860738.123456 [0 127.0.0.1:6379] "SET" "key1" "value1""#,
        json!({"timestamp": "1629860738.123456", "db": "0", "client_ip": "127.0.0.1", "client_port": "6379",
            "data": r#""SET" "key1" "value1""#}),
    );
    check(r"\[%{WORD:a}\]", "[x]", json!({"a": "x"}));
    check(
        "%{IP:client.ip} %{WORD:method} %{URIPATHPARAM:request.uri} %{NUMBER:response.status} %{NUMBER:response.bytes}",
        "192.168.1.1 GET /index.html?param=value 200 1234",
        json!({"client": {"ip": "192.168.1.1"}, "method": "GET", "request": {"uri": "/index.html?param=value"},
            "response": {"status": "200", "bytes": "1234"}}),
    );
}

#[test]
fn whole_lines_are_read() {
    check(
        "%{APACHE_ACCESS_LOG}",
        r#"127.0.0.1 - - [03/Aug/2023:12:34:56 +0000] "GET /page.html HTTP/1.1" 200 1234"#,
        json!({"request": "/page.html", "http_method": "GET", "status_code": 200, "http_version": "1.1",
            "response_size": 1234, "remote_host": "127.0.0.1", "timestamp": "2023-08-03T12:34:56Z"}),
    );
    check(
        "%{APACHE_ACCESS_LOG} %{GREEDYDATA:more}",
        r#"h - u [03/Aug/2023:12:34:56 +0200] "-" 408 - x y"#,
        json!({"status_code": 408, "auth_user": "u", "remote_host": "h", "timestamp": "2023-08-03T10:34:56Z", "more": "x y"}),
    );
    check(
        "%{NGINX_ACCESS_LOG}",
        r#"192.168.1.100 - Foo [03/Aug/2023:12:34:56 +0000] "GET /account/login.html HTTP/1.1" 200 42 "https://www.amazon.com/" "Mozilla/5.0 (X11)""#,
        json!({"request": "/account/login.html", "referrer": "https://www.amazon.com/", "agent": "Mozilla/5.0 (X11)",
            "http_method": "GET", "status_code": 200, "auth_user": "Foo", "http_version": "1.1", "response_size": 42,
            "remote_host": "192.168.1.100", "timestamp": "2023-08-03T12:34:56Z"}),
    );
    check(
        "%{SYSLOG5424}",
        r#"<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut="3" eventSource= "Application" eventID="1011"][examplePriority@32473 class="high"]"#,
        json!({"pri": 165, "version": 1, "timestamp": "2003-10-11T22:14:15.003Z", "hostname": "mymachine.example.com",
            "app": "evntslog", "msg_id": "ID47",
            "structured_data": r#"exampleSDID@32473 iut="3" eventSource= "Application" eventID="1011""#,
            "message": r#"[examplePriority@32473 class="high"]"#}),
    );
    check(
        "%{SYSLOG5424}",
        "<34>1 - - su 77 - - failed",
        json!({"pri": 34, "version": 1, "app": "su", "proc_id": "77", "message": "failed"}),
    );
}

#[test]
fn expressions_have_rules() {
    let cases: &[(&str, &str)] = &[
        ("", "between 1 and 512 characters"),
        ("text", "between 1 and 20 patterns"),
        ("%{NUMBER", "does not end with }"),
        ("%{NOSUCH:x}", "there is no pattern NOSUCH"),
        ("%{NUMBER:n:int}", "do not convert types"),
        ("%{NUMBER:a.b.c.d}", "more than 3 nested keys"),
        ("%{NUMBER:}", "is no key"),
        ("%{GREEDYDATA_MULTILINE} %{GREEDYDATA_MULTILINE}", "GREEDYDATA_MULTILINE can occur at most 1 times"),
        ("%{APACHE_ACCESS_LOG} %{SYSLOG5424}", "only one DATA"),
        ("%{NGINX_ACCESS_LOG} %{NUMBER:num}", "only one DATA"),
        ("%{GREEDYDATA:logMsg} %{SYSLOG5424}", "must be the first"),
        (" %{SYSLOG5424}", "must be the first"),
        ("%{SYSLOG5424} %{DATA} %{DATA}", "only one DATA"),
    ];
    for (expression, reason) in cases {
        let error = Expression::parse(expression).unwrap_err();
        assert!(error.contains(reason), "{expression}: {error}");
    }
    let repeated = |piece: &str, times: usize| Expression::parse(&piece.repeat(times)).map(drop);
    assert!(repeated("%{NUMBER} ", 20).is_ok());
    assert!(repeated("%{NUMBER} ", 21).is_err());
    assert!(repeated("%{IP} ", 5).is_ok());
    assert!(repeated("%{IP} ", 6).is_err());
    assert!(repeated("%{DATA} %{SPACE} ", 2).is_ok());
    assert!(repeated("%{DATA} %{SPACE} ", 3).is_err());
    assert!(repeated("x", 513).is_err());
    for valid in
        ["%{NGINX_ACCESS_LOG} %{DATA}", "%{SYSLOG5424}%{DATA:logMsg}", "%{APACHE_ACCESS_LOG} %{GREEDYDATA:logMsg}"]
    {
        assert!(Expression::parse(valid).is_ok(), "{valid}");
    }
}
