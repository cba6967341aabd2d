//! SendMessage, ReceiveMessage and DeleteMessage, durably and in batches of ten, and how long a backlog takes to come back.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use watchkeep_model::sqs::{
    CreateQueueRequest, DeleteMessageBatchRequest, DeleteMessageBatchRequestEntry, ReceiveMessageRequest, SERVICE,
    SendMessageBatchRequest, SendMessageBatchRequestEntry, operations,
};

use crate::client::Client;
use crate::report::{Budget, Report};
use crate::server::Server;

const CONNECTIONS: usize = 8;
const A_CALL: usize = 10;
const BODY: &str = "a small message, as an order or an alarm is: {\"id\": 123456, \"state\": \"shipped\"}";

/// Measures all of it, with so many messages, and with so many in a backlog that a restart finds.
pub async fn run(
    client: &Client,
    server: &mut Server,
    messages: usize,
    backlog: usize,
    report: &mut Report,
) -> Result<()> {
    let url = queue(client, "load").await?;
    let cpu = server.cpu()?;
    send(client, &url, messages).await?;
    told(report, "SendMessageBatch of 10, durable", server.cpu()? - cpu, messages);
    let cpu = server.cpu()?;
    let handles = receive(client, &url, messages).await?;
    told(report, "ReceiveMessage of 10", server.cpu()? - cpu, messages);
    let cpu = server.cpu()?;
    delete(client, &url, &handles).await?;
    told(report, "DeleteMessageBatch of 10, durable", server.cpu()? - cpu, messages);
    let url = queue(client, "backlog").await?;
    send(client, &url, backlog).await?;
    let before = server.memory_mb()?;
    let started = server.restart().await?;
    let what = format!("start with {backlog} messages in a queue: s");
    report.row(what, Budget::None, format!("{:.2}", started.as_secs_f64()), "");
    report.row(format!("memory with {backlog} messages, MB"), Budget::None, format!("{before:.0}"), "");
    let client = Client::new(server.endpoint.clone(), client.clock.clone());
    let input = ReceiveMessageRequest { queue_url: url, ..ReceiveMessageRequest::default() };
    let received = client.call::<operations::ReceiveMessage>(&SERVICE, input).await?;
    ensure!(received.messages.is_some_and(|messages| messages.len() == 1), "the backlog is gone");
    Ok(())
}

fn told(report: &mut Report, what: &str, cpu: Duration, messages: usize) {
    let micros = cpu.as_secs_f64() * 1e6 / messages.max(1) as f64;
    report.row(format!("{what}: us a message"), Budget::None, format!("{micros:.1}"), "");
}

async fn queue(client: &Client, name: &str) -> Result<String> {
    let input = CreateQueueRequest { queue_name: name.to_owned(), ..CreateQueueRequest::default() };
    client.call::<operations::CreateQueue>(&SERVICE, input).await?.queue_url.context("no queue")
}

async fn send(client: &Client, url: &str, messages: usize) -> Result<()> {
    let protocol = *SERVICE.protocols.first().context("SQS speaks no protocol")?;
    let entry = |number: usize| SendMessageBatchRequestEntry {
        id: format!("m{number}"),
        message_body: BODY.to_owned(),
        ..SendMessageBatchRequestEntry::default()
    };
    let input = SendMessageBatchRequest { queue_url: url.to_owned(), entries: (0..A_CALL).map(entry).collect() };
    let request = client.prepare::<operations::SendMessageBatch>(&SERVICE, protocol, &input)?;
    client.send_all(vec![request; messages / A_CALL], CONNECTIONS).await
}

async fn receive(client: &Client, url: &str, messages: usize) -> Result<Vec<String>> {
    let mut handles = Vec::with_capacity(messages);
    let begun = client.clock.monotonic();
    while handles.len() + A_CALL <= messages {
        let input = ReceiveMessageRequest {
            queue_url: url.to_owned(),
            max_number_of_messages: Some(A_CALL as i32),
            visibility_timeout: Some(3600),
            ..ReceiveMessageRequest::default()
        };
        let received = client.call::<operations::ReceiveMessage>(&SERVICE, input).await?;
        let received = received.messages.unwrap_or_default();
        handles.extend(received.into_iter().filter_map(|message| message.receipt_handle));
        ensure!(client.clock.monotonic() - begun < Duration::from_secs(600), "messages do not arrive");
    }
    Ok(handles)
}

async fn delete(client: &Client, url: &str, handles: &[String]) -> Result<()> {
    let protocol = *SERVICE.protocols.first().context("SQS speaks no protocol")?;
    let requests = handles.chunks(A_CALL).map(|handles| {
        let entry = |(number, handle): (usize, &String)| DeleteMessageBatchRequestEntry {
            id: format!("m{number}"),
            receipt_handle: handle.clone(),
        };
        let entries = handles.iter().enumerate().map(entry).collect();
        let input = DeleteMessageBatchRequest { queue_url: url.to_owned(), entries };
        client.prepare::<operations::DeleteMessageBatch>(&SERVICE, protocol, &input)
    });
    client.send_all(requests.collect::<Result<Vec<_>>>()?, CONNECTIONS).await
}
