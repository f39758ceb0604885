//! Finds rules of which neither comes first.

use super::Rule;

/// Two of `rules`, all equally specific, of which neither comes first for some image in some
/// namespace: in the order of the file.
///
/// Whatever two rules match both begins with the literal text of either, so only a rule whose text
/// begins with that of the other needs to be compared with it. In sorted order these follow one
/// another.
pub(super) fn find(rules: &[Rule]) -> Option<(&Rule, &Rule)> {
    let mut sorted: Vec<(String, &Rule)> = rules
        .iter()
        .flat_map(|rule| beginnings(rule).map(move |beginning| (beginning, rule)))
        .collect();
    sorted.sort_by(|(a, rule), (b, other)| a.cmp(b).then(rule.place.cmp(&other.place)));
    // Those whose text the current one begins with.
    let mut chain: Vec<(&str, &Rule)> = Vec::new();
    for (beginning, rule) in &sorted {
        while chain
            .pop_if(|(shorter, _)| !beginning.starts_with(*shorter))
            .is_some()
        {}
        let is_tied = |other: &Rule| other.place != rule.place && rule.ties_with(other);
        if let Some((_, other)) = chain.iter().find(|(_, other)| is_tied(other)) {
            return Some(if other.place < rule.place {
                (other, rule)
            } else {
                (rule, other)
            });
        }
        chain.push((beginning, rule));
    }
    None
}

/// What namespace and name of all that the rule matches begin with, once for each of its
/// namespaces.
fn beginnings(rule: &Rule) -> impl Iterator<Item = String> {
    let name = rule.pattern.name().prefix();
    let scoped = rule.namespaces().into_iter().flatten().map(move |glob| {
        glob.literal().map_or_else(
            || glob.prefix().to_owned(),
            |namespace| format!("{namespace}/{name}"),
        )
    });
    let open = rule.namespaces().is_none().then(|| name.to_owned());
    scoped.chain(open)
}
