//! Whatever an archive claims, opening it takes little memory. A process of its own, since the peak is
//! one of the process.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bundle that cannot be built fails the test"
)]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use tempfile::TempDir;
use vouchsafe_airgap::bundle::{
    Bundle, Contents, Limits, OpenBundleError, PackFile, PackWriter, write,
};
use vouchsafe_airgap::manifest::{Manifest, Repository};
use vouchsafe_trust::{RepositoryMetadata, Sha256};

/// How much memory `run` takes at its peak, in KiB, besides what there was before.
fn measured<T>(run: impl FnOnce() -> T) -> (T, u64) {
    // Where the kernel allows it, the peak starts anew; elsewhere the measure is a little weaker.
    drop(fs::write("/proc/self/clear_refs", "5"));
    let before = peak();
    let done = run();
    (done, peak() - before)
}

/// The most memory that this process ever had, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("the process's status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let size = line.and_then(|line| line.trim().strip_suffix(" kB"));
    size.and_then(|size| size.parse().ok())
        .expect("a number of KiB")
}

fn header(name: &str, size: u64) -> [u8; 512] {
    let mut header = [0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

fn blob_header(size: u64) -> [u8; 512] {
    header(&format!("blobs/sha256/{}", Sha256::of(b"")), size)
}

/// A zstd frame with `start` and then zeros, 128 KiB in four bytes.
fn bomb(start: &[u8], blocks: u32) -> Vec<u8> {
    let block = |is_last: bool, kind: u32, size: u32| {
        (size << 3 | kind << 1 | u32::from(is_last)).to_le_bytes()
    };
    let mut bytes = b"\x28\xb5\x2f\xfd\x00\x68".to_vec();
    let size = u32::try_from(start.len()).expect("a short beginning");
    bytes.extend(&block(false, RAW, size)[..3]);
    bytes.extend(start);
    for at in 1..=blocks {
        bytes.extend(&block(at == blocks, REPEATED, 128 << 10)[..3]);
        bytes.push(0);
    }
    bytes
}

/// What opening a bundle says, and how much memory that took, in KiB.
fn open(path: &Path, folder: &Path) -> (&'static str, u64) {
    let (opened, taken) = measured(|| Bundle::open(path, &Limits::default(), folder));
    match opened {
        Ok(_) => ("accepted", taken),
        Err(OpenBundleError::Refused(refusal)) => (refusal.label(), taken),
        Err(OpenBundleError::Io { .. }) => ("io", taken),
    }
}

/// An archive with a million files of eight bytes.
fn million_entries(path: &Path) {
    let file = BufWriter::new(File::create(path).expect("a file"));
    let mut archive = zstd::Encoder::new(file, 1).expect("an encoder");
    let entry = |number: u64| {
        let mut contents = [0; 512];
        contents[..8].copy_from_slice(&number.to_le_bytes());
        let name = format!("blobs/sha256/{}", Sha256::of(&contents[..8]));
        [header(&name, 8), contents].concat()
    };
    for number in 0..2000 {
        archive.write_all(&entry(number)).expect("space on disk");
    }
    let rest = entry(2000).repeat(1000);
    for _ in 0..998 {
        archive.write_all(&rest).expect("space on disk");
    }
    let mut file = archive.finish().expect("space on disk");
    file.flush().expect("space on disk");
}

/// A bundle of `count` repositories of some 30 KB.
fn large(path: &Path, folder: &Path, count: u64) {
    let mut pack = PackWriter::new(folder).expect("a pack");
    let mut state = 1_u64;
    let mut file = |role: &str, len: usize| {
        let mut text = String::new();
        while text.len() < len {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            write!(text, "{:08x}", state >> 32).expect("memory");
        }
        let signed = format!(
            r#"{{"_type":"{role}","expires":"2030-01-01T00:00:00Z","version":1,"x":"{text}"}}"#
        );
        format!(r#"{{"signed":{signed},"signatures":[]}}"#).into_bytes()
    };
    let repositories = (0..count).map(|at| {
        let metadata = RepositoryMetadata {
            gun: format!("docker.io/a/{at:09}").parse().expect("a GUN"),
            roots: vec![file("Root", 4000)],
            timestamp: file("Timestamp", 500),
            snapshot: file("Snapshot", 500),
            targets: file("Targets", 25_000),
            delegations: [].into(),
        };
        Repository {
            server: "notary.example.com".parse().expect("a server"),
            gun: metadata.gun.clone(),
            verified_at: jiff::Timestamp::UNIX_EPOCH,
            tags: 1,
            files: pack.add(&metadata).expect("role files"),
        }
    });
    let repositories = repositories.collect();
    let pack = pack.finish().expect("space on disk");
    let manifest = Manifest {
        pack: pack.as_ref().map(PackFile::pack),
        repositories,
        ..Manifest::empty(
            "site".parse().expect("a name"),
            1,
            jiff::Timestamp::UNIX_EPOCH,
        )
    };
    let contents = Contents::new(&manifest, pack).expect("a bundle");
    write(path, &contents, None).expect("space on disk");
}

#[test]
fn opening_takes_little_memory_whatever_is_claimed() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let path = folder.join("bundle");
    let window = b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00".to_vec();
    let segment = b"\x28\xb5\x2f\xfd\xe0\x00\x00\x00\x00\x00\x01\x00\x00\x01\x00\x00".to_vec();
    let cases = [
        ("a blob of 7 GiB", bomb(&blob_header(7 << 30), 1 << 16)),
        (
            "a blob of almost 8 GiB",
            bomb(&blob_header((8 << 30) - 1), 1 << 16),
        ),
        (
            "a large index",
            bomb(&header("index.json", 1 << 30), 1 << 16),
        ),
        ("zeros after the end", bomb(&[0; 1024], 1 << 16)),
        ("a window of 2 GiB", window),
        ("a segment of 1 TiB", segment),
    ];
    for (what, bytes) in cases {
        fs::write(&path, bytes).expect("space on disk");
        let (label, taken) = open(&path, folder);
        assert_eq!(label, "too_large", "{what}");
        assert!(taken < 24 << 10, "{what}: {taken} KiB");
    }
    million_entries(&path);
    let (label, taken) = open(&path, folder);
    assert_eq!(label, "too_large");
    assert!(taken < 24 << 10, "a million entries: {taken} KiB");

    let ((), taken) = measured(|| large(&path, folder, 2000));
    assert!(taken < 64 << 10, "writing a large bundle: {taken} KiB");
    let (label, taken) = open(&path, folder);
    assert_eq!(label, "accepted");
    assert!(taken < 24 << 10, "a large bundle: {taken} KiB");
    assert_eq!(fs::read_dir(folder).expect("the folder").count(), 1);
}

const RAW: u32 = 0;
const REPEATED: u32 = 1;
