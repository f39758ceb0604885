use proptest::prelude::*;

use super::*;
use crate::fixtures::config_text;
use crate::{Config, Problem};

/// One rule: its pattern, and the namespaces in which it holds.
pub(crate) type Written = (String, Option<Vec<String>>);

/// A configuration of these rules without those that tie with one before.
pub(crate) fn untied(rules: &[Written]) -> Option<Config> {
    let mut lines: Vec<String> = rules
        .iter()
        .map(|(pattern, namespaces)| {
            let namespaces = namespaces
                .as_ref()
                .map(|globs| format!(", namespaces: ['{}']", globs.join("', '")));
            let namespaces = namespaces.unwrap_or_default();
            format!("- {{pattern: '{pattern}', validator: deny{namespaces}}}\n")
        })
        .collect();
    let first_line = 1 + config_text("policy:\n").lines().count();
    while !lines.is_empty() {
        match Config::parse(&config_text(&format!("policy:\n{}", lines.concat())), "f") {
            Ok(config) => return Some(config),
            Err(error) => {
                assert!(matches!(*error.problem, Problem::Tie { .. }), "{error}");
                let line = usize::try_from(error.place.line).unwrap();
                lines.remove(line - first_line);
            }
        }
    }
    None
}

prop_compose! {
    fn written()(
        host in "(a|b|ab|\\*)(\\.io)?",
        path in "(/(a|b|\\*|a\\*|\\*b|ab)){1,3}",
        tag in proptest::option::of("(1|2|\\*|1\\*)"),
        namespaces in proptest::option::weighted(
            0.5, proptest::collection::vec("(x|y|xy|x\\*|\\*y|\\*)", 1..3),
        ),
    ) -> Written {
        let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
        (format!("{host}{path}{tag}"), namespaces)
    }
}

pub(crate) fn any_rules() -> impl Strategy<Value = Vec<Written>> {
    proptest::collection::vec(written(), 1..16)
}

prop_compose! {
    pub(crate) fn any_reference()(
        host in "(a|b|ab)\\.io",
        path in "(/[ab]{1,2}){1,3}",
        rest in "(|:[12]{1,2})(|@sha256:[0-9a-f]{64})",
    ) -> Reference {
        format!("{host}{path}{rest}").parse().unwrap()
    }
}

pub(crate) fn any_namespace() -> impl Strategy<Value = Option<String>> {
    proptest::option::weighted(0.8, "[xyz]{1,2}")
}

/// The rule that the definition selects.
fn defined<'a>(
    config: &'a Config,
    reference: &Reference,
    namespace: Option<&str>,
) -> Option<&'a Rule> {
    let matching = |is_in_scope: &dyn Fn(&Rule) -> bool| {
        config
            .rules()
            .filter(|rule| is_in_scope(rule) && rule.pattern().matches(reference))
            .max_by_key(|rule| rule.pattern().specificity())
    };
    let in_namespace = |rule: &Rule| namespace.is_some_and(|name| rule.is_scoped_to(name));
    matching(&in_namespace).or_else(|| matching(&|rule| rule.namespaces().is_none()))
}

proptest! {
    #[test]
    fn the_rule_that_is_selected_is_the_one_that_a_look_at_all_rules_finds(
        rules in any_rules(),
        images in proptest::collection::vec((any_reference(), any_namespace()), 16),
    ) {
        let Some(config) = untied(&rules) else { return Ok(()) };
        for (reference, namespace) in images {
            let namespace = namespace.as_deref();
            prop_assert_eq!(
                config.rule(&reference, namespace).map(Rule::line),
                defined(&config, &reference, namespace).map(Rule::line),
                "{} in {:?}", reference, namespace
            );
        }
    }

    #[test]
    fn which_rule_is_selected_does_not_depend_on_their_order(
        (rules, shuffled) in any_rules().prop_flat_map(|rules| {
            let shuffled = Just(rules.clone()).prop_shuffle();
            (Just(rules), shuffled)
        }),
        reference in any_reference(),
        namespace in any_namespace(),
    ) {
        let parse = |rules: &[Written]| untied(rules).filter(|config| config.rules().count() == rules.len());
        let chosen = |config: &Config| {
            let rule = config.rule(&reference, namespace.as_deref())?;
            let namespaces = rule.namespaces().map(|globs| format!("{globs:?}"));
            Some((rule.pattern().clone(), namespaces))
        };
        match (parse(&rules), parse(&shuffled)) {
            (Some(one), Some(other)) => prop_assert_eq!(chosen(&one), chosen(&other)),
            (one, other) => prop_assert!(one.is_none() && other.is_none(), "ties depend on the order"),
        }
    }

    #[test]
    fn a_policy_is_refused_exactly_if_two_of_its_rules_tie(rules in any_rules()) {
        let each: Vec<Config> = rules.iter().filter_map(|rule| untied(std::slice::from_ref(rule))).collect();
        let each: Vec<&Rule> = each.iter().flat_map(Config::rules).collect();
        let ties = (1..each.len()).any(|at| each[..at].iter().any(|rule| rule.ties_with(each[at])));
        let refused = untied(&rules).is_none_or(|config| config.rules().count() < rules.len());
        prop_assert_eq!(refused, ties);
    }
}
