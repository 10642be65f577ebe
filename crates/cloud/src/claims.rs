//! The record of who owns what: one small text per identity, created at most once.

use crate::Error;

/// What became of an attempt to claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The name was free and is ours now.
    New,
    /// The name was taken before, by us or by somebody else: read it.
    Taken,
}

/// A claim as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// What it says.
    pub text: String,
    /// One more with every write, from 1 on.
    pub version: u64,
}

/// Claims under one path. A name is a path of `A-Z a-z 0-9 . - _` segments joined by `/`.
///
/// # Guarantees
/// - [`Claims::create`] is atomic: of any number of concurrent calls for one name exactly one sees [`Claimed::New`].
/// - Removing what is not there is success.
///
/// # Caveats
/// [`Claims::write`] overwrites whatever is there; the service offers no conditional write. But the version it returns
/// tells whether somebody wrote in between, and [`Claims::read_version`] what.
pub trait Claims: Send + Sync {
    /// Creates the claim unless the name is taken (`ssm:PutParameter` without overwrite).
    fn create(&self, name: &str, text: &str) -> impl Future<Output = Result<Claimed, Error>> + Send;
    /// The claim as it is (`ssm:GetParameter`).
    fn read(&self, name: &str) -> impl Future<Output = Result<Option<Recorded>, Error>> + Send;
    /// What an earlier version said, while the service keeps it (`ssm:GetParameter`).
    fn read_version(
        &self,
        name: &str,
        version: u64,
    ) -> impl Future<Output = Result<Option<String>, Error>> + Send;
    /// Replaces the text of the claim, and returns its version now (`ssm:PutParameter` with overwrite).
    fn write(&self, name: &str, text: &str) -> impl Future<Output = Result<u64, Error>> + Send;
    /// Removes the claim (`ssm:DeleteParameter`).
    fn remove(&self, name: &str) -> impl Future<Output = Result<(), Error>> + Send;
}
