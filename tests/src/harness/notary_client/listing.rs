//! The table that `notary list` prints.

use crate::harness::HarnessError;

/// A target that the client believes.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ListedTarget {
    /// The tag.
    pub name: String,
    /// The SHA-256 in hexadecimal digits.
    pub sha256: String,
    /// The size in bytes.
    pub size: u64,
    /// The role that it was found in.
    pub role: String,
}

/// Reads the table: a heading, a rule, and a line per target with blanks between the columns, the name first.
pub(super) fn parse(output: &str) -> Result<Vec<ListedTarget>, HarnessError> {
    let mut targets = output
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("NAME") && !line.starts_with("----"))
        .filter(|line| !line.starts_with("No targets present"))
        .map(target)
        .collect::<Result<Vec<_>, _>>()?;
    targets.sort();
    Ok(targets)
}

fn target(line: &str) -> Result<ListedTarget, HarnessError> {
    let unexpected = || HarnessError::Unexpected {
        what: "a line of notary list".to_owned(),
        detail: line.to_owned(),
    };
    let columns: Vec<&str> = line.split_whitespace().collect();
    let [name, sha256, size, role] = columns.as_slice() else {
        return Err(unexpected());
    };
    let size = size.parse().map_err(HarnessError::unexpected(line))?;
    Ok(ListedTarget {
        name: (*name).to_owned(),
        sha256: (*sha256).to_owned(),
        size,
        role: (*role).to_owned(),
    })
}
