//! How executors trust their agent: a copy of the authorities' certificates in the work dir.
//!
//! The operator's file may be readable by the agent alone, and on Kubernetes it is gone with the
//! agent's pod, which executors outlive. A copy that everybody can read stays, and is renewed with
//! its original; executors read it again by themselves.

use anyhow::Context;
use libproc::{Node, TlsConfig};
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Where executors find it.
pub fn path(work_dir: &Path) -> PathBuf {
    work_dir.join("tls").join("ca.pem")
}

/// Copies the file, and goes on doing so while the node lives.
pub fn publish(node: &Node, tls: &TlsConfig, work_dir: &Path) -> anyhow::Result<PathBuf> {
    let from = tls.ca.clone().context("no CA for executors to verify the agent with")?;
    let to = path(work_dir);
    copy(&from, &to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    if let Some(closed) = closed(&to) {
        tracing::warn!(
            "executors that run as another user cannot verify the agent: {} is closed to them; \
             give a --work-dir that everybody can pass through",
            closed.display()
        );
    }
    let (living, every, copied) = (node.clone(), tls.reload_every, to.clone());
    node.spawn_future(async move {
        loop {
            tokio::select! { biased;
                _ = living.ended() => return,
                () = living.sleep(every) => {}
            }
            if let Err(error) = copy(&from, &copied) {
                tracing::warn!(%error, "executors keep the CA of before");
            }
        }
    });
    Ok(to)
}

/// The first folder on the way to a file that others cannot pass through.
fn closed(file: &Path) -> Option<&Path> {
    let open =
        |dir: &Path| fs::metadata(dir).is_ok_and(|dir| dir.permissions().mode() & 0o001 != 0);
    let mut ways: Vec<&Path> = file.ancestors().skip(1).collect();
    ways.reverse();
    ways.into_iter().find(|dir| !open(dir))
}

/// Replaces `to` as a whole, if it differs.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let content = fs::read(from)?;
    if fs::read(to).is_ok_and(|there| there == content) {
        return Ok(());
    }
    if let Some(dir) = to.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(dir)?;
    }
    let fresh = to.with_extension("new");
    fs::write(&fresh, content)?;
    fs::set_permissions(&fresh, Permissions::from_mode(0o644))?;
    fs::rename(fresh, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_can_read_the_copy_and_it_follows() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("own.pem"), path(dir.path()));
        for content in ["one", "two"] {
            fs::write(&from, content).unwrap();
            fs::set_permissions(&from, Permissions::from_mode(0o600)).unwrap();
            copy(&from, &to).unwrap();
            assert_eq!(fs::read_to_string(&to).unwrap(), content);
            assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o644);
        }
        let (own, mode) = (dir.path().join("own"), Permissions::from_mode);
        DirBuilder::new().mode(0o700).create(&own).unwrap();
        fs::set_permissions(dir.path(), mode(0o755)).unwrap();
        assert_eq!(closed(&own.join("file")), Some(own.as_path()));
        fs::set_permissions(&own, mode(0o755)).unwrap();
        assert_eq!(closed(&own.join("file")), None);
        fs::remove_file(&from).unwrap();
        assert!(copy(&from, &to).is_err());
        assert_eq!(fs::read_to_string(&to).unwrap(), "two");
    }
}
