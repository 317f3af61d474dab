//! bad-input 3.3, the rows about files, on a real directory tree.

use super::*;
use libproc::http::{HeaderMap, Method};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::Path;

const RUN: &str = "/frameworks/f/executors/e/runs/c1";

/// A work directory with two sandboxes of one executor whose ids begin alike, and what an evil
/// task would leave in the first.
struct Tree {
    directory: tempfile::TempDir,
    _socket: std::os::unix::net::UnixListener,
}

impl Tree {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let work = directory.path();
        let runs = work.join("slaves/s/frameworks/f/executors/e/runs");
        let sandbox = runs.join("c1");
        for path in [sandbox.join("sub"), runs.join("c10"), work.join("meta")] {
            fs::create_dir_all(path).unwrap();
        }
        fs::write(sandbox.join("stdout"), "hello\n").unwrap();
        fs::write(sandbox.join("empty"), "").unwrap();
        fs::write(sandbox.join("sub/deep"), "deep").unwrap();
        fs::write(sandbox.join("big"), "x".repeat(200_000)).unwrap();
        fs::write(sandbox.join("a b?c"), "odd").unwrap();
        fs::write(sandbox.join("%2e%2e"), "twice").unwrap();
        fs::write(runs.join("c10/secret"), "of c10").unwrap();
        fs::write(work.join("meta/agent.info"), "secret").unwrap();
        symlink("stdout", sandbox.join("inner")).unwrap();
        symlink("inner", sandbox.join("chain")).unwrap();
        symlink("sub", sandbox.join("subdir")).unwrap();
        symlink("loop2", sandbox.join("loop1")).unwrap();
        symlink("loop1", sandbox.join("loop2")).unwrap();
        symlink("/etc/passwd", sandbox.join("absolute")).unwrap();
        symlink("../../../../../../../../meta/agent.info", sandbox.join("climbing")).unwrap();
        symlink("../c10/secret", sandbox.join("sibling")).unwrap();
        symlink("/proc/self/environ", sandbox.join("magic")).unwrap();
        symlink("/proc/self/root/etc/passwd", sandbox.join("root")).unwrap();
        symlink("..", sandbox.join("up")).unwrap();
        symlink("/dev/zero", sandbox.join("device")).unwrap();
        symlink("c1", runs.join("linked")).unwrap();
        mkfifo(&sandbox.join("pipe"), Mode::from_bits_truncate(0o600)).unwrap();
        let socket = std::os::unix::net::UnixListener::bind(sandbox.join("socket")).unwrap();
        Tree { directory, _socket: socket }
    }

    fn roots(&self) -> Roots {
        Roots { work_dir: self.directory.path().to_owned(), agent: AgentId::parse("s").ok() }
    }

    /// Status and body of a request.
    fn ask(&self, wanted: Wanted, query: &str) -> (u16, String) {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.build().unwrap();
        let answer = runtime.block_on(answer(self.roots(), wanted, request(query)));
        let body = answer.response.body().map(|body| body.to_vec());
        let text = String::from_utf8(body.unwrap_or_default()).unwrap();
        (answer.response.code().as_u16(), text)
    }

    fn read(&self, query: &str) -> Result<Value, u16> {
        match self.ask(Wanted::Read, query) {
            (200, body) => Ok(serde_json::from_str(&body).unwrap()),
            (code, _) => Err(code),
        }
    }
}

fn request(query: &str) -> Request {
    Request {
        method: Method::GET,
        path: "/files/read".into(),
        rest: String::new(),
        query: query.into(),
        headers: HeaderMap::new(),
        body: Default::default(),
        client: "127.0.0.1:1".into(),
        certificate: None,
        trace: None,
    }
}

#[test]
fn leg_04_reads_at_offsets() {
    let tree = Tree::new();
    let whole = 16 * 4096;
    for (file, window, data, offset) in [
        ("stdout", "&offset=0", "hello\n".to_owned(), 0),
        ("stdout", "&offset=1&length=3", "ell".to_owned(), 1),
        ("stdout", "&offset=0&length=-1", "hello\n".to_owned(), 0),
        ("stdout", "&offset=-1", String::new(), 6),
        ("stdout", "", String::new(), 6),
        ("stdout", "&offset=6", String::new(), 6),
        ("stdout", "&offset=0&length=0", String::new(), 0),
        ("stdout", "&offset=9223372036854775807", String::new(), 6),
        ("stdout", "&offset=5&length=107374182400", "\n".to_owned(), 5),
        ("empty", "&offset=0", String::new(), 0),
        ("big", "&offset=0&length=100000", "x".repeat(whole), 0),
        ("big", "&offset=199999&length=9223372036854775807", "x".to_owned(), 199_999),
        ("sub/deep", "&offset=0", "deep".to_owned(), 0),
        ("a%20b%3Fc", "&offset=0", "odd".to_owned(), 0),
        ("inner", "&offset=0", "hello\n".to_owned(), 0),
        ("chain", "&offset=0", "hello\n".to_owned(), 0),
        ("subdir/deep", "&offset=0", "deep".to_owned(), 0),
        ("sub/../stdout", "&offset=0", "hello\n".to_owned(), 0),
        ("%252e%252e", "&offset=0", "twice".to_owned(), 0),
    ] {
        let read = tree.read(&format!("path={RUN}/{file}{window}")).unwrap();
        assert_eq!(read["data"], data, "{file}{window}");
        assert_eq!(read["offset"], offset, "{file}{window}");
    }
}

#[test]
fn leg_04_every_name_of_a_sandbox() {
    let tree = Tree::new();
    let work = tree.directory.path().to_str().unwrap().to_owned();
    for sandbox in [RUN.to_owned(), format!("/slaves/s{RUN}"), format!("{work}/slaves/s{RUN}")] {
        let read = tree.read(&format!("path={sandbox}/stdout&offset=0"));
        assert_eq!(read.unwrap()["data"], "hello\n", "{sandbox}");
    }
    // The newest run, by the time of its last change.
    let runs = tree.directory.path().join("slaves/s/frameworks/f/executors/e/runs");
    let newer = fs::File::open(runs.join("c10")).unwrap();
    let later = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(5_000_000_000);
    newer.set_modified(later).unwrap();
    let latest = "path=/frameworks/f/executors/e/runs/latest/secret&offset=0";
    assert_eq!(tree.read(latest).unwrap()["data"], "of c10");
}

#[test]
fn bad_input_3_3_what_is_not_given_out() {
    let tree = Tree::new();
    for (path, code) in [
        (format!("{RUN}/../c10/secret"), 404),
        (format!("{RUN}/../../../../../../../meta/agent.info"), 404),
        (format!("{RUN}/%2e%2e/c10/secret"), 404),
        (format!("{RUN}/%252e%252e/c10/secret"), 404),
        (format!("{RUN}/sub/../../c10/secret"), 404),
        (format!("{RUN}/up/c10/secret"), 404),
        (format!("{RUN}/stdout%00"), 400),
        (format!("{RUN}/stdout%"), 400),
        (format!("{RUN}/%ff"), 400),
        (format!("{RUN}/missing"), 404),
        (format!("{RUN}/stdout/x"), 404),
        (format!("{RUN}/absolute"), 404),
        (format!("{RUN}/climbing"), 404),
        (format!("{RUN}/sibling"), 404),
        (format!("{RUN}/magic"), 404),
        (format!("{RUN}/root"), 404),
        (format!("{RUN}/device"), 404),
        (format!("{RUN}/loop1"), 404),
        (format!("{RUN}/pipe"), 400),
        (format!("{RUN}/socket"), 404),
        (format!("{RUN}/sub"), 400),
        (format!("{RUN}/{}", "n".repeat(300)), 404),
        (RUN.to_owned(), 400),
        ("/frameworks/f/executors/e/runs/c/stdout".to_owned(), 404),
        ("/frameworks/f/executors/e/runs/linked/stdout".to_owned(), 404),
        ("/frameworks/f/executors/e/runs".to_owned(), 404),
        ("/frameworks/..%2f..%2fmeta/executors/e/runs/c1/x".to_owned(), 404),
        ("/meta/agent.info".to_owned(), 404),
        ("/etc/passwd".to_owned(), 404),
        (String::new(), 400),
    ] {
        let query = format!("path={path}&offset=0");
        assert_eq!(tree.read(&query), Err(code), "{path:?}");
        let (downloaded, _) = tree.ask(Wanted::Download, &query);
        assert_eq!(downloaded, code, "download {path:?}");
    }
    assert_eq!(tree.read("offset=0"), Err(400), "no path");
    for window in
        ["offset=-2", "offset=x", "offset=18446744073709551615", "length=-2", "length=1e9"]
    {
        let query = format!("path={RUN}/stdout&{window}");
        assert_eq!(tree.read(&query), Err(400), "{window}");
    }
}

#[test]
fn bad_input_3_3_a_hard_link_to_a_foreign_file() {
    let tree = Tree::new();
    let sandbox = tree.directory.path().join("slaves/s/frameworks/f/executors/e/runs/c1");
    let query = format!("path={RUN}/second&offset=0");
    fs::hard_link(sandbox.join("stdout"), sandbox.join("second")).unwrap();
    assert_eq!(tree.read(&query).unwrap()["data"], "hello\n", "of the sandbox's owner");
    let foreign = Some(nix::unistd::Uid::from_raw(65_534));
    // Only root can give a file away; anybody else cannot be in this danger in a test.
    if nix::unistd::chown(&sandbox.join("stdout"), foreign, None).is_ok() {
        assert_eq!(tree.read(&query), Err(403));
    }
}

#[test]
fn bad_input_3_3_a_link_that_is_swapped_while_it_is_read() {
    let tree = Tree::new();
    let sandbox = tree.directory.path().join("slaves/s/frameworks/f/executors/e/runs/c1");
    let swap = |to: &Path| {
        let new = sandbox.join("new");
        symlink(to, &new).unwrap();
        fs::rename(new, sandbox.join("swapped")).unwrap();
    };
    for round in 0..50 {
        swap(Path::new(if round % 2 == 0 { "stdout" } else { "/etc/passwd" }));
        let read = tree.read(&format!("path={RUN}/swapped&offset=0"));
        match read {
            Ok(read) => assert_eq!(read["data"], "hello\n"),
            Err(code) => assert_eq!(code, 404),
        }
    }
}

#[test]
fn leg_04_browse_lists_in_order_and_by_pages() {
    let tree = Tree::new();
    let browse = |query: &str| -> Vec<Value> {
        let (code, body) = tree.ask(Wanted::Browse, &format!("path={query}"));
        assert_eq!(code, 200, "{query}: {body}");
        serde_json::from_str(&body).unwrap()
    };
    let paths = |entries: &[Value]| -> Vec<String> {
        let path = |entry: &Value| entry["path"].as_str().unwrap().to_owned();
        entries.iter().map(path).collect()
    };
    let all = browse(RUN);
    let names = paths(&all);
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!(names, sorted);
    assert!(names.contains(&format!("{RUN}/stdout")) && names.contains(&format!("{RUN}/pipe")));
    assert_eq!(paths(&browse(&format!("{RUN}&offset=1&limit=2"))), names[1..3]);
    assert_eq!(browse(&format!("{RUN}&offset=9999")), [] as [Value; 0]);

    let sandbox = tree.directory.path().join("slaves/s/frameworks/f/executors/e/runs/c1");
    fs::set_permissions(sandbox.join("sub/deep"), fs::Permissions::from_mode(0o640)).unwrap();
    let entry = &browse(&format!("{RUN}/sub/"))[0];
    assert_eq!(entry["path"], format!("{RUN}/sub/deep"));
    assert_eq!(entry["mode"], "-rw-r-----");
    assert_eq!((&entry["size"], &entry["nlink"]), (&Value::from(4), &Value::from(1)));
    for member in ["gid", "uid"] {
        assert!(entry[member].is_string(), "{member}");
    }
    assert!(entry["mtime"].is_number());
    let link = all.iter().find(|e| e["path"] == format!("{RUN}/absolute")).unwrap();
    assert_eq!(link["mode"], "lrwxrwxrwx", "a link is shown, not followed");

    for (path, code) in [
        (format!("{RUN}/stdout"), 400),
        (format!("{RUN}/pipe"), 400),
        (format!("{RUN}/up"), 404),
        (format!("{RUN}/.."), 404),
        (format!("{RUN}/none"), 404),
        ("/".to_owned(), 404),
        (format!("{RUN}&limit=-2"), 400),
    ] {
        assert_eq!(tree.ask(Wanted::Browse, &format!("path={path}")).0, code, "{path}");
    }
}

#[test]
fn leg_04_answers_have_jsonp_and_downloads_a_name() {
    let tree = Tree::new();
    let (_, script) = tree.ask(Wanted::Read, &format!("path={RUN}/stdout&offset=0&jsonp=cb"));
    assert_eq!(script, r#"cb({"data":"hello\n","offset":0});"#);
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.build().unwrap();
    let request = request(&format!("path={RUN}/a%20b%3Fc"));
    let answer = runtime.block_on(answer(tree.roots(), Wanted::Download, request));
    let headers = answer.response.headers();
    assert_eq!(headers["content-disposition"], "attachment; filename=a_b_c");
    assert_eq!(headers["content-type"], "application/octet-stream");
    assert!(answer.pump.is_some());
}
