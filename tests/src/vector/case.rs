//! A vector while it is being written: what is served, and what must come of it.

use std::collections::BTreeMap;

use super::key::Key;
use super::repository::{Files, Repository, digest_of};
use super::{Client, Expect, Query, Step, Vector};

/// The GUN of all cases.
pub(super) const GUN: &str = "registry.example.com/team/app";

/// The five kinds of role; a fault in each of them is a case of its own.
pub(super) const ROLES: [&str; 5] = ["root", "targets", "snapshot", "timestamp", RELEASES];

/// The delegation that Docker Content Trust publishes tags in.
pub(super) const RELEASES: &str = "targets/releases";

/// A case, in the theme of the file that lists it.
pub(super) struct Case {
    pub(super) theme: &'static str,
    name: String,
    description: String,
    pins: Vec<Key>,
    steps: Vec<(Repository, Verdict, Option<&'static str>)>,
    queries: Vec<Query>,
}

enum Verdict {
    Accepted,
    Refused(String, &'static str),
}

impl Case {
    /// A case with the usual root key pinned.
    pub(super) fn new(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            theme: "",
            name: name.into(),
            description: description.into(),
            pins: vec![root_key()],
            steps: Vec::new(),
            queries: Vec::new(),
        }
    }

    /// The same case under the heading `theme`.
    pub(super) fn in_theme(self, theme: &'static str) -> Self {
        Self { theme, ..self }
    }

    /// Pins other keys, by the certificates that the repository lists for them.
    pub(super) fn pinned(mut self, pins: &[Key]) -> Self {
        self.pins = pins.to_vec();
        self
    }

    /// Serves a repository that is accepted.
    pub(super) fn accepted(mut self, repository: Repository) -> Self {
        self.steps.push((repository, Verdict::Accepted, None));
        self
    }

    /// Serves a repository that is refused because of the file of `role`.
    pub(super) fn refused(
        mut self,
        repository: Repository,
        role: &str,
        label: &'static str,
    ) -> Self {
        self.steps
            .push((repository, Verdict::Refused(role.to_owned(), label), None));
        self
    }

    /// Says that the Notary client answers the last step the other way, and why.
    pub(super) fn client_differs(mut self, reason: &'static str) -> Self {
        self.steps.last_mut().expect("a step comes first").2 = Some(reason);
        self
    }

    /// Asks for `tag` after the last step; the client is expected to find the same.
    pub(super) fn answers(mut self, tag: &str, signers: &[&str], answer: &str) -> Self {
        let (repository, ..) = self.steps.last().expect("a step comes first");
        let roles: Vec<String> = match signers {
            [] if repository.publishes(RELEASES) => vec![RELEASES.to_owned()],
            [] => vec!["targets".to_owned()],
            _ => signers
                .iter()
                .map(|signer| format!("targets/{signer}"))
                .collect(),
        };
        let found = answer.strip_prefix("signed ").map(str::to_owned);
        self.queries.push(Query {
            tag: tag.to_owned(),
            signers: signers.iter().map(|&signer| signer.to_owned()).collect(),
            answer: answer.to_owned(),
            client: roles
                .into_iter()
                .map(|role| (role, found.clone()))
                .collect(),
            client_reason: None,
        });
        self
    }

    /// Asks for `tag`, which must be signed as `image`.
    pub(super) fn signed(self, tag: &str, signers: &[&str], image: &str) -> Self {
        self.answers(tag, signers, &format!("signed {}", digest_of(image)))
    }

    /// Says what the Notary client lists in `role` for the last question.
    pub(super) fn client_lists(mut self, role: &str, image: Option<&str>) -> Self {
        let query = self.queries.last_mut().expect("a question comes first");
        query.client.insert(role.to_owned(), image.map(digest_of));
        self
    }

    /// Says why the Notary client's view of the last question is another one.
    pub(super) fn because(mut self, reason: &str) -> Self {
        let query = self.queries.last_mut().expect("a question comes first");
        query.client_reason = Some(reason.to_owned());
        self
    }

    /// The vector, the files of its steps, and its pinned keys by file name.
    pub(super) fn build(self) -> (Vector, Vec<Files>, BTreeMap<String, String>) {
        let mut pems = BTreeMap::new();
        let mut trust_roots: Vec<String> = Vec::new();
        for key in &self.pins {
            let pem = key.public_key_pem();
            if !pems.values().any(|known| *known == pem) {
                let name = format!("trust-root-{}.pem", pems.len() + 1);
                pems.insert(name.clone(), pem);
                trust_roots.push(name);
            }
        }
        let steps = self
            .steps
            .iter()
            .enumerate()
            .map(|(index, (repository, verdict, differs))| {
                let (expect, client) = match verdict {
                    Verdict::Accepted => {
                        let anchors = Self::anchors(repository, &pems);
                        let versions = repository.versions();
                        (Expect::Accepted { versions, anchors }, Client::Accepts)
                    }
                    Verdict::Refused(role, label) => {
                        let (role, label) = (role.clone(), (*label).to_owned());
                        (Expect::Refused { role, label }, Client::Refuses)
                    }
                };
                let client = match (client, differs) {
                    (Client::Accepts, Some(_)) => Client::Refuses,
                    (_, Some(_)) => Client::Accepts,
                    (same, None) => same,
                };
                let client_reason = differs.map(str::to_owned);
                Step {
                    dir: format!("step-{}", index + 1),
                    expect,
                    client,
                    client_reason,
                }
            });
        let vector = Vector {
            name: self.name.clone(),
            description: self.description.clone(),
            gun: GUN.to_owned(),
            trust_roots,
            client_pins: self.pins.iter().map(Key::id).collect(),
            now: "2026-11-24T00:00:00Z".to_owned(),
            steps: steps.collect(),
            queries: self.queries.clone(),
        };
        let files = self
            .steps
            .iter()
            .map(|(repository, ..)| repository.files())
            .collect();
        (vector, files, pems)
    }

    /// The trust roots that signed any root on the way.
    fn anchors(repository: &Repository, pems: &BTreeMap<String, String>) -> Vec<String> {
        let signers = repository.root_signers();
        let signed = |pem: &String| signers.iter().any(|key| key.public_key_pem() == *pem);
        pems.iter()
            .filter(|(_, pem)| signed(pem))
            .map(|(name, _)| name.clone())
            .collect()
    }
}

/// The publisher's root key in its certificate for [`GUN`].
pub(super) fn root_key() -> Key {
    Key::p256("root").certified(GUN)
}

/// The same root key in a later certificate, and so under another key ID.
pub(super) fn root_key_renewed() -> Key {
    Key::p256("root").certified_between(GUN, "2021-01-01T00:00:00Z", "2100-01-01T00:00:00Z")
}

/// The name of a role in the name of a case.
pub(super) fn slug(role: &str) -> &str {
    if role == RELEASES { "delegation" } else { role }
}

/// A repository as `docker trust sign` leaves it.
pub(super) fn delegated() -> Repository {
    Repository::delegated(GUN)
}

/// A repository as `notary` leaves it.
pub(super) fn plain() -> Repository {
    Repository::plain(GUN)
}
