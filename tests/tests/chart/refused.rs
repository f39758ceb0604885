//! Values that are refused, each with words that name the key.

use super::{INSTALLS, objects, template};

/// Settings, and what the refusal says.
const REFUSED: &[(&[&str], &[&str])] = &[
    (&["replicas=2"], &["additional properties 'replicas'"]),
    (&["replicaCount=0"], &["/replicaCount", "want 1"]),
    (&["replicaCount=many"], &["/replicaCount", "want integer"]),
    (
        &["topology=mesh"],
        &["/topology", "'cluster', 'airGap', 'standalone'"],
    ),
    (&["image.digest=sha256:12"], &["/image/digest", "sha256:12"]),
    (&["image.repository=Vouchsafe"], &["/image/repository"]),
    (&["ports.https=443"], &["/ports/https", "want 1,024"]),
    (
        &["podDisruptionBudget.minAvailable=half"],
        &["/podDisruptionBudget/minAvailable"],
    ),
    (
        &[
            "podDisruptionBudget.minAvailable=1",
            "podDisruptionBudget.maxUnavailable=1",
        ],
        &["podDisruptionBudget:", "not both"],
    ),
    (
        &["webhook.validating.timeoutSeconds=31"],
        &["/webhook/validating/timeoutSeconds", "want 30"],
    ),
    (
        &["webhook.validating.failurePolicy=Open"],
        &["/webhook/validating/failurePolicy"],
    ),
    (
        &["webhook.excludedNamespaces[0]=team-*"],
        &["/webhook/excludedNamespaces/0"],
    ),
    (
        &["webhook.matchConditions.extra[0].name=x"],
        &["/webhook/matchConditions/extra/0", "expression"],
    ),
    (
        &["tls.mode=none"],
        &[
            "/tls/mode",
            "'selfManaged', 'certManager', 'existingSecret'",
        ],
    ),
    (
        &["tls.mode=existingSecret"],
        &["tls.existingSecret.name:", "tls.existingSecret.caBundle:"],
    ),
    (
        &[
            "tls.mode=existingSecret",
            "tls.existingSecret.name=x",
            "tls.existingSecret.caBundle=Zm9v",
        ],
        &["/tls/existingSecret/caBundle"],
    ),
    (
        &["networkPolicy.apiServer.cidrs[0]=10.0.0.1"],
        &["/networkPolicy/apiServer/cidrs/0"],
    ),
    (&["airGap.schedule=hourly"], &["/airGap/schedule"]),
    (&["airGap.files[0]=/etc/passwd"], &["/airGap/files/0"]),
    (
        &["topology=airGap", "airGap.source=registry"],
        &["airGap.registry.references:"],
    ),
    (
        &["topology=airGap", "config.sync.schedule=*/5 * * * *"],
        &["config.sync.schedule:", "airGap.schedule"],
    ),
    (
        &["config.sync.schedule=never"],
        &["config.sync.schedule:", "topology: airGap"],
    ),
    (
        &["config.bundles.directory=/bundles"],
        &["config.bundles.directory:", "topology: standalone"],
    ),
    (
        &["topology=airGap", "config.freshness.freshnessFrom=bundle"],
        &["config.freshness.freshnessFrom:", "config.bundles.pull"],
    ),
    (
        &["config.freshness.freshnessFrom=bundle"],
        &["config.freshness.freshnessFrom:", "TrustRepository"],
    ),
    (
        &[
            "topology=airGap",
            "config.bundles.pull.reference=registry.internal/trust/bundle:latest",
            "config.bundles.pull.auth.password=x",
        ],
        &["config.bundles.pull.auth:", "`username`"],
    ),
    (
        &[
            "topology=airGap",
            "config.bundles.pull.reference=registry.internal/trust/bundle:latest",
            "config.bundles.pull.auth.username=x",
            "config.bundles.pull.auth.password=x",
            "config.bundles.pull.auth.secretName=x",
        ],
        &["config.bundles.pull.auth:", "one of the two"],
    ),
    (
        &[
            "topology=airGap",
            "airGap.files={a.tar.zst,b.tar.zst}",
            "syncer.persistence.enabled=true",
            "syncer.persistence.existingClaim=x",
        ],
        &["syncer.persistence.existingClaim:", "each bundle"],
    ),
    (
        &["config.features.detectionMode=true"],
        &["config.features:", "application.features"],
    ),
    (
        &["config.kubernetes.feed=true"],
        &["config.kubernetes:", "by the chart"],
    ),
    (
        &["config.freshnes.maxStaleness=1d"],
        &["/config", "'freshnes'"],
    ),
    (
        &["application.features.detectionMod=true"],
        &["/application/features", "'detectionMod'"],
    ),
    (
        &[
            "application.validators[0].name=x",
            "application.validators[0].type=cosign",
        ],
        &["application.validators[0] (x).type:", "cosign"],
    ),
    (
        &[
            "application.validators[0].name=x",
            "application.validators[0].type=notation",
        ],
        &["application.validators[0] (x).type:", "notation"],
    ),
    (
        &[
            "application.validators[0].name=x",
            "application.validators[0].type=notaryv2",
        ],
        &["application.validators[0] (x).type:", "`notaryv2`"],
    ),
    (
        &[
            "application.validators[0].name=x",
            "application.validators[0].type=notaryv1",
            "application.validators[0].auth.username=u",
        ],
        &["application.validators[0] (x).auth:", "`password`"],
    ),
    (
        &["application.policy[0].validator=alow"],
        &["/application/policy/0", "'pattern'"],
    ),
    (
        &[
            "application.policy[0].pattern=x",
            "application.policy[0].validator=alow",
        ],
        &["application.policy[0].validator:", "`alow`"],
    ),
    (&["kubernetes.redis.image=redis"], &["kubernetes.redis:"]),
    (
        &["kubernetes.deploymnt.replicasCount=2"],
        &["/kubernetes", "'deploymnt'"],
    ),
    (
        &[
            "alerting.rejectRequest.receivers[0].template=slack",
            "alerting.rejectRequest.receivers[0].receiverUrl=hooks",
        ],
        &["/alerting/rejectRequest/receivers/0/receiverUrl"],
    ),
];

#[test]
fn bad_values_are_refused_by_the_name_of_their_key() {
    for (settings, words) in REFUSED {
        let finished = template(&[], settings);
        assert_ne!(finished.code, Some(0), "{settings:?} are taken");
        for word in *words {
            let said = &finished.stderr;
            assert!(said.contains(word), "{settings:?}: no `{word}` in {said}");
        }
    }
}

#[test]
fn the_namespaces_that_must_not_be_its_own_are_refused() {
    let finished = template(&[], &[]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let mut command = std::process::Command::new(super::helm::program().unwrap());
    command.arg("template").arg("vouchsafe").arg(super::chart());
    command.args(["--namespace", "kube-system"]);
    let finished = super::finish(&mut command).unwrap();
    assert_ne!(finished.code, Some(0));
    assert!(
        finished.stderr.contains("--namespace kube-system:"),
        "{finished:?}"
    );
}

#[test]
fn what_is_not_refused_parses_and_names_nothing_twice() {
    for install in INSTALLS {
        let objects = objects(&install.manifests());
        let mut names: Vec<String> = objects
            .iter()
            .map(|it| format!("{} {}", it["kind"], it["metadata"]["name"]))
            .collect();
        names.sort();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all, "{}", install.name);
        assert!(all > 15, "{}: {all} objects", install.name);
    }
}
