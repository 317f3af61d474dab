//! `/files/browse?path=…`: the list of a directory, by pages.

use super::error::FileError;
use super::place::Place;
use super::{beneath, blocking, json, Answer, Roots};
use meseta_node::http::{Query, Refusal};
use nix::dir::Dir;
use nix::fcntl::AtFlags;
use nix::sys::stat::{fstatat, FileStat, SFlag};
use nix::unistd::{Gid, Group, Uid, User};
use serde_json::{json, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;

/// The most entries of one answer, and the default.
const MAX_ENTRIES: usize = 10_000;
/// No page begins behind this entry: what is kept to find a page is bounded.
const MAX_OFFSET: usize = 1_000_000;

/// Entries in the order of their names.
pub(super) async fn answer(
    roots: Roots,
    query: Query,
    path: String,
    place: Place,
) -> Result<Answer, Refusal> {
    let number = |name: &str, most: usize, default: usize| match query.integer(name)? {
        None | Some(-1) => Ok(default),
        Some(number) => usize::try_from(number)
            .map(|number| number.min(most))
            .map_err(|_| Refusal::bad_request(format!("Negative {name} provided"))),
    };
    let limit = number("limit", MAX_ENTRIES, MAX_ENTRIES)?;
    let offset = number("offset", MAX_OFFSET, 0)?;
    let entries = blocking(move || list(&roots, &place, &path, offset, limit)).await?;
    json(&query, &entries)
}

fn list(
    roots: &Roots,
    place: &Place,
    path: &str,
    offset: usize,
    limit: usize,
) -> Result<Value, FileError> {
    let sandbox = beneath::sandbox(roots, place)?;
    let directory = beneath::directory(&sandbox, &place.rest)?;
    // The first names in order, without ever keeping more of them than the page needs.
    let mut names: BTreeSet<CString> = BTreeSet::new();
    for entry in Dir::from_fd(directory.try_clone()?)?.iter() {
        let entry = entry?;
        if matches!(entry.file_name().to_bytes(), b"." | b"..") {
            continue;
        }
        names.insert(entry.file_name().to_owned());
        if names.len() > offset.saturating_add(limit) {
            names.pop_last();
        }
    }
    let mut owners = Owners::default();
    let mut entries = Vec::new();
    for name in names.into_iter().skip(offset) {
        // One that is gone meanwhile is not shown.
        if let Ok(stat) = fstatat(&directory, &*name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            let shown = String::from_utf8_lossy(name.to_bytes());
            let path = format!("{}/{shown}", path.trim_end_matches('/'));
            entries.push(json!({
                "path": path,
                "size": stat.st_size,
                "nlink": stat.st_nlink,
                "mtime": stat.st_mtime,
                "mode": mode(&stat),
                "uid": owners.user(stat.st_uid),
                "gid": owners.group(stat.st_gid),
            }));
        }
    }
    Ok(Value::Array(entries))
}

/// As `ls -l` shows it.
fn mode(stat: &FileStat) -> String {
    let mut text = String::with_capacity(10);
    text.push(match beneath::kind(stat) {
        SFlag::S_IFDIR => 'd',
        SFlag::S_IFLNK => 'l',
        SFlag::S_IFIFO => 'p',
        SFlag::S_IFSOCK => 's',
        SFlag::S_IFCHR => 'c',
        SFlag::S_IFBLK => 'b',
        _ => '-',
    });
    for (at, letter) in "rwxrwxrwx".chars().enumerate() {
        let set = stat.st_mode & (0o400 >> at) != 0;
        text.push(if set { letter } else { '-' });
    }
    text
}

/// Names of users and groups, each looked up once.
#[derive(Default)]
struct Owners {
    users: BTreeMap<u32, String>,
    groups: BTreeMap<u32, String>,
}

impl Owners {
    fn user(&mut self, uid: u32) -> &str {
        self.users.entry(uid).or_insert_with(|| {
            let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
            user.map_or_else(|| uid.to_string(), |user| user.name)
        })
    }

    fn group(&mut self, gid: u32) -> &str {
        self.groups.entry(gid).or_insert_with(|| {
            let group = Group::from_gid(Gid::from_raw(gid)).ok().flatten();
            group.map_or_else(|| gid.to_string(), |group| group.name)
        })
    }
}
