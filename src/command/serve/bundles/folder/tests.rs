use std::cell::Cell;

use tempfile::TempDir;

use super::*;

/// Looks until a bundle that does not change has settled; returns how often it was looked into.
fn looked_into(folder: &mut Folder, directory: &Path, answer: &ImportAnswer) -> usize {
    let count = Cell::new(0);
    for _ in 0..3 {
        folder.look(directory, |_path| {
            count.set(count.get() + 1);
            Ok(answer.clone())
        });
    }
    count.get()
}

fn refused(label: &str) -> ImportAnswer {
    ImportAnswer::Refused {
        label: label.to_owned(),
        message: String::new(),
    }
}

#[test]
fn a_layout_whose_blobs_come_after_its_index_is_looked_at_again() {
    let directory = TempDir::new().unwrap();
    let directory = directory.path();
    let layout = directory.join("layout");
    let blobs = layout.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(layout.join("index.json"), "{}").unwrap();
    fs::write(blobs.join("0"), "half").unwrap();
    let mut folder = Folder::default();
    let look = |folder: &mut Folder| looked_into(folder, directory, &refused("missing"));
    assert_eq!(look(&mut folder), 1);
    assert_eq!(look(&mut folder), 0);
    fs::write(blobs.join("0"), "half and half").unwrap();
    assert_eq!(look(&mut folder), 1);
    fs::write(blobs.join("1"), "another").unwrap();
    assert_eq!(look(&mut folder), 1);
}

#[test]
fn a_bundle_that_the_clock_stood_against_is_looked_at_again() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a.tar.zst");
    fs::write(&path, "a bundle").unwrap();
    let mut folder = Folder::default();
    let look =
        |folder: &mut Folder| looked_into(folder, directory.path(), &refused("clock_behind"));
    assert_eq!(look(&mut folder), 1);
    let stage = folder.known[&path].stage;
    assert!(matches!(stage, Stage::Failed(_)), "{stage:?}");
}
