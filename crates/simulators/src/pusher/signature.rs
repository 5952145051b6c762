//! Pusher's request signature: HMAC-SHA256 over method, path and sorted query.

use std::collections::BTreeMap;

use axum::http::Uri;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use secrecy::ExposeSecret;
use sha2::Sha256;

use super::Options;

/// Seconds a signature stays valid, either way.
const VALID_SECONDS: i64 = 600;

/// Refuses a request that was not signed with the known secret; says why, as Pusher does.
pub(super) fn verify(
    options: &Options,
    uri: &Uri,
    body: &[u8],
    now: i64,
) -> Result<(), &'static str> {
    let query: BTreeMap<String, String> = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let value = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();

    if value("auth_key") != options.key {
        return Err("Unknown auth_key\n");
    }
    if value("auth_version") != "1.0" {
        return Err("Invalid version, expecting auth_version=1.0\n");
    }
    let timestamp: i64 = value("auth_timestamp").parse().unwrap_or_default();
    if now.saturating_sub(timestamp).abs() > VALID_SECONDS {
        return Err("Timestamp expired: Given timestamp not within 600s of server time\n");
    }
    if value("body_md5") != hex::encode(Md5::digest(body)) {
        return Err("Invalid body_md5\n");
    }
    let signed: Vec<String> = query
        .iter()
        .filter(|(name, _)| *name != "auth_signature")
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let text = format!("POST\n{}\n{}", uri.path(), signed.join("&"));
    let given = hex::decode(value("auth_signature")).unwrap_or_default();
    let mac = Hmac::<Sha256>::new_from_slice(options.secret.expose_secret().as_bytes());
    match mac.map(|mac| mac.chain_update(text.as_bytes()).verify_slice(&given)) {
        Ok(Ok(())) => Ok(()),
        _ => Err("Invalid signature\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of Pusher's own documentation.
    const BODY: &str = r#"{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}"#;
    const SIGNATURE: &str = "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c";

    fn example(signature: &str) -> Result<(), &'static str> {
        let options = Options {
            key: "278d425bdf160c739803".to_owned(),
            secret: "7ad3773142a6692b25b8".into(),
        };
        let uri: Uri = format!(
            "/apps/3/events?auth_key=278d425bdf160c739803&auth_timestamp=1353088179\
             &auth_version=1.0&body_md5=ec365a775a4cd0599faeb73354201b6f&auth_signature={signature}"
        )
        .parse()
        .unwrap();
        verify(&options, &uri, BODY.as_bytes(), 1_353_088_200)
    }

    #[test]
    fn the_documented_example_verifies() {
        assert_eq!(example(SIGNATURE), Ok(()));
    }

    #[test]
    fn another_signature_does_not() {
        let forged = SIGNATURE.replace("da45", "da46");
        assert_eq!(example(&forged), Err("Invalid signature\n"));
        assert_eq!(example(""), Err("Invalid signature\n"));
    }
}
