//! Claims as parameters of Systems Manager.

use aws_config::SdkConfig;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::config::Builder;
use aws_sdk_ssm::types::{ParameterTier, ParameterType};

use super::error::failed;
use super::once;
use crate::{Claimed, Claims, Code, Error};

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

impl Claims for Parameters {
    /// Sent once: a second attempt would find what the first one made and call it taken. See [`once`].
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

    async fn read(&self, name: &str) -> Result<Option<String>, Error> {
        match self
            .client
            .get_parameter()
            .name(self.full_name(name))
            .send()
            .await
            .map_err(failed("GetParameter"))
        {
            Ok(answer) => Ok(answer.parameter.and_then(|parameter| parameter.value)),
            Err(error) if error.code == Code::ResourceNotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        self.client
            .put_parameter()
            .name(self.full_name(name))
            .value(text)
            .r#type(ParameterType::String)
            .tier(ParameterTier::Standard)
            .overwrite(true)
            .send()
            .await
            .map_err(failed("PutParameter"))?;
        Ok(())
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
