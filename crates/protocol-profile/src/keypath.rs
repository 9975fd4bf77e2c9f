//! Key paths of the catalogue (`PayloadContent[0].EAPClientConfiguration.AcceptEAPTypes[1]`), and what lies there in a template.

use std::collections::BTreeMap;

use crate::node::Node;

/// Which payload a path leads into, and the path within it.
pub(crate) fn payload_path(path: &str) -> Option<(usize, &str)> {
    let (index, rest) = path.strip_prefix("PayloadContent[")?.split_once(']')?;
    Some((index.parse().ok()?, rest.strip_prefix('.').unwrap_or(rest)))
}

/// The value at a path, or the nearest one above it. Keys may themselves hold full stops.
pub(crate) fn find<'a>(keys: &'a BTreeMap<String, Node>, path: &str) -> Option<&'a Node> {
    let here = keys.iter().filter(|(key, _)| begins_with(path, key)).max_by_key(|(key, _)| key.len());
    let (key, node) = here?;
    let rest = path.get(key.len()..).unwrap_or_default();
    Some(descend(node, rest))
}

fn begins_with(path: &str, key: &str) -> bool {
    path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn descend<'a>(node: &'a Node, path: &str) -> &'a Node {
    let found = match node {
        Node::Dictionary(entries) => path.strip_prefix('.').and_then(|path| find(entries, path)),
        Node::Array(items) => path.strip_prefix('[').and_then(|path| {
            let (index, rest) = path.split_once(']')?;
            let item = items.get(index.parse::<usize>().ok()?)?;
            Some(descend(item, rest))
        }),
        _ => None,
    };
    found.unwrap_or(node)
}
