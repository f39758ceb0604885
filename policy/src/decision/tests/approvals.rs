use super::*;

fn approved(image: &str, purpose: Purpose, approval: Option<Approval>) -> Decision {
    let asked = Asked {
        image,
        namespace: None,
        purpose,
        now: now(),
    };
    let text = format!("{POLICY}deny: [{{gun: quay.io/listed/*}}]\n");
    config(&text).decide(&asked, |_query| Err("on fire"), || approval)
}

#[test]
fn an_approved_image_needs_no_signature_and_stays_as_it_is() {
    for approval in [Approval::Child, Approval::Unchanged] {
        for purpose in [Purpose::Mutate, Purpose::Validate] {
            let allowed = allowed(approved("nginx:unsigned", purpose, Some(approval)));
            assert_eq!(allowed.grounds, Grounds::Approved(approval));
            assert_eq!(allowed.label(), approval.label());
            assert_eq!((&allowed.patched, allowed.proof()), (&None, None));
        }
    }
    let decision = approved("nginx:unsigned", Purpose::Mutate, None);
    assert_eq!(denied(decision).label(), "store_failed");
}

#[test]
fn approval_lets_in_nothing_that_the_configuration_denies() {
    for (image, label) in [
        ("quay.io/deny/x", "static_deny"),
        ("quay.io/listed/x", "deny_list"),
        ("Not An Image", "bad_reference"),
    ] {
        let decision = approved(image, Purpose::Mutate, Some(Approval::Unchanged));
        assert_eq!(denied(decision).label(), label);
    }
    let decision = approved("quay.io/allow/x", Purpose::Mutate, Some(Approval::Child));
    assert_eq!(allowed(decision).grounds, Grounds::Static);
}

#[test]
fn what_is_signed_for_an_approved_tag_must_not_be_on_the_deny_list() {
    let deny = |what: &str| {
        let text = format!("{POLICY}deny: [{{digest: 'sha256:{}'}}]\n", digest(what));
        let asked = Asked {
            image: "nginx:signed",
            namespace: None,
            purpose: Purpose::Validate,
            now: now(),
        };
        let evidence = |query: &Query| {
            let targets = [("signed", digest("image"))];
            Ok::<_, String>(known(query, facts(GUN), &targets))
        };
        config(&text).decide(&asked, evidence, || Some(Approval::Unchanged))
    };
    assert_eq!(denied(deny("image")).label(), "deny_list");
    assert_eq!(allowed(deny("another image")).label(), "unchanged");
}

#[test]
fn a_childs_tag_is_pinned_where_it_is_signed_and_approved_where_it_is_not() {
    let child = |image: &str| {
        let asked = Asked {
            image,
            namespace: None,
            purpose: Purpose::Mutate,
            now: now(),
        };
        let evidence = |query: &Query| {
            let targets = [("signed", digest("image"))];
            Ok::<_, String>(known(query, facts(GUN), &targets))
        };
        allowed(config(POLICY).decide(&asked, evidence, || Some(Approval::Child)))
    };
    let pinned = child("nginx:signed");
    assert_eq!(
        pinned.patched,
        Some(format!("nginx:signed{}", sha256("image")))
    );
    assert_eq!(
        child("nginx:unsigned").grounds,
        Grounds::Approved(Approval::Child)
    );
}

#[test]
fn old_evidence_is_enough_to_find_a_listed_digest_and_a_store_that_fails_denies() {
    let text = format!("{POLICY}deny: [{{digest: 'sha256:{}'}}]\n", digest("image"));
    let decide = |evidence: &dyn Fn(&Query) -> Result<Evidence, String>| {
        let asked = Asked {
            image: "nginx:signed",
            namespace: None,
            purpose: Purpose::Validate,
            now: now(),
        };
        config(&text).decide(&asked, evidence, || Some(Approval::Unchanged))
    };
    let expired = |query: &Query| {
        let mut facts = facts(GUN);
        facts.anchors.clear();
        for role in facts.roles.values_mut() {
            role.expires = now() - hours(1);
        }
        Ok(known(query, facts, &[("signed", digest("image"))]))
    };
    assert_eq!(denied(decide(&expired)).label(), "deny_list");
    let failed = |_query: &Query| Err("on fire".to_owned());
    assert_eq!(denied(decide(&failed)).label(), "store_failed");
    let unknown = |_query: &Query| Ok(Evidence::Unknown);
    assert_eq!(allowed(decide(&unknown)).label(), "unchanged");
}
