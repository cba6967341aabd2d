//! `watchkeep`: the program. It reads the command line, the configuration file and the environment (nothing else in the
//! workspace reads the environment), builds the services, plugs them into one another's ports, and opens the doors.

mod admin;
mod admin_client;
mod alarm_actions;
mod backtest;
mod clock;
mod cluster;
mod collectors;
mod command_line;
mod commands;
mod config;
mod coverage;
mod credentials;
mod directory;
mod embedded_metrics;
mod known_resources;
mod measuring;
mod server;
mod services;
mod settings;
mod sql;
mod transformations;

use std::process::ExitCode;

/// Segments are made of hundreds of megabytes in a few large pieces: this allocator gives them back, where the system's keeps
/// most of them, and it costs calls less.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit status after a failure of the disk under the journal: a supervisor should restart the process, which then recovers.
pub const EXIT_JOURNAL_FAILED: i32 = 74;

/// Exit status of a cluster's server that worked and may not any more: another may have taken over. A supervisor should restart it,
/// to be one of those that wait.
pub const EXIT_TENURE_LOST: i32 = 75;

fn main() -> ExitCode {
    match commands::run(std::env::args_os()) {
        Ok(status) => status,
        Err(error) => {
            // `{:#}` prints the chain of causes on one line.
            eprintln!("watchkeep: {error:#}");
            ExitCode::FAILURE
        }
    }
}
