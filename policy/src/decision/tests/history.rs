use super::*;
use vouchsafe_trust::evidence::Former;

fn asked(policy: &str, image: &str) -> Query {
    let query = Cell::new(None);
    let decision = decide_by(&config(policy), image, Purpose::Validate, |asked| {
        query.set(Some(asked.clone()));
        Ok::<_, String>(Evidence::Unknown)
    });
    assert!(decision.denial().is_some());
    query.into_inner().unwrap()
}

fn retaining() -> String {
    format!("{POLICY}history: {{retain: 48h}}\n")
}

/// Decides about `image`, whose tag `signed` pointed to the digest `former` until some hours ago.
fn decide_after(image: &str, hours_ago: i64) -> Decision {
    decide_by(&config(&retaining()), image, Purpose::Validate, |query| {
        let targets = [("signed", digest("image"))];
        let Evidence::Known(mut evidence) = known(query, facts(GUN), &targets) else {
            panic!();
        };
        let replaced_at = now() - hours(hours_ago);
        let since = query.retained.as_ref().map(|retained| retained.since);
        if since.is_some_and(|since| replaced_at >= since) {
            evidence.statements[0].former.push(Former {
                tag: "signed".to_owned(),
                replaced_at,
            });
        }
        Ok::<_, String>(Evidence::Known(evidence))
    })
}

#[test]
fn the_past_is_asked_about_a_digest_where_it_counts_and_nowhere_else() {
    let digested = format!("nginx:signed{}", sha256("former"));
    assert_eq!(asked(POLICY, &digested).retained, None);
    assert_eq!(asked(&retaining(), "nginx:signed").retained, None);
    let retained = Retained {
        digest: digest("former"),
        since: now() - hours(48),
    };
    assert_eq!(asked(&retaining(), &digested).retained, Some(retained));
}

#[test]
fn a_digest_that_its_tag_left_is_admitted_for_a_while_with_a_warning() {
    let pin = sha256("former");
    for image in [format!("nginx:signed{pin}"), format!("nginx{pin}")] {
        let allowed = allowed(decide_after(&image, 1));
        assert_eq!(allowed.label(), "signed_superseded");
        assert_eq!(allowed.proof().unwrap().digest, digest("former"));
        let [warning] = allowed.warnings.as_slice() else {
            panic!("{allowed:?}");
        };
        assert!(
            warning.ends_with(
                "another digest has been signed in its place since 2026-11-23T11:00:00Z; this one \
                 is admitted until 2026-11-25T11:00:00Z"
            ),
            "{warning}"
        );
    }
    let late = denied(decide_after(&format!("nginx:signed{pin}"), 49));
    assert_eq!(late.label(), "digest_mismatch");
    let never = format!("nginx:signed{}", sha256("never"));
    assert_eq!(denied(decide_after(&never, 49)).label(), "digest_mismatch");
}

#[test]
fn a_digest_on_the_deny_list_has_no_past() {
    let bad = digest("former");
    let text = format!("{}deny: [{{digest: 'sha256:{bad}'}}]\n", retaining());
    let image = format!("nginx:signed@sha256:{bad}");
    let decision = decide_with(&config(&text), &image, Purpose::Validate, |_facts| ());
    assert_eq!(denied(decision).label(), "deny_list");
}
