//! Bundles that lie open in a folder.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::super::parts::open_plain;
use super::layout::{Parts, label_of};
use super::open;

/// What a change of a good folder leads to.
fn changed(change: impl FnOnce(&Path)) -> &'static str {
    let folder = TempDir::new().unwrap();
    let path = &folder.path().join("layout");
    fs::create_dir_all(path.join("blobs/sha256")).unwrap();
    for (name, _, contents) in Parts::good().entries() {
        fs::write(path.join(name), contents).unwrap();
    }
    change(path);
    label_of(open(path))
}

fn some_blob(path: &Path) -> std::path::PathBuf {
    let mut blobs = fs::read_dir(path.join("blobs/sha256")).unwrap();
    blobs.next().unwrap().unwrap().path()
}

#[test]
fn a_folder_is_a_bundle() {
    assert_eq!(changed(|_| ()), "accepted");
}

#[test]
fn a_link_or_pipe_in_a_folder_is_refused() {
    let link = |path: &Path| {
        let blob = some_blob(path);
        let away = path.with_extension("away");
        fs::rename(&blob, &away).unwrap();
        symlink(&away, &blob).unwrap();
    };
    assert_eq!(changed(link), "entry_kind");
    let folder_link = |path: &Path| {
        let away = path.with_extension("away");
        fs::rename(path.join("blobs"), &away).unwrap();
        symlink(&away, path.join("blobs")).unwrap();
    };
    assert_eq!(changed(folder_link), "entry_kind");
    let pipe = |path: &Path| {
        fs::remove_file(path.join("index.json")).unwrap();
        let made = Command::new("mkfifo").arg(path.join("index.json")).status();
        assert!(made.unwrap().success());
    };
    assert_eq!(changed(pipe), "entry_kind");
}

#[test]
fn a_folder_holds_what_its_index_names_and_nothing_else() {
    assert_eq!(
        changed(|path| fs::write(path.join("x"), "x").unwrap()),
        "foreign_entry"
    );
    assert_eq!(
        changed(|path| fs::create_dir(path.join("x")).unwrap()),
        "foreign_entry"
    );
    assert_eq!(
        changed(|path| fs::remove_file(some_blob(path)).unwrap()),
        "missing"
    );
    assert_eq!(
        changed(|path| fs::write(some_blob(path), "x").unwrap()),
        "digest_mismatch"
    );
    assert_eq!(
        changed(|path| fs::remove_file(path.join("oci-layout")).unwrap()),
        "missing"
    );
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_not_waited_for() {
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let error = open_plain(&pipe).unwrap_err();
    assert!(error.to_string().contains("no plain file"), "{error}");
}
