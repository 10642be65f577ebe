//! The presigned URL of the answer, which is a credential.

use std::fmt;

/// Whoever has the query of this URL can answer in our place, so it is never printed: `Debug` and `Display` show the
/// host and the path, without credentials before and signature after them.
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
        let Some((scheme, rest)) = self.0.split_once("://") else { return formatter.write_str("…") };
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find(['/', '\\']).unwrap_or(rest.len()));
        let host = authority.rsplit('@').next().unwrap_or_default();
        write!(formatter, "{scheme}://{host}{path}?…")
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

    #[test]
    fn d14_whatever_else_may_be_a_credential_is_not_printed_either() {
        for (url, shown) in [
            ("https://user:secret@bucket/key?secret", "https://bucket/key?…"),
            ("https://user:secret@more@bucket", "https://bucket?…"),
            ("https://bucket/key#secret", "https://bucket/key?…"),
            ("https://bucket#secret?secret", "https://bucket?…"),
            ("https://bucket/to@key", "https://bucket/to@key?…"),
            ("https://secret@bucket\\key", "https://bucket\\key?…"),
            ("https://", "https://?…"),
            ("secret", "…"),
            ("", "…"),
        ] {
            assert_eq!(ResponseUrl::new(url).to_string(), shown);
        }
    }
}
