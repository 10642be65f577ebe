//! What an invocation may be for, which whoever may invoke is told by how: through the alias for questions, or not.
//!
//! The right to ask is given to other sides. Without two doors whoever may ask could send what CloudFormation sends, and have
//! the function do whatever it may do.

use cloud::QUESTIONS;

/// What an invocation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// A question of another side's comparison.
    Question,
    /// A request of CloudFormation's, or one that goes on.
    Request,
    /// A question that did not come through the alias: not looked at.
    AskedElsewhere,
    /// Anything else that came through the alias: not looked at.
    NoQuestion,
}

/// Decides by the ARN that was invoked, which Lambda says and no caller, and by what came.
pub(crate) fn door(invoked_arn: &str, is_question: bool) -> Door {
    let is_alias = invoked_arn.split(':').nth(7) == Some(QUESTIONS);
    match (is_alias, is_question) {
        (true, true) => Door::Question,
        (false, false) => Door::Request,
        (false, true) => Door::AskedElsewhere,
        (true, false) => Door::NoQuestion,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn through_the_alias_only_questions_are_served_and_elsewhere_everything_but_them() {
        let function = "arn:aws:lambda:us-east-1:111111111111:function:tandem";
        let named_like_it = "arn:aws:lambda:us-east-1:111111111111:function:questions";
        for (arn, question, request) in [
            (format!("{function}:questions"), Door::Question, Door::NoQuestion),
            (function.to_owned(), Door::AskedElsewhere, Door::Request),
            (format!("{function}:$LATEST"), Door::AskedElsewhere, Door::Request),
            (format!("{function}:7"), Door::AskedElsewhere, Door::Request),
            (format!("{function}:Questions"), Door::AskedElsewhere, Door::Request),
            (format!("{function}:questions-too"), Door::AskedElsewhere, Door::Request),
            (named_like_it.to_owned(), Door::AskedElsewhere, Door::Request),
            (String::new(), Door::AskedElsewhere, Door::Request),
        ] {
            assert_eq!((door(&arn, true), door(&arn, false)), (question, request), "{arn}");
        }
    }
}
