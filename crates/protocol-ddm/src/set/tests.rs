use proptest::prelude::*;

use super::*;

fn set(items: &[(DeclarationKind, &str, &str)]) -> DeclarationSet {
    let mut set = DeclarationSet::empty();
    for (kind, identifier, token) in items {
        set.insert(*kind, identifier, token).unwrap();
    }
    set
}

#[test]
fn an_empty_set_has_four_arrays_and_a_token_that_never_changes() {
    let items = String::from_utf8(DeclarationSet::empty().items_json()).unwrap();
    assert_eq!(
        items,
        "{\"Declarations\":{\"Activations\":[],\"Assets\":[],\"Configurations\":[],\"Management\":[]},\
         \"DeclarationsToken\":\"67b9eb00-3fb9-511a-8a85-5094b6313588\"}"
    );
}

#[test]
fn the_tokens_document_has_whole_seconds_in_utc() {
    let at = Timestamp::from_millis(1_795_438_800_999);
    let document: Value = serde_json::from_slice(&DeclarationSet::empty().tokens_json(at)).unwrap();
    assert_eq!(document["SyncTokens"]["Timestamp"], "2026-11-23T13:00:00Z");
    assert_eq!(document["SyncTokens"]["DeclarationsToken"], DeclarationSet::empty().declarations_token());
    assert_eq!(document.as_object().unwrap().len(), 1);
}

#[test]
fn items_stand_under_their_kind_with_the_token_of_the_tokens_document() {
    let set = set(&[
        (DeclarationKind::Configuration, "c", "1"),
        (DeclarationKind::Activation, "a", "2"),
        (DeclarationKind::Asset, "s", "3"),
        (DeclarationKind::Management, "m", "4"),
    ]);
    let items: Value = serde_json::from_slice(&set.items_json()).unwrap();
    for (key, identifier, token) in [
        ("Activations", "a", "2"),
        ("Assets", "s", "3"),
        ("Configurations", "c", "1"),
        ("Management", "m", "4"),
    ] {
        assert_eq!(items["Declarations"][key], json!([{"Identifier": identifier, "ServerToken": token}]));
    }
    assert_eq!(items["DeclarationsToken"], set.declarations_token());
    assert!(set.declarations_token().len() <= 256);
    assert_eq!(set.server_token(DeclarationKind::Asset, "s"), Some("3"));
    assert_eq!(set.server_token(DeclarationKind::Asset, "c"), None);
}

#[test]
fn a_token_changes_with_kind_identifier_and_server_token() {
    use DeclarationKind::{Asset, Configuration};
    let tokens: Vec<String> = [
        set(&[]),
        set(&[(Asset, "ab", "c")]),
        set(&[(Asset, "a", "bc")]),
        set(&[(Configuration, "ab", "c")]),
        set(&[(Asset, "ab", "d")]),
        set(&[(Asset, "ab", "c"), (Asset, "x", "y")]),
    ]
    .iter()
    .map(DeclarationSet::declarations_token)
    .collect();
    for (index, token) in tokens.iter().enumerate() {
        assert!(!tokens[..index].contains(token), "set {index}");
    }
}

#[test]
fn what_apple_does_not_allow_is_refused() {
    let mut set = set(&[(DeclarationKind::Asset, "a", "1")]);
    let refused = Error::Identifier { max: 64 };
    assert_eq!(set.insert(DeclarationKind::Asset, "", "1"), Err(refused.clone()));
    assert_eq!(set.insert(DeclarationKind::Asset, &"x".repeat(65), "1"), Err(refused.clone()));
    assert_eq!(set.insert(DeclarationKind::Asset, "b", &"x".repeat(65)), Err(refused.clone()));
    assert_eq!(set.insert(DeclarationKind::Asset, "b\n", "1"), Err(refused));
    assert_eq!(set.insert(DeclarationKind::Configuration, "a", "2"), Err(Error::Duplicate("a".into())));
}

proptest! {
    #[test]
    fn the_order_of_insertion_changes_nothing(
        items in prop::collection::btree_map("[a-z.]{1,10}", "[a-z0-9]{1,10}", 0..8),
        rotate in 0_usize..8,
    ) {
        let list: Vec<_> = items.iter().map(|(id, token)| (DeclarationKind::Asset, id.as_str(), token.as_str())).collect();
        let mut other = list.clone();
        other.rotate_left(if list.is_empty() { 0 } else { rotate % list.len() });
        other.reverse();
        prop_assert_eq!(set(&list).items_json(), set(&other).items_json());
    }
}
