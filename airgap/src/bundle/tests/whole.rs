//! What is written is read again, and always the same bytes.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use proptest::prelude::*;
use tempfile::TempDir;
use vouchsafe_trust::{Role, Sha256};

use super::super::{Bundle, Contents, Limits, OpenBundleError, write};
use super::layout::{self, Parts};
use super::{contents, metadata, open};
use crate::{Manifest, Refusal, Signature};

#[test]
fn what_is_written_is_read_again() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("b.tar.zst");
    let repositories = [
        metadata("docker.io/a/a", "1"),
        metadata("docker.io/a/b", "2"),
    ];
    let written = contents(folder.path(), &repositories);
    assert_eq!(write(&path, &written, None).unwrap(), [path.as_path()]);
    let bundle = open(&path).unwrap();
    assert_eq!(bundle.manifest_bytes(), written.manifest_bytes());
    for (listed, metadata) in bundle.manifest().repositories.iter().zip(&repositories) {
        assert_eq!(&bundle.repository(listed).unwrap(), metadata);
        assert_eq!(listed.file(&Role::Targets).unwrap().version.get(), 1);
    }
    let bytes = fs::read(&path).unwrap();
    write(&path, &bundle.contents(), None).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn who_signed_is_asked_before_the_role_files_take_any_room() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("b.tar.zst");
    let large = metadata("docker.io/a/a", &noise(200_000));
    let written = contents(folder.path(), &[large]);
    write(&path, &written, None).unwrap();
    // Less than the role files have, and enough for everything else.
    let limits = Limits {
        manifest: 16 << 10,
        index: 16 << 10,
        ..Limits::default()
    };
    let spool = folder.path();
    let unsigned = Bundle::open_wanted(&path, &limits, spool, |manifest, signatures| {
        assert_eq!(manifest, written.manifest_bytes());
        assert_eq!(signatures, []);
        Err(Refusal::Unsigned { needed: 1 })
    });
    let refusal = OpenBundleError::Refused(Refusal::Unsigned { needed: 1 });
    assert_eq!(unsigned.unwrap_err().to_string(), refusal.to_string());
    let wanted = Bundle::open_wanted(&path, &limits, spool, |_, _| Ok(())).unwrap();
    assert!(
        wanted
            .repository(&wanted.manifest().repositories[0])
            .is_ok()
    );
}

/// Text that does not compress.
fn noise(length: usize) -> String {
    let mut text = String::with_capacity(length);
    let mut block = Sha256::of(b"noise");
    while text.len() < length {
        text.push_str(&block.to_string());
        block = Sha256::of(block.as_bytes());
    }
    text
}

#[test]
fn a_bundle_without_role_files_is_a_bundle() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("b");
    write(&path, &contents(folder.path(), &[]), None).unwrap();
    let bundle = open(&path).unwrap();
    assert_eq!(bundle.manifest().pack, None);
    assert_eq!(bundle.blobs().len(), 2);
}

#[test]
fn a_manifest_that_no_reader_takes_is_not_written() {
    let folder = TempDir::new().unwrap();
    let good = contents(folder.path(), &[]);
    let manifest = Manifest::parse(good.manifest_bytes()).unwrap();
    let zero = Manifest {
        sequence: 0,
        ..manifest
    };
    let refusal = Contents::new(&zero, None).unwrap_err();
    assert!(matches!(refusal, Refusal::NotABundle { .. }));
}

#[test]
fn a_role_file_that_is_not_what_the_manifest_says_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("b");
    write(
        &path,
        &contents(folder.path(), &[metadata("docker.io/a/a", "1")]),
        None,
    )
    .unwrap();
    let bundle = open(&path).unwrap();
    let listed = &bundle.manifest().repositories[0];
    let label = |change: fn(&mut crate::manifest::RoleFile)| {
        let mut listed = listed.clone();
        change(&mut listed.files[1]);
        match bundle.repository(&listed).unwrap_err() {
            OpenBundleError::Refused(refusal) => refusal.label(),
            error @ OpenBundleError::Io { .. } => panic!("{error}"),
        }
    };
    assert_eq!(label(|file| file.offset = Some(1)), "digest_mismatch");
    assert_eq!(
        label(|file| file.sha256 = Sha256::of(b"other")),
        "digest_mismatch"
    );
    assert_eq!(label(|file| file.offset = Some(u64::MAX)), "truncated");
    assert_eq!(label(|file| file.offset = None), "missing");
    assert_eq!(label(|file| file.size = 1 << 40), "too_large");
}

#[test]
fn the_systems_tar_reads_and_repacks_a_bundle() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("b.tar.zst");
    let repositories = [metadata("docker.io/a/a", "1")];
    write(&path, &contents(folder.path(), &repositories), None).unwrap();
    let archive = zstd::decode_all(fs::File::open(&path).unwrap()).unwrap();
    fs::write(folder.path().join("b.tar"), archive).unwrap();
    let tar = |arguments: &[&str]| {
        let mut command = Command::new("tar");
        let output = command
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let listed = tar(&["-tvf", "b.tar", "--numeric-owner", "--utc"]);
    for line in listed.lines() {
        assert!(line.starts_with("-rw-r--r-- 0/0 "), "{line}");
        assert!(line.contains(" 2026-11-01 00:00 "), "{line}");
    }
    fs::create_dir(folder.path().join("layout")).unwrap();
    tar(&["-xf", "b.tar", "-C", "layout"]);
    for format in ["gnu", "ustar"] {
        let format = format!("--format={format}");
        tar(&["-cf", "again.tar", &format, "-C", "layout", "."]);
        let bundle = open(&folder.path().join("again.tar")).unwrap();
        assert_eq!(
            bundle
                .repository(&bundle.manifest().repositories[0])
                .unwrap(),
            repositories[0]
        );
    }
    let before = fs::read(&path).unwrap();
    let again = open(&folder.path().join("layout")).unwrap();
    write(&path, &again.contents(), None).unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
}

fn size(files: &[PathBuf]) -> u64 {
    files
        .iter()
        .map(|file| fs::metadata(file).unwrap().len())
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_is_written_is_read_again(
        repositories in prop::collection::btree_map("[a-z]{1,9}", "[ -!#-\\[\\]-~]{0,300}", 0..6),
        signatures in prop::collection::btree_map(any::<[u8; 32]>(), prop::collection::vec(any::<u8>(), 0..1024), 0..5),
        split in prop::option::of(200_u64..4000),
    ) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("b");
        let repositories: Vec<_> = repositories
            .iter()
            .map(|(name, filling)| metadata(&format!("docker.io/a/{name}"), filling))
            .collect();
        let mut written = contents(folder.path(), &repositories);
        let signatures: Vec<_> = signatures
            .into_iter()
            .map(|(key, bytes)| Signature {
                key: Sha256::from_bytes(key).to_string().parse().unwrap(),
                bytes,
            })
            .collect();
        for signature in signatures.iter().rev() {
            written.add(signature);
        }
        let files = write(&path, &written, split).unwrap();
        prop_assert_eq!(files.len() > 1, split.is_some_and(|split| split < size(&files)));
        let bundle = open(&path).unwrap();
        prop_assert_eq!(bundle.manifest_bytes(), written.manifest_bytes());
        prop_assert_eq!(bundle.signatures(), signatures.as_slice());
        let listed = &bundle.manifest().repositories;
        prop_assert_eq!(listed.len(), repositories.len());
        for (listed, metadata) in listed.iter().zip(&repositories) {
            prop_assert_eq!(&bundle.repository(listed).unwrap(), metadata);
        }
        let bytes = |files: &[PathBuf]| -> Vec<Vec<u8>> {
            files.iter().map(|file| fs::read(file).unwrap()).collect()
        };
        let before = bytes(&files);
        let again = write(&path, &bundle.contents(), split).unwrap();
        prop_assert_eq!(before, bytes(&again));
    }
}

#[test]
fn who_signed_is_found_wherever_the_role_files_lie() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("b.tar");
    let mut entries = Parts::good().entries();
    let len =
        |entries: &[layout::Entry], place: usize| u64::try_from(entries[place].2.len()).unwrap();
    // As long as a manifest may be, so that size alone does not tell it from one.
    let limits = Limits {
        manifest: len(&entries, 5),
        index: len(&entries, 2),
        ..Limits::default()
    };
    entries.reverse();
    fs::write(&path, layout::tar(&entries)).unwrap();
    let opened = Bundle::open_wanted(&path, &limits, folder.path(), |_, signatures| {
        assert_eq!(signatures.len(), 1);
        Ok(())
    });
    assert_eq!(layout::label_of(opened), "accepted");
}
