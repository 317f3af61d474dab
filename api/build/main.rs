//! Compiles `proto/` into Rust types, and writes beside them what prost does not give: for every
//! message its descriptor table and its named form (JSON, MessagePack).
//!
//! Everything is derived from the descriptors, so a field is added by editing a `.proto` file
//! and nothing else. `names` repeats how prost spells Rust paths, `impls` writes the code that
//! `src/v1.rs` includes after prost's own.

mod impls;
mod names;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost_types::FileDescriptorSet;

/// Messages that hold secrets: `src/v1/redacted.rs` writes their `Debug` by hand.
const REDACTED: [&str; 2] = [".mesos.v1.Credential", ".mesos.v1.Secret.Value"];

// Cargo speaks to build scripts through the environment; the ban is for what runs.
#[allow(clippy::disallowed_methods)]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=build");

    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut files = Vec::new();
    find_protos(Path::new("proto"), &mut files)?;
    files.sort();
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_source_info(true).include_imports(true);
    compiler.open_files(&files)?;
    let descriptors = compiler.file_descriptor_set();

    fs::write(out.join("named.rs"), impls::generate(&descriptors)?)?;

    let mut config = prost_build::Config::new();
    config
        .out_dir(&out)
        // Ordered maps, so that equal messages encode to equal bytes.
        .btree_map(["."])
        // Payloads are cloned along the actors' path; a clone must not copy them.
        .bytes(["."])
        .skip_debug(REDACTED)
        .extern_path(".google.protobuf.Duration", "crate::v1::Duration");
    config.compile_fds(without_deprecation(descriptors))?;
    Ok(())
}

fn find_protos(dir: &Path, found: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            find_protos(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.push(path);
        }
    }
    Ok(())
}

/// What the API deprecates for its clients the cluster must go on serving, so the Rust fields
/// carry no `#[deprecated]`.
fn without_deprecation(mut descriptors: FileDescriptorSet) -> FileDescriptorSet {
    fn clear(message: &mut prost_types::DescriptorProto) {
        for field in &mut message.field {
            if let Some(options) = &mut field.options {
                options.deprecated = None;
            }
        }
        message.nested_type.iter_mut().for_each(clear);
    }
    for file in &mut descriptors.file {
        file.message_type.iter_mut().for_each(clear);
    }
    descriptors
}
