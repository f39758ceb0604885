//! Accidents on the way: bits that flip, ends that are cut off, parts that get lost.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::super::write::{Packing, write_as};
use super::super::{Bundle, Contents, Limits, write};
use super::layout::{Random, label, label_of, label_within, noise, zstd};
use super::{contents, metadata, open};
use crate::Signature;

fn some() -> Contents {
    let folder = TempDir::new().unwrap();
    let mut contents = contents(folder.path(), &[metadata("docker.io/a/a", &noise(20_000))]);
    contents.add(&Signature {
        key: "7".repeat(64).parse().unwrap(),
        bytes: vec![1; 70],
    });
    contents
}

fn bytes(packing: Packing) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("b");
    write_as(&path, &some(), packing, None).unwrap();
    fs::read(path).unwrap()
}

#[test]
fn a_flipped_bit_anywhere_breaks_the_seal() {
    let good = bytes(Packing::Zstd);
    let seal = good.len() - 40;
    let mut random = Random(2);
    let sampled = (0..400).map(|_| random.below(seal * 8));
    let ends = (0..200).chain(seal * 8 - 100..good.len() * 8);
    for bit in sampled.chain(ends).collect::<Vec<_>>() {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        // Without its beginning the seal is something unknown after the end.
        let expected = if (seal..seal + 8).contains(&(bit / 8)) {
            "not_a_bundle"
        } else {
            "seal_broken"
        };
        assert_eq!(label(&bytes), expected, "bit {bit}");
    }
}

#[test]
fn a_flipped_bit_in_an_unsealed_file_never_changes_what_is_read() {
    let plain = bytes(Packing::None);
    let packed = zstd(&plain);
    let expected = some();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("b");
    let mut random = Random(3);
    for round in 0..900 {
        let good = if round % 3 == 0 { &packed } else { &plain };
        let bit = random.below(good.len() * 8);
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, bytes).unwrap();
        if let Ok(bundle) = open(&path) {
            assert_eq!(bundle.manifest_bytes(), expected.manifest_bytes());
            let listed = &bundle.manifest().repositories[0];
            let expected = metadata("docker.io/a/a", &noise(20_000));
            assert_eq!(bundle.repository(listed).unwrap(), expected);
        }
    }
}

#[test]
fn a_file_that_is_cut_off_is_refused() {
    let sealed = bytes(Packing::Zstd);
    let plain = bytes(Packing::None);
    let unsealed = zstd(&plain);
    for percent in 0..100 {
        for (what, whole) in [
            ("sealed", &sealed),
            ("unsealed", &unsealed),
            ("plain", &plain),
        ] {
            let cut = &whole[..whole.len() * percent / 100];
            assert_eq!(label(cut), "truncated", "{what} at {percent} %");
        }
    }
    for missing in 1..40 {
        let cut = &sealed[..sealed.len() - missing];
        assert_eq!(label(cut), "truncated", "{missing} bytes of the seal");
    }
    // As another tool compresses it: without a seal.
    assert_eq!(label(&sealed[..sealed.len() - 40]), "accepted");
}

fn split(folder: &Path) -> Vec<PathBuf> {
    let parts = write(&folder.join("b"), &some(), Some(3000)).unwrap();
    assert!(parts.len() > 3, "{parts:?}");
    parts
}

fn label_at(path: &Path) -> &'static str {
    label_of(open(path))
}

#[test]
fn parts_are_read_in_their_order_and_all_of_them() {
    let folder = TempDir::new().unwrap();
    let base = folder.path().join("b");
    let parts = split(folder.path());
    let joined: Vec<u8> = parts
        .iter()
        .flat_map(|part| fs::read(part).unwrap())
        .collect();
    assert_eq!(joined, bytes(Packing::Zstd));
    assert_eq!(label_at(&base), "accepted");
    assert_eq!(label_at(&parts[0]), "accepted");
    assert_eq!(label_at(&parts[1]), "not_a_bundle");

    let swap = |one: &Path, other: &Path| {
        fs::rename(one, &base).unwrap();
        fs::rename(other, one).unwrap();
        fs::rename(&base, other).unwrap();
    };
    swap(&parts[1], &parts[2]);
    assert_eq!(label_at(&parts[0]), "seal_broken");
    swap(&parts[1], &parts[2]);

    let away = folder.path().join("away");
    for at in 0..parts.len() {
        fs::rename(&parts[at], &away).unwrap();
        let is_last = at + 1 == parts.len();
        let expected = if is_last { "truncated" } else { "missing" };
        assert_eq!(label_at(&base), expected, "{at}");
        fs::rename(&away, &parts[at]).unwrap();
    }
    fs::write(folder.path().join("b.part9"), b"").unwrap();
    fs::write(folder.path().join("bb.part001"), b"").unwrap();
    assert_eq!(label_at(&base), "accepted");
}

#[test]
fn parts_may_be_small() {
    let folder = TempDir::new().unwrap();
    let base = folder.path().join("b");
    let whole = bytes(Packing::Zstd);
    for (at, byte) in whole.iter().enumerate().take(10) {
        fs::write(
            super::super::parts::part(&base, u32::try_from(at).unwrap() + 1),
            [*byte],
        )
        .unwrap();
    }
    fs::write(super::super::parts::part(&base, 11), &whole[10..]).unwrap();
    assert_eq!(label_at(&base), "accepted");
    assert!(write(&base, &some(), Some(1)).is_err());
    assert!(write(&base, &some(), Some(0)).is_err());
}

#[test]
fn no_part_of_an_earlier_bundle_stays_behind() {
    let folder = TempDir::new().unwrap();
    let before = split(folder.path());
    let parts = write(&folder.path().join("b"), &some(), Some(5000)).unwrap();
    assert!(parts.len() < before.len());
    assert_eq!(label_at(&parts[0]), "accepted");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), parts.len());
}

#[test]
fn a_file_that_is_not_there_is_no_refusal() {
    let folder = TempDir::new().unwrap();
    let error = open(&folder.path().join("b")).unwrap_err();
    assert!(
        matches!(error, super::OpenBundleError::Io { .. }),
        "{error:?}"
    );
    let limits = Limits::default();
    let path = folder.path().join("b");
    write(&path, &some(), None).unwrap();
    let nowhere = folder.path().join("nowhere");
    let error = Bundle::open(&path, &limits, &nowhere).unwrap_err();
    assert!(error.to_string().ends_with("nowhere"), "{error}");
}

#[test]
fn ratio_matters_only_for_what_is_large() {
    let zeros = noise(8) + &"0".repeat(1 << 20);
    let folder = TempDir::new().unwrap();
    let contents = contents(folder.path(), &[metadata("docker.io/a/a", &zeros)]);
    let path = folder.path().join("b");
    write(&path, &contents, None).unwrap();
    assert_eq!(label_at(&path), "accepted");
    let repositories: Vec<_> = (0..5)
        .map(|at| metadata(&format!("docker.io/a/{at}"), &zeros))
        .collect();
    let contents = super::contents(folder.path(), &repositories);
    write(&path, &contents, None).unwrap();
    assert_eq!(label_at(&path), "too_large");
    let limits = Limits {
        ratio: u64::MAX,
        ..Limits::default()
    };
    assert_eq!(label_within(&fs::read(&path).unwrap(), &limits), "accepted");
}
