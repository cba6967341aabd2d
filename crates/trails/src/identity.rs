//! Who called: CloudTrail's `userIdentity`, from the user guide's page "CloudTrail userIdentity element".

use serde_json::{Value, json};
use watchkeep_core::{Caller, Principal};

/// The record's `userIdentity`.
pub fn user_identity(caller: &Caller) -> Value {
    let account = caller.account.as_str();
    let mut identity = match &caller.principal {
        Principal::Root => json!({"type": "Root", "principalId": account}),
        Principal::User { id, .. } => json!({"type": "IAMUser", "principalId": id}),
        Principal::AssumedRole { role_id, session, .. } => {
            json!({"type": "AssumedRole", "principalId": format!("{role_id}:{session}")})
        }
        Principal::Service(name) => return json!({"type": "AWSService", "invokedBy": name}),
        // As S3 records calls that nobody signed, with the key that a refused call claimed.
        Principal::Anonymous => {
            let mut nobody = json!({"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"});
            if let (Some(key), Value::Object(members)) = (&caller.access_key_id, &mut nobody) {
                members.insert("accessKeyId".into(), key.as_ref().into());
            }
            return nobody;
        }
    };
    let Value::Object(members) = &mut identity else { return identity };
    if let Some(arn) = caller.principal_arn() {
        members.insert("arn".into(), arn.into());
    }
    members.insert("accountId".into(), account.into());
    if let Some(key) = &caller.access_key_id {
        members.insert("accessKeyId".into(), key.as_ref().into());
    }
    match &caller.principal {
        Principal::User { name, .. } => {
            members.insert("userName".into(), name.as_str().into());
        }
        Principal::AssumedRole { role_id, role, .. } => {
            let issuer = json!({
                "type": "Role",
                "principalId": role_id,
                "arn": format!("arn:aws:iam::{account}:role/{role}"),
                "accountId": account,
                "userName": role,
            });
            let context = json!({"sessionIssuer": issuer, "attributes": {"mfaAuthenticated": "false"}});
            members.insert("sessionContext".into(), context);
        }
        _ => {}
    }
    identity
}

/// The name by which LookupEvents shows the caller.
pub fn username(caller: &Caller) -> Option<&str> {
    match &caller.principal {
        Principal::Root => Some("root"),
        Principal::User { name, .. } => Some(name),
        Principal::AssumedRole { session, .. } => Some(session),
        Principal::Service(_) | Principal::Anonymous => None,
    }
}
