//! The table of settings.

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// `section.key`, as in the configuration file.
    pub key: &'static str,
    /// Its flag without the dashes, where it has one.
    pub flag: Option<&'static str>,
    /// Its default; empty for none.
    pub default: &'static str,
    /// What the value looks like; empty for a switch, which a flag alone turns on.
    pub value: &'static str,
    /// What it is for.
    pub help: &'static str,
    /// Whether its value is never shown.
    pub secret: bool,
}

impl Setting {
    /// Its environment variable, `WATCHKEEP_<SECTION>_<KEY>`.
    pub fn environment(&self) -> String {
        format!("WATCHKEEP_{}", self.key.replace('.', "_").to_uppercase())
    }
}

const fn setting(
    key: &'static str,
    flag: Option<&'static str>,
    default: &'static str,
    value: &'static str,
    help: &'static str,
) -> Setting {
    Setting { key, flag, default, value, help, secret: false }
}

const fn secret(key: &'static str, help: &'static str) -> Setting {
    Setting { key, flag: None, default: "", value: "TEXT", help, secret: true }
}

/// Every setting, by section.
pub static SETTINGS: &[Setting] = &[
    setting(
        "server.listen",
        Some("listen"),
        "127.0.0.1:4566",
        "ADDRESS",
        "address of the AWS endpoint; several separated by commas",
    ),
    setting(
        "server.auth",
        Some("auth"),
        "",
        "open|enforced",
        "whether signatures are verified; default: open on loopback, enforced elsewhere",
    ),
    setting(
        "server.allow_open_on_network",
        Some("allow-open-on-network"),
        "false",
        "",
        "let mode open listen on an address that others can reach",
    ),
    setting(
        "server.tls_certificate",
        Some("tls-certificate"),
        "",
        "FILE",
        "certificate chain in PEM; with it and the key the endpoint speaks TLS",
    ),
    setting("server.tls_key", Some("tls-key"), "", "FILE", "private key in PEM"),
    setting(
        "server.public_url",
        Some("public-url"),
        "",
        "URL",
        "where others reach this server, as https://watchkeep.example.com: links in messages begin with it; default: its first address",
    ),
    setting(
        "server.cors_origins",
        Some("cors-origins"),
        "",
        "ORIGINS",
        "browser origins that may call, besides those on loopback; separated by commas",
    ),
    setting(
        "server.allow_reset",
        Some("allow-reset"),
        "false",
        "",
        "offer POST /_watchkeep/reset on loopback, which empties everything",
    ),
    setting(
        "server.manual_clock",
        Some("manual-clock"),
        "",
        "TIME",
        "run on a clock that starts at this time (milliseconds since the epoch) and is moved by POST /_watchkeep/clock",
    ),
    setting("account.id", Some("account"), "000000000000", "DIGITS", "the account that everything belongs to"),
    setting(
        "account.region",
        Some("region"),
        "us-east-1",
        "REGION",
        "the Region of calls that name none, and of the collectors",
    ),
    secret("root.access_key_id", "the root user's access key id in mode enforced; made at first start if absent"),
    secret("root.secret_access_key", "the root user's secret access key"),
    setting("data.directory", Some("data-dir"), "watchkeep-data", "DIRECTORY", "where the data lives"),
    setting("data.ephemeral", Some("ephemeral"), "false", "", "use a temporary data directory, removed at exit"),
    setting(
        "data.durability",
        Some("durability"),
        "fsync",
        "fsync|interval:50ms|os",
        "when a write is acknowledged: after it is on disk; at most so long before; once the system has it (survives kill -9, not a power cut)",
    ),
    setting(
        "data.master_key",
        None,
        "",
        "FILE",
        "file with the key that stored secrets are sealed with; default: master.key in the data directory, made at first start",
    ),
    setting(
        "data.accept_journal_loss",
        Some("accept-journal-loss"),
        "false",
        "",
        "start although acknowledged writes cannot be read back from a damaged journal",
    ),
    setting("data.disk_free_min", None, "512", "MEBIBYTES", "free disk space below which writes are refused"),
    setting("data.seal_after", None, "60", "SECONDS", "how long rows stay in memory before they become a segment"),
    setting("data.memtable", None, "128", "MEBIBYTES", "rows of one kind in memory before they become a segment"),
    setting("data.journal_file", None, "64", "MEBIBYTES", "size of one journal file; four are kept ready"),
    setting(
        "metrics.minutes_kept",
        None,
        "15",
        "DAYS",
        "how long metric data can be read by the minute; CloudWatch's 15 days are the least, as are the next two",
    ),
    setting("metrics.five_minutes_kept", None, "63", "DAYS", "how long metric data can be read by five minutes"),
    setting("metrics.hours_kept", None, "455", "DAYS", "how long metric data can be read by the hour"),
    setting(
        "delivery.streams",
        None,
        "",
        "NAME=URL",
        "delivery streams, and where each delivers: an http(s):// URL that takes Firehose's requests, or s3://BUCKET/PREFIX; several separated by commas",
    ),
    secret(
        "delivery.access_keys",
        "what HTTP endpoints of delivery streams ask for, as NAME=KEY; several separated by commas",
    ),
    setting(
        "delivery.functions",
        None,
        "",
        "NAME=URL",
        "functions that metric math's LAMBDA, topics, alarms and log subscriptions invoke, and the http(s):// URL at which each takes its payload by POST; several separated by commas",
    ),
    // It may hold passwords.
    Setting {
        secret: true,
        ..setting(
            "delivery.open_search",
            None,
            "",
            "NAME=URL",
            "functions that index the events of log subscriptions in OpenSearch or Elasticsearch, and the http(s):// URL of each one's domain, as https://USER:PASSWORD@search.example.com:9200; several separated by commas",
        )
    },
    setting(
        "delivery.alarm_actions",
        None,
        "",
        "KIND=URL",
        "webhooks that carry out alarms' actions on instances (ec2), of Auto Scaling (autoscaling), in Systems Manager (ssm) and investigations (aiops), which get a function's payload and the action's ARN by POST; several separated by commas",
    ),
    setting(
        "delivery.bucket_endpoint",
        None,
        "",
        "URL",
        "endpoint of the buckets of delivery streams; default: without credentials this server's own buckets, with them AWS's",
    ),
    setting("delivery.bucket_region", None, "us-east-1", "REGION", "Region of those buckets"),
    setting(
        "delivery.allowed_networks",
        None,
        "",
        "NETWORKS",
        "private networks and addresses that webhooks may lie at, as 10.0.0.0/8,192.168.1.5; loopback may be called anyway while the server itself listens on loopback only",
    ),
    setting(
        "aws.endpoint",
        None,
        "",
        "URL",
        "where alarms' actions on EC2, Auto Scaling and Systems Manager are carried out, if not at AWS itself",
    ),
    secret("aws.access_key_id", "access key id for that; with it and the secret key such actions are calls of AWS"),
    secret("aws.secret_access_key", "secret access key for that"),
    secret("aws.session_token", "token of temporary credentials for that"),
    setting(
        "smtp.host",
        None,
        "",
        "HOST",
        "server that mail is handed to; without it, mail addresses cannot be subscribed",
    ),
    setting("smtp.port", None, "", "PORT", "its port; default: 587, 465 or 25, as smtp.tls says"),
    setting("smtp.tls", None, "starttls", "starttls|tls|none", "how the connection to it is protected"),
    setting("smtp.from", None, "", "ADDRESS", "sender of mails, as `Watchkeep <watchkeep@example.com>`"),
    setting("smtp.user", None, "", "TEXT", "user at the mail server, if it asks for one"),
    secret("smtp.password", "password at the mail server"),
    secret("delivery.bucket_access_key_id", "access key id for those buckets"),
    secret("delivery.bucket_secret_access_key", "secret access key for those buckets"),
    // It may hold a password.
    Setting {
        secret: true,
        ..setting(
            "catalog.url",
            Some("catalog"),
            "",
            "URL",
            "postgres:// URL of the catalog; without it SQLite in the data directory",
        )
    },
    setting(
        "bucket.name",
        Some("bucket"),
        "",
        "NAME",
        "keep segments in this S3-compatible bucket instead of the data directory",
    ),
    setting("bucket.prefix", None, "", "PREFIX", "what the segments' keys begin with"),
    setting("bucket.endpoint", None, "", "URL", "the bucket server's endpoint, where it is not AWS's"),
    setting("bucket.region", None, "us-east-1", "REGION", "the bucket's Region"),
    secret("bucket.access_key_id", "access key id for the bucket"),
    secret("bucket.secret_access_key", "secret access key for the bucket"),
    setting(
        "data.segments",
        None,
        "",
        "DIRECTORY",
        "keep segments in this directory instead of the data directory; the servers of a cluster may share one",
    ),
    setting(
        "cluster.listen",
        None,
        "",
        "ADDRESS",
        "be one of a cluster's servers, and take what the others hand on at this address, as 10.0.0.5:4567; needs catalog.url, data.master_key, and bucket.name or data.segments, the same for all",
    ),
    setting(
        "cluster.advertise",
        None,
        "",
        "ADDRESS",
        "where the cluster's other servers reach cluster.listen, as HOST:PORT; default: the same",
    ),
    setting(
        "messaging.without_policy",
        None,
        "",
        "services|nobody",
        "whom queues and topics without a policy let in beside the identities of their own account: services that act for it, or nobody, as on AWS; services in mode open and nobody in mode enforced if absent",
    ),
    setting(
        "events.api_calls",
        None,
        "off",
        "on|off",
        "whether management calls are told of on the default event bus, as `AWS API Call via CloudTrail`",
    ),
    setting(
        "kinesis.throughput",
        None,
        "unlimited",
        "unlimited|enforced",
        "whether shards of data streams take and give no more than AWS's, 1 MiB and 1,000 records a second in, 2 MiB and five calls a second out",
    ),
    setting(
        "xray.listen",
        Some("xray-listen"),
        "",
        "ADDRESS",
        "take X-Ray SDKs' segments on this UDP and TCP address, as 127.0.0.1:2000",
    ),
    setting(
        "syslog.udp_listen",
        None,
        "",
        "ADDRESS",
        "take syslog messages (RFC 5424 and RFC 3164) on this UDP address, as 0.0.0.0:514; whoever reaches it may write",
    ),
    setting("syslog.tcp_listen", None, "", "ADDRESS", "take them on this TCP address, as 0.0.0.0:601"),
    setting(
        "syslog.tls_listen",
        None,
        "",
        "ADDRESS",
        "take them on this TCP address with TLS, as 0.0.0.0:6514, by server.tls_certificate",
    ),
    setting(
        "syslog.log_group",
        None,
        "/syslog",
        "NAME",
        "log group that they go to, a stream a host, unless a syslog configuration (PutSyslogConfiguration) names another",
    ),
    setting(
        "syslog.vpc_endpoint_id",
        None,
        "vpce-00000000000000000",
        "ID",
        "id by which syslog configurations name the receiver: `vpce-` and hexadecimal digits",
    ),
    setting(
        "agent.log_files",
        None,
        "/var/log/*.log,/var/log/*/*.log,/var/log/syslog,/var/log/messages,/var/log/secure,/var/log/maillog,/var/log/cron",
        "GLOBS",
        "log files that `up` tails into log groups, separated by commas",
    ),
    setting("agent.interval", None, "10", "SECONDS", "how often `up` collects this host's metrics"),
    setting(
        "agent.instance_monitoring",
        None,
        "basic",
        "basic|detailed|off",
        "whether `up` measures this host as EC2 measures an instance, every five minutes or every minute",
    ),
    setting("agent.instance_id", None, "", "TEXT", "the instance's id; default: the host's name"),
    setting("agent.instance_tags", None, "", "KEY=VALUE,...", "the instance's tags"),
    setting(
        "agent.statsd_listen",
        None,
        "",
        "ADDRESS",
        "where `up` takes StatsD's packets by UDP, as 127.0.0.1:8125; nowhere without it",
    ),
    setting("agent.statsd_interval", None, "10", "SECONDS", "how often a sample is made of StatsD's packets"),
    setting(
        "agent.statsd_aggregation",
        None,
        "60",
        "SECONDS",
        "over how long StatsD's samples are sent together; 0 sends each by itself, to the second",
    ),
    setting(
        "agent.statsd_separator",
        None,
        "_",
        "TEXT",
        "what takes the place of dots in the names of StatsD's metrics",
    ),
    setting(
        "agent.commands",
        None,
        "",
        "NAME=COMMAND",
        "commands that `up` carries out on this host when an alarm says so: stop, terminate, reboot or recover, each with the whole path of a program and its arguments, as reboot=/sbin/reboot; none without it; several separated by commas",
    ),
    setting("agent.command_timeout", None, "60", "SECONDS", "how long such a command may take before it is ended"),
    setting("log.format", Some("log-format"), "text", "text|json", "format of the program's own log"),
    setting(
        "log.level",
        Some("log-level"),
        "info",
        "LEVEL",
        "error, warn, info, debug or trace, or a filter as in `info,watchkeep_store=debug`",
    ),
];
