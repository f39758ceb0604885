use super::*;
use crate::fixtures::connaisseur::{self, Choice};

/// An image, the patterns of a policy, and what becomes of them.
struct Row<'a> {
    image: &'a str,
    patterns: &'a [&'a str],
    theirs: Theirs<'a>,
    ours: Ours<'a>,
    /// Why Vouchsafe does something else.
    why: Option<Why>,
}

/// What Connaisseur does.
#[derive(Debug, Eq, PartialEq)]
enum Theirs<'a> {
    Takes(&'a str),
    FindsNone,
    Crashes,
}

/// What Vouchsafe does.
#[derive(Debug, Eq, PartialEq)]
enum Ours<'a> {
    Takes(&'a str),
    FindsNone,
    /// It refuses the policy because of a pattern.
    RefusesPattern,
    /// It refuses the policy because two rules tie.
    RefusesTie,
}

/// Why Vouchsafe does something else than Connaisseur.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Why {
    /// A pattern matches from the first to the last character. Otherwise anybody's registry can
    /// have a repository, and anybody a tag, that a rule about somebody else's is taken for.
    Anchored,
    /// A runtime pulls by the digest and ignores the tag beside it, so the rule about the digest is
    /// the one about the image.
    DigestDecides,
    /// A tag part of `*` leaves open whether there is a tag.
    TagLeftOpen,
    /// A name that is not anchored at a registry is no canonical name.
    NoRegistry,
    /// Runtimes read `localhost` as a registry; Connaisseur reads a repository on Docker Hub.
    LocalhostIsARegistry,
    /// Docker Hub has one name here, so these are the same pattern, and the order of rules means
    /// nothing.
    SamePattern,
    /// `?`, `[…]` and `{…}` taken literally would silently match nothing; and they can crash
    /// Connaisseur.
    OneWildcard,
}

const DEFAULT: &[&str] = &[
    "*:*",
    PINNED,
    "docker.io/securesystemsengineering/*:*",
    "registry.k8s.io/*:*",
];
const PINNED: &str = "docker.io/library/redis@sha256:\
                      e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const fn same<'a>(image: &'a str, patterns: &'a [&'a str], winner: &'a str) -> Row<'a> {
    Row {
        image,
        patterns,
        theirs: Theirs::Takes(winner),
        ours: Ours::Takes(winner),
        why: None,
    }
}

const fn differs<'a>(
    image: &'a str,
    patterns: &'a [&'a str],
    theirs: Theirs<'a>,
    ours: Ours<'a>,
    why: Why,
) -> Row<'a> {
    Row {
        image,
        patterns,
        theirs,
        ours,
        why: Some(why),
    }
}

/// The examples that were run on Connaisseur, in their order.
fn rows<'a>(digested: &'a str, redis: &'a str, quay: &'a str) -> Vec<Row<'a>> {
    use Ours::{RefusesPattern, RefusesTie};
    use Why::{
        Anchored, DigestDecides, LocalhostIsARegistry, NoRegistry, OneWildcard, SamePattern,
        TagLeftOpen,
    };
    let (theirs, ours) = (Theirs::Takes, Ours::Takes);
    vec![
        same("nginx", &["*:*"], "*:*"),
        same(digested, &["*:*"], "*:*"),
        differs(redis, DEFAULT, theirs("*:*"), ours(PINNED), DigestDecides),
        differs(
            "my.reg/allow-me-not:1",
            &["*:*", "my.reg/allow-me"],
            theirs("my.reg/allow-me"),
            ours("*:*"),
            Anchored,
        ),
        differs(
            "my.reg/allow-me/sub:1",
            &["*:*", "my.reg/allow-me"],
            theirs("my.reg/allow-me"),
            ours("*:*"),
            Anchored,
        ),
        differs(
            "ghcr.io/attacker/registry.k8s.io/malware:1",
            DEFAULT,
            theirs("registry.k8s.io/*:*"),
            ours("*:*"),
            Anchored,
        ),
        differs(
            "notregistry.k8s.io/malware:1",
            DEFAULT,
            theirs("registry.k8s.io/*:*"),
            ours("*:*"),
            Anchored,
        ),
        differs(
            "evil.example/docker.io/securesystemsengineering/x1:1",
            DEFAULT,
            theirs("docker.io/securesystemsengineering/*:*"),
            ours("*:*"),
            Anchored,
        ),
        same(
            "my.reg/a/b/c:1",
            &["my.reg/*:*", "my.reg/a/*:*", "*/*/*/*:*"],
            "*/*/*/*:*",
        ),
        same(
            "my.reg/app:1.0",
            &["my.reg/*:1.*", "my.reg/app:*"],
            "my.reg/app:*",
        ),
        differs(
            "my.reg/app:1.0",
            &["my.reg/app:1?0", "my.reg/app:1.*"],
            theirs("my.reg/app:1.*"),
            RefusesPattern,
            OneWildcard,
        ),
        differs(
            "my.reg/app:1.0",
            &["my.reg/app:*", "my.reg/app:?"],
            theirs("my.reg/app:?"),
            RefusesPattern,
            OneWildcard,
        ),
        differs(
            "quay.io/xx:11",
            &["quay.io/xx:1", "quay.io/xx:*"],
            theirs("quay.io/xx:1"),
            ours("quay.io/xx:*"),
            Anchored,
        ),
        same(
            "quay.io/xx:latest",
            &["quay.io/xx:*", "quay.io/xx"],
            "quay.io/xx:*",
        ),
        differs(
            quay,
            &["quay.io/xx:*"],
            Theirs::FindsNone,
            ours("quay.io/xx:*"),
            TagLeftOpen,
        ),
        same(
            "quay.io/team/app:1",
            &["quay.io/*:*", "*/team/app:1"],
            "*/team/app:1",
        ),
        same("quay.io/team/app:1", &["*/*/app:1", "*/team/*"], "*/team/*"),
        same(
            "quay.io/team/app:1",
            &["quay*/*/app:1", "quay.*/*/*"],
            "quay.*/*/*",
        ),
        differs(
            "docker.io/team/app:1",
            &["docker.io/*/*:*", "index.docker.io/*/*:*", "*/team/*:*"],
            theirs("index.docker.io/*/*:*"),
            RefusesTie,
            SamePattern,
        ),
        same(
            "docker.io/test:tag",
            &["docker.io/*:*", "docker.io/test:*"],
            "docker.io/*:*",
        ),
        differs(
            "test:tag",
            &["library/*", "test"],
            theirs("library/*"),
            Ours::FindsNone,
            NoRegistry,
        ),
        differs(
            "localhost/x1:1",
            &["localhost/*", "docker.io/*"],
            theirs("docker.io/*"),
            ours("localhost/*"),
            LocalhostIsARegistry,
        ),
        Row {
            image: "quay.io/x1/y1:1",
            patterns: &["docker.io/*:*"],
            theirs: Theirs::FindsNone,
            ours: Ours::FindsNone,
            why: None,
        },
        differs(
            "quay.io/xx:1",
            &["quay.io/[x"],
            Theirs::Crashes,
            RefusesPattern,
            OneWildcard,
        ),
        differs(
            "quay.io/x1/y1:1",
            &["{docker.io/foo,quay.io/x1}/*"],
            Theirs::Crashes,
            RefusesPattern,
            OneWildcard,
        ),
    ]
}

#[test]
fn rules_win_as_in_connaisseur_except_where_that_is_unsafe() {
    let digested = format!("nginx@sha256:{HEX}");
    let redis = format!("redis:7@sha256:{HEX}");
    let quay = format!("quay.io/xx@sha256:{HEX}");
    let rows = rows(&digested, &redis, &quay);
    let mut reasons = std::collections::BTreeSet::new();
    for row in &rows {
        let image = format!("{} {:?}", row.image, row.patterns);
        let theirs = match connaisseur::choose(row.image, row.patterns) {
            Choice::Rule(at) => Theirs::Takes(row.patterns[at]),
            Choice::NoRule => Theirs::FindsNone,
            Choice::Crash => Theirs::Crashes,
        };
        assert_eq!(theirs, row.theirs, "{image}");
        let chosen = choose(row.image, row.patterns);
        let ours = match &chosen {
            Ok(Some(winner)) => Ours::Takes(winner),
            Ok(None) => Ours::FindsNone,
            Err(Problem::Pattern { .. }) => Ours::RefusesPattern,
            Err(Problem::Tie { .. }) => Ours::RefusesTie,
            Err(problem) => panic!("{image}: {problem}"),
        };
        assert_eq!(ours, row.ours, "{image}");
        let is_same = match (&theirs, &ours) {
            (Theirs::Takes(theirs), Ours::Takes(ours)) => theirs == ours,
            (Theirs::FindsNone, Ours::FindsNone) => true,
            _ => false,
        };
        assert_eq!(is_same, row.why.is_none(), "{image}: {:?}", row.why);
        if let (Some(Why::Anchored), Theirs::Takes(theirs)) = (row.why, &theirs) {
            assert!(!pattern(theirs).matches(&reference(row.image)), "{image}");
        }
        reasons.extend(row.why);
    }
    assert_eq!((rows.len(), reasons.len()), (25, 7), "{reasons:?}");
}
