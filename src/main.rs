//! The program `pillars`: one subcommand a file beside this one.

mod doctor;
mod document;
mod files;
mod install;
mod kernel;
mod kernel_spec;
mod lab;
mod outputs;
mod progress;
mod python;
mod run;
mod session;
mod uninstall;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Learn distributed systems by running them: a Rust kernel for Jupyter and its chapters.
///
/// Start with `pillars lab`: it sets up what is missing and opens the chapters.
#[derive(Parser)]
#[command(name = "pillars", version, arg_required_else_help = true)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Lab(lab::Lab),
    Run(run::Run),
    Install(install::Install),
    Uninstall(uninstall::Uninstall),
    Doctor(doctor::Doctor),
    Kernel(kernel::Kernel),
    /// Compile the program for completion, and let all else go first
    #[command(hide = true)]
    BuildAnalyzer,
}

fn main() -> ExitCode {
    // First of all: evcxr runs cells in this same executable, and this call is where that stays.
    #[cfg(feature = "evcxr")]
    pillars_engine::runtime_hook();
    let result = match Program::parse().command {
        Command::Lab(lab) => lab.run(),
        Command::Run(run) => run.run(),
        Command::Install(install) => install.run(),
        Command::Uninstall(uninstall) => uninstall.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Kernel(kernel) => kernel.run(),
        Command::BuildAnalyzer => lab::build_analyzer(),
    };
    result.unwrap_or_else(|error| {
        eprintln!("pillars: {}", sentence(&error));
        ExitCode::FAILURE
    })
}

/// The error and its causes on one line, each cause once: many of ours name theirs already.
fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}
