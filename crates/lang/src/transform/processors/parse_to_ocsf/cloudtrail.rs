//! CloudTrail's records: Authentication for sign-ins and assumed roles, Account Change for what happens to users and roles, API
//! Activity for all others.

use serde_json::{Map, Value, json};

use super::Version;
use super::classes::{ACCOUNT_CHANGE, API_ACTIVITY, AUTHENTICATION, OTHER};
use super::mapping::{Mapping, Observable, Product, is_address};
use crate::transform::event::Failure;

const PRODUCT: Product = Product { name: "CloudTrail", feature: None, profiles: &["cloud", "datetime"] };

/// The category of records that do not say theirs, as those of old versions.
const ANY_CATEGORY: &str = "Management, Data, and Insights";

/// Sign-ins, and whether they are a logon.
const SIGN_INS: &[(&str, u32)] = &[
    ("ConsoleLogin", LOGON),
    ("ExternalIdPDirectoryLogin", LOGON),
    ("UserAuthentication", LOGON),
    ("AssumeRole", LOGON),
    ("AssumeRoleWithSAML", LOGON),
    ("AssumeRoleWithWebIdentity", LOGON),
    ("CheckMfa", OTHER),
    ("CredentialChallenge", OTHER),
    ("CredentialVerification", OTHER),
];

const LOGON: u32 = 1;

/// Who makes records of changes of accounts.
const ACCOUNT_SERVICES: [&str; 3] = ["iam.amazonaws.com", "signin.amazonaws.com", "account.amazonaws.com"];

/// Changes of users and roles, by the activity that OCSF has for them.
const ACCOUNT_CHANGES: &[(u32, &[&str])] = &[
    (1, &["CreateAccessKey", "CreateLoginProfile", "CreateRole", "CreateServiceLinkedRole", "CreateUser"]),
    (3, &["ChangePassword", "PasswordUpdated"]),
    (4, &["UpdateLoginProfile"]),
    (6, &["DeleteAccessKey", "DeleteLoginProfile", "DeleteRole", "DeleteServiceLinkedRole", "DeleteUser"]),
    (
        7,
        &[
            "AddUserToGroup",
            "AttachRolePolicy",
            "AttachUserPolicy",
            "PutRolePermissionsBoundary",
            "PutRolePolicy",
            "PutUserPermissionsBoundary",
            "PutUserPolicy",
        ],
    ),
    (
        8,
        &[
            "DeleteRolePermissionsBoundary",
            "DeleteRolePolicy",
            "DeleteUserPermissionsBoundary",
            "DeleteUserPolicy",
            "DetachRolePolicy",
            "DetachUserPolicy",
            "RemoveUserFromGroup",
        ],
    ),
    (10, &["EnableMFADevice"]),
    (11, &["DeactivateMFADevice"]),
    (
        OTHER,
        &[
            "AccountNameUpdated",
            "AddRoleToInstanceProfile",
            "EmailUpdated",
            "FinalizeSmsMfaRegistration",
            "RemoveRoleFromInstanceProfile",
            "RequestSmsMfaRegistration",
            "ResyncMFADevice",
            "TagRole",
            "TagUser",
            "UntagRole",
            "UntagUser",
            "UpdateAccessKey",
            "UpdateAssumeRolePolicy",
            "UpdateRole",
            "UpdateRoleDescription",
            "UpdateUser",
        ],
    ),
];

/// Changes that are of the caller where the request names nobody.
const OWN_CHANGES: [&str; 11] = [
    "AccountNameUpdated",
    "ChangePassword",
    "CreateAccessKey",
    "CreateLoginProfile",
    "DeactivateMFADevice",
    "DeleteAccessKey",
    "DeleteLoginProfile",
    "EmailUpdated",
    "EnableMFADevice",
    "PasswordUpdated",
    "UpdateAccessKey",
];

/// The first words of operations' names, by the activity of API Activity.
const VERBS: &[(u32, &[&str])] = &[
    (1, &["Create", "Generate", "Run"]),
    (2, &["Describe", "Get", "Head", "List", "Lookup", "Query", "Scan", "Search"]),
    (
        3,
        &[
            "Add",
            "Associate",
            "Attach",
            "Deregister",
            "Detach",
            "Disable",
            "Disassociate",
            "Enable",
            "Modify",
            "Put",
            "Register",
            "Remove",
            "Set",
            "Start",
            "Stop",
            "Tag",
            "Untag",
            "Update",
        ],
    ),
    (4, &["Delete", "Terminate"]),
];

/// Words that stand before the verb.
const PREFIXES: [&str; 2] = ["Admin", "Batch"];

const OBSERVABLES: &[(&str, Observable)] = &[
    ("actor.user.name", Observable::UserName),
    ("user.name", Observable::UserName),
    ("src_endpoint.ip", Observable::IpAddress),
    ("src_endpoint.domain", Observable::Hostname),
    ("resources[].uid", Observable::ResourceUid),
];

/// Maps a record.
pub(super) fn map(mut mapping: Mapping) -> Result<Map<String, Value>, Failure> {
    let name = mapping.required("eventName")?;
    let service = mapping.required("eventSource")?;
    let time = mapping.required_time("eventTime")?;
    mapping.made_by(&PRODUCT);
    mapping.put_time(time);
    let is_account_service = ACCOUNT_SERVICES.contains(&service.as_str());
    let change = activity_of(ACCOUNT_CHANGES, &name).filter(|_| is_account_service);
    let changed = change.and_then(|activity| Some((activity, changed_user(&mapping, &name)?)));
    if let Some((_, activity)) = SIGN_INS.iter().find(|(own, _)| *own == name) {
        mapping.begin(&AUTHENTICATION, *activity, &name);
        put_authentication(&mut mapping, &name);
    } else if let Some((activity, user)) = changed {
        mapping.begin(&ACCOUNT_CHANGE, activity, &name);
        mapping.put("user", user);
        let policy = mapping.peek_text("requestParameters.policyArn").map(str::to_owned);
        mapping.put_some("policy.uid", policy);
        put_status(&mut mapping, None);
    } else {
        mapping.begin(&API_ACTIVITY, activity_of(VERBS, verb(&name)).unwrap_or(OTHER), &name);
        put_resources(&mut mapping);
        put_status(&mut mapping, None);
    }
    mapping.put("api.operation", name);
    mapping.put("api.service.name", service);
    put_actor(&mut mapping);
    put_call(&mut mapping);
    mapping.finish(OBSERVABLES)
}

fn activity_of(table: &[(u32, &[&str])], name: &str) -> Option<u32> {
    table.iter().find(|(_, names)| names.contains(&name)).map(|(activity, _)| *activity)
}

/// The word of an operation's name that says what it does.
fn verb(name: &str) -> &str {
    let end = name.char_indices().skip(1).find(|(_, letter)| letter.is_ascii_uppercase()).map(|(at, _)| at);
    let (first, rest) = name.split_at(end.unwrap_or(name.len()));
    match PREFIXES.contains(&first) && !rest.is_empty() {
        true => verb(rest),
        false => first,
    }
}

/// Who called, and for whom.
fn put_actor(mapping: &mut Mapping) {
    mapping.carry(&[
        ("userIdentity.accountId", "actor.user.account.uid"),
        ("userIdentity.credentialId", "actor.user.credential_uid"),
        ("userIdentity.accessKeyId", "actor.user.credential_uid"),
        ("additionalEventData.UserName", "actor.user.name"),
        ("userIdentity.userName", "actor.user.name"),
        ("userIdentity.type", "actor.user.type"),
        ("userIdentity.arn", "actor.user.uid"),
        ("userIdentity.onBehalfOf.userId", "actor.user.uid_alt"),
        ("userIdentity.principalId", "actor.user.uid_alt"),
        ("userIdentity.onBehalfOf.identityStoreArn", "actor.idp.uid"),
        ("userIdentity.webIdFederationData.federatedProvider", "actor.idp.name"),
        ("userIdentity.sessionContext.webIdFederationData.federatedProvider", "actor.idp.name"),
        ("userIdentity.identityProvider", "actor.idp.name"),
        ("userIdentity.invokedBy", "actor.invoked_by"),
        ("userIdentity.sessionContext.sessionIssuer.arn", "actor.session.issuer"),
        ("userIdentity.sessionContext.attributes.creationDate", "actor.session.created_time_dt"),
    ]);
    let mfa = mapping.text("userIdentity.sessionContext.attributes.mfaAuthenticated");
    mapping.put_some("actor.session.is_mfa", mfa.map(|mfa| mfa == "true"));
}

/// The call, and where it came from.
fn put_call(mapping: &mut Mapping) {
    let category = mapping.text("eventCategory").unwrap_or_else(|| ANY_CATEGORY.to_owned());
    mapping.put("metadata.product.feature.name", category);
    mapping.carry(&[
        ("eventType", "metadata.event_code"),
        ("eventVersion", "metadata.product.version"),
        ("eventID", "metadata.uid"),
        ("apiVersion", "api.version"),
        ("errorCode", "api.response.error"),
        ("errorMessage", "api.response.message"),
        ("awsRegion", "cloud.region"),
        ("userAgent", "http_request.user_agent"),
        ("vpcEndpointId", "src_endpoint.uid"),
    ]);
    if mapping.version == Version::V1_5 {
        mapping.carry(&[("recipientAccountId", "cloud.account.uid")]);
    }
    let address = mapping.text("sourceIPAddress");
    let kind = if address.as_deref().is_some_and(is_address) { "src_endpoint.ip" } else { "src_endpoint.domain" };
    mapping.put_some(kind, address);
    let id = mapping.text("requestID");
    let request = data(mapping, "requestParameters");
    // A request of OCSF has an identifier, if it is empty.
    if id.is_some() || request.is_some() {
        mapping.put("api.request.uid", id.unwrap_or_default());
        mapping.put_some("api.request.data", request);
    }
    let response = data(mapping, "responseElements");
    mapping.put_some("api.response.data", response);
}

/// What a request or an answer had, as the text of its JSON.
fn data(mapping: &mut Mapping, path: &str) -> Option<String> {
    match mapping.take(path)? {
        Value::String(text) => Some(text).filter(|text| !text.is_empty()),
        value => Some(value.to_string()),
    }
}

/// Whether the call went well: by what it says of itself, or else by its error.
fn put_status(mapping: &mut Mapping, told: Option<&str>) {
    let is_success = match told {
        Some("Success") => true,
        Some("Failure") => false,
        _ => mapping.peek_text("errorCode").is_none(),
    };
    mapping.put_status(is_success);
}

fn put_resources(mapping: &mut Mapping) {
    let mut resources = Vec::new();
    let mut rest = Vec::new();
    for mut resource in mapping.objects("resources") {
        let mut made = Map::new();
        for (from, to) in [("ARN", "uid"), ("type", "type")] {
            if let Some(value) = resource.shift_remove(from) {
                made.insert(to.to_owned(), value);
            }
        }
        if let Some(account) = resource.shift_remove("accountId") {
            made.insert("owner".to_owned(), json!({"account": {"uid": account}}));
        }
        resources.push(Value::Object(made));
        rest.push(Value::Object(resource));
    }
    if !resources.is_empty() {
        mapping.put("resources", resources);
        mapping.leave("resources", Value::Array(rest));
    }
}

/// Who signed in, with what, and whether it went well.
fn put_authentication(mapping: &mut Mapping, name: &str) {
    let of = |path: &str| mapping.peek_text(path).map(str::to_owned);
    let first = |paths: &[&str]| paths.iter().find_map(|path| of(path));
    let user = [
        ("name", first(&["requestParameters.roleSessionName"])),
        ("uid", first(&["requestParameters.roleArn", "userIdentity.arn"])),
        ("uid_alt", first(&["userIdentity.principalId"])),
    ];
    let mut user = object(user);
    if user.is_empty() {
        // People of IAM Identity Center are known by other names.
        user = object([
            ("name", first(&["userIdentity.userName", "additionalEventData.UserName"])),
            ("uid_alt", first(&["userIdentity.onBehalfOf.userId"])),
        ]);
    }
    let told = first(&["responseElements.ConsoleLogin", &format!("serviceEventDetails.{name}")]);
    let session = [
        ("credential_uid", first(&["responseElements.credentials.accessKeyId"])),
        ("uid", first(&["responseElements.assumedRoleUser.arn"])),
        ("uid_alt", first(&["responseElements.assumedRoleUser.assumedRoleId"])),
    ];
    let session = object(session);
    mapping.put("user", user);
    if !session.is_empty() && mapping.version == Version::V1_5 {
        mapping.put("session", session);
    }
    put_status(mapping, told.as_deref());
    mapping.carry(&[("additionalEventData.LoginTo", "dst_endpoint.svc_name")]);
    let mfa = mapping.text("additionalEventData.MFAUsed");
    mapping.put_some("is_mfa", mfa.map(|used| used == "Yes"));
}

/// The user or role that a change is of. Without one, it is no Account Change.
fn changed_user(mapping: &Mapping, name: &str) -> Option<Map<String, Value>> {
    let of = |path: &str| mapping.peek_text(path).map(str::to_owned);
    let first = |paths: &[&str]| paths.iter().find_map(|path| of(path));
    let names = [
        "requestParameters.userName",
        "responseElements.user.userName",
        "requestParameters.roleName",
        "responseElements.role.roleName",
    ];
    let user = object([
        ("name", first(&names)),
        ("uid", first(&["responseElements.user.arn", "responseElements.role.arn"])),
        ("uid_alt", first(&["responseElements.user.userId", "responseElements.role.roleId"])),
    ]);
    let user = match user.is_empty() && OWN_CHANGES.contains(&name) {
        true => object([
            ("name", of("userIdentity.userName")),
            ("uid", of("userIdentity.arn")),
            ("uid_alt", of("userIdentity.principalId")),
        ]),
        false => user,
    };
    (!user.is_empty()).then_some(user)
}

fn object<const N: usize>(members: [(&str, Option<String>); N]) -> Map<String, Value> {
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))).collect()
}
