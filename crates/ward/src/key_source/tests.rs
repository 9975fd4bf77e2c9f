use super::*;

const SOME: [u8; 32] = [7; 32];

fn file(folder: &tempfile::TempDir, text: &[u8]) -> PathBuf {
    let path = folder.path().join("sealing.key");
    write_private(&path, text).unwrap();
    path
}

fn command(words: &[&str], seconds: u64) -> Source {
    Source::Command(words.iter().map(|word| (*word).to_owned()).collect(), Duration::from_secs(seconds))
}

#[test]
fn a_key_is_read_in_each_of_its_forms() {
    let folder = tempfile::tempdir().unwrap();
    let forms =
        [hex::encode(SOME).into_bytes(), format!("{}\n", STANDARD.encode(SOME)).into_bytes(), SOME.to_vec()];
    for form in forms {
        assert_eq!(*Source::File(file(&folder, &form)).read().unwrap(), SOME);
    }
}

#[test]
fn what_is_no_key_is_named_by_its_place_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["", "planted-word", "cGxhbnRlZA==", &"a".repeat(1_000)] {
        let error = format!("{:#}", Source::File(file(&folder, text.as_bytes())).read().unwrap_err());
        assert!(error.contains("sealing.key") && !error.contains("planted"), "{error}");
    }
    let missing = Source::File(folder.path().join("none")).read().unwrap_err();
    assert!(format!("{missing:#}").contains("none"));
}

#[test]
fn a_key_that_everybody_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, hex::encode(SOME).as_bytes());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = Source::File(path).read().unwrap_err().to_string();
    assert!(error.contains("chmod 600"), "{error}");
}

#[test]
fn a_program_gives_the_key_and_its_failures_are_told_without_its_words() {
    let text = STANDARD.encode(SOME);
    assert_eq!(*command(&["echo", &text], 60).read().unwrap(), SOME);
    for (words, expected) in [
        (["sh", "-c", "echo planted; exit 3"], "exit status: 3"),
        (["sh", "-c", "echo planted >&2"], "holds no key"),
        (["/nonexistent/planted-program", "", ""], "cannot be started"),
    ] {
        let error = format!("{:#}", command(&words, 60).read().unwrap_err());
        assert!(error.contains(expected) && !error.contains("echo planted"), "{error}");
    }
    let error = command(&["sleep", "600"], 1).read().unwrap_err().to_string();
    assert!(error.contains("within 1 seconds"), "{error}");
}

#[test]
fn a_new_key_takes_the_place_in_one_step_and_an_interrupted_attempt_is_taken_up_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, hex::encode(SOME).as_bytes());
    let source = Source::File(path.clone());
    let next = source.next().unwrap();
    assert_ne!(*next, SOME);
    assert_eq!(*source.next().unwrap(), *next, "what an interrupted attempt left is used");
    assert_eq!(*source.read().unwrap(), SOME);
    source.commit().unwrap();
    assert_eq!(*source.read().unwrap(), *next);
    assert_eq!(*Source::File(beside(&path, "previous")).read().unwrap(), SOME);
    assert!(!beside(&path, "new").exists());
}
