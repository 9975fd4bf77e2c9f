use super::*;

/// The keys of a message, the key of its channel and its kind.
type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, ChannelKind);

fn identifiers(pairs: &[(&str, &str)]) -> Result<Identifiers, Error> {
    let mut from = pairs.iter().map(|(key, value)| ((*key).to_owned(), plist::Value::from(*value))).collect();
    Identifiers::take(&mut from)
}

#[test]
fn the_key_of_every_kind_of_enrolment_is_nanomdms() {
    let shared = SHARED_IPAD_USER_ID;
    let lower = SHARED_IPAD_USER_ID.to_lowercase();
    let table: [Row<'_>; 12] = [
        (&[("UDID", "00008020-001122AABB")], "00008020-001122AABB", ChannelKind::Device),
        (&[("UDID", "0a1b2c")], "0a1b2c", ChannelKind::Device),
        (&[("UDID", "A"), ("UserID", "U")], "A:U", ChannelKind::User),
        (&[("UDID", "A"), ("UserID", "U"), ("UserShortName", "ann")], "A:U", ChannelKind::User),
        (&[("UDID", "A"), ("UserShortName", "ann")], "A", ChannelKind::Device),
        (
            &[("UDID", "A"), ("UserID", shared), ("UserShortName", "ann@h.example")],
            "A:ann@h.example",
            ChannelKind::SharedIpad,
        ),
        (&[("UDID", "A"), ("UserID", &lower), ("UserShortName", "ann")], "A:ann", ChannelKind::SharedIpad),
        (&[("EnrollmentID", "E")], "E", ChannelKind::UserEnrollmentDevice),
        (&[("EnrollmentID", "E"), ("EnrollmentUserID", "U")], "E:U", ChannelKind::UserEnrollment),
        (&[("UDID", "A"), ("EnrollmentID", "E")], "A", ChannelKind::Device),
        (&[("UDID", "A"), ("UserID", "")], "A", ChannelKind::Device),
        (&[("UDID", "a:b"), ("UserID", "c:d")], "a:b:c:d", ChannelKind::User),
    ];
    for (pairs, text, kind) in table {
        let key = identifiers(pairs).unwrap().resolve().unwrap();
        assert_eq!((key.to_string().as_str(), key.kind), (text, kind), "{pairs:?}");
        assert_eq!(key.user.is_some(), kind.is_user());
    }
}

#[test]
fn a_message_with_a_user_never_speaks_for_the_device() {
    let key = identifiers(&[("UDID", "A"), ("EnrollmentUserID", "U")]).unwrap().resolve().unwrap();
    assert_eq!((key.device.as_str(), key.user.as_deref()), ("A", Some("U")));
    let key = identifiers(&[("EnrollmentID", "E"), ("UserID", "U")]).unwrap().resolve().unwrap();
    assert_eq!((key.device.as_str(), key.user.as_deref()), ("E", Some("U")));
}

#[test]
fn keys_that_read_alike_differ_by_their_parts() {
    let one = EnrollmentKey { device: "a:b".into(), user: None, kind: ChannelKind::Device };
    let other = EnrollmentKey { device: "a".into(), user: Some("b".into()), kind: ChannelKind::User };
    assert_eq!(one.to_string(), other.to_string());
    assert_ne!(one, other);
}

#[test]
fn a_temporary_session_of_a_shared_ipad_has_no_channel() {
    let nameless = identifiers(&[("UDID", "A"), ("UserID", SHARED_IPAD_USER_ID)]).unwrap();
    assert_eq!(nameless.resolve(), Err(Error::UnnamedSharedIpadUser));
}

#[test]
fn without_udid_and_enrollment_id_nobody_speaks() {
    assert_eq!(identifiers(&[("UserID", "U")]), Err(Error::NoIdentity));
    assert_eq!(identifiers(&[("UDID", ""), ("EnrollmentID", "")]), Err(Error::NoIdentity));
    assert_eq!(Identifiers::default().resolve(), Err(Error::NoIdentity));
    let mut number = Dictionary::from_iter([("UDID".to_owned(), plist::Value::from(5))]);
    assert!(matches!(Identifiers::take(&mut number), Err(Error::WrongType { key: "UDID", .. })));
}
