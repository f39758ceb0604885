//! What each topology renders, word for word.
//!
//! After a change that is meant, `VOUCHSAFE_GOLDEN=write cargo test -p vouchsafe-tests --test chart` writes the files
//! anew; the difference is what there is to review.

use std::fs;

use super::{TOPOLOGIES, chart, helm, here, objects, template};

#[test]
fn each_topology_renders_what_it_did() {
    for topology in TOPOLOGIES {
        let values = format!("values-{topology}.yaml");
        // The definitions of the custom resources are generated elsewhere.
        let rendered = template(&[&values, "policy.yaml"], &["crds.install=false"]);
        assert_eq!(rendered.code, Some(0), "{topology}: {}", rendered.stderr);
        let path = here().join("golden").join(format!("{topology}.yaml"));
        if std::env::var_os("VOUCHSAFE_GOLDEN").is_some_and(|it| it == "write") {
            fs::write(&path, &rendered.stdout).unwrap();
        }
        let golden = fs::read_to_string(&path).unwrap();
        let first = golden.lines().zip(rendered.stdout.lines()).enumerate();
        let first = first
            .map(|(number, pair)| (number + 1, pair))
            .find(|(_, (golden, now))| golden != now);
        assert_eq!(first, None, "{}: differs first here", path.display());
        assert!(golden == rendered.stdout, "{}: lengths", path.display());
    }
}

#[test]
fn helm_finds_nothing_to_complain_about() {
    let files = TOPOLOGIES.iter().map(|it| format!("values-{it}.yaml"));
    for file in files.chain(["connaisseur.yaml".to_owned()]) {
        let finished = helm("lint", &[&file], &["global.any=true"]);
        assert_eq!(finished.code, Some(0), "{file}: {finished:?}");
        // What `--strict` is about: a warning fails it.
        assert!(!finished.stdout.contains("[WARNING]"), "{finished:?}");
    }
    let finished = helm("lint", &[], &[]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

#[test]
fn two_renderings_are_the_same() {
    let render = || template(&["values-cluster.yaml", "policy.yaml"], &[]).stdout;
    assert!(render() == render(), "something in it is random");
}

#[test]
fn the_definitions_of_the_custom_resources_are_kept_unless_said_otherwise() {
    let definitions = |settings: &[&str]| {
        let rendered = objects(&template(&[], settings).stdout);
        let found = super::of_kind(&rendered, "CustomResourceDefinition");
        found.cloned().collect::<Vec<_>>()
    };
    let kept = definitions(&[]);
    assert_eq!(
        kept.len(),
        fs::read_dir(chart().join("files/crds")).unwrap().count()
    );
    for definition in &kept {
        let policy = &definition["metadata"]["annotations"]["helm.sh/resource-policy"];
        assert_eq!(policy, "keep");
    }
    let removed = definitions(&["crds.keep=false"]);
    assert_eq!(removed.len(), kept.len());
    for definition in &removed {
        let annotations = &definition["metadata"]["annotations"];
        assert!(annotations["helm.sh/resource-policy"].is_null());
    }
    assert_eq!(definitions(&["crds.install=false"]).len(), 0);
}

/// The paths of the values that a file sets, with `.` between their keys; lists are values.
fn paths(values: &serde_json::Value, before: &str, found: &mut Vec<String>) {
    let Some(members) = values.as_object().filter(|it| !it.is_empty()) else {
        found.push(before.to_owned());
        return;
    };
    for (key, value) in members {
        let dot = if before.is_empty() { "" } else { "." };
        paths(value, &format!("{before}{dot}{key}"), found);
    }
}

#[test]
fn every_value_stands_in_the_readme() {
    let values = fs::read_to_string(chart().join("values.yaml")).unwrap();
    let readme = fs::read_to_string(chart().join("README.md")).unwrap();
    let mut all = Vec::new();
    paths(&serde_saphyr::from_str(&values).unwrap(), "", &mut all);
    assert!(all.len() > 100, "{}", all.len());
    for path in all {
        // Or what it is within, such as the times of a probe.
        let within = path.match_indices('.').map(|(at, _)| path.split_at(at).0);
        let mut names = within.chain([path.as_str()]);
        let stands = names.any(|it| readme.contains(&format!("| `{it}` |")));
        assert!(stands, "{path}");
    }
}
