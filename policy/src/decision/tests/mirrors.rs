use super::*;

fn mirrored() -> Config {
    config(
        "policy:
- {pattern: 'docker.io/*', validator: default}
- {pattern: 'registry.internal/*', validator: allow}
mirrors:
- {from: registry.internal/hub, to: index.docker.io}
- {from: registry.internal/hub/apps, to: registry.internal/apps}
",
    )
}

#[test]
fn what_a_mirror_serves_is_judged_by_its_signed_name_and_keeps_the_mirrors() {
    let pin = sha256("image");
    for image in [
        "registry.internal/hub/library/nginx:signed",
        "registry.internal/hub/nginx:signed",
        "Registry.INTERNAL/hub/nginx:signed",
    ] {
        let query = Cell::new(None);
        let allowed = allowed(decide_by(&mirrored(), image, Purpose::Mutate, |asked| {
            query.set(Some(asked.clone()));
            let targets = [("signed", digest("image"))];
            Ok::<_, String>(known(asked, facts(GUN), &targets))
        }));
        assert_eq!(query.into_inner().unwrap().gun.as_str(), GUN);
        assert_eq!(allowed.pattern, "docker.io/*");
        assert_eq!(allowed.gun.as_str(), GUN);
        assert_eq!(allowed.image, image);
        assert_eq!(allowed.patched, Some(format!("{image}{pin}")));
        let pinned = format!("{image}{pin}");
        let validated = decide_with(&mirrored(), &pinned, Purpose::Validate, |_facts| ());
        assert!(validated.allowed().is_some());
    }
}

#[test]
fn a_digest_behind_a_mirror_may_have_any_tag_of_the_signed_repository() {
    let image = format!("registry.internal/hub/nginx{}", sha256("image"));
    let decision = decide_with(&mirrored(), &image, Purpose::Validate, |_facts| ());
    assert_eq!(allowed(decision).gun.as_str(), GUN);
    let other = format!("registry.internal/hub/nginx{}", sha256("another image"));
    let decision = decide_with(&mirrored(), &other, Purpose::Validate, |_facts| ());
    assert_eq!(denied(decision).label(), "not_signed");
}

#[test]
fn the_longest_mirror_decides_and_what_is_no_mirror_is_judged_by_its_own_name() {
    for image in [
        "registry.internal/hub/apps/x:1",
        "registry.internal/other:1",
    ] {
        let decision = decide_with(&mirrored(), image, Purpose::Mutate, |_facts| ());
        assert_eq!(allowed(decision).pattern, "registry.internal/*", "{image}");
    }
    let denial = denied(decide_with(
        &mirrored(),
        "registry.internal/hub/nginx:unsigned",
        Purpose::Mutate,
        |_facts| (),
    ));
    assert!(
        denial.to_string().starts_with(
            "image registry.internal/hub/nginx:unsigned (docker.io/library/nginx): it is not signed"
        ),
        "{denial}"
    );
}

#[test]
fn a_mirrored_name_that_nothing_can_be_signed_under_denies() {
    let to = format!("registry.example.com/{}", "x".repeat(200));
    let config = config(&format!(
        "policy: [{{pattern: '*', validator: allow}}]\nmirrors: [{{from: m.example, to: {to}}}]\n"
    ));
    let image = format!("m.example/{}", "y".repeat(100));
    let decision = decide_with(&config, &image, Purpose::Mutate, |_facts| ());
    assert_eq!(denied(decision).label(), "bad_reference");
}
