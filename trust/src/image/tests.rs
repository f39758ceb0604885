use proptest::prelude::*;

use super::*;

const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn a_reference_names_what_a_runtime_would_pull() {
    let digested = format!("docker.io/library/nginx@sha256:{HEX}");
    let cases = [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("library/nginx", "docker.io/library/nginx:latest"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/a/b:1", "docker.io/a/b:1"),
        ("team/app", "docker.io/team/app:latest"),
        ("a/b/c", "docker.io/a/b/c:latest"),
        ("localhost", "docker.io/library/localhost:latest"),
        ("localhost:5000", "docker.io/library/localhost:5000"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app", "localhost:5000/app:latest"),
        ("local.host/app", "local.host/app:latest"),
        ("docker.io", "docker.io/library/docker.io:latest"),
        (
            "registry-1.docker.io/library/nginx",
            "registry-1.docker.io/library/nginx:latest",
        ),
        ("docker.io:443/nginx", "docker.io:443/nginx:latest"),
        ("[::1]:5000/a", "[::1]:5000/a:latest"),
        ("[2001:DB8::1]/a:1", "[2001:db8::1]/a:1"),
        ("192.0.2.1:5000/a/b:1", "192.0.2.1:5000/a/b:1"),
        ("Quay.IO/team/app:1", "quay.io/team/app:1"),
        ("Foo/x", "foo/x:latest"),
        ("foo_bar.com/x", "foo_bar.com/x:latest"),
        ("xn--n3h.com/myimage:v1", "xn--n3h.com/myimage:v1"),
        ("a__b/c---d.e:_x", "docker.io/a__b/c---d.e:_x"),
        (&format!("nginx@sha256:{HEX}"), &digested),
        (
            &format!("nginx:1@sha256:{HEX}"),
            &format!("docker.io/library/nginx:1@sha256:{HEX}"),
        ),
        (&format!("{HEX}:1"), &format!("docker.io/library/{HEX}:1")),
    ];
    for (written, canonical) in cases {
        let reference: Reference = written
            .parse()
            .unwrap_or_else(|error| panic!("{written}: {error}"));
        assert_eq!(reference.canonical(), canonical, "{written}");
        assert_eq!(reference.as_written(), written);
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn what_a_runtime_refuses_is_refused_for_its_reason() {
    let host = |host: &str| ReferenceError::Host {
        host: host.to_owned(),
    };
    let path = |path: &str| ReferenceError::Path {
        path: path.to_owned(),
    };
    let tag = |tag: &str| ReferenceError::Tag {
        tag: tag.to_owned(),
    };
    let upper = |path: &str| ReferenceError::UpperCase {
        path: path.to_owned(),
    };
    let bad = |at| ReferenceError::BadCharacter { at };
    let long_tag = "t".repeat(129);
    let cases = [
        ("", ReferenceError::Empty),
        (" nginx", bad(0)),
        ("nginx ", bad(5)),
        ("nginx\n", bad(5)),
        ("a:тег", bad(2)),
        (HEX, ReferenceError::Identifier),
        ("sha256:abcdef12", ReferenceError::Identifier),
        ("SHA512:abcdef12", ReferenceError::Identifier),
        ("UPPER/x/Y", upper("x/Y")),
        ("Nginx", upper("Nginx")),
        ("quay.io/Team/x", upper("Team/x")),
        ("quay.io//x", path("/x")),
        ("quay.io/", path("")),
        ("nginx/", path("nginx/")),
        ("quay.io/../x", path("../x")),
        ("a/b_-c", path("a/b_-c")),
        ("a/___b", path("a/___b")),
        ("-x", path("-x")),
        ("x:", tag("")),
        ("x:1:2", tag("1:2")),
        ("x:.1", tag(".1")),
        ("x:-1", tag("-1")),
        (&format!("x:{long_tag}"), tag(&long_tag)),
        ("my_registry:5000/x", host("my_registry:5000")),
        ("-a.com/x", host("-a.com")),
        ("a-.com/x", host("a-.com")),
        ("a..com/x", host("a..com")),
        ("a.com./x", host("a.com.")),
        ("a.com:/x", host("a.com:")),
        ("a.com:x/x", host("a.com:x")),
        ("[::1/x", host("[::1")),
        ("[::g]/x", host("[::g]")),
        ("[::1]x/x", host("[::1]x")),
        ("[::1]:/x", host("[::1]:")),
        ("[fe80::1%eth0]:5000/x", host("[fe80::1%eth0]:5000")),
        ("https://quay.io/x", host("https:")),
        ("user@quay.io/x", host("user@quay.io")),
        (
            "Docker.IO/nginx",
            ReferenceError::HubCase {
                host: "Docker.IO".to_owned(),
            },
        ),
        (
            "INDEX.docker.io/nginx",
            ReferenceError::HubCase {
                host: "INDEX.docker.io".to_owned(),
            },
        ),
        ("x@", DigestError::NoAlgorithm.into()),
        (
            "x@sha256:123",
            DigestError::Hex {
                algorithm: Algorithm::Sha256,
            }
            .into(),
        ),
        (
            &format!("x@sha256:{}", HEX.to_uppercase()),
            DigestError::Hex {
                algorithm: Algorithm::Sha256,
            }
            .into(),
        ),
        (
            &format!("x@sha512:{HEX}"),
            DigestError::Hex {
                algorithm: Algorithm::Sha512,
            }
            .into(),
        ),
        (
            &format!("x@md5:{HEX}"),
            DigestError::Algorithm {
                algorithm: "md5".to_owned(),
            }
            .into(),
        ),
        (
            &format!("x@sha256:{HEX}@sha256:{HEX}"),
            DigestError::Hex {
                algorithm: Algorithm::Sha256,
            }
            .into(),
        ),
    ];
    for (written, error) in cases {
        assert_eq!(written.parse::<Reference>(), Err(error), "{written:?}");
    }
}

#[test]
fn long_names_are_refused_and_never_panic() {
    let longest = format!("a.io/{}", "a".repeat(250));
    assert!(longest.parse::<Reference>().is_ok());
    // A runtime accepts a path of 255 bytes behind any host; a GUN has 255 in all.
    assert!(matches!(
        format!("{longest}a").parse::<Reference>(),
        Err(ReferenceError::Gun(GunError::TooLong { len: 256 }))
    ));
    assert!(matches!(
        format!("a.io/{}", "a".repeat(256)).parse::<Reference>(),
        Err(ReferenceError::Path { .. })
    ));
    assert_eq!(
        "a".repeat(5000).parse::<Reference>(),
        Err(ReferenceError::TooLong { len: 5000 })
    );
}

#[test]
fn every_digest_algorithm_of_runtimes_is_read() {
    for (algorithm, digits) in [("sha256", 64), ("sha384", 96), ("sha512", 128)] {
        let digest = format!("{algorithm}:{}", "0".repeat(digits));
        let reference: Reference = format!("x@{digest}").parse().unwrap();
        let read = reference.digest().unwrap();
        assert_eq!(read.to_string(), digest);
        assert_eq!(read.sha256().is_some(), algorithm == "sha256");
        assert_eq!(reference.tag(), None);
    }
}

#[test]
fn pinning_keeps_the_name_and_tag_as_written() {
    let digest: Sha256 = HEX.parse().unwrap();
    let other = "0".repeat(64);
    for (written, name) in [
        ("nginx".to_owned(), "nginx"),
        ("nginx:1".to_owned(), "nginx:1"),
        ("Quay.IO:443/x:1".to_owned(), "Quay.IO:443/x:1"),
        (format!("nginx:1@sha256:{HEX}"), "nginx:1"),
        (format!("nginx@sha256:{other}"), "nginx"),
    ] {
        let reference: Reference = written.parse().unwrap();
        let pinned = reference.pinned(&digest);
        assert_eq!(pinned, format!("{name}@sha256:{HEX}"));
        let again: Reference = pinned.parse().unwrap();
        assert_eq!(again.gun(), reference.gun());
        assert_eq!(again.pinned(&digest), pinned);
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,80}|[a-zA-Z0-9./:@_\\[\\]-]{0,80}") {
        if let Ok(reference) = text.parse::<Reference>() {
            prop_assert_eq!(reference.to_string(), text);
        }
    }

    #[test]
    fn what_is_displayed_reads_as_the_same(
        host in "([a-z0-9]{1,8}\\.[a-z]{2,3}|localhost)(:[0-9]{1,5})?/",
        path in "[a-z0-9]{1,8}(([._]|__|-{1,3})[a-z0-9]{1,8}){0,2}(/[a-z0-9]{1,8}){0,3}",
        tag in proptest::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}"),
        digest in proptest::option::of("[0-9a-f]{64}"),
    ) {
        let mut text = host + &path;
        if let Some(tag) = &tag {
            text = text + ":" + tag;
        }
        if let Some(digest) = &digest {
            text = text + "@sha256:" + digest;
        }
        let reference: Reference = text.parse().unwrap();
        prop_assert_eq!(&reference.to_string().parse::<Reference>().unwrap(), &reference);
        let canonical: Reference = reference.canonical().parse().unwrap();
        prop_assert_eq!(canonical.canonical(), reference.canonical());
        prop_assert_eq!(canonical.gun(), reference.gun());
        let default = digest.is_none().then_some("latest");
        prop_assert_eq!(reference.tag(), tag.as_deref().or(default));
    }
}
