use super::*;
use crate::Enforcement;

/// Every cause, some of them in several forms.
fn causes() -> Vec<Cause> {
    let mut causes = of_the_image();
    causes.push(Cause::VouchLapsed {
        bundle: "prod".to_owned(),
        sequence: 12,
        at: now(),
        max_staleness: hours(0),
    });
    causes
}

fn of_the_image() -> Vec<Cause> {
    let server = || "notary.example.com".parse().unwrap();
    let role = || Role::Targets;
    vec![
        Cause::BadReference(ReferenceError::Empty),
        Cause::CertificateName,
        Cause::CertificateValidity(facts(GUN).certificate_validity),
        Cause::DigestMismatch {
            given: digest("a"),
            signed: digest("b"),
        },
        Cause::Expired {
            role: role(),
            at: now(),
        },
        Cause::Expired {
            role: Role::Timestamp,
            at: now(),
        },
        Cause::Listed {
            what: "the repository `docker.io/library/nginx`".to_owned(),
            reason: Some("CVE-2026-1".to_owned()),
        },
        Cause::NoRule {
            canonical: "x".to_owned(),
        },
        Cause::NotAnchored {
            roots: vec!["a".to_owned(), "b".to_owned()],
            server: server(),
        },
        Cause::NotPinned {
            pinned: "x".to_owned(),
        },
        Cause::NotSigned(NotSigned::Absent { role: role() }),
        Cause::NotSigned(NotSigned::DelegationExpired {
            role: role(),
            at: now(),
        }),
        Cause::NotSigned(NotSigned::DigestsConflict {
            digests: Vec::new(),
        }),
        Cause::NotSigned(NotSigned::NoSha256 { role: role() }),
        Cause::NotSigned(NotSigned::NotDelegated { role: role() }),
        Cause::NotSigned(NotSigned::OutsidePaths { role: role() }),
        Cause::NotSigned(NotSigned::UnderSigned {
            role: role(),
            needed: 2,
            valid: 1,
        }),
        Cause::NotSigned(NotSigned::Unpublished { role: role() }),
        Cause::NotSynced { server: server() },
        Cause::StaticDeny,
        Cause::StoreFailed {
            message: "x".to_owned(),
        },
        Cause::TooStale {
            role: Role::Timestamp,
            at: now(),
            max_staleness: hours(24),
        },
        Cause::UnsupportedDigest {
            algorithm: vouchsafe_trust::image::Algorithm::Sha512,
        },
        Cause::Withdrawn {
            server: server(),
            at: now(),
        },
    ]
}

#[test]
fn every_denial_names_the_image_its_repository_the_cause_and_the_next_step() {
    let mut lines = Vec::new();
    for cause in causes() {
        let denial = Denial {
            image: "nginx:1".to_owned(),
            gun: Some(GUN.parse().unwrap()),
            pattern: Some("docker.io/*".to_owned()),
            validator: Some("default".to_owned()),
            enforcement: Enforcement::Deny,
            cause,
            glass: None,
            source: Source::Server,
        };
        let text = denial.to_string();
        assert!(
            text.starts_with("image nginx:1 (docker.io/library/nginx): "),
            "{text}"
        );
        assert!(
            !text.ends_with('.') && !denial.next_step().ends_with('.'),
            "{text}"
        );
        lines.push(format!(
            "{}: {text}\n  -> {}",
            denial.label(),
            denial.next_step()
        ));
    }
    insta::assert_snapshot!("denials", lines.join("\n"));
}
