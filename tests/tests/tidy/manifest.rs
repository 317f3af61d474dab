//! The workspace's packages and what they depend on, from `cargo metadata`.

use std::process::Command;

use serde_json::Value;

use crate::source::{read, root};

pub(crate) struct Package {
    pub(crate) name: String,
    /// Its folder relative to the root (`examples/hello`).
    pub(crate) folder: String,
    /// The text of its `Cargo.toml`, to name a line in it.
    pub(crate) text: String,
    pub(crate) dependencies: Vec<Dependency>,
}

pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) features: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Build,
    Dev,
}

impl Package {
    pub(crate) fn manifest(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }

    /// The line of the manifest that names a dependency (from 1; 1 if it cannot be told).
    pub(crate) fn line_of(&self, dependency: &str) -> usize {
        line_of(&self.text, dependency)
    }
}

/// The line that begins with a key, bare or quoted.
pub(crate) fn line_of(text: &str, key: &str) -> usize {
    let names = |line: &str| {
        let rest = line.trim_start().trim_start_matches('"').strip_prefix(key);
        rest.is_some_and(|r| r.starts_with([' ', '=', '.', '"']))
    };
    text.lines().position(names).map_or(1, |at| at + 1)
}

/// The packages of this workspace.
///
/// # Panics
/// If cargo does not answer, or in another form than is known here.
pub(crate) fn packages() -> Vec<Package> {
    let cargo = option_env!("CARGO").unwrap_or("cargo");
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    parse(&metadata, read)
}

/// Reads `cargo metadata`; `text` gives the text of a manifest relative to the root.
pub(crate) fn parse(metadata: &Value, text: impl Fn(&str) -> String) -> Vec<Package> {
    let base = string(&metadata["workspace_root"]);
    let package = |value: &Value| {
        let path = string(&value["manifest_path"]).replace('\\', "/");
        let relative = path.strip_prefix(&base).expect("a member of the workspace");
        let manifest = relative.trim_start_matches('/');
        Package {
            name: string(&value["name"]),
            folder: manifest.trim_end_matches("/Cargo.toml").to_owned(),
            text: text(manifest),
            dependencies: array(&value["dependencies"]).iter().map(dependency).collect(),
        }
    };
    array(&metadata["packages"]).iter().map(package).collect()
}

fn dependency(value: &Value) -> Dependency {
    let kind = match value["kind"].as_str() {
        None => Kind::Normal,
        Some("build") => Kind::Build,
        Some("dev") => Kind::Dev,
        Some(other) => panic!("unknown kind of dependency {other:?}"),
    };
    let features = array(&value["features"]).iter().map(string).collect();
    Dependency { name: string(&value["name"]), kind, features }
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("expected a string, got {value}")).to_owned()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("expected an array, got {value}"))
}

/// A package for the tests of rules: each dependency as `name`, `dev:name` or `name+feature`.
pub(crate) fn planted(name: &str, folder: &str, dependencies: &[&str]) -> Package {
    let dependency = |spec: &&str| {
        let (kind, spec) = match spec.strip_prefix("dev:") {
            Some(rest) => (Kind::Dev, rest),
            None => (Kind::Normal, *spec),
        };
        let mut parts = spec.split('+').map(str::to_owned);
        let name = parts.next().unwrap_or_default();
        Dependency { name, kind, features: parts.collect() }
    };
    let dependencies: Vec<Dependency> = dependencies.iter().map(dependency).collect();
    let lines: Vec<String> =
        dependencies.iter().map(|d| format!("{}.workspace = true", d.name)).collect();
    let text = format!("[package]\nname = \"{name}\"\n[dependencies]\n{}\n", lines.join("\n"));
    Package { name: name.into(), folder: folder.into(), text, dependencies }
}

#[test]
fn metadata_is_read_and_lines_are_found() {
    let metadata = serde_json::json!({
        "workspace_root": "/w",
        "packages": [{
            "name": "meseta-node", "manifest_path": "/w/node/Cargo.toml",
            "dependencies": [
                {"name": "libproc", "kind": null, "features": ["sim"]},
                {"name": "tempfile", "kind": "dev", "features": []},
            ],
        }],
    });
    let text = "[dependencies]\nlibproc-extra = \"1\"\nlibproc = { workspace = true }\n";
    let packages = parse(&metadata, |manifest| {
        assert_eq!(manifest, "node/Cargo.toml");
        text.to_owned()
    });
    assert_eq!((packages[0].folder.as_str(), packages[0].line_of("libproc")), ("node", 3));
    let kinds: Vec<Kind> = packages[0].dependencies.iter().map(|d| d.kind).collect();
    assert_eq!(kinds, [Kind::Normal, Kind::Dev]);
    assert_eq!(packages[0].dependencies[0].features, ["sim"]);
}
