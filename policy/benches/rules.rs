//! What it costs to find the rule about an image, and to read a policy, by the number of rules.

#![expect(
    clippy::unwrap_used,
    reason = "a bench is read by people, and stops where it cannot be set up"
)]

use std::fmt::Write as _;

use divan::Bencher;
use divan::counter::ItemsCount;
use vouchsafe_policy::Config;
use vouchsafe_trust::image::Reference;

fn main() {
    divan::main();
}

const RULES: [usize; 4] = [5, 50, 500, 5_000];

/// How the rules of a policy differ.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// A path for each team, all on one registry.
    OneHost,
    /// A repository in any registry.
    AnyHost,
    /// A team's path in any registry: only the tag keeps such rules from tying.
    AnyHostAndEnd,
    /// Everything, in a namespace for each team.
    Namespaces,
    /// A path for each team, all in namespaces of one kind.
    OneNamespaceGlob,
}

impl Shape {
    fn rule(self, n: usize) -> String {
        match self {
            Self::OneHost => format!("pattern: 'registry.example.com/team-{n}/*:*'"),
            Self::AnyHost => format!("pattern: '*/app-{n:04}:*'"),
            Self::AnyHostAndEnd => format!("pattern: '*/team-{n:04}/*:{n:04}*'"),
            Self::Namespaces => format!("pattern: '*:*', namespaces: [team-{n}]"),
            Self::OneNamespaceGlob => {
                format!("pattern: 'registry.example.com/team-{n}/*:*', namespaces: ['shop-*']")
            }
        }
    }

    fn hit(self, n: usize) -> (String, String) {
        let (image, namespace) = match self {
            Self::OneHost => (
                format!("registry.example.com/team-{n}/app:1"),
                "shop".to_owned(),
            ),
            Self::AnyHost => (format!("quay.io/team/app-{n:04}:1"), "shop".to_owned()),
            Self::AnyHostAndEnd => (format!("quay.io/team-{n:04}/app:{n:04}"), "shop".to_owned()),
            Self::Namespaces => ("quay.io/team/app:1".to_owned(), format!("team-{n}")),
            Self::OneNamespaceGlob => (
                format!("registry.example.com/team-{n}/app:1"),
                "shop-a".to_owned(),
            ),
        };
        (image, namespace)
    }
}

const SHAPES: [Shape; 5] = [
    Shape::OneHost,
    Shape::AnyHost,
    Shape::AnyHostAndEnd,
    Shape::Namespaces,
    Shape::OneNamespaceGlob,
];

fn text(shape: Shape, rules: usize) -> String {
    let mut text = "validators: [{name: allow, type: static, approve: true}]\npolicy:\n".to_owned();
    for n in 0..rules {
        writeln!(text, "- {{{}, validator: allow}}", shape.rule(n)).unwrap();
    }
    text
}

fn select(bencher: Bencher<'_, '_>, config: &Config, image: &str, namespace: &str, found: bool) {
    let reference: Reference = image.parse().unwrap();
    let select = || config.rule(divan::black_box(&reference), Some(namespace));
    assert_eq!(select().is_some(), found, "{image} in {namespace}");
    bencher
        .counter(ItemsCount::new(1_usize))
        .bench(|| select().map(vouchsafe_policy::Rule::line));
}

/// The rule that stands last in the file.
#[divan::bench(args = arguments())]
fn hit(bencher: Bencher<'_, '_>, (shape, rules): (Shape, usize)) {
    let config = Config::parse(&text(shape, rules), "bench.yaml").unwrap();
    let (image, namespace) = shape.hit(rules - 1);
    select(bencher, &config, &image, &namespace, true);
}

#[divan::bench(args = arguments())]
fn miss(bencher: Bencher<'_, '_>, (shape, rules): (Shape, usize)) {
    let config = Config::parse(&text(shape, rules), "bench.yaml").unwrap();
    let image = "registry.example.com/team-none/application:1";
    select(bencher, &config, image, "none", false);
}

/// The text to the policy, with the search for ties.
#[divan::bench(args = arguments(), sample_count = 3, sample_size = 1)]
fn parse(bencher: Bencher<'_, '_>, (shape, rules): (Shape, usize)) {
    let text = text(shape, rules);
    bencher.bench(|| Config::parse(divan::black_box(&text), "bench.yaml").unwrap());
}

fn arguments() -> impl Iterator<Item = (Shape, usize)> {
    SHAPES
        .into_iter()
        .flat_map(|shape| RULES.map(|rules| (shape, rules)))
}
