//! The history of alarms: what is written into it, and DescribeAlarmHistory. Source: "DescribeAlarmHistory".

mod describe;
mod items;

pub(crate) use describe::describe_alarm_history;
pub(crate) use items::{Change, Item, ItemType, action_item, configuration_item, state_item};
