//! What a client's bytes go through before anything looks at what they say: the frames of
//! the connection, and the decoder of messages.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use pillars_kernel::Codec;

#[allow(dead_code, reason = "the kernel's own file")]
#[path = "../../src/kernel/frames.rs"]
mod frames;

use frames::Frames;

fuzz_target!(|data: &[u8]| {
    // The first byte says how the stream is cut into pieces.
    let Some((size, stream)) = data.split_first() else { return };
    assert_eq!(follow(stream, usize::from(*size) + 1), follow(stream, stream.len().max(1)));
    decode(stream);
});

/// What passes and what is answered, or that the connection is ended.
fn follow(stream: &[u8], size: usize) -> Result<(Vec<u8>, Vec<Vec<u8>>), &'static str> {
    let (mut frames, mut rest, mut pongs) = (Frames::default(), vec![], vec![]);
    for piece in [&[0; 64], stream].concat().chunks(size) {
        let seen = frames.pass(piece)?;
        assert!(seen.boundary.is_none_or(|at| at <= seen.rest.len()));
        rest.extend(seen.rest);
        pongs.extend(seen.pongs);
    }
    Ok((rest, pongs))
}

/// The stream as the frames of one message, each after its length in two bytes. What is
/// read and written again is read as the same.
fn decode(mut stream: &[u8]) {
    let mut parts = vec![];
    while let [high, low, rest @ ..] = stream {
        let length = (usize::from(*high) << 8 | usize::from(*low)).min(rest.len());
        let (frame, rest) = rest.split_at(length);
        parts.push(Bytes::copy_from_slice(frame));
        stream = rest;
    }
    for key in ["", "a key"] {
        let Ok(mut codec) = Codec::new(key, "hmac-sha256") else { return };
        let Ok(message) = codec.decode(&parts) else { continue };
        let again = codec.encode(&message);
        match Codec::new(key, "hmac-sha256").and_then(|mut codec| codec.decode(&again)) {
            Ok(back) => assert_eq!(format!("{back:?}"), format!("{message:?}")),
            Err(error) => panic!("what was written cannot be read: {error}"),
        }
    }
}
