//! `tandem`, the command.
//!
//! The result goes to stdout, everything else to stderr. Exit codes: 0 equal, 1 different, 2 could not be compared.

mod arguments;
mod comparing;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Arguments { command: Command::Compare(options) } = Arguments::parse();
    match comparing::run(&options).await {
        Ok(report) => {
            let told = if options.json { comparing::json(&report) } else { report.to_string() };
            match writeln!(io::stdout(), "{told}") {
                Ok(()) => comparing::code(&report).into(),
                Err(_) => 2.into(),
            }
        }
        Err(refused) => {
            // Where nobody reads stderr, the exit code says it.
            drop(writeln!(io::stderr(), "tandem: {refused}"));
            2.into()
        }
    }
}
