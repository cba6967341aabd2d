//! What a shard takes and gives in a second, where that is enforced ("Quotas and limits": 1,000 records and 1 MiB a second in, five
//! calls and 2 MiB a second out).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;

use super::limits::{SHARD_READ_BYTES, SHARD_READS, SHARD_WRITE_BYTES, SHARD_WRITE_RECORDS};

/// Whether shards are held to what AWS's take and give.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Enforcement {
    /// They take what comes.
    #[default]
    Off,
    /// Beyond it is `ProvisionedThroughputExceededException`.
    On,
}

/// What the shards of a stream took of late.
#[derive(Debug, Default)]
pub(crate) struct Throughput {
    shards: Mutex<HashMap<u32, Buckets>>,
}

/// What may still be taken, as of a time of the monotonic clock.
#[derive(Debug, Clone, Copy)]
struct Buckets {
    at: Duration,
    write_records: f64,
    write_bytes: f64,
    reads: f64,
    read_bytes: f64,
}

impl Buckets {
    fn full(at: Duration) -> Buckets {
        Buckets {
            at,
            write_records: SHARD_WRITE_RECORDS,
            write_bytes: SHARD_WRITE_BYTES,
            reads: SHARD_READS,
            read_bytes: SHARD_READ_BYTES,
        }
    }

    fn refill(&mut self, now: Duration) {
        let seconds = now.saturating_sub(self.at).as_secs_f64();
        self.at = now;
        let fill = |bucket: &mut f64, most: f64| *bucket = (*bucket + most * seconds).min(most);
        fill(&mut self.write_records, SHARD_WRITE_RECORDS);
        fill(&mut self.write_bytes, SHARD_WRITE_BYTES);
        fill(&mut self.reads, SHARD_READS);
        fill(&mut self.read_bytes, SHARD_READ_BYTES);
    }
}

impl Throughput {
    /// Whether the shard takes a record of so many bytes now.
    pub fn admits_record(&self, shard: u32, bytes: usize, now: Duration) -> bool {
        self.with(shard, now, |bucket| {
            // A record may be larger than a second's bytes: a full bucket takes it and owes the rest.
            let fits = bucket.write_bytes >= (bytes as f64).min(SHARD_WRITE_BYTES) && bucket.write_records >= 1.0;
            if fits {
                bucket.write_records -= 1.0;
                bucket.write_bytes -= bytes as f64;
            }
            fits
        })
    }

    /// Whether the shard may be read now.
    pub fn admits_read(&self, shard: u32, now: Duration) -> bool {
        self.with(shard, now, |bucket| {
            let fits = bucket.reads >= 1.0 && bucket.read_bytes > 0.0;
            if fits {
                bucket.reads -= 1.0;
            }
            fits
        })
    }

    /// So many bytes were read: as with AWS's, ten megabytes at once are paid for by the seconds behind them.
    pub fn was_read(&self, shard: u32, bytes: usize, now: Duration) {
        self.with(shard, now, |bucket| bucket.read_bytes -= bytes as f64);
    }

    fn with<T>(&self, shard: u32, now: Duration, look: impl FnOnce(&mut Buckets) -> T) -> T {
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = shards.entry(shard).or_insert_with(|| Buckets::full(now));
        bucket.refill(now);
        look(bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_takes_so_much_a_second() {
        let throughput = Throughput::default();
        let at = Duration::from_secs;
        let taken = (0..1500).filter(|_| throughput.admits_record(0, 10, at(1))).count();
        assert_eq!(taken, 1000);
        assert!(throughput.admits_record(1, 10, at(1)), "each shard for itself");
        assert!(throughput.admits_record(0, 10, at(2)));
        assert!(throughput.admits_record(2, 3 << 20, at(2)), "a large record goes into a full bucket");
        assert!(!throughput.admits_record(2, 1, at(3)), "and is paid for");
        assert!(throughput.admits_record(2, 1, at(5)));
        let reads = (0..9).filter(|_| throughput.admits_read(3, at(1))).count();
        assert_eq!(reads, 5);
        throughput.was_read(3, 10 << 20, at(2));
        assert!(!throughput.admits_read(3, at(5)));
        assert!(throughput.admits_read(3, at(7)));
    }
}
