//! Where messages go: into the log group that a syslog configuration names for the receiver, or else into that of the settings. It is
//! asked anew each time, so that a configuration holds from the moment that it is put.

use std::sync::Arc;

use watchkeep_core::ports::{IfAbsent, SyslogEndpoint, SyslogRoute, SyslogRoutes};

/// Where messages go at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    /// The log group.
    pub log_group: String,
    /// What is done when it, or the stream, is not there: who names a log group in a configuration has created it.
    pub if_absent: IfAbsent,
}

/// Who knows where messages go.
#[derive(Clone)]
pub(crate) struct Destinations {
    pub endpoint: SyslogEndpoint,
    /// The log group of the settings.
    pub log_group: String,
    pub routes: Arc<dyn SyslogRoutes>,
}

impl Destinations {
    /// Where messages go now.
    pub(crate) fn now(&self) -> Destination {
        match self.routes.route(&self.endpoint) {
            SyslogRoute::Unset => Destination { log_group: self.log_group.clone(), if_absent: IfAbsent::Create },
            SyslogRoute::To(log_group) | SyslogRoute::Missing(log_group) => {
                Destination { log_group, if_absent: IfAbsent::CreateStream }
            }
        }
    }

    /// The log group that messages were to go to and that is not there any more.
    pub(crate) fn missing(&self) -> Option<String> {
        match self.routes.route(&self.endpoint) {
            SyslogRoute::Missing(log_group) => Some(log_group),
            SyslogRoute::Unset | SyslogRoute::To(_) => None,
        }
    }
}
