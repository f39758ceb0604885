//! The documentation says what is: its configurations load, its faults are those that are shown,
//! and every command and option stands in it.

#![expect(
    clippy::unwrap_used,
    reason = "what these helpers fail at fails the test"
)]

use std::collections::BTreeSet;
use std::path::Path;

use vouchsafe_policy::Config;
use vouchsafe_tests::harness::Vouchsafe;

/// A fenced block: what stands behind the fence, and the lines within.
struct Block {
    info: String,
    text: String,
}

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .with_file_name("")
        .join(name);
    std::fs::read_to_string(&path).unwrap()
}

/// The fenced blocks of a page, without the indentation of their fence.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some((indentation, info)) = line.split_once("```") else {
            continue;
        };
        if !indentation.trim().is_empty() {
            continue;
        }
        let within = lines
            .by_ref()
            .take_while(|line| line.trim() != "```")
            .map(|line| line.strip_prefix(indentation).unwrap_or(line));
        let text = within.collect::<Vec<_>>().join("\n") + "\n";
        blocks.push(Block {
            info: info.trim().to_owned(),
            text,
        });
    }
    blocks
}

#[test]
fn the_configuration_of_the_readme_loads_without_a_warning() {
    let blocks = blocks(&page("README.md"));
    let yaml: Vec<&Block> = blocks.iter().filter(|block| block.info == "yaml").collect();
    assert!(!yaml.is_empty(), "no configuration in the README");
    for block in yaml {
        let config = Config::parse(&block.text, "README.md").unwrap();
        assert!(config.warnings().is_empty(), "{:?}", config.warnings());
    }
}

#[test]
fn the_complete_configurations_of_the_reference_load_without_a_warning() {
    let blocks = blocks(&page("docs/configuration.md"));
    let complete = blocks.iter().filter(|block| block.info == "yaml complete");
    let mut seen = 0;
    for block in complete {
        let config = Config::parse(&block.text, "config.yaml").unwrap();
        assert!(config.warnings().is_empty(), "{:?}", config.warnings());
        seen += 1;
    }
    assert!(seen >= 2, "{seen} complete configurations");
}

#[test]
fn the_complete_configurations_of_the_migration_load() {
    let blocks = blocks(&page("docs/migrate-from-connaisseur.md"));
    let complete: Vec<&Block> = blocks
        .iter()
        .filter(|block| block.info == "yaml complete")
        .collect();
    assert_eq!(complete.len(), 2);
    for block in complete {
        Config::parse(&block.text, "config.yaml").unwrap();
    }
}

#[test]
fn every_test_that_the_migration_links_to_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("");
    let text = page("docs/migrate-from-connaisseur.md");
    let mut seen = 0;
    for line in text.lines() {
        let Some((label, target)) = line.split_once("]: ../") else {
            continue;
        };
        let (path, title) = target.split_once(' ').unwrap();
        let source = std::fs::read_to_string(root.join(path)).unwrap();
        let name = title.trim_matches('"');
        assert!(source.contains(&format!("fn {name}(")), "{path}: {name}");
        assert!(text.contains(&format!("[shown]{label}]")), "{label}");
        seen += 1;
    }
    assert!(seen > 20, "{seen} links");
    let used = text.matches("[shown][").count();
    let named = text.matches("[shown]").count();
    assert!(used == named && used >= seen, "{used} of {named}");
}

#[test]
fn the_receivers_of_the_page_about_alerting_load() {
    let blocks = blocks(&page("docs/alerting.md"));
    let shown = blocks.iter().filter(|block| block.info == "yaml alerting");
    let mut seen = BTreeSet::new();
    for block in shown {
        let text = format!(
            "validators: [{{name: allow, type: static, approve: true}}]\n\
             policy: [{{pattern: '*', validator: allow}}]\n{}",
            block.text
        );
        let config = Config::parse(&text, "config.yaml").unwrap();
        let receivers = config.alerting().receivers();
        seen.extend(receivers.map(|receiver| receiver.template.clone()));
    }
    for template in ["ecs-1-12-0", "keybase", "msteams", "opsgenie", "slack"] {
        assert!(seen.contains(template), "{template}");
    }
}

#[test]
fn the_faults_of_the_reference_are_those_that_are_shown() {
    let blocks = blocks(&page("docs/configuration.md"));
    let mut seen = 0;
    for pair in blocks.windows(2) {
        let [refused, shown] = pair else { continue };
        if refused.info != "yaml refused" {
            continue;
        }
        assert_eq!(shown.info, "text", "{}", refused.text);
        let error = Config::parse(&refused.text, "config.yaml").unwrap_err();
        assert_eq!(error.to_string(), shown.text.trim_end());
        seen += 1;
    }
    assert!(seen >= 4, "{seen} refused configurations");
}

#[test]
fn every_key_of_the_schema_stands_in_the_reference() {
    fn keys(schema: &serde_json::Value, found: &mut Vec<String>) {
        match schema {
            serde_json::Value::Object(members) => {
                if let Some(properties) = members.get("properties").and_then(|v| v.as_object()) {
                    found.extend(properties.keys().cloned());
                }
                for value in members.values() {
                    keys(value, found);
                }
            }
            serde_json::Value::Array(values) => {
                for value in values {
                    keys(value, found);
                }
            }
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_) => {}
        }
    }
    let mut found = Vec::new();
    keys(&Config::schema(), &mut found);
    assert!(found.len() > 30, "{found:?}");
    let reference = page("docs/configuration.md");
    for key in found {
        let stands = [
            format!("`{key}`"),
            format!(".{key}`"),
            format!("{key}: "),
            format!("`{key}: "),
        ];
        assert!(
            stands.iter().any(|form| reference.contains(form)),
            "docs/configuration.md lacks `{key}`"
        );
    }
}

#[test]
fn the_schema_in_the_repository_is_that_of_the_types() {
    let kept: serde_json::Value = serde_json::from_str(&page("docs/config.schema.json")).unwrap();
    assert_eq!(kept, Config::schema(), "say `make schema`");
    let shown = Vouchsafe::new("").unwrap().succeed(&["config", "schema"]);
    assert_eq!(
        shown.unwrap(),
        page("docs/config.schema.json"),
        "say `make schema`"
    );
}

#[test]
fn the_custom_resources_of_the_chart_are_those_of_the_types() {
    let shown = Vouchsafe::new("").unwrap().succeed(&["cluster", "crds"]);
    let kept = ["trustrepositories", "trustrepositoryparts"];
    let kept = kept.map(|name| page(&format!("charts/vouchsafe/files/crds/{name}.yaml")));
    let [repositories, parts] = kept;
    let kept = format!("---\n{repositories}---\n{parts}");
    assert_eq!(shown.unwrap(), kept, "say `make schema`");
}

/// What `--help` says of a command.
fn help(command: &[&str]) -> String {
    let vouchsafe = Vouchsafe::new("").unwrap();
    let mut arguments = command.to_vec();
    arguments.push("--help");
    vouchsafe.succeed(&arguments).unwrap()
}

/// The first words of the indented lines below `heading`.
fn listed<'h>(help: &'h str, heading: &str) -> Vec<&'h str> {
    help.lines()
        .skip_while(|line| *line != heading)
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|word| *word != "help")
        .collect()
}

/// Every command of the binary that does something, with its words.
fn commands() -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut waiting: Vec<Vec<String>> = vec![Vec::new()];
    while let Some(command) = waiting.pop() {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let help = help(&words);
        let below = listed(&help, "Commands:");
        if below.is_empty() {
            found.push(command.clone());
        }
        for name in below {
            let mut longer = command.clone();
            longer.push(name.to_owned());
            waiting.push(longer);
        }
    }
    found.sort();
    found
}

#[test]
fn every_command_has_its_section_and_every_section_its_command() {
    let reference = page("docs/commands.md");
    let mut sections: Vec<Vec<String>> = reference
        .lines()
        .filter_map(|line| line.strip_prefix("## `vouchsafe ")?.strip_suffix('`'))
        .map(|words| words.split(' ').map(str::to_owned).collect())
        .collect();
    sections.sort();
    assert_eq!(sections, commands());
}

#[test]
fn every_option_stands_in_the_section_of_its_command_or_among_the_common_ones() {
    let reference = page("docs/commands.md");
    let section = |heading: &str| -> String {
        let marks = |line: &&str| line.strip_prefix("## ") == Some(heading);
        let within: Vec<&str> = reference
            .lines()
            .skip_while(|line| !marks(line))
            .skip(1)
            .take_while(|line| !line.starts_with("## "))
            .collect();
        assert!(!within.is_empty(), "no section {heading}");
        within.join("\n")
    };
    let common = section("Options of every command");
    let mut seen = 0;
    for command in commands() {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let own = section(&format!("`vouchsafe {}`", words.join(" ")));
        let help = help(&words);
        let options = help.lines().filter_map(|line| {
            let line = line.trim_start();
            let long = line.strip_prefix("--").or_else(|| {
                let (short, long) = line.split_once(", --")?;
                (short.len() == 2 && short.starts_with('-')).then_some(long)
            })?;
            long.split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
                .next()
        });
        for option in options {
            let option = format!("--{option}");
            let stands = own.contains(&option) || common.contains(&option);
            assert!(stands, "{words:?} {option}");
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen} options");
}

#[test]
fn every_reason_to_refuse_a_bundle_stands_in_the_guide() {
    let source = page("airgap/src/refusal.rs");
    let labels = source.lines().filter_map(|line| {
        let label = line.trim().strip_prefix("Self::")?.split_once("=> \"")?.1;
        label.strip_suffix("\",")
    });
    let guide = page("docs/air-gap.md");
    let mut seen = 0;
    for label in labels {
        assert!(guide.contains(&format!("`{label}`")), "{label}");
        seen += 1;
    }
    assert!(seen >= 20, "{seen} reasons");
}

#[test]
fn what_pages_link_to_in_the_guide_for_air_gaps_is_there() {
    let guide = page("docs/air-gap.md");
    let anchors: BTreeSet<String> = guide
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' '))
        .map(|heading| {
            let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-');
            let heading: String = heading.chars().filter(kept).collect();
            heading.to_lowercase().replace(' ', "-")
        })
        .collect();
    let mut seen = 0;
    for (name, links) in [
        ("docs/air-gap.md", "](#"),
        ("docs/commands.md", "](air-gap.md#"),
        ("docs/threat-model.md", "](air-gap.md#"),
    ] {
        let text = page(name);
        for link in text.split(links).skip(1) {
            let anchor = link.split(')').next().unwrap();
            assert!(anchors.contains(anchor), "{name}: {anchor}");
            seen += 1;
        }
    }
    assert!(seen > 4, "{seen} links");
}

#[test]
fn the_places_that_the_architecture_names_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("");
    let text = page("ARCHITECTURE.md");
    let quoted = text.split('`').skip(1).step_by(2);
    let mut seen = 0;
    // Paths of the webhook begin with `/`.
    let is_place =
        |word: &&str| word.contains('/') && !word.starts_with('/') && !word.contains([' ', '…']);
    for place in quoted.filter(is_place) {
        assert!(root.join(place).exists(), "ARCHITECTURE.md: {place}");
        seen += 1;
    }
    assert!(seen > 20, "{seen} places");
}
