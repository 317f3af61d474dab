//! Every dependency has a user: of the workspace's list a package, of a package's a source.

use std::collections::BTreeMap;

use crate::finding::{expect_none, expect_one, Finding};
use crate::manifest::{packages, planted, Package};
use crate::source::{files, read, root};

const WHY: &str = "what nobody uses is still built, audited and updated by everybody: remove it";

/// Dependencies that no source names because generated code does, each with its reason.
const BY_GENERATED_CODE: &[(&str, &str)] = &[];

/// The keys of `[workspace.dependencies]` with their lines.
fn declared(manifest: &str) -> Vec<(usize, String)> {
    let mut inside = false;
    let mut keys = Vec::new();
    for (at, line) in manifest.lines().enumerate() {
        if line.starts_with('[') {
            inside = line.trim() == "[workspace.dependencies]";
        } else if let (true, Some((key, _))) = (inside, line.split_once('=')) {
            // Neither a comment nor the inside of a list over several lines.
            if key.starts_with(|c: char| c.is_alphanumeric()) {
                let name = key.trim().split('.').next().unwrap_or_default();
                keys.push((at + 1, name.to_owned()));
            }
        }
    }
    keys
}

fn check_workspace(manifest: &str, packages: &[Package]) -> Vec<Finding> {
    let used =
        |name: &String| packages.iter().any(|p| p.dependencies.iter().any(|d| d.name == *name));
    declared(manifest)
        .into_iter()
        .filter(|(_, name)| !used(name))
        .map(|(line, name)| {
            let what = format!("no package uses the workspace dependency {name}");
            Finding { path: "Cargo.toml".into(), line, what, why: WHY }
        })
        .collect()
}

/// `sources` holds, by package folder, the text of all its Rust files.
fn check_packages(packages: &[Package], sources: &BTreeMap<String, String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let text = sources.get(&package.folder).map_or("", String::as_str);
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            let generated = BY_GENERATED_CODE.iter().any(|(free, _)| *free == name);
            // A package that names itself only turns on a feature for its tests.
            if name != package.name && !generated && !names(text, &name.replace('-', "_")) {
                findings.push(Finding {
                    path: package.manifest(),
                    line: package.line_of(name),
                    what: format!("no source of {} names {name}", package.name),
                    why: WHY,
                });
            }
        }
    }
    findings
}

/// Whether the text holds `krate` as a path root (`krate::`), a `use`, or a serde `with`.
fn names(text: &str, krate: &str) -> bool {
    text.match_indices(krate).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + krate.len()..]);
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let path = after.starts_with("::");
        let import = before.ends_with("use ") || before.ends_with("extern crate ");
        let attribute = before.ends_with('"') && after.starts_with('"');
        !before.ends_with(word) && !after.starts_with(word) && (path || import || attribute)
    })
}

fn sources(packages: &[Package]) -> BTreeMap<String, String> {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for file in files(&root()).iter().filter(|f| f.ends_with(".rs")) {
        let owner = packages.iter().find(|p| file.starts_with(&format!("{}/", p.folder)));
        if let Some(package) = owner {
            *texts.entry(package.folder.clone()).or_default() += &read(file);
        }
    }
    texts
}

#[test]
fn every_workspace_dependency_has_a_package() {
    expect_none(check_workspace(&read("Cargo.toml"), &packages()));
}

#[test]
fn every_dependency_of_a_package_has_a_source() {
    let packages = packages();
    expect_none(check_packages(&packages, &sources(&packages)));
}

#[test]
fn a_planted_unused_workspace_dependency_is_named() {
    let manifest = "[workspace]\nx = 1\n[workspace.dependencies]\nserde = \"1\"\n# why\nrand.version = \"1\"\n[profile.dev]\nopt = 1\n";
    let packages = [planted("libproc", "libproc", &["serde"])];
    expect_one(&check_workspace(manifest, &packages), 6, "the workspace dependency rand");
    expect_none(check_workspace("[workspace.dependencies]\nserde = \"1\"\n", &packages));
}

#[test]
fn a_planted_unused_dependency_of_a_package_is_named() {
    let packages = [planted("libproc", "libproc", &["serde", "rmp-serde", "serde_bytes"])];
    let text = |s: &str| BTreeMap::from([("libproc".to_owned(), s.to_owned())]);
    let used = "use serde::Serialize; rmp_serde::to_vec(); #[serde(with = \"serde_bytes\")]";
    expect_none(check_packages(&packages, &text(used)));
    let unused = "use serde::Serialize; fn my_rmp_serde() {} #[serde(with = \"serde_bytes\")]";
    expect_one(
        &check_packages(&packages, &text(unused)),
        5,
        "no source of libproc names rmp-serde",
    );
}
