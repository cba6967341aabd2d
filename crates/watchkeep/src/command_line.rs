//! The command line, built from the table of settings.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::settings::SETTINGS;

const PAGE: &str = "page";

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
    /// The configuration file, if named.
    pub config_file: Option<PathBuf>,
    /// The settings given as flags.
    pub flags: Vec<(&'static str, String)>,
}

/// Reads the command line; prints help or a usage error and exits by itself.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Invocation {
    let matches = command().get_matches_from(arguments);
    let Some((name, matches)) = matches.subcommand() else {
        return Invocation { command: String::new(), page: None, config_file: None, flags: Vec::new() };
    };
    let command = name.to_owned();
    if name == "reference" {
        return Invocation { command, page: matches.get_one(PAGE).cloned(), config_file: None, flags: Vec::new() };
    }
    Invocation { command, page: None, config_file: matches.get_one("config").cloned(), flags: flags(matches) }
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
