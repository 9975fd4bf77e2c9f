//! No route and no command gives away the key of the certificate authority or of a push certificate: all that exist are tried.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::CommandFactory as _;
use reqwest::Method;
use serde_json::{Value, json};
use simulator::Model;
use tests::{World, ward_program};

use crate::secrets::forms;

/// Commands that run until they are stopped, or make a server of their own.
const NOT_RUN: &[&str] = &["serve", "demo", "simulate", "init"];
/// How long a command may take.
const LIMIT: Duration = Duration::from_secs(20);

/// A part of a private key that is in no certificate.
fn part(pkcs8: &[u8]) -> Vec<u8> {
    let middle = pkcs8.len() * 3 / 4;
    pkcs8.get(middle..middle + 30).unwrap_or_default().to_vec()
}

/// What is said, without the ends of lines that PEM and JSON put into base64.
fn dense(text: &[u8]) -> Vec<u8> {
    let mut dense = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' if rest.peek() == Some(&b'n') => drop(rest.next()),
            b'\n' | b'\r' | b' ' => {}
            _ => dense.push(byte),
        }
    }
    dense
}

fn look(place: &str, said: &[u8], keys: &[(String, Vec<u8>)]) {
    let thin = dense(said);
    for (name, key) in keys {
        let found = [said, thin.as_slice()].iter().any(|text| memchr::memmem::find(text, key).is_some());
        assert!(!found, "{place} gives away {name}");
    }
}

/// Ids that stand for the placeholders of paths, each in turn.
async fn ids(world: &World, udid: &str) -> Result<Vec<String>> {
    let mut ids = vec![udid.to_owned()];
    for (path, key) in [("/api/v1/authorities", "id"), ("/api/v1/push-certificates", "id")] {
        let listed = world.api.get(path).await?;
        let rows = listed.body.as_array().or(listed.body["items"].as_array()).context("no list")?;
        ids.extend(rows.iter().filter_map(|row| row[key].as_str()).map(str::to_owned));
    }
    let secrets = world.api.get(&format!("/api/v1/devices/{udid}/secrets")).await?;
    ids.extend(secrets.body[0]["id"].as_str().map(str::to_owned));
    Ok(ids)
}

/// Every operation of the description, with every id in the place of its placeholders.
fn operations(document: &Value, ids: &[String]) -> Vec<(Method, String)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in item.as_object().into_iter().flatten().map(|(method, _)| method.to_uppercase()) {
            let Ok(method) = method.parse::<Method>() else { continue };
            for id in ids {
                let mut filled = path.clone();
                while let (Some(from), Some(to)) = (filled.find('{'), filled.find('}')) {
                    filled.replace_range(from..=to, id);
                }
                if !all.contains(&(method.clone(), filled.clone())) {
                    all.push((method.clone(), filled));
                }
            }
        }
    }
    // What only reads comes first: what changes things may take away what there is to see.
    all.sort_by_key(|(method, _)| method != Method::GET);
    all
}

/// The words of every command that ends by itself, with something in the place of what it demands.
fn command_lines(
    command: &clap::Command,
    before: &[String],
    id: &str,
    file: &Path,
    all: &mut Vec<Vec<String>>,
) {
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        if before.is_empty() && NOT_RUN.contains(&sub.get_name()) {
            continue;
        }
        let words = [before, &[sub.get_name().to_owned()]].concat();
        if sub.has_subcommands() {
            command_lines(sub, &words, id, file, all);
            continue;
        }
        let mut words = words;
        for argument in sub.get_arguments().filter(|argument| argument.is_required_set()) {
            if let Some(long) = argument.get_long() {
                words.push(format!("--{long}"));
            }
            let choice = argument.get_possible_values().first().map(|value| value.get_name().to_owned());
            let name = argument.get_id().as_str();
            let other = if name.contains("file") || name.contains("out") {
                file.display().to_string()
            } else {
                id.to_owned()
            };
            words.push(choice.unwrap_or(other));
        }
        all.push(words);
    }
}

/// Runs a command to its end, or to the limit; what it printed, and whether it succeeded.
fn run(world: &World, access: &Path, folder: &Path, words: &[String]) -> Result<(Vec<u8>, bool)> {
    let out = folder.join("said");
    let mut child = Command::new(ward_program()?)
        .arg("--access")
        .arg(access)
        .arg("--json")
        .args(words)
        .env("WARD_CONFIG", world.config_file())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&out)?)
        .stderr(std::fs::OpenOptions::new().append(true).open(&out)?)
        .spawn()?;
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if begun.elapsed() > LIMIT || (words.contains(&"events".to_owned()) && begun.elapsed() > LIMIT / 20) {
            child.kill()?;
            child.wait()?;
            break None;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    Ok((std::fs::read(&out)?, status.is_some_and(|status| status.success())))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_and_no_command_gives_a_key_away() -> Result<()> {
    let world = World::start().await?;
    let issued = world.apple.issue_push_certificate(7, 365)?;
    let pem = std::str::from_utf8(&issued.pem)?.to_owned();
    let installed = world.api.post("/api/v1/push-certificates", &json!({ "pem": pem })).await?;
    ensure!(installed.status < 300, "{installed:?}");
    let mac = world.settled(Model::MacAppleSilicon, 1).await?;
    crate::support::obey(&world, &mac, json!({"RequestType": "SetRecoveryLock"})).await?;
    let authority = {
        let server = world.server.as_ref().context("no server")?;
        let authorities = server.services.authorities.current();
        part(&authorities.active.authority.key().to_pkcs8_der()?)
    };
    let push = pki::PushCertificate::from_pem(&issued.pem)?;
    let mut keys = forms("the key of the authority", &authority);
    keys.extend(forms("the key of the push certificate", &part(&push.key().to_pkcs8_der()?)));
    let planted = [b"before ", authority.as_slice()].concat();
    ensure!(
        keys.iter().any(|(_, key)| memchr::memmem::find(&planted, key).is_some()),
        "the search finds nothing"
    );

    let udid = mac.snapshot().udid;
    let ids = ids(&world, &udid).await?;
    let document = world.api.get("/api/v1/openapi.json").await?.body;
    let operations = operations(&document, &ids);
    ensure!(operations.len() > 100, "only {} operations", operations.len());
    let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build()?;
    let mut good = 0;
    for (method, path) in operations.iter().filter(|(_, path)| path != "/api/v1/events") {
        let url = format!("{}{path}", world.config.operators.public_url);
        let mut request = http.request(method.clone(), url).bearer_auth(&world.token);
        if method != Method::GET {
            request = request.json(&json!({ "reason": "the test tries every route" }));
        }
        let answer = request.send().await?;
        good += u32::from(answer.status().is_success());
        look(&format!("{method} {path}"), &answer.bytes().await?, &keys);
    }
    ensure!(good > 40, "only {good} operations succeeded");

    let folder = tempfile::tempdir()?;
    let (access, file) = (folder.path().join("access.toml"), folder.path().join("some.file"));
    std::fs::write(
        &access,
        format!("server = \"{}\"\ntoken = \"{}\"\n", world.config.operators.public_url, world.token),
    )?;
    std::fs::write(&file, "nothing")?;
    let mut lines = Vec::new();
    command_lines(&ward::cli::Cli::command(), &[], &udid, &file, &mut lines);
    ensure!(lines.len() > 60, "only {} commands", lines.len());
    let mut good = 0;
    for words in &lines {
        let (said, succeeded) = run(&world, &access, folder.path(), words)?;
        good += u32::from(succeeded);
        look(&format!("ward {}", words.join(" ")), &said, &keys);
    }
    ensure!(good > 20, "only {good} commands succeeded");
    for entry in std::fs::read_dir(folder.path())? {
        let path = entry?.path();
        if path.is_file() {
            look(&path.display().to_string(), &std::fs::read(&path)?, &keys);
        }
    }
    Ok(())
}
