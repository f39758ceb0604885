//! `kill -9` of `vouchsafe serve` while it raises and delivers alerts.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vouchsafe_tests::harness::admission::pod_review;
use vouchsafe_tests::harness::effort::{effort, row};
use vouchsafe_tests::harness::receiver::Reply;
use vouchsafe_tests::harness::{Random, Receiver, Vouchsafe};

use crate::world::World;

#[test]
fn every_alert_of_an_answer_that_was_given_arrives_whenever_the_webhook_is_killed() {
    let mut random = Random::seeded(13);
    let kills = effort(12, 150);
    let world = World::new(1);
    let receivers = [Receiver::new().unwrap(), Receiver::new().unwrap()];
    let vouchsafe = world.vouchsafe();
    vouchsafe
        .configure(&configuration(&world, &vouchsafe, &receivers))
        .unwrap();
    let (mut denied, mut number) = (BTreeSet::new(), 0);
    for _ in 0..kills {
        // One that answers now and then, or not at all, has alerts wait over the kill.
        receivers[1].always(if random.below(3) == 0 {
            Reply::Status(503)
        } else {
            Reply::Status(200)
        });
        let mut serving = vouchsafe.serve(&world.certificates).unwrap();
        let (started, life) = (Instant::now(), random.time(Duration::from_millis(700)));
        while started.elapsed() < life {
            number += 1;
            let uid = format!("alert-{number}-");
            if let Ok(reviewed) = serving.ask(&world.certificates, "/validate", &review(&uid)) {
                assert!(!reviewed.is_allowed());
                denied.insert(uid);
            }
        }
        serving.process().kill().unwrap();
    }
    for receiver in &receivers {
        receiver.always(Reply::Status(200));
    }
    let serving = vouchsafe.serve(&world.certificates).unwrap();
    let started = Instant::now();
    let missing = |receiver: &Receiver| {
        let told: BTreeSet<String> = receiver.taken_texts("uid").into_iter().collect();
        denied.difference(&told).count()
    };
    while receivers.iter().any(|receiver| missing(receiver) > 0) {
        let all: Vec<usize> = receivers.iter().map(missing).collect();
        assert!(
            started.elapsed() < PATIENCE,
            "{all:?} of {} are missing: {}",
            denied.len(),
            serving.log()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    let again = receivers.iter().map(|receiver| {
        let told = receiver.taken_texts("uid");
        told.len() - told.iter().collect::<BTreeSet<_>>().len()
    });
    let result = format!(
        "{} alerts to {} receivers, none lost, {} sent more than once",
        denied.len(),
        receivers.len(),
        again.sum::<usize>()
    );
    row(
        "`kill -9` of `vouchsafe serve` while it delivers alerts",
        kills,
        &result,
    );
}

fn configuration(world: &World, vouchsafe: &Vouchsafe, receivers: &[Receiver]) -> String {
    let template = "{\"uid\": \"{{ request_id }}\"}";
    vouchsafe
        .directory()
        .write("templates/uids.json", template)
        .unwrap();
    let of = |receiver: &Receiver| json!({"template": "uids", "receiverUrl": receiver.url("/"), "failIfAlertSendingFails": true});
    let receivers: Vec<Value> = receivers.iter().map(of).collect();
    let folder = vouchsafe.directory().path().join("templates");
    let alerting = json!({"templateDirectory": folder, "rejectRequest": {"receivers": receivers}});
    world
        .configuration()
        .setting("alerting", alerting)
        .to_string()
}

fn review(uid: &str) -> Value {
    let mut review = pod_review(&["registry.example.com/team/app-00:never"]);
    review["request"]["uid"] = json!(uid);
    review
}

const PATIENCE: Duration = Duration::from_mins(3);
