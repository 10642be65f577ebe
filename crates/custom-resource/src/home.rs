//! Where the function itself lives.

/// The function's own partition, account and Region: the defaults of whatever a property leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// `aws`, `aws-us-gov`, `aws-cn`.
    pub partition: String,
    /// 12 digits.
    pub account: String,
    /// `us-west-2`.
    pub region: String,
}

impl Home {
    /// From the ARN the function was invoked by, `arn:aws:lambda:us-west-2:123456789012:function:name`.
    pub fn of_function(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let (_, partition, _, region, account) = (
            parts.next().filter(|part| *part == "arn")?,
            parts.next()?,
            parts.next().filter(|part| *part == "lambda")?,
            parts.next()?,
            parts.next()?,
        );
        Some(Self { partition: partition.to_owned(), account: account.to_owned(), region: region.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_arn_says_where_home_is() {
        let home =
            Home::of_function("arn:aws-cn:lambda:cn-north-1:123456789012:function:tandem:live").unwrap();
        assert_eq!((home.partition.as_str(), home.region.as_str()), ("aws-cn", "cn-north-1"));
        assert_eq!(home.account, "123456789012");
        assert_eq!(Home::of_function("arn:aws:s3:::bucket"), None);
    }
}
