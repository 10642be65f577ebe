//! A user of a domain whose name and password a Secrets Manager secret holds.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::SdkConfig;
use serde::Deserialize;

use super::error::{failed, incomplete};
use crate::{Code, Error};

const READ: &str = "GetSecretValue";

/// Name and password. They are in no log.
#[derive(Clone, Deserialize)]
pub(super) struct User {
    pub(super) username: String,
    pub(super) password: String,
}

impl fmt::Debug for User {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("User").finish_non_exhaustive()
    }
}

/// A secret, and what it held when it was last read. A clone is the same secret.
#[derive(Clone, Debug)]
pub(super) struct Secret {
    client: aws_sdk_secretsmanager::Client,
    arn: String,
    held: Arc<Mutex<Option<User>>>,
}

impl Secret {
    pub(super) fn new(config: &SdkConfig, arn: &str) -> Self {
        let client = aws_sdk_secretsmanager::Client::new(config);
        Self { client, arn: arn.to_owned(), held: Arc::default() }
    }

    /// Reads it anew.
    pub(super) async fn read(&self) -> Result<User, Error> {
        let answer =
            self.client.get_secret_value().secret_id(&self.arn).send().await.map_err(failed(READ))?;
        let text = answer.secret_string.ok_or_else(|| incomplete(READ, "text"))?;
        let user: User = serde_json::from_str(&text).map_err(|_| Error {
            operation: READ,
            code: Code::Validation,
            // The parser's words may quote the text.
            message: "the secret is not a JSON object with `username` and `password`".to_owned(),
            request_id: None,
        })?;
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(user.clone());
        Ok(user)
    }

    /// As it was last read.
    pub(super) async fn user(&self) -> Result<User, Error> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match held {
            Some(user) => Ok(user),
            None => self.read().await,
        }
    }
}
