//! The settings as types: what the rest of the program is given.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use watchkeep_agent::{CommandsConfig, Monitoring, StatsdConfig, host_name};
use watchkeep_core::ports::MetricPlace;
use watchkeep_core::{AccountId, Region, TimestampMs};
use watchkeep_delivery::{AwsConfig, Loopback, MailConfig, MailTls, Reach, TargetConfig};
use watchkeep_gateway::{AuthMode, GatewayConfig, TlsFiles};
use watchkeep_messaging::data_streams::Enforcement;
use watchkeep_messaging::{QueuesConfig, TopicsConfig, Trust};
use watchkeep_metrics::Retention;
use watchkeep_store::journal::Durability;
use watchkeep_store::{BlobConfig, CatalogConfig, JournalPlace, S3Config, S3Credentials, StoreConfig};

use crate::alarm_actions::ACTION_KINDS;
use crate::known_resources::HostInstance;
use crate::server::Collectors;
use crate::services::ApiCalls;
use crate::settings::Settings;

/// The size of one journal file into which the rows of any call fit, and the size in a store that goes with the process: 16 MiB
/// of datapoints, or 8 MiB of short segment documents, which take more as rows.
const LARGEST_CALL_BYTES: u64 = 32 << 20;

/// The least size of a memtable: four of them, which is all the rows that memory takes, hold the largest call and others.
const MEMTABLE_BYTES_MIN: u64 = 16 << 20;

/// The journal files that a store which stays keeps ready.
const JOURNAL_FILES_READY: usize = 4;

/// Where X-Ray SDKs send segments unless they are told otherwise.
const XRAY_LISTEN_DEFAULT: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 2000));

/// Where X-Ray SDKs' segments are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XrayListen {
    /// They are not.
    Nowhere,
    /// Here, as somebody asked.
    At(SocketAddr),
    /// Here, unless another daemon does already.
    IfFree(SocketAddr),
}

/// Where syslog messages are taken, and the log group that they go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyslogListen {
    pub udp: Option<SocketAddr>,
    pub tcp: Option<SocketAddr>,
    pub tls: Option<SocketAddr>,
    pub log_group: String,
    /// What syslog configurations name it by.
    pub endpoint_id: String,
}

/// A server's place in a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterConfig {
    /// Where it takes what the other servers hand on.
    pub listen: SocketAddr,
    /// Where they reach that, `host:port`.
    pub advertise: String,
    /// The catalog that they share.
    pub catalog: String,
    /// The file of the master key, which all have.
    pub master_key: PathBuf,
}

/// Everything that a server needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// The addresses of the AWS endpoint.
    pub listen: Vec<SocketAddr>,
    /// Whether signatures are verified.
    pub auth: AuthMode,
    /// Certificate and key, for TLS.
    pub tls: Option<TlsFiles>,
    /// Browser origins that may call, besides those on loopback.
    pub cors_origins: Vec<String>,
    /// Whether the reset call is offered.
    pub allow_reset: bool,
    /// The time at which a manual clock starts, if the server runs on one.
    pub manual_clock: Option<TimestampMs>,
    /// The account that everything belongs to.
    pub account: AccountId,
    /// The Region of calls that name none.
    pub region: Region,
    /// The root user's access key id and secret, if configured.
    pub root: Option<(String, String)>,
    /// Where the data lives; `None` for a temporary directory.
    pub data_dir: Option<PathBuf>,
    /// Where X-Ray SDKs' segments are taken.
    pub xray_listen: XrayListen,
    /// Where syslog messages are taken, if anywhere.
    pub syslog: Option<SyslogListen>,
    /// The file of the key that stored secrets are sealed with, if not the data directory's own.
    pub master_key: Option<PathBuf>,
    /// How often this host's metrics are collected.
    pub agent_interval: Duration,
    /// The log files of this host that are tailed, as globs.
    pub agent_log_files: Vec<String>,
    /// How long metric data are kept.
    pub retention: Retention,
    /// Where others reach the server, if that is not its address.
    pub public_url: Option<String>,
    /// Where topics deliver.
    pub topics: TopicsConfig,
    /// Whom queues let in.
    pub queues: QueuesConfig,
    /// The delivery streams, and how their targets are reached.
    pub deliveries: TargetConfig,
    /// Where this host's StatsD packets are taken, if anywhere.
    pub statsd: Option<StatsdConfig>,
    /// Where functions are invoked, by their names.
    pub functions: Vec<(String, String)>,
    /// The domains of OpenSearch, by the names of the functions that stand for them.
    pub open_search: Vec<(String, String)>,
    /// Whether shards of data streams are held to what AWS's take.
    pub throughput: Enforcement,
    /// Whether the records of management calls become events on the default bus.
    pub api_calls: ApiCalls,
    /// Where alarms' actions are carried out that are neither topics nor functions, by their kinds.
    pub alarm_actions: Vec<(String, String)>,
    /// Where AWS is, or what stands for it, if it is called.
    pub aws: Option<AwsConfig>,
    /// The commands of this host that alarms may have carried out.
    pub commands: Option<CommandsConfig>,
    /// How often this host is measured as an instance of EC2, if it is, and what it is then.
    pub instance: Option<(Monitoring, HostInstance)>,
    /// What runs beside the server.
    pub collectors: Collectors,
    /// Its place in a cluster, if it is in one.
    pub cluster: Option<ClusterConfig>,
    store: StoreSettings,
}

#[derive(Debug, Clone)]
struct StoreSettings {
    durability: Durability,
    accept_journal_loss: bool,
    disk_free_min_bytes: u64,
    seal_after: Duration,
    memtable_bytes: usize,
    journal_file_bytes: u64,
    journal_files_ready: usize,
    catalog: CatalogConfig,
    blobs: BlobConfig,
}

impl Config {
    /// Reads and checks all settings of a server.
    pub fn from_settings(settings: &Settings, collectors: Collectors) -> Result<Config> {
        let listen = addresses(settings, "server.listen")?;
        ensure!(!listen.is_empty(), "setting `server.listen`: no address");
        let on_loopback = listen.iter().all(|address| address.ip().is_loopback());
        let auth = match settings.text("server.auth") {
            "open" => AuthMode::Open,
            "enforced" => AuthMode::Enforced,
            "" if on_loopback => AuthMode::Open,
            "" => AuthMode::Enforced,
            other => bail!("setting `server.auth`: {other:?}: neither `open` nor `enforced`"),
        };
        if auth == AuthMode::Open && !on_loopback && !settings.parse::<bool>("server.allow_open_on_network")? {
            bail!(
                "mode open on an address that others can reach lets everybody in; if that is meant, add --allow-open-on-network"
            );
        }
        let ephemeral: bool = settings.parse("data.ephemeral")?;
        if collectors == Collectors::ThisHost && !settings.text("server.tls_certificate").is_empty() {
            bail!("the collectors of `up` speak plain HTTP; with TLS, run `serve`");
        }
        Ok(Config {
            auth,
            tls: both(settings, "server.tls_certificate", "server.tls_key")?
                .map(|(certificate, key)| TlsFiles { certificate: certificate.into(), key: key.into() }),
            cors_origins: list(settings.text("server.cors_origins")),
            allow_reset: settings.parse("server.allow_reset")?,
            manual_clock: settings.optional("server.manual_clock")?.map(TimestampMs),
            account: settings.parse("account.id")?,
            region: settings.parse("account.region")?,
            root: both(settings, "root.access_key_id", "root.secret_access_key")?,
            data_dir: (!ephemeral).then(|| settings.text("data.directory").into()),
            xray_listen: match (settings.optional("xray.listen")?, collectors) {
                (Some(address), _) => XrayListen::At(address),
                (None, Collectors::ThisHost) => XrayListen::IfFree(XRAY_LISTEN_DEFAULT),
                (None, Collectors::None) => XrayListen::Nowhere,
            },
            syslog: syslog(settings)?,
            master_key: match settings.text("data.master_key") {
                "" => None,
                path => Some(path.into()),
            },
            agent_interval: Duration::from_secs(settings.parse::<u32>("agent.interval")?.into()),
            agent_log_files: list(settings.text("agent.log_files")),
            retention: Retention::days(
                settings.parse("metrics.minutes_kept")?,
                settings.parse("metrics.five_minutes_kept")?,
                settings.parse("metrics.hours_kept")?,
            ),
            public_url: public_url(settings)?,
            topics: TopicsConfig { trust: trust(settings, auth)?, ..topics(settings, on_loopback)? },
            queues: QueuesConfig { trust: trust(settings, auth)? },
            deliveries: deliveries(settings)?,
            functions: pairs(settings, "delivery.functions")?,
            open_search: pairs(settings, "delivery.open_search")?,
            throughput: match settings.text("kinesis.throughput") {
                "unlimited" => Enforcement::Off,
                "enforced" => Enforcement::On,
                other => bail!("setting `kinesis.throughput`: {other:?}: neither `unlimited` nor `enforced`"),
            },
            api_calls: match settings.text("events.api_calls") {
                "on" => ApiCalls::Told,
                "off" => ApiCalls::NotTold,
                other => bail!("setting `events.api_calls`: {other:?}: neither `on` nor `off`"),
            },
            alarm_actions: alarm_actions(settings)?,
            aws: aws(settings)?,
            commands: commands(settings)?,
            statsd: statsd(settings)?,
            instance: instance(
                settings,
                MetricPlace { account: settings.parse("account.id")?, region: settings.parse("account.region")? },
            )?,
            collectors,
            cluster: cluster(settings, collectors)?,
            store: if ephemeral { store(settings)?.short_lived() } else { store(settings)? },
            listen,
        })
    }

    /// The gateway's configuration.
    pub fn gateway(&self) -> GatewayConfig {
        GatewayConfig {
            auth: self.auth,
            tls: self.tls.clone(),
            cors_origins: self.cors_origins.clone(),
            account: self.account,
            region: self.region.clone(),
            host_names: self.public_url.as_deref().and_then(host_of).into_iter().collect(),
            ..GatewayConfig::new(self.listen.clone())
        }
    }

    /// The store's configuration, with its data in `directory`.
    pub fn store(&self, directory: PathBuf) -> StoreConfig {
        let settings = self.store.clone();
        StoreConfig {
            durability: settings.durability,
            accept_journal_loss: settings.accept_journal_loss,
            disk_free_min_bytes: settings.disk_free_min_bytes,
            seal_after: settings.seal_after,
            memtable_bytes: settings.memtable_bytes,
            memory_bytes_max: settings.memtable_bytes.saturating_mul(4),
            journal_segment_bytes: settings.journal_file_bytes,
            journal_pool: settings.journal_files_ready,
            catalog: settings.catalog,
            blobs: settings.blobs,
            journal: if self.cluster.is_some() { JournalPlace::Catalog } else { JournalPlace::Directory },
            ..StoreConfig::new(directory)
        }
    }
}

impl StoreSettings {
    /// The same, for a store that goes with the process: it takes little disk, and syncs nothing that nobody will read.
    fn short_lived(self) -> StoreSettings {
        StoreSettings {
            durability: Durability::Os,
            disk_free_min_bytes: 0,
            journal_file_bytes: LARGEST_CALL_BYTES,
            journal_files_ready: 1,
            ..self
        }
    }
}

fn cluster(settings: &Settings, collectors: Collectors) -> Result<Option<ClusterConfig>> {
    let (listen, advertise) = (settings.optional::<SocketAddr>("cluster.listen")?, settings.text("cluster.advertise"));
    let Some(listen) = listen else {
        ensure!(advertise.is_empty(), "setting `cluster.advertise` needs `cluster.listen` beside it");
        return Ok(None);
    };
    let text = |key| settings.text(key).to_owned();
    ensure!(
        !text("catalog.url").is_empty(),
        "a cluster needs PostgreSQL: setting `catalog.url`, the same for all its servers"
    );
    ensure!(
        !text("bucket.name").is_empty() || !text("data.segments").is_empty(),
        "a cluster's segments are where all its servers reach them: setting `bucket.name` or `data.segments`"
    );
    ensure!(!text("data.master_key").is_empty(), "a cluster's servers have one master key: setting `data.master_key`");
    ensure!(collectors == Collectors::None, "`up` collects from a host: run `serve` for each of a cluster's servers");
    let alone = [
        ("xray.listen", ""),
        ("syslog.udp_listen", ""),
        ("syslog.tcp_listen", ""),
        ("syslog.tls_listen", ""),
        ("server.manual_clock", ""),
        ("server.allow_reset", "false"),
        ("data.accept_journal_loss", "false"),
    ];
    for (key, expected) in alone {
        ensure!(settings.text(key) == expected, "setting `{key}` is not for a cluster's servers");
    }
    let durability: Durability = settings.parse("data.durability")?;
    ensure!(
        durability == Durability::Fsync,
        "setting `data.durability`: a cluster's writes are as durable as PostgreSQL's"
    );
    let advertise = match advertise {
        "" if listen.ip().is_unspecified() || listen.port() == 0 => {
            bail!("setting `cluster.advertise`: nobody can reach {listen}; where do the others reach this server?")
        }
        "" => listen.to_string(),
        address => {
            let port =
                address.rsplit_once(':').and_then(|(host, port)| (!host.is_empty()).then(|| port.parse::<u16>()));
            ensure!(matches!(port, Some(Ok(1..))), "setting `cluster.advertise`: {address:?} is not HOST:PORT");
            address.to_owned()
        }
    };
    let (catalog, master_key) = (text("catalog.url"), text("data.master_key").into());
    Ok(Some(ClusterConfig { listen, advertise, catalog, master_key }))
}

fn syslog(settings: &Settings) -> Result<Option<SyslogListen>> {
    let listen = SyslogListen {
        udp: settings.optional("syslog.udp_listen")?,
        tcp: settings.optional("syslog.tcp_listen")?,
        tls: settings.optional("syslog.tls_listen")?,
        log_group: settings.text("syslog.log_group").to_owned(),
        endpoint_id: settings.text("syslog.vpc_endpoint_id").to_owned(),
    };
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let digits = listen.endpoint_id.strip_prefix("vpce-").unwrap_or_default();
    ensure!(
        (1..=64).contains(&digits.len()) && digits.bytes().all(is_digit),
        "setting `syslog.vpc_endpoint_id`: `vpce-` and 1 to 64 of the digits 0 to 9 and a to f"
    );
    ensure!(
        listen.tls.is_none() || !settings.text("server.tls_certificate").is_empty(),
        "setting `syslog.tls_listen`: server.tls_certificate and server.tls_key are needed, too"
    );
    let is_wanted = listen.udp.or(listen.tcp).or(listen.tls).is_some();
    Ok(is_wanted.then_some(listen))
}

fn store(settings: &Settings) -> Result<StoreSettings> {
    let mebibytes = |key| -> Result<u64> { Ok(settings.parse::<u32>(key)? as u64 * 1024 * 1024) };
    let seal_after: u32 = settings.parse("data.seal_after")?;
    let journal_file_bytes = mebibytes("data.journal_file")?;
    if journal_file_bytes < LARGEST_CALL_BYTES {
        tracing::warn!(
            "setting `data.journal_file`: below {} the largest calls do not fit into one file and are refused",
            LARGEST_CALL_BYTES >> 20
        );
    }
    let memtable_bytes = mebibytes("data.memtable")?;
    ensure!(
        memtable_bytes >= MEMTABLE_BYTES_MIN,
        "setting `data.memtable`: at least {}, so that there is room for the largest call",
        MEMTABLE_BYTES_MIN >> 20
    );
    Ok(StoreSettings {
        durability: settings.parse("data.durability")?,
        accept_journal_loss: settings.parse("data.accept_journal_loss")?,
        disk_free_min_bytes: mebibytes("data.disk_free_min")?,
        seal_after: Duration::from_secs(seal_after.into()),
        memtable_bytes: memtable_bytes as usize,
        journal_file_bytes,
        journal_files_ready: JOURNAL_FILES_READY,
        catalog: match settings.text("catalog.url") {
            "" => CatalogConfig::Sqlite,
            url if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                CatalogConfig::Postgres(url.to_owned())
            }
            _ => bail!("setting `catalog.url`: not a postgres:// URL"),
        },
        blobs: blobs(settings)?,
    })
}

fn blobs(settings: &Settings) -> Result<BlobConfig> {
    let bucket = settings.text("bucket.name");
    match (bucket, settings.text("data.segments")) {
        ("", "") => return Ok(BlobConfig::Local),
        ("", directory) => return Ok(BlobConfig::Directory(directory.into())),
        (_, "") => {}
        _ => bail!("settings `bucket.name` and `data.segments` both say where segments are"),
    }
    let endpoint = settings.text("bucket.endpoint");
    Ok(BlobConfig::S3(S3Config {
        prefix: settings.text("bucket.prefix").to_owned(),
        region: settings.text("bucket.region").to_owned(),
        credentials: both(settings, "bucket.access_key_id", "bucket.secret_access_key")?.map(
            |(access_key_id, secret_access_key)| S3Credentials {
                access_key_id,
                secret_access_key,
                session_token: None,
            },
        ),
        ..S3Config::new((!endpoint.is_empty()).then(|| endpoint.to_owned()), bucket)
    }))
}

fn deliveries(settings: &Settings) -> Result<TargetConfig> {
    let endpoint = settings.text("delivery.bucket_endpoint");
    Ok(TargetConfig {
        streams: pairs(settings, "delivery.streams")?,
        access_keys: pairs(settings, "delivery.access_keys")?,
        bucket_endpoint: (!endpoint.is_empty()).then(|| endpoint.to_owned()),
        bucket_region: settings.text("delivery.bucket_region").to_owned(),
        bucket_credentials: both(settings, "delivery.bucket_access_key_id", "delivery.bucket_secret_access_key")?,
    })
}

/// The name in an `http://` or `https://` URL.
fn host_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split('/').next()?;
    let name = authority.rsplit_once(':').map_or(authority, |(name, _)| name);
    (!name.is_empty() && !name.starts_with('[')).then(|| name.to_ascii_lowercase())
}

fn public_url(settings: &Settings) -> Result<Option<String>> {
    match settings.text("server.public_url") {
        "" => Ok(None),
        url if url.starts_with("http://") || url.starts_with("https://") => {
            Ok(Some(url.trim_end_matches('/').to_owned()))
        }
        _ => bail!("setting `server.public_url`: neither an http:// nor an https:// URL"),
    }
}

fn topics(settings: &Settings, on_loopback: bool) -> Result<TopicsConfig> {
    let network =
        |text: &String| text.parse().with_context(|| format!("setting `delivery.allowed_networks`: {text:?}"));
    let networks = list(settings.text("delivery.allowed_networks")).iter().map(network).collect::<Result<_>>()?;
    // Who can call a server that listens on loopback only is on this machine already.
    let loopback = if on_loopback { Loopback::Allowed } else { Loopback::Refused };
    Ok(TopicsConfig {
        reach: Reach { networks, loopback },
        mail: mail(settings)?,
        functions: pairs(settings, "delivery.functions")?,
        ..TopicsConfig::default()
    })
}

/// Whom queues and topics without a policy let in. In mode open there is nobody to be kept out, and a forgotten policy would only be a
/// riddle.
fn trust(settings: &Settings, auth: AuthMode) -> Result<Trust> {
    match (settings.text("messaging.without_policy"), auth) {
        ("services", _) | ("", AuthMode::Open) => Ok(Trust::ServicesOfAccount),
        ("nobody", _) | ("", AuthMode::Enforced) => Ok(Trust::Nobody),
        (other, _) => bail!("setting `messaging.without_policy`: {other:?}: neither `services` nor `nobody`"),
    }
}

fn mail(settings: &Settings) -> Result<Option<MailConfig>> {
    let Some((host, from)) = both(settings, "smtp.host", "smtp.from")? else { return Ok(None) };
    let tls = match settings.text("smtp.tls") {
        "starttls" => MailTls::StartTls,
        "tls" => MailTls::Tls,
        "none" => MailTls::None,
        other => bail!("setting `smtp.tls`: {other:?}: neither `starttls`, `tls` nor `none`"),
    };
    let credentials = both(settings, "smtp.user", "smtp.password")?;
    Ok(Some(MailConfig { host, port: settings.optional("smtp.port")?, credentials, from, tls }))
}

/// A list of `name=value`. The message of an error does not show it: it may hold secrets.
fn pairs(settings: &Settings, key: &'static str) -> Result<Vec<(String, String)>> {
    let pair = |text: &String| {
        let (name, value) = text.split_once('=').with_context(|| format!("setting `{key}`: not NAME=VALUE"))?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    };
    list(settings.text(key)).iter().map(pair).collect()
}

fn alarm_actions(settings: &Settings) -> Result<Vec<(String, String)>> {
    let pairs = pairs(settings, "delivery.alarm_actions")?;
    match pairs.iter().find(|(kind, _)| !ACTION_KINDS.contains(&kind.as_str())) {
        Some((kind, _)) => {
            bail!("setting `delivery.alarm_actions`: {kind:?}: neither `ec2`, `autoscaling`, `ssm` nor `aiops`")
        }
        None => Ok(pairs),
    }
}

fn aws(settings: &Settings) -> Result<Option<AwsConfig>> {
    let text = |key| Some(settings.text(key).to_owned()).filter(|text| !text.is_empty());
    let Some((access_key_id, secret_access_key)) = both(settings, "aws.access_key_id", "aws.secret_access_key")? else {
        ensure!(text("aws.endpoint").is_none(), "setting `aws.endpoint` needs `aws.access_key_id` beside it");
        return Ok(None);
    };
    let endpoint = text("aws.endpoint");
    if let Some(endpoint) = &endpoint {
        let is_url = endpoint.starts_with("http://") || endpoint.starts_with("https://");
        ensure!(is_url, "setting `aws.endpoint`: neither an http:// nor an https:// URL");
    }
    Ok(Some(AwsConfig { endpoint, access_key_id, secret_access_key, session_token: text("aws.session_token") }))
}

fn commands(settings: &Settings) -> Result<Option<CommandsConfig>> {
    let mut commands = BTreeMap::new();
    for (name, line) in pairs(settings, "agent.commands")? {
        let known = watchkeep_agent::COMMAND_NAMES.contains(&name.as_str());
        ensure!(known, "setting `agent.commands`: {name:?}: neither `stop`, `terminate`, `reboot` nor `recover`");
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let absolute = words.first().is_some_and(|program| program.starts_with('/'));
        ensure!(absolute, "setting `agent.commands`: `{name}` needs the whole path of a program");
        commands.insert(name, words);
    }
    if commands.is_empty() {
        return Ok(None);
    }
    let instance_id = Some(settings.text("agent.instance_id").to_owned()).filter(|id| !id.is_empty());
    let time_max = Duration::from_secs(settings.parse::<u32>("agent.command_timeout")?.into());
    ensure!(!time_max.is_zero(), "setting `agent.command_timeout`: at least one second");
    Ok(Some(CommandsConfig { instance_id: instance_id.unwrap_or_else(host_name), commands, time_max }))
}

fn instance(settings: &Settings, place: MetricPlace) -> Result<Option<(Monitoring, HostInstance)>> {
    let monitoring = match settings.text("agent.instance_monitoring") {
        "off" => return Ok(None),
        "basic" => Monitoring::Basic,
        "detailed" => Monitoring::Detailed,
        other => bail!("setting `agent.instance_monitoring`: {other:?}: neither `basic`, `detailed` nor `off`"),
    };
    let id = Some(settings.text("agent.instance_id").to_owned()).filter(|id| !id.is_empty());
    let tags = pairs(settings, "agent.instance_tags")?.into_iter().collect();
    Ok(Some((monitoring, HostInstance { place, id: id.unwrap_or_else(host_name), tags })))
}

fn statsd(settings: &Settings) -> Result<Option<StatsdConfig>> {
    let Some(listen) = settings.optional("agent.statsd_listen")? else { return Ok(None) };
    let seconds = |key| -> Result<Duration> { Ok(Duration::from_secs(settings.parse::<u32>(key)?.into())) };
    let separator = settings.text("agent.statsd_separator");
    let plain = separator.len() <= 8 && separator.bytes().all(|byte| byte.is_ascii_graphic());
    ensure!(plain, "setting `agent.statsd_separator`: at most eight characters that a metric's name may have");
    Ok(Some(StatsdConfig {
        listen,
        collection_interval: seconds("agent.statsd_interval")?,
        aggregation_interval: seconds("agent.statsd_aggregation")?,
        separator: separator.to_owned(),
    }))
}

/// Two settings that only make sense together.
fn both(settings: &Settings, first: &'static str, second: &'static str) -> Result<Option<(String, String)>> {
    match (settings.text(first), settings.text(second)) {
        ("", "") => Ok(None),
        ("", _) => bail!("setting `{second}` needs `{first}` beside it"),
        (_, "") => bail!("setting `{first}` needs `{second}` beside it"),
        (first, second) => Ok(Some((first.to_owned(), second.to_owned()))),
    }
}

fn addresses(settings: &Settings, key: &'static str) -> Result<Vec<SocketAddr>> {
    let parse = |text: &String| text.parse().with_context(|| format!("setting `{key}`: {text:?} is not ADDRESS:PORT"));
    list(settings.text(key)).iter().map(parse).collect()
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}
