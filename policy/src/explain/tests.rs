use proptest::prelude::*;

use super::*;
use crate::Pattern;
use crate::fixtures::{config, config_text, connaisseur};
use crate::rules::tests::{any_namespace, any_reference, any_rules, untied};

fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

fn pattern(text: &str) -> Pattern {
    text.parse().unwrap()
}

#[test]
fn every_rule_says_why_it_does_not_win() {
    let first = 1 + config_text("policy:\n").lines().count();
    let config = config(
        "policy:
- {pattern: 'quay.io/team/app:*', validator: deny}
- {pattern: 'quay.io/team/*', validator: deny}
- {pattern: 'quay.io/*', validator: deny}
- {pattern: 'quay.io/team/app', validator: deny}
- {pattern: 'docker.io/*', validator: deny}
- {pattern: '*:2', validator: deny}
- {pattern: '*@sha256:*', validator: deny}
- {pattern: '*', validator: deny, namespaces: [kube-*]}
- {pattern: 'quay.io/team/other', validator: deny, namespaces: [kube-system]}
",
    );
    let words = |namespace| -> Vec<(usize, String)> {
        let explanation = config.explain(&reference("quay.io/team/app:1"), namespace);
        let line = |rule: &Rule| usize::try_from(rule.line()).unwrap() - first;
        let mut words: Vec<_> = explanation
            .rules
            .iter()
            .map(|(rule, verdict)| (line(rule), verdict.to_string()))
            .collect();
        words.sort();
        words
    };
    let line = first;
    let less = |edge: &str| format!("matches, but is less specific than line {line}: {edge}");
    let open = [
        "wins".to_owned(),
        less("0 characters, not 4, before any `*` in component 3"),
        less("2 components, not 3"),
        less("3 characters, not 4, before any `*` in component 3"),
        "does not match the name".to_owned(),
        "does not match the tag".to_owned(),
        "does not match the digest".to_owned(),
        "not in this namespace".to_owned(),
        "not in this namespace".to_owned(),
    ];
    let numbered = |words: Vec<String>| words.into_iter().enumerate().collect::<Vec<_>>();
    assert_eq!(words(None), numbered(open.clone().into()));
    assert_eq!(words(Some("shop")), numbered(open.into()));
    let line = first + 7;
    let mut scoped =
        vec![format!("not looked at: line {line} matches and is scoped to the namespace"); 7];
    scoped.extend(["wins".to_owned(), "does not match the name".to_owned()]);
    assert_eq!(words(Some("kube-system")), numbered(scoped));
}

#[test]
fn a_rule_that_always_comes_first_and_matches_no_less_shadows_another() {
    let rule = |(pattern, namespaces): (&str, &str)| {
        let namespaces = if namespaces.is_empty() {
            String::new()
        } else {
            format!(", namespaces: {namespaces}")
        };
        format!("- {{pattern: '{pattern}', validator: deny{namespaces}}}\n")
    };
    // Whether the first rule shadows the second one.
    for (other, shadowed, is_shadowed) in [
        (("quay.io/xx:*", ""), ("quay.io/xx", ""), true),
        (("quay.io/*:*", ""), ("quay.io/*", ""), true),
        (("*:*", ""), ("*", ""), true),
        (("*/*:*", ""), ("*/*", ""), true),
        (("quay.io/a***", ""), ("quay.io/a*b", ""), true),
        // These leave something over.
        (("quay.io/xx:1*", ""), ("quay.io/xx", ""), false),
        (("quay.io/xx@*", ""), ("quay.io/xx", ""), false),
        (("quay.io/xx:1*@*", ""), ("quay.io/xx:1", ""), false),
        (("quay.io/xx:1*", ""), ("quay.io/xx:*", ""), false),
        (("quay.io/xx:*", ""), ("quay.io/x*", ""), false),
        // These come second.
        (("quay.io/*", ""), ("quay.io/xx", ""), false),
        (("quay.io/xx", ""), ("*/*", "[shop]"), false),
        (("*", ""), ("*", "[shop]"), false),
        // Scoped rules shadow those whose namespaces are all among theirs.
        (("quay.io/*:*", "[shop]"), ("quay.io/*", "[shop]"), true),
        (
            ("quay.io/*:*", "['s*', web]"),
            ("quay.io/*", "[web, 'shop-*']"),
            true,
        ),
        (("quay.io/*:*", "[shop]"), ("quay.io/*", "['shop*']"), false),
        (
            ("quay.io/*:*", "[shop]"),
            ("quay.io/*", "[shop, web]"),
            false,
        ),
        // A rule for all namespaces is tried before those without any.
        (("quay.io/*", "['*']"), ("quay.io/team/app:1", ""), true),
        (("*", "[shop, '**']"), ("*:*", ""), true),
        (("quay.io/*", "['*']"), ("*", ""), false),
        (("*", "[shop]"), ("quay.io/xx", ""), false),
    ] {
        for rules in [[other, shadowed], [shadowed, other]] {
            let config = config(&format!("policy:\n{}", rules.map(rule).concat()));
            let found = config.shadowed_rules();
            let found = found
                .iter()
                .map(|found| (found.rule.pattern().as_str(), found.by.pattern().as_str()));
            let expected = is_shadowed.then_some((shadowed.0, other.0));
            assert_eq!(
                found.collect::<Vec<_>>(),
                Vec::from_iter(expected),
                "{rules:?}"
            );
        }
    }
}

#[test]
fn what_connaisseur_matches_more_is_shown_by_an_image() {
    let pinned = format!(
        "docker.io/library/redis@sha256:{}",
        "0123456789abcdef".repeat(4)
    );
    let evil_pinned = format!("evil.example/{pinned}");
    let zeros = format!("evil.example/quay.io/xx@sha256:83{}", "0".repeat(62));
    for (text, front, end) in [
        (
            "registry.k8s.io/*:*",
            "evil.example/registry.k8s.io/app:1",
            "",
        ),
        (
            "docker.io/team/*:*",
            "evil.example/docker.io/team/app:1",
            "",
        ),
        (
            "index.docker.io/*/*",
            "evil.example/index.docker.io/app/app:1",
            "",
        ),
        (
            "docker.io/library/nginx",
            "evil.example/docker.io/library/nginx:1",
            "docker.io/library/nginx-evil:1",
        ),
        ("quay.io/xx:1", "evil.example/quay.io/xx:1", "quay.io/xx:11"),
        (
            "quay.io/x-*:v1.*-rc",
            "evil.example/quay.io/x-app:v1.1-rc",
            "quay.io/x-app:v1.1-rc1",
        ),
        (
            "my.reg:5000/xx:1",
            "evil-my.reg:5000/xx:1",
            "my.reg:5000/xx:11",
        ),
        ("localhost:5000/*:*", "evil-localhost:5000/app:1", ""),
        ("quay.io/*", "evil.example/quay.io/app:1", ""),
        ("quay.io*", "evil.example/quay.ioapp:1", ""),
        ("quay.io", "evil.example/quay.io:1", "quay.io/evil:1"),
        ("library/*", "evil.example/library/app:1", ""),
        ("nginx", "evil.example/nginx:1", "quay.io/nginx-evil:1"),
        ("*/nginx:1", "", "quay.io/nginx:11"),
        ("*.example.com/app", "", "app.example.com/app-evil:1"),
        (&pinned, &evil_pinned, ""),
        ("quay.io/xx@sha256:83*", &zeros, ""),
        // Nothing is put around these.
        ("*", "", ""),
        ("*:*", "", ""),
        ("*/team/*", "", ""),
        // A class of characters there.
        ("[::1]:5000/xx:1", "", ""),
    ] {
        let excess = Excess::of(&pattern(text));
        let some = |image: &str| (!image.is_empty()).then(|| image.to_owned());
        assert_eq!(
            (excess.front, excess.end),
            (some(front), some(end)),
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn the_rule_that_wins_by_explanation_is_the_one_that_decides(
        rules in any_rules(), reference in any_reference(), namespace in any_namespace(),
    ) {
        let Some(config) = untied(&rules) else { return Ok(()) };
        let namespace = namespace.as_deref();
        let explanation = config.explain(&reference, namespace);
        let line = |rule: Option<&Rule>| rule.map(Rule::line);
        prop_assert_eq!(line(explanation.winner()), line(config.rule(&reference, namespace)));
        prop_assert_eq!(explanation.rules.len(), config.rules().count());
        let winners = explanation.rules.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Wins));
        prop_assert!(winners.count() <= 1);
    }

    #[test]
    fn a_shadowed_rule_never_wins(
        rules in any_rules(),
        images in proptest::collection::vec((any_reference(), "[xyz]{1,2}"), 32),
    ) {
        let Some(config) = untied(&rules) else { return Ok(()) };
        let shadowed = config.shadowed_rules();
        for (reference, namespace) in images {
            let Some(winner) = config.rule(&reference, Some(&namespace)) else { continue };
            let is_shadowed = shadowed.iter().any(|found| found.rule.line() == winner.line());
            prop_assert!(!is_shadowed, "line {} for {} in {}", winner.line(), reference, namespace);
        }
    }

    #[test]
    fn connaisseur_does_match_what_it_is_said_to_match_more(
        text in "(docker\\.io|index\\.docker\\.io|quay\\.io|my\\.reg:5000|\\*|\\*\\.io|q\\*|Quay\\.io|localhost)\
                 (/(team|\\*|a\\*|\\*b)){0,3}(|:1|:\\*|:v\\*-rc|:latest)(|@sha256:\\*|@\\*|@sha256:0a)",
    ) {
        let pattern = pattern(&text);
        let excess = Excess::of(&pattern);
        for image in [&excess.front, &excess.end].into_iter().flatten() {
            let theirs = connaisseur::canonical(image).and_then(|name| connaisseur::matches(&text, &name));
            prop_assert_eq!(theirs, Some(true), "{} {}", text, image);
            prop_assert!(!pattern.matches(&reference(image)), "{} {}", text, image);
        }
        if text.starts_with('*') {
            prop_assert_eq!(excess.front, None);
        }
        if text.ends_with('*') {
            prop_assert_eq!(excess.end, None);
        }
    }
}
