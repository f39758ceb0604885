//! Configurations and evidence for tests.

pub(crate) mod connaisseur;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use vouchsafe_trust::evidence::{Known, Statement};
use vouchsafe_trust::metadata::Target;
use vouchsafe_trust::repository::{RoleFacts, Validity};
use vouchsafe_trust::{Evidence, Query, RepositoryFacts, Role, Sha256, TrustRoot, Version};

use crate::Config;

pub(crate) const KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEzuCJ2GPwPWBCG/nHvjRT7lI1b9HY
Mhv8Jz7JG7c3mlsC9kyl3XOg5bDqA1rb/jHEXV1ZG2Mke+UPUohRnYNSAg==
-----END PUBLIC KEY-----
";

pub(crate) const OTHER_KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE7tfAzShvWTvUM0wCgsewOcvSITIO
YarEzXME+LaQ8kGLrhH76X1pxhtS/tOsT8BTgTcQbXhfH4IXYr0RSFZFgg==
-----END PUBLIC KEY-----
";

pub(crate) const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIIBcDCCARegAwIBAgIUJX9xCzUW8+iZIahj+fOnMnyXgdQwCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCY2EwIBcNMjYxMTI0MDI1MTEzWhgPMjEyNjEwMzEwMjUxMTNa
MA0xCzAJBgNVBAMMAmNhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEzuCJ2GPw
PWBCG/nHvjRT7lI1b9HYMhv8Jz7JG7c3mlsC9kyl3XOg5bDqA1rb/jHEXV1ZG2Mk
e+UPUohRnYNSAqNTMFEwHQYDVR0OBBYEFAA0Naa+2jCvO+RWg4Hf81ZPrOz+MB8G
A1UdIwQYMBaAFAA0Naa+2jCvO+RWg4Hf81ZPrOz+MA8GA1UdEwEB/wQFMAMBAf8w
CgYIKoZIzj0EAwIDRwAwRAIgJz74DuTbRNJUcR4RLEjWQfaq+UwowBpsGDxedB3c
S6UCIFGBPUgyzYar3ThizNRYLG+8ochqlwcoDINpug8eWGs2
-----END CERTIFICATE-----
";

/// A configuration with two Notary validators and two static ones, and this `policy`.
pub(crate) fn config(policy: &str) -> Config {
    let text = config_text(policy);
    Config::parse(&text, "config.yaml").unwrap_or_else(|error| panic!("{error}\n{text}"))
}

pub(crate) fn config_text(policy: &str) -> String {
    let (key, other_key) = (indent(KEY, 6), indent(OTHER_KEY, 6));
    format!(
        "validators:
- name: default
  type: notaryv1
  host: notary.example.com
  trustRoots:
  - name: default
    key: |
{key}
  - name: other
    key: |
{other_key}
- name: lax
  type: notaryv1
  host: notary.example.com
  insecureSkipCertificateName: true
  insecureSkipCertificateValidity: true
  trustRoots:
  - name: default
    key: |
{key}
- {{name: allow, type: static, approve: true}}
- {{name: deny, type: static, approve: false}}
{policy}"
    )
}

pub(crate) fn indent(text: &str, by: usize) -> String {
    let pad = " ".repeat(by);
    let lines: Vec<String> = text.lines().map(|line| format!("{pad}{line}")).collect();
    lines.join("\n")
}

pub(crate) fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

pub(crate) fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

pub(crate) fn digest(name: &str) -> Sha256 {
    Sha256::of(name.as_bytes())
}

/// The facts of a repository that `KEY` anchors and whose role files are valid for another day.
pub(crate) fn facts(gun: &str) -> RepositoryFacts {
    let expires = now() + hours(24);
    let role = RoleFacts {
        version: Version::new(1).unwrap(),
        expires,
        sha256: digest("file"),
    };
    let roles = [Role::Root, Role::Targets, Role::Snapshot, Role::Timestamp];
    RepositoryFacts {
        gun: gun.parse().unwrap(),
        verified_at: now(),
        pins: digest("pins"),
        anchors: [TrustRoot::from_pem(KEY).unwrap().key().fingerprint()].into(),
        certificate_names_gun: true,
        certificate_validity: Validity {
            from: now() - hours(24),
            until: now() + hours(24),
        },
        roles: roles.into_iter().map(|name| (name, role)).collect(),
        delegations: BTreeMap::new(),
        keys: BTreeMap::new(),
    }
}

/// What a store answers whose roles that have to speak all say `targets`.
pub(crate) fn known(query: &Query, facts: RepositoryFacts, targets: &[(&str, Sha256)]) -> Evidence {
    use vouchsafe_trust::evidence::Wanted;
    let targets: Vec<Target> = targets
        .iter()
        .filter(|(tag, digest)| match &query.wanted {
            Wanted::Tag(wanted) => tag == wanted,
            Wanted::Digest(wanted) => digest == wanted,
        })
        .map(|(tag, digest)| Target {
            name: (*tag).to_owned(),
            sha256: Some(*digest),
            length: 1,
        })
        .collect();
    let statements = facts
        .speakers(&query.signers)
        .into_iter()
        .map(|role| Statement {
            role,
            targets: targets.clone(),
            former: Vec::new(),
        })
        .collect();
    Evidence::Known(Box::new(Known {
        facts,
        statements,
        vouch: None,
    }))
}
