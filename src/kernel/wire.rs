//! One message on the wire: identities, delimiter, signature, four JSON parts,
//! buffers. Headers are kept as JSON maps, so that fields this kernel does not
//! know come back to the client unchanged in `parent_header`.

use crate::error::WireError;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use std::collections::{HashSet, VecDeque};

/// A JSON object: header, metadata, content.
pub type Object = Map<String, Value>;

const DELIMITER: &[u8] = b"<IDS|MSG>";

/// How many signatures are remembered to refuse a replayed message.
const REMEMBERED: usize = 1 << 16;

/// A message, to or from a client.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// Routing prefix: who sent it, or (on iopub) the topic.
    pub identities: Vec<Bytes>,
    /// Who, when, what.
    pub header: Object,
    /// The header of the request that caused this message; empty if none did.
    pub parent: Object,
    /// Free-form.
    pub metadata: Object,
    /// The message itself.
    pub content: Object,
    /// Binary attachments, outside the signature.
    pub buffers: Vec<Bytes>,
}

impl Message {
    /// `msg_type` of the header; empty if there is none.
    pub fn kind(&self) -> &str {
        text(&self.header, "msg_type")
    }

    /// A string of the content; empty if it is missing or of another type.
    pub fn text(&self, field: &str) -> &str {
        text(&self.content, field)
    }

    /// A flag of the content, `default` if it is missing or of another type.
    pub fn flag(&self, field: &str, default: bool) -> bool {
        self.content.get(field).and_then(Value::as_bool).unwrap_or(default)
    }
}

fn text<'a>(object: &'a Object, field: &str) -> &'a str {
    object.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Makes and checks signatures; reads and writes frames.
pub struct Codec {
    key: Option<Hmac<Sha256>>,
    seen: Seen,
}

impl Codec {
    /// A codec for a connection's key; an empty key means unsigned messages.
    pub fn new(key: &str, scheme: &str) -> Result<Self, WireError> {
        let key = match (key, scheme) {
            ("", _) => None,
            (key, "" | "hmac-sha256") => {
                Some(Hmac::new_from_slice(key.as_bytes()).map_err(|_| WireError::Key)?)
            }
            (_, other) => return Err(WireError::Scheme(other.to_owned())),
        };
        Ok(Self { key, seen: Seen::default() })
    }

    /// Reads a message; refuses one that is short, malformed, forged or replayed.
    pub fn decode(&mut self, frames: &[Bytes]) -> Result<Message, WireError> {
        let delimiter =
            frames.iter().position(|frame| frame == DELIMITER).ok_or(WireError::Delimiter)?;
        let [signature, header, parent, metadata, content, buffers @ ..] = &frames[delimiter + 1..]
        else {
            return Err(WireError::Short(frames.len() - delimiter - 1));
        };
        self.check(signature, [header, parent, metadata, content])?;
        let header = object("header", header)?;
        if text(&header, "msg_type").is_empty() {
            return Err(WireError::Part("header"));
        }
        Ok(Message {
            identities: frames[..delimiter].to_vec(),
            header,
            parent: object("parent_header", parent)?,
            metadata: object("metadata", metadata)?,
            content: object("content", content)?,
            buffers: buffers.to_vec(),
        })
    }

    /// Writes a message, signed.
    pub fn encode(&self, message: &Message) -> Vec<Bytes> {
        let parts = [&message.header, &message.parent, &message.metadata, &message.content]
            .map(|part| Bytes::from(json!(part).to_string()));
        let signature = match &self.key {
            Some(key) => hex(&sign(key, parts.each_ref()).finalize().into_bytes()),
            None => String::new(),
        };
        let mut frames = message.identities.clone();
        frames.push(Bytes::from_static(DELIMITER));
        frames.push(Bytes::from(signature));
        frames.extend(parts);
        frames.extend(message.buffers.iter().cloned());
        frames
    }

    fn check(&mut self, signature: &Bytes, parts: [&Bytes; 4]) -> Result<(), WireError> {
        let Some(key) = &self.key else { return Ok(()) };
        let given = unhex(signature).ok_or(WireError::Signature)?;
        // `verify_slice` takes the same time wherever the first difference is.
        sign(key, parts).verify_slice(&given).map_err(|_| WireError::Signature)?;
        if self.seen.add(given) { Ok(()) } else { Err(WireError::Replay) }
    }
}

fn sign(key: &Hmac<Sha256>, parts: [&Bytes; 4]) -> Hmac<Sha256> {
    let mut mac = key.clone();
    parts.into_iter().for_each(|part| mac.update(part));
    mac
}

fn object(part: &'static str, frame: &Bytes) -> Result<Object, WireError> {
    match serde_json::from_slice(frame) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(WireError::Part(part)),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some((digit(high)? * 16 + digit(low)?) as u8)).collect()
}

/// The latest signatures, oldest forgotten first.
#[derive(Default)]
struct Seen {
    set: HashSet<Vec<u8>>,
    order: VecDeque<Vec<u8>>,
}

impl Seen {
    /// Whether the signature is new.
    fn add(&mut self, signature: Vec<u8>) -> bool {
        if !self.set.insert(signature.clone()) {
            return false;
        }
        self.order.push_back(signature);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        let Value::Object(header) = json!({ "msg_type": "kernel_info_request", "odd": "é" })
        else {
            unreachable!()
        };
        Message {
            identities: vec![Bytes::from_static(b"client")],
            header,
            buffers: vec![Bytes::from_static(b"\x00\xff")],
            ..Message::default()
        }
    }

    fn codec() -> Codec {
        Codec::new("secret", "hmac-sha256").unwrap()
    }

    #[test]
    fn a_message_comes_back_as_it_went_with_unknown_fields_and_buffers() {
        let back = codec().decode(&codec().encode(&message())).unwrap();
        assert_eq!(back.header, message().header);
        assert_eq!(back.identities, message().identities);
        assert_eq!(back.buffers, message().buffers);
    }

    /// What an attacker or a broken client may send, and why it is refused.
    #[test]
    fn bad_frames_are_refused() {
        let good = codec().encode(&message());
        let changed = |at: usize, bytes: &'static [u8]| {
            let mut frames = good.clone();
            frames[at] = Bytes::from_static(bytes);
            frames
        };
        let cases: [(&str, Vec<Bytes>); 8] = [
            ("nothing", vec![]),
            ("no delimiter", good[..1].to_vec()),
            ("cut after the delimiter", good[..2].to_vec()),
            ("cut before the content", good[..6].to_vec()),
            ("signature of another key", Codec::new("x", "").unwrap().encode(&message())),
            ("signature not hexadecimal", changed(2, b"zz")),
            ("header changed", changed(3, b"{\"msg_type\":\"shutdown_request\"}")),
            ("content not an object", changed(6, b"[]")),
        ];
        for (case, frames) in cases {
            assert!(codec().decode(&frames).is_err(), "{case} was accepted");
        }
    }

    #[test]
    fn a_replayed_message_is_refused_and_unsigned_ones_are_taken_with_an_empty_key() {
        let mut codec = codec();
        let frames = codec.encode(&message());
        assert!(codec.decode(&frames).is_ok());
        assert!(matches!(codec.decode(&frames), Err(WireError::Replay)));
        let mut open = Codec::new("", "hmac-sha256").unwrap();
        let frames = open.encode(&message());
        assert!(open.decode(&frames).is_ok() && open.decode(&frames).is_ok());
    }

    /// RFC 4231, test case 2.
    #[test]
    fn signatures_are_hmac_sha256() {
        let key = Hmac::new_from_slice(b"Jefe").unwrap();
        let parts = ["what do ya", " want ", "for ", "nothing?"].map(Bytes::from);
        assert_eq!(
            hex(&sign(&key, parts.each_ref()).finalize().into_bytes()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
