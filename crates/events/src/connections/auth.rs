//! How a connection authorizes, with its secrets: from the API's shapes, and back without them.

use serde::{Deserialize, Serialize};
use watchkeep_model::ServiceError;
use watchkeep_model::events::{
    ConnectionApiKeyAuthResponseParameters, ConnectionAuthResponseParameters, ConnectionBasicAuthResponseParameters,
    ConnectionBodyParameter, ConnectionHeaderParameter, ConnectionHttpParameters,
    ConnectionOAuthClientResponseParameters, ConnectionOAuthResponseParameters, ConnectionQueryStringParameter,
    CreateConnectionAuthRequestParameters, UpdateConnectionApiKeyAuthRequestParameters,
    UpdateConnectionAuthRequestParameters, UpdateConnectionBasicAuthRequestParameters,
    UpdateConnectionOAuthClientRequestParameters, UpdateConnectionOAuthRequestParameters,
};

use crate::errors::invalid;

/// How a connection authorizes. It holds secrets, so it is not `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Auth {
    pub scheme: Scheme,
    /// What every request is given besides.
    #[serde(default)]
    pub added: Parameters,
}

/// The way.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Scheme {
    Basic { username: String, password: String },
    ApiKey { name: String, value: String },
    OAuth(OAuth),
}

/// Client credentials, and where they are exchanged for a token.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct OAuth {
    pub client_id: String,
    pub client_secret: String,
    pub endpoint: String,
    pub method: String,
    #[serde(default)]
    pub added: Parameters,
}

/// What is added to a request.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Parameters {
    pub headers: Vec<Parameter>,
    pub query: Vec<Parameter>,
    pub body: Vec<Parameter>,
}

/// One addition.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Parameter {
    pub key: String,
    pub value: String,
    pub is_secret: bool,
}

impl Parameter {
    fn of(key: Option<String>, value: Option<String>, is_secret: Option<bool>) -> Parameter {
        Parameter {
            key: key.unwrap_or_default(),
            value: value.unwrap_or_default(),
            is_secret: is_secret.unwrap_or_default(),
        }
    }

    fn shown(&self) -> (Option<String>, Option<String>, Option<bool>) {
        (Some(self.key.clone()), (!self.is_secret).then(|| self.value.clone()), Some(self.is_secret))
    }
}

impl Parameters {
    fn of(given: ConnectionHttpParameters) -> Parameters {
        let headers = given.header_parameters.unwrap_or_default().into_iter();
        let query = given.query_string_parameters.unwrap_or_default().into_iter();
        let body = given.body_parameters.unwrap_or_default().into_iter();
        Parameters {
            headers: headers.map(|one| Parameter::of(one.key, one.value, one.is_value_secret)).collect(),
            query: query.map(|one| Parameter::of(one.key, one.value, one.is_value_secret)).collect(),
            body: body.map(|one| Parameter::of(one.key, one.value, one.is_value_secret)).collect(),
        }
    }

    fn hide(&mut self) {
        let all = self.headers.iter_mut().chain(&mut self.query).chain(&mut self.body);
        all.filter(|one| one.is_secret).for_each(|one| one.value.clear());
    }

    fn shown(&self) -> Option<ConnectionHttpParameters> {
        if self.headers.is_empty() && self.query.is_empty() && self.body.is_empty() {
            return None;
        }
        let headers = self.headers.iter().map(|one| {
            let (key, value, is_value_secret) = one.shown();
            ConnectionHeaderParameter { key, value, is_value_secret }
        });
        let query = self.query.iter().map(|one| {
            let (key, value, is_value_secret) = one.shown();
            ConnectionQueryStringParameter { key, value, is_value_secret }
        });
        let body = self.body.iter().map(|one| {
            let (key, value, is_value_secret) = one.shown();
            ConnectionBodyParameter { key, value, is_value_secret }
        });
        Some(ConnectionHttpParameters {
            header_parameters: Some(headers.collect()),
            query_string_parameters: Some(query.collect()),
            body_parameters: Some(body.collect()),
        })
    }
}

impl Auth {
    /// What a new connection, or a changed one, says: what is not said stays as it was known, if the way is the same.
    ///
    /// # Errors
    ///
    /// `ValidationException`: something is missing that the way needs.
    pub(crate) fn of(
        way: &str,
        given: UpdateConnectionAuthRequestParameters,
        known: Option<Auth>,
    ) -> Result<Auth, ServiceError> {
        let (scheme, added) = known.map_or((None, Parameters::default()), |known| (Some(known.scheme), known.added));
        let scheme = match way {
            "BASIC" => basic(given.basic_auth_parameters, scheme),
            "API_KEY" => api_key(given.api_key_auth_parameters, scheme),
            _ => o_auth(given.o_auth_parameters, scheme),
        };
        let scheme = scheme.ok_or_else(|| invalid(format!("Parameter(s) of AuthParameters are missing for {way}.")))?;
        Ok(Auth { scheme, added: given.invocation_http_parameters.map_or(added, Parameters::of) })
    }

    /// The word of the way in the API.
    pub(crate) fn way(&self) -> &'static str {
        match self.scheme {
            Scheme::Basic { .. } => "BASIC",
            Scheme::ApiKey { .. } => "API_KEY",
            Scheme::OAuth(_) => "OAUTH_CLIENT_CREDENTIALS",
        }
    }

    /// The same without secrets.
    pub(crate) fn without_secrets(mut self) -> Auth {
        self.added.hide();
        match &mut self.scheme {
            Scheme::Basic { password, .. } => password.clear(),
            Scheme::ApiKey { value, .. } => value.clear(),
            Scheme::OAuth(o_auth) => {
                o_auth.client_secret.clear();
                o_auth.added.hide();
            }
        }
        self
    }

    /// As DescribeConnection shows it.
    pub(crate) fn shown(&self) -> ConnectionAuthResponseParameters {
        let mut shown = ConnectionAuthResponseParameters {
            invocation_http_parameters: self.added.shown(),
            ..ConnectionAuthResponseParameters::default()
        };
        match &self.scheme {
            Scheme::Basic { username, .. } => {
                let username = Some(username.clone());
                shown.basic_auth_parameters = Some(ConnectionBasicAuthResponseParameters { username });
            }
            Scheme::ApiKey { name, .. } => {
                let api_key_name = Some(name.clone());
                shown.api_key_auth_parameters = Some(ConnectionApiKeyAuthResponseParameters { api_key_name });
            }
            Scheme::OAuth(o_auth) => {
                let client_id = Some(o_auth.client_id.clone());
                shown.o_auth_parameters = Some(ConnectionOAuthResponseParameters {
                    client_parameters: Some(ConnectionOAuthClientResponseParameters { client_id }),
                    authorization_endpoint: Some(o_auth.endpoint.clone()),
                    http_method: Some(o_auth.method.clone()),
                    o_auth_http_parameters: o_auth.added.shown(),
                });
            }
        }
        shown
    }
}

fn basic(given: Option<UpdateConnectionBasicAuthRequestParameters>, known: Option<Scheme>) -> Option<Scheme> {
    let given = given.unwrap_or_default();
    let known = match known {
        Some(Scheme::Basic { username, password }) => (Some(username), Some(password)),
        _ => (None, None),
    };
    Some(Scheme::Basic { username: given.username.or(known.0)?, password: given.password.or(known.1)? })
}

fn api_key(given: Option<UpdateConnectionApiKeyAuthRequestParameters>, known: Option<Scheme>) -> Option<Scheme> {
    let given = given.unwrap_or_default();
    let known = match known {
        Some(Scheme::ApiKey { name, value }) => (Some(name), Some(value)),
        _ => (None, None),
    };
    Some(Scheme::ApiKey { name: given.api_key_name.or(known.0)?, value: given.api_key_value.or(known.1)? })
}

fn o_auth(given: Option<UpdateConnectionOAuthRequestParameters>, known: Option<Scheme>) -> Option<Scheme> {
    let given = given.unwrap_or_default();
    let client = given.client_parameters.unwrap_or_default();
    let known = match known {
        Some(Scheme::OAuth(known)) => Some(known),
        _ => None,
    };
    let kept = known.as_ref().map(|known| known.added.clone()).unwrap_or_default();
    let known = |part: fn(&OAuth) -> String| known.as_ref().map(part);
    Some(Scheme::OAuth(OAuth {
        client_id: client.client_id.or_else(|| known(|one| one.client_id.clone()))?,
        client_secret: client.client_secret.or_else(|| known(|one| one.client_secret.clone()))?,
        endpoint: given.authorization_endpoint.or_else(|| known(|one| one.endpoint.clone()))?,
        method: given.http_method.or_else(|| known(|one| one.method.clone()))?,
        added: given.o_auth_http_parameters.map_or(kept, Parameters::of),
    }))
}

/// What a new connection says, in the words of a change.
pub(crate) fn as_change(given: CreateConnectionAuthRequestParameters) -> UpdateConnectionAuthRequestParameters {
    UpdateConnectionAuthRequestParameters {
        basic_auth_parameters: given.basic_auth_parameters.map(|one| UpdateConnectionBasicAuthRequestParameters {
            username: Some(one.username),
            password: Some(one.password),
        }),
        api_key_auth_parameters: given.api_key_auth_parameters.map(|one| UpdateConnectionApiKeyAuthRequestParameters {
            api_key_name: Some(one.api_key_name),
            api_key_value: Some(one.api_key_value),
        }),
        o_auth_parameters: given.o_auth_parameters.map(|one| UpdateConnectionOAuthRequestParameters {
            client_parameters: Some(UpdateConnectionOAuthClientRequestParameters {
                client_id: Some(one.client_parameters.client_id),
                client_secret: Some(one.client_parameters.client_secret),
            }),
            authorization_endpoint: Some(one.authorization_endpoint),
            http_method: Some(one.http_method),
            o_auth_http_parameters: one.o_auth_http_parameters,
        }),
        invocation_http_parameters: given.invocation_http_parameters,
        connectivity_parameters: given.connectivity_parameters,
    }
}
