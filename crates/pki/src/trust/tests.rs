//! Chains that lead to a root, and chains that do not.

use super::*;
use crate::testing::{EC, EC_DEVICE, RSA, RSA_DEVICE, days, now, openssl_must, write};

#[test]
fn an_identity_leads_to_its_own_authority_and_to_no_other() {
    let roots = [RSA.certificate().clone(), EC.certificate().clone()];
    for (device, _) in [&*RSA_DEVICE, &*EC_DEVICE] {
        assert_eq!(verify_chain(device, &roots, &[], Some(now())), Ok(()));
    }
    let wrong = verify_chain(&RSA_DEVICE.0, &roots[1..], &[], None);
    assert!(matches!(wrong, Err(Error::Untrusted(_))), "{wrong:?}");
    assert!(matches!(verify_chain(&RSA_DEVICE.0, &[], &[], None), Err(Error::Untrusted(_))));
}

#[test]
fn an_expired_identity_is_refused_unless_dates_are_ignored() {
    let roots = [EC.certificate().clone()];
    let late = verify_chain(&EC_DEVICE.0, &roots, &[], Some(now() + days(400)));
    assert_eq!(late, Err(Error::Untrusted("certificate has expired".to_owned())));
    let early = verify_chain(&EC_DEVICE.0, &roots, &[], Some(now() - days(400)));
    assert_eq!(early, Err(Error::Untrusted("certificate is not yet valid".to_owned())));
    assert_eq!(verify_chain(&EC_DEVICE.0, &roots, &[], None), Ok(()));
}

#[test]
fn an_intermediate_is_used_when_it_is_given_and_may_be_the_root_itself() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "ca.pem", RSA.certificate().to_pem());
    write(folder.path(), "ca.key", RSA.key().to_pkcs8_pem().unwrap());
    write(folder.path(), "sub.ext", "basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\n");
    write(folder.path(), "sub.key", EC.key().to_pkcs8_pem().unwrap());
    let request = "req -new -key sub.key -subj /CN=Intermediate -out sub.csr";
    if openssl_must(folder.path(), request).is_none() {
        return;
    }
    let sign = "x509 -req -in sub.csr -CA ca.pem -CAkey ca.key -extfile sub.ext -days 3000 -out sub.pem";
    openssl_must(folder.path(), sign);
    let intermediate = Certificate::from_pem(&std::fs::read(folder.path().join("sub.pem")).unwrap()).unwrap();
    let ra = EC.ra().map(|(_, key)| key.clone()).unwrap();
    let authority = crate::Authority::from_pem(
        intermediate.to_pem().as_bytes(),
        &EC.key().to_pkcs8_pem().unwrap(),
        now(),
    );
    let leaf = crate::testing::identity(&authority.unwrap(), ra).0;
    let (root, intermediate) = ([RSA.certificate().clone()], [intermediate]);
    assert!(verify_chain(&leaf, &root, &[], None).is_err());
    assert_eq!(verify_chain(&leaf, &root, &intermediate, None), Ok(()));
    assert_eq!(verify_chain(&leaf, &intermediate, &[], None), Ok(()));
}

#[test]
fn a_device_cannot_issue_certificates() {
    let device = crate::testing::identity(&EC, crate::PrivateKey::generate_p256().unwrap());
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "cert.pem", device.0.to_pem());
    write(folder.path(), "key.pem", device.1.to_pkcs8_pem().unwrap());
    let request = "req -new -key key.pem -subj /CN=forged -out csr";
    if openssl_must(folder.path(), request).is_none() {
        return;
    }
    openssl_must(folder.path(), "x509 -req -in csr -CA cert.pem -CAkey key.pem -days 30 -out forged.pem");
    let forged = Certificate::from_pem(&std::fs::read(folder.path().join("forged.pem")).unwrap()).unwrap();
    assert!(forged.is_issued_by(&device.0));
    let verdict = verify_chain(&forged, &[EC.certificate().clone()], &[device.0], None);
    assert!(matches!(verdict, Err(Error::Untrusted(_))), "{verdict:?}");
}
