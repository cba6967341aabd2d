//! Receipt handles: which message of which queue, and which receipt of it. They say it themselves, so that they hold after a restart.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const VERSION: u8 = 1;
const BYTES: usize = 1 + 8 + 8 + 4 + 4;

/// What a receipt handle stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// The queue's number.
    pub queue: u64,
    /// The message's number.
    pub message: u64,
    /// How often the message had been received from this queue, this time included.
    pub receives: u32,
}

impl Receipt {
    /// The handle.
    pub fn handle(self) -> String {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.push(VERSION);
        bytes.extend(self.queue.to_be_bytes());
        bytes.extend(self.message.to_be_bytes());
        bytes.extend(self.receives.to_be_bytes());
        bytes.extend(crc32c::crc32c(&bytes).to_be_bytes());
        STANDARD.encode(bytes)
    }

    /// What a handle stands for; `None` if it is none.
    pub fn parse(handle: &str) -> Option<Receipt> {
        let bytes = STANDARD.decode(handle).ok()?;
        let (told, sum) = bytes.split_last_chunk::<4>()?;
        if crc32c::crc32c(told) != u32::from_be_bytes(*sum) {
            return None;
        }
        let (&version, rest) = told.split_first()?;
        let (queue, rest) = rest.split_first_chunk::<8>()?;
        let (message, rest) = rest.split_first_chunk::<8>()?;
        let receives = rest.try_into().ok()?;
        (version == VERSION).then_some(Receipt {
            queue: u64::from_be_bytes(*queue),
            message: u64::from_be_bytes(*message),
            receives: u32::from_be_bytes(receives),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_say_what_they_stand_for() {
        let receipt = Receipt { queue: 7, message: 3 << 20 | 1, receives: 2 };
        let handle = receipt.handle();
        assert_eq!(Receipt::parse(&handle), Some(receipt));
        for bad in ["", "AQ==", &handle[1..], &handle.replace('A', "B"), "not base64!"] {
            assert_eq!(Receipt::parse(bad), None, "{bad}");
        }
    }
}
