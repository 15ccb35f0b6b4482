//! The frames of a connection (ZMTP 3.1, RFC 37), followed in a stream of bytes however it is
//! cut into pieces. Of what they hold it knows two commands: that in which a peer tells its
//! name, and the heartbeat.

/// The longest message that is let in, all its frames together, in bytes.
const LONGEST: u64 = 1 << 30;

/// The most frames of one message.
const FRAMES: u32 = 10_000;

/// The longest command, in bytes. That of the standard is some hundred.
const COMMAND: u64 = 1 << 16;

/// The greeting with which every connection begins, in bytes.
const GREETING: u64 = 64;

const MORE: u8 = 1;
const LONG: u8 = 2;
const IS_COMMAND: u8 = 4;

const PING: &[u8] = b"\x04PING";
const READY: &[u8] = b"\x05READY";
const NAME: &[u8] = b"Identity";

/// The longest name of a peer, in bytes: the protocol's 255 without a number.
const LONGEST_NAME: usize = 240;

/// The most of a PING's context that is sent back, in bytes.
const CONTEXT: usize = 16;

/// Why a stream is none that can be served.
pub type Reason = &'static str;

/// A frame follower.
#[derive(Default)]
pub struct Frames {
    /// What a peer's name is preceded by when it is passed on; nothing: it is left alone.
    number: Option<[u8; 8]>,
    /// Bytes that have passed of the greeting.
    greeted: u64,
    /// The head of the frame that begins: flags and length.
    head: Vec<u8>,
    /// Bytes that are to come of the frame's body.
    body: u64,
    /// A command so far, head and body; it is passed on when it is whole.
    command: Option<Vec<u8>>,
    /// Where in `command` the body begins.
    begins: usize,
    /// Bytes and frames of the message so far.
    bytes: u64,
    count: u32,
}

/// What has been seen in a piece of a stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// What is to be passed on: all but heartbeats.
    pub rest: Vec<u8>,
    /// Answers to the heartbeats, whole frames.
    pub pongs: Vec<Vec<u8>>,
    /// The peer's name, once it has told it; it may be empty.
    pub name: Option<Vec<u8>>,
    /// One past the first byte of `rest` after which a message had ended.
    pub boundary: Option<usize>,
}

impl Frames {
    /// Follows what a peer sends, and has this number passed on before its name.
    pub fn numbered(number: u64) -> Self {
        Self { number: Some(number.to_be_bytes()), ..Self::default() }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// They cannot be served: too much, or no frames.
    pub fn pass(&mut self, mut bytes: &[u8]) -> Result<Seen, Reason> {
        let mut seen = Seen { rest: Vec::with_capacity(bytes.len()), ..Seen::default() };
        while !bytes.is_empty() {
            let count = if self.greeted < GREETING {
                let count = bytes.len().min((GREETING - self.greeted) as usize);
                self.greeted += count as u64;
                seen.rest.extend_from_slice(&bytes[..count]);
                count
            } else if self.body > 0 {
                let count = bytes.len().min(usize::try_from(self.body).unwrap_or(usize::MAX));
                self.body -= count as u64;
                self.command.as_mut().unwrap_or(&mut seen.rest).extend_from_slice(&bytes[..count]);
                count
            } else {
                self.head.push(bytes[0]);
                self.begin(&mut seen)?;
                1
            };
            bytes = &bytes[count..];
            if self.body == 0
                && self.head.is_empty()
                && let Some(command) = self.command.take()
            {
                let body = &command[self.begins..];
                match (pong(body), self.number, body.strip_prefix(READY)) {
                    (Some(pong), ..) => seen.pongs.push(pong),
                    (None, Some(number), Some(properties)) => {
                        let (name, command) = named(properties, number)?;
                        seen.name = Some(name);
                        seen.rest.extend(command);
                    }
                    _ => seen.rest.extend(command),
                }
            }
            if self.is_between() {
                seen.boundary.get_or_insert(seen.rest.len());
            }
        }
        Ok(seen)
    }

    /// Whether what came last was the end of the greeting, of a message, or of a command that
    /// stands between messages.
    pub fn is_between(&self) -> bool {
        self.greeted == GREETING && self.body == 0 && self.head.is_empty() && self.count == 0
    }

    /// Begins a frame if its head is whole.
    fn begin(&mut self, seen: &mut Seen) -> Result<(), Reason> {
        let (flags, length) = (self.head[0], &self.head[1..]);
        if flags & !(MORE | LONG | IS_COMMAND) != 0 {
            return Err("it sent what is no frame");
        }
        let length = match (flags & LONG != 0, length) {
            (false, [length]) => u64::from(*length),
            (true, length) if length.len() == 8 => {
                length.iter().fold(0, |all, byte| all << 8 | u64::from(*byte))
            }
            _ => return Ok(()),
        };
        let head = std::mem::take(&mut self.head);
        self.body = length;
        if flags & IS_COMMAND != 0 {
            if length > COMMAND {
                return Err("it sent a command that is none of the protocol");
            }
            self.begins = head.len();
            self.command = Some(head);
            return Ok(());
        }
        seen.rest.extend(head);
        self.count += 1;
        self.bytes = self.bytes.saturating_add(length);
        if self.bytes > LONGEST {
            return Err("it sent a message longer than a gigabyte");
        }
        if self.count > FRAMES {
            return Err("it sent a message of more than 10,000 frames");
        }
        if flags & MORE == 0 {
            (self.bytes, self.count) = (0, 0);
        }
        Ok(())
    }
}

/// The name in a READY's properties, and the command with the number before that name.
fn named(mut properties: &[u8], number: [u8; 8]) -> Result<(Vec<u8>, Vec<u8>), Reason> {
    const NONE: Reason = "it sent a command that is none of the protocol";
    let (mut name, mut others) = (vec![], READY.to_vec());
    while let Some((length, rest)) = properties.split_first() {
        let (key, rest) = rest.split_at_checked(usize::from(*length)).ok_or(NONE)?;
        let (length, rest) = rest.split_first_chunk().ok_or(NONE)?;
        let length = u32::from_be_bytes(*length) as usize;
        let (value, rest) = rest.split_at_checked(length).ok_or(NONE)?;
        if key.eq_ignore_ascii_case(NAME) {
            name = value.to_vec();
        } else {
            others.extend(&properties[..properties.len() - rest.len()]);
        }
        properties = rest;
    }
    if name.len() > LONGEST_NAME {
        return Err("its name is too long");
    }
    let value = [&number, &*name].concat();
    others.push(NAME.len() as u8);
    others.extend([NAME, &(value.len() as u32).to_be_bytes(), &value].concat());
    let head = match u8::try_from(others.len()) {
        Ok(length) => vec![IS_COMMAND, length],
        Err(_) => [&[IS_COMMAND | LONG], &(others.len() as u64).to_be_bytes()[..]].concat(),
    };
    Ok((name, [head, others].concat()))
}

/// The answer to a PING: a frame that gives its context back.
fn pong(command: &[u8]) -> Option<Vec<u8>> {
    // Two bytes tell how long the peer will wait.
    let context = command.strip_prefix(PING)?.get(2..)?;
    let context = &context[..context.len().min(CONTEXT)];
    let body = [b"\x04PONG", context].concat();
    Some([&[IS_COMMAND, body.len() as u8], &*body].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(flags: u8, length: u64) -> Vec<u8> {
        [&[flags | LONG][..], &length.to_be_bytes()].concat()
    }

    fn short(flags: u8, body: &[u8]) -> Vec<u8> {
        [&[flags, body.len() as u8], body].concat()
    }

    fn many(count: usize) -> Vec<u8> {
        [short(MORE, b"x").repeat(count), short(0, b"")].concat()
    }

    fn greeted(stream: &[u8]) -> Vec<u8> {
        [&[0xff; GREETING as usize], stream].concat()
    }

    /// All that is passed on of a stream, with a `|` where a message ends first in a piece;
    /// and the answers.
    fn passed(stream: &[u8], size: usize) -> Result<(Vec<u8>, Vec<Vec<u8>>), Reason> {
        let (mut frames, mut rest, mut pongs) = (Frames::default(), vec![], vec![]);
        for piece in greeted(stream).chunks(size) {
            let seen = frames.pass(piece)?;
            rest.extend(seen.rest);
            pongs.extend(seen.pongs);
        }
        Ok((rest, pongs))
    }

    /// Streams as a client could send them after its greeting, and whether they pass.
    #[test]
    fn frames_are_followed_however_they_are_cut() {
        let cases: [(&str, Vec<u8>, bool); 10] = [
            ("nothing", vec![], true),
            (
                "a command and a message",
                [short(4, b"\x05READY"), short(1, b"id"), short(0, b"{}")].concat(),
                true,
            ),
            ("a long frame", [long(0, 300), vec![7; 300], short(0, b"x")].concat(), true),
            ("an empty frame", short(0, b""), true),
            ("a body that looks like a frame", short(0, &[0xff; 200]), true),
            ("a frame of 2^46 bytes", long(0, 1 << 46), false),
            (
                "frames that are too long together",
                [long(1, 1), vec![1], long(0, LONGEST)].concat(),
                false,
            ),
            ("too many frames", many(FRAMES as usize), false),
            ("a command of a megabyte", long(IS_COMMAND, 1 << 20), false),
            ("no frame", vec![0xff; 9], false),
        ];
        for (name, stream, passes) in cases {
            for size in [1, 7, stream.len() + 64] {
                let expected = passes.then(|| (greeted(&stream), vec![]));
                assert_eq!(passed(&stream, size).ok(), expected, "{name} in pieces of {size}");
            }
        }
        // Messages one after the other may be many.
        let mut frames = Frames { greeted: GREETING, ..Frames::default() };
        assert!((0..3).all(|_| frames.pass(&many(FRAMES as usize - 1)).is_ok()));
    }

    #[test]
    fn heartbeats_are_answered_and_not_passed_on() {
        let ping = |context: &[u8]| short(IS_COMMAND, &[PING, b"\x00\x1e", context].concat());
        let [ready, id, body] = [short(4, b"\x05READY"), short(1, b"id"), short(0, b"{}")];
        // Also between the frames of a message, as libzmq may send them.
        let stream = [&*ready, &ping(b""), &id, &ping(b"abc"), &body, &ping(&[7; 40])].concat();
        let rest = greeted(&[ready, id, body].concat());
        let pong = |context: &[u8]| short(IS_COMMAND, &[b"\x04PONG", context].concat());
        for size in 1..=stream.len() {
            let (passed, pongs) = passed(&stream, size).unwrap();
            assert_eq!(passed, rest, "in pieces of {size}");
            assert_eq!(pongs, [pong(b""), pong(b"abc"), pong(&[7; 16])], "in pieces of {size}");
        }
        // One that is cut short is passed on, for the socket to judge.
        assert_eq!(pong_of_short(), None);
    }

    fn pong_of_short() -> Option<Vec<u8>> {
        pong(b"\x04PING\x00")
    }

    #[test]
    fn a_name_is_told_and_passed_on_with_its_number() {
        let property = |key: &[u8], value: &[u8]| {
            [&[key.len() as u8], key, &(value.len() as u32).to_be_bytes(), value].concat()
        };
        let ready =
            |properties: &[Vec<u8>]| short(IS_COMMAND, &[READY, &properties.concat()].concat());
        let kind = property(b"Socket-Type", b"DEALER");
        let number = 7u64.to_be_bytes();
        for (told, name) in [
            (vec![kind.clone()], &b""[..]),
            (vec![kind.clone(), property(NAME, b"")], b""),
            (vec![property(b"identity", b"jupyter"), kind.clone()], b"jupyter"),
        ] {
            let mut frames = Frames { greeted: GREETING, ..Frames::numbered(7) };
            let seen = frames.pass(&ready(&told)).unwrap();
            assert_eq!(seen.name.as_deref(), Some(name));
            let passed = property(NAME, &[&number, name].concat());
            let body = [READY, &kind, &passed].concat();
            assert_eq!(seen.rest, short(IS_COMMAND, &body));
            assert!(frames.is_between());
        }
        for cut in [vec![9], property(b"a", b"bcd")[..5].to_vec(), property(NAME, &[b'x'; 300])] {
            let mut frames = Frames { greeted: GREETING, ..Frames::numbered(7) };
            let command = [READY, &cut].concat();
            let whole = [long(IS_COMMAND, command.len() as u64), command].concat();
            assert!(frames.pass(&whole).is_err(), "{cut:?}");
        }
    }

    #[test]
    fn an_answer_finds_its_place_between_messages() {
        let mut frames = Frames { greeted: GREETING, ..Frames::default() };
        let message = [short(MORE, b"id"), short(0, b"{}")].concat();
        let seen = frames.pass(&[&*message, &message[..3]].concat()).unwrap();
        assert_eq!((seen.boundary, frames.is_between()), (Some(message.len()), false));
        assert_eq!(frames.pass(&message[3..5]).unwrap().boundary, None);
        // The head that began in the piece before is passed on when it is whole.
        let seen = frames.pass(&message[5..]).unwrap();
        assert_eq!((seen.boundary, seen.rest), (Some(4), message[4..].to_vec()));
        assert!(frames.is_between());
    }
}
