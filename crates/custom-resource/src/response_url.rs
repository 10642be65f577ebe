//! The presigned URL of the answer, which is a credential.

use std::fmt;

/// Whoever has the query of this URL can answer in our place, so it is never printed: `Debug` and `Display` end before it.
#[derive(Clone, PartialEq, Eq)]
pub struct ResponseUrl(String);

impl ResponseUrl {
    /// The URL as CloudFormation sent it.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The whole URL, for the one who sends the answer.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ResponseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.split('?').next().unwrap_or_default())?;
        formatter.write_str("?…")
    }
}

impl fmt::Debug for ResponseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ResponseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d14_the_signature_is_never_printed() {
        let url = ResponseUrl::new("https://bucket.s3.amazonaws.com/key?X-Amz-Signature=secret");
        assert_eq!(url.to_string(), "https://bucket.s3.amazonaws.com/key?…");
        assert!(!format!("{url:?} {url:#?}").contains("secret"));
        assert!(url.reveal().ends_with("secret"));
    }
}
