//! LookupEvents: how soon a call is found, and how quickly among many.

use anyhow::{Result, ensure};
use watchkeep_model::Protocol;
use watchkeep_model::cloudtrail::{self, LookupAttribute, LookupEventsRequest};
use watchkeep_model::logs::{self, PutRetentionPolicyRequest};

use crate::client::Client;
use crate::report::Report;

const CALLS: usize = 20_000;
const CONNECTIONS: usize = 16;
const LOOKUPS: usize = 40;

/// Measures all of it.
pub async fn run(client: &Client, report: &mut Report) -> Result<()> {
    let retention =
        |days| PutRetentionPolicyRequest { log_group_name: "/load/app".to_owned(), retention_in_days: days };
    let request =
        client.prepare::<logs::operations::PutRetentionPolicy>(&logs::SERVICE, Protocol::AwsJson11, &retention(30))?;
    client.send_all(vec![request; CALLS], CONNECTIONS).await?;

    let create = logs::CreateLogGroupRequest { log_group_name: "/load/seen".to_owned(), ..Default::default() };
    client.call::<logs::operations::CreateLogGroup>(&logs::SERVICE, create).await?;
    let begun = client.clock.monotonic();
    while lookup(client, "CreateLogGroup").await? < 2 {
        ensure!(
            client.clock.monotonic() - begun < std::time::Duration::from_secs(5),
            "a call is not found in its audit trail"
        );
    }
    let seen = client.clock.monotonic() - begun;
    report.row("a call is found by LookupEvents after: ms", "1000", format!("{:.0}", seen.as_secs_f64() * 1e3), "");
    let median = client.median(LOOKUPS, || async { lookup(client, "CreateLogStream").await.map(drop) }).await?;
    report.row(
        format!("LookupEvents by name among {CALLS} records, p50: ms"),
        "3",
        format!("{:.1}", median.as_secs_f64() * 1e3),
        "",
    );
    Ok(())
}

async fn lookup(client: &Client, name: &str) -> Result<usize> {
    let attribute = LookupAttribute { attribute_key: "EventName".to_owned(), attribute_value: name.to_owned() };
    let input = LookupEventsRequest { lookup_attributes: Some(vec![attribute]), ..Default::default() };
    let output = client.call::<cloudtrail::operations::LookupEvents>(&cloudtrail::SERVICE, input).await?;
    Ok(output.events.map_or(0, |events| events.len()))
}
