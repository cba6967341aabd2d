//! Log alarms: a scheduled query of log events runs for each, an aggregation makes numbers of its rows, and the numbers of its last
//! runs are compared with a threshold. The queries are kept and run behind the port `AlarmLogQueries`. Source: "Log alarms".

mod definition;
mod evaluate;
mod lines;
mod put;
mod reason;

pub(crate) use definition::LogDefinition;
pub(crate) use evaluate::own_actions;
pub(crate) use put::put_log_alarm;
