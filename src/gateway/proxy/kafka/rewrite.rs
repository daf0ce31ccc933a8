//! Responses of Kafka with the addresses of brokers replaced. Only as far as needed is parsed; the rest is copied.
//!
//! Source: the message definitions of Apache Kafka 4.1 (`MetadataResponse.json`, `FindCoordinatorResponse.json`,
//! `DescribeClusterResponse.json`, `ApiVersionsResponse.json`), KIP-482 for flexible versions.

use thiserror::Error;

/// Where a proxied broker is found instead: the port on loopback, by the broker's id.
pub(in super::super) type Ports<'p> = &'p dyn Fn(i32) -> Option<u16>;

/// Requests whose responses are rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    Metadata,
    FindCoordinator,
    Versions,
    DescribeCluster,
}

/// Requests by number, and the newest version that may pass: beyond it responses name addresses in ways that are not
/// understood here. 0 and 1 are Produce and Fetch, which name new leaders from 10 and 16 on (KIP-951).
const NEWEST: &[(i16, i16)] = &[(0, 9), (1, 15), (3, 13), (10, 6), (60, 2)];
/// `UNSUPPORTED_VERSION`: the answer is of version 0 then, so that everybody can read it.
const UNSUPPORTED_VERSION: i16 = 35;

/// Why a response cannot be rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Unreadable {
    /// It ends too early, or a length is not one.
    #[error("it is not what the protocol says")]
    Malformed,
    /// Its version is not known here.
    #[error("its version is newer than this proxy")]
    Newer,
}

/// A response rewritten.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rewritten {
    /// From the correlation id on.
    pub frame: Vec<u8>,
    /// Brokers that it names and that are not proxied.
    pub strangers: Vec<i32>,
}

impl Api {
    pub fn numbered(key: i16) -> Option<Self> {
        match key {
            3 => Some(Self::Metadata),
            10 => Some(Self::FindCoordinator),
            18 => Some(Self::Versions),
            60 => Some(Self::DescribeCluster),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Metadata => "Metadata",
            Self::FindCoordinator => "FindCoordinator",
            Self::Versions => "ApiVersions",
            Self::DescribeCluster => "DescribeCluster",
        }
    }

    fn newest(self) -> i16 {
        match self {
            Self::Metadata => 13,
            Self::FindCoordinator => 6,
            Self::Versions => 4,
            Self::DescribeCluster => 2,
        }
    }

    /// Whether lengths are compact and structures end in tagged fields (KIP-482).
    fn is_flexible(self, version: i16) -> bool {
        match self {
            Self::Metadata => version >= 9,
            Self::FindCoordinator | Self::Versions => version >= 3,
            Self::DescribeCluster => true,
        }
    }
}

/// Rewrites a response, from its correlation id on.
pub(super) fn rewrite(
    api: Api,
    version: i16,
    frame: &[u8],
    ports: Ports<'_>,
) -> Result<Rewritten, Unreadable> {
    if version > api.newest() || version < 0 {
        return Err(Unreadable::Newer);
    }
    let mut copier = Copier {
        rest: frame,
        out: Vec::with_capacity(frame.len() + 64),
        flexible: api.is_flexible(version),
        ports,
        strangers: Vec::new(),
    };
    copier.copy(4)?;
    // ApiVersions is answered with the old header always: whoever asks does not know yet what the broker knows.
    if copier.flexible && api != Api::Versions {
        copier.tags()?;
    }
    match api {
        Api::Metadata => copier.metadata(version)?,
        Api::FindCoordinator => copier.find_coordinator(version)?,
        Api::Versions => copier.api_versions()?,
        Api::DescribeCluster => copier.describe_cluster(version)?,
    }
    copier.out.extend_from_slice(copier.rest);
    Ok(Rewritten { frame: copier.out, strangers: copier.strangers })
}

/// Copies a response from front to back.
struct Copier<'a> {
    rest: &'a [u8],
    out: Vec<u8>,
    flexible: bool,
    ports: Ports<'a>,
    strangers: Vec<i32>,
}

impl<'a> Copier<'a> {
    fn metadata(&mut self, version: i16) -> Result<(), Unreadable> {
        if version >= 3 {
            self.copy(4)?; // throttle_time_ms
        }
        for _ in 0..self.count()? {
            self.endpoint()?;
            if version >= 1 {
                self.string()?; // rack
            }
            self.tags()?;
        }
        Ok(())
    }

    fn find_coordinator(&mut self, version: i16) -> Result<(), Unreadable> {
        if version >= 1 {
            self.copy(4)?; // throttle_time_ms
        }
        if version >= 4 {
            for _ in 0..self.count()? {
                self.string()?; // key
                self.endpoint()?;
                self.copy(2)?; // error_code
                self.string()?; // error_message
                self.tags()?;
            }
            return Ok(());
        }
        self.copy(2)?; // error_code
        if version >= 1 {
            self.string()?; // error_message
        }
        self.endpoint()
    }

    fn describe_cluster(&mut self, version: i16) -> Result<(), Unreadable> {
        self.copy(4 + 2)?; // throttle_time_ms, error_code
        self.string()?; // error_message
        if version >= 1 {
            self.copy(1)?; // endpoint_type
        }
        self.string()?; // cluster_id
        self.copy(4)?; // controller_id
        for _ in 0..self.count()? {
            self.endpoint()?;
            self.string()?; // rack
            if version >= 2 {
                self.copy(1)?; // is_fenced
            }
            self.tags()?;
        }
        Ok(())
    }

    fn api_versions(&mut self) -> Result<(), Unreadable> {
        if self.int16()? == UNSUPPORTED_VERSION {
            self.flexible = false;
        }
        for _ in 0..self.count()? {
            let (key, oldest, newest) = (self.int16()?, self.int16()?, self.int16()?);
            let most = NEWEST.iter().find(|(api, _)| *api == key).map_or(newest, |(_, most)| *most);
            if oldest <= most {
                let at = self.out.len() - 2;
                self.out[at..].copy_from_slice(&newest.min(most).to_be_bytes());
            }
            self.tags()?;
        }
        Ok(())
    }

    /// `node_id`, `host`, `port`. Nobody has the id -1, with no host: there is no such broker at the moment.
    fn endpoint(&mut self) -> Result<(), Unreadable> {
        let id = i32::from_be_bytes(self.copy(4)?.try_into().expect("four bytes were asked for"));
        let before = self.out.len();
        self.string()?;
        self.copy(4)?;
        match (self.ports)(id) {
            Some(port) => {
                self.out.truncate(before);
                self.put("127.0.0.1");
                self.out.extend_from_slice(&i32::from(port).to_be_bytes());
            }
            None if id >= 0 => self.strangers.push(id),
            None => {}
        }
        Ok(())
    }

    fn put(&mut self, text: &str) {
        let length = text.len() as u8;
        if self.flexible {
            self.out.push(length + 1);
        } else {
            self.out.extend_from_slice(&[0, length]);
        }
        self.out.extend_from_slice(text.as_bytes());
    }

    fn copy(&mut self, bytes: usize) -> Result<&'a [u8], Unreadable> {
        let (copied, rest) = self.rest.split_at_checked(bytes).ok_or(Unreadable::Malformed)?;
        self.out.extend_from_slice(copied);
        self.rest = rest;
        Ok(copied)
    }

    fn int16(&mut self) -> Result<i16, Unreadable> {
        Ok(i16::from_be_bytes(self.copy(2)?.try_into().expect("two bytes were asked for")))
    }

    /// How many elements an array has; none when it is null.
    fn count(&mut self) -> Result<usize, Unreadable> {
        let count = if self.flexible {
            i64::from(self.varint()?) - 1
        } else {
            i64::from(i32::from_be_bytes(self.copy(4)?.try_into().expect("four bytes were asked for")))
        };
        match usize::try_from(count.max(0)) {
            // Each element takes a byte at least.
            Ok(count) if count <= self.rest.len() => Ok(count),
            Ok(_) | Err(_) => Err(Unreadable::Malformed),
        }
    }

    /// A string, which may be null.
    fn string(&mut self) -> Result<(), Unreadable> {
        let length = if self.flexible { i64::from(self.varint()?) - 1 } else { i64::from(self.int16()?) };
        self.copy(usize::try_from(length.max(0)).map_err(|_| Unreadable::Malformed)?)?;
        Ok(())
    }

    /// Tagged fields, where there are any.
    fn tags(&mut self) -> Result<(), Unreadable> {
        if !self.flexible {
            return Ok(());
        }
        for _ in 0..self.varint()? {
            self.varint()?;
            let size = self.varint()?;
            self.copy(size as usize)?;
        }
        Ok(())
    }

    fn varint(&mut self) -> Result<u32, Unreadable> {
        let mut value = 0_u64;
        for shift in (0..35).step_by(7) {
            let byte = self.copy(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value).map_err(|_| Unreadable::Malformed);
            }
        }
        Err(Unreadable::Malformed)
    }
}

#[cfg(test)]
mod tests;
