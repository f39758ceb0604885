//! Attacks on what was taken in before.

use std::fs;
use std::path::Path;
use std::process::Command;

use jiff::SignedDuration;
use tempfile::TempDir;
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::Repository as Published;
use vouchsafe_trust::evidence::{Signers, Wanted};
use vouchsafe_trust::{Denied, DeniedThing, Evidence, Gun, Query, RepositoryMetadata, Server};

use super::*;
use crate::SigningKey;
use crate::bundle::{self, Contents, PackFile, PackWriter, describe, write};
use crate::manifest::{Base, SCHEMA, Withdrawn};

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

fn server() -> Server {
    "https://notary.example.com".parse().unwrap()
}

fn gun() -> Gun {
    "registry.example.com/app".parse().unwrap()
}

fn signing_key(folder: &Path, name: &str) -> SigningKey {
    let mut command = Command::new("openssl");
    command.args(["genpkey", "-algorithm", "ed25519", "-out", name]);
    assert!(command.current_dir(folder).status().unwrap().success());
    SigningKey::from_pem(&fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

fn indented(pem: &str) -> String {
    let lines = pem.lines().map(|line| format!("      {line}\n"));
    lines.collect()
}

fn config(keys: &[&SigningKey]) -> Config {
    let root = Key::p256("root").certified(gun().as_str()).public_key_pem();
    let names = keys.iter().enumerate();
    let keys_text = names.map(|(number, key)| {
        let pem = indented(&key.public().to_pem());
        format!("  - name: key-{number}\n    key: |\n{pem}")
    });
    let text = format!(
        "validators:
- name: default
  type: notaryv1
  host: notary.example.com
  trustRoots:
  - name: default
    key: |
{}policy:
- pattern: \"registry.example.com/*:*\"
  validator: default
{}",
        indented(&root),
        if keys.is_empty() {
            String::new()
        } else {
            let keys_text: String = keys_text.collect();
            format!(
                "bundles:\n  threshold: {}\n  keys:\n{keys_text}",
                keys.len()
            )
        }
    );
    Config::parse(&text, "config.yaml").unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn metadata(published: &Published) -> RepositoryMetadata {
    let files = published.files();
    let named = |name: &str| files[name].clone();
    let roots = files
        .iter()
        .filter(|(name, _)| name.ends_with(".root.json"));
    RepositoryMetadata {
        gun: gun(),
        roots: roots.map(|(_, bytes)| bytes.clone()).collect(),
        timestamp: named("timestamp.json"),
        snapshot: named("snapshot.json"),
        targets: named("targets.json"),
        delegations: [].into(),
    }
}

/// A bundle of `published`, carried or only described, signed by `keys`.
fn bundle(
    folder: &Path,
    published: Option<(&Published, bool)>,
    keys: &[&SigningKey],
    edit: impl FnOnce(&mut Manifest),
) -> Bundle {
    let mut pack = PackWriter::new(folder).unwrap();
    let listed = published.map(|(published, carried)| Repository {
        server: server(),
        gun: gun(),
        verified_at: now(),
        tags: 1,
        files: if carried {
            pack.add(&metadata(published)).unwrap()
        } else {
            describe(&metadata(published)).unwrap()
        },
    });
    let repositories = listed.into_iter().collect();
    let pack = pack.finish().unwrap();
    let mut manifest = Manifest {
        schema: SCHEMA.to_owned(),
        name: "site".parse().unwrap(),
        sequence: 1,
        audience: [].into(),
        created_at: now(),
        refresh_by: None,
        base: None,
        generator: "a test".to_owned(),
        pack: pack.as_ref().map(PackFile::pack),
        repositories,
        withdrawn: Vec::new(),
        deny: Vec::new(),
    };
    edit(&mut manifest);
    let mut contents = Contents::new(&manifest, pack).unwrap();
    for key in keys {
        contents.add(&key.sign(contents.manifest_bytes()));
    }
    let path = folder.join(format!("{}-{}.tar", manifest.name, manifest.sequence));
    write(&path, &contents, None).unwrap();
    Bundle::open(&path, &bundle::Limits::default(), folder).unwrap()
}

fn terms(config: &Config, at: Timestamp) -> ImportTerms<'_> {
    ImportTerms {
        config,
        now: at,
        strict: false,
        dry_run: false,
    }
}

fn open(folder: &Path) -> Store {
    Store::open(&folder.join("store"), now()).unwrap().store
}

fn evidence(store: &Store, wanted: Wanted) -> Evidence {
    let query = Query {
        server: server(),
        gun: gun(),
        signers: Signers::Default,
        wanted,
        retained: None,
    };
    store.evidence(&query).unwrap()
}

fn is_known(store: &Store) -> bool {
    matches!(
        evidence(store, Wanted::Tag("signed".to_owned())),
        Evidence::Known(_)
    )
}

#[test]
fn a_bundle_from_before_a_withdrawal_brings_nothing_back() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let (store, key) = (open(folder), signing_key(folder, "one.pem"));
    let config = config(&[&key]);
    let app = Published::plain(gun().as_str());
    let full = bundle(folder, Some((&app, true)), &[&key], |_| {});
    import(&store, &full, terms(&config, now())).unwrap();
    assert!(is_known(&store));
    // The server says that it is gone; then the process starts again, and finds the bundle in its folder.
    let later = now() + days(1);
    store.withdraw(&server(), &gun(), later).unwrap();
    let report = import(&store, &full, terms(&config, later + days(1))).unwrap();
    assert!(!is_known(&store), "{report:?}");
}

#[test]
fn a_bundle_of_another_series_brings_nothing_back_that_was_withdrawn() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let (store, key) = (open(folder), signing_key(folder, "one.pem"));
    let config = config(&[&key]);
    let app = Published::plain(gun().as_str());
    let old = bundle(folder, Some((&app, true)), &[&key], |manifest| {
        manifest.name = "other".parse().unwrap();
    });
    let full = bundle(folder, Some((&app, true)), &[&key], |_| {});
    import(&store, &full, terms(&config, now())).unwrap();
    let gone_at = now() + days(1);
    let gone = bundle(folder, None, &[&key], |manifest| {
        manifest.sequence = 2;
        manifest.created_at = now() + days(2);
        manifest.base = Some(Base {
            sequence: 1,
            manifest: full.manifest_sha256(),
        });
        manifest.withdrawn = vec![Withdrawn {
            server: server(),
            gun: gun(),
            at: gone_at,
        }];
    });
    let late = now() + days(9);
    import(&store, &gone, terms(&config, late)).unwrap();
    assert!(!is_known(&store));
    let report = import(&store, &old, terms(&config, late)).unwrap();
    assert!(!is_known(&store), "{report:?}");
    // What was signed anew since then comes in, however late the news of its end came here.
    let anew = bundle(folder, Some((&app, true)), &[&key], |manifest| {
        manifest.sequence = 3;
        manifest.created_at = now() + days(3);
    });
    import(&store, &anew, terms(&config, late)).unwrap();
    assert!(is_known(&store));
}

#[test]
fn what_had_expired_when_an_incremental_bundle_was_made_is_not_vouched_for() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let (store, key) = (open(folder), signing_key(folder, "one.pem"));
    let config = config(&[&key]);
    let app = Published::plain(gun().as_str()).expires("timestamp", "2026-11-25T00:00:00Z");
    let full = bundle(folder, Some((&app, true)), &[&key], |_| {});
    import(&store, &full, terms(&config, now())).unwrap();
    let late = now() + days(9);
    let kept = bundle(folder, Some((&app, false)), &[&key], |manifest| {
        manifest.sequence = 2;
        manifest.created_at = late;
        manifest.refresh_by = Some(late + days(365));
        manifest.base = Some(Base {
            sequence: 1,
            manifest: full.manifest_sha256(),
        });
    });
    let report = import(&store, &kept, terms(&config, late)).unwrap();
    assert_eq!(report.failed(), 1, "{report:?}");
    let Evidence::Known(known) = evidence(&store, Wanted::Tag("signed".to_owned())) else {
        panic!("it is gone");
    };
    assert_eq!(known.vouch.unwrap().sequence, 1);
}

#[test]
fn bundles_at_the_same_time_do_not_lead_back() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let (store, key) = (open(folder), signing_key(folder, "one.pem"));
    let config = config(&[&key]);
    let denied = Denied {
        what: DeniedThing::Gun(gun()),
        reason: "bad".to_owned(),
    };
    let old = bundle(folder, None, &[&key], |_| {});
    let new = bundle(folder, None, &[&key], |manifest| {
        manifest.sequence = 2;
        manifest.deny = vec![denied];
    });
    // Whoever is first waits here for both.
    let busy = store.begin_import();
    std::thread::scope(|threads| {
        let spawn = |bundle| {
            let (store, config) = (&store, &config);
            let thread = threads.spawn(move || import(store, bundle, terms(config, now())));
            std::thread::sleep(std::time::Duration::from_millis(200));
            thread
        };
        let (new, old) = (spawn(&new), spawn(&old));
        drop(busy);
        new.join().unwrap().unwrap();
        drop(old.join().unwrap());
    });
    let last = store.bundle("site").unwrap().unwrap();
    assert_eq!((last.sequence, last.deny.len()), (2, 1));
}

#[test]
fn a_copy_with_fewer_signatures_takes_none_away() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let store = open(folder);
    let (one, two) = (
        signing_key(folder, "one.pem"),
        signing_key(folder, "two.pem"),
    );
    let both = config(&[&one, &two]);
    let single = config(&[&one]);
    let deny = |manifest: &mut Manifest| {
        manifest.deny = vec![Denied {
            what: DeniedThing::Gun(gun()),
            reason: "bad".to_owned(),
        }];
    };
    let full = bundle(folder, None, &[&one, &two], deny);
    import(&store, &full, terms(&both, now())).unwrap();
    let stripped = bundle(folder, None, &[&one], deny);
    import(&store, &stripped, terms(&single, now())).unwrap();
    assert_eq!(store.bundle("site").unwrap().unwrap().signers.len(), 2);
}

#[test]
fn an_older_word_does_not_take_the_place_of_a_later_one() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let (store, key) = (open(folder), signing_key(folder, "one.pem"));
    let (config, nobody) = (config(&[&key]), config(&[]));
    let app = Published::plain(gun().as_str());
    let made = |name: &str, ago: i64, lasts: i64, keys: &[&SigningKey]| {
        bundle(folder, Some((&app, true)), keys, |manifest| {
            manifest.name = name.parse().unwrap();
            manifest.created_at = now() - days(ago);
            manifest.refresh_by = Some(now() + days(lasts));
        })
    };
    let present = made("site", 10, 7, &[&key]);
    import(&store, &present, terms(&config, now())).unwrap();
    let cases = [
        (made("older", 20, 700, &[&key]), &config, "site"),
        (made("unsigned", 1, 700, &[]), &nobody, "site"),
        (made("later", 9, 3, &[&key]), &config, "later"),
    ];
    for (bundle, config, expected) in cases {
        import(&store, &bundle, terms(config, now())).unwrap();
        let Evidence::Known(known) = evidence(&store, Wanted::Tag("signed".to_owned())) else {
            panic!("it is gone");
        };
        assert_eq!(known.vouch.unwrap().bundle, expected);
    }
}

#[test]
fn what_a_list_does_not_repeat_is_said_to_be_lifted() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let (store, key) = (open(folder), signing_key(folder, "one.pem"));
    let config = config(&[&key]);
    let denied = |gun: &str| Denied {
        what: DeniedThing::Gun(gun.parse().unwrap()),
        reason: "bad".to_owned(),
    };
    let (one, two) = (
        denied("registry.example.com/one"),
        denied("registry.example.com/two"),
    );
    let lists = [(vec![one.clone()], vec![]), (vec![two], vec![one])];
    for (sequence, (deny, lifted)) in (1..).zip(lists) {
        let bundle = bundle(folder, None, &[&key], |manifest| {
            manifest.sequence = sequence;
            manifest.deny = deny;
        });
        let report = import(&store, &bundle, terms(&config, now())).unwrap();
        assert_eq!(report.lifted, lifted);
    }
}
