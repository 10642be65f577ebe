//! The id CloudFormation keeps for a resource.

use std::fmt;

const UNIDENTIFIED: &str = "unidentified/";

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
    /// CloudFormation demands an id even then, and sends a Delete for it afterwards: as nothing was made, that Delete
    /// touches nothing, whatever its properties say.
    pub(crate) fn unidentified(logical_id: &str, request_id: &str) -> Self {
        Self(format!("{UNIDENTIFIED}{logical_id}/{request_id}"))
    }

    /// True for the id of a request that was refused before anything was made.
    pub(crate) fn is_unidentified(&self) -> bool {
        self.0.starts_with(UNIDENTIFIED)
    }

    /// True for what CloudFormation keeps. Without control characters, whose escapes are long, an id always fits into
    /// the answer.
    pub(crate) fn is_acceptable(&self) -> bool {
        (1..=Self::LONGEST).contains(&self.0.len()) && !self.0.contains(char::is_control)
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
