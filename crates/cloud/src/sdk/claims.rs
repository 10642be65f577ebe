//! Claims as parameters of Systems Manager.

use aws_config::SdkConfig;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::config::Builder;
use aws_sdk_ssm::types::{ParameterTier, ParameterType};

use super::error::failed;
use super::once;
use crate::{Claimed, Claims, Code, Error, Recorded};

/// Parameters under one path, in the function's own account and Region.
#[derive(Clone, Debug)]
pub struct Parameters {
    client: Client,
    path: String,
}

impl Parameters {
    pub(super) fn new(config: &SdkConfig, path: &str) -> Self {
        Self { client: Client::new(config), path: path.trim_end_matches('/').to_owned() }
    }

    fn full_name(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }
}

impl Parameters {
    /// A parameter, or one version of it: `name:version`.
    async fn get(&self, selector: String) -> Result<Option<Recorded>, Error> {
        match self.client.get_parameter().name(selector).send().await.map_err(failed("GetParameter")) {
            Ok(answer) => Ok(answer.parameter.and_then(|parameter| {
                Some(Recorded { text: parameter.value?, version: number(parameter.version) })
            })),
            Err(error) if error.code == Code::ResourceNotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Versions count from 1.
fn number(version: i64) -> u64 {
    u64::try_from(version).unwrap_or_default()
}

impl Claims for Parameters {
    /// Sent once: a second attempt would find what the first one made and call it taken. See `once`.
    async fn create(&self, name: &str, text: &str) -> Result<Claimed, Error> {
        let created = self
            .client
            .put_parameter()
            .name(self.full_name(name))
            .value(text)
            .r#type(ParameterType::String)
            .tier(ParameterTier::Standard)
            .overwrite(false)
            .customize()
            .config_override(Builder::new().retry_config(once()))
            .send()
            .await
            .map_err(failed("PutParameter"));
        match created {
            Ok(_) => Ok(Claimed::New),
            Err(error) if error.code == Code::ResourceAlreadyExists => Ok(Claimed::Taken),
            Err(error) => Err(error),
        }
    }

    async fn read(&self, name: &str) -> Result<Option<Recorded>, Error> {
        self.get(self.full_name(name)).await
    }

    async fn read_version(&self, name: &str, version: u64) -> Result<Option<String>, Error> {
        let found = self.get(format!("{}:{version}", self.full_name(name))).await?;
        Ok(found.map(|recorded| recorded.text))
    }

    async fn write(&self, name: &str, text: &str) -> Result<u64, Error> {
        let answer = self
            .client
            .put_parameter()
            .name(self.full_name(name))
            .value(text)
            .r#type(ParameterType::String)
            .tier(ParameterTier::Standard)
            .overwrite(true)
            .send()
            .await
            .map_err(failed("PutParameter"))?;
        Ok(number(answer.version))
    }

    async fn remove(&self, name: &str) -> Result<(), Error> {
        match self
            .client
            .delete_parameter()
            .name(self.full_name(name))
            .send()
            .await
            .map_err(failed("DeleteParameter"))
        {
            Err(error) if error.code != Code::ResourceNotFound => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::sdk::replay::{Resets, answer, answers, aws, bodies, lines, refusal, signers};
    use crate::{Claimed, Claims, Cloud, Code, Recorded};

    const NAME: &str = "222222222222/us-west-2/follower/to-leader";
    const PARAMETER: &str = "/tandem/claims/222222222222/us-west-2/follower/to-leader";

    fn put(overwrite: bool) -> Value {
        json!({ "Name": PARAMETER, "Value": "{}", "Type": "String", "Tier": "Standard", "Overwrite": overwrite })
    }

    #[tokio::test]
    async fn a_new_claim_is_a_parameter_that_overwrites_nothing() {
        let http = answers([answer(200, json!({ "Version": 1 }))]);
        assert_eq!(aws(http.clone()).claims().create(NAME, "{}").await.unwrap(), Claimed::New);
        assert_eq!(lines(&http), ["POST https://ssm.us-west-2.amazonaws.com/"]);
        assert_eq!(signers(&http), ["AKIDOWN us-west-2 ssm"]);
        assert_eq!(bodies(&http), [put(false)]);
    }

    #[tokio::test]
    async fn a_name_that_exists_is_taken() {
        let http = answers([refusal(400, "ParameterAlreadyExists", "The parameter already exists.")]);
        assert_eq!(aws(http).claims().create(NAME, "{}").await.unwrap(), Claimed::Taken);
    }

    #[tokio::test(start_paused = true)]
    async fn a_claim_whose_connection_breaks_is_not_sent_again_or_it_would_find_itself() {
        let network = Resets::default();
        let error = aws(network.clone()).claims().create(NAME, "{}").await.unwrap_err();
        assert_eq!((error.operation, error.code), ("PutParameter", Code::NoAnswer));
        assert_eq!(network.count(), 1);
    }

    #[tokio::test]
    async fn writing_overwrites() {
        let http = answers([answer(200, json!({ "Version": 2 }))]);
        assert_eq!(aws(http.clone()).claims().write(NAME, "{}").await.unwrap(), 2);
        assert_eq!(bodies(&http), [put(true)]);
    }

    #[tokio::test(start_paused = true)]
    async fn writing_is_repeated_when_the_connection_breaks() {
        let network = Resets::default();
        assert_eq!(aws(network.clone()).claims().write(NAME, "{}").await.unwrap_err().code, Code::NoAnswer);
        assert_eq!(network.count(), 3);
    }

    #[tokio::test]
    async fn a_claim_is_read_and_a_missing_one_is_none() {
        let http = answers([
            answer(
                200,
                json!({ "Parameter": { "Name": PARAMETER, "Type": "String", "Value": "{\"a\":1}", "Version": 3 } }),
            ),
            refusal(400, "ParameterNotFound", ""),
        ]);
        let aws = aws(http.clone());
        let recorded = Recorded { text: "{\"a\":1}".to_owned(), version: 3 };
        assert_eq!(aws.claims().read(NAME).await.unwrap(), Some(recorded));
        assert_eq!(aws.claims().read(NAME).await.unwrap(), None);
        assert_eq!(bodies(&http), [json!({ "Name": PARAMETER }), json!({ "Name": PARAMETER })]);
    }

    #[tokio::test]
    async fn what_an_earlier_version_said_is_read_while_it_is_kept() {
        let kept =
            json!({ "Parameter": { "Name": PARAMETER, "Value": "{}", "Version": 7, "Selector": ":7" } });
        let http = answers([answer(200, kept), refusal(400, "ParameterVersionNotFound", "")]);
        let aws = aws(http.clone());
        assert_eq!(aws.claims().read_version(NAME, 7).await.unwrap().as_deref(), Some("{}"));
        assert_eq!(aws.claims().read_version(NAME, 8).await.unwrap(), None);
        assert_eq!(bodies(&http)[0], json!({ "Name": format!("{PARAMETER}:7") }));
    }

    #[tokio::test]
    async fn removing_what_is_not_there_is_success() {
        let http = answers([answer(200, json!({})), refusal(400, "ParameterNotFound", "")]);
        let aws = aws(http.clone());
        aws.claims().remove(NAME).await.unwrap();
        aws.claims().remove(NAME).await.unwrap();
        assert_eq!(bodies(&http), [json!({ "Name": PARAMETER }), json!({ "Name": PARAMETER })]);
    }

    #[tokio::test]
    async fn any_other_refusal_is_an_error_of_its_operation() {
        let denied = || refusal(400, "AccessDeniedException", "not authorized");
        let http = answers([denied(), denied(), denied(), denied()]);
        let aws = aws(http);
        let claims = aws.claims();
        for (operation, error) in [
            ("PutParameter", claims.create(NAME, "{}").await.unwrap_err()),
            ("PutParameter", claims.write(NAME, "{}").await.unwrap_err()),
            ("GetParameter", claims.read(NAME).await.unwrap_err()),
            ("DeleteParameter", claims.remove(NAME).await.unwrap_err()),
        ] {
            assert_eq!((error.operation, error.code), (operation, Code::AccessDenied));
        }
    }
}
