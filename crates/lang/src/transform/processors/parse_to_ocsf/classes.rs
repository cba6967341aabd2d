//! The classes of events that AWS's logs become, with what their activities are called.

/// A class of events.
pub(super) struct Class {
    pub uid: u32,
    pub name: &'static str,
    pub category_uid: u32,
    pub category_name: &'static str,
    /// Its activities, besides `Unknown` (0) and `Other` (99).
    pub activities: &'static [(u32, &'static str)],
}

/// An activity that the log does not tell.
pub(super) const UNKNOWN: u32 = 0;

/// An activity that the class has no number for.
pub(super) const OTHER: u32 = 99;

const IDENTITY: &str = "Identity & Access Management";
const NETWORK: &str = "Network Activity";

pub(super) const ACCOUNT_CHANGE: Class = Class {
    uid: 3001,
    name: "Account Change",
    category_uid: 3,
    category_name: IDENTITY,
    activities: &[
        (1, "Create"),
        (2, "Enable"),
        (3, "Password Change"),
        (4, "Password Reset"),
        (5, "Disable"),
        (6, "Delete"),
        (7, "Attach Policy"),
        (8, "Detach Policy"),
        (9, "Lock"),
        (10, "MFA Factor Enable"),
        (11, "MFA Factor Disable"),
    ],
};

pub(super) const AUTHENTICATION: Class = Class {
    uid: 3002,
    name: "Authentication",
    category_uid: 3,
    category_name: IDENTITY,
    activities: &[(1, "Logon"), (2, "Logoff")],
};

pub(super) const NETWORK_ACTIVITY: Class = Class {
    uid: 4001,
    name: "Network Activity",
    category_uid: 4,
    category_name: NETWORK,
    activities: &[(5, "Refuse"), (6, "Traffic")],
};

pub(super) const HTTP_ACTIVITY: Class = Class {
    uid: 4002,
    name: "HTTP Activity",
    category_uid: 4,
    category_name: NETWORK,
    activities: &[
        (1, "Connect"),
        (2, "Delete"),
        (3, "Get"),
        (4, "Head"),
        (5, "Options"),
        (6, "Post"),
        (7, "Put"),
        (8, "Trace"),
    ],
};

pub(super) const DNS_ACTIVITY: Class =
    Class { uid: 4003, name: "DNS Activity", category_uid: 4, category_name: NETWORK, activities: &[(6, "Traffic")] };

pub(super) const API_ACTIVITY: Class = Class {
    uid: 6003,
    name: "API Activity",
    category_uid: 6,
    category_name: "Application Activity",
    activities: &[(1, "Create"), (2, "Read"), (3, "Update"), (4, "Delete")],
};

impl Class {
    /// What an activity is called.
    pub(super) fn activity(&self, id: u32) -> &'static str {
        match id {
            UNKNOWN => "Unknown",
            _ => self.activities.iter().find(|(own, _)| *own == id).map_or("Other", |(_, name)| name),
        }
    }
}
