//! The options, as they are typed.

use clap::{Args, Parser, Subcommand};

/// Cross-cluster replication of Amazon OpenSearch Service: what holds, and how to prove it.
#[derive(Clone, Debug, Parser)]
#[command(name = "tandem", version, about)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Compares an index of the leader with one of the follower: documents, mappings, settings, aliases.
    ///
    /// Exit code 0: equal. 1: different. 2: could not be compared.
    Compare(Options),
}

/// What is compared, and how.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// The leader domain's endpoint, a host without https://.
    #[arg(long, value_name = "HOST")]
    pub(crate) leader: String,
    /// The follower domain's endpoint.
    #[arg(long, value_name = "HOST")]
    pub(crate) follower: String,
    /// The leader's index.
    #[arg(long, value_name = "NAME")]
    pub(crate) index: String,
    /// The follower's index, where it has another name.
    #[arg(long, value_name = "NAME")]
    pub(crate) follower_index: Option<String>,
    #[command(flatten)]
    pub(crate) leader_access: LeaderAccess,
    #[command(flatten)]
    pub(crate) follower_access: FollowerAccess,
    /// Documents per second read from each domain, at most.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate: u32,
    /// How many differing documents are looked for, at most.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    /// Above so many documents only mappings, settings and aliases are compared.
    #[arg(long, value_name = "N")]
    pub(crate) up_to: Option<u64>,
    /// For how many seconds a difference is looked at again before it counts.
    #[arg(long, value_name = "SECONDS", default_value_t = 90)]
    pub(crate) patience: u32,
    /// After how many seconds to give up.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) time: u32,
    /// A setting that is meant to be otherwise on the follower; may be given several times.
    #[arg(long = "override", value_name = "SETTING")]
    pub(crate) overrides: Vec<String>,
    /// The second index was restored or written by somebody, not replicated: versions mean nothing.
    #[arg(long)]
    pub(crate) ignore_versions: bool,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Who reads the leader; without any of them, the credentials of the environment.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_field_names, reason = "they are the names of the options")]
pub(crate) struct LeaderAccess {
    /// The leader's Region, where its endpoint does not say it.
    #[arg(long, value_name = "REGION")]
    leader_region: Option<String>,
    /// The secret with `username` and `password` of who reads the leader.
    #[arg(long, value_name = "ARN", conflicts_with_all = ["leader_role", "leader_function"])]
    leader_secret: Option<String>,
    /// The role to assume to read the leader, or to ask its function.
    #[arg(long, value_name = "ARN")]
    leader_role: Option<String>,
    /// The `ExternalId` that the role demands.
    #[arg(long, value_name = "TEXT", requires = "leader_role")]
    leader_external_id: Option<String>,
    /// The function that reads the leader, where no network path leads there: `QuestionsArn` of its provider.yaml.
    #[arg(long, value_name = "ARN")]
    leader_function: Option<String>,
}

/// Who reads the follower; without any of them, the credentials of the environment.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_field_names, reason = "they are the names of the options")]
pub(crate) struct FollowerAccess {
    /// The follower's Region, where its endpoint does not say it.
    #[arg(long, value_name = "REGION")]
    follower_region: Option<String>,
    /// The secret with `username` and `password` of who reads the follower.
    #[arg(long, value_name = "ARN", conflicts_with_all = ["follower_role", "follower_function"])]
    follower_secret: Option<String>,
    /// The role to assume to read the follower, or to ask its function.
    #[arg(long, value_name = "ARN")]
    follower_role: Option<String>,
    /// The `ExternalId` that the role demands.
    #[arg(long, value_name = "TEXT", requires = "follower_role")]
    follower_external_id: Option<String>,
    /// The function that reads the follower, where no network path leads there: `QuestionsArn` of its provider.yaml.
    #[arg(long, value_name = "ARN")]
    follower_function: Option<String>,
}

/// One side's options, whichever it is.
#[derive(Clone, Debug)]
pub(crate) struct Reached {
    pub(crate) side: &'static str,
    pub(crate) endpoint: String,
    pub(crate) region: Option<String>,
    pub(crate) secret: Option<String>,
    pub(crate) role: Option<String>,
    pub(crate) external_id: Option<String>,
    pub(crate) function: Option<String>,
}

impl Options {
    pub(crate) fn leader(&self) -> Reached {
        let access = self.leader_access.clone();
        Reached {
            side: "leader",
            endpoint: self.leader.clone(),
            region: access.leader_region,
            secret: access.leader_secret,
            role: access.leader_role,
            external_id: access.leader_external_id,
            function: access.leader_function,
        }
    }

    pub(crate) fn follower(&self) -> Reached {
        let access = self.follower_access.clone();
        Reached {
            side: "follower",
            endpoint: self.follower.clone(),
            region: access.follower_region,
            secret: access.follower_secret,
            role: access.follower_role,
            external_id: access.follower_external_id,
            function: access.follower_function,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    fn parse(words: &str) -> Result<Options, clap::Error> {
        let words = ["tandem", "compare"].into_iter().chain(words.split_whitespace());
        Arguments::try_parse_from(words).map(|arguments| match arguments.command {
            Command::Compare(options) => options,
        })
    }

    #[test]
    fn the_options_fit_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn two_endpoints_and_an_index_suffice() {
        let options = parse("--leader a --follower b --index l1").unwrap();
        assert_eq!((options.rate, options.limit, options.patience), (10_000, 1000, 90));
        assert_eq!(options.follower_index, None);
        let options =
            parse("--leader a --follower b --index l1 --leader-role r --leader-external-id x --override s --override t")
                .unwrap();
        assert_eq!(options.leader().external_id.as_deref(), Some("x"));
        assert_eq!(options.follower().role, None);
        assert_eq!(options.overrides, ["s", "t"]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (words, kind, said) in [
            ("--leader a --follower b", ErrorKind::MissingRequiredArgument, "--index"),
            ("--leader a --follower b --index i --rate 0", ErrorKind::ValueValidation, "0 is not in 1.."),
            ("--leader a --follower b --index i --limit 0", ErrorKind::ValueValidation, "0 is not in 1.."),
            ("--leader a --follower b --index i --time 0", ErrorKind::ValueValidation, "0 is not in 1.."),
            ("--leader a --follower b --index i --up-to=-1", ErrorKind::ValueValidation, "--up-to"),
            ("--leader a --follower b --index i --patience 1h", ErrorKind::ValueValidation, "--patience"),
            ("--leader a --follower b --index i --raet 1", ErrorKind::UnknownArgument, "--rate"),
            (
                "--leader a --follower b --index i --leader-secret s --leader-role r",
                ErrorKind::ArgumentConflict,
                "--leader-role",
            ),
            (
                "--leader a --follower b --index i --follower-external-id x",
                ErrorKind::MissingRequiredArgument,
                "--follower-role",
            ),
        ] {
            let error = parse(words).unwrap_err();
            assert_eq!(error.kind(), kind, "{words}");
            assert!(error.to_string().contains(said), "{words}: {error}");
            assert_eq!(error.exit_code(), 2);
        }
    }
}
