use super::*;

const EMPTY: &str = "policy:\n- pattern: '*:*'\n  validator: deny\n";

fn alerting(text: &str) -> Alerting {
    let text = config_text(EMPTY) + text;
    let config = Config::parse(&text, "config.yaml").unwrap_or_else(|error| panic!("{error}"));
    config.alerting().clone()
}

/// The error about receivers of what was denied, written as one flow mapping from line 38 on.
fn refused(receivers: &str) -> String {
    let text = format!("alerting:\n  rejectRequest:\n    receivers:\n{receivers}\n");
    error(&(config_text(EMPTY) + &text))
}

#[test]
fn nobody_is_told_unless_it_is_configured() {
    for text in [
        "",
        "alerting:\n",
        "alerting: {}\n",
        "alerting: {admitRequest: {}}\n",
    ] {
        let alerting = alerting(text);
        assert_eq!(alerting.receivers().count(), 0, "{text:?}");
        assert_eq!(alerting.cluster_identifier, "not specified");
        assert_eq!(alerting.template_directory, None);
    }
}

#[test]
fn receivers_of_connaisseur_load_as_they_are() {
    let alerting = alerting(
        "alerting:
  clusterIdentifier: example-cluster-staging-europe
  admitRequest:
    receivers:
    - template: opsgenie
      receiverUrl: https://api.eu.opsgenie.com/v2/alerts
      priority: 4
      customHeaders: ['Authorization: GenieKey ABC-DEF']
      payloadFields:
        responders: [{username: testuser, type: user}]
        visibleTo: null
      failIfAlertSendingFails: true
  rejectRequest:
    receivers:
    - {template: slack, receiverUrl: 'https://hooks.example.com/services/123'}
    - {template: ecs-1-12-0, receiverUrl: 'https://log.example.com/'}
",
    );
    assert_eq!(
        alerting.cluster_identifier,
        "example-cluster-staging-europe"
    );
    let [admit] = &*alerting.admit else {
        panic!("{alerting:?}");
    };
    assert_eq!(admit.name, "admit/opsgenie/0");
    assert_eq!((admit.priority, admit.deny_unless_queued), (4, true));
    assert_eq!(admit.headers[0].name(), "authorization");
    assert_eq!(admit.headers[0].value().expose_secret(), "GenieKey ABC-DEF");
    assert_eq!(
        serde_json::to_string(&admit.payload_fields).unwrap(),
        r#"{"responders":[{"type":"user","username":"testuser"}],"visibleTo":null}"#
    );
    let names: Vec<&str> = alerting.reject.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["reject/slack/0", "reject/ecs-1-12-0/1"]);
    let slack = &alerting.reject[0];
    assert_eq!((slack.priority, slack.deny_unless_queued), (3, false));
    assert!(slack.payload_fields.is_empty() && slack.headers.is_empty());
}

#[test]
fn urls_headers_and_templates_may_be_in_files() {
    let alerting = alerting(
        "alerting:
  templateDirectory: /etc/vouchsafe/templates
  admitRequest:
    receivers:
    - template: own.v2_a-b
      receiverUrlFile: /run/secrets/url
      customHeadersFile: /run/secrets/headers
",
    );
    let [receiver] = &*alerting.admit else {
        panic!("{alerting:?}");
    };
    assert_eq!(receiver.url, Source::File("/run/secrets/url".into()));
    assert_eq!(receiver.headers_file, Some("/run/secrets/headers".into()));
    let directory = alerting.template_directory.unwrap();
    assert_eq!(directory.to_str(), Some("/etc/vouchsafe/templates"));
}

#[test]
fn secrets_of_receivers_are_never_printed() {
    let alerting = alerting(
        "alerting:
  admitRequest:
    receivers:
    - template: slack
      receiverUrl: https://u:hunter2@hooks.example.com/hunter2?hunter2
      customHeaders: ['X-Key: hunter2']
      payloadFields: {token: hunter2}
",
    );
    let shown = format!("{alerting:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("https://hooks.example.com"), "{shown}");
    for receiver in [
        "    - {template: slack, receiverUrl: 'hunter2://example.com'}",
        "    - {template: slack, receiverUrl: 'https://hun ter2.example.com'}",
        "    - {template: slack, receiverUrl: [hunter2]}",
        "    - {template: slack, receiverUrl: 'https://x', customHeaders: ['hunter2']}",
        "    - {template: slack, receiverUrl: 'https://x', customHeaders: ['hun ter2: x']}",
        "    - {template: slack, receiverUrl: 'https://x', customHeaders: [\"x: hunter2\\x07\"]}",
        "    - {template: slack, receiverUrl: 'https://x', customHeaders: {x: hunter2}}",
    ] {
        let message = refused(receiver);
        assert!(message.starts_with("config.yaml:38:"), "{message}");
        assert!(
            !message.contains("hunter2") && !message.contains("ter2"),
            "{message}"
        );
    }
}

#[test]
fn a_fault_of_a_receiver_names_its_place() {
    for (receivers, expected) in [
        (
            "    - {receiverUrl: 'https://x'}",
            "config.yaml:38:8: the key `template` is missing",
        ),
        (
            "    - {template: slack}",
            "config.yaml:38:7: the key `receiverUrl` is missing",
        ),
        (
            "    - {template: slack, receiverUrl: 'https://x', receiverUrlFile: /y}",
            "config.yaml:38:68: `receiverUrlFile` and `receiverUrl` cannot both stand here",
        ),
        (
            "    - {template: slack, receiverUrlFile: ''}",
            "config.yaml:38:42: `receiverUrlFile` cannot be ``; write a path",
        ),
        (
            "    - {template: ../slack, receiverUrl: 'https://x'}",
            "config.yaml:38:18: `template` cannot be `../slack`; write a name of letters, digits, \
             `.`, `_` and `-`",
        ),
        (
            "    - {template: slack, receiverUrl: 'hooks.example.com'}",
            "config.yaml:38:38: `receiverUrl` cannot be used: the URL does not begin with \
             `https://` or `http://`",
        ),
        (
            "    - {template: slack, receiverUrl: 'https://x', priority: -1}",
            "config.yaml:38:61: expected a whole number",
        ),
        (
            "    - {template: slack, receiverUrl: 'https://x', payloadFields: {}}",
            "config.yaml:38:66: `payloadFields` must have at least one entry",
        ),
        (
            "    - {template: slack, receiverUrl: 'https://x', payloadFields: [a]}",
            "config.yaml:38:66: expected a mapping",
        ),
        (
            "    - {template: slack, receiverUrl: 'https://x', customHeaders: ['a']}",
            "config.yaml:38:67: `customHeaders` cannot be used: a header is written as `Name: \
             value`",
        ),
        (
            "    - {template: slack, receiverUrl: 'https://x', customHeaders: ['Upgrade: x']}",
            "config.yaml:38:67: `customHeaders` cannot be used: the header `upgrade` is set by \
             what is sent",
        ),
        (
            "    - {template: slack, receiverUrl: 'https://x', failIfAlertSendingFails: yep}",
            "config.yaml:38:76: expected `true` or `false`",
        ),
        (
            "    - {template: slack, receiverURL: 'https://x'}",
            "config.yaml:38:25: unknown key `receiverURL`; did you mean `receiverUrl`?",
        ),
    ] {
        assert_eq!(refused(receivers), expected, "{receivers}");
    }
    let text = config_text(EMPTY) + "alerting: {receivers: []}\n";
    assert_eq!(
        error(&text),
        "config.yaml:35:12: unknown key `receivers`; here belong `clusterIdentifier`, \
         `admitRequest`, `rejectRequest`, `templateDirectory`"
    );
}

#[test]
fn two_receivers_that_nothing_tells_apart_are_a_fault() {
    let one = "    - {template: slack, receiverUrl: 'https://x', priority: 1}\n";
    let same = "    - {template: slack, receiverUrl: 'https://x', priority: 2}";
    assert_eq!(
        refused(&format!("{one}{same}")),
        "config.yaml:39:7: the receiver is the same as that of line 38: same template, URL, \
         headers and payload fields"
    );
}

/// The identities of receivers that are written as flow mappings, in one list.
fn ids(list: &str, receivers: &[&str]) -> Vec<ReceiverId> {
    let receivers = receivers.join(", ");
    let alerting = alerting(&format!(
        "alerting: {{{list}: {{receivers: [{receivers}]}}}}\n"
    ));
    alerting.receivers().map(|receiver| receiver.id).collect()
}

#[test]
fn a_receiver_stays_the_same_while_what_is_around_it_changes() {
    let slack = "{template: slack, receiverUrl: 'https://x'}";
    let [id] = ids("admitRequest", &[slack])[..] else {
        panic!();
    };
    let changed = "{template: slack, receiverUrl: 'https://x', priority: 1, \
                   customHeaders: ['a: b'], payloadFields: {a: b}, failIfAlertSendingFails: true}";
    let other = "{template: msteams, receiverUrl: 'https://x'}";
    assert_eq!(ids("admitRequest", &[changed]), [id]);
    assert_eq!(ids("admitRequest", &[other, slack])[1], id);
    for receiver in [
        other,
        "{template: slack, receiverUrl: 'https://y'}",
        "{template: slack, receiverUrlFile: 'https://x'}",
    ] {
        assert_ne!(ids("admitRequest", &[receiver]), [id], "{receiver}");
    }
    assert_ne!(ids("rejectRequest", &[slack]), [id]);
}

#[test]
fn receivers_that_share_a_url_are_told_apart_by_headers_and_fields_in_any_order() {
    let all = [
        "{template: opsgenie, receiverUrl: 'https://x', customHeaders: ['Authorization: a']}",
        "{template: opsgenie, receiverUrl: 'https://x', customHeaders: ['Authorization: b']}",
        "{template: opsgenie, receiverUrl: 'https://x', customHeadersFile: /a}",
        "{template: opsgenie, receiverUrl: 'https://x', payloadFields: {a: b}}",
    ];
    let forward = ids("admitRequest", &all);
    let mut reversed = all;
    reversed.reverse();
    let mut backward = ids("admitRequest", &reversed);
    backward.reverse();
    assert_eq!(forward, backward);
    let distinct: BTreeSet<&ReceiverId> = forward.iter().collect();
    assert_eq!(distinct.len(), all.len());
}
