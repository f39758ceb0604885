//! `kill -9` of `vouchsafe sync`, at any moment: every repository is at one whole, committed generation, and none falls back.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use std::{fs, thread};

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use vouchsafe_policy::{Asked, Config, Purpose};
use vouchsafe_store::Store;
use vouchsafe_tests::harness::answers::Verdict;
use vouchsafe_tests::harness::root_key::hex;
use vouchsafe_tests::harness::scripted_server::RoleFiles;
use vouchsafe_tests::harness::{Configuration, ScriptedServer, Vouchsafe};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::{Files, Repository, digest_of};

#[test]
fn a_sync_that_is_killed_leaves_every_repository_at_one_whole_generation() {
    let guns: Vec<String> = (0..GUNS)
        .map(|number| format!("registry.example.com/team/app-{number:02}"))
        .collect();
    let published: Vec<Published> = thread::scope(|scope| {
        let makers: Vec<_> = guns
            .iter()
            .map(|gun| scope.spawn(|| Published::new(gun)))
            .collect();
        makers
            .into_iter()
            .map(|maker| maker.join().unwrap())
            .collect()
    });
    let server = ScriptedServer::plain().unwrap();
    let mut random = Random(SEED);
    let mut kills = 0;
    while kills < KILLS {
        kills += one_life(&server, &published, &mut random, KILLS - kills);
    }
}

/// A store from its first sync through every generation, each but the first and the last with a sync that is killed. Returns the
/// number of those that were still running.
fn one_life(
    server: &ScriptedServer,
    published: &[Published],
    random: &mut Random,
    wanted: usize,
) -> usize {
    let vouchsafe = Vouchsafe::new(&configuration(server, published)).unwrap();
    let mut seen = vec![0; published.len()];
    let mut kills = 0;
    let mut longest = Duration::ZERO;
    for generation in 0..GENERATIONS {
        for repository in published {
            let files = repository.generations[generation].files.clone();
            server.serve(&repository.gun, RoleFiles::new().with_files(files));
        }
        let whole = generation < 2 || kills == wanted || generation + 1 == GENERATIONS;
        if whole {
            let started = Instant::now();
            vouchsafe.succeed(&["sync"]).unwrap();
            longest = started.elapsed();
        } else {
            let mut sync = vouchsafe.spawn(&["sync"]).unwrap();
            thread::sleep(random.below(longest));
            // One that had ended is no kill, but as good a test of what follows.
            kills += usize::from(sync.wait_for_exit(Duration::ZERO).is_err());
            sync.kill().unwrap();
        }
        let found = if whole {
            asked(&vouchsafe, published)
        } else {
            read(&vouchsafe, published)
        };
        hold(published, &found, &mut seen);
        if whole {
            assert_eq!(seen, vec![generation; published.len()]);
            if kills == wanted {
                break;
            }
        }
    }
    kills
}

/// What is known of a repository: the hash of every role's file, and the digest that is admitted for its tag.
type Found = (BTreeMap<String, String>, Verdict);

/// What the commands say of every repository.
fn asked(vouchsafe: &Vouchsafe, published: &[Published]) -> Vec<Found> {
    let status = vouchsafe.run(&["status", "-o", "json"]).unwrap();
    assert_eq!(status.stderr, "", "the store was not as it should be");
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    let repositories = status["repositories"].as_array().unwrap();
    let hashes = |gun: &str| {
        let of_gun = repositories.iter().find(|status| status["gun"] == gun);
        let roles = of_gun.unwrap()["roles"].as_object().unwrap().iter();
        roles
            .map(|(role, file)| (role.clone(), file["sha256"].as_str().unwrap().to_owned()))
            .collect()
    };
    let images: Vec<String> = published
        .iter()
        .map(|of| format!("{}:signed", of.gun))
        .collect();
    let verdicts = vouchsafe.check("default", &images).unwrap();
    let all = published.iter().zip(verdicts);
    all.map(|(of, verdict)| (hashes(&of.gun), verdict))
        .collect()
}

/// The same from the store itself, which is faster than two commands.
fn read(vouchsafe: &Vouchsafe, published: &[Published]) -> Vec<Found> {
    let now = Timestamp::now();
    let opened = Store::open(&vouchsafe.store(), now).unwrap();
    assert_eq!(opened.store.set_aside().map(|aside| &aside.reason), None);
    let text = fs::read_to_string(vouchsafe.config_file()).unwrap();
    let config = Config::parse(&text, "config.yaml").unwrap();
    let server = &config.notary_servers()[0].server;
    let found = |of: &Published| {
        let facts = opened.store.facts(server, &of.gun.parse().unwrap());
        let hashes = facts.unwrap().unwrap().roles.into_iter();
        let hashes = hashes.map(|(role, file)| (role.to_string(), file.sha256.to_string()));
        let image = format!("{}:signed", of.gun);
        let evidence = |query: &_| opened.store.evidence(query);
        let asked = Asked {
            image: &image,
            namespace: None,
            purpose: Purpose::Mutate,
            now,
        };
        let decision = config.decide(&asked, evidence, || None);
        let proof = decision.allowed().and_then(|allowed| allowed.proof());
        let digest = proof.map(|proof| proof.digest);
        let label = || decision.denial().unwrap().label().to_owned();
        let verdict = digest.map(|digest| digest.to_string()).ok_or_else(label);
        (hashes.collect(), verdict)
    };
    published.iter().map(found).collect()
}

/// Holds every repository to be at one of its generations, not below the one where it was `seen`, and to admit what that signs.
fn hold(published: &[Published], found: &[Found], seen: &mut [usize]) {
    for ((of, seen), (hashes, verdict)) in published.iter().zip(seen).zip(found) {
        let gun = &of.gun;
        let whole = |generation: &Generation| generation.hashes == *hashes;
        let generation = of.generations.iter().position(whole);
        assert!(
            generation.is_some(),
            "{gun} is at no generation: {hashes:?}"
        );
        let generation = generation.unwrap();
        assert!(
            generation >= *seen,
            "{gun} fell from generation {seen} to {generation}"
        );
        let signed = &of.generations[generation].digest;
        assert_eq!(verdict.as_ref(), Ok(signed), "{gun}");
        *seen = generation;
    }
}

/// A repository and everything that is ever published of it.
struct Published {
    gun: String,
    generations: Vec<Generation>,
}

struct Generation {
    files: Files,
    hashes: BTreeMap<String, String>,
    digest: String,
}

impl Published {
    fn new(gun: &str) -> Self {
        let mut repository = Repository::delegated(gun);
        let mut generations = Vec::new();
        for number in 0..GENERATIONS {
            let image = format!("{gun} {number}");
            repository = ["targets/releases", "targets/alice"]
                .into_iter()
                .fold(repository, |repository, role| {
                    repository.tag(role, "signed", &image)
                })
                .publish(&ROLES);
            if number % 4 == 3 {
                repository =
                    repository.rotate_root(&Key::p256(&format!("root {number}")).certified(gun));
            }
            let files = repository.files();
            let digest = digest_of(&image).trim_start_matches("sha256:").to_owned();
            generations.push(Generation {
                hashes: hashes(&files),
                files,
                digest,
            });
        }
        Self {
            gun: gun.to_owned(),
            generations,
        }
    }
}

/// The hash of the newest file of every role.
fn hashes(files: &Files) -> BTreeMap<String, String> {
    let newest = files.iter().filter_map(|(path, bytes)| {
        let role = path.strip_suffix(".json")?;
        Some((role.to_owned(), hex(&Sha256::digest(bytes)))).filter(|_| !role.contains('.'))
    });
    newest.collect()
}

fn configuration(server: &ScriptedServer, published: &[Published]) -> String {
    let key = Key::p256("root").public_key_pem();
    let configuration = Configuration::new()
        .notary(&server.url(), None, &key)
        .setting("sync", json!({"discover": {"changefeed": false}}));
    published
        .iter()
        .fold(configuration, |configuration, of| {
            configuration.rule(&format!("{}:*", of.gun))
        })
        .to_string()
}

/// Numbers that look random and are the same in every run (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, most: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let part = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap();
        most.mul_f64(f64::from(part) / f64::from(u32::MAX))
    }
}

const GUNS: usize = 20;
const GENERATIONS: usize = 24;
const KILLS: usize = 200;
const SEED: u64 = 20_261_124;
const ROLES: [&str; 5] = [
    "targets",
    "targets/releases",
    "targets/alice",
    "snapshot",
    "timestamp",
];
