//! Persistent volumes on this machine: directories, made and removed durably, and linked into the
//! sandboxes of those who use them.
//!
//! Whoever uses a volume last owns its directory; what is in it keeps the owners that it has.

use super::{ContainerError, VolumeMount};
use std::fs::File;
use std::io;
use std::os::unix::fs::{chown, symlink, DirBuilderExt, MetadataExt};
use std::path::Path;

/// Others have no business in a volume; on the way to it they may pass.
const VOLUME_MODE: u32 = 0o750;
const PASSAGE_MODE: u32 = 0o755;

/// Makes a volume's directory.
pub(super) fn make(directory: &Path) -> Result<(), ContainerError> {
    let made = || -> io::Result<()> {
        let parent = parent_of(directory)?;
        std::fs::DirBuilder::new().mode(PASSAGE_MODE).recursive(true).create(parent)?;
        match std::fs::DirBuilder::new().mode(VOLUME_MODE).create(directory) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        }?;
        for above in parent.ancestors().take(DEPTH) {
            File::open(above)?.sync_all()?;
        }
        Ok(())
    };
    made().map_err(|error| cannot("make", directory, &error))
}

/// `volumes`, `roles`, the role, and what they are in: all that may have been made.
const DEPTH: usize = 4;

/// Removes a volume's directory and all in it. Links in it are removed, not followed.
pub(super) fn remove(directory: &Path) -> Result<(), ContainerError> {
    let removed = || -> io::Result<()> {
        match std::fs::remove_dir_all(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            removed => removed?,
        }
        File::open(parent_of(directory)?)?.sync_all()
    };
    removed().map_err(|error| cannot("remove", directory, &error))
}

/// Links volumes into a sandbox that nobody runs in yet, and gives them to its owner.
pub(super) fn link(sandbox: &Path, volumes: &[VolumeMount]) -> Result<(), ContainerError> {
    for VolumeMount { source, container_path } in volumes {
        let linked = || -> io::Result<()> {
            let owner = std::fs::symlink_metadata(sandbox)?;
            let owned = std::fs::symlink_metadata(source)?;
            if (owned.uid(), owned.gid()) != (owner.uid(), owner.gid()) {
                chown(source, Some(owner.uid()), Some(owner.gid()))?;
            }
            let place = sandbox.join(container_path);
            make_passage(sandbox, container_path, (owner.uid(), owner.gid()))?;
            symlink(source, place)
        };
        linked().map_err(|error| cannot("link", source, &error))?;
    }
    Ok(())
}

/// Makes the directories between a sandbox and a link in it.
fn make_passage(sandbox: &Path, path: &Path, (uid, gid): (u32, u32)) -> io::Result<()> {
    let mut place = sandbox.to_owned();
    for part in path.parent().into_iter().flat_map(Path::components) {
        place.push(part);
        match std::fs::DirBuilder::new().mode(VOLUME_MODE).create(&place) {
            Ok(()) => chown(&place, Some(uid), Some(gid))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn parent_of(directory: &Path) -> io::Result<&Path> {
    directory.parent().ok_or_else(|| io::Error::other("a volume is not the root directory"))
}

fn cannot(what: &str, directory: &Path, error: &io::Error) -> ContainerError {
    let what = format!("cannot {what} the volume {}: {error}", directory.display());
    ContainerError { what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn res_12_data_outlives_sandboxes_and_ends_with_its_volume() {
        let base = std::env::temp_dir().join(format!("meseta-volumes-{}", std::process::id()));
        let volume = base.join("volumes/roles/eng web/v");
        make(&volume).unwrap();
        make(&volume).unwrap();
        for run in ["1", "2"] {
            let sandbox = base.join(run);
            std::fs::create_dir(&sandbox).unwrap();
            let mount =
                VolumeMount { source: volume.clone(), container_path: "data/of/mine".into() };
            link(&sandbox, std::slice::from_ref(&mount)).unwrap();
            assert!(link(&sandbox, &[mount]).is_err(), "taken");
            let file = sandbox.join("data/of/mine/count");
            let before = std::fs::read_to_string(&file).unwrap_or_default();
            std::fs::write(&file, before + run).unwrap();
            std::fs::remove_dir_all(&sandbox).unwrap();
        }
        assert_eq!(std::fs::read_to_string(volume.join("count")).unwrap(), "12");
        remove(&volume).unwrap();
        remove(&volume).unwrap();
        assert!(!volume.exists());
        let gone = VolumeMount { source: volume, container_path: "x".into() };
        let error = link(&base, &[gone]).unwrap_err();
        assert!(error.to_string().contains("cannot link the volume"), "{error}");
        std::fs::remove_dir_all(&base).unwrap();
    }
}
