//! Flags of who is let in over HTTP, and the guards that follow from them.
//!
//! Where there are credentials they are asked for, unless a flag says otherwise; a flag that wants
//! them where there are none is an error. Files are read once, before anything is started.

use crate::local::keys::secret;
use anyhow::{bail, Context};
use meseta_node::credentials::{self, Known};
use meseta_node::http::auth::{Basic, ExecutorTokens, Guards, Realm};
use meseta_node::keys::write_secret;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The key that an agent makes for itself, in its work dir.
const OWN_KEY: &str = "jwt-secret-key";

/// Flags that masters and agents share.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct HttpAuthArgs {
    /// File of those who are let in over HTTP: {"credentials": [{"principal": …, "secret": …}]}, or
    /// a principal and its secret on each line
    #[arg(long, value_name = "FILE")]
    pub http_credentials: Option<PathBuf>,
    /// Ask who reads documents, metrics and files; by default where there are HTTP credentials
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub authenticate_http_readonly: Option<bool>,
    /// Ask who calls the operator API; by default where there are HTTP credentials
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub authenticate_http_readwrite: Option<bool>,
}

/// Of masters.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct FrameworkAuthArgs {
    /// Ask who calls the scheduler API; by default where there are HTTP credentials
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub authenticate_http_frameworks: Option<bool>,
}

/// Of agents.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ExecutorAuthArgs {
    /// Ask executors over HTTP for the token of their container; by default where the agent has
    /// credentials or --jwt-secret-key
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub authenticate_http_executors: Option<bool>,
    /// File of the key of executors' tokens, at least 32 bytes; by default one that the agent makes
    /// and keeps in its work dir
    #[arg(long, value_name = "FILE")]
    pub jwt_secret_key: Option<PathBuf>,
}

impl HttpAuthArgs {
    /// Those who are named in the file, if one is given.
    pub fn known(&self) -> anyhow::Result<Option<Vec<Known>>> {
        let read = self.http_credentials.as_deref().map(credentials::read);
        read.transpose().context("--http-credentials")
    }

    /// The guards of a master that lets `known` in over HTTP. Where a flag does not say, it asks
    /// if `by_default`.
    pub fn of_master(
        &self,
        frameworks: &FrameworkAuthArgs,
        known: Option<&[Known]>,
        by_default: bool,
    ) -> anyhow::Result<Guards> {
        guards(
            known,
            by_default,
            &[
                (Realm::MasterReadOnly, self.authenticate_http_readonly),
                (Realm::MasterReadWrite, self.authenticate_http_readwrite),
                (Realm::MasterScheduler, frameworks.authenticate_http_frameworks),
            ],
        )
    }

    /// The guards of an agent, but for its executors; `by_default` as above.
    pub fn of_agent(&self, known: Option<&[Known]>, by_default: bool) -> anyhow::Result<Guards> {
        guards(
            known,
            by_default,
            &[
                (Realm::AgentReadOnly, self.authenticate_http_readonly),
                (Realm::AgentReadWrite, self.authenticate_http_readwrite),
            ],
        )
    }
}

impl ExecutorAuthArgs {
    /// Whether executors are asked for tokens, where an agent has credentials or has none.
    pub fn asks(&self, credentials: bool) -> bool {
        let configured = credentials || self.jwt_secret_key.is_some();
        self.authenticate_http_executors.unwrap_or(configured)
    }

    /// What makes them, with the key that is given or the agent's own.
    pub fn tokens(&self, cluster: &str, work_dir: &Path) -> anyhow::Result<ExecutorTokens> {
        let own = work_dir.join(OWN_KEY);
        let path = self.jwt_secret_key.as_ref().unwrap_or(&own);
        if self.jwt_secret_key.is_none() && !own.exists() {
            write_secret(&own, secret()?.as_bytes())?;
        }
        let key = std::fs::read(path).with_context(|| {
            format!("cannot read the key of executors' tokens, {}", path.display())
        })?;
        ExecutorTokens::new(&key, cluster)
            .with_context(|| format!("{} is no key of executors' tokens", path.display()))
    }
}

fn guards(
    known: Option<&[Known]>,
    by_default: bool,
    asked: &[(Realm, Option<bool>)],
) -> anyhow::Result<Guards> {
    let mut guards = Guards::open();
    for (realm, flag) in asked {
        match (flag.unwrap_or(by_default), known) {
            (false, _) => {}
            (true, Some(known)) => {
                guards = guards.with(*realm, Arc::new(Basic::of(*realm, known)));
            }
            (true, None) => {
                bail!(
                    "--{}: there are no credentials to ask for: give --http-credentials FILE",
                    kebab(*realm)
                )
            }
        }
    }
    Ok(guards)
}

/// What of a master or an agent anybody may do over HTTP, as its flags are called.
pub fn open(guards: &Guards, realms: &[Realm]) -> Vec<String> {
    let open = realms.iter().filter(|realm| !guards.asks(**realm));
    open.map(|realm| format!("--{} is off", kebab(*realm))).collect()
}

fn kebab(realm: Realm) -> String {
    realm.flag().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<Known> {
        vec![Known { principal: "p".into(), secret: "s".into(), role: None }]
    }

    #[test]
    fn credentials_are_asked_for_where_they_are_unless_a_flag_says_otherwise() {
        for (flag, credentials, asks) in [
            (None, false, Some(false)),
            (None, true, Some(true)),
            (Some(false), false, Some(false)),
            (Some(false), true, Some(false)),
            (Some(true), true, Some(true)),
            (Some(true), false, None),
        ] {
            let known = credentials.then(known);
            let args = HttpAuthArgs { authenticate_http_readonly: flag, ..HttpAuthArgs::default() };
            let made = args.of_master(&FrameworkAuthArgs::default(), known.as_deref(), credentials);
            let case = format!("{flag:?} {credentials}");
            match (made, asks) {
                (Ok(guards), Some(asks)) => {
                    assert_eq!(guards.asks(Realm::MasterReadOnly), asks, "{case}");
                    let others = [Realm::MasterReadWrite, Realm::MasterScheduler];
                    assert!(
                        others.iter().all(|other| guards.asks(*other) == credentials),
                        "{case}"
                    );
                    let closed = open(&guards, &[Realm::MasterReadOnly]).is_empty();
                    assert_eq!(closed, asks, "{case}");
                }
                (Err(error), None) => {
                    let said = error.to_string();
                    assert!(said.starts_with("--authenticate-http-readonly: "), "{said}");
                }
                (made, _) => panic!("{case}: {made:?}"),
            }
        }
    }

    #[test]
    fn a_file_that_is_wrong_is_named_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("who");
        let args = HttpAuthArgs { http_credentials: Some(path.clone()), ..Default::default() };
        let missing = format!("{:#}", args.known().unwrap_err());
        assert!(missing.contains("--http-credentials") && missing.contains("who"), "{missing}");
        std::fs::write(&path, "p s\nq").unwrap();
        let wrong = format!("{:#}", args.known().unwrap_err());
        assert!(
            wrong.ends_with("who, line 2: expected a principal and a secret, found 1 words"),
            "{wrong}"
        );
        std::fs::write(&path, "p s").unwrap();
        assert_eq!(args.known().unwrap().unwrap(), known());
    }

    #[test]
    fn exe_22_an_agents_own_key_is_made_once_and_its_own() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let args = ExecutorAuthArgs::default();
        assert!(!args.asks(false) && args.asks(true));
        let claims =
            meseta_node::http::auth::Claims { fid: "f".into(), eid: "e".into(), cid: "c".into() };
        let token = args.tokens("c", dir.path()).unwrap().issue(&claims);
        let again = args.tokens("c", dir.path()).unwrap();
        assert_eq!(again.verify(&token), Some(claims.clone()), "a restart keeps executors' tokens");
        let other = tempfile::tempdir().unwrap();
        assert_eq!(args.tokens("c", other.path()).unwrap().verify(&token), None);
        let path = dir.path().join(OWN_KEY);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let given =
            ExecutorAuthArgs { jwt_secret_key: Some(path.clone()), ..ExecutorAuthArgs::default() };
        assert!(given.asks(false));
        assert_eq!(given.tokens("c", other.path()).unwrap().verify(&token), Some(claims));
        std::fs::write(&path, "short").unwrap();
        let wrong = format!("{:#}", given.tokens("c", other.path()).unwrap_err());
        assert!(wrong.contains(OWN_KEY) && wrong.ends_with("at least 32 are needed"), "{wrong}");
        std::fs::remove_file(&path).unwrap();
        let missing = format!("{:#}", given.tokens("c", other.path()).unwrap_err());
        assert!(missing.contains(OWN_KEY) && missing.contains("No such file"), "{missing}");
        assert!(!path.exists(), "a key that was given is not made");
    }
}
