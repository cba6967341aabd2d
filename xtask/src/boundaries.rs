//! Which crate may import which: the floors of ARCHITECTURE.md, checked against the manifests.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::root;

/// The floors, from the ground up. A crate imports crates of floors below its own only; those of one floor do not know each
/// other.
const FLOORS: &[&[&str]] = &[
    &["core"],
    &["model", "lang", "chart"],
    &["wire", "store", "access"],
    &["query", "delivery"],
    &[
        "metrics",
        "alarms",
        "logs",
        "traces",
        "trails",
        "keys",
        "identity",
        "messaging",
        "objects",
        "events",
        "opentelemetry",
        "prometheus",
    ],
    &["gateway", "agent", "daemon", "syslog"],
    &["watchkeep"],
];

/// Imports that the floors would allow, and that are refused all the same.
const FORBIDDEN: &[(&str, &[&str], &str)] = &[
    (
        "gateway",
        &[
            "metrics",
            "alarms",
            "logs",
            "traces",
            "trails",
            "keys",
            "identity",
            "messaging",
            "objects",
            "events",
            "opentelemetry",
            "prometheus",
            "store",
        ],
        "the gateway knows no service and keeps nothing",
    ),
    (
        "agent",
        &[
            "metrics",
            "alarms",
            "logs",
            "traces",
            "trails",
            "keys",
            "identity",
            "messaging",
            "objects",
            "events",
            "store",
        ],
        "the agent is a client of the public API",
    ),
    ("opentelemetry", &["store"], "what OpenTelemetry sends is handed to a port"),
    ("prometheus", &["store", "lang"], "metrics come and go through the ports of core"),
    (
        "daemon",
        &[
            "metrics",
            "alarms",
            "logs",
            "traces",
            "trails",
            "keys",
            "identity",
            "messaging",
            "objects",
            "events",
            "store",
        ],
        "the daemon hands segments to a port",
    ),
    (
        "syslog",
        &[
            "metrics",
            "alarms",
            "logs",
            "traces",
            "trails",
            "keys",
            "identity",
            "messaging",
            "objects",
            "events",
            "store",
        ],
        "the syslog receiver hands messages to a port",
    ),
    ("store", &["model"], "the store knows no AWS"),
    ("delivery", &["model", "lang"], "delivery carries bytes"),
    ("access", &["model"], "policies know no operations"),
    ("lang", &["model"], "languages are text in, program out"),
    ("chart", &["model"], "charts are numbers in, picture out"),
];

/// Checks every manifest in `crates/`.
pub fn check() -> Result<()> {
    let mut problems = Vec::new();
    let manifests = manifests()?;
    for (name, imports) in &manifests {
        problems.extend(violations(name, imports));
    }
    if !problems.is_empty() {
        bail!("forbidden imports:\n  {}", problems.join("\n  "));
    }
    println!("{} crates import only what lies below them", manifests.len());
    Ok(())
}

fn floor(name: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&name))
}

fn violations(name: &str, imports: &[String]) -> Vec<String> {
    let Some(own) = floor(name) else { return vec![format!("{name} stands on no floor")] };
    let mut found = Vec::new();
    for import in imports {
        if floor(import).is_none_or(|floor| floor >= own) {
            found.push(format!("{name} imports {import}, which does not lie below it"));
        }
        let refused = FORBIDDEN.iter().find(|(who, what, _)| *who == name && what.contains(&import.as_str()));
        if let Some((_, _, why)) = refused {
            found.push(format!("{name} imports {import}: {why}"));
        }
    }
    found
}

/// Each crate's name and the crates of ours that it imports, both without `watchkeep-`.
fn manifests() -> Result<BTreeMap<String, Vec<String>>> {
    let mut manifests = BTreeMap::new();
    for entry in fs::read_dir(root().join("crates")).context("reading crates/")? {
        let path = entry?.path().join("Cargo.toml");
        if !path.exists() {
            continue;
        }
        let manifest: toml::Table = fs::read_to_string(&path)?.parse().with_context(|| path.display().to_string())?;
        let name = manifest
            .get("package")
            .and_then(|package| package.get("name")?.as_str())
            .context("a crate without a name")?;
        let imports = manifest.get("dependencies").and_then(toml::Value::as_table);
        let imports =
            imports.into_iter().flat_map(|table| table.keys()).filter_map(|key| key.strip_prefix("watchkeep-"));
        manifests
            .insert(name.strip_prefix("watchkeep-").unwrap_or(name).to_owned(), imports.map(str::to_owned).collect());
    }
    Ok(manifests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifests_keep_to_the_floors() {
        check().unwrap();
    }

    #[test]
    fn a_forbidden_import_is_found() {
        let cases: &[(&str, &[&str], usize)] = &[
            ("logs", &["core", "store", "wire"], 0),
            ("logs", &["metrics"], 1),
            ("store", &["wire"], 1),
            ("gateway", &["store"], 1),
            ("unheard", &[], 1),
            ("core", &["unheard"], 1),
        ];
        for (name, imports, count) in cases {
            let imports: Vec<String> = imports.iter().map(|&import| import.to_owned()).collect();
            assert_eq!(violations(name, &imports).len(), *count, "{name} {imports:?}");
        }
    }
}
