//! Writes `tests/vectors/` anew, or with `check` says where it differs from what would be written.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool"
)]

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

use vouchsafe_tests::vector;

fn main() -> ExitCode {
    let outcome = match env::args().nth(1).as_deref() {
        None => write(),
        Some("check") => check(),
        Some(_) => Err(io::Error::other("usage: vectors [check]")),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("vectors: {error}");
            ExitCode::from(2)
        }
    }
}

fn write() -> io::Result<ExitCode> {
    let root = vector::root();
    let wanted = vector::tree();
    for path in vector::read_tree(&root)?
        .keys()
        .filter(|path| !wanted.contains_key(*path))
    {
        fs::remove_file(root.join(path))?;
    }
    for (path, bytes) in &wanted {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&root))?;
        fs::write(path, bytes)?;
    }
    remove_empty(&root)?;
    println!("wrote {} files", wanted.len());
    Ok(ExitCode::SUCCESS)
}

fn check() -> io::Result<ExitCode> {
    let wanted = vector::tree();
    let mut found = vector::read_tree(&vector::root())?;
    let mut clean = true;
    for (path, bytes) in &wanted {
        if found.remove(path).as_ref() != Some(bytes) {
            println!("differs or is missing: {path}");
            clean = false;
        }
    }
    for path in found.keys() {
        println!("is not made by any case: {path}");
        clean = false;
    }
    Ok(if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Removes folders that hold nothing any more; says whether `folder` itself is one of them.
fn remove_empty(folder: &Path) -> io::Result<bool> {
    let mut empty = true;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() && remove_empty(&entry.path())? {
            fs::remove_dir(entry.path())?;
        } else {
            empty = false;
        }
    }
    Ok(empty)
}
