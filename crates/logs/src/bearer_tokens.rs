//! Bearer tokens: PutBearerTokenAuthentication, and which groups take events that come with one. Whose a token is, is known before.

use std::sync::Arc;

use watchkeep_core::ports::MetricPlace;
use watchkeep_core::{Caller, Proof};
use watchkeep_model::logs::PutBearerTokenAuthenticationRequest;
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::ResourceKey;
use watchkeep_wire::sigv4::{ErrorFamily, access_denied};

use crate::Logs;
use crate::names::identified;

/// The service whose service-specific credentials are tokens for log groups.
pub(crate) const TOKENS_OF: &str = "logs.amazonaws.com";

/// Says whether a group takes events that come with a bearer token.
pub(crate) async fn put_bearer_token_authentication(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: PutBearerTokenAuthenticationRequest,
) -> Result<Unit, ServiceError> {
    let group = logs.directory.group(&identified(caller, &input.log_group_identifier)?)?;
    let enabled = input.bearer_token_authentication_enabled;
    logs.change(&group, move |document| {
        document.bearer_token_authentication = enabled;
        Ok(())
    })
    .await
}

impl Logs {
    /// Whether the group takes events that come with a bearer token.
    ///
    /// # Errors
    /// `ResourceNotFoundException` if there is no such group.
    pub(crate) fn takes_bearer_tokens(&self, place: &MetricPlace, log_group: &str) -> Result<bool, ServiceError> {
        let group = self.directory.group(&ResourceKey::new(place.account, &place.region, log_group))?;
        Ok(group.document().bearer_token_authentication)
    }

    /// Refuses events for a group that does not take them from who proves itself in this way.
    pub(crate) fn admit(&self, proof: Proof, place: &MetricPlace, log_group: &str) -> Result<(), ServiceError> {
        match proof {
            Proof::BearerToken if !self.takes_bearer_tokens(place, log_group)? => Err(access_denied(
                ErrorFamily::RestJson,
                format!("Bearer token authentication is not enabled for the log group {log_group}."),
            )),
            Proof::BearerToken | Proof::AccessKey => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use watchkeep_model::logs::{DescribeLogGroupsRequest, LogGroup};

    use super::*;
    use crate::log_groups::describe_log_groups;
    use crate::tests::Fixture;

    const ARN: &str = "arn:aws:logs:us-east-1:000000000000:log-group:/a";

    async fn switch(fixture: &Fixture, group: &str, enabled: bool) -> Result<Unit, ServiceError> {
        let input = PutBearerTokenAuthenticationRequest {
            log_group_identifier: group.into(),
            bearer_token_authentication_enabled: enabled,
        };
        put_bearer_token_authentication(&fixture.logs, &fixture.caller, input).await
    }

    async fn described(fixture: &Fixture) -> LogGroup {
        let described = describe_log_groups(&fixture.logs, &fixture.caller, DescribeLogGroupsRequest::default()).await;
        described.unwrap().log_groups.unwrap().remove(0)
    }

    #[tokio::test]
    async fn a_group_takes_tokens_while_it_says_so() {
        let fixture = Fixture::new().await;
        fixture.group("/a").await;
        let place = MetricPlace { account: fixture.caller.account, region: fixture.caller.region.clone() };
        let admit = |fixture: &Fixture, proof| fixture.logs.admit(proof, &place, "/a").map_err(|error| error.status);
        assert_eq!(admit(&fixture, Proof::BearerToken), Err(403));
        assert_eq!(admit(&fixture, Proof::AccessKey), Ok(()));
        for name in ["/a", ARN, "arn:aws:logs:us-east-1:000000000000:log-group:/a:*"] {
            switch(&fixture, name, true).await.unwrap();
            assert_eq!(admit(&fixture, Proof::BearerToken), Ok(()));
            assert_eq!(described(&fixture).await.bearer_token_authentication_enabled, Some(true));
            switch(&fixture, name, false).await.unwrap();
            assert_eq!(admit(&fixture, Proof::BearerToken), Err(403));
            assert_eq!(described(&fixture).await.bearer_token_authentication_enabled, None);
        }
        switch(&fixture, "/a", true).await.unwrap();
        let fixture = fixture.reopen(false).await;
        assert_eq!(admit(&fixture, Proof::BearerToken), Ok(()));
        assert!(fixture.logs.sink().takes_bearer_tokens(&place, "/a"));
        assert!(!fixture.logs.sink().takes_bearer_tokens(&place, "/b"));
        for (name, code) in [("/b", "ResourceNotFoundException"), ("arn:aws:s3:::b", "InvalidParameterException")] {
            assert_eq!(switch(&fixture, name, true).await.err().unwrap().code, code);
        }
    }
}
