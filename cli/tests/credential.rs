//! Which credential file a verb uses.

use meseta_cli::credential::{find, path};
use meseta_node::election::Masters;
use meseta_node::keys::{Credential, OPERATOR};
use std::path::Path;

fn masters() -> Masters {
    "127.0.0.1:5050,m2:5050".parse().unwrap()
}

#[test]
fn a_given_file_comes_first() {
    let state = Some(Path::new("/s"));
    let given = path(Some(Path::new("k.json")), &masters(), state);
    assert_eq!(given.as_deref(), Some(Path::new("k.json")));
    let default = path(None, &masters(), state);
    assert_eq!(default.as_deref(), Some(Path::new("/s/credentials/127.0.0.1_5050.json")));
    assert_eq!(path(None, &masters(), None), None);
    assert_eq!(path(None, &"etcd://e".parse().unwrap(), state), None, "`local` needs no etcd");
}

#[test]
fn a_missing_file_is_named_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let said = |given, state| {
        let found: anyhow::Result<Credential> = find(given, &masters(), state, &OPERATOR);
        format!("{:#}", found.unwrap_err())
    };
    let default = said(None, Some(dir.path()));
    assert!(
        default.contains("127.0.0.1_5050.json") && default.contains("meseta local"),
        "{default}"
    );
    let missing = dir.path().join("k.json");
    let given = said(Some(missing.as_path()), None);
    assert!(given.contains("k.json") && given.contains("No such file"), "{given}");
    assert!(said(None, None).contains("HOME"));
    let in_etcd = find(None, &"etcd://e".parse().unwrap(), Some(dir.path()), &OPERATOR);
    let in_etcd = format!("{:#}", in_etcd.unwrap_err());
    assert!(in_etcd.contains("--credential") && in_etcd.contains("etcd"), "{in_etcd}");
}
