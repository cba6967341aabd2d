//! Calls of AWS, or of another endpoint that answers as AWS does: signed, shaped by hand, and only those few that something of ours
//! needs done there. A service is a file.

mod auto_scaling;
mod ec2;
mod incidents;
mod systems_manager;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderName, HeaderValue, Method, Request};
use watchkeep_core::ports::{AlarmAction, AlarmActionError, AlarmActionKind, AlarmActions};
use watchkeep_core::{BoxFuture, Clock};
use watchkeep_wire::sigv4::Signer;

pub use ec2::word as instance_action;

use crate::limits::{AWS_ANSWER_BYTES_MAX, AWS_SIGNERS_MAX, AWS_TIME, CONNECT_TIME};

/// Where AWS is, and who calls.
#[derive(Clone)]
pub struct AwsConfig {
    /// The endpoint of all services; none for AWS's own.
    pub endpoint: Option<String>,
    /// The access key's id.
    pub access_key_id: String,
    /// The access key.
    pub secret_access_key: String,
    /// The token of temporary credentials.
    pub session_token: Option<String>,
}

impl fmt::Debug for AwsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsConfig")
            .field("endpoint", &self.endpoint)
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AwsError {
    /// It may succeed later.
    Later(String),
    /// It will not.
    Never(String),
}

/// A call.
pub(crate) struct AwsCall<'a> {
    /// What it is signed for, which is also the first part of AWS's own host.
    pub service: &'static str,
    /// The Region.
    pub region: &'a str,
    /// The path.
    pub path: &'static str,
    /// The headers.
    pub headers: &'a [(&'static str, &'static str)],
    /// The body.
    pub body: String,
}

/// A client of AWS.
pub struct Aws {
    client: reqwest::Client,
    config: AwsConfig,
    clock: Arc<dyn Clock>,
    /// By service and Region.
    signers: Mutex<BTreeMap<(&'static str, String), Arc<Signer>>>,
}

impl Aws {
    /// A client of this configuration.
    ///
    /// # Errors
    ///
    /// What building an HTTP client can meet, as missing root certificates.
    pub fn new(config: AwsConfig, clock: Arc<dyn Clock>) -> Result<Aws, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(AWS_TIME)
            .connect_timeout(CONNECT_TIME)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Aws { client, config, clock, signers: Mutex::default() })
    }

    /// A call of a Query API: a form; the answer is XML.
    pub(crate) async fn query(
        &self,
        service: &'static str,
        region: &str,
        members: &[(&str, &str)],
    ) -> Result<String, AwsError> {
        const FORM: &[(&str, &str)] = &[("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        let body = form(members);
        self.call(AwsCall { service, region, path: "/", headers: FORM, body }).await
    }

    /// A call; the text of its answer.
    pub(crate) async fn call(&self, call: AwsCall<'_>) -> Result<String, AwsError> {
        let never = |error: &dyn fmt::Display| AwsError::Never(error.to_string());
        let base = match &self.config.endpoint {
            Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
            None => format!("https://{}.{}.amazonaws.com", call.service, call.region),
        };
        let request = Request::builder().method(Method::POST).uri(format!("{base}{}", call.path)).body(());
        let (mut parts, ()) = request.map_err(|error| never(&error))?.into_parts();
        for (name, value) in call.headers {
            parts.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let signer = self.signer(call.service, call.region);
        signer.sign(&mut parts, call.body.as_bytes(), self.clock.now()).map_err(|error| never(&error))?;
        let request = reqwest::Request::try_from(Request::from_parts(parts, call.body));
        let later = |error: reqwest::Error| AwsError::Later(error.without_url().to_string());
        let mut response = self.client.execute(request.map_err(|error| never(&error))?).await.map_err(later)?;
        let status = response.status().as_u16();
        let mut answer = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(later)? {
            answer.extend(&piece);
            if answer.len() > AWS_ANSWER_BYTES_MAX {
                return Err(AwsError::Later("the answer is too long".to_owned()));
            }
        }
        let answer = String::from_utf8_lossy(&answer).into_owned();
        if (200..300).contains(&status) { Ok(answer) } else { Err(refusal(status, &answer)) }
    }

    fn signer(&self, service: &'static str, region: &str) -> Arc<Signer> {
        let mut signers = self.signers.lock().unwrap_or_else(PoisonError::into_inner);
        if signers.len() >= AWS_SIGNERS_MAX {
            signers.clear();
        }
        let new = || {
            let AwsConfig { access_key_id, secret_access_key, session_token, .. } = self.config.clone();
            Arc::new(Signer::new(access_key_id, secret_access_key, session_token, region, service))
        };
        signers.entry((service, region.to_owned())).or_insert_with(new).clone()
    }
}

impl AlarmActions for Aws {
    fn carry_out<'a>(&'a self, action: &'a AlarmAction) -> BoxFuture<'a, Result<String, AlarmActionError>> {
        Box::pin(async move {
            let done = match (action.kind, action.arn.service.as_str()) {
                (AlarmActionKind::Instance, _) => ec2::act(self, action).await,
                (AlarmActionKind::Scaling, _) => auto_scaling::execute_policy(self, action).await,
                (AlarmActionKind::SystemsManager, "ssm-incidents") => incidents::start_incident(self, action).await,
                (AlarmActionKind::SystemsManager, _) => systems_manager::create_ops_item(self, action).await,
                // AWS has no call that begins one.
                (AlarmActionKind::Investigation, _) => return Err(AlarmActionError::NotConfigured),
            };
            done.map_err(|error| match error {
                AwsError::Later(error) => AlarmActionError::Busy(error),
                AwsError::Never(error) => AlarmActionError::Refused(error),
            })
        })
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Members as a form.
fn form(members: &[(&str, &str)]) -> String {
    let url = reqwest::Url::parse_with_params("http://form/", members);
    url.ok().and_then(|url| url.query().map(str::to_owned)).unwrap_or_default()
}

/// The error of an answer, in XML or JSON.
fn refusal(status: u16, answer: &str) -> AwsError {
    let json: Option<serde_json::Value> = serde_json::from_str(answer).ok();
    let member = |names: &[&str]| {
        let found = json.as_ref().and_then(|json| names.iter().find_map(|name| json.get(name)?.as_str()));
        found.map(str::to_owned)
    };
    let code = member(&["__type", "code"]).or_else(|| element(answer, "Code").map(str::to_owned));
    // It may come with its name space, and with where it is described.
    let code = code.as_deref().map(|code| code.rsplit('#').next().unwrap_or(code));
    let code = code.map(|code| code.split(':').next().unwrap_or(code).to_owned());
    let message = member(&["message", "Message"]).or_else(|| element(answer, "Message").map(str::to_owned));
    let text = match (code.as_deref(), message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => format!("the endpoint answered {status}"),
    };
    let is_throttled = code.is_some_and(|code| code.contains("Throttl") || code == "RequestLimitExceeded");
    if status >= 500 || status == 429 || is_throttled { AwsError::Later(text) } else { AwsError::Never(text) }
}

/// The text of the first XML element of this name.
fn element<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = answer.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}
