//! Functions that others provide, as services call them: Lambda's side of whoever invokes one.

use std::fmt;
use std::time::Duration;

use crate::BoxFuture;

/// Why a function gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// There is no such function.
    #[error("there is no function {0}")]
    Unknown(String),
    /// It did not answer in time, or failed.
    #[error("{0}")]
    Failed(String),
}

/// Calls functions.
pub trait Functions: Send + Sync + fmt::Debug {
    /// Calls the function of this name (with or without `:VERSION` or `:ALIAS`) with a JSON payload, and waits for its answer.
    fn invoke<'a>(
        &'a self,
        function: &'a str,
        payload: Vec<u8>,
        time_max: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, InvokeError>>;
}

/// There are none.
#[derive(Debug, Default)]
pub struct NoFunctions;

impl Functions for NoFunctions {
    fn invoke<'a>(&'a self, function: &'a str, _: Vec<u8>, _: Duration) -> BoxFuture<'a, Result<Vec<u8>, InvokeError>> {
        Box::pin(std::future::ready(Err(InvokeError::Unknown(function.to_owned()))))
    }
}
