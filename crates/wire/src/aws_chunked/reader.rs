//! Reading an aws-chunked body as it comes, in pieces of any size. Data is handed on before the signature of its chunk was
//! seen: whoever takes it must make nothing visible before [`ChunkReader::finish`] has said that all of it is right.

use bytes::{Buf, Bytes, BytesMut};
use sha2::{Digest, Sha256};

use super::{ChunkError, LINE_BYTES_MAX, TRAILERS_MAX, chunk_head};
use crate::sigv4::{ChunkSeed, Streaming};

/// Reads a body.
#[derive(Debug)]
pub struct ChunkReader {
    /// What came and is not read yet: part of a line at most.
    waiting: BytesMut,
    state: State,
    /// How chunks are signed, and the seed of their signatures.
    signed: Option<(ChunkSeed, Streaming)>,
    /// The signature before that of the current chunk.
    previous: String,
    decoded_bytes: u64,
    promised_bytes: Option<u64>,
    trailers: Vec<(String, String)>,
    trailer_signature: Option<String>,
}

#[derive(Debug)]
enum State {
    /// At the line that introduces a chunk.
    Head,
    /// Within a chunk.
    Data { left: usize, hash: Option<Sha256>, signature: Option<String> },
    /// At the line break behind a chunk.
    Break,
    /// Behind the last chunk.
    Trailers,
    /// Behind the empty line that ends it all.
    End,
}

impl ChunkReader {
    /// A reader of a body whose data is `promised_bytes` long (`x-amz-decoded-content-length`). If `verified`, its signatures
    /// are checked as they must be.
    pub fn new(promised_bytes: Option<u64>, verified: Option<(ChunkSeed, Streaming)>) -> ChunkReader {
        let signed = verified.filter(|(_, streaming)| streaming.signed);
        ChunkReader {
            waiting: BytesMut::new(),
            state: State::Head,
            previous: signed.as_ref().map(|(seed, _)| seed.signature.clone()).unwrap_or_default(),
            signed,
            decoded_bytes: 0,
            promised_bytes,
            trailers: Vec::new(),
            trailer_signature: None,
        }
    }

    /// Reads the next piece of the body, and returns the data in it.
    ///
    /// # Errors
    /// Those of [`parse`](super::parse) and [`Chunked::verify`](super::Chunked::verify); nothing can be read after one.
    pub fn read(&mut self, piece: Bytes) -> Result<Vec<Bytes>, ChunkError> {
        let mut piece = piece;
        let mut data = Vec::new();
        loop {
            match &mut self.state {
                State::Data { left, hash, signature: _ } if *left > 0 => {
                    let taken = piece.split_to(piece.len().min(*left));
                    if taken.is_empty() {
                        return Ok(data);
                    }
                    *left -= taken.len();
                    if let Some(hash) = hash {
                        hash.update(&taken);
                    }
                    self.decoded_bytes = self.decoded_bytes.saturating_add(taken.len() as u64);
                    if self.promised_bytes.is_some_and(|promised| self.decoded_bytes > promised) {
                        return Err(ChunkError::Incomplete);
                    }
                    data.push(taken);
                }
                State::Data { .. } => self.end_chunk()?,
                State::End if piece.is_empty() && self.waiting.is_empty() => return Ok(data),
                State::End => return Err(ChunkError::MalformedTrailer),
                State::Head | State::Break | State::Trailers => {
                    let Some(line) = self.line(&mut piece)? else { return Ok(data) };
                    self.read_line(&line)?;
                }
            }
        }
    }

    /// Says that the body has ended; returns its trailers, names in lower case.
    ///
    /// # Errors
    /// [`ChunkError::Incomplete`] if it ends too early, [`ChunkError::Signature`] if the trailers' signature is missing or wrong,
    /// [`ChunkError::MalformedTrailer`].
    pub fn finish(mut self) -> Result<Vec<(String, String)>, ChunkError> {
        match self.state {
            // Some clients leave out the empty line at the very end, or the line break before it.
            State::Trailers if !self.waiting.is_empty() => {
                let line = std::mem::take(&mut self.waiting);
                self.read_line(line.strip_suffix(b"\r").unwrap_or(&line))?;
            }
            State::Trailers | State::End => {}
            State::Head | State::Data { .. } | State::Break => return Err(ChunkError::Incomplete),
        }
        if self.promised_bytes.is_some_and(|promised| self.decoded_bytes != promised) {
            return Err(ChunkError::Incomplete);
        }
        let Some((seed, streaming)) = &self.signed else { return Ok(self.trailers) };
        if !streaming.trailer {
            // Trailers that nothing covers are none.
            return if self.trailers.is_empty() { Ok(self.trailers) } else { Err(ChunkError::MalformedTrailer) };
        }
        let lines: String = self.trailers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        match &self.trailer_signature {
            Some(signature) if seed.key.verify(seed.trailer_text(&self.previous, &lines).as_bytes(), signature) => {
                Ok(self.trailers)
            }
            _ => Err(ChunkError::Signature),
        }
    }

    /// The next line without its end, if all of it has come. The empty one behind a chunk is a line, too.
    fn line(&mut self, piece: &mut Bytes) -> Result<Option<Vec<u8>>, ChunkError> {
        let Some(end) = piece.iter().position(|byte| *byte == b'\n') else {
            if self.waiting.len().saturating_add(piece.len()) > LINE_BYTES_MAX {
                return Err(ChunkError::Malformed);
            }
            self.waiting.extend_from_slice(piece);
            piece.clear();
            return Ok(None);
        };
        let mut line = std::mem::take(&mut self.waiting).to_vec();
        line.extend_from_slice(&piece.split_to(end));
        piece.advance(1);
        if line.len() > LINE_BYTES_MAX {
            return Err(ChunkError::Malformed);
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Some(line))
    }

    fn read_line(&mut self, line: &[u8]) -> Result<(), ChunkError> {
        match self.state {
            State::Head => {
                let (left, signature) = chunk_head(line).ok_or(ChunkError::Malformed)?;
                self.state = State::Data { left, hash: self.signed.as_ref().map(|_| Sha256::new()), signature };
                if left == 0 {
                    self.end_chunk()?;
                    self.state = State::Trailers;
                }
                Ok(())
            }
            State::Break if line.is_empty() => {
                self.state = State::Head;
                Ok(())
            }
            State::Trailers if line.is_empty() => {
                self.state = State::End;
                Ok(())
            }
            State::Trailers => self.read_trailer(line),
            State::Break | State::Data { .. } | State::End => Err(ChunkError::Malformed),
        }
    }

    fn read_trailer(&mut self, line: &[u8]) -> Result<(), ChunkError> {
        let text = std::str::from_utf8(line).map_err(|_| ChunkError::MalformedTrailer)?;
        let (name, value) = text.split_once(':').ok_or(ChunkError::MalformedTrailer)?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
        if self.trailers.len() >= TRAILERS_MAX || self.trailer_signature.is_some() {
            return Err(ChunkError::MalformedTrailer);
        }
        match name.as_str() {
            "x-amz-trailer-signature" => self.trailer_signature = Some(value),
            _ => self.trailers.push((name, value)),
        }
        Ok(())
    }

    /// Checks the signature of the chunk that has ended.
    fn end_chunk(&mut self) -> Result<(), ChunkError> {
        let State::Data { hash, signature, .. } = std::mem::replace(&mut self.state, State::Break) else {
            return Err(ChunkError::Malformed);
        };
        let (Some((seed, _)), Some(hash)) = (&self.signed, hash) else { return Ok(()) };
        let signature = signature.ok_or(ChunkError::Signature)?;
        let text = seed.chunk_text(&self.previous, &hex::encode(hash.finalize()));
        if !seed.key.verify(text.as_bytes(), &signature) {
            return Err(ChunkError::Signature);
        }
        self.previous = signature;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::aws_chunked::{encode_signed, parse};
    use crate::sigv4::SigningKey;

    /// Data and trailers.
    type Read = (Vec<u8>, Vec<(String, String)>);

    fn read(body: &[u8], step: usize, reader: ChunkReader) -> Result<Read, ChunkError> {
        let mut reader = reader;
        let mut data = Vec::new();
        for piece in body.chunks(step.max(1)) {
            reader.read(Bytes::copy_from_slice(piece))?.iter().for_each(|piece| data.extend_from_slice(piece));
        }
        Ok((data, reader.finish()?))
    }

    fn seed() -> ChunkSeed {
        ChunkSeed {
            key: SigningKey::derive("secret", "20260115", "us-east-1", "s3"),
            amz_date: "20260115T123045Z".into(),
            scope: "20260115/us-east-1/s3/aws4_request".into(),
            signature: "0".repeat(64),
        }
    }

    #[test]
    fn a_body_is_read_whatever_pieces_it_comes_in() {
        let trailer = ("x-amz-checksum-crc32".to_owned(), "6Le+Qw==".to_owned());
        for (body, expected) in [
            ("5\r\nhello\r\n0\r\n\r\n", Ok(("hello", vec![]))),
            ("0\r\n\r\n", Ok(("", vec![]))),
            ("0\r\n", Ok(("", vec![]))),
            (
                "3;chunk-signature=ab\r\nabc\r\n2;chunk-signature=cd\r\nde\r\n0;chunk-signature=ef\r\n\r\n",
                Ok(("abcde", vec![])),
            ),
            ("1\r\na\r\n0\r\nX-Amz-Checksum-Crc32: 6Le+Qw==\r\n\r\n", Ok(("a", vec![trailer.clone()]))),
            ("1\r\na\r\n0\r\nX-Amz-Checksum-Crc32: 6Le+Qw==", Ok(("a", vec![trailer.clone()]))),
            ("", Err(ChunkError::Incomplete)),
            ("5\r\nhel", Err(ChunkError::Incomplete)),
            ("5\r\nhello\r\n", Err(ChunkError::Incomplete)),
            ("5\r\nhelloworld\r\n", Err(ChunkError::Malformed)),
            ("-1\r\n", Err(ChunkError::Malformed)),
            ("0\r\nnocolon\r\n\r\n", Err(ChunkError::MalformedTrailer)),
            ("0\r\n\r\nmore", Err(ChunkError::MalformedTrailer)),
        ] {
            for step in [1, 2, 3, 7, 1000] {
                let outcome = read(body.as_bytes(), step, ChunkReader::new(None, None));
                let expected = expected.clone().map(|(data, trailers)| (data.as_bytes().to_vec(), trailers));
                assert_eq!(outcome, expected, "{body:?} in steps of {step}");
            }
        }
        let short = read(b"1\r\na\r\n0\r\n\r\n", 99, ChunkReader::new(Some(2), None));
        assert_eq!(short, Err(ChunkError::Incomplete));
        let long = read(&[b'1'; LINE_BYTES_MAX + 1], 99, ChunkReader::new(None, None));
        assert_eq!(long, Err(ChunkError::Malformed));
    }

    #[test]
    fn signatures_are_checked() {
        let streaming = Streaming { signed: true, trailer: false };
        let body = encode_signed(&seed(), b"hello, world", 5);
        let verified = || Some((seed(), streaming));
        for step in [1, 10, 1000] {
            assert_eq!(read(&body, step, ChunkReader::new(Some(12), verified())).unwrap().0, b"hello, world");
            let mut other = body.clone();
            let at = other.windows(5).position(|window| window == b"hello").unwrap();
            other[at] = b'j';
            assert_eq!(read(&other, step, ChunkReader::new(None, verified())), Err(ChunkError::Signature));
        }
        assert_eq!(read(b"0\r\n\r\n", 9, ChunkReader::new(None, verified())), Err(ChunkError::Signature));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

        #[test]
        fn it_reads_what_the_whole_is_read_as(body in "[0-2abx:;\r\n]{0,40}", step in 1_usize..9) {
            let whole = parse(body.as_bytes(), None);
            let pieces = read(body.as_bytes(), step, ChunkReader::new(None, None));
            if let (Ok(whole), Ok((data, trailers))) = (&whole, &pieces) {
                prop_assert_eq!(&whole.data, data);
                prop_assert_eq!(&whole.trailers, trailers);
            }
            prop_assert!(whole.is_err() || pieces.is_ok(), "{:?} {:?}", body, pieces);
        }
    }
}
