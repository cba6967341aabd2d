//! What the batch operations have in common.

use watchkeep_model::ServiceError;
use watchkeep_model::sqs::{BatchResultErrorEntry, errors};

use super::limits::{BATCH_MAX, ENTRY_ID_CHARS_MAX};

/// Whether entries with these ids make a batch.
///
/// # Errors
/// The documented one for each rule.
pub(crate) fn check<'a>(ids: impl Iterator<Item = &'a str>) -> Result<(), ServiceError> {
    let mut ids: Vec<&str> = ids.collect();
    if ids.is_empty() {
        return Err(errors::empty_batch_request("There should be at least one entry in the request."));
    }
    if ids.len() > BATCH_MAX {
        let text = format!("Maximum number of entries per request are {BATCH_MAX}. You have sent {}.", ids.len());
        return Err(errors::too_many_entries_in_batch_request(text));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_id = |id: &&str| (1..=ENTRY_ID_CHARS_MAX).contains(&id.len()) && id.bytes().all(plain);
    if !ids.iter().all(is_id) {
        let text = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.";
        return Err(errors::invalid_batch_entry_id(text));
    }
    ids.sort_unstable();
    if let Some(id) = ids.windows(2).find_map(|pair| (pair.first() == pair.last()).then(|| pair.first())).flatten() {
        return Err(errors::batch_entry_ids_not_distinct(format!("Id {id} repeated.")));
    }
    Ok(())
}

/// What is told of an entry that failed.
pub(crate) fn failed(id: String, error: &ServiceError) -> BatchResultErrorEntry {
    BatchResultErrorEntry {
        id,
        sender_fault: error.sender,
        code: error.query_code.to_string(),
        message: Some(error.message.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_keep_their_rules() {
        let code = |ids: &[&str]| check(ids.iter().copied()).map_err(|error| error.code.to_string());
        assert_eq!(code(&["a", "b-_1"]), Ok(()));
        assert_eq!(code(&[]), Err("EmptyBatchRequest".to_owned()));
        assert_eq!(code(&["a"; 11]), Err("TooManyEntriesInBatchRequest".to_owned()));
        assert_eq!(code(&["a", "b", "a"]), Err("BatchEntryIdsNotDistinct".to_owned()));
        for id in ["", "a b", &"x".repeat(81)] {
            assert_eq!(code(&[id]), Err("InvalidBatchEntryId".to_owned()), "{id}");
        }
    }
}
