//! The command line, built from the table of settings.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::backtest::Backtest;
use crate::settings::SETTINGS;
use crate::sql::Sql;

const PAGE: &str = "page";
const DURATION: &str = "duration";
const ENDPOINT: &str = "endpoint";
const NAME: &str = "name";
const FROM: &str = "from";
const TO: &str = "to";
const REGION: &str = "region";
const QUERY: &str = "query";
const FORMAT: &str = "format";
const LIMIT: &str = "limit";

/// The program's commands.
pub fn command() -> Command {
    Command::new("watchkeep")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Self-hosted monitoring and audit that speaks AWS")
        .after_help(
            "Every setting has a key in watchkeep.toml and an environment variable WATCHKEEP_<SECTION>_<KEY>;\n\
             `watchkeep config` shows them all with where each value came from.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(server("up", "Run everything useful on this host: server, host collector and X-Ray listener"))
        .subcommand(server("serve", "Run the server"))
        .subcommand(server("config", "Print the effective settings and where each came from"))
        .subcommand(server("check", "Verify a data directory that no server is using"))
        .subcommand(
            Command::new("clock")
                .about("Move the clock of a server that runs with --manual-clock")
                .subcommand_required(true)
                .subcommand(
                    Command::new("advance")
                        .about("Move it forward, from one alarm's turn to the next, and print its time")
                        .arg(Arg::new(DURATION).required(true).help("as 90s, 5m, 1h30m or 7d"))
                        .arg(
                            Arg::new(ENDPOINT)
                                .long("endpoint")
                                .value_name("URL")
                                .help("the server [default: AWS_ENDPOINT_URL, or http://127.0.0.1:4566]"),
                        ),
                ),
        )
        .subcommand(
            Command::new("alarms").about("Work with alarms").subcommand_required(true).subcommand(
                Command::new("backtest")
                    .about("Print the changes of state that an alarm would have had, by what is stored")
                    .arg(Arg::new(NAME).long("name").required(true).help("the alarm's name"))
                    .arg(Arg::new(FROM).long("from").required(true).help("a time, as 2026-01-15T10:00:00Z"))
                    .arg(Arg::new(TO).long("to").required(true).help("a time"))
                    .arg(Arg::new(REGION).long("region").default_value("us-east-1").help("the alarm's Region"))
                    .arg(
                        Arg::new(ENDPOINT)
                            .long("endpoint")
                            .value_name("URL")
                            .help("the server [default: AWS_ENDPOINT_URL, or http://127.0.0.1:4566]"),
                    ),
            ),
        )
        .subcommand(
            Command::new("sql")
                .about("Ask a server's tables in SQL")
                .arg(Arg::new(QUERY).required(true).help("as: select count(*) from log_events"))
                .arg(
                    Arg::new(FORMAT)
                        .long("format")
                        .default_value("table")
                        .value_parser(["table", "json", "csv"])
                        .help("how rows are printed"),
                )
                .arg(
                    Arg::new(LIMIT)
                        .long("limit")
                        .value_name("ROWS")
                        .default_value("1000")
                        .value_parser(clap::value_parser!(u32).range(1..))
                        .help("at most how many rows are printed"),
                )
                .arg(
                    Arg::new(ENDPOINT)
                        .long("endpoint")
                        .value_name("URL")
                        .help("the server [default: AWS_ENDPOINT_URL, or http://127.0.0.1:4566]"),
                ),
        )
        .subcommand(
            Command::new("reference")
                .about("Print a page of the documentation that is made from the program's own tables, as Markdown")
                .arg(Arg::new(PAGE).required(true).value_parser(["coverage", "settings"])),
        )
}

fn server(name: &'static str, about: &'static str) -> Command {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .help("configuration file [default: watchkeep.toml, if there]");
    let flags = SETTINGS.iter().filter_map(|setting| {
        let arg = Arg::new(setting.key).long(setting.flag?).help(setting.help);
        Some(if setting.value.is_empty() {
            arg.action(ArgAction::SetTrue)
        } else {
            let arg = arg.value_name(setting.value);
            if setting.default.is_empty() {
                arg
            } else {
                arg.help(format!("{} [default: {}]", setting.help, setting.default))
            }
        })
    });
    Command::new(name).about(about).arg(config.value_parser(clap::value_parser!(PathBuf))).args(flags)
}

/// What was asked for.
pub struct Invocation {
    /// The command's name.
    pub command: String,
    /// The page that `reference` shall print.
    pub page: Option<String>,
    /// By how much `clock advance` shall move the clock, and of which server if that is said.
    pub advance: Option<(String, Option<String>)>,
    /// What `alarms backtest` shall do.
    pub backtest: Option<Backtest>,
    /// What `sql` shall ask.
    pub sql: Option<Sql>,
    /// The configuration file, if named.
    pub config_file: Option<PathBuf>,
    /// The settings given as flags.
    pub flags: Vec<(&'static str, String)>,
}

impl Invocation {
    fn of(command: String) -> Invocation {
        Invocation {
            command,
            page: None,
            advance: None,
            backtest: None,
            sql: None,
            config_file: None,
            flags: Vec::new(),
        }
    }
}

/// Reads the command line; prints help or a usage error and exits by itself.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Invocation {
    let matches = command().get_matches_from(arguments);
    let Some((name, matches)) = matches.subcommand() else {
        return Invocation::of(String::new());
    };
    let command = name.to_owned();
    if name == "reference" {
        return Invocation { page: matches.get_one(PAGE).cloned(), ..Invocation::of(command) };
    }
    if name == "clock" {
        let advance = matches.subcommand_matches("advance").and_then(|matches| {
            Some((matches.get_one::<String>(DURATION)?.clone(), matches.get_one::<String>(ENDPOINT).cloned()))
        });
        return Invocation { advance, ..Invocation::of(command) };
    }
    if name == "alarms" {
        let backtest = matches.subcommand_matches("backtest").and_then(|matches| {
            let text = |name: &str| matches.get_one::<String>(name).cloned();
            let (name, region, endpoint) = (text(NAME)?, text(REGION)?, text(ENDPOINT));
            Some(Backtest { name, region, from: text(FROM)?, to: text(TO)?, endpoint })
        });
        return Invocation { backtest, ..Invocation::of(command) };
    }
    if name == "sql" {
        let text = |name: &str| matches.get_one::<String>(name).cloned();
        let limit = matches.get_one::<u32>(LIMIT).copied();
        let sql = text(QUERY).zip(text(FORMAT)).zip(limit).map(|((query, format), limit)| Sql {
            query,
            format,
            limit,
            endpoint: text(ENDPOINT),
        });
        return Invocation { sql, ..Invocation::of(command) };
    }
    let config_file = matches.get_one("config").cloned();
    Invocation { config_file, flags: flags(matches), ..Invocation::of(command) }
}

fn flags(matches: &ArgMatches) -> Vec<(&'static str, String)> {
    let given = SETTINGS.iter().filter(|setting| setting.flag.is_some()).filter_map(|setting| {
        if setting.value.is_empty() {
            return matches.get_flag(setting.key).then(|| (setting.key, "true".to_owned()));
        }
        Some((setting.key, matches.get_one::<String>(setting.key)?.clone()))
    });
    given.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn flags_become_settings() {
        let line = ["watchkeep", "serve", "--listen", "127.0.0.1:1", "--ephemeral", "--config", "x.toml"];
        let invocation = parse(line.map(OsString::from));
        assert_eq!(invocation.command, "serve");
        assert_eq!(invocation.config_file, Some("x.toml".into()));
        assert_eq!(
            invocation.flags,
            [("server.listen", "127.0.0.1:1".to_owned()), ("data.ephemeral", "true".to_owned())]
        );
    }
}
