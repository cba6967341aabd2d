//! Avro's object container files, written: a schema, some metadata and one block of records. Source: "Apache Avro Specification".

/// Records that are being encoded one behind the other.
#[derive(Debug, Default)]
pub(super) struct Records {
    bytes: Vec<u8>,
    count: i64,
}

impl Records {
    /// The record whose fields were just written is whole.
    pub(super) fn end_record(&mut self) {
        self.count += 1;
    }

    /// An int or a long.
    pub(super) fn long(&mut self, value: i64) {
        long(&mut self.bytes, value);
    }

    /// A long where it may be null.
    pub(super) fn some_long(&mut self, value: i64) {
        self.long(1);
        self.long(value);
    }

    /// A string.
    pub(super) fn text(&mut self, value: &str) {
        bytes(&mut self.bytes, value.as_bytes());
    }

    /// A map from ints, which Iceberg writes as a list of pairs, where it may be null.
    pub(super) fn some_pairs<T>(&mut self, pairs: &[(i32, T)], mut value: impl FnMut(&mut Vec<u8>, &T)) {
        self.long(1);
        if !pairs.is_empty() {
            self.long(i64::try_from(pairs.len()).unwrap_or(i64::MAX));
            for (key, of_key) in pairs {
                self.long(i64::from(*key));
                value(&mut self.bytes, of_key);
            }
        }
        self.long(0);
    }
}

/// Appends an int or a long: zigzag, seven bits a byte.
pub(super) fn long(to: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while rest >= 0x80 {
        to.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    to.push(rest as u8);
}

/// Appends bytes or a string.
pub(super) fn bytes(to: &mut Vec<u8>, value: &[u8]) {
    long(to, i64::try_from(value.len()).unwrap_or(i64::MAX));
    to.extend_from_slice(value);
}

/// The file. `sync` stands between its parts.
pub(super) fn file(schema: &str, metadata: &[(&str, String)], records: &Records, sync: [u8; 16]) -> Vec<u8> {
    let mut file = b"Obj\x01".to_vec();
    let own = [("avro.schema", schema.to_owned()), ("avro.codec", "null".to_owned())];
    long(&mut file, i64::try_from(own.len() + metadata.len()).unwrap_or(i64::MAX));
    for (key, value) in own.iter().chain(metadata) {
        bytes(&mut file, key.as_bytes());
        bytes(&mut file, value.as_bytes());
    }
    long(&mut file, 0);
    file.extend_from_slice(&sync);
    if records.count > 0 {
        long(&mut file, records.count);
        bytes(&mut file, &records.bytes);
        file.extend_from_slice(&sync);
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_specification_shows() {
        for (value, expected) in [
            (0, &[0x00][..]),
            (-1, &[0x01]),
            (1, &[0x02]),
            (-64, &[0x7f]),
            (64, &[0x80, 0x01]),
            (8192, &[0x80, 0x80, 0x01]),
        ] {
            let mut written = Vec::new();
            long(&mut written, value);
            assert_eq!(written, expected, "{value}");
        }
        let mut written = Vec::new();
        long(&mut written, i64::MIN);
        assert_eq!(written, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    }
}
