//! The vectors as files.

use super::{Client, Expect, Files, Vector, cases};

/// Every file below `tests/vectors/`, by path: what the generator writes and `check` compares.
///
/// # Panics
///
/// If two cases have one name.
pub fn tree() -> Files {
    let mut files = Files::new();
    let mut table = String::new();
    let mut theme = "";
    for case in cases::all() {
        if case.theme != theme {
            theme = case.theme;
            table.extend(["\n## ", theme, "\n\n", TABLE_HEAD]);
        }
        let (vector, steps, pems) = case.build();
        table.push_str(&row(&vector));
        let name = &vector.name;
        let mut json = serde_json::to_vec_pretty(&vector).expect("a vector is plain data");
        json.push(b'\n');
        let taken = files.insert(format!("{name}/vector.json"), json);
        assert!(taken.is_none(), "there are two cases called {name}");
        for (file, pem) in pems {
            files.insert(format!("{name}/{file}"), pem.into_bytes());
        }
        for (step, served) in vector.steps.iter().zip(steps) {
            for (path, bytes) in served {
                files.insert(format!("{name}/{}/{path}", step.dir), bytes);
            }
        }
    }
    files.insert(
        "README.md".to_owned(),
        format!("{INTRODUCTION}{table}").into_bytes(),
    );
    files
}

fn row(vector: &Vector) -> String {
    let answers: Vec<_> = vector
        .steps
        .iter()
        .map(|step| match &step.expect {
            Expect::Accepted { .. } => "accepted".to_owned(),
            Expect::Refused { role, label } => format!("`{label}` ({role})"),
        })
        .collect();
    let tags = vector.queries.iter().map(|query| {
        let answer = query.answer.split(' ').next().unwrap_or_default();
        let by = if query.signers.is_empty() {
            String::new()
        } else {
            format!(" by {}", query.signers.join(", "))
        };
        let tag = query.tag.escape_debug().to_string().replace('|', "\\|");
        format!("; `{tag}`{by}: {answer}")
    });
    let client: Vec<_> = vector
        .steps
        .iter()
        .map(|step| {
            let verdict = match step.client {
                Client::Accepts => "accepts",
                Client::CannotBeAsked => "cannot be asked",
                Client::Refuses => "refuses",
            };
            let reason = step
                .client_reason
                .iter()
                .map(|reason| format!(": {reason}"));
            format!("{verdict}{}", reason.collect::<String>())
        })
        .collect();
    let reasons = vector
        .queries
        .iter()
        .filter_map(|query| query.client_reason.as_ref())
        .map(|reason| format!("; {reason}"));
    format!(
        "| `{}` | {} | {}{} | {}{} |\n",
        vector.name,
        vector.description,
        answers.join(", then "),
        tags.collect::<String>(),
        client.join(", then "),
        reasons.collect::<String>(),
    )
}

const TABLE_HEAD: &str = "| folder | shows | Vouchsafe | Notary client |\n|---|---|---|---|\n";

const INTRODUCTION: &str = r"# Vectors

Generated: `cargo run -p vouchsafe-tests --bin vectors` writes this folder anew, byte for byte the
same; `… --bin vectors check` fails where it differs from what the cases in
`tests/src/vector/cases/` make.

Every folder holds `vector.json` (what is pinned, what is served, what must come of it), the pinned
public keys, and one folder a step with what a Notary server would serve, by plain name and, for
roots, by version. A request by hash gets the file that has the hash, or else the newest of the
role. A step is judged with what the steps before it left behind, which is how rollback, replay and
rotation are shown. Where the real `notary` client (0.7.0, from Debian) answers otherwise than
Vouchsafe, the table says why.

**The keys are throw-away test keys.** Each private key is SHA-256 of a label that stands in the
case (RSA: a file in `tests/src/vector/` that says so), so anyone can sign with them. They protect
nothing and must never be pinned.

What no file can show is tested with a server that misbehaves on the wire: bodies over the size
limits and bodies that never end, for every role.
";
