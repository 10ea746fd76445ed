//! A bearer shaped as the real ones are: a JWT whose claims name the host, the account and the features. It is signed by
//! nobody: clients read the claims without checking, and the server compares the whole text.

use std::net::SocketAddr;

use serde_json::json;

use super::base64;
use crate::base::time::{SECOND, Ticks, UNIX_EPOCH};
use crate::event::Feed;

pub(super) fn issue(addr: SocketAddr, account: &str, integration: &str, features: &[Feed], at: Ticks) -> String {
    let header = json!({ "alg": "ES256", "kid": "demo", "typ": "JWT" });
    let features: Vec<&str> = features.iter().map(|feed| feed.name()).collect();
    let mut chance = fastrand::Rng::new();
    let mut random =
        |bytes: usize| base64::encode(&std::iter::repeat_with(|| chance.u8(..)).take(bytes).collect::<Vec<_>>());
    let claims = json!({
        "1password.com/auuid": account,
        "1password.com/fts": features,
        "aud": [addr.to_string()],
        "iat": (at.0 - UNIX_EPOCH) / SECOND,
        "iss": "com.1password.b5",
        "jti": random(16),
        "sub": integration,
    });
    let part = |value: &serde_json::Value| base64::encode(value.to_string().as_bytes());
    format!("{}.{}.{}", part(&header), part(&claims), random(64))
}
