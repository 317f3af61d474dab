use super::*;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// What is written may hold secrets, wherever it is written to.
#[test]
fn nobody_else_reads_what_a_node_writes() {
    let directory = tempfile::tempdir().unwrap();
    let work = directory.path();
    std::fs::set_permissions(work, Permissions::from_mode(0o755)).unwrap();
    let (written, appended) = (work.join("meta/a/written"), work.join("meta/b/appended"));
    // A crash of an earlier release left this.
    std::fs::create_dir_all(work.join("meta/a")).unwrap();
    let left = work.join("meta/a/written.new");
    std::fs::write(&left, "longer than the content").unwrap();
    std::fs::set_permissions(&left, Permissions::from_mode(0o644)).unwrap();
    for content in ["1", "2"] {
        write_durably(&written, content.as_bytes()).unwrap();
        append_durably(&appended, content.as_bytes()).unwrap();
        assert_eq!((mode(&written), mode(&appended)), (0o600, 0o600));
    }
    assert_eq!(mode(&work.join("meta/b")), 0o700);
    assert_eq!(mode(work), 0o755);
    assert_eq!(std::fs::read(&written).unwrap(), b"2");
    assert_eq!(std::fs::read(&appended).unwrap(), b"12");
}
