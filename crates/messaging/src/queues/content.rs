//! What a message carries, in memory and in its row; and the room that bodies in memory may take.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use watchkeep_core::Random;
use watchkeep_core::ports::{MessageAttribute, StringOrBinary};
use watchkeep_store::{Batch, EncryptionKey, Rows};

use super::encryption::Keys;
use super::tables;

/// What a message carries. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    /// The message's id.
    pub id: Uuid,
    /// Who sent it: `SenderId`.
    pub sender: String,
    /// The body.
    pub body: String,
    /// The attributes by their names.
    pub attributes: BTreeMap<String, MessageAttribute>,
    /// The message group.
    pub group: Option<Arc<str>>,
    /// The deduplication id.
    pub deduplication: Option<String>,
    /// The ARN of the queue that it was moved from, into a dead-letter queue.
    pub source: Option<String>,
    /// X-Ray's trace header.
    pub trace: Option<String>,
}

impl Content {
    /// The bytes that count against the quotas: of the body, and of the attributes' names, types and values.
    pub fn bytes(&self) -> usize {
        message_bytes(&self.body, &self.attributes)
    }

    /// The bytes that it takes in memory, about.
    fn weight(&self) -> usize {
        self.bytes() + self.source.as_ref().map_or(0, String::len) + 256
    }

    /// Body, attributes and trace header under a data key, for the queue of this number. `None` if that cannot be done.
    pub fn seal(&self, key: &EncryptionKey, queue: u64, random: &dyn Random) -> Option<Sealed> {
        let secret = Secret {
            body: Cow::Borrowed(&self.body),
            attributes: written(&self.attributes).map(Cow::Owned),
            trace: self.trace.as_deref().map(Cow::Borrowed),
        };
        let cell = key.seal(&place(queue, self.id), &serde_json::to_vec(&secret).ok()?, random)?;
        Some(Sealed { key: key.id(), cell })
    }

    /// Writes the columns from [`tables::ID_HIGH`] on; `earlier` and `first_received` are of the queues that it was in before. What is
    /// sealed is written in clear nowhere else.
    pub fn write(&self, rows: &mut Rows, earlier: u32, first_received: i64, sealed: Option<&Sealed>) {
        let (high, low) = self.id.as_u64_pair();
        rows.u64(high);
        rows.u64(low);
        rows.text(&self.sender);
        rows.text_or_null(self.group.as_deref());
        rows.text_or_null(self.deduplication.as_deref());
        rows.u64(u64::from(earlier));
        rows.i64(first_received);
        rows.text_or_null(self.source.as_deref());
        rows.text_or_null(self.trace.as_deref().filter(|_| sealed.is_none()));
        rows.u64(self.bytes() as u64);
        match sealed {
            None => {
                rows.text_or_null(written(&self.attributes).as_deref());
                rows.text(&self.body);
                rows.u64_or_null(None);
                rows.bytes_or_null(None);
            }
            Some(Sealed { key, cell }) => {
                rows.text_or_null(None);
                rows.text("");
                rows.u64_or_null(Some(*key));
                rows.bytes_or_null(Some(cell));
            }
        }
    }

    /// What [`Content::write`] wrote. `None` if it is sealed with a data key that is not among `keys`, and if it cannot be read, which
    /// nothing but damage can bring about.
    pub fn read(batch: &Batch, row: usize, keys: &Keys) -> Option<Content> {
        let number = |column| batch.u64s(column).get(row).copied();
        let text = |column| (!batch.is_null(column, row)).then(|| batch.text(column, row)).map(str::to_owned);
        let id = Uuid::from_u64_pair(number(tables::ID_HIGH)?, number(tables::ID_LOW)?);
        let (body, attributes, trace) = if batch.is_null(tables::DATA_KEY, row) {
            (batch.text(tables::BODY, row).to_owned(), text(tables::ATTRIBUTES), text(tables::TRACE))
        } else {
            let key = keys.get(&number(tables::DATA_KEY)?)?;
            let opened = key.open(&place(number(tables::QUEUE)?, id), batch.bytes(tables::SEALED, row))?;
            let Secret { body, attributes, trace } = serde_json::from_slice(&opened).ok()?;
            (body.into_owned(), attributes.map(Cow::into_owned), trace.map(Cow::into_owned))
        };
        Some(Content {
            id,
            sender: batch.text(tables::SENDER, row).to_owned(),
            body,
            attributes: match attributes {
                Some(text) => read(&text)?,
                None => BTreeMap::new(),
            },
            group: text(tables::GROUP).map(Arc::from),
            deduplication: text(tables::DEDUPLICATION),
            source: text(tables::SOURCE),
            trace,
        })
    }
}

/// What of a message is encrypted, under which data key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    /// The data key's number.
    pub key: u64,
    /// The cell.
    pub cell: Vec<u8>,
}

/// What is in a cell, as JSON.
#[derive(Serialize, Deserialize)]
struct Secret<'a> {
    body: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attributes: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace: Option<Cow<'a, str>>,
}

/// What a cell is bound to: the queue and the message.
fn place(queue: u64, message: Uuid) -> [u8; 24] {
    let mut place = [0; 24];
    let (of_queue, of_message) = place.split_at_mut(8);
    of_queue.copy_from_slice(&queue.to_le_bytes());
    of_message.copy_from_slice(message.as_bytes());
    place
}

/// The bytes of a message that count against the quotas.
pub(crate) fn message_bytes(body: &str, attributes: &BTreeMap<String, MessageAttribute>) -> usize {
    let of_attribute = |(name, attribute): (&String, &MessageAttribute)| {
        let value = match &attribute.value {
            StringOrBinary::String(text) => text.len(),
            StringOrBinary::Binary(bytes) => bytes.len(),
        };
        name.len() + attribute.data_type.len() + value
    };
    body.len() + attributes.iter().map(of_attribute).sum::<usize>()
}

#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(rename = "DataType")]
    data_type: String,
    #[serde(rename = "StringValue", default, skip_serializing_if = "Option::is_none")]
    string: Option<String>,
    #[serde(rename = "BinaryValue", default, skip_serializing_if = "Option::is_none")]
    binary: Option<String>,
}

fn written(attributes: &BTreeMap<String, MessageAttribute>) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let write = |attribute: &MessageAttribute| {
        let (string, binary) = match &attribute.value {
            StringOrBinary::String(text) => (Some(text.clone()), None),
            StringOrBinary::Binary(bytes) => (None, Some(STANDARD.encode(bytes))),
        };
        Written { data_type: attribute.data_type.clone(), string, binary }
    };
    let written: BTreeMap<_, _> = attributes.iter().map(|(name, attribute)| (name, write(attribute))).collect();
    serde_json::to_string(&written).ok()
}

fn read(text: &str) -> Option<BTreeMap<String, MessageAttribute>> {
    let written: BTreeMap<String, Written> = serde_json::from_str(text).ok()?;
    let read = |(name, written): (String, Written)| {
        let value = match (written.string, written.binary) {
            (Some(text), _) => StringOrBinary::String(text),
            (None, Some(bytes)) => StringOrBinary::Binary(STANDARD.decode(bytes).ok()?),
            (None, None) => return None,
        };
        Some((name, MessageAttribute { data_type: written.data_type, value }))
    };
    written.into_iter().map(read).collect()
}

/// How much of bodies is in memory.
#[derive(Debug, Default)]
pub(crate) struct Budget(AtomicUsize);

/// A content that stays in memory, and its part of the [`Budget`].
#[derive(Debug)]
pub(crate) struct Cached {
    /// The content.
    pub content: Arc<Content>,
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    /// Keeps a content in memory as long as there is room below `max` bytes.
    pub fn keep(self: &Arc<Self>, content: &Arc<Content>, max: usize) -> Option<Cached> {
        let bytes = content.weight();
        let fits = |used: usize| Some(used + bytes).filter(|sum| *sum <= max);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        Some(Cached { content: content.clone(), budget: self.clone(), bytes })
    }

    /// The bytes that are in memory.
    #[cfg(test)]
    pub fn used(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Cached {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read_as_they_were_written() {
        let attribute = |data_type: &str, value| MessageAttribute { data_type: data_type.into(), value };
        let attributes = BTreeMap::from([
            ("a".to_owned(), attribute("String", StringOrBinary::String("ä\"\n".into()))),
            ("b".to_owned(), attribute("Binary.png", StringOrBinary::Binary(vec![0, 1, 255]))),
        ]);
        assert_eq!(read(&written(&attributes).unwrap()), Some(attributes));
        assert_eq!(written(&BTreeMap::new()), None);
        assert_eq!(read("{\"a\":{\"DataType\":\"String\"}}"), None);
    }

    #[test]
    fn what_is_let_go_makes_room() {
        let budget = Arc::new(Budget::default());
        let content = Arc::new(Content {
            id: Uuid::nil(),
            sender: String::new(),
            body: "x".repeat(100),
            attributes: BTreeMap::new(),
            group: None,
            deduplication: None,
            source: None,
            trace: None,
        });
        let kept = budget.keep(&content, 400).unwrap();
        assert!(budget.keep(&content, 400).is_none());
        drop(kept);
        assert_eq!(budget.used(), 0);
        assert!(budget.keep(&content, 400).is_some());
    }
}
