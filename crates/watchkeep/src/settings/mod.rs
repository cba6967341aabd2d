//! Settings: one table says every setting's name, flag, default and meaning. Help, the configuration file, the environment
//! and `watchkeep config` all follow from it.
//!
//! A value comes from the first of: the command line, the environment (`WATCHKEEP_<SECTION>_<KEY>`), the configuration file
//! (`[section]` and `key` in TOML), the default.

mod table;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

pub use table::{SETTINGS, Setting};

/// Where a setting's value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said otherwise.
    Default,
    /// The configuration file.
    File,
    /// An environment variable, by name.
    Environment(String),
    /// A flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File => f.write_str("configuration file"),
            Origin::Environment(name) => write!(f, "environment {name}"),
            Origin::Flag(flag) => write!(f, "--{flag}"),
        }
    }
}

/// The effective settings.
#[derive(Debug, Clone)]
pub struct Settings {
    values: BTreeMap<&'static str, (String, Origin)>,
}

impl Settings {
    /// Lays the sources over one another. `flags` are (setting key, value), `environment` all variables, `file` the text of
    /// the configuration file if there is one.
    pub fn layer(
        flags: &[(&'static str, String)],
        environment: impl Iterator<Item = (OsString, OsString)>,
        file: Option<&str>,
    ) -> Result<Settings> {
        let mut values: BTreeMap<_, _> =
            SETTINGS.iter().map(|setting| (setting.key, (setting.default.to_owned(), Origin::Default))).collect();
        for (key, value) in file.map(parse_file).transpose()?.unwrap_or_default() {
            let setting = find(&key).with_context(|| format!("configuration file: unknown setting `{key}`"))?;
            values.insert(setting.key, (value, Origin::File));
        }
        for (name, value) in environment {
            let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else { continue };
            if let Some(setting) = SETTINGS.iter().find(|setting| setting.environment() == name) {
                values.insert(setting.key, (value.to_owned(), Origin::Environment(name.to_owned())));
            }
        }
        for (key, value) in flags {
            let setting = find(key).with_context(|| format!("no setting `{key}`"))?;
            values.insert(setting.key, (value.clone(), Origin::Flag(setting.flag.unwrap_or(setting.key))));
        }
        Ok(Settings { values })
    }

    /// The text of a setting; empty if it has no value.
    pub fn text(&self, key: &'static str) -> &str {
        self.values.get(key).map_or("", |(value, _)| value)
    }

    /// The setting parsed; an error names the setting and where the value came from.
    pub fn parse<T>(&self, key: &'static str) -> Result<T>
    where
        T: std::str::FromStr,
        T::Err: fmt::Display,
    {
        let (value, origin) = self.values.get(key).with_context(|| format!("no setting `{key}`"))?;
        value.parse().map_err(|error| anyhow::anyhow!("setting `{key}` ({origin}): {value:?}: {error}"))
    }

    /// The setting parsed, or `None` if it is empty.
    pub fn optional<T>(&self, key: &'static str) -> Result<Option<T>>
    where
        T: std::str::FromStr,
        T::Err: fmt::Display,
    {
        if self.text(key).is_empty() { Ok(None) } else { self.parse(key).map(Some) }
    }

    /// A table of all settings for `watchkeep config`: key, value (secrets hidden) and origin.
    pub fn render(&self) -> String {
        let mut out = String::new();
        for setting in SETTINGS {
            let (value, origin) = &self.values[setting.key];
            let shown = if setting.secret && !value.is_empty() { "***".to_owned() } else { format!("{value:?}") };
            out.push_str(&format!("{:<28} {:<32} # {origin}\n", setting.key, shown));
        }
        out
    }
}

/// The text of the configuration file: the one named, or `watchkeep.toml` in this directory if it exists.
pub fn read_file(named: Option<&Path>) -> Result<Option<String>> {
    let path = named.unwrap_or(Path::new("watchkeep.toml"));
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading the configuration file {}", path.display())),
    }
}

/// The page docs/settings.md, in Markdown.
pub fn page() -> String {
    let mut page = String::from(
        "# Settings\n\n\
         Made by `make coverage` from the program's table of settings. A value comes from the first of: the flag, the environment\n\
         variable, the configuration file (`watchkeep.toml`, or `--config FILE`; the part before the dot is the section), the default.\n\
         `watchkeep config` prints the values in force and where each came from.\n\n\
         | setting | flag | environment | default | |\n| --- | --- | --- | --- | --- |\n",
    );
    for setting in SETTINGS {
        let flag = setting.flag.map_or(String::new(), |flag| format!("`--{flag}`"));
        let default = if setting.default.is_empty() { String::new() } else { format!("`{}`", setting.default) };
        let help = setting.help.replace('|', "\\|");
        page.push_str(&format!("| `{}` | {flag} | `{}` | {default} | {help} |\n", setting.key, setting.environment()));
    }
    page
}

fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

fn parse_file(text: &str) -> Result<Vec<(String, String)>> {
    let document: toml::Table = text.parse().context("configuration file")?;
    let mut values = Vec::new();
    for (section, entries) in document {
        let toml::Value::Table(entries) = entries else {
            bail!("configuration file: `{section}` must be a section, as [{section}]")
        };
        for (key, value) in entries {
            let value = match value {
                toml::Value::String(text) => text,
                toml::Value::Array(items) => {
                    let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
                    texts.collect::<Option<Vec<_>>>().context("configuration file: lists hold texts")?.join(",")
                }
                other => other.to_string(),
            };
            values.push((format!("{section}.{key}"), value));
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> impl Iterator<Item = (OsString, OsString)> {
        pairs.iter().map(|(name, value)| (name.into(), value.into())).collect::<Vec<_>>().into_iter()
    }

    #[test]
    fn the_nearest_source_wins() {
        let file = "[server]\nlisten = \"127.0.0.1:1\"\nauth = \"enforced\"\n[data]\ndurability = \"os\"\n";
        let variables = [("WATCHKEEP_SERVER_LISTEN", "127.0.0.1:2"), ("WATCHKEEP_DATA_DURABILITY", "interval:50ms")];
        let flags = [("server.listen", "127.0.0.1:3".to_owned())];
        let settings = Settings::layer(&flags, environment(&variables), Some(file)).unwrap();
        assert_eq!(settings.text("server.listen"), "127.0.0.1:3");
        assert_eq!(settings.text("data.durability"), "interval:50ms");
        assert_eq!(settings.text("server.auth"), "enforced");
        let shown = settings.render();
        assert!(shown.contains("# --listen") && shown.contains("# environment WATCHKEEP_DATA_DURABILITY"), "{shown}");
    }

    #[test]
    fn unknown_settings_are_errors_that_name_them() {
        let error = Settings::layer(&[], environment(&[]), Some("[server]\nlisten_to = 1\n")).unwrap_err();
        assert_eq!(error.to_string(), "configuration file: unknown setting `server.listen_to`");
    }

    #[test]
    fn secrets_are_not_shown() {
        let variables = [
            ("WATCHKEEP_ROOT_SECRET_ACCESS_KEY", "hush-hush"),
            ("WATCHKEEP_CATALOG_URL", "postgres://watchkeep:hush-hush@db/watchkeep"),
        ];
        let settings = Settings::layer(&[], environment(&variables), None).unwrap();
        assert!(!settings.render().contains("hush"), "{}", settings.render());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let refused_memtable = "setting `data.memtable`: at least 16, so that there is room for the largest call";
        let refused_endpoint = "setting `syslog.vpc_endpoint_id`: `vpce-` and 1 to 64 of the digits 0 to 9 and a to f";
        let cases = [
            ("WATCHKEEP_DATA_MEMTABLE", "0", Some(refused_memtable)),
            ("WATCHKEEP_DATA_MEMTABLE", "16", None),
            ("WATCHKEEP_SYSLOG_VPC_ENDPOINT_ID", "vpce-", Some(refused_endpoint)),
            ("WATCHKEEP_SYSLOG_VPC_ENDPOINT_ID", "vpce-0A", Some(refused_endpoint)),
            ("WATCHKEEP_SYSLOG_VPC_ENDPOINT_ID", "vpce-0a", None),
        ];
        for (name, value, refused) in cases {
            let settings = Settings::layer(&[], environment(&[(name, value)]), None).unwrap();
            let config = crate::config::Config::from_settings(&settings, crate::server::Collectors::None);
            let error = config.err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), refused, "{name}={value}");
        }
    }

    #[test]
    fn log_files_are_those_of_the_agent_by_default() {
        let settings = Settings::layer(&[], environment(&[]), None).unwrap();
        assert_eq!(settings.text("agent.log_files"), watchkeep_agent::LOG_GLOBS.join(","));
    }

    #[test]
    fn every_default_is_valid() {
        let settings = Settings::layer(&[], environment(&[]), None).unwrap();
        crate::config::Config::from_settings(&settings, crate::server::Collectors::None).unwrap();
    }
}
