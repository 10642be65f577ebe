//! Where a call goes and as whom.

use std::fmt;

/// An account and a Region, and the role to assume when the account is not the function's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The 12 digits of the account.
    pub account: String,
    /// The Region, `us-east-1`.
    pub region: String,
    /// The role to assume there; none means the function's own credentials.
    pub role: Option<AssumedRole>,
}

/// A role in another account. Its trust policy demands the ExternalId.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AssumedRole {
    /// The ARN of the role.
    pub arn: String,
    /// What the trust policy compares with `sts:ExternalId`.
    pub external_id: Option<String>,
}

/// The ExternalId is half of a trust relationship: it stays out of every log.
impl fmt::Debug for AssumedRole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AssumedRole").field("arn", &self.arn).finish_non_exhaustive()
    }
}
