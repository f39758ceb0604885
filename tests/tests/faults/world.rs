//! Repositories whose publisher goes on, the server that has them, and what may be found of them in a store.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use vouchsafe_policy::{Asked, Config, Purpose};
use vouchsafe_store::Store;
use vouchsafe_tests::harness::admission::pod_review;
use vouchsafe_tests::harness::root_key::hex;
use vouchsafe_tests::harness::scripted_server::RoleFiles;
use vouchsafe_tests::harness::vouchsafe::Serving;
use vouchsafe_tests::harness::{
    Certificates, Configuration, HarnessError, Random, ScriptedServer, Vouchsafe,
};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::{Repository, digest_of};
use vouchsafe_trust::{Evidence, Gun, Server};

/// The server, and everything that it ever had.
pub(crate) struct World {
    pub(crate) certificates: Certificates,
    pub(crate) server: ScriptedServer,
    pub(crate) published: Vec<Published>,
}

/// A repository, and everything that was ever published of it.
pub(crate) struct Published {
    pub(crate) gun: String,
    repository: Repository,
    pub(crate) states: Vec<State>,
}

/// What a repository was from one change to the next.
pub(crate) enum State {
    /// It had these role files, by the hash of each, and this digest under the tag `signed`.
    There {
        hashes: BTreeMap<String, String>,
        digest: String,
    },
    /// The server had it no longer.
    Withdrawn,
}

/// The states that a store must not be behind of, by repository: the place of each in [`Published::states`], if there is
/// one; and the highest versions seen of each role.
pub(crate) type Seen = Vec<(Option<usize>, BTreeMap<String, u64>)>;

impl Published {
    /// The digest under the tag `signed`, while the server has it.
    pub(crate) fn digest(&self) -> Option<&String> {
        match self.states.last()? {
            State::There { digest, .. } => Some(digest),
            State::Withdrawn => None,
        }
    }
}

impl World {
    pub(crate) fn new(repositories: usize) -> Self {
        let certificates = Certificates::new().unwrap();
        let server = ScriptedServer::tls(&certificates).unwrap();
        let mut world = Self {
            certificates,
            server,
            published: Vec::new(),
        };
        for number in 0..repositories {
            let gun = format!("registry.example.com/team/app-{number:02}");
            world.published.push(Published {
                repository: Repository::delegated(&gun),
                gun,
                states: Vec::new(),
            });
            world.publish(number);
        }
        world
    }

    /// Publishes the repository of this number once more: its tag points to something else.
    pub(crate) fn publish(&mut self, number: usize) {
        let of = &mut self.published[number];
        let state = of.states.len();
        let image = format!("{} {state}", of.gun);
        let roles = ["targets/releases", "targets/alice"];
        let mut next = roles
            .into_iter()
            .fold(of.repository.clone(), |repository, role| {
                repository.tag(role, "signed", &image)
            })
            .publish(&ROLES);
        if state % 8 == 5 {
            let key = Key::p256(&format!("root {state}")).certified(&of.gun);
            next = next.rotate_root(&key);
        }
        let files = next.files();
        let newest = files.iter().filter_map(|(path, bytes)| {
            let role = path.strip_suffix(".json")?;
            Some((role.to_owned(), hex(&Sha256::digest(bytes)))).filter(|_| !role.contains('.'))
        });
        of.states.push(State::There {
            hashes: newest.collect(),
            digest: digest_of(&image).trim_start_matches("sha256:").to_owned(),
        });
        of.repository = next;
        self.server
            .serve(&of.gun, RoleFiles::new().with_files(files));
    }

    /// Changes some repositories: most get a new state, some go, and come back the next time.
    pub(crate) fn go_on(&mut self, random: &mut Random) {
        for _ in 0..=random.below(self.published.len() / 2) {
            let number = random.below(self.published.len());
            let is_there = matches!(
                self.published[number].states.last(),
                Some(State::There { .. })
            );
            if is_there && random.below(8) == 0 {
                let of = &mut self.published[number];
                of.states.push(State::Withdrawn);
                self.server.withdraw(&of.gun);
            } else {
                self.publish(number);
            }
        }
    }

    /// Publishes again what the server has no longer.
    pub(crate) fn come_back(&mut self) {
        for number in 0..self.published.len() {
            if matches!(self.published[number].states.last(), Some(State::Withdrawn)) {
                self.publish(number);
            }
        }
    }

    /// What a store is at that has seen everything up to now.
    pub(crate) fn everything(&self, seen: &mut Seen) {
        for (of, (state, _)) in self.published.iter().zip(seen) {
            *state = Some(of.states.len() - 1);
        }
    }

    pub(crate) fn nothing(&self) -> Seen {
        vec![(None, BTreeMap::new()); self.published.len()]
    }

    /// Rules for all repositories; the server is asked at a start, and then not before New Year.
    pub(crate) fn configuration(&self) -> Configuration {
        self.configuration_pinning("root")
    }

    /// The same, with this root key pinned: `root` is the first one of every repository.
    pub(crate) fn configuration_pinning(&self, root: &str) -> Configuration {
        let key = Key::p256(root).public_key_pem();
        let authority = self.certificates.authority_pem();
        let configuration = Configuration::new()
            .notary(&self.server.url(), Some(authority), &key)
            .setting(
                "sync",
                json!({"schedule": "0 0 1 1 *", "discover": {"changefeed": false}}),
            );
        let guns = self.published.iter().map(|of| format!("{}:*", of.gun));
        guns.fold(configuration, |configuration, pattern| {
            configuration.rule(&pattern)
        })
    }

    /// What `vouchsafe serve` takes besides, where it is to listen anywhere.
    pub(crate) fn serve_arguments(&self) -> Vec<String> {
        let (certificate, key) = (
            self.certificates.leaf_file(),
            self.certificates.leaf_key_file(),
        );
        let (certificate, key) = (certificate.display(), key.display());
        let arguments =
            format!("serve --listen 127.0.0.1:0 --tls-cert {certificate} --tls-key {key}");
        arguments.split(' ').map(str::to_owned).collect()
    }

    pub(crate) fn vouchsafe(&self) -> Vouchsafe {
        Vouchsafe::new(&self.configuration().to_string()).unwrap()
    }

    /// The images that the tags `signed` name.
    pub(crate) fn images(&self) -> Vec<String> {
        self.published
            .iter()
            .map(|of| format!("{}:signed", of.gun))
            .collect()
    }

    /// Opens the store and holds everything in it to be whole, at a state that is not behind what was `seen`, and to admit
    /// what that state signs and nothing else.
    pub(crate) fn hold(&self, vouchsafe: &Vouchsafe, seen: &mut Seen, context: &str) {
        let config = fs::read_to_string(vouchsafe.config_file()).unwrap();
        let store = open(&vouchsafe.store());
        let held = Held {
            config: Config::parse(&config, "config.yaml").unwrap(),
            store,
        };
        for (of, seen) in self.published.iter().zip(seen) {
            held.hold(of, seen, context);
        }
    }

    /// Holds an answer to a tag to be that of a state that is not behind what was seen, which it then is.
    pub(crate) fn take_answer(&self, number: usize, digest: Option<&str>, seen: &mut Seen) {
        let states = &self.published[number].states;
        let found = states.iter().position(|state| match (state, digest) {
            (State::There { digest, .. }, Some(answer)) => digest == answer,
            (State::Withdrawn, _) | (_, None) => false,
        });
        let last = &mut seen[number].0;
        if let Some(digest) = digest {
            assert!(found >= *last, "{digest} is admitted again, after {last:?}");
            *last = found;
        } else {
            let rest = &states[last.unwrap_or(0)..];
            let may_be_gone =
                last.is_none() || rest.iter().any(|state| matches!(state, State::Withdrawn));
            assert!(may_be_gone, "{number} is denied, after {last:?}");
        }
    }
}

/// The digest that a webhook puts into a Pod for an image, if it admits it.
pub(crate) fn pinned(
    serving: &Serving,
    world: &World,
    image: &str,
) -> Result<Option<String>, HarnessError> {
    let reviewed = serving.ask(&world.certificates, "/mutate", &pod_review(&[image]))?;
    let replaced = reviewed.replaced();
    let digest = replaced
        .first()
        .and_then(|image| image.split_once("@sha256:"));
    Ok(digest.map(|(_, digest)| digest.to_owned()))
}

/// Opens a store that nothing is wrong with. The process that held it may still be ending.
pub(crate) fn open(dir: &Path) -> Store {
    let opened = Store::open(dir, Timestamp::now()).unwrap();
    let aside = opened.store.set_aside().map(|aside| &aside.reason);
    assert_eq!(aside, None, "it was set aside");
    opened.store
}

struct Held {
    config: Config,
    store: Store,
}

impl Held {
    fn hold(
        &self,
        of: &Published,
        seen: &mut (Option<usize>, BTreeMap<String, u64>),
        context: &str,
    ) {
        let gun: Gun = of.gun.parse().unwrap();
        let server = &self.config.notary_servers()[0].server;
        let facts = self.store.facts(server, &gun).unwrap();
        let hashes = facts.map(|facts| -> BTreeMap<String, String> {
            let roles = facts.roles.iter();
            roles
                .map(|(role, file)| (role.to_string(), file.sha256.to_string()))
                .collect()
        });
        let floor = seen.0.unwrap_or(0);
        let is_withdrawn = matches!(self.evidence(server, &gun), Evidence::Withdrawn { .. });
        let found = (floor..of.states.len()).find(|state| match (&of.states[*state], &hashes) {
            (State::There { hashes, .. }, Some(found)) => hashes == found,
            (State::Withdrawn, None) => is_withdrawn,
            (State::There { .. }, None) | (State::Withdrawn, Some(_)) => false,
        });
        assert!(
            found.is_some() || (seen.0.is_none() && hashes.is_none() && !is_withdrawn),
            "{context}: {gun} is at no state from {:?} to {}: {hashes:?}, withdrawn: {is_withdrawn}",
            seen.0,
            of.states.len() - 1
        );
        seen.0 = found;
        let now = found.map(|found| &of.states[found]);
        let admitted = match now {
            Some(State::There { digest, .. }) => Some(digest),
            Some(State::Withdrawn) | None => None,
        };
        let tag = format!("{gun}:signed");
        assert_eq!(self.answer(&tag).as_ref(), admitted, "{context}: {tag}");
        for state in &of.states {
            let State::There { digest, .. } = state else {
                continue;
            };
            let image = format!("{gun}@sha256:{digest}");
            let answer = self.answer(&image);
            assert_eq!(
                answer.is_some(),
                Some(digest) == admitted,
                "{context}: {image}"
            );
        }
        assert_eq!(self.answer(&format!("{gun}:never")), None, "{context}");
        self.hold_floors(server, &gun, &mut seen.1, context);
        if now.is_some() && !is_withdrawn {
            let metadata = self.store.metadata(server, &gun).unwrap();
            assert!(metadata.is_some(), "{context}: {gun} has no role files");
        }
    }

    /// No version that was accepted once may be undercut.
    fn hold_floors(
        &self,
        server: &Server,
        gun: &Gun,
        seen: &mut BTreeMap<String, u64>,
        context: &str,
    ) {
        let accepted = self.store.accepted(server, gun).unwrap();
        let mut found = BTreeMap::new();
        if let Some(accepted) = accepted {
            found.insert("root".to_owned(), accepted.root_version.get());
            let roles = accepted.roles.iter();
            found.extend(roles.map(|(role, floor)| (role.to_string(), floor.version.get())));
        }
        for (role, version) in &*seen {
            let now = found.get(role);
            assert!(
                now >= Some(version),
                "{context}: {gun}: {role} fell from {version} to {now:?}"
            );
        }
        *seen = found;
    }

    /// The digest that is admitted for an image, if one is.
    fn answer(&self, image: &str) -> Option<String> {
        let asked = Asked {
            image,
            namespace: None,
            purpose: Purpose::Mutate,
            now: Timestamp::now(),
        };
        let decision = self
            .config
            .decide(&asked, |query| self.store.evidence(query), || None);
        let proof = decision.allowed()?.proof()?;
        Some(proof.digest.to_string())
    }

    fn evidence(&self, server: &Server, gun: &Gun) -> Evidence {
        let query = vouchsafe_trust::Query {
            server: server.clone(),
            gun: gun.clone(),
            signers: vouchsafe_trust::evidence::Signers::Default,
            wanted: vouchsafe_trust::evidence::Wanted::Tag("signed".to_owned()),
            retained: None,
        };
        self.store.evidence(&query).unwrap()
    }
}

const ROLES: [&str; 5] = [
    "targets",
    "targets/releases",
    "targets/alice",
    "snapshot",
    "timestamp",
];
