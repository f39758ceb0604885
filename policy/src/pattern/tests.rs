mod connaisseur;

use proptest::prelude::*;

use super::*;
use crate::fixtures::config_text;
use crate::{Config, Problem};

const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn pattern(text: &str) -> Pattern {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn reference(text: &str) -> Reference {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn a_pattern_matches_the_canonical_reference_and_nothing_around_it() {
    let digested = format!("quay.io/xx@sha256:{HEX}");
    let both = format!("quay.io/xx:1@sha256:{HEX}");
    let cases = [
        ("*", "nginx", true),
        ("*:*", "nginx", true),
        ("docker.io/library/nginx", "nginx:1.27", true),
        ("index.docker.io/library/nginx", "nginx", true),
        ("Index.Docker.io/library/nginx", "docker.io/nginx", true),
        ("nginx", "nginx", false),
        ("library/*", "nginx", false),
        ("quay.io/xx:1", "quay.io/xx:1", true),
        ("quay.io/xx:1", "quay.io/xx:11", false),
        ("quay.io/xx", "quay.io/xx:11", true),
        ("quay.io/xx", "quay.io/xx/y", false),
        ("quay.io/x", "quay.io/xx", false),
        ("quay.io/*", "Quay.IO/xx", true),
        ("QUAY.io/*", "quay.io/xx", true),
        ("quay.io/*", "quay.io/a/b/c:1", true),
        ("quay.io/*", "evil.io/quay.io/x", false),
        ("quay.io/*", "notquay.io/x", false),
        ("quay.io/*", "quay.io:5000/x", false),
        ("quay.io*", "quay.io:5000/x:1", true),
        ("registry:5000/*:1", "registry:5000/x:1", true),
        ("[::1]:5000/*", "[::1]:5000/x", true),
        ("[2001:DB8::*]/x", "[2001:db8::1]/x:1", true),
        // A tag part says something about the tag alone.
        ("*:5*", "quay.io:5000/x:1", false),
        ("quay.io/*1", "quay.io/xx:1", false),
        ("quay.io/xx:*", "quay.io/xx:1", true),
        ("quay.io/xx:1", &both, true),
        ("quay.io/xx:*", &both, true),
        ("quay.io/xx:2", &both, false),
        // A reference with a digest alone has no tag; `*` is any tag or none.
        ("quay.io/xx:*", &digested, true),
        ("quay.io/xx:**", &digested, true),
        ("quay.io/*:*", &digested, true),
        ("quay.io/xx:1*", &digested, false),
        ("quay.io/xx:latest", &digested, false),
        ("quay.io/xx", &digested, true),
        // Runtimes ignore a tag beside a digest.
        (&digested, &digested, true),
        (&digested, &both, true),
        (&digested, "quay.io/xx:1", false),
        ("quay.io/xx@*", &both, true),
        ("quay.io/xx@*", "quay.io/xx:1", false),
        ("quay.io/xx@sha256:0*", &digested, false),
        (&both, &both, true),
        (&both, &digested, false),
    ];
    for (text, image, matches) in cases {
        assert_eq!(
            pattern(text).matches(&reference(image)),
            matches,
            "{text} {image}"
        );
    }
}

#[test]
fn what_could_never_match_is_no_pattern() {
    let character = |character| PatternError::Character { character };
    for (text, error) in [
        ("", PatternError::Empty),
        ("quay.io/xx:", PatternError::EmptyPart),
        ("quay.io/xx@", PatternError::EmptyPart),
        (":1", PatternError::EmptyPart),
        ("quay.io/x?", character('?')),
        ("quay.io/[ab]", character('[')),
        ("[ab]quay.io/x", character('[')),
        ("[a:b]quay.io/x", character('[')),
        ("[a-z]/x", character('[')),
        ("{a,b}/x", character('{')),
        ("quay.io/x y", character(' ')),
        ("quay.io/é", character('é')),
    ] {
        assert_eq!(text.parse::<Pattern>(), Err(error), "{text}");
    }
}

fn choose(image: &str, patterns: &[&str]) -> Result<Option<String>, Problem> {
    let rules: Vec<String> = patterns
        .iter()
        .map(|pattern| format!("- {{pattern: '{pattern}', validator: deny}}\n"))
        .collect();
    let text = config_text(&format!("policy:\n{}", rules.concat()));
    let config = Config::parse(&text, "f").map_err(|error| *error.problem)?;
    let rule = config.rule(&reference(image), None);
    Ok(rule.map(|rule| rule.pattern().as_str().to_owned()))
}

#[test]
fn rules_scoped_to_the_namespace_come_first() {
    let text = config_text(
        "policy:
- {pattern: 'quay.io/team/app:1', validator: deny}
- {pattern: '*', validator: allow, namespaces: [kube-*, infra]}
- {pattern: 'quay.io/*', validator: lax, namespaces: ['*-system']}
",
    );
    let config = Config::parse(&text, "f").unwrap();
    let image = reference("quay.io/team/app:1");
    let validator = |namespace| {
        let rule = config.rule(&image, namespace);
        rule.map(|rule| rule.validator().to_owned())
    };
    for (namespace, expected) in [
        (None, Some("deny")),
        (Some("shop"), Some("deny")),
        (Some("infra"), Some("allow")),
        (Some("infra-2"), Some("deny")),
        (Some("kube-public"), Some("allow")),
        (Some("kube-system"), Some("lax")),
        (Some("my-system"), Some("lax")),
    ] {
        assert_eq!(validator(namespace).as_deref(), expected, "{namespace:?}");
    }
    let other = reference("quay.io/other");
    assert!(config.rule(&other, None).is_none());
    assert!(config.rule(&other, Some("shop")).is_none());
}

prop_compose! {
    fn any_pattern()(
        host in "(a|b|\\*)(\\.io)?",
        path in "(/(a|b|\\*|a\\*|\\*b)){1,2}",
        tag in proptest::option::of("(1|2|\\*|1\\*)"),
    ) -> String {
        match tag {
            Some(tag) => format!("{host}{path}:{tag}"),
            None => host + &path,
        }
    }
}

prop_compose! {
    fn any_image()(
        host in "[ab]\\.io",
        path in "(/[ab]{1,2}){1,2}",
        tag in proptest::option::of("[12]{1,2}"),
    ) -> String {
        match tag {
            Some(tag) => format!("{host}{path}:{tag}"),
            None => format!("{host}{path}@sha256:{HEX}"),
        }
    }
}

proptest! {
    #[test]
    fn the_winner_is_independent_of_the_order_of_rules(
        patterns in proptest::collection::vec(any_pattern(), 1..6),
        image in any_image(),
    ) {
        let forward: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let backward: Vec<&str> = forward.iter().rev().copied().collect();
        let (one, other) = (choose(&image, &forward), choose(&image, &backward));
        match (one, other) {
            (Ok(one), Ok(other)) => prop_assert_eq!(one, other),
            (one, other) => prop_assert!(one.is_err() && other.is_err()),
        }
    }

    #[test]
    fn patterns_that_match_one_image_overlap(
        a in any_pattern(), b in any_pattern(), image in any_image(),
    ) {
        let (a, b, image) = (pattern(&a), pattern(&b), reference(&image));
        prop_assert!(!(a.matches(&image) && b.matches(&image)) || a.overlaps(&b));
    }

    #[test]
    fn the_order_of_patterns_is_total_and_each_edge_of_it_has_its_reason(
        a in any_pattern(), b in any_pattern(), c in any_pattern(),
    ) {
        let (a, b, c) = (pattern(&a), pattern(&b), pattern(&c));
        let above = |one: &Pattern, other: &Pattern| {
            let edge = one.specificity().edge_over(other.specificity());
            let reason = edge.is_some();
            assert_eq!(reason, one.specificity() > other.specificity(), "{one} {other} {edge:?}");
            reason
        };
        prop_assert!(!above(&a, &a));
        prop_assert!(!(above(&a, &b) && above(&b, &a)));
        prop_assert!(!(above(&a, &b) && above(&b, &c)) || above(&a, &c));
        let is_tied = !above(&a, &b) && !above(&b, &a);
        prop_assert_eq!(is_tied, a.specificity() == b.specificity());
        // What ties with one is above and below the same others.
        prop_assert!(!is_tied || (above(&a, &c) == above(&b, &c) && above(&c, &a) == above(&c, &b)));
    }

    #[test]
    fn a_pattern_that_covers_another_matches_all_that_it_matches(
        a in any_pattern(), b in any_pattern(), image in any_image(),
    ) {
        let (a, b, image) = (pattern(&a), pattern(&b), reference(&image));
        prop_assert!(!a.covers(&b) || a.matches(&image) || !b.matches(&image));
        prop_assert!(a.covers(&a));
        prop_assert!(!a.covers(&b) || a.overlaps(&b));
    }

    #[test]
    fn any_text_is_a_pattern_or_refused(text in "\\PC{0,40}|[a-z*:@/.\\[\\]]{0,40}") {
        let image = reference("quay.io/team/app:1");
        if let Ok(pattern) = text.parse::<Pattern>() {
            let _matches = pattern.matches(&image);
            prop_assert_eq!(pattern.as_str(), text);
        }
    }
}
