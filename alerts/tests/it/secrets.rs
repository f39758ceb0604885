use vouchsafe_tests::harness::receiver::{Receiver, Reply};

use crate::support::{Log, Scene, link, queue, until};

#[tokio::test]
async fn urls_and_headers_are_read_from_files_whenever_they_are_needed() {
    let scene = Scene::new();
    let (first, second) = (Receiver::new().unwrap(), Receiver::new().unwrap());
    for (version, receiver) in [("1", &first), ("2", &second)] {
        let url = receiver.url("/hook") + "\n";
        scene.dir.write(&format!("{version}/url"), url).unwrap();
        let headers = format!("Authorization: key-{version}\n\nX-Version: {version}\r\n");
        scene
            .dir
            .write(&format!("{version}/headers"), headers)
            .unwrap();
    }
    let data = scene.dir.path().join("data");
    link(&scene.dir.path().join("1"), &data);
    let (url, headers) = (data.join("url"), data.join("headers"));
    let alerting = scene.alerting(&[format!(
        "template: uids, receiverUrlFile: {}, customHeadersFile: {}, customHeaders: ['x-a: b']",
        url.display(),
        headers.display()
    )]);
    let store = scene.store();
    let running = scene.deliver(&store, &alerting);
    queue(&store, &alerting, 0..1);
    until(|| store.outbox_len() == 0).await;
    let request = &first.requests()[0];
    assert_eq!(request.header("authorization"), Some("key-1"));
    assert_eq!(request.header("x-version"), Some("1"));
    assert_eq!(request.header("x-a"), Some("b"));

    link(&scene.dir.path().join("2"), &data);
    queue(&store, &alerting, 1..2);
    until(|| store.outbox_len() == 0).await;
    assert_eq!(second.requests()[0].header("authorization"), Some("key-2"));
    assert_eq!(
        (first.texts("uid"), second.texts("uid")),
        (vec!["0".to_owned()], vec!["1".to_owned()])
    );

    // While a file is missing or wrong, the alert waits.
    for broken in ["hunter2", "http://", "http://hun ter2"] {
        scene.dir.write("3/url", broken).unwrap();
        link(&scene.dir.path().join("3"), &data);
        let before = running.counts("reject/uids/0").failed_attempts;
        queue(&store, &alerting, 2..3);
        until(|| running.counts("reject/uids/0").failed_attempts > before + 1).await;
    }
    link(&scene.dir.path().join("1"), &data);
    until(|| store.outbox_len() == 0).await;
    assert_eq!(first.texts("uid"), ["0", "2", "2", "2"]);
    running.stop().await;
}

#[tokio::test]
async fn neither_urls_nor_headers_reach_the_log() {
    let log = Log::of_all_tests();
    let scene = Scene::new();
    let (down, receiver) = (Receiver::down().unwrap(), Receiver::new().unwrap());
    receiver.script(&[
        Reply::Status(500),
        Reply::With(302, "location: http://hunter2.example.com/hunter2"),
        Reply::Never,
        Reply::Status(400),
    ]);
    let secret = |url: String| {
        let url = url.replace("localhost", "hunter2:hunter2@localhost");
        format!(
            "template: uids, receiverUrl: '{url}', customHeaders: ['x-key: hunter2'], \
             payloadFields: {{token: hunter2}}"
        )
    };
    let path = "/hunter2?key=hunter2#hunter2";
    let bad = scene.dir.write("bad", "https://hun ter2/hunter2").unwrap();
    let headers = scene.dir.write("headers", "x-key hunter2").unwrap();
    let alerting = scene.alerting(&[
        secret(down.url(path)),
        secret(receiver.url(path)),
        format!("template: uids, receiverUrlFile: {}", bad.display()),
        format!(
            "template: uids, receiverUrl: 'http://localhost:1/hunter2', customHeadersFile: {}",
            headers.display()
        ),
        secret("http://nobody.invalid/".to_owned() + path),
    ]);
    let store = scene.store();
    queue(&store, &alerting, 0..2);
    let running = scene.deliver(&store, &alerting);
    until(|| receiver.requests().len() == 5).await;
    until(|| {
        let counts = running.counters.receivers();
        counts.values().all(|counts| counts.failed_attempts > 1)
    })
    .await;
    running.reload(&scene.alerting(&[]));
    until(|| store.outbox_len() == 0).await;
    running.stop().await;
    let log = log.text();
    assert!(log.contains("answers with status 500"), "{log}");
    assert!(log.contains("http://localhost:"), "{log}");
    assert!(log.contains("does not answer within"), "{log}");
    assert!(log.contains("no longer configured"), "{log}");
    // What the HTTP library says at this level is not ours to say, and switched off by default.
    let ours: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("vouchsafe"))
        .collect();
    assert!(ours.len() > 8, "{log}");
    for line in ours {
        assert!(
            !line.contains("hunter2") && !line.contains("ter2"),
            "{line}"
        );
    }
}
