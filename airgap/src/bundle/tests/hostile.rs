//! Archives that somebody made to do harm, or by mistake.

use std::fs::{self, File};

use serde_json::json;
use tempfile::TempDir;

use super::super::Limits;
use super::layout::{Entry, Parts, blob, file, header, label, label_of, label_within, tar, zstd};
use super::open;

/// What a change of the entries of a good bundle leads to, compressed and not.
fn changed(change: impl FnOnce(&mut Vec<Entry>)) -> &'static str {
    let mut entries = Parts::good().entries();
    change(&mut entries);
    let bytes = tar(&entries);
    let found = label(&bytes);
    assert_eq!(label(&zstd(&bytes)), found);
    found
}

/// What a change of the parts of a bundle leads to when all digests fit.
fn rebuilt(change: impl FnOnce(&mut Parts)) -> &'static str {
    let mut parts = Parts::good();
    change(&mut parts);
    label(&tar(&parts.entries()))
}

#[test]
fn a_bundle_by_another_hand_is_read() {
    assert_eq!(changed(|_| ()), "accepted");
    assert_eq!(changed(|entries| entries.reverse()), "accepted");
    let dotted = |entries: &mut Vec<Entry>| {
        for (name, _, _) in entries.iter_mut() {
            *name = format!("./{name}");
        }
        for folder in ["./blobs/sha256/", "./blobs/", "./"] {
            entries.insert(0, (folder.to_owned(), b'5', Vec::new()));
        }
    };
    assert_eq!(changed(dotted), "accepted");
    assert_eq!(rebuilt(|parts| parts.signatures.clear()), "accepted");
    let foreign = |parts: &mut Parts| {
        parts.artifact = |artifact| artifact["annotations"] = json!({"any": "thing"});
        parts.index = |index| {
            let again = index["manifests"][0].clone();
            index["manifests"].as_array_mut().unwrap().push(again);
        };
    };
    assert_eq!(rebuilt(foreign), "accepted");
}

/// Writes `prefix` into the header at the beginning of an archive.
fn prefixed(mut archive: Vec<u8>, prefix: &[u8]) -> Vec<u8> {
    archive[345..345 + prefix.len()].copy_from_slice(prefix);
    archive[148..156].fill(b' ');
    let sum: u32 = archive[..512].iter().map(|byte| u32::from(*byte)).sum();
    archive[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    archive
}

#[test]
fn a_name_in_two_pieces_is_one_name() {
    let mut entries = Parts::good().entries();
    entries.reverse();
    let short = |entries: &mut Vec<Entry>| {
        let name = entries[0].0.rsplit('/').next().unwrap().to_owned();
        entries[0].0 = name;
    };
    short(&mut entries);
    let archive = tar(&entries);
    assert_eq!(label(&archive), "foreign_entry");
    assert_eq!(
        label(&prefixed(archive.clone(), b"blobs/sha256")),
        "accepted"
    );
    assert_eq!(
        label(&prefixed(archive, b"../blobs/sha256")),
        "path_traversal"
    );
}

#[test]
fn an_entry_that_would_lie_outside_is_refused() {
    for name in [
        "../x",
        "/etc/passwd",
        "blobs/../../x",
        "./../x",
        "blobs/sha256/..",
        "..",
        "//x",
    ] {
        let found = changed(|entries| entries.insert(1, file(name, b"x")));
        assert_eq!(found, "path_traversal", "{name}");
    }
}

#[test]
fn an_entry_that_is_no_plain_file_is_refused() {
    for kind in *b"1234567xgXLKSVMDA" {
        let entry = |entries: &mut Vec<Entry>| {
            let name = entries[3].0.clone();
            let contents = if kind == b'5' {
                b"x".to_vec()
            } else {
                Vec::new()
            };
            entries.insert(1, (name, kind, contents));
        };
        assert_eq!(changed(entry), "entry_kind", "{}", char::from(kind));
    }
}

#[test]
fn an_entry_that_is_there_twice_is_refused() {
    for at in 0..7 {
        let twice = |dot: &'static str| {
            move |entries: &mut Vec<Entry>| {
                let (name, kind, contents) = entries[at].clone();
                entries.push((format!("{dot}{name}"), kind, contents));
            }
        };
        assert_eq!(changed(twice("")), "duplicate_entry", "{at}");
        assert_eq!(changed(twice("./")), "duplicate_entry", "{at}");
    }
}

#[test]
fn an_entry_that_a_bundle_does_not_have_is_refused() {
    let digits = "0".repeat(64);
    for name in [
        "README",
        "",
        "blobs",
        "blobs/sha256",
        "blobs/sha256/x",
        "OCI-layout",
        "index.json/",
        "././index.json",
        "blobs//sha256/x",
        &format!("blobs/sha256/{}", "A".repeat(64)),
        &format!("blobs/sha512/{digits}"),
        &format!("blobs/sha256/{digits}/"),
        "x\u{1b}[31m",
    ] {
        let found = changed(|entries| entries.insert(1, file(name, b"x")));
        assert_eq!(found, "foreign_entry", "{name:?}");
    }
    let folder = changed(|entries| entries.insert(0, ("x/".to_owned(), b'5', Vec::new())));
    assert_eq!(folder, "foreign_entry");
    let layout = changed(|entries| entries.insert(0, ("oci-layout".to_owned(), b'5', Vec::new())));
    assert_eq!(layout, "foreign_entry");
    let unnamed = changed(|entries| entries.push(blob(b"nothing names this")));
    assert_eq!(unnamed, "foreign_entry");
    let layer = rebuilt(|parts| {
        parts.artifact = |artifact| artifact["layers"][2]["mediaType"] = "text/plain".into();
    });
    assert_eq!(layer, "foreign_entry");
}

#[test]
fn contents_that_are_not_what_their_name_says_are_refused() {
    for at in 2..7 {
        let found = changed(|entries| entries[at].2[0] ^= 1);
        assert_eq!(found, "digest_mismatch", "{at}");
    }
    let other = rebuilt(|parts| parts.manifest["pack"]["sha256"] = "0".repeat(64).into());
    assert_eq!(other, "digest_mismatch");
}

#[test]
fn what_is_named_must_be_there() {
    for at in 0..7 {
        let found = changed(|entries| drop(entries.remove(at)));
        assert_eq!(found, "missing", "{at}");
    }
    let no_pack = rebuilt(|parts| parts.pack.clear());
    assert_eq!(no_pack, "missing");
    assert_eq!(label(&zstd(&tar(&[]))), "missing");
}

#[test]
fn sizes_that_do_not_add_up_are_refused() {
    let cases: [fn(&mut Parts); 8] = [
        |parts| parts.index = |index| index["manifests"][0]["size"] = 1.into(),
        |parts| parts.artifact = |artifact| artifact["layers"][0]["size"] = 1.into(),
        |parts| parts.artifact = |artifact| artifact["layers"][1]["size"] = 1.into(),
        |parts| parts.artifact = |artifact| artifact["layers"][2]["size"] = u64::MAX.into(),
        |parts| parts.manifest["pack"]["size"] = 1.into(),
        |parts| parts.manifest["repositories"][0]["files"][0]["size"] = u64::MAX.into(),
        |parts| parts.manifest["repositories"][0]["files"][1]["offset"] = 0.into(),
        |parts| {
            let manifest = parts.manifest.as_object_mut().unwrap();
            manifest.remove("pack");
            manifest["repositories"] = json!([]);
        },
    ];
    for (at, case) in cases.into_iter().enumerate() {
        assert_eq!(rebuilt(case), "size_lie", "{at}");
    }
}

#[test]
fn other_formats_are_told_from_what_is_no_bundle() {
    let schema = |schema: &'static str| rebuilt(|parts| parts.manifest["schema"] = schema.into());
    assert_eq!(schema("vouchsafe.dev/bundle/v2"), "unknown_format");
    let artifact = rebuilt(|parts| {
        parts.artifact =
            |it| it["artifactType"] = "application/vnd.vouchsafe.bundle.v2+json".into();
    });
    assert_eq!(artifact, "unknown_format");
    let cases: [fn(&mut Parts); 12] = [
        |parts| parts.manifest["unknown"] = 1.into(),
        |parts| parts.manifest["sequence"] = 0.into(),
        |parts| parts.artifact = |it| it["artifactType"] = "application/x".into(),
        |parts| parts.artifact = |it| drop(it.as_object_mut().unwrap().remove("artifactType")),
        |parts| parts.artifact = |it| it["schemaVersion"] = 1.into(),
        |parts| parts.artifact = |it| it["config"]["mediaType"] = "application/x".into(),
        |parts| parts.artifact = |it| it["layers"] = json!([]),
        |parts| parts.artifact = |it| it["layers"].as_array_mut().unwrap().swap(0, 1),
        |parts| parts.artifact = |it| it["layers"][0]["digest"] = "sha512:0".into(),
        |parts| parts.artifact = |it| drop(it["layers"][2]["annotations"].take()),
        |parts| parts.index = |it| it["manifests"] = json!([]),
        |parts| {
            parts.index = |it| {
                let mut other = it["manifests"][0].clone();
                other["size"] = 1.into();
                it["manifests"].as_array_mut().unwrap().push(other);
            };
        },
    ];
    for (at, case) in cases.into_iter().enumerate() {
        assert_eq!(rebuilt(case), "not_a_bundle", "{at}");
    }
    let order = rebuilt(|parts| parts.signatures.push(([6; 32], vec![2; 70])));
    assert_eq!(order, "not_a_bundle");
    let layout = changed(|entries| entries[0].2 = br#"{"imageLayoutVersion":"2.0.0"}"#.to_vec());
    assert_eq!(layout, "not_a_bundle");
    let deep = changed(|entries| entries[1].2 = "[".repeat(1 << 20).into_bytes());
    assert_eq!(deep, "not_a_bundle");
}

#[test]
fn what_is_no_archive_is_refused() {
    let good = tar(&Parts::good().entries());
    let packed = zstd(&good);
    let mut sum = good.clone();
    sum[148] ^= 1;
    let mut size = good.clone();
    size[124..136].fill(b'9');
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03";
    let after = [&good[..], &[0; 5000], b"x"].concat();
    let frames = [&packed[..], &packed].concat();
    let skippable = [&b"\x50\x2a\x4d\x18\x04\0\0\0abcd"[..], &packed].concat();
    let skipped = [&packed[..], b"\x50\x2a\x4d\x18\x04\0\0\0abcd"].concat();
    let garbage = [&packed[..], b"x"].concat();
    let dictionary = b"\x28\xb5\x2f\xfd\x01\0\0\0\0\0\0\0\0\0";
    let reserved = b"\x28\xb5\x2f\xfd\x08\0\0\0\0\0\0\0\0\0";
    let words = b"neither this nor that".repeat(100);
    for (at, bytes) in [
        &sum[..],
        &size,
        gzip,
        &after,
        &zstd(&after),
        &frames,
        &skippable,
        &skipped,
        &garbage,
        dictionary,
        reserved,
        &words,
        b"x",
        &zstd(&words),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(label(bytes), "not_a_bundle", "{at}");
    }
    for bytes in [&b""[..], &packed[..3], &packed[..5], &zstd(b"")] {
        assert_eq!(label(bytes), "truncated", "{bytes:?}");
    }
}

#[test]
fn more_than_the_limits_is_refused() {
    let huge = [&header("index.json", b'0', 5 << 20)[..], &[b' '; 1024]].concat();
    assert_eq!(label(&huge), "too_large");
    let huge = [&header("oci-layout", b'0', 5 << 20)[..], &[b' '; 1024]].concat();
    assert_eq!(label(&huge), "too_large");
    let mut binary = header(&blob(b"x").0, b'0', 0);
    // GNU's binary numbers begin with this bit.
    binary[124] = 0x80;
    binary[148..156].fill(b' ');
    let sum: u32 = binary.iter().map(|byte| u32::from(*byte)).sum();
    binary[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    assert_eq!(label(&binary), "too_large");

    let signature = |count: u8, len: usize| {
        rebuilt(|parts| {
            let signatures = (0..count).map(|at| ([at; 32], vec![at; len]));
            parts.signatures = signatures.collect();
        })
    };
    assert_eq!(signature(64, 1024), "accepted");
    assert_eq!(signature(65, 70), "too_large");
    assert_eq!(signature(1, 1025), "too_large");

    let good = zstd(&tar(&Parts::good().entries()));
    let within = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        label_within(&good, &limits)
    };
    assert_eq!(within(|_| ()), "accepted");
    assert_eq!(within(|limits| limits.entries = 6), "too_large");
    assert_eq!(within(|limits| limits.unpacked = 1000), "too_large");
    assert_eq!(within(|limits| limits.manifest = 1000), "too_large");
    assert_eq!(within(|limits| limits.index = 100), "too_large");
    assert_eq!(within(|limits| limits.window_log = 10), "too_large");
}

#[test]
fn a_file_of_any_length_is_not_read_to_its_end() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("b.tar");
    fs::write(&path, tar(&Parts::good().entries())).unwrap();
    // It takes no room, and nothing but zeros follows the archive.
    let file = File::options().write(true).open(&path).unwrap();
    file.set_len(1 << 40).unwrap();
    assert_eq!(label_of(open(&path)), "too_large");
}
