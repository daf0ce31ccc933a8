//! Both directions of a connection with a Kafka broker, cut into requests and responses as the bytes come.
//!
//! A request is a length, then its api, its version and its correlation id; a response is a length, then the
//! correlation id of what it answers. What needs no rewriting is not kept: it passes as it comes.
//!
//! **Bounds.** A response that is rewritten is kept until it is complete, up to [`KEPT`] bytes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Api;
use super::rewrite::{Ports, rewrite};

/// The largest response that is rewritten; about 100,000 partitions.
const KEPT: usize = 64 << 20;
/// Longer than any request or response: what says so is not Kafka's protocol in the clear. TLS begins with bytes that
/// would be a length of 350 MB.
const LONGEST: usize = 256 << 20;

/// What a connection has asked and is to be rewritten when it is answered: by correlation id, api and version.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Asked(Arc<Mutex<BTreeMap<i32, (Api, i16)>>>);

impl Asked {
    fn note(&self, correlation: i32, api: Api, version: i16) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(correlation, (api, version));
    }

    fn take(&self, correlation: i32) -> Option<(Api, i16)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&correlation)
    }
}

/// The way to the broker: reads what is asked, changes nothing.
#[derive(Debug)]
pub(in super::super) struct Requests {
    asked: Asked,
    /// Length, api, version, correlation id: as much of them as has come.
    head: Vec<u8>,
    /// How much of the request is still to come.
    left: usize,
    opaque: bool,
}

const REQUEST_HEAD: usize = 12;
const RESPONSE_HEAD: usize = 8;

impl Requests {
    pub fn new(asked: Asked) -> Self {
        Self { asked, head: Vec::with_capacity(REQUEST_HEAD), left: 0, opaque: false }
    }

    /// Looks at bytes on their way. What is wrong with them, once.
    pub fn see(&mut self, mut bytes: &[u8]) -> Option<String> {
        while !self.opaque && !bytes.is_empty() {
            let passed = self.left.min(bytes.len());
            (self.left, bytes) = (self.left - passed, &bytes[passed..]);
            if self.left > 0 || bytes.is_empty() {
                break;
            }
            let wanted = head_length(&self.head, REQUEST_HEAD) - self.head.len();
            let (head, rest) = bytes.split_at(wanted.min(bytes.len()));
            self.head.extend_from_slice(head);
            bytes = rest;
            let Some(length) = length(&self.head) else { continue };
            if length > LONGEST {
                self.opaque = true;
                return Some("a client does not speak Kafka's protocol in the clear (TLS?)".to_owned());
            }
            if self.head.len() == head_length(&self.head, REQUEST_HEAD) {
                self.left = 4 + length - self.head.len();
                self.read_head();
                self.head.clear();
            }
        }
        None
    }

    fn read_head(&mut self) {
        let Ok(head) = <[u8; REQUEST_HEAD]>::try_from(self.head.as_slice()) else { return };
        let [_, _, _, _, key @ .., c0, c1, c2, c3] = head;
        let (key, version) = (i16::from_be_bytes([key[0], key[1]]), i16::from_be_bytes([key[2], key[3]]));
        if let Some(api) = Api::numbered(key) {
            self.asked.note(i32::from_be_bytes([c0, c1, c2, c3]), api, version);
        }
    }
}

/// The way from the broker: rewrites what names addresses.
#[derive(Debug)]
pub(in super::super) struct Responses {
    asked: Asked,
    head: Vec<u8>,
    course: Course,
}

#[derive(Debug)]
enum Course {
    /// A response begins.
    Head,
    /// So much of it is still to come, and passes.
    Passing(usize),
    /// It is kept until it is complete.
    Keeping { api: Api, version: i16, frame: Vec<u8>, length: usize },
    /// Nothing is understood any more.
    Opaque,
}

impl Responses {
    pub fn new(asked: Asked) -> Self {
        Self { asked, head: Vec::with_capacity(RESPONSE_HEAD), course: Course::Head }
    }

    /// What is to go on to the client, now that these bytes have come; `note` hears what could not be rewritten.
    pub fn pass(&mut self, mut bytes: &[u8], ports: Ports<'_>, note: &mut dyn FnMut(String)) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + 64);
        while !bytes.is_empty() {
            let used = match &mut self.course {
                Course::Opaque => pass_on(bytes, bytes.len(), &mut out),
                Course::Passing(left) => {
                    let used = pass_on(bytes, *left, &mut out);
                    *left -= used;
                    used
                }
                Course::Keeping { frame, length, .. } => pass_on(bytes, *length - frame.len(), frame),
                Course::Head => {
                    let wanted = head_length(&self.head, RESPONSE_HEAD) - self.head.len();
                    pass_on(bytes, wanted, &mut self.head)
                }
            };
            bytes = &bytes[used..];
            self.go_on(&mut out, ports, note);
        }
        out
    }

    fn go_on(&mut self, out: &mut Vec<u8>, ports: Ports<'_>, note: &mut dyn FnMut(String)) {
        match &mut self.course {
            Course::Head => self.read_head(out, note),
            Course::Passing(0) => self.course = Course::Head,
            Course::Keeping { api, version, frame, length } if frame.len() == *length => {
                emit(*api, *version, frame, out, ports, note);
                self.course = Course::Head;
            }
            Course::Passing(_) | Course::Keeping { .. } | Course::Opaque => {}
        }
    }

    fn read_head(&mut self, out: &mut Vec<u8>, note: &mut dyn FnMut(String)) {
        let Some(length) = length(&self.head) else { return };
        if length > LONGEST {
            note("a broker does not speak Kafka's protocol in the clear (TLS?)".to_owned());
            out.append(&mut self.head);
            self.course = Course::Opaque;
            return;
        }
        if self.head.len() < head_length(&self.head, RESPONSE_HEAD) {
            return;
        }
        let answers = <[u8; 4]>::try_from(&self.head[4..]).ok().map(i32::from_be_bytes);
        match answers.and_then(|correlation| self.asked.take(correlation)) {
            Some((api, version)) if length <= KEPT => {
                let frame = self.head.split_off(4);
                self.head.clear();
                self.course = Course::Keeping { api, version, frame, length };
            }
            Some(_) | None => {
                let left = 4 + length - self.head.len();
                out.append(&mut self.head);
                self.course = if left == 0 { Course::Head } else { Course::Passing(left) };
            }
        }
    }
}

fn emit(
    api: Api,
    version: i16,
    frame: &[u8],
    out: &mut Vec<u8>,
    ports: Ports<'_>,
    note: &mut dyn FnMut(String),
) {
    let rewritten = rewrite(api, version, frame, ports);
    let frame = match &rewritten {
        Ok(rewritten) => {
            for id in &rewritten.strangers {
                note(format!("broker {id} came after the run began: clients talk to it past the proxy"));
            }
            rewritten.frame.as_slice()
        }
        Err(why) => {
            let name = api.name();
            note(format!("a {name} response (version {version}) passes as it is, addresses included: {why}"));
            frame
        }
    };
    out.extend_from_slice(&(frame.len() as u32).to_be_bytes());
    out.extend_from_slice(frame);
}

/// Takes up to so many bytes over; how many.
fn pass_on(bytes: &[u8], most: usize, to: &mut Vec<u8>) -> usize {
    let used = most.min(bytes.len());
    to.extend_from_slice(&bytes[..used]);
    used
}

/// What follows the length, once that has come.
fn length(head: &[u8]) -> Option<usize> {
    let length = head.get(..4)?.try_into().map(u32::from_be_bytes).ok()?;
    Some(length as usize)
}

/// How long a head is: as long as it should be, or as what follows the length when that is shorter.
fn head_length(head: &[u8], usual: usize) -> usize {
    length(head).map_or(4, |length| usual.min(4usize.saturating_add(length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32).to_be_bytes(), body].concat()
    }

    fn request(key: i16, version: i16, correlation: i32, rest: &[u8]) -> Vec<u8> {
        framed(&[&key.to_be_bytes()[..], &version.to_be_bytes(), &correlation.to_be_bytes(), rest].concat())
    }

    /// FindCoordinator v0: error 0, broker 1 at "host":9092.
    fn coordinator(correlation: i32, host: &str, port: i32) -> Vec<u8> {
        let name = [&(host.len() as u16).to_be_bytes()[..], host.as_bytes()].concat();
        framed(
            &[&correlation.to_be_bytes()[..], &[0, 0], &1_i32.to_be_bytes(), &name, &port.to_be_bytes()]
                .concat(),
        )
    }

    fn conversation() -> (Requests, Responses) {
        let asked = Asked::default();
        (Requests::new(asked.clone()), Responses::new(asked))
    }

    #[test]
    fn only_what_was_asked_is_rewritten_however_the_bytes_are_cut() {
        let produce = request(0, 9, 7, &[1; 300]);
        let asks = [produce, request(10, 0, 8, b"group"), request(1, 15, 9, &[])].concat();
        let answers =
            [framed(&[0, 0, 0, 7, 5, 5]), coordinator(8, "far.example", 9092), framed(&[0, 0, 0, 9])]
                .concat();
        let expected =
            [framed(&[0, 0, 0, 7, 5, 5]), coordinator(8, "127.0.0.1", 4001), framed(&[0, 0, 0, 9])].concat();
        for step in 1..40 {
            let (mut requests, mut responses) = conversation();
            assert!(asks.chunks(step).all(|bytes| requests.see(bytes).is_none()));
            let mut out = Vec::new();
            for bytes in answers.chunks(step) {
                out.extend(
                    responses.pass(bytes, &|id| (id == 1).then_some(4001), &mut |note| panic!("{note}")),
                );
            }
            assert_eq!(out, expected, "in pieces of {step}");
        }
    }

    #[test]
    fn an_answer_that_is_not_understood_passes_and_is_noted() {
        let (mut requests, mut responses) = conversation();
        assert_eq!(requests.see(&request(3, 99, 1, &[])), None);
        let answer = framed(&[0, 0, 0, 1, 9, 9, 9]);
        let mut notes = Vec::new();
        assert_eq!(responses.pass(&answer, &|_| Some(1), &mut |note| notes.push(note)), answer);
        assert!(notes.len() == 1 && notes[0].contains("Metadata response (version 99)"), "{notes:?}");
    }

    #[test]
    fn a_broker_that_is_not_proxied_is_named() {
        let (mut requests, mut responses) = conversation();
        requests.see(&request(10, 0, 1, &[]));
        let answer = coordinator(1, "far.example", 9092);
        let mut notes = Vec::new();
        assert_eq!(responses.pass(&answer, &|_| None, &mut |note| notes.push(note)), answer);
        assert!(notes[0].starts_with("broker 1 came after"), "{notes:?}");
    }

    /// A TLS handshake begins with 22, 3, 1, and a length.
    #[test]
    fn what_is_encrypted_passes_and_is_noted_once() {
        let (mut requests, mut responses) = conversation();
        let hello = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];
        assert!(requests.see(&hello).is_some_and(|note| note.contains("TLS")));
        assert_eq!(requests.see(&hello), None);
        let mut notes = 0;
        let mut out = Vec::new();
        for _ in 0..2 {
            out.extend(responses.pass(&hello, &|_| Some(1), &mut |_| notes += 1));
        }
        assert_eq!((out, notes), ([hello, hello].concat(), 1));
    }

    /// SASL tokens of the old handshake are a length and bytes, which may be shorter than any head.
    #[test]
    fn frames_shorter_than_a_head_keep_their_place() {
        let (mut requests, mut responses) = conversation();
        requests.see(&[framed(&[]), framed(&[1]), request(10, 0, 8, b"group")].concat());
        let answers = [framed(&[]), framed(&[1, 2]), coordinator(8, "far.example", 1)].concat();
        let expected = [framed(&[]), framed(&[1, 2]), coordinator(8, "127.0.0.1", 2)].concat();
        assert_eq!(responses.pass(&answers, &|_| Some(2), &mut |note| panic!("{note}")), expected);
    }
}
