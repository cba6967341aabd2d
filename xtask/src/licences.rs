//! The licences of everything that goes into the binary, against the list in `deny.toml`. It needs no network and no tool.

use std::fs;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use spdx::Expression;

use crate::process::{cargo, output};
use crate::root;

/// Refuses a dependency whose licence does not allow what `deny.toml` wants allowed.
pub fn check() -> Result<()> {
    let allowed = allowed(&fs::read_to_string(root().join("deny.toml"))?)?;
    let metadata: Value =
        serde_json::from_str(&output(&mut cargo(&["metadata", "--format-version", "1", "--locked"]))?)?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let refused: Vec<String> = packages.iter().filter_map(|package| refusal(package, &allowed)).collect();
    if !refused.is_empty() {
        bail!("licences that deny.toml does not allow:\n  {}", refused.join("\n  "));
    }
    println!("{} packages, all under allowed licences", packages.len());
    Ok(())
}

fn allowed(deny: &str) -> Result<Vec<String>> {
    let deny: toml::Table = deny.parse().context("deny.toml")?;
    let list = deny.get("licenses").and_then(|licences| licences.get("allow")).and_then(toml::Value::as_array);
    let list = list.context("deny.toml: no [licenses] allow")?;
    Ok(list.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
}

fn refusal(package: &Value, allowed: &[String]) -> Option<String> {
    let name = package["name"].as_str().unwrap_or("?");
    let licence = package["license"].as_str().unwrap_or_default();
    let is_allowed = Expression::parse_mode(licence, spdx::ParseMode::LAX)
        .is_ok_and(|licence| licence.evaluate(|asked| allowed.contains(&asked.to_string())));
    (!is_allowed).then(|| format!("{name}: {licence:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_needs_one_allowed_choice() {
        let allowed = allowed("[licenses]\nallow = [\"MIT\", \"Apache-2.0 WITH LLVM-exception\"]").unwrap();
        let cases = [
            ("MIT", true),
            ("MIT OR GPL-3.0-only", true),
            ("MIT/Apache-2.0", true),
            ("MIT AND GPL-3.0-only", false),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("Apache-2.0", false),
            ("", false),
        ];
        for (licence, is_allowed) in cases {
            let package = serde_json::json!({"name": "x", "license": licence});
            assert_eq!(refusal(&package, &allowed).is_none(), is_allowed, "{licence}");
        }
    }
}
