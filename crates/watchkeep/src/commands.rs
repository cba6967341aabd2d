//! The commands: each a function from settings to an exit status.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use tokio::runtime::{Builder, Runtime};
use tracing_subscriber::EnvFilter;
use watchkeep_core::SystemClock;

use crate::command_line::{self, Invocation};
use crate::config::Config;
use crate::settings::{self, Settings, read_file};
use crate::{backtest, clock, coverage, server, sql};

/// Carries out a command line.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<ExitCode> {
    let invocation = command_line::parse(arguments);
    match invocation.command.as_str() {
        "reference" => {
            match invocation.page.as_deref() {
                Some("settings") => print!("{}", settings::page()),
                _ => print!("{}", coverage::page()),
            }
            Ok(ExitCode::SUCCESS)
        }
        "clock" => {
            let (duration, endpoint) = invocation.advance.context("nothing to do with the clock")?;
            clock::advance(&duration, endpoint.or_else(default_endpoint).as_deref())
        }
        "alarms" => {
            let asked = invocation.backtest.context("nothing to do with alarms")?;
            backtest::run(&asked, asked.endpoint.clone().or_else(default_endpoint).as_deref())
        }
        "sql" => {
            let asked = invocation.sql.context("nothing to ask")?;
            sql::run(&asked, asked.endpoint.clone().or_else(default_endpoint).as_deref())
        }
        "config" => {
            print!("{}", layered(&invocation)?.render());
            Ok(ExitCode::SUCCESS)
        }
        "check" => check(&layered(&invocation)?),
        "serve" => serve(&layered(&invocation)?, server::Collectors::None),
        "up" => serve(&layered(&invocation)?, server::Collectors::ThisHost),
        other => bail!("no command `{other}`"),
    }
}

/// The server that this shell's AWS clients speak to.
fn default_endpoint() -> Option<String> {
    std::env::var("AWS_ENDPOINT_URL").ok()
}

fn layered(invocation: &Invocation) -> Result<Settings> {
    let file = read_file(invocation.config_file.as_deref())?;
    Settings::layer(&invocation.flags, std::env::vars_os(), file.as_deref())
}

fn serve(settings: &Settings, collectors: server::Collectors) -> Result<ExitCode> {
    start_log(settings)?;
    let config = Config::from_settings(settings, collectors)?;
    runtime()?.block_on(server::run(config))
}

/// Prints what is damaged in a data directory; the status is a failure if anything is.
fn check(settings: &Settings) -> Result<ExitCode> {
    let config = Config::from_settings(settings, server::Collectors::None)?;
    // A cluster's server keeps nothing in its own.
    let directory = match (&config.data_dir, &config.cluster) {
        (directory, Some(_)) => directory.clone().unwrap_or_default(),
        (Some(directory), None) if directory.is_dir() => directory.clone(),
        (Some(directory), None) => bail!("there is no data directory {}", directory.display()),
        (None, None) => bail!("an ephemeral server leaves nothing to check"),
    };
    let store = config.store(directory);
    let report = runtime()?.block_on(watchkeep_store::check(&store, Arc::new(SystemClock::new())))?;
    let journal = &report.journal;
    println!("journal: {} files, {} frames, {} torn", journal.segments, journal.frames, journal.torn_frames);
    println!(
        "segments: {}, {} rows, {} bytes, {} orphaned files",
        report.segments, report.rows, report.bytes, report.orphans
    );
    for damage in &report.damage {
        println!("damaged: {damage}");
    }
    if report.damage.is_empty() {
        println!("sound");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

fn runtime() -> Result<Runtime> {
    Builder::new_multi_thread().enable_all().build().context("starting the async runtime")
}

/// The program's own log goes to standard error.
fn start_log(settings: &Settings) -> Result<()> {
    let filter = EnvFilter::try_new(settings.text("log.level")).context("setting `log.level`")?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.text("log.format") {
        "text" => log.with_ansi(std::io::stderr().is_terminal()).init(),
        "json" => log.json().init(),
        other => bail!("setting `log.format`: {other:?}: neither `text` nor `json`"),
    }
    Ok(())
}
