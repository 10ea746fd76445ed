//! Cursors: opaque to clients, about 200 characters, good for one server's history only. The same place gives the same
//! cursor, so that it comes back over and over at the tail.

use super::base64;
use crate::demo::Nanos;
use crate::demo::ids::mix;
use crate::event::Feed;

/// Bytes before base64: 150 make 200 characters.
const LENGTH: usize = 150;
const USED: usize = 28;

/// Where a chain of pages stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub feed: Feed,
    /// The page size of the whole chain.
    pub limit: u16,
    /// The next event to look at, in order of arrival.
    pub position: u64,
    /// The window of the whole chain, on the event's time: `start` included, `end` not.
    pub start: Nanos,
    pub end: Nanos,
}

impl Cursor {
    pub fn encode(&self, secret: u64) -> String {
        let mut bytes = [0; LENGTH];
        bytes[0] = self.feed as u8;
        bytes[2..4].copy_from_slice(&self.limit.to_le_bytes());
        bytes[4..12].copy_from_slice(&self.position.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.start.to_le_bytes());
        bytes[20..USED].copy_from_slice(&self.end.to_le_bytes());
        let seal = seal(&bytes[..USED], secret);
        bytes[USED..USED + 8].copy_from_slice(&seal.to_le_bytes());
        veil(&mut bytes[8 + USED..], seal);
        // Everything but the seal itself is veiled by it.
        veil(&mut bytes[..USED], seal ^ secret);
        base64::encode(&bytes)
    }

    /// `None` where this server has not made it.
    pub fn decode(text: &str, secret: u64) -> Option<Self> {
        let mut bytes: [u8; LENGTH] = base64::decode(text)?.try_into().ok()?;
        let word = |bytes: &[u8], at: usize| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&bytes[at..at + 8]);
            eight
        };
        let sealed = u64::from_le_bytes(word(&bytes, USED));
        veil(&mut bytes[..USED], sealed ^ secret);
        if seal(&bytes[..USED], secret) != sealed {
            return None;
        }
        Some(Self {
            feed: *Feed::STORED.get(usize::from(bytes[0]))?,
            limit: u16::from_le_bytes([bytes[2], bytes[3]]),
            position: u64::from_le_bytes(word(&bytes, 4)),
            start: Nanos::from_le_bytes(word(&bytes, 12)),
            end: Nanos::from_le_bytes(word(&bytes, 20)),
        })
    }
}

/// Not cryptography: it tells this server's cursors from others'.
fn seal(bytes: &[u8], secret: u64) -> u64 {
    bytes.iter().fold(mix(secret), |hash, &b| mix(hash ^ u64::from(b)))
}

fn veil(bytes: &mut [u8], key: u64) {
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte ^= mix(key ^ n as u64) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_opaque_and_good_for_its_own_server() {
        let cursor = Cursor { feed: Feed::AuditEvents, limit: 1000, position: 77, start: -5, end: Nanos::MAX };
        let text = cursor.encode(9);
        assert_eq!(text.len(), 200);
        assert_eq!(text, cursor.encode(9));
        assert_eq!(Cursor::decode(&text, 9), Some(cursor));
        assert_eq!(Cursor::decode(&text, 10), None);
        let other = Cursor { position: 78, ..cursor }.encode(9);
        let same = text.bytes().zip(other.bytes()).filter(|(a, b)| a == b).count();
        assert!(same < 40, "{same} characters in common");
        for bad in ["", "x", &text[1..], &text.replace(&text[60..64], "AAAA"), &text.to_lowercase()] {
            let decoded = Cursor::decode(bad, 9);
            assert!(decoded.is_none() || decoded == Some(cursor), "{bad}");
        }
    }
}
