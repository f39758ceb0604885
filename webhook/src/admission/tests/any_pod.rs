//! Whatever a Pod looks like: what `/mutate` lets in, `/validate` proves.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// A list of a Pod's specification and where its items name an image.
const LISTS: [&str; 4] = [
    "containers",
    "initContainers",
    "ephemeralContainers",
    "volumes",
];

/// The spellings of an image that may run: by a tag, by none, by its digest, and by both.
fn any_image() -> impl Strategy<Value = String> {
    let repository = prop_oneof![
        Just("registry.example.com/shop/app"),
        Just("registry.example.com/shop/migrate"),
        Just("registry.example.com/deep/er/and_deep-er/x"),
        Just("registry.example.com/team/stale"),
        Just("allowed.example.com/any"),
    ];
    let tag = prop_oneof![Just("1"), Just("1.4.2"), Just("latest"), Just("_A.b-c")];
    (repository, tag, 0..4_u8).prop_map(|(repository, tag, spelling)| {
        let tagged = format!("{repository}:{tag}");
        let digest = digest(repository, tag);
        match spelling {
            0 => tagged,
            1 => repository.to_owned(),
            2 => format!("{repository}@sha256:{digest}"),
            _ => format!("{tagged}@sha256:{digest}"),
        }
    })
}

/// Items of a list, beside others that name no image.
fn any_items(list: &'static str) -> impl Strategy<Value = Value> {
    proptest::collection::vec(any_image(), 0..4).prop_map(move |images| {
        let items = images.into_iter().enumerate().map(|(number, image)| {
            let name = format!("{list}-{number}");
            if list == "volumes" {
                json!({"name": name, "image": {"reference": image}})
            } else {
                json!({"name": name, "image": image})
            }
        });
        let other = (list == "volumes").then(|| json!({"name": "none", "emptyDir": {}}));
        other.into_iter().chain(items).collect()
    })
}

/// The specification of a Pod with at least one container.
fn any_spec() -> impl Strategy<Value = Value> {
    let lists = LISTS.map(any_items);
    (lists, any_image()).prop_map(|(lists, image)| {
        let mut spec: Value = LISTS.into_iter().zip(lists).collect();
        let containers = spec["containers"].as_array_mut().unwrap();
        containers.push(json!({"name": "last", "image": image}));
        spec
    })
}

fn review_of(spec: &Value) -> Value {
    let mut review = fixture("pod-create");
    review["request"]["object"]["spec"] = spec.clone();
    review
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_pinned_pod_is_proven_and_not_pinned_again(spec in any_spec()) {
        let (admission, _) = admission();
        let mut review = review_of(&spec);
        let response = answer(&admission, Webhook::Mutate, &review);
        prop_assert_eq!(&response["allowed"], true, "{}", response);
        json_patch::patch(&mut review["request"]["object"], &patch(&response)).unwrap();

        let again = answer(&admission, Webhook::Mutate, &review);
        prop_assert_eq!(&again["allowed"], true, "{}", again);
        prop_assert!(again.get("patch").is_none(), "{}", again);
        let proven = answer(&admission, Webhook::Validate, &review);
        prop_assert_eq!(&proven["allowed"], true, "{}", proven);
    }

    #[test]
    fn each_image_of_a_pod_is_pinned_to_the_digest_of_its_own_name(spec in any_spec()) {
        let (admission, _) = admission();
        let mut review = review_of(&spec);
        let response = answer(&admission, Webhook::Mutate, &review);
        json_patch::patch(&mut review["request"]["object"], &patch(&response)).unwrap();
        for list in LISTS {
            let member = if list == "volumes" { "/image/reference" } else { "/image" };
            let before = spec[list].as_array().unwrap();
            for (number, item) in before.iter().enumerate() {
                let Some(image) = item.pointer(member).and_then(Value::as_str) else { continue };
                let after = review["request"]["object"]["spec"][list][number].pointer(member);
                prop_assert_eq!(after.and_then(Value::as_str), Some(&*expected(image)));
            }
        }
    }

    #[test]
    fn one_unsigned_image_anywhere_denies_the_pod(
        spec in any_spec(),
        list in proptest::sample::select(&LISTS[..3]),
        place in any::<proptest::sample::Index>(),
    ) {
        let (admission, _) = admission();
        let mut review = review_of(&spec);
        let items = review["request"]["object"]["spec"][list].as_array_mut().unwrap();
        items.insert(place.index(items.len() + 1), json!({"name": "bad", "image": UNSIGNED}));
        for webhook in [Webhook::Mutate, Webhook::Validate] {
            let response = answer(&admission, webhook, &review);
            prop_assert!(message(&response).contains(UNSIGNED), "{}", response);
        }
    }
}

/// What a signed image becomes.
fn expected(image: &str) -> String {
    if image.contains('@') || image.starts_with("allowed.") {
        image.to_owned()
    } else if image.contains(':') {
        pinned(image)
    } else {
        let digest = digest(image, "latest");
        format!("{image}@sha256:{digest}")
    }
}
