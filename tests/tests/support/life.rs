//! A repository on a real Notary server, and those who follow it.

use std::collections::{BTreeMap, BTreeSet};

use vouchsafe_tests::harness::answers::Verdict;
use vouchsafe_tests::harness::notary_client::{Tag, TrustPinning};
use vouchsafe_tests::harness::{
    Certificates, Configuration, HarnessError, NotaryClient, NotaryServer, Vouchsafe,
};

/// A difference that is meant: in which state, between whom, about what, and under which name
/// `docs/differences-from-notary.md` gives the reason. A state differs in these, and in nothing else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Difference {
    state: &'static str,
    who: Who,
    about: &'static str,
    /// Its name in the documentation.
    pub(crate) reason: &'static str,
}

/// A difference that is meant.
pub(crate) const fn differ(
    state: &'static str,
    who: Who,
    about: &'static str,
    reason: &'static str,
) -> Difference {
    Difference {
        state,
        who,
        about,
        reason,
    }
}

/// Which pair of client and Vouchsafe.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Who {
    Following,
    Fresh,
}

/// A Notary server and a publisher.
pub(crate) struct Life {
    pub(crate) certificates: Certificates,
    pub(crate) server: NotaryServer,
    pub(crate) publisher: NotaryClient,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Transport {
    Plain,
    /// With the server's keys in the server.
    Tls,
    /// Behind TLS, with the server's keys in a process of their own.
    Signer,
}

impl Life {
    pub(crate) fn begin(transport: Transport) -> Self {
        let certificates = Certificates::new().unwrap();
        let server = match transport {
            Transport::Plain => NotaryServer::plain(),
            Transport::Tls => NotaryServer::tls(&certificates),
            Transport::Signer => NotaryServer::with_signer(&certificates),
        };
        let server = server.unwrap();
        let authority = certificates.authority_file();
        let publisher = NotaryClient::publisher(&server.url(), Some(&authority)).unwrap();
        Self {
            certificates,
            server,
            publisher,
        }
    }

    pub(crate) fn sign(&self, name: &str, image: &str) {
        self.publisher
            .sign(GUN, &Tag::of(name, image), &[])
            .unwrap();
    }

    /// The server, this root key, and a namespace for each combination of signers.
    pub(crate) fn configured(&self, key: &str) -> Configuration {
        let authority = self.certificates.authority_pem();
        Configuration::new()
            .notary(&self.server.url(), Some(authority), key)
            .rule(PATTERN)
            .rule_in("alice", PATTERN, &["alice"])
            .rule_in("bob", PATTERN, &["bob"])
            .rule_in("both", PATTERN, &["alice", "bob"])
    }

    /// Pins what the publisher has now, once and for all.
    pub(crate) fn watch(&self, known: &'static [Difference]) -> Watch {
        let configuration = self.configured(&self.publisher.root_public_key(GUN).unwrap());
        let pinning = TrustPinning::RootKeyIds {
            gun: GUN.to_owned(),
            key_ids: self.publisher.root_key_ids(GUN).unwrap(),
        };
        let authority = self.certificates.authority_file();
        let url = self.server.url();
        let client = move || NotaryClient::verifier(&url, Some(&authority), &pinning).unwrap();
        let configuration = configuration.to_string();
        Watch {
            client: client(),
            following: Vouchsafe::new(&configuration).unwrap(),
            fresh_client: Box::new(client),
            configuration,
            known,
        }
    }
}

/// The client and the Vouchsafe that follow a repository, and what makes fresh ones.
pub(crate) struct Watch {
    client: NotaryClient,
    pub(crate) following: Vouchsafe,
    fresh_client: Box<dyn Fn() -> NotaryClient>,
    configuration: String,
    known: &'static [Difference],
}

/// What somebody was told: whether the update succeeds, and the digest by tag and by who has to have signed.
#[derive(Debug, Default, Eq, PartialEq)]
struct Told {
    update: bool,
    digests: BTreeMap<String, String>,
}

impl Watch {
    /// Asks everybody, and holds them to the known differences.
    pub(crate) fn agrees(&self, state: &str) {
        let fresh = Vouchsafe::new(&self.configuration).unwrap();
        let pairs = [
            (
                Who::Following,
                told_by_client(&self.client),
                told_by(&self.following),
            ),
            (
                Who::Fresh,
                told_by_client(&(self.fresh_client)()),
                told_by(&fresh),
            ),
        ];
        for (who, client, vouchsafe) in pairs {
            let found = differences(&client, &vouchsafe);
            let of_this = |known: &&Difference| known.state == state && known.who == who;
            let known: Vec<&str> = self
                .known
                .iter()
                .filter(of_this)
                .map(|known| known.about)
                .collect();
            assert_eq!(
                found, known,
                "{state}, {who:?}: the client says {client:#?}, Vouchsafe {vouchsafe:#?}"
            );
        }
    }

    pub(crate) fn check(&self, namespace: &str, tag: &str) -> Verdict {
        let verdicts = self.following.check(namespace, &[image(tag)]);
        verdicts.unwrap().remove(0)
    }
}

fn differences(client: &Told, vouchsafe: &Told) -> Vec<String> {
    let mut found = Vec::new();
    if client.update != vouchsafe.update {
        found.push("update".to_owned());
    }
    // A client that refuses an update does not say what it still believes.
    let believed = client.digests.keys().filter(|_| client.update);
    let admitted = vouchsafe.digests.keys().filter(|_| client.update);
    let all: BTreeSet<&String> = believed.chain(admitted).collect();
    let differ =
        |question: &&&String| client.digests.get(**question) != vouchsafe.digests.get(**question);
    found.extend(all.iter().filter(differ).map(ToString::to_string));
    found
}

fn told_by_client(client: &NotaryClient) -> Told {
    match client.list(GUN, &[]) {
        Ok(_) => {}
        Err(HarnessError::Command { .. }) => return Told::default(),
        Err(error) => panic!("{error}"),
    }
    let of_role = |role: &str| -> BTreeMap<String, String> {
        let listed = client.list(GUN, &[role]).unwrap().into_iter();
        let own = listed.filter(|target| target.role == role);
        own.map(|target| (target.name, target.sha256)).collect()
    };
    let (releases, targets) = (of_role("targets/releases"), of_role("targets"));
    let (alice, bob) = (of_role("targets/alice"), of_role("targets/bob"));
    let mut digests = BTreeMap::new();
    for tag in TAGS {
        let both = alice.get(tag).filter(|digest| bob.get(tag) == Some(digest));
        // As Docker Content Trust looks a tag up.
        let default = releases.get(tag).or_else(|| targets.get(tag));
        let answers = [
            ("default", default),
            ("alice", alice.get(tag)),
            ("bob", bob.get(tag)),
            ("both", both),
        ];
        for (namespace, digest) in answers {
            digests.extend(digest.map(|digest| (question(tag, namespace), digest.clone())));
        }
    }
    Told {
        update: true,
        digests,
    }
}

fn told_by(vouchsafe: &Vouchsafe) -> Told {
    let update = vouchsafe.sync(&[GUN]).unwrap().code == Some(0);
    let images: Vec<String> = TAGS.iter().map(|tag| image(tag)).collect();
    let mut digests = BTreeMap::new();
    for namespace in ["default", "alice", "bob", "both"] {
        let verdicts = vouchsafe.check(namespace, &images).unwrap();
        let named = TAGS.iter().zip(verdicts);
        digests.extend(
            named.filter_map(|(tag, verdict)| Some((question(tag, namespace), verdict.ok()?))),
        );
    }
    Told { update, digests }
}

fn question(tag: &str, namespace: &str) -> String {
    format!("{tag} by {namespace}")
}

pub(crate) fn image(tag: &str) -> String {
    format!("{GUN}:{tag}")
}

const PATTERN: &str = "registry.example.com/team/*:*";
/// Every tag that is ever signed, and one that never is.
const TAGS: [&str; 5] = ["1.0", "2.0", "3.0", "never", "targets-only"];
/// The repository.
pub(crate) const GUN: &str = "registry.example.com/team/app";
