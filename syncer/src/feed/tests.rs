use vouchsafe_tests::harness::ScriptedServer;
use vouchsafe_tests::harness::scripted_server::{FeedRecord, Reply, Route};

use super::*;
use crate::notary::{Backoff, Pace};

fn hash(text: &str) -> Sha256 {
    Sha256::of(text.as_bytes())
}

fn gun(number: i64) -> String {
    format!("example.com/app{number}")
}

/// One change of `app<id>` for each ID.
fn records(ids: impl IntoIterator<Item = i64>) -> Vec<FeedRecord> {
    ids.into_iter()
        .map(|id| FeedRecord::update(id, &gun(id), 1, &hash(&id.to_string()).to_string()))
        .collect()
}

fn client(server: &ScriptedServer) -> NotaryClient {
    let backoff = Backoff {
        attempts: 1,
        ..Backoff::default()
    };
    let url = server.url().parse().unwrap();
    NotaryClient::new(url, None, None, Pace::default(), backoff).unwrap()
}

fn changed(news: &News, is_new: bool) -> BTreeSet<String> {
    news.changes
        .iter()
        .filter(|(_, change)| change.is_new == is_new)
        .map(|(gun, _)| gun.to_string())
        .collect()
}

fn cursor_id(news: &News) -> &str {
    &news.cursor.as_ref().unwrap().id
}

#[tokio::test]
async fn a_feed_is_read_from_its_start_and_then_goes_on() {
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server);
    server.set_feed(records(1..=2500));
    let first = read(&client, None, |_| true).await.unwrap();
    assert_eq!(first.changes.len(), 2500);
    assert_eq!(cursor_id(&first), "2500");
    assert_eq!(server.count(&Route::Feed), 3);

    server.forget_requests();
    server.set_feed(records(1..=2510));
    let next = read(&client, first.cursor.as_ref(), |_| true)
        .await
        .unwrap();
    assert_eq!(changed(&next, true), (2501..=2510).map(gun).collect());
    assert_eq!(
        changed(&next, false),
        (2451..=2500).map(gun).collect(),
        "what comes just before the cursor is read again"
    );
    assert!(!next.reset);
    assert_eq!(cursor_id(&next), "2510");
    assert_eq!(server.count(&Route::Feed), 1);
}

#[tokio::test]
async fn a_record_that_shows_up_late_is_not_lost() {
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server);
    server.set_feed(records([86, 87, 89]));
    let first = read(&client, None, |_| true).await.unwrap();
    server.set_feed(records([86, 87, 88, 89]));
    let next = read(&client, first.cursor.as_ref(), |_| true)
        .await
        .unwrap();
    assert!(changed(&next, false).contains(&gun(88)));
    assert_eq!(cursor_id(&next), "89");
}

#[tokio::test]
async fn a_feed_that_began_anew_is_read_from_its_start() {
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server);
    server.set_feed(records(1..=70));
    let first = read(&client, None, |_| true).await.unwrap();

    let mut others = records(1..=80);
    for record in &mut others {
        record.created_at = "2026-02-02T00:00:00Z".to_owned();
    }
    for anew in [others, records(1..=3), records([])] {
        let length = anew.len();
        server.set_feed(anew);
        let next = read(&client, first.cursor.as_ref(), |_| true)
            .await
            .unwrap();
        assert!(next.reset, "{length} records");
        assert_eq!(next.changes.len(), length);
    }
}

#[tokio::test]
async fn the_newest_record_of_a_repository_counts() {
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server);
    let update =
        |id, name: &str, contents| FeedRecord::update(id, name, 1, &hash(contents).to_string());
    server.set_feed(vec![
        update(1, "example.com/a", "old"),
        FeedRecord::deletion(2, "example.com/b"),
        update(3, "example.com/a", "new"),
        update(4, "example.com/b", "anew"),
        FeedRecord::deletion(5, "example.com/c"),
        update(6, "NOT A GUN", "x"),
        update(7, "example.com/unwanted", "x"),
    ]);
    let wants = |gun: &Gun| gun.as_str() != "example.com/unwanted";
    let news = read(&client, None, wants).await.unwrap();
    let found: Vec<_> = news
        .changes
        .iter()
        .map(|(gun, change)| (gun.as_str(), change.timestamp))
        .collect();
    assert_eq!(
        found,
        [
            ("example.com/a", Some(hash("new"))),
            ("example.com/b", Some(hash("anew"))),
            ("example.com/c", None),
        ]
    );
    assert_eq!(cursor_id(&news), "7");
}

#[tokio::test]
async fn one_reading_takes_in_a_bounded_number_of_repositories() {
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server);
    let total = i64::try_from(MAX_CHANGES).unwrap() + 10;
    server.set_feed(records(1..=total));
    let first = read(&client, None, |_| true).await.unwrap();
    assert_eq!((first.changes.len(), first.more), (MAX_CHANGES, true));
    let next = read(&client, first.cursor.as_ref(), |_| true)
        .await
        .unwrap();
    assert_eq!((changed(&next, true).len(), next.more), (10, false));
}

#[tokio::test]
async fn one_reading_takes_a_bounded_number_of_pages() {
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server);
    let page = i64::from(PAGE);
    let pages = i64::try_from(MAX_PAGES).unwrap();
    server.set_feed(records(1..=(pages + 1) * page));
    let first = read(&client, None, |_| false).await.unwrap();
    assert_eq!(server.count(&Route::Feed), MAX_PAGES);
    assert!(first.more);
    assert_eq!(cursor_id(&first), (pages * page).to_string());
    let next = read(&client, first.cursor.as_ref(), |_| false)
        .await
        .unwrap();
    assert!(!next.more);
    assert_eq!(cursor_id(&next), ((pages + 1) * page).to_string());
}

#[tokio::test]
async fn a_feed_that_does_not_go_on_is_not_followed() {
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server);
    let record = |id: &str| {
        format!(
            r#"{{"ID":"{id}","CreatedAt":"2026-01-01T00:00:00Z","GUN":"a/b","SHA256":"","Category":"deletion"}}"#
        )
    };
    for id in ["7", "5f0c1f6e-uuid"] {
        let full = vec![record(id); PAGE.try_into().unwrap()].join(",");
        let body = format!(r#"{{"records":[{full}]}}"#);
        server.script(Route::Feed, Reply::ok(body).into());
        server.forget_requests();
        let cursor = Cursor {
            id: id.to_owned(),
            created_at: "2026-01-01T00:00:00Z".to_owned(),
            sha256: String::new(),
            gun: "a/b".to_owned(),
        };
        for from in [None, Some(&cursor)] {
            let answer = read(&client, from, |_| true).await;
            assert!(
                matches!(answer, Err(FeedError::Unreadable { .. })),
                "{answer:?}"
            );
        }
        assert!(server.count(&Route::Feed) <= 5);
    }
}

#[tokio::test]
async fn what_is_no_feed_is_said() {
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server);
    let record = r#"{"ID":"1","CreatedAt":"2026-01-01T00:00:00Z","GUN":"a/b","SHA256":"","Category":"deletion"}"#;
    let good = format!(r#"{{"count":1,"records":[{record}]}}"#);
    server.script(Route::Feed, Reply::ok(good.clone()).into());
    assert_eq!(
        read(&client, None, |_| true).await.unwrap().changes.len(),
        1
    );
    let bad = [
        "<html>".to_owned(),
        "[]".to_owned(),
        good.replace(r#""1""#, r#""../x?y""#),
        good.replace("deletion", "rename"),
        good.replace("deletion", "update"),
        good.replace(r#""1""#, &format!(r#""{}""#, "1".repeat(65))),
        format!(r#"{{"records":[{}]}}"#, vec![record; 1001].join(",")),
    ];
    for body in bad {
        server.script(Route::Feed, Reply::ok(body.clone()).into());
        let answer = read(&client, None, |_| true).await;
        let shown: String = body.chars().take(200).collect();
        assert!(
            matches!(answer, Err(FeedError::Unreadable { .. })),
            "{shown}"
        );
    }
    for status in [400, 403, 404, 500] {
        server.script(Route::Feed, Reply::error(status, "UNKNOWN").into());
        let answer = read(&client, None, |_| true).await;
        assert!(
            matches!(answer, Err(FeedError::Request(_))),
            "status {status}"
        );
    }
}
