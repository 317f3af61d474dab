//! The dependency law: who may see whom.
//!
//! It holds for every kind of dependency: a crate that needs another one in its tests is a crate
//! whose tests belong in `tests/`. Benches across crates live there too.

use crate::finding::{expect_none, expect_one, Finding};
use crate::manifest::{packages, planted, Kind, Package};

/// Each package and the packages of this workspace that it may see.
const LAW: &[(&str, &[&str])] = &[
    ("libproc", &[]),
    ("meseta-api", &[]),
    ("meseta-node", &["meseta-api", "libproc"]),
    ("meseta-master", &["meseta-api", "libproc", "meseta-node"]),
    ("meseta-agent", &["meseta-api", "libproc", "meseta-node"]),
    ("meseta-executor", &["meseta-api", "libproc", "meseta-node"]),
    ("meseta-scheduler", &["meseta-api", "libproc", "meseta-node"]),
];

/// What every package under `examples/` may see: what the author of a framework sees.
const EXAMPLES: &[&str] = &["meseta-scheduler", "meseta-executor", "meseta-api", "libproc"];

/// Packages that may see all: the binary and the suites.
const ALL: &[&str] = &["meseta", "meseta-tests"];

/// Libraries with one owner among the packages. The bench that compares libproc with its bare engine
/// is no package of this workspace (`tests/peers/`).
const OWNED: &[(&str, &str)] = &[
    ("actix", "libproc"),
    ("actix-rt", "libproc"),
    ("etcd-client", "meseta-node"),
    ("cgroups-rs", "meseta-agent"),
];

const EDGE: &str = "the dependency law (tests/tests/tidy/law.rs) keeps components apart: what two \
    of them share belongs in api, libproc or node";
const UNKNOWN: &str = "a new package takes its place in the law (tests/tests/tidy/law.rs) first";
const OWNER: &str = "a library that stands behind one crate is not named by another";
const SIM: &str = "the simulator is for tests: it is absent from what is shipped";

fn check(packages: &[Package]) -> Vec<Finding> {
    packages.iter().flat_map(|p| check_package(p, packages)).collect()
}

fn check_package(package: &Package, all: &[Package]) -> Vec<Finding> {
    let finding = |line, what, why| Finding { path: package.manifest(), line, what, why };
    let free = ALL.contains(&package.name.as_str());
    let lawful = LAW.iter().find(|(name, _)| *name == package.name).map(|(_, may)| *may);
    let example = package.folder.starts_with("examples/").then_some(EXAMPLES);
    let Some(may) = lawful.or(example).or(free.then_some(&[])) else {
        let line = package.line_of("name");
        return vec![finding(line, format!("package {} is not in the law", package.name), UNKNOWN)];
    };
    let mut findings = Vec::new();
    for dependency in &package.dependencies {
        let (name, line) = (dependency.name.as_str(), package.line_of(&dependency.name));
        let internal = all.iter().any(|p| p.name == name);
        // A package may name itself among its dev-dependencies, to turn a feature on.
        if internal && !free && !may.contains(&name) && name != package.name {
            let what = format!("{} depends on {name}", package.name);
            findings.push(finding(line, what, EDGE));
        }
        let owner = OWNED.iter().find(|(library, _)| *library == name).map(|(_, owner)| *owner);
        if owner.is_some_and(|owner| owner != package.name) {
            findings.push(finding(line, format!("{} depends on {name}", package.name), OWNER));
        }
        let sim = dependency.features.iter().any(|f| f == "sim");
        if sim && dependency.kind != Kind::Dev && package.name != "meseta-tests" {
            let what = format!("{} turns on the feature sim of {name}", package.name);
            findings.push(finding(line, what, SIM));
        }
    }
    findings
}

#[test]
fn packages_see_only_whom_they_may() {
    let packages = packages();
    expect_none(check(&packages));
    for (name, _) in LAW {
        assert!(packages.iter().any(|p| p.name == *name), "the law names {name}, which is gone");
    }
}

fn with_the_rest(package: Package) -> Vec<Finding> {
    let names = LAW.iter().map(|(name, _)| *name).chain(["meseta", "meseta-tests"]);
    let mut all: Vec<Package> = names
        .filter(|name| *name != package.name)
        .map(|name| planted(name, name.trim_start_matches("meseta-"), &[]))
        .collect();
    all.push(package);
    check(&all)
}

#[test]
fn a_planted_edge_is_named() {
    let cases: &[(&str, &str, &[&str], &str)] = &[
        ("libproc", "libproc", &["serde", "meseta-api"], "libproc depends on meseta-api"),
        ("meseta-api", "api", &["serde", "libproc"], "meseta-api depends on libproc"),
        (
            "meseta-agent",
            "agent",
            &["libproc", "meseta-executor"],
            "meseta-agent depends on meseta-executor",
        ),
        ("meseta-master", "master", &["libproc", "dev:meseta-agent"], "depends on meseta-agent"),
        ("hello", "examples/hello", &["libproc", "meseta-node"], "hello depends on meseta-node"),
        ("meseta-master", "master", &["libproc", "etcd-client"], "depends on etcd-client"),
        ("meseta-master", "master", &["libproc", "dev:actix"], "depends on actix"),
        ("meseta-tests", "tests", &["libproc", "dev:actix"], "depends on actix"),
        ("meseta", "cli", &["serde", "libproc+sim"], "turns on the feature sim"),
    ];
    for (name, folder, dependencies, needle) in cases {
        expect_one(&with_the_rest(planted(name, folder, dependencies)), 5, needle);
    }
}

#[test]
fn a_planted_unknown_package_is_named() {
    expect_one(&with_the_rest(planted("meseta-extra", "extra", &[])), 2, "is not in the law");
}

#[test]
fn lawful_edges_pass() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("meseta-node", "node", &["meseta-api", "libproc", "etcd-client"]),
        ("libproc", "libproc", &["actix", "actix-rt", "dev:libproc+sim"]),
        (
            "hello",
            "examples/hello",
            &["meseta-scheduler", "meseta-executor", "meseta-api", "libproc"],
        ),
        ("meseta", "cli", &["meseta-master", "meseta-agent", "meseta-executor"]),
        ("meseta-tests", "tests", &["meseta-master", "libproc+sim", "dev:serde"]),
    ];
    for (name, folder, dependencies) in cases {
        expect_none(with_the_rest(planted(name, folder, dependencies)));
    }
}
