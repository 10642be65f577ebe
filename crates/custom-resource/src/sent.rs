//! Which of two requests CloudFormation sent later.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ResponseUrl;

/// The order in which CloudFormation sent the requests of one resource.
///
/// No field of the event says when it was sent, and Lambda may deliver a request again after the next one. But the
/// ResponseURL is presigned for each request, and so has the time of its signature to the second; within one second, and
/// without a readable time, the order of delivery decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sent {
    /// Grows with time, in whatever unit the signature has: to be compared and not to be read.
    signed: u64,
    /// Milliseconds since 1970.
    delivered: u64,
}

impl Sent {
    /// Of a request that was first delivered at `delivered_at`, since 1970.
    pub(crate) fn of(url: &ResponseUrl, delivered_at: Duration) -> Self {
        let delivered = u64::try_from(delivered_at.as_millis()).unwrap_or(u64::MAX);
        Self { signed: signed(url.reveal()).unwrap_or_default(), delivered }
    }
}

/// The time of a signature of version 4, `X-Amz-Date=20260101T000000Z`, or of version 2, `Expires=1767225600`, which lies
/// a fixed time after the signature.
fn signed(url: &str) -> Option<u64> {
    let (_, query) = url.split_once('?')?;
    let value = |wanted: &str| {
        query.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == wanted)
    };
    let (_, time) = value("X-Amz-Date").or_else(|| value("Expires"))?;
    let digits: String = time.chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(query: &str, delivered: u64) -> Sent {
        let url = ResponseUrl::new(format!("https://bucket/key{query}"));
        Sent::of(&url, Duration::from_secs(delivered))
    }

    #[test]
    fn the_signature_says_which_request_is_later_whatever_the_order_of_delivery() {
        for (earlier, later) in [
            (("?X-Amz-Date=20260101T235959Z&X-Amz-Expires=7200", 9), ("?X-Amz-Date=20260102T000000Z", 1)),
            (("?a=b&X-Amz-Date=20251231T000000Z", 9), ("?X-Amz-Date=20260101T000000Z&c", 1)),
            (("?AWSAccessKeyId=A&Expires=1767225600&Signature=s", 9), ("?Expires=1767225601", 1)),
            (("?X-Amz-Date=20260101T000000Z", 1), ("?X-Amz-Date=20260101T000000Z", 2)),
            (("", 1), ("", 2)),
            (("?X-Amz-Date=yesterday", 1), ("?X-Amz-Date", 2)),
        ] {
            assert!(sent(earlier.0, earlier.1) < sent(later.0, later.1), "{earlier:?} {later:?}");
        }
    }
}
