//! Which Kafka a broker is: asked by the protocol's first request (ApiVersions, KIP-35, KIP-584).
//!
//! Source: Kafka protocol guide, ApiVersionsRequest and Response, version 3; `MetadataVersion` of Kafka 4.2.

use std::io::{Error, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// What a broker told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// How many kinds of requests it knows.
    pub apis: usize,
    /// The level of `metadata.version`, which every KRaft cluster has.
    pub metadata_version: Option<u16>,
}

const PATIENCE: Duration = Duration::from_secs(3);
/// No answer is longer.
const LONGEST: usize = 1 << 16;

/// Asks `host:port`, in plain text.
pub(super) fn ask(server: &str) -> Result<Told, Error> {
    let address = server.to_socket_addrs()?.next().ok_or(ErrorKind::AddrNotAvailable)?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&question())?;
    let mut size = [0; 4];
    stream.read_exact(&mut size)?;
    let size = u32::from_be_bytes(size) as usize;
    if size > LONGEST {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut answer = vec![0; size];
    stream.read_exact(&mut answer)?;
    understand(&answer).ok_or_else(|| ErrorKind::InvalidData.into())
}

fn question() -> Vec<u8> {
    let mut body = vec![0, 18, 0, 3, 0, 0, 0, 1];
    let client = b"brokersim";
    body.extend([0, client.len() as u8]);
    body.extend(client);
    // No tagged fields in the header; then two compact strings, and none in the body.
    body.push(0);
    for text in [&client[..], b"1"] {
        body.push(text.len() as u8 + 1);
        body.extend(text);
    }
    body.push(0);
    let mut framed = (body.len() as u32).to_be_bytes().to_vec();
    framed.extend(body);
    framed
}

/// Reads an answer of version 3; one of version 0, from a broker that knows no newer one, tells nothing.
fn understand(answer: &[u8]) -> Option<Told> {
    let mut rest = Reader(answer);
    rest.skip(4)?;
    if rest.short()? != 0 {
        return Some(Told { apis: 0, metadata_version: None });
    }
    let apis = rest.varint()?.checked_sub(1)?;
    for _ in 0..apis {
        rest.skip(6)?;
        rest.skip_tags()?;
    }
    rest.skip(4)?;
    let mut metadata_version = None;
    for _ in 0..rest.varint()? {
        let (tag, size) = (rest.varint()?, rest.varint()?);
        let mut field = Reader(rest.take(size)?);
        if tag == 2 {
            metadata_version = field.feature("metadata.version");
        }
    }
    Some(Told { apis, metadata_version })
}

/// Bytes that are not read yet.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.take(count).map(|_| ())
    }

    fn short(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn varint(&mut self) -> Option<usize> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.take(1)?[0];
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn skip_tags(&mut self) -> Option<()> {
        for _ in 0..self.varint()? {
            self.varint()?;
            let size = self.varint()?;
            self.skip(size)?;
        }
        Some(())
    }

    /// The highest level of a finalised feature.
    fn feature(&mut self, wanted: &str) -> Option<u16> {
        for _ in 0..self.varint()?.checked_sub(1)? {
            let length = self.varint()?.checked_sub(1)?;
            let name = self.take(length)?;
            let level = self.short()?;
            self.skip(2)?;
            self.skip_tags()?;
            if name == wanted.as_bytes() {
                return Some(level);
            }
        }
        None
    }
}

/// The release that brought a level of `metadata.version`.
pub(super) fn release(level: u16) -> &'static str {
    match level {
        0..=6 => "3.0 to 3.2",
        7 => "3.3",
        8 => "3.4",
        9..=11 => "3.5",
        12..=14 => "3.6",
        15..=19 => "3.7",
        20 => "3.8",
        21 => "3.9",
        22..=25 => "4.0",
        26..=27 => "4.1",
        28..=29 => "4.2",
        30.. => "4.3 or later",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_with_features_tells_the_release() {
        let mut answer = vec![0, 0, 0, 1, 0, 0];
        // One kind of request, no throttling, one tagged field of 23 bytes: the finalised features.
        answer.extend([2, 0, 18, 0, 0, 0, 4, 0, 0, 0, 0, 0, 1, 2, 23]);
        answer.extend([2, 17]);
        answer.extend(b"metadata.version");
        answer.extend([0, 27, 0, 1, 0]);
        let told = understand(&answer);
        assert_eq!(told, Some(Told { apis: 1, metadata_version: Some(27) }));
        assert_eq!(release(27), "4.1");
        assert_eq!(understand(&answer[..20]), None, "what is cut off is not understood");
    }
}
