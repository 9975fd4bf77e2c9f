//! The command line: what `ward` can be told, and where each command is carried out.

mod access;
mod assignment;
mod client;
mod command;
mod consent;
mod described;
mod device;
mod enroll;
mod group;
mod import;
mod incident;
mod inventory;
mod lint;
mod network;
mod output;
mod person;
mod place;
mod placing;
mod profile;
mod push_certificate;
mod rollout;
mod secrets;
mod sink;
mod token;
mod uploaded;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, CommandFactory, Parser, Subcommand};

pub use access::AccessFile;
pub(crate) use client::Client;
pub use client::Failure;
pub(crate) use output::{at, print_json, print_text, remark};

use crate::{config, demo, doctor, init, serve, simulate};

/// Ward, an Apple MDM server for hospitals.
///
/// A server is made with 'ward init' and started with 'ward serve'; 'ward demo' shows everything at once with
/// simulated devices. The other commands are for administrators: they talk to a running server over its API.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by a rule, 4 not found, 5 server not reached, 6 done in part.
#[derive(Debug, Parser)]
#[command(name = "ward", version, max_term_width = 110, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub struct Options {
    /// Print JSON as the API gives it, for programs.
    #[arg(long, global = true)]
    pub json: bool,
    /// The file with the server's address and your token [default: ./ward-demo/access.toml, then ~/.config/ward/access.toml].
    #[arg(long, global = true, env = "WARD_ACCESS", value_name = "FILE")]
    pub access: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a new server: data folder, keys, certificate authority, database, first operator.
    Init(init::InitArgs),
    /// Run the server.
    Serve(serve::ServeArgs),
    /// Run a server with a simulated Apple and simulated devices, to see Ward work.
    Demo(demo::DemoArgs),
    /// Run simulated devices against any MDM server.
    Simulate(simulate::SimulateArgs),
    /// Check the server from outside in: TLS, proxies, push, expiries, durability.
    Doctor(doctor::DoctorArgs),
    /// Print the configuration file with every key and its default.
    Config,
    /// Devices: what they are, what is known of them.
    #[command(subcommand)]
    Device(device::DeviceCommand),
    /// Commands: send, watch, cancel.
    #[command(subcommand, name = "command")]
    Order(command::OrderCommand),
    /// Groups of devices, by hand and by rule.
    #[command(subcommand)]
    Group(group::GroupCommand),
    /// Rollouts: profiles that carry the network, ring by ring.
    #[command(subcommand)]
    Rollout(rollout::RolloutCommand),
    /// Places: the organisation's sites, buildings and wards.
    #[command(subcommand)]
    Place(place::PlaceCommand),
    /// People to whom devices belong.
    #[command(subcommand)]
    Person(person::PersonCommand),
    /// Read places, people, or the places and owners of devices from a CSV file.
    Import(import::ImportArgs),
    /// Write places, people, or the places and owners of devices as such a file.
    Export(import::ExportArgs),
    /// Enrolment links.
    #[command(subcommand)]
    Enroll(enroll::EnrollCommand),
    /// Configuration profiles: check and build them from files, bring them to the server.
    #[command(subcommand)]
    Profile(profile::ProfileCommand),
    /// Say what profiles would do that a hospital does not want. Fails on errors.
    Lint(lint::LintArgs),
    /// Access to the hospital's network: who has it, and from whom it is withdrawn.
    #[command(subcommand)]
    Network(network::NetworkCommand),
    /// Assignments: which devices get which profile.
    #[command(subcommand)]
    Assignment(assignment::AssignmentCommand),
    /// Changes that touch many devices and wait for a confirmation.
    #[command(subcommand)]
    Action(assignment::ActionCommand),
    /// What a person must look at before Ward goes on.
    #[command(subcommand)]
    Incident(incident::IncidentCommand),
    /// Secrets that profiles refer to by name.
    #[command(subcommand)]
    Secret(incident::SecretCommand),
    /// The keys that seal the database, and what became of secrets that were shown.
    #[command(subcommand)]
    Secrets(secrets::SecretsCommand),
    /// Sinks: systems that are told what happens.
    #[command(subcommand)]
    Sink(sink::SinkCommand),
    /// Push certificates from Apple.
    #[command(subcommand)]
    PushCertificate(push_certificate::PushCertificateCommand),
    /// What happens, as it happens; what was done, by whom; who knocks without being known.
    #[command(flatten)]
    Watch(watch::WatchCommand),
    /// API tokens: make, list, take back.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Print the completion script of your shell: 'source <(ward completion bash)'.
    #[command(alias = "completions")]
    Completion {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Reads the command line, carries it out, and turns the outcome into an exit code.
#[must_use]
pub fn main() -> ExitCode {
    // Answers the shell and ends here, when it asks what may follow.
    clap_complete::CompleteEnv::with_factory(Cli::command).complete();
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            output::complain(&error);
            client::exit_code(&error)
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    let options = cli.options;
    match cli.command {
        Command::Init(args) => init::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Serve(args) => serve::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Demo(args) => demo::run(args).map(|()| ExitCode::SUCCESS),
        Command::Simulate(args) => simulate::run(&args, options.json).map(|()| ExitCode::SUCCESS),
        Command::Doctor(args) => doctor::run(&args, &options),
        Command::Config => {
            print_text(config::TEMPLATE);
            Ok(ExitCode::SUCCESS)
        }
        Command::Device(command) => device::run(command, &options),
        Command::Order(command) => command::run(command, &options),
        Command::Group(command) => group::run(command, &options),
        Command::Rollout(command) => rollout::run(command, &options),
        Command::Place(command) => place::run(command, &options),
        Command::Person(command) => person::run(command, &options),
        Command::Import(args) => import::run(&args, &options),
        Command::Export(args) => import::export(&args, &options),
        Command::Enroll(command) => enroll::run(command, &options),
        Command::Profile(command) => profile::run(command, &options),
        Command::Lint(args) => lint::run(args, &options),
        Command::Network(command) => network::run(command, &options),
        Command::Assignment(command) => assignment::run(command, &options),
        Command::Action(command) => assignment::run_action(command, &options),
        Command::Incident(command) => incident::run(command, &options),
        Command::Secret(command) => incident::run_secret(command, &options),
        Command::Secrets(command) => secrets::run(command, &options),
        Command::Sink(command) => sink::run(command, &options),
        Command::PushCertificate(command) => push_certificate::run(command, &options),
        Command::Watch(command) => watch::run(command, &options),
        Command::Token(command) => token::run(command, &options),
        Command::Completion { shell } => completion(shell),
    }
}

/// A script by which the shell asks this program what may follow, so that types and keys are completed as well.
fn completion(shell: clap_complete::Shell) -> Result<ExitCode> {
    let name = shell.to_string();
    let shells = clap_complete::env::Shells::builtins();
    let completer = shells.completer(&name).with_context(|| format!("there is no completion for {name}"))?;
    let mut script = Vec::new();
    completer.write_registration("COMPLETE", "ward", "ward", "ward", &mut script)?;
    print_text(&String::from_utf8_lossy(&script));
    Ok(ExitCode::SUCCESS)
}

/// What a running server finds out about itself.
///
/// # Errors
/// It is not reached, or does not know the operator.
pub(crate) fn own_checks(options: &Options) -> Result<Vec<serde_json::Value>> {
    let checks = Client::new(options)?.get("/api/v1/doctor")?;
    Ok(checks.as_array().cloned().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_option_explains_itself() {
        fn walk(command: &clap::Command) {
            for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
                let (name, place) = (argument.get_id(), command.get_name());
                assert!(argument.get_help().is_some(), "'{name}' of 'ward {place}' has no help");
            }
            for sub in command.get_subcommands() {
                assert!(sub.get_about().is_some(), "'ward {}' has no help", sub.get_name());
                walk(sub);
            }
        }
        let mut command = Cli::command();
        command.build();
        walk(&command);
    }
}
