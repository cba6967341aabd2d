//! Why deliveries failed: the codes of dead letters, and the last failure of each delivery that is tried again. Source: "Using
//! dead-letter queues to process undelivered events".

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use watchkeep_delivery::outbox::Parcel;

use crate::limits::{FAILURE_CHARS_MAX, FAILURES_MAX};

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $text:literal,)*) => {
        /// Why a delivery failed, as dead letters have it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum FailureCode {
            $($(#[$doc])* $code,)*
        }

        impl FailureCode {
            /// The word.
            pub(crate) fn as_str(self) -> &'static str {
                match self { $(FailureCode::$code => $text,)* }
            }

            /// The code of a word.
            pub(crate) fn of(word: &str) -> FailureCode {
                match word { $($text => FailureCode::$code,)* _ => FailureCode::Unknown }
            }
        }
    };
}

codes! {
    /// The target could not be connected to.
    ConnectionFailure = "CONNECTION_FAILURE",
    /// The target answered with an error.
    ErrorFromTarget = "ERROR_FROM_TARGET",
    /// Something failed in the server itself.
    InternalError = "INTERNAL_ERROR",
    /// What was to be sent is no JSON.
    InvalidJson = "INVALID_JSON",
    /// The target refused what it was sent.
    InvalidParameter = "INVALID_PARAMETER",
    /// The target does not let the rule in.
    NoPermissions = "NO_PERMISSIONS",
    /// There is no such target.
    NoResource = "NO_RESOURCE",
    /// The target has as much as it may have.
    ResourceLimitExceeded = "RESOURCE_LIMIT_EXCEEDED",
    /// The request was wrong in the target's eyes.
    SdkClientError = "SDK_CLIENT_ERROR",
    /// The event came from another account, and was to go on to a third one.
    ThirdAccountHop = "THIRD_ACCOUNT_HOP_DETECTED",
    /// The event came from another Region, and was to go on to a third one.
    ThirdRegionHop = "THIRD_REGION_HOP_DETECTED",
    /// The target takes no more for now.
    Throttling = "THROTTLING",
    /// The target did not answer in time.
    Timeout = "TIMEOUT",
    /// Nobody knows.
    Unknown = "UNKNOWN",
}

/// What ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exhausted {
    /// The retries.
    Retries,
    /// The time.
    Age,
}

impl Exhausted {
    /// The word in dead letters.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Exhausted::Retries => "MaximumRetryAttempts",
            Exhausted::Age => "MaximumEventAgeInSeconds",
        }
    }

    /// What a word says.
    pub(crate) fn of(word: &str) -> Option<Exhausted> {
        [Exhausted::Retries, Exhausted::Age].into_iter().find(|one| one.as_str() == word)
    }
}

/// The last failure of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub code: FailureCode,
    /// For a person.
    pub message: String,
    /// How many retries there were before it.
    pub retries: u32,
    /// What ran out, if the delivery is given up for that.
    pub exhausted: Option<Exhausted>,
}

/// The last failures of deliveries.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    of_parcels: Mutex<HashMap<Parcel, Failure>>,
}

impl Failures {
    /// Notes a failure. One that is not the last may be left out when there are many.
    pub(crate) fn note(&self, parcel: Parcel, failure: Failure, is_last: bool) {
        let mut of_parcels = self.lock();
        if is_last || of_parcels.len() < FAILURES_MAX || of_parcels.contains_key(&parcel) {
            let message = failure.message.chars().take(FAILURE_CHARS_MAX).collect();
            of_parcels.insert(parcel, Failure { message, ..failure });
        }
    }

    /// The last failure of a delivery.
    pub(crate) fn of(&self, parcel: Parcel) -> Option<Failure> {
        self.lock().get(&parcel).cloned()
    }

    /// A delivery is settled.
    pub(crate) fn forget(&self, parcel: Parcel) {
        self.lock().remove(&parcel);
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Parcel, Failure>> {
        self.of_parcels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for code in [FailureCode::NoResource, FailureCode::ThirdAccountHop, FailureCode::Throttling] {
            assert_eq!(FailureCode::of(code.as_str()), code);
        }
        assert_eq!(FailureCode::of("x"), FailureCode::Unknown);
        for exhausted in [Exhausted::Retries, Exhausted::Age] {
            assert_eq!(Exhausted::of(exhausted.as_str()), Some(exhausted));
        }
    }

    #[test]
    fn failures_are_bounded_but_for_the_last_ones() {
        let failures = Failures::default();
        let parcel = |content: u64| Parcel { content, time_ms: 0, lane: 1, group: 0 };
        let failure = || Failure {
            code: FailureCode::Throttling,
            message: "é".repeat(FAILURE_CHARS_MAX + 1),
            retries: 0,
            exhausted: None,
        };
        for content in 0..=FAILURES_MAX as u64 {
            failures.note(parcel(content), failure(), false);
        }
        assert_eq!(failures.of(parcel(FAILURES_MAX as u64)), None);
        failures.note(parcel(FAILURES_MAX as u64), failure(), true);
        let noted = failures.of(parcel(FAILURES_MAX as u64)).unwrap();
        assert_eq!(noted.message.chars().count(), FAILURE_CHARS_MAX);
        failures.forget(parcel(0));
        assert_eq!(failures.of(parcel(0)), None);
    }
}
