//! The predefined patterns ("Supported grok patterns"): the table of them. A pattern may contain others, `%{NAME}`; a group with
//! a name is a field that the pattern makes by itself, where it stands in an expression and not within another pattern.

use std::fmt::Write as _;

use super::super::limits::{GROK_BROAD_PATTERNS_MAX, GROK_PATTERNS_MAX};

/// A predefined pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    /// Its name.
    pub name: &'static str,
    /// The regular expression.
    pub text: &'static str,
    /// How often it may occur in an expression.
    pub uses_max: usize,
    /// What it counts as.
    pub kind: Kind,
    /// The fields that it makes by itself, and how their texts are read.
    pub fields: &'static [(&'static str, Reading)],
}

/// What a pattern counts as, in the rules for expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing special.
    Plain,
    /// It could match nearly anything: few of these may stand in an expression together.
    Broad,
    /// Broad, and it may follow a whole line.
    Rest,
    /// A whole line of a log: it must be the first, and only one [`Kind::Rest`] may follow.
    Line,
}

/// How the text of a field is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// As it is.
    Text,
    /// Without the quotes around it.
    Quoted,
    /// As a whole number.
    Integer,
    /// As [`HTTPDATE`](PATTERNS), written as ISO 8601 in UTC.
    HttpDate,
}

use Kind::{Broad, Line, Plain, Rest};
use Reading::{HttpDate, Integer, Quoted, Text};

const fn pattern(name: &'static str, text: &'static str) -> Pattern {
    Pattern { name, text, uses_max: GROK_PATTERNS_MAX, kind: Plain, fields: &[] }
}

/// A pattern that may occur up to five times.
const fn few(name: &'static str, text: &'static str) -> Pattern {
    Pattern { name, text, uses_max: GROK_BROAD_PATTERNS_MAX, kind: Plain, fields: &[] }
}

const fn broad(name: &'static str, text: &'static str) -> Pattern {
    Pattern { name, text, uses_max: GROK_BROAD_PATTERNS_MAX, kind: Broad, fields: &[] }
}

type Fields = &'static [(&'static str, Reading)];

const fn line(name: &'static str, text: &'static str, fields: Fields) -> Pattern {
    Pattern { name, text, uses_max: 1, kind: Line, fields }
}

const OCTET: &str = "25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]";

/// All patterns, in the order of AWS's page.
pub(super) const PATTERNS: &[Pattern] = &[
    pattern("USERNAME", "[a-zA-Z0-9._-]+"),
    pattern("USER", "%{USERNAME}"),
    pattern("INT", "[+-]?[0-9]+"),
    pattern("BASE10NUM", r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"),
    pattern("NUMBER", "%{BASE10NUM}"),
    pattern("BASE16NUM", "[+-]?(?:0[xX])?[0-9A-Fa-f]+"),
    pattern("POSINT", "[1-9][0-9]*"),
    pattern("NONNEGINT", "[0-9]+"),
    pattern("WORD", r"\b\w+\b"),
    few("NOTSPACE", r"\S+"),
    broad("SPACE", r"\s*"),
    Pattern { kind: Rest, ..broad("DATA", ".*?") },
    Pattern { kind: Rest, ..broad("GREEDYDATA", ".*") },
    Pattern { kind: Rest, uses_max: 1, ..broad("GREEDYDATA_MULTILINE", "(?s:.*)") },
    pattern("QUOTEDSTRING", r#""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'"#),
    pattern("UUID", "[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"),
    pattern("URN", "urn:[0-9A-Za-z][0-9A-Za-z-]*:(?:%[0-9a-fA-F]{2}|[0-9A-Za-z()+,.:=@;$_!*'/?#-])+"),
    few("ARN", r"arn:(?:aws|aws-cn|aws-us-gov):[a-zA-Z0-9-]+:[a-z0-9-]+:[0-9]+:[^\s/]+(?:/[^\s/]+){0,4}"),
    pattern("CISCOMAC", r"(?:[A-Fa-f0-9]{4}\.){2}[A-Fa-f0-9]{4}"),
    pattern("WINDOWSMAC", "(?:[A-Fa-f0-9]{2}-){5}[A-Fa-f0-9]{2}"),
    pattern("COMMONMAC", "(?:[A-Fa-f0-9]{2}:){5}[A-Fa-f0-9]{2}"),
    pattern("MAC", "%{CISCOMAC}|%{WINDOWSMAC}|%{COMMONMAC}"),
    few(
        "IPV6",
        "(?:(?:H:){7}H|(?:H:){6}(?:V4)|::(?:(?:H:){0,5}(?:V4|H))?|(?:H:){1,7}:|(?:H:){1}(?::H){1,6}|(?:H:){2}(?::H){1,5}\
         |(?:H:){3}(?::H){1,4}|(?:H:){4}(?::H){1,3}|(?:H:){5}(?::H){1,2}|(?:H:){6}:H|(?:H:){1,5}:(?:H:){0,4}V4|::(?:H:){6}H)(?:%[0-9A-Za-z]+)?",
    ),
    pattern("IPV4", "V4"),
    few("IP", "%{IPV6}|%{IPV4}"),
    few("HOSTNAME", r"[0-9A-Za-z][0-9A-Za-z-]*(?:\.[0-9A-Za-z][0-9A-Za-z-]*)*\.?"),
    few("HOST", "%{HOSTNAME}"),
    few("IPORHOST", "%{IP}|%{HOSTNAME}"),
    Pattern { fields: &[("PORT", Text)], ..few("HOSTPORT", "%{IPORHOST}:(?<PORT>%{POSINT})") },
    Pattern { fields: &[("port", Text)], ..few("URIHOST", "%{IPORHOST}(?::(?<port>%{POSINT}))?") },
    pattern("UNIXPATH", "(?:/[A-Za-z0-9_%!$@:.,+~?=&#*;()-]*)+"),
    few("WINPATH", r"(?:[A-Za-z]+:|\\)(?:\\[^\\?*\n]*)+"),
    few("PATH", "%{UNIXPATH}|%{WINPATH}"),
    pattern("TTY", r"/dev/(?:pts/?|tty[pq]?)\w*/?[0-9]*"),
    pattern("URIPROTO", r"[A-Za-z]+(?:\+[A-Za-z+]+)?"),
    pattern("URIPATH", "(?:/[A-Za-z0-9$.+!*'(){},~:;=@#%&_-]*)+"),
    broad("URIPARAM", r"\?[A-Za-z0-9$.+!*'|(){},~@#%&/=:;_?<>\[\]-]*"),
    broad("URIPATHPARAM", "%{URIPATH}(?:%{URIPARAM})?"),
    broad("URI", r"%{URIPROTO}://(?:%{USER}(?::[^@\s]*)?@)?(?:%{URIHOST})?(?:%{URIPATHPARAM})?"),
    pattern(
        "MONTH",
        concat!(
            r"\b(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:t(?:ember)?)?",
            r"|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b",
        ),
    ),
    pattern("MONTHNUM", "1[0-2]|0?[1-9]"),
    pattern("MONTHNUM2", "0[1-9]|1[0-2]"),
    pattern("MONTHDAY", "3[01]|[12][0-9]|0?[1-9]"),
    pattern("YEAR", "[0-9]{4}|[0-9]{2}"),
    pattern("DAY", "Mon(?:day)?|Tue(?:sday)?|Wed(?:nesday)?|Thu(?:rsday)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?"),
    pattern("HOUR", "2[0-3]|[01]?[0-9]"),
    pattern("MINUTE", "[0-5][0-9]"),
    pattern("SECOND", "(?:60|[0-5]?[0-9])(?:[:.,][0-9]+)?"),
    pattern("TIME", "%{HOUR}:%{MINUTE}:%{SECOND}"),
    pattern("DATE_US", "%{MONTHNUM}[/-]%{MONTHDAY}[/-]%{YEAR}"),
    pattern("DATE_EU", "%{MONTHDAY}[./-]%{MONTHNUM}[./-]%{YEAR}"),
    pattern("ISO8601_TIMEZONE", "Z|[+-]%{HOUR}:?%{MINUTE}"),
    pattern("ISO8601_SECOND", "%{SECOND}"),
    pattern(
        "TIMESTAMP_ISO8601",
        "%{YEAR}-%{MONTHNUM}-%{MONTHDAY}[T ]%{HOUR}:?%{MINUTE}(?::?%{SECOND})?(?:%{ISO8601_TIMEZONE})?",
    ),
    pattern("DATE", "%{DATE_US}|%{DATE_EU}"),
    pattern("DATESTAMP", "%{DATE}[- ]%{TIME}"),
    pattern("TZ", "[PMCE][SD]T|UTC"),
    pattern("DATESTAMP_RFC822", "%{DAY} %{MONTH} %{MONTHDAY} %{YEAR} %{TIME} %{TZ}"),
    pattern("DATESTAMP_RFC2822", "%{DAY}, %{MONTHDAY} %{MONTH} %{YEAR} %{TIME} %{ISO8601_TIMEZONE}"),
    pattern("DATESTAMP_OTHER", "%{DAY} %{MONTH} %{MONTHDAY} %{TIME} %{TZ} %{YEAR}"),
    pattern("DATESTAMP_EVENTLOG", "%{YEAR}%{MONTHNUM2}%{MONTHDAY}%{HOUR}%{MINUTE}%{SECOND}"),
    pattern(
        "LOGLEVEL",
        "[Aa]lert|ALERT|[Tt]race|TRACE|[Dd]ebug|DEBUG|[Nn]otice|NOTICE|[Ii]nfo|INFO|[Ww]arn(?:ing)?|WARN(?:ING)?\
         |[Ee]rr(?:or)?|ERR(?:OR)?|[Cc]rit(?:ical)?|CRIT(?:ICAL)?|[Ff]atal|FATAL|[Ss]evere|SEVERE|[Ee]merg(?:ency)?|EMERG(?:ENCY)?",
    ),
    pattern("HTTPDATE", "%{MONTHDAY}/%{MONTH}/%{YEAR}:%{TIME} %{INT}"),
    pattern("SYSLOGTIMESTAMP", "%{MONTH} +%{MONTHDAY} %{TIME}"),
    pattern("PROG", "[A-Za-z0-9._/%-]+"),
    Pattern {
        fields: &[("program", Text), ("pid", Text)],
        ..pattern("SYSLOGPROG", r"(?<program>%{PROG})(?:\[(?<pid>%{POSINT})\])?")
    },
    few("SYSLOGHOST", "%{IP}|%{HOST}"),
    Pattern {
        fields: &[("facility", Text), ("priority", Text)],
        ..pattern("SYSLOGFACILITY", r"<(?<facility>%{NONNEGINT})\.(?<priority>%{NONNEGINT})>")
    },
    line(
        "APACHE_ACCESS_LOG",
        concat!(
            r"(?<remote_host>%{IPORHOST}) \S+ (?:-|(?<auth_user>\S+)) \[(?<timestamp>%{HTTPDATE})\] ",
            r#""(?:(?<http_method>%{WORD}) (?<request>\S+)(?: HTTP/(?<http_version>%{NUMBER}))?|[^"]*)" "#,
            r"(?<status_code>[0-9]{3}) (?:-|(?<response_size>[0-9]+))",
        ),
        &[
            ("request", Text),
            ("http_method", Text),
            ("status_code", Integer),
            ("auth_user", Text),
            ("http_version", Text),
            ("response_size", Integer),
            ("remote_host", Text),
            ("timestamp", HttpDate),
        ],
    ),
    line(
        "NGINX_ACCESS_LOG",
        concat!(
            r"(?<remote_host>%{IPORHOST}) \S+ (?:-|(?<auth_user>\S+)) \[(?<timestamp>%{HTTPDATE})\] ",
            r#""(?:(?<http_method>%{WORD}) (?<request>\S+)(?: HTTP/(?<http_version>%{NUMBER}))?|[^"]*)" "#,
            r"(?<status_code>[0-9]{3}) (?:-|(?<response_size>[0-9]+)) ",
            r#""(?:-|(?<referrer>[^"]*))" "(?:-|(?<agent>(?:[^"\\]|\\.)*))""#,
        ),
        &[
            ("request", Text),
            ("referrer", Text),
            ("agent", Text),
            ("http_method", Text),
            ("status_code", Integer),
            ("auth_user", Text),
            ("http_version", Text),
            ("response_size", Integer),
            ("remote_host", Text),
            ("timestamp", HttpDate),
        ],
    ),
    line(
        "SYSLOG5424",
        concat!(
            r"<(?<pri>[0-9]{1,3})>(?<version>[1-9][0-9]?) (?:-|(?<timestamp>%{TIMESTAMP_ISO8601})) (?:-|(?<hostname>\S+)) ",
            r"(?:-|(?<app>\S+)) (?:-|(?<proc_id>\S+)) (?:-|(?<msg_id>\S+)) ",
            r"(?:-|\[(?<structured_data>(?:[^\]\\]|\\.)*)\])(?: ?(?<message>(?s:.+)))?",
        ),
        &[
            ("pri", Integer),
            ("version", Integer),
            ("timestamp", Text),
            ("hostname", Text),
            ("app", Text),
            ("proc_id", Text),
            ("msg_id", Text),
            ("structured_data", Text),
            ("message", Text),
        ],
    ),
];

/// The pattern of this name.
pub(super) fn named(name: &str) -> Option<&'static Pattern> {
    PATTERNS.iter().find(|pattern| pattern.name == name)
}

impl Pattern {
    /// The regular expression, the `index`th of an expression; its own fields are groups named [`group`].
    pub(super) fn expanded(&self, index: usize) -> String {
        let mut out = String::new();
        expand(self.text, Some(index), &mut out);
        out
    }

    /// How the text is read that the pattern matches.
    pub(super) fn reading(&self) -> Reading {
        if self.name == "QUOTEDSTRING" { Quoted } else { Text }
    }
}

/// The group of the field `name` that the `index`th pattern of an expression makes by itself.
pub(super) fn group(index: usize, name: &str) -> String {
    format!("p{index}_{name}")
}

fn expand(text: &str, index: Option<usize>, out: &mut String) {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("%{") {
        literal(before, index, out);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        out.push_str("(?:");
        if let Some(pattern) = named(name) {
            expand(pattern.text, None, out);
        }
        out.push(')');
        rest = after;
    }
    literal(rest, index, out);
}

/// A piece without other patterns. `V4` and `H` are an IPv4 address and a part of an IPv6 one, in those patterns alone.
fn literal(piece: &str, index: Option<usize>, out: &mut String) {
    let is_address = piece == "V4" || piece.starts_with("(?:(?:H:)");
    if is_address {
        let v4 = format!("(?:(?:{OCTET})\\.){{3}}(?:{OCTET})");
        out.push_str(&piece.replace("V4", &v4).replace('H', "[0-9A-Fa-f]{1,4}"));
        return;
    }
    let mut rest = piece;
    while let Some((before, after)) = rest.split_once("(?<") {
        out.push_str(before);
        let (name, after) = after.split_once('>').unwrap_or((after, ""));
        match index {
            Some(index) => {
                let _ = write!(out, "(?<{}>", group(index, name));
            }
            None => out.push_str("(?:"),
        }
        rest = after;
    }
    out.push_str(rest);
}
