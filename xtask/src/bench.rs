//! `cargo xtask bench`: the micro-benchmarks of the crates, then the load generator against a real, optimized server.

use anyhow::Result;

use crate::Options;
use crate::build::{Profile, build};
use crate::process::{cargo, run, say};
use crate::{environment, root};

/// Crates with benchmarks.
const CRATES: &[&str] = &[
    "watchkeep-wire",
    "watchkeep-lang",
    "watchkeep-chart",
    "watchkeep-store",
    "watchkeep-query",
    "watchkeep-metrics",
    "watchkeep-prometheus",
    "watchkeep-alarms",
    "watchkeep-messaging",
    "watchkeep-logs",
    "watchkeep-trails",
];

/// Runs both parts, or the one named by `--only`.
pub fn bench(options: &Options) -> Result<()> {
    let only = options.value("--only");
    if only.is_none_or(|only| only == "micro") {
        for name in CRATES {
            say(&format!("micro-benchmarks of {name}"));
            run(&mut cargo(&["bench", "--locked", "-p", name, "--benches"]))?;
        }
    }
    if only.is_none_or(|only| only == "load") {
        let binary = build(Profile::Release)?;
        say("load generator over the wire (writes docs/performance.md)");
        let mut load = cargo(&["run", "--locked", "--release", "-p", "watchkeep-load", "--"]);
        load.arg("--binary").arg(binary).arg("--report").arg(root().join("docs/performance.md"));
        load.arg("--python").arg(environment::python()?);
        run(&mut load)?;
    }
    Ok(())
}
