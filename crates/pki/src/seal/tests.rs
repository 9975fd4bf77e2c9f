use std::sync::Arc;

use super::*;
use crate::Error;

const PLACE: Place<'_> = Place { table: "secrets", column: "sealed", row: b"row", version: 1 };

fn stored(key: NewDataKey, current: bool) -> WrappedKey {
    WrappedKey { id: key.id, wrapped: key.wrapped, current }
}

/// A sealer with one data key.
fn enveloped() -> (Sealer, WrappedKey) {
    let sealer = Sealer::new(Sealer::generate_master());
    let key = stored(sealer.new_data_key().unwrap(), true);
    sealer.load(std::slice::from_ref(&key)).unwrap();
    (sealer, key)
}

#[test]
fn a_sealed_value_opens_in_its_own_place_only() {
    for sealer in [Sealer::new(Sealer::generate_master()), enveloped().0] {
        let sealed = sealer.seal(&PLACE, b"123456").unwrap();
        assert_eq!(sealer.open(&PLACE, &sealed).unwrap().as_slice(), b"123456");
        let elsewhere = [
            Place { table: "secret", column: "ssealed", ..PLACE },
            Place { column: "other", ..PLACE },
            Place { row: b"r0w", ..PLACE },
            Place { version: 2, ..PLACE },
        ];
        for place in elsewhere {
            assert_eq!(sealer.open(&place, &sealed), Err(Error::SealBroken), "{place:?}");
        }
    }
}

#[test]
fn any_changed_bit_is_noticed() {
    let (sealer, _) = enveloped();
    let sealed = sealer.seal(&PLACE, b"secret").unwrap();
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(sealer.open(&PLACE, &changed).is_err(), "byte {at}");
    }
    for length in 0..sealed.len() {
        assert!(sealer.open(&PLACE, &sealed[..length]).is_err());
    }
}

#[test]
fn values_from_before_data_keys_still_open_and_move_over() {
    let master = Sealer::generate_master();
    let old = Sealer::new(master.clone()).seal(&PLACE, b"secret").unwrap();
    let sealer = Sealer::new(master);
    sealer.load(&[stored(sealer.new_data_key().unwrap(), true)]).unwrap();
    assert!(sealer.is_wrapping_key(key_of(&old).unwrap()));
    let new = sealer.reseal(&PLACE, &old).unwrap().unwrap();
    assert!(is_sealed_with(&new, sealer.sealing_key()));
    assert_eq!(sealer.open(&PLACE, &new).unwrap().as_slice(), b"secret");
    assert_eq!(sealer.reseal(&PLACE, &new).unwrap(), None);
}

#[test]
fn an_older_data_key_opens_until_it_is_taken_out_and_is_named_then() {
    let (sealer, old) = enveloped();
    let sealed = sealer.seal(&PLACE, b"secret").unwrap();
    let new = stored(sealer.new_data_key().unwrap(), true);
    sealer.load(&[WrappedKey { current: false, ..old.clone() }, new.clone()]).unwrap();
    assert_eq!(sealer.sealing_key(), new.id);
    assert_eq!(sealer.open(&PLACE, &sealed).unwrap().as_slice(), b"secret");
    sealer.load(&[new]).unwrap();
    assert_eq!(sealer.open(&PLACE, &sealed), Err(Error::UnknownMasterKey { key_id: old.id.to_string() }));
}

#[test]
fn a_data_key_of_another_process_is_fetched_when_a_value_names_it() {
    let (here, first) = enveloped();
    let there = here.for_another_database();
    let second = stored(there.new_data_key().unwrap(), true);
    let all = vec![WrappedKey { current: false, ..first }, second];
    there.load(&all).unwrap();
    let sealed = there.seal(&PLACE, b"secret").unwrap();
    assert!(here.open(&PLACE, &sealed).is_err());
    here.refresh_by(Box::new(move || Some(all.clone())));
    assert_eq!(here.open(&PLACE, &sealed).unwrap().as_slice(), b"secret");
    assert_eq!(here.sealing_key(), there.sealing_key());
}

#[test]
fn another_key_encrypting_key_takes_over_without_touching_a_value() {
    let (sealer, key) = enveloped();
    let sealed = sealer.seal(&PLACE, b"secret").unwrap();
    let master = Sealer::generate_master();
    let keys = sealer.rewrap(std::slice::from_ref(&key), &master).unwrap();
    assert_eq!(sealer.rewrap(&keys, &master), Ok(Vec::new()), "it is wrapped under that one already");
    let restarted = Sealer::new(master.clone());
    restarted.load(&keys).unwrap();
    assert_eq!(restarted.open(&PLACE, &sealed).unwrap().as_slice(), b"secret");
    let needed = sealer.wrapping_key().to_string();
    assert_eq!(restarted.load(&[key]), Err(Error::UnknownMasterKey { key_id: needed }));
    assert_eq!(restarted.open(&PLACE, &sealed).unwrap().as_slice(), b"secret", "a failure changes nothing");
    sealer.replace_wrapping(&master);
    sealer.load(&keys).unwrap();
    assert_eq!(sealer.wrapping_key(), Sealer::id_of(&master));
}

#[test]
fn a_wrapped_key_does_not_pass_for_another() {
    let (sealer, first) = enveloped();
    let second = stored(sealer.new_data_key().unwrap(), false);
    let swapped = WrappedKey { wrapped: second.wrapped, ..first };
    assert_eq!(sealer.load(&[swapped]), Err(Error::SealBroken));
}

#[test]
fn what_is_sealed_while_keys_change_opens_afterwards() {
    let (sealer, first) = enveloped();
    let sealer = Arc::new(sealer);
    let writers: Vec<_> = (0..2)
        .map(|_| {
            let sealer = Arc::clone(&sealer);
            std::thread::spawn(move || {
                (0..500).map(|_| sealer.seal(&PLACE, b"secret").unwrap()).collect::<Vec<_>>()
            })
        })
        .collect();
    let mut keys = vec![first];
    for _ in 0..20 {
        keys.iter_mut().for_each(|key| key.current = false);
        keys.push(stored(sealer.new_data_key().unwrap(), true));
        sealer.load(&keys).unwrap();
    }
    for sealed in writers.into_iter().flat_map(|writer| writer.join().unwrap()) {
        assert_eq!(sealer.open(&PLACE, &sealed).unwrap().as_slice(), b"secret");
    }
}

#[test]
fn equal_secrets_look_different_and_debug_shows_neither_key_nor_secret() {
    let master = Sealer::generate_master();
    let sealer = Sealer::new(master.clone());
    assert_ne!(sealer.seal(&PLACE, b"secret").unwrap(), sealer.seal(&PLACE, b"secret").unwrap());
    let shown = format!("{sealer:?}");
    assert!(!shown.contains(&hex::encode(&master.as_slice()[..4])), "{shown}");
}
