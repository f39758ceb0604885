//! Byte strings of any length, in pieces that sled keeps in its log.
//!
//! sled moves a leaf above 128 KiB out of its log into a file of its own, which it never syncs. A
//! leaf holds up to 16 values, so values stay small enough that it never does.

use sled::Tree;

use crate::StoreError;

/// Writes `bytes` under keys that start with `prefix`.
pub(crate) fn put(tree: &Tree, prefix: &[u8], bytes: &[u8]) -> Result<(), StoreError> {
    let mut first = u64::try_from(bytes.len())
        .unwrap_or(u64::MAX)
        .to_be_bytes()
        .to_vec();
    let (head, rest) = bytes
        .split_at_checked(CHUNK - LENGTH)
        .unwrap_or((bytes, &[]));
    first.extend_from_slice(head);
    tree.insert(chunk_key(prefix, 0), first)?;
    for (number, chunk) in (1..).zip(rest.chunks(CHUNK)) {
        tree.insert(chunk_key(prefix, number), chunk)?;
    }
    Ok(())
}

/// Reads what was written under `prefix`; `None` if it, or a part of it, is not there.
pub(crate) fn get(tree: &Tree, prefix: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(first) = tree.get(chunk_key(prefix, 0))? else {
        return Ok(None);
    };
    let Some((length, head)) = first.split_first_chunk::<LENGTH>() else {
        return Err(StoreError::damaged("a record is too short"));
    };
    let length = usize::try_from(u64::from_be_bytes(*length)).unwrap_or(usize::MAX);
    let mut bytes = Vec::with_capacity(length.min(MAX_RESERVED));
    bytes.extend_from_slice(head);
    for number in 1.. {
        if bytes.len() >= length {
            break;
        }
        let Some(chunk) = tree.get(chunk_key(prefix, number))? else {
            return Ok(None);
        };
        bytes.extend_from_slice(&chunk);
    }
    if bytes.len() == length {
        Ok(Some(bytes))
    } else {
        Err(StoreError::damaged("a record is longer than it says"))
    }
}

fn chunk_key(prefix: &[u8], number: u32) -> Vec<u8> {
    [prefix, &number.to_be_bytes()].concat()
}

/// 16 of these and their keys are well below the 128 KiB above which sled would write a leaf into
/// an unsynced file.
pub(crate) const CHUNK: usize = 4096;
const LENGTH: usize = 8;
const MAX_RESERVED: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_comes_back_and_a_missing_piece_is_noticed() {
        let db = sled::Config::new().temporary(true).open().unwrap();
        let lengths = [
            0,
            1,
            CHUNK - 9,
            CHUNK - 8,
            CHUNK - 7,
            2 * CHUNK - 8,
            2 * CHUNK,
            1 << 20,
        ];
        for length in lengths {
            let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
            put(&db, b"k", &bytes).unwrap();
            assert_eq!(get(&db, b"k").unwrap(), Some(bytes), "{length}");
        }
        db.remove(chunk_key(b"k", 7)).unwrap();
        assert_eq!(get(&db, b"k").unwrap(), None);
        assert_eq!(get(&db, b"").unwrap(), None);
    }
}
