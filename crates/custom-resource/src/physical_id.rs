//! The id CloudFormation keeps for a resource.

use std::fmt;

/// What CloudFormation stores and hands back on Update and Delete; a changed one means replacement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PhysicalId(String);

impl PhysicalId {
    /// CloudFormation's limit, in bytes.
    pub const LONGEST: usize = 1024;

    /// The id as CloudFormation or a kind wrote it.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id of a request whose properties do not say what the resource is.
    ///
    /// CloudFormation demands an id even then, and sends a Delete for it afterwards: no kind recognises this one, so
    /// that Delete touches nothing.
    pub(crate) fn unidentified(logical_id: &str, request_id: &str) -> Self {
        Self(format!("unidentified/{logical_id}/{request_id}"))
    }

    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PhysicalId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
