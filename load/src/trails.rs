//! LookupEvents: how soon a call is found, and how quickly among many.

use anyhow::{Result, ensure};
use watchkeep_model::Protocol;
use watchkeep_model::cloudtrail::{self, LookupAttribute, LookupEventsRequest};
use watchkeep_model::logs;

use crate::client::Client;
use crate::report::{Budget, Report};
use crate::server::Server;

const RECORDS: usize = 1_000_000;
/// Calls that are prepared at once.
const PORTION: usize = 50_000;
const CONNECTIONS: usize = 16;
const LOOKUPS: usize = 40;

/// Measures all of it.
pub async fn run(client: &Client, server: &Server, report: &mut Report) -> Result<()> {
    let read = logs::DescribeLogGroupsRequest { limit: Some(1), ..Default::default() };
    let read = client.prepare::<logs::operations::DescribeLogGroups>(&logs::SERVICE, Protocol::AwsJson11, &read)?;
    for _ in 0..RECORDS / PORTION {
        client.send_all(vec![read.clone(); PORTION], CONNECTIONS).await?;
    }
    server.rest().await?;

    let tag = logs::TagLogGroupRequest { log_group_name: "/load/none".to_owned(), ..Default::default() };
    let tagged = client.call::<logs::operations::TagLogGroup>(&logs::SERVICE, tag).await;
    ensure!(tagged.is_err(), "a log group that is not there was tagged");
    let begun = client.clock.monotonic();
    while lookup(client, "TagLogGroup").await? < 1 {
        ensure!(
            client.clock.monotonic() - begun < std::time::Duration::from_secs(5),
            "a call is not found in its audit trail"
        );
    }
    let seen = client.clock.monotonic() - begun;
    let seen = format!("{:.0}", seen.as_secs_f64() * 1e3);
    report.row("a call is found by LookupEvents after: ms", Budget::AtMost(1000.0), seen, "");
    for (name, kind) in [("TagLogGroup", "a rare one"), ("DescribeLogGroups", "the most common")] {
        let median = client.median(LOOKUPS, || async { lookup(client, name).await.map(drop) }).await?;
        report.row(
            format!("LookupEvents by name, {kind} among {RECORDS} records, p50: ms"),
            Budget::AtMost(3.0),
            format!("{:.1}", median.as_secs_f64() * 1e3),
            "",
        );
    }
    Ok(())
}

async fn lookup(client: &Client, name: &str) -> Result<usize> {
    let attribute = LookupAttribute { attribute_key: "EventName".to_owned(), attribute_value: name.to_owned() };
    let input = LookupEventsRequest { lookup_attributes: Some(vec![attribute]), ..Default::default() };
    let output = client.call::<cloudtrail::operations::LookupEvents>(&cloudtrail::SERVICE, input).await?;
    Ok(output.events.map_or(0, |events| events.len()))
}
