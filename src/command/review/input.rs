//! Objects out of files: reviews or manifests, YAML or JSON, lists or single ones.

use std::io::Read as _;
use std::path::Path;
use std::{fs, io};

use serde_json::Value;

use crate::exit::Error;

pub(crate) fn read(file: &Path) -> Result<String, Error> {
    let at = |error: io::Error| format!("{}: {error}", file.display());
    if file == Path::new("-") {
        let mut text = String::new();
        let read = io::stdin().take(MAX_INPUT + 1).read_to_string(&mut text);
        // What is cut off would look as if it were in order.
        if u64::try_from(read.map_err(at)?).is_ok_and(|read| read > MAX_INPUT) {
            return Err("more than 1 GiB on standard input: review it in parts".into());
        }
        return Ok(text);
    }
    Ok(fs::read_to_string(file).map_err(at)?)
}

/// The documents of a YAML text, of which JSON is one, or JSON texts one after another; empty ones
/// are left out.
pub(crate) fn documents(text: &str, file: &Path) -> Result<Vec<Value>, Error> {
    let json: serde_json::Result<Vec<Value>> = serde_json::Deserializer::from_str(text)
        .into_iter()
        .collect();
    let documents = match json {
        Ok(documents) => documents,
        Err(_) => serde_saphyr::from_multiple(text)
            .map_err(|error| format!("{}: {}", file.display(), error.without_snippet()))?,
    };
    let documents: Vec<Value> = documents
        .into_iter()
        .filter(|value| !value.is_null())
        .collect();
    if documents.is_empty() {
        return Err(format!("{}: no object in it", file.display()).into());
    }
    Ok(documents)
}

/// A document's objects: itself, or the items of a list, which may be lists.
pub(crate) fn objects(mut document: Value) -> Vec<Value> {
    let of_list = ["apiVersion", "kind"].map(|member| text(&document, member).to_owned());
    let [api_version, kind] = of_list;
    let Some(item_kind) = kind.strip_suffix("List") else {
        return vec![document];
    };
    match document.get_mut("items") {
        Some(Value::Array(items)) if items.iter().all(Value::is_object) => {
            let items = std::mem::take(items).into_iter();
            let items = items.map(|item| typed(item, &api_version, item_kind));
            items.flat_map(objects).collect()
        }
        Some(_) | None => vec![document],
    }
}

/// An item of a list: in a `PodList` of the API server, only the list says what they are.
fn typed(mut item: Value, api_version: &str, kind: &str) -> Value {
    if let Value::Object(members) = &mut item
        && !kind.is_empty()
        && !members.contains_key("kind")
    {
        members.insert("apiVersion".to_owned(), api_version.into());
        members.insert("kind".to_owned(), kind.into());
    }
    item
}

/// The string at a member; empty where there is none.
pub(crate) fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value
        .get(member)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Manifests of a whole cluster are far smaller.
const MAX_INPUT: u64 = 1 << 30;
