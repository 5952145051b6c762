//! How a body is signed (fiches.md 6.3): twice in the manner of the predecessor, and as Standard
//! Webhooks has it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac::{HMAC_SHA256, Key, Tag, sign};
use secrecy::{ExposeSecret, SecretString};

/// Shorter keys in base64 are taken for words that merely look like it.
const LEAST_KEY_BYTES: usize = 24;

/// `X-Webhook-Signature`: over the body alone.
pub fn v1(secret: &SecretString, body: &[u8]) -> String {
    let key = Key::new(HMAC_SHA256, secret.expose_secret().as_bytes());
    format!("sha256={}", hex::encode(sign(&key, body)))
}

/// `X-Webhook-Signature-V2`: over the header `X-Webhook-Timestamp` and the body.
pub fn v2(secret: &SecretString, timestamp: &str, body: &[u8]) -> String {
    let key = Key::new(HMAC_SHA256, secret.expose_secret().as_bytes());
    let tag = dotted(&key, &[timestamp.as_bytes(), body]);
    format!("sha256={}", hex::encode(tag))
}

/// `webhook-signature`: one signature a secret, so that receivers may know either while it is rotated.
pub fn standard(secrets: &[SecretString], id: &str, seconds: i64, body: &[u8]) -> String {
    let seconds = seconds.to_string();
    let one = |secret: &SecretString| {
        let key = Key::new(HMAC_SHA256, &standard_key(secret));
        let tag = dotted(&key, &[id.as_bytes(), seconds.as_bytes(), body]);
        format!("v1,{}", STANDARD.encode(tag))
    };
    secrets.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn standard_key(secret: &SecretString) -> Vec<u8> {
    let text = secret.expose_secret();
    text.strip_prefix("whsec_")
        .and_then(|key| STANDARD.decode(key).ok())
        .filter(|key| key.len() >= LEAST_KEY_BYTES)
        .unwrap_or_else(|| text.as_bytes().to_vec())
}

fn dotted(key: &Key, parts: &[&[u8]]) -> Tag {
    sign(key, &parts.join(&b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"event":"failed","jobId":"cmkx0job0001","timestamp":"2026-01-14T12:35:30.100Z","data":{"status":"failed","error":"1 date(s) failed during progressive fetch"}}"#;

    #[test]
    fn the_vector_of_the_contract() {
        let secret = "whsec_demo".into();
        assert_eq!(
            v1(&secret, BODY),
            "sha256=7f3e45aee6b5b07744eaec5ef3d34de2d814fd2b430a6069ed220ac9214a5d31"
        );
        assert_eq!(
            v2(&secret, "2026-01-14T12:35:30.100Z", BODY),
            "sha256=14a5a3881b034b3d02229f96e249ed3501fa48284d0f7f5ded9cca32cddd270c"
        );
    }

    /// The example of <https://github.com/standard-webhooks/standard-webhooks>.
    #[test]
    fn the_vector_of_standard_webhooks() {
        let secret: SecretString = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into();
        let signed = standard(
            std::slice::from_ref(&secret),
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let both = standard(&[secret, "short".into()], "i", 1, b"");
        assert_eq!(both.split(' ').count(), 2);
    }

    #[test]
    fn a_secret_that_is_no_long_base64_is_taken_as_it_is() {
        let short: SecretString = format!("whsec_{}", STANDARD.encode([7; 23])).into();
        assert_eq!(standard_key(&short), short.expose_secret().as_bytes());
        let long: SecretString = format!("whsec_{}", STANDARD.encode([7; 24])).into();
        assert_eq!(standard_key(&long), [7; 24]);
    }
}
