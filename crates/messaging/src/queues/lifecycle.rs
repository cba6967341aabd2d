//! CreateQueue, DeleteQueue, GetQueueUrl, ListQueues.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use watchkeep_core::Caller;
use watchkeep_model::sqs::{
    CreateQueueRequest, CreateQueueResult, DeleteQueueRequest, GetQueueUrlRequest, GetQueueUrlResult,
    ListQueuesRequest, ListQueuesResult, errors,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::ResourceKey;

use super::Queues;
use super::errors::{finish, invalid_token, invalid_value, no_queue, store};
use super::limits::{PAGE_MAX, QUEUES_MAX};
use super::names::{self, FIFO_SUFFIX, check_name};
use super::queue::Queue;
use super::resources::QueueDocument;
use super::settings::{self, Existence, Settings};
use super::tags::check_tags;

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html>
pub(crate) async fn create_queue(
    queues: &Arc<Queues>,
    caller: &Caller,
    input: CreateQueueRequest,
) -> Result<CreateQueueResult, ServiceError> {
    check_name(&input.queue_name)?;
    let wanted: Vec<(String, String)> = input.attributes.unwrap_or_default().into_iter().collect();
    let attributes = settings::changed(&BTreeMap::new(), &wanted, Existence::New)?;
    let settings = Settings::read(&attributes)?;
    if input.queue_name.ends_with(FIFO_SUFFIX) != settings.is_fifo {
        let text = if settings.is_fifo {
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length."
        } else {
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        };
        return Err(super::errors::invalid(text));
    }
    let tags = input.tags.unwrap_or_default();
    check_tags(&tags)?;
    let key = names::key(caller, &input.queue_name);
    queues.check_redrive(&key, &settings)?;
    let made = QueueDocument {
        id: 0,
        created: 0,
        modified: 0,
        attributes,
        tags,
        purged_below: 0,
        expired: None,
        purged: None,
    };
    let (queues, of_queue) = (queues.clone(), key.clone());
    finish(async move { queues.create(of_queue, made).await }).await?;
    Ok(CreateQueueResult { queue_url: Some(names::url(caller, &key)) })
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html>
pub(crate) async fn delete_queue(
    queues: &Arc<Queues>,
    caller: &Caller,
    input: DeleteQueueRequest,
) -> Result<Unit, ServiceError> {
    let queue = queues.find(caller, &input.queue_url, "DeleteQueue")?;
    let queues = queues.clone();
    finish(async move {
        let _changing = queue.changing.lock().await;
        if queue.is_deleted() {
            return Err(no_queue());
        }
        queues.documents.delete(&queue.key).await.map_err(store)?;
        queue.delete();
        queues.directory.remove(&queue);
        queue.backlog().purge(u64::MAX);
        Ok(Unit {})
    })
    .await
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueUrl.html>
pub(crate) async fn get_queue_url(
    queues: &Arc<Queues>,
    caller: &Caller,
    input: GetQueueUrlRequest,
) -> Result<GetQueueUrlResult, ServiceError> {
    let owner = match input.queue_owner_aws_account_id {
        Some(account) => account.parse().map_err(|_| no_queue())?,
        None => caller.account,
    };
    let key = ResourceKey::new(owner, &caller.region, input.queue_name);
    let queue = queues.directory.get(&key).ok_or_else(no_queue)?;
    queues.admit(caller, &queue, "GetQueueUrl")?;
    Ok(GetQueueUrlResult { queue_url: Some(names::url(caller, &queue.key)) })
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html>
pub(crate) async fn list_queues(
    queues: &Arc<Queues>,
    caller: &Caller,
    input: ListQueuesRequest,
) -> Result<ListQueuesResult, ServiceError> {
    let page = Page::new(input.max_results, input.next_token.as_deref())?;
    let prefix = input.queue_name_prefix.unwrap_or_default();
    let found = queues.directory.list(
        caller.account,
        &caller.region,
        &prefix,
        page.after.as_deref(),
        page.max.saturating_add(1),
    );
    let (urls, next_token) = page.cut(caller, found);
    Ok(ListQueuesResult { queue_urls: Some(urls).filter(|urls| !urls.is_empty()), next_token })
}

/// A page of queues by name.
pub(crate) struct Page {
    /// The last queue of the page before.
    pub after: Option<String>,
    /// How many.
    pub max: usize,
    /// Whether the client goes on from page to page: only then there is a token.
    is_paged: bool,
}

impl Page {
    /// The page that a call asks for.
    ///
    /// # Errors
    /// If it is none.
    pub fn new(max_results: Option<i32>, token: Option<&str>) -> Result<Page, ServiceError> {
        let max = max_results.unwrap_or(PAGE_MAX as i32);
        if !(1..=PAGE_MAX as i32).contains(&max) {
            return Err(invalid_value(max, "MaxResults", "MaxResults must be an integer between 1 and 1000."));
        }
        let read = |token: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok();
        let after = match token.filter(|token| !token.is_empty()) {
            Some(token) => Some(read(token).ok_or_else(invalid_token)?),
            None => None,
        };
        Ok(Page { after, max: max as usize, is_paged: max_results.is_some() })
    }

    /// The URLs of the page, and the token of the next one. `found` may have one more.
    pub fn cut(&self, caller: &Caller, mut found: Vec<Arc<Queue>>) -> (Vec<String>, Option<String>) {
        let more = found.len() > self.max && self.is_paged;
        found.truncate(self.max);
        let token = found.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(&last.key.name));
        (found.iter().map(|queue| names::url(caller, &queue.key)).collect(), token)
    }
}

impl Queues {
    /// Creates a queue unless there is one; one with other attributes is refused.
    async fn create(self: &Arc<Self>, key: ResourceKey, mut made: QueueDocument) -> Result<(), ServiceError> {
        let _creating = self.creating.lock().await;
        if let Some(queue) = self.directory.get(&key) {
            let agreed = settings::agree(&queue.document().attributes, &made.attributes);
            return agreed.map_err(|name| {
                errors::queue_name_exists(format!(
                    "A queue already exists with the same name and a different value for attribute {name}"
                ))
            });
        }
        let region = key.region.clone().unwrap_or_default();
        if self.directory.list(key.account, &region, "", None, QUEUES_MAX).len() >= QUEUES_MAX {
            return Err(errors::request_throttled(format!("There are {QUEUES_MAX} queues already.")));
        }
        let now = self.clock.now().0;
        made.id = self.store.catalog().next_id("queue").await.map_err(store)?;
        (made.created, made.modified) = (now, now);
        let document = self.documents.create(key, made).await.map_err(store)?;
        self.directory.add(Arc::new(Queue::new(document, self.total.clone(), &self.meter)?));
        Ok(())
    }

    /// Changes what the catalog has of a queue.
    ///
    /// # Errors
    /// Those of `change`, of the store, and `QueueDoesNotExist`.
    pub(crate) async fn change_document(
        self: &Arc<Self>,
        queue: &Arc<Queue>,
        change: impl FnOnce(&mut QueueDocument) -> Result<(), ServiceError> + Send + 'static,
    ) -> Result<(), ServiceError> {
        let (queues, queue) = (self.clone(), queue.clone());
        finish(async move {
            let _changing = queue.changing.lock().await;
            if queue.is_deleted() {
                return Err(no_queue());
            }
            let current = queue.document();
            let mut next = current.value.clone();
            change(&mut next)?;
            if next == current.value {
                return Ok(());
            }
            let document = queues.documents.update(&current, next).await.map_err(store)?;
            queue.set_document(document)
        })
        .await
    }
}
