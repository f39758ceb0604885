use std::path::Path;

use serde_json::json;

use super::*;

fn kinds(text: &str) -> Vec<String> {
    let documents = documents(text, Path::new("file")).unwrap();
    let objects = documents.into_iter().flat_map(objects);
    objects
        .map(|object| self::text(&object, "kind").to_owned())
        .collect()
}

#[test]
fn a_list_counts_as_its_items_however_deep_they_are() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod"});
    let inner = json!({"apiVersion": "v1", "kind": "List", "items": [pod]});
    let untyped = json!({"apiVersion": "v1", "kind": "PodList", "items": [{"metadata": {}}]});
    let outer = json!({"kind": "List", "items": [inner, pod, untyped, {"kind": "Job"}]});
    assert_eq!(kinds(&outer.to_string()), ["Pod", "Pod", "Pod", "Job"]);
    assert_eq!(
        kinds(&json!({"kind": "List", "items": []}).to_string()),
        [""; 0]
    );
}

#[test]
fn what_is_only_called_a_list_is_an_object() {
    let named = json!({"kind": "AllowList", "items": ["a", "b"]});
    assert_eq!(kinds(&named.to_string()), ["AllowList"]);
    assert_eq!(kinds("kind: PriceList\nspec: {items: []}"), ["PriceList"]);
}

#[test]
fn many_documents_are_yaml_or_json_one_after_another() {
    assert_eq!(kinds("kind: Pod\n---\n---\nkind: Job\n"), ["Pod", "Job"]);
    assert_eq!(
        kinds("{\"kind\": \"Pod\"}\n{\"kind\": \"Job\"}\n"),
        ["Pod", "Job"]
    );
    assert!(documents("", Path::new("file")).is_err());
}

#[test]
fn a_kind_that_runs_images_in_another_group_is_told_where() {
    assert_eq!(group_of("Deployment"), Some("apps"));
    assert_eq!(group_of("Pod"), Some(""));
    assert_eq!(group_of("CronJob"), Some("batch"));
    assert_eq!(group_of("ConfigMap"), None);
    assert_eq!(
        elsewhere("Deployment", "extensions", "apps"),
        "a Deployment of the API group `extensions` is not known to run images, and refused where \
         it is sent to the webhook; write it as one of the API group `apps`"
    );
}
