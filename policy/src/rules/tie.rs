//! Finds rules of which neither comes first.

use super::Rule;
use super::index::backwards;

/// Two of `rules`, all equally specific, of which neither comes first for some image in some
/// namespace: in the order of the file.
///
/// What two rules both match begins with the literal text of either, so only rules of which the
/// text of one begins with that of the other need to be compared. In sorted order these follow
/// one another. The same holds for the ends of names and for namespaces; whichever tells more of
/// the rules apart is used.
pub(super) fn find(rules: &[Rule]) -> Option<(&Rule, &Rule)> {
    let sorted = [beginnings, ends, namespaces]
        .map(|texts| sorted(rules, texts))
        .into_iter()
        .max_by_key(|sorted| sorted.chunk_by(|(a, _), (b, _)| a == b).count())?;
    // Those whose text the current one begins with.
    let mut chain: Vec<(&str, &Rule)> = Vec::new();
    for (text, rule) in &sorted {
        while chain
            .pop_if(|(shorter, _)| !text.starts_with(*shorter))
            .is_some()
        {}
        let is_tied = |other: &Rule| rule.ties_with(other) && other.place != rule.place;
        if let Some((_, other)) = chain.iter().find(|(_, other)| is_tied(other)) {
            return Some(if other.place < rule.place {
                (other, rule)
            } else {
                (rule, other)
            });
        }
        chain.push((text, rule));
    }
    None
}

fn sorted(rules: &[Rule], texts: fn(&Rule) -> Vec<String>) -> Vec<(String, &Rule)> {
    let mut sorted: Vec<(String, &Rule)> = rules
        .iter()
        .flat_map(|rule| texts(rule).into_iter().map(move |text| (text, rule)))
        .collect();
    sorted.sort_by(|(a, rule), (b, other)| a.cmp(b).then(rule.place.cmp(&other.place)));
    sorted
}

/// What all names that the rule is about begin with.
fn beginnings(rule: &Rule) -> Vec<String> {
    vec![rule.pattern.name().prefix().to_owned()]
}

/// What all names that the rule is about end with, backwards.
fn ends(rule: &Rule) -> Vec<String> {
    vec![backwards(rule.pattern.name().suffix())]
}

/// What all namespaces in which the rule holds begin with, for each way to name some.
fn namespaces(rule: &Rule) -> Vec<String> {
    match rule.namespaces() {
        Some(globs) => globs.iter().map(|glob| glob.prefix().to_owned()).collect(),
        None => vec![String::new()],
    }
}
