//! Where fuzzing begins: seeds made of what other tests have, and the cases that were found.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vouchsafe_tests::vector;

use crate::program::{BASES, keys, root_keys};

/// What is kept of a target's inputs, a line of base64 each.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kept {
    /// Those that once showed a fault. Each has a line before it, after `#`, that says which.
    Found,
    /// Those that together reach what fuzzing has reached.
    Reached,
}

impl Kept {
    /// The file of the target called `name`.
    pub fn path(self, name: &str) -> PathBuf {
        let kind = match self {
            Self::Found => "found",
            Self::Reached => "reached",
        };
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
        corpus.join(format!("{name}.{kind}"))
    }

    /// The inputs of the target called `name`, with the number of the line of each.
    ///
    /// # Errors
    ///
    /// If the file is there and cannot be read.
    pub fn read(self, name: &str) -> io::Result<Vec<(usize, Vec<u8>)>> {
        let text = match fs::read_to_string(self.path(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            text => text?,
        };
        let lines = text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.starts_with('#'));
        lines
            .map(|(number, line)| {
                let bytes = STANDARD.decode(line).map_err(io::Error::other)?;
                Ok((number + 1, bytes))
            })
            .collect()
    }

    /// Writes the inputs of the target called `name` anew.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn write(self, name: &str, inputs: &BTreeSet<Vec<u8>>) -> io::Result<()> {
        let lines = inputs.iter().map(|input| STANDARD.encode(input) + "\n");
        fs::write(self.path(name), lines.collect::<String>())
    }
}

/// Writes seeds and kept inputs of the target called `name` into `folder`, a file each, as libFuzzer has
/// them.
///
/// # Errors
///
/// If they cannot be read or written.
pub fn unpack(name: &str, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let kept = [Kept::Found.read(name)?, Kept::Reached.read(name)?];
    let kept = kept.into_iter().flatten().map(|(_, bytes)| bytes);
    for (number, bytes) in seeds(name)?.into_iter().chain(kept).enumerate() {
        fs::write(folder.join(format!("kept-{number:05}")), bytes)?;
    }
    Ok(())
}

/// Keeps the shortest inputs in `folder` instead of those that reached something before, 256 KiB in all; what
/// is a seed, is made anew every time.
///
/// # Errors
///
/// If they cannot be read or written.
pub fn pack(name: &str, folder: &Path) -> io::Result<()> {
    let mut inputs = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        inputs.insert(fs::read(entry?.path())?);
    }
    let seeds = seeds(name)?;
    let mut inputs: Vec<Vec<u8>> = inputs.difference(&seeds).cloned().collect();
    inputs.sort_by_key(Vec::len);
    let mut left = MOST_KEPT;
    inputs.retain(|input| {
        left = left.saturating_sub(input.len());
        left > 0
    });
    Kept::Reached.write(name, &inputs.into_iter().collect())
}

/// The seeds of the target called `name`, made anew.
///
/// # Errors
///
/// If the files that they are made of cannot be read.
pub fn seeds(name: &str) -> io::Result<BTreeSet<Vec<u8>>> {
    Ok(match name {
        "admission" => reviews()?,
        "bundle" => bundles(),
        "canonical" => json()?,
        "configuration" => configurations()?,
        "custom_resource" => custom_resources(),
        "image" => lines(IMAGES),
        "key" => listed_keys(),
        "pattern" => lines_joined(PATTERNS),
        "repository" => programs(),
        "role_file" => role_files()?,
        "server_answer" => answers(),
        _ => BTreeSet::new(),
    })
}

fn reviews() -> io::Result<BTreeSet<Vec<u8>>> {
    let mut reviews = BTreeSet::new();
    for entry in fs::read_dir(repository_root().join("webhook/fixtures"))? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let text = fs::read_to_string(path)?;
            let signed = IMAGES_OF_REVIEWS.iter();
            let signed = signed.fold(text.clone(), |text, image| text.replace(image, SIGNED));
            reviews.insert(signed.into_bytes());
            let allowed = text.replace("registry.example.com/", "allowed.example.com/");
            reviews.insert(allowed.into_bytes());
            reviews.insert(text.into_bytes());
        }
    }
    Ok(reviews)
}

fn role_files() -> io::Result<BTreeSet<Vec<u8>>> {
    let mut files = BTreeSet::new();
    for vector in vector::load_all()? {
        for (name, bytes) in vector.step_files(0)? {
            let kind = match name.as_str() {
                name if name.contains("root") => 0,
                "timestamp.json" => 1,
                "snapshot.json" => 2,
                "targets.json" => 3,
                _ => 4,
            };
            if bytes.len() < LONGEST {
                files.insert([&[kind], bytes.as_slice()].concat());
            }
        }
    }
    Ok(files)
}

fn json() -> io::Result<BTreeSet<Vec<u8>>> {
    let files = role_files()?;
    // The content, without the signatures.
    let signed = files.iter().filter_map(|file| {
        let text = std::str::from_utf8(&file[1..]).ok()?;
        let (_, signed) = text.split_once("\"signed\":")?;
        signed
            .split_once(",\"signatures\"")
            .map(|(signed, _)| signed.as_bytes().to_vec())
    });
    let few = signed.filter(|signed| signed.len() < 1024);
    Ok(few.chain(lines(VALUES)).collect())
}

fn listed_keys() -> BTreeSet<Vec<u8>> {
    let mut seeds = BTreeSet::new();
    for key in keys() {
        seeds.insert([&[1, 0], key.spki().as_slice()].concat());
        seeds.insert([b"\0\0", key.public_key_pem().as_bytes()].concat());
    }
    for key in root_keys() {
        let pem = key.certificate_pem();
        seeds.insert([b"\0\0", pem.as_bytes()].concat());
        for block in vouchsafe_trust::key::Pem::parse_all(&pem).expect("it is PEM") {
            seeds.insert([&[2, 0], block.contents.as_slice()].concat());
        }
    }
    seeds.insert([&[4, 0], [7; 32].as_slice()].concat());
    seeds
}

/// Programs that change nothing, on every base and by every kind of terms.
fn programs() -> BTreeSet<Vec<u8>> {
    let mut programs = BTreeSet::new();
    for base in 0..u8::try_from(BASES.len()).expect("there are few") {
        for pins in 0..5 {
            programs.insert(vec![pins, 0, 0, 0, 0, base, 0, 0]);
            programs.insert(vec![pins, 0, 2, 1, 1, base, 1, 0, base]);
        }
    }
    programs
}

fn bundles() -> BTreeSet<Vec<u8>> {
    let mut seeds = BTreeSet::new();
    for base in 0..u8::try_from(BASES.len()).expect("there are few") {
        for kind in [2, 3] {
            seeds.insert(vec![kind, 1, base, 0, 1]);
            seeds.insert(vec![kind, 2, base, 0, 1, 0, 3]);
        }
    }
    let archive = crate::bundle::sample();
    let compressed = zstd::bulk::compress(&archive, 19).expect("it compresses");
    seeds.insert([&[0], compressed.as_slice()].concat());
    seeds.insert([&[1], archive.as_slice()].concat());
    seeds
}

fn custom_resources() -> BTreeSet<Vec<u8>> {
    let server = "https://notary.example.com".parse().expect("a server");
    let gun = crate::program::GUN.parse().expect("a GUN");
    let mut seeds = BTreeSet::new();
    for base in BASES.iter() {
        let metadata = crate::repository::metadata(&gun, base);
        let packed =
            vouchsafe_cluster::trust_repository::pack(&server, &metadata, crate::admission::now());
        let spec = serde_json::to_vec(&packed.expect("it is small").spec).expect("it is JSON");
        seeds.insert([&[0], spec.as_slice()].concat());
    }
    seeds.insert(b"\x01\x04\x00\x00\x01x\x01\x01\x01y\x02\x21\x01z\x03\x20\x01a".to_vec());
    seeds
}

/// The YAML of the documentation.
fn configurations() -> io::Result<BTreeSet<Vec<u8>>> {
    let mut seeds = BTreeSet::new();
    for entry in fs::read_dir(repository_root().join("docs"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let text = fs::read_to_string(path)?;
            let blocks = text.split("```yaml").skip(1);
            let blocks = blocks.filter_map(|block| block.split_once('\n')?.1.split("```").next());
            seeds.extend(blocks.map(|block| block.as_bytes().to_vec()));
        }
    }
    seeds.retain(|seed| seed.len() < LONGEST);
    Ok(seeds)
}

fn answers() -> BTreeSet<Vec<u8>> {
    let answers = ANSWERS
        .iter()
        .map(|(kind, text)| [&[*kind], text.as_bytes()].concat());
    answers.collect()
}

fn lines(lines: &[&str]) -> BTreeSet<Vec<u8>> {
    lines.iter().map(|line| line.as_bytes().to_vec()).collect()
}

/// Each line before the next one, and both before all images.
fn lines_joined(lines: &[&str]) -> BTreeSet<Vec<u8>> {
    let images = IMAGES[..4].join("\n");
    let pairs = lines.iter().zip(lines.iter().skip(1));
    pairs
        .map(|(first, second)| format!("{first}\n{second}\n{images}").into_bytes())
        .collect()
}

fn repository_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

const LONGEST: usize = 8 << 10;
/// The most bytes of kept inputs of one target.
const MOST_KEPT: usize = 256 << 10;
/// What stands in the reviews that an API server sent.
const IMAGES_OF_REVIEWS: [&str; 6] = [
    "registry.example.com/shop/app:1.4.2",
    "registry.example.com/shop/app:1.5.0",
    "registry.example.com/shop/migrate:1.4.2",
    "registry.example.com/shop/report:3",
    "registry.example.com/shop/report:4",
    "registry.example.com/tools/debug:2",
];
/// What is stored.
const SIGNED: &str = "registry.example.com/team/app:signed";
const IMAGES: &[&str] = &[
    "registry.example.com/team/app:1.4",
    "nginx",
    "localhost:5000/a/b_c:v1",
    "registry.example.com/a@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "index.docker.io/nginx:1@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "[::1]:5000/a",
    "Quay.IO/x__y.z-w/a",
    "https://notary.example.com:4443/notary",
    "targets/releases/a",
    "2026-11-23T04:00:00.5-08:00",
    "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
];
const PATTERNS: &[&str] = &[
    "*",
    "*:*",
    "registry.example.com/*",
    "registry.example.com/team/app:*",
    "registry.example.com:5000/*/app:v1*",
    "docker.io/library/*@sha256:*",
    "nginx:1.*",
    "*a*b*c*",
];
const VALUES: &[&str] = &[
    r#"{"b":1,"a":[true,false,null,-9007199254740992,"\ud83d\ude00\u0000\"\\\/"]}"#,
    r#"{"a":1,"a b":2,"a!":3,"\uffff":4,"\ud83d\ude00":5,"e\u0301":{}}"#,
    "1.0",
    "-0",
    r#"{"a":1,"\u0061":1}"#,
    "[[[[[[[[]]]]]]]]",
];
const ANSWERS: &[(u8, &str)] = &[
    (
        0,
        r#"{"count":1,"records":[{"ID":"6","CreatedAt":"2026-11-23T14:44:41.476428Z","GUN":"docker.io/library/a","Version":1,"SHA256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","Category":"update"}]}"#,
    ),
    (
        0,
        r#"{"count":1,"records":[{"ID":"7","CreatedAt":"2026-11-23T14:44:41Z","GUN":"a","Version":0,"SHA256":"","Category":"deletion"}]}"#,
    ),
    (0, r#"{"count":0,"records":null}"#),
    (
        1,
        r#"{"errors":[{"code":"METADATA_NOT_FOUND","message":"x","detail":{}}]}"#,
    ),
    (1, r#"{ "errors" : [ { "code" : "UNKNOWN" "#),
    (
        2,
        r#"Bearer realm="https://auth.example/token",service="notary.example",scope="a:b:pull",error="invalid_token""#,
    ),
    (
        2,
        r#"Basic realm="a \"b\"", Bearer REALM = x,error=insufficient_scope"#,
    ),
    (3, r#"{"token":"t","expires_in":300}"#),
    (
        3,
        r#"{"access_token":"t","expires_in":0,"issued_at":"2026-11-23T14:44:41Z"}"#,
    ),
    (
        4,
        r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/vnd.vouchsafe.bundle.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#,
    ),
    (
        4,
        r#"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/vnd.vouchsafe.bundle.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}]}"#,
    ),
];
