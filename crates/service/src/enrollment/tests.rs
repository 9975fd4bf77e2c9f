use std::time::Duration;

use plist::Value;

use super::*;
use crate::Settings;
use crate::testing::{Bench, TOPIC, payload};

async fn change(bench: &Bench, token: &str, change: impl Fn(&mut EnrollmentLink) + Send + 'static) {
    let mut link = bench.find_link(token).await;
    change(&mut link);
    bench.tx(move |tx| Ok(link.save(tx)?)).await;
}

#[tokio::test]
async fn a_link_says_in_words_what_the_hospital_can_do() {
    let bench =
        Bench::with(Settings { organization: "St. Elsewhere".to_owned(), ..Settings::default() }).await;
    let token = bench.link(Ownership::Corporate, Some(1)).await;
    let offer = bench.services.enrollments.open(&token).await.unwrap();
    assert_eq!((offer.organization.as_str(), offer.owner.as_deref()), ("St. Elsewhere", Some("Nurse Joy")));
    assert!(!offer.can_see.is_empty() && !offer.can_do.is_empty() && !offer.cannot.is_empty());
}

#[tokio::test]
async fn a_link_that_is_over_says_why_and_gives_no_profile() {
    let bench = Bench::new().await;
    let now = bench.services.context.now();
    type End = fn(&mut EnrollmentLink, Timestamp);
    let over: [(&str, End); 4] = [
        ("withdrawn", |link, now| link.revoked_at = Some(now)),
        ("stopped", |link, now| link.stopped_at = Some(now)),
        ("expired", |link, now| link.expires_at = now),
        ("as many devices", |link, _| link.uses = 1),
    ];
    for (words, end) in over {
        let token = bench.link(Ownership::Corporate, Some(1)).await;
        change(&bench, &token, move |link| end(link, now)).await;
        for outcome in [
            bench.services.enrollments.open(&token).await.map(|_| ()),
            bench.services.enrollments.profile(&token).await.map(|_| ()),
        ] {
            let Err(Error::Gone(reason)) = outcome else { panic!("{words}: {outcome:?}") };
            assert!(reason.contains(words), "{reason}");
        }
    }
}

#[tokio::test]
async fn an_unknown_link_is_not_found_and_its_token_is_in_no_error() {
    let bench = Bench::new().await;
    let error = bench.services.enrollments.open("ward_link_guess").await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }) && !error.to_string().contains("guess"));
    let long = "x".repeat(10_000);
    assert!(matches!(bench.services.enrollments.open(&long).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn personal_devices_are_not_enrolled_by_profile_unless_somebody_wants_it_and_then_without_erase_and_lock()
 {
    let bench = Bench::new().await;
    let token = bench.link(Ownership::Personal, None).await;
    assert!(matches!(bench.services.enrollments.open(&token).await, Err(Error::Forbidden(_))));
    let bench = Bench::with(Settings { allow_personal_links: true, ..Settings::default() }).await;
    let token = bench.link(Ownership::Personal, None).await;
    let (profile, _permit) = bench.services.enrollments.profile(&token).await.unwrap();
    let rights = payload(&profile, "com.apple.mdm")["AccessRights"].as_signed_integer().unwrap();
    assert_eq!(rights & (4 | 8), 0, "neither lock nor erase");
}

#[tokio::test]
async fn the_profile_is_signed_and_leads_to_this_server() {
    let bench =
        Bench::with(Settings { public_url: "https://mdm.example.org".to_owned(), ..Settings::default() })
            .await;
    let token = bench.link(Ownership::Corporate, None).await;
    let (profile, _permit) = bench.services.enrollments.profile(&token).await.unwrap();
    let mdm = payload(&profile, "com.apple.mdm");
    assert_eq!(mdm["ServerURL"].as_string(), Some("https://mdm.example.org/mdm"));
    assert_eq!(mdm["Topic"].as_string(), Some(TOPIC));
    assert_eq!(mdm["AccessRights"].as_signed_integer(), Some(8191));
    assert!(!mdm.contains_key("CheckInURL"));
    let scep = payload(&profile, "com.apple.security.scep");
    let content = scep["PayloadContent"].as_dictionary().unwrap();
    assert_eq!(content["URL"].as_string(), Some("https://mdm.example.org/scep"));
    assert!(content["Subject"].as_array().is_some_and(|subject| !subject.is_empty()));
    let authority = payload(&profile, "com.apple.security.root");
    let der = bench.services.authorities.current().active.authority.certificate().der().to_vec();
    assert_eq!(authority["PayloadContent"], Value::Data(der));
}

#[tokio::test]
async fn check_ins_get_an_address_of_their_own_where_that_is_wanted() {
    let bench = Bench::with(Settings { split_check_in: true, ..Settings::default() }).await;
    let token = bench.link(Ownership::Corporate, None).await;
    let (profile, _permit) = bench.services.enrollments.profile(&token).await.unwrap();
    let url = payload(&profile, "com.apple.mdm")["CheckInURL"].as_string().unwrap().to_owned();
    assert!(url.ends_with("/checkin"), "{url}");
}

#[tokio::test]
async fn every_copy_of_the_profile_has_a_challenge_of_its_own() {
    let bench = Bench::new().await;
    let token = bench.link(Ownership::Corporate, Some(1)).await;
    assert_ne!(bench.challenge(&token).await, bench.challenge(&token).await);
}

#[tokio::test]
async fn a_profile_cannot_be_fetched_without_end() {
    let bench = Bench::new().await;
    let token = bench.link(Ownership::Corporate, Some(1)).await;
    for _ in 0..WAITING_PER_USE {
        bench.challenge(&token).await;
    }
    assert!(matches!(bench.services.enrollments.profile(&token).await, Err(Error::Unavailable(_))));
    bench.advance(bench.services.context.settings.challenge_lifetime + Duration::from_secs(1));
    bench.challenge(&token).await;
}

#[tokio::test]
async fn without_a_push_certificate_there_is_no_profile() {
    let bench = Bench::new().await;
    let token = bench.link(Ownership::Corporate, None).await;
    bench
        .tx(|tx| {
            for mut row in PushCertificate::list_active(tx)? {
                row.replaced_at = Some(row.installed_at);
                row.save(tx)?;
            }
            Ok(())
        })
        .await;
    assert!(matches!(bench.services.enrollments.profile(&token).await, Err(Error::Unavailable(_))));
}
