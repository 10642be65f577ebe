//! A function elsewhere that answers questions about its own side.

use crate::{AssumedRole, Error};

/// The alias of a function through which it is asked, and serves nothing else: so the right to ask is no right to send it
/// what CloudFormation sends.
pub const QUESTIONS: &str = "questions";

/// Which function, and as whom it is invoked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddress {
    /// The ARN of its alias [`QUESTIONS`], which says the Region too.
    pub function_arn: String,
    /// The role to assume first, where the function lets in only its own account; none means the own credentials.
    pub role: Option<AssumedRole>,
}

impl PeerAddress {
    /// From the ARN of a function's alias [`QUESTIONS`], or of the function itself, which has no other one to ask; none
    /// when it is something else.
    pub fn parse(function_arn: &str, role: Option<AssumedRole>) -> Option<Self> {
        let parts: Vec<_> = function_arn.split(':').collect();
        let ["arn", partition, "lambda", region, account, "function", name, qualifier @ ..] =
            parts.as_slice()
        else {
            return None;
        };
        let fits =
            partition.starts_with("aws") && !region.is_empty() && account.len() == 12 && !name.is_empty();
        let function_arn = match qualifier {
            [] => format!("{function_arn}:{QUESTIONS}"),
            [alias] if *alias == QUESTIONS => function_arn.to_owned(),
            _ => return None,
        };
        fits.then_some(Self { function_arn, role })
    }

    /// The Region it is in.
    pub fn region(&self) -> &str {
        self.function_arn.split(':').nth(3).unwrap_or_default()
    }
}

/// A function of another side, asked synchronously.
///
/// # Guarantees
/// - One call is one invocation: nothing is repeated here.
/// - A call ends within two minutes; what is asked must be done in less.
///
/// # Assumptions
/// What is asked may be asked again: an answer that was lost is [`crate::Code::NoAnswer`], though the work was done.
pub trait Peer: Send + Sync {
    /// Invokes the function with this payload and waits for its answer (`lambda:InvokeFunction`, invocation type
    /// `RequestResponse`). A function that fails is an error with its own words.
    fn ask(&self, payload: &str) -> impl Future<Output = Result<String, Error>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_that_of_the_alias_for_questions_and_says_the_region() {
        for (arn, region) in [
            ("arn:aws:lambda:us-east-1:111111111111:function:tandem", Some("us-east-1")),
            ("arn:aws-cn:lambda:cn-north-1:111111111111:function:tandem:questions", Some("cn-north-1")),
            ("arn:aws:lambda:us-east-1:111111111111:function:tandem:live", None),
            ("arn:aws:lambda:us-east-1:111111111111:function:tandem:$LATEST", None),
            ("arn:aws:lambda:us-east-1:111111111111:function:tandem:questions:1", None),
            ("arn:aws:lambda:us-east-1:111111111111:function::questions", None),
            ("arn:aws:lambda:us-east-1:111111111111:layer:tandem", None),
            ("arn:aws:lambda::111111111111:function:tandem", None),
            ("tandem", None),
            ("", None),
        ] {
            let parsed = PeerAddress::parse(arn, None);
            assert_eq!(parsed.as_ref().map(PeerAddress::region), region, "{arn}");
            assert!(
                parsed.is_none_or(|peer| peer.function_arn.ends_with(":function:tandem:questions")),
                "{arn}"
            );
        }
    }
}
