//! Through the real registry.

use std::fs;
use std::sync::Arc;

use serde_json::json;
use vouchsafe_airgap::registry::{
    ARTIFACT_TYPE, Blob, FileRange, Pulled, RegistryClient, RegistryError, RegistryLimits,
    RegistryOptions,
};
use vouchsafe_tests::harness::http::{Request, exchange};
use vouchsafe_tests::harness::{Registry, TempDir};
use vouchsafe_trust::Sha256;

use super::support::{Bundle, client, folder, json_file, layout, manifest, plain, quick};

#[tokio::test]
async fn what_is_pulled_is_what_was_pushed() {
    let registry = Registry::start().unwrap();
    let (bundle, client) = (Bundle::new("a"), client());
    let place = plain(&registry, "trust/bundles:latest");

    let pushed = client.push(&place, &bundle.manifest, &bundle.blobs).await;
    let pushed = pushed.unwrap();
    assert_eq!(pushed.digest, bundle.digest());
    assert_eq!((pushed.sent, pushed.present), (4, 0));
    assert_eq!(client.resolve(&place).await.unwrap(), bundle.digest());

    let into = folder();
    let pulled = client.pull(&place, into.path()).await.unwrap();
    let bytes = pushed.bytes + u64::try_from(bundle.manifest.len()).unwrap();
    let expected = Pulled {
        digest: bundle.digest(),
        resolved: bundle.digest(),
        bytes,
    };
    assert_eq!(pulled, expected);
    assert_eq!(layout(into.path()), bundle.contents());
    let index = json_file(&into.path().join("index.json"));
    assert_eq!(
        index["manifests"],
        json!([{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": format!("sha256:{}", bundle.digest()),
            "size": bundle.manifest.len(),
            "artifactType": ARTIFACT_TYPE,
            "annotations": {"org.opencontainers.image.ref.name": "latest"},
        }])
    );
    let version = json_file(&into.path().join("oci-layout"));
    assert_eq!(version, json!({"imageLayoutVersion": "1.0.0"}));

    let pinned = format!("trust/bundles@sha256:{}", bundle.digest());
    let (by_digest, other) = (plain(&registry, &pinned), folder());
    client.pull(&by_digest, other.path()).await.unwrap();
    assert_eq!(layout(other.path()), bundle.contents());
}

#[tokio::test]
async fn what_the_registry_has_is_not_sent_again() {
    let registry = Registry::start().unwrap();
    let (first, second, client) = (Bundle::new("a"), Bundle::new("b"), client());
    let place = plain(&registry, "trust/bundles:latest");
    let push = async |bundle: &Bundle| {
        let pushed = client.push(&place, &bundle.manifest, &bundle.blobs).await;
        let pushed = pushed.unwrap();
        (pushed.sent, pushed.present)
    };
    assert_eq!(push(&first).await, (4, 0));
    assert_eq!(push(&first).await, (0, 4));
    assert_eq!(push(&second).await, (2, 2));
    assert_eq!(client.resolve(&place).await.unwrap(), second.digest());
}

#[tokio::test]
async fn a_bundle_can_be_pushed_without_a_tag() {
    let registry = Registry::start().unwrap();
    let (bundle, client) = (Bundle::new("a"), client());
    let pinned = format!("trust/bundles@sha256:{}", bundle.digest());
    let place = plain(&registry, &pinned);
    client
        .push(&place, &bundle.manifest, &bundle.blobs)
        .await
        .unwrap();
    assert_eq!(client.resolve(&place).await.unwrap(), bundle.digest());
    let other = Bundle::new("b");
    let refused = client.push(&place, &other.manifest, &other.blobs).await;
    assert_eq!(refused.unwrap_err().label(), "digest_mismatch");
}

#[tokio::test]
async fn large_parts_come_out_of_the_middle_of_a_file() {
    let registry = Registry::start().unwrap();
    let place = plain(&registry, "trust/bundles:large");
    let (start, size) = (1000_usize, 40_usize << 20);
    let bytes: Vec<u8> = (0..251).cycle().take(start + size + 5).collect();
    let archive = TempDir::new("archive").unwrap();
    let path = archive.write("bundle", &bytes).unwrap();
    let pack = Blob {
        digest: Sha256::of(&bytes[start..start + size]),
        size: size.try_into().unwrap(),
        source: Arc::new(FileRange {
            path: path.clone(),
            offset: start.try_into().unwrap(),
        }),
    };
    let document = manifest(&[("application/octet-stream", pack.clone())]).to_string();
    let client = client();
    client
        .push(&place, document.as_bytes(), std::slice::from_ref(&pack))
        .await
        .unwrap();
    let into = folder();
    client.pull(&place, into.path()).await.unwrap();
    let blob = into.path().join(format!("blobs/sha256/{}", pack.digest));
    assert!(fs::read(blob).unwrap() == bytes[start..start + size]);

    // The file shrank since its digest was taken.
    fs::write(&path, &bytes[..start + size / 2]).unwrap();
    let elsewhere = plain(&registry, "trust/others:large");
    let refused = client.push(&elsewhere, document.as_bytes(), &[pack]).await;
    assert_eq!(refused.unwrap_err().label(), "blob_unreadable");
    assert_eq!(
        client.resolve(&elsewhere).await.unwrap_err().label(),
        "not_found"
    );
}

#[tokio::test]
async fn only_what_is_a_whole_bundle_is_pushed() {
    let registry = Registry::start().unwrap();
    let (bundle, client) = (Bundle::new("a"), client());
    let place = plain(&registry, "trust/bundles:latest");
    let mut foreign: serde_json::Value = serde_json::from_slice(&bundle.manifest).unwrap();
    foreign["artifactType"] = json!("application/vnd.example+json");
    let mut short = bundle.blobs.clone();
    short[1].size -= 1;
    let cases = [
        (
            foreign.to_string().into_bytes(),
            &*bundle.blobs,
            "not_a_bundle",
        ),
        (bundle.manifest.clone(), &bundle.blobs[1..], "not_a_bundle"),
        (bundle.manifest.clone(), &short, "size_mismatch"),
    ];
    for (manifest, blobs, label) in cases {
        let refused = client.push(&place, &manifest, blobs).await;
        assert_eq!(refused.unwrap_err().label(), label);
    }
    assert_eq!(
        client.resolve(&place).await.unwrap_err().label(),
        "not_found"
    );
}

#[tokio::test]
async fn a_pull_goes_on_where_it_was_broken_off() {
    let registry = Registry::start().unwrap();
    let (bundle, client) = (Bundle::new("a"), client());
    let place = plain(&registry, "trust/bundles:latest");
    client
        .push(&place, &bundle.manifest, &bundle.blobs)
        .await
        .unwrap();
    let into = folder();
    let pack = format!("blobs/sha256/{}", bundle.blobs[1].digest);
    let signature = format!("blobs/sha256/{}", bundle.blobs[2].digest);
    into.write(&pack, bundle.pack()).unwrap();
    into.write(&signature, "signature?").unwrap();
    into.write("index.json", "of another bundle").unwrap();
    into.write(".part", "the rest of a killed pull").unwrap();
    let untouched = fs::metadata(into.path().join(&pack)).unwrap();
    client.pull(&place, into.path()).await.unwrap();
    assert_eq!(layout(into.path()), bundle.contents());
    let now = fs::metadata(into.path().join(&pack)).unwrap();
    assert_eq!(untouched.modified().unwrap(), now.modified().unwrap());
}

#[tokio::test]
async fn an_index_with_one_bundle_leads_to_it() {
    let registry = Registry::start().unwrap();
    let (bundle, client) = (Bundle::new("a"), client());
    client
        .push(
            &plain(&registry, "trust/bundles:one"),
            &bundle.manifest,
            &bundle.blobs,
        )
        .await
        .unwrap();
    let index = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": format!("sha256:{}", bundle.digest()), "size": bundle.manifest.len(),
        }],
    });
    let index = index.to_string().into_bytes();
    let path = "/v2/trust/bundles/manifests/index";
    let kind = "application/vnd.oci.image.index.v1+json";
    let put = Request::put(path, kind, index.clone());
    let answer = exchange(registry.address(), &registry.host(), &put).unwrap();
    assert_eq!(answer.status, 201);

    let (place, into) = (plain(&registry, "trust/bundles:index"), folder());
    let pulled = client.pull(&place, into.path()).await.unwrap();
    assert_eq!(pulled.digest, bundle.digest());
    assert_eq!(pulled.resolved, Sha256::of(&index));
    assert_eq!(client.resolve(&place).await.unwrap(), Sha256::of(&index));
    assert_eq!(layout(into.path()), bundle.contents());
}

#[tokio::test]
async fn an_image_is_no_bundle() {
    let registry = Registry::start().unwrap();
    registry.push("team/app", "1.0", "content").unwrap();
    let into = folder();
    let refused = client()
        .pull(&plain(&registry, "team/app:1.0"), into.path())
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, RegistryError::NotABundle { reason, .. } if reason.contains("image")),
        "{refused}"
    );
    assert!(refused.hint().is_some());
    assert!(!into.path().join("index.json").exists());
}

#[tokio::test]
async fn more_than_is_allowed_is_not_begun() {
    let registry = Registry::start().unwrap();
    let bundle = Bundle::new("a");
    let place = plain(&registry, "trust/bundles:latest");
    let push = client();
    push.push(&place, &bundle.manifest, &bundle.blobs)
        .await
        .unwrap();
    let limits = RegistryLimits { total: 50_000 };
    let client = RegistryClient::new(RegistryOptions { limits, ..quick() }).unwrap();
    let into = folder();
    let refused = client.pull(&place, into.path()).await.unwrap_err();
    assert_eq!(refused.label(), "too_large", "{refused}");
    let blobs = fs::read_dir(into.path().join("blobs/sha256")).unwrap();
    assert_eq!(blobs.count(), 0);
}
