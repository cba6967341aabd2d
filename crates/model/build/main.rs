//! Turns `models/*.json` into Rust: one file a service in `OUT_DIR`, included by `src/lib.rs`. A service that AWS's models no
//! longer describe in the Query protocol, and that older clients speak so, has what is missing in `models/query/`.

mod names;
mod operations;
mod shapes;

use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::Value;

/// A service's model and its name.
struct Model {
    name: String,
    json: Value,
}

impl Model {
    fn shape(&self, name: &str) -> &Value {
        &self.json["shapes"][name]
    }
}

fn main() {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let models = manifest.join("../../models");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed={}", models.display());
    for entry in fs::read_dir(&models).expect("models/ is part of the work tree") {
        let path = entry.expect("readable directory").path();
        if path.extension().is_some_and(|extension| extension == "json") {
            generate(&path, &out);
        }
    }
}

fn generate(path: &Path, out: &Path) {
    let name = path.file_stem().expect("a file name").to_string_lossy().into_owned();
    let text = fs::read_to_string(path).expect("a readable model");
    let mut json = serde_json::from_str(&text).expect("a JSON model");
    let query = path.with_file_name("query").join(format!("{name}.json"));
    if query.exists() {
        let text = fs::read_to_string(&query).expect("readable facts");
        merge(&mut json, serde_json::from_str(&text).expect("JSON facts"));
    }
    let model = Model { json, name };
    let mut code = String::from(
        "use crate::{Constraints, Element, ErrorTraits, Kind, Location, Member, Operation, Protocol, Schema, SchemaKind, Service, Shape, TimestampFormat};\n",
    );
    shapes::generate(&model, &mut code);
    operations::generate(&model, &mut code);
    fs::write(out.join(format!("{}.rs", model.name)), code).expect("a writable OUT_DIR");
}

/// Lays `more` over `json`: objects member by member.
fn merge(json: &mut Value, more: Value) {
    match (json, more) {
        (Value::Object(members), Value::Object(more)) => {
            for (name, value) in more {
                merge(members.entry(name).or_insert(Value::Null), value);
            }
        }
        (json, more) => *json = more,
    }
}
