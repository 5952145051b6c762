//! What Pusher's clients need from us: signatures of subscriptions (`identity.md` 3.2).

use super::channel::Wanted;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::Sha256;
use utoipa::ToSchema;
use vigie_events::ids::UserId;

/// Longest `user_info` that is looked at, as JSON.
pub const MAX_USER_INFO_BYTES: usize = 2_048;
/// Fields of `user_info` that a client may set (W37).
const USER_INFO: [&str; 3] = ["name", "color", "initials"];
const MAX_INFO_CHARS: usize = 80;

/// One connection of a client: `digits.digits`.
#[derive(Debug, Clone, Copy)]
pub struct SocketId<'a>(&'a str);

impl<'a> SocketId<'a> {
    /// Reads one.
    pub fn parse(text: &'a str) -> Option<Self> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let (left, right) = text.split_once('.')?;
        (digits(left) && digits(right)).then_some(Self(text))
    }
}

/// What a client shows Pusher.
#[derive(Debug, Serialize, ToSchema)]
pub struct Signature {
    /// Who is present, the very text that was signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_data: Option<String>,
    /// `<key>:<signature>`.
    auth: String,
}

/// Signs a subscription; of a presence channel with who is present.
pub fn sign(
    (key, secret): (&str, &SecretString),
    SocketId(socket): SocketId<'_>,
    channel: &str,
    channel_data: Option<String>,
) -> Signature {
    let text = match &channel_data {
        None => format!("{socket}:{channel}"),
        Some(data) => format!("{socket}:{channel}:{data}"),
    };
    let signed = hmac_hex(secret, text.as_bytes());
    Signature {
        channel_data,
        auth: format!("{key}:{signed}"),
    }
}

/// What a client shows Pusher to be known as a user there.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserSignature {
    /// `<key>:<signature>`.
    auth: String,
    /// Who it is, the very text that was signed.
    user_data: String,
}

/// Signs that a connection is this user's, by the id that ends it again.
pub fn sign_user(
    (key, secret): (&str, &SecretString),
    SocketId(socket): SocketId<'_>,
    user_id: UserId,
) -> UserSignature {
    let user_data = serde_json::json!({ "id": user_id.to_string() }).to_string();
    let signed = hmac_hex(secret, format!("{socket}::user::{user_data}").as_bytes());
    UserSignature {
        auth: format!("{key}:{signed}"),
        user_data,
    }
}

/// HMAC-SHA256 in lower-case hexadecimal.
pub fn hmac_hex(secret: &SecretString, text: &[u8]) -> String {
    let secret = secret.expose_secret().as_bytes();
    // A key of any length will do.
    let mac = Hmac::<Sha256>::new_from_slice(secret).map(|mac| mac.chain_update(text));
    mac.map(|mac| hex::encode(mac.finalize().into_bytes()))
        .unwrap_or_default()
}

/// Who is present: the id, a name, and what the client may say of itself.
pub fn channel_data(user_id: &str, email: &str, info: Option<&Map<String, Value>>) -> String {
    #[derive(Serialize)]
    struct Present<'a> {
        user_id: &'a str,
        user_info: Map<String, Value>,
    }
    let mut user_info = Map::new();
    for field in USER_INFO {
        let text = info
            .and_then(|info| info.get(field))
            .and_then(Value::as_str);
        let text = text.map(str::trim).filter(|text| !text.is_empty());
        if let Some(text) = text {
            let short: String = text.chars().take(MAX_INFO_CHARS).collect();
            user_info.insert(field.to_owned(), short.into());
        }
    }
    let own = email.split('@').next().unwrap_or_default();
    user_info.entry("name").or_insert_with(|| Value::from(own));
    user_info.insert("id".to_owned(), user_id.into());
    // Texts always serialise.
    serde_json::to_string(&Present { user_id, user_info }).unwrap_or_default()
}

/// Whether a channel shows who is present.
pub fn is_presence(wanted: &Wanted) -> bool {
    wanted.name.starts_with("presence-")
}

#[cfg(test)]
mod tests {
    use super::{SocketId, channel_data, sign, sign_user};
    use rstest::rstest;
    use serde_json::{Value, json};

    fn signed(channel: &str, data: Option<&str>) -> Value {
        let socket = SocketId::parse("1.2").unwrap();
        let signature = sign(("k", &"s".into()), socket, channel, data.map(str::to_owned));
        serde_json::to_value(signature).unwrap()
    }

    #[test]
    fn signs_the_vectors_of_the_contract() {
        assert_eq!(
            signed("private-job-anything", None),
            json!({"auth": "k:91aebaf5f3808a45572571893740a94839cadd0a4aeea8c8371c604b30549a02"})
        );
        let data = r#"{"user_id":"1","user_info":{"name":"N","email":"boss@example.test","roles":["admin"]}}"#;
        assert_eq!(
            signed("presence-global", Some(data)),
            json!({"channel_data": data,
                "auth": "k:e08e97b64a97be3b6c30b197a895379d31d7a9d83a2ea15e0e1e3cb2a02eb9a4"})
        );
    }

    /// Pusher's protocol has no vector for this one: computed apart.
    #[test]
    fn signs_users() {
        let socket = SocketId::parse("1.2").unwrap();
        let signed = sign_user(("k", &"s".into()), socket, "42".parse().unwrap());
        assert_eq!(
            serde_json::to_value(signed).unwrap(),
            json!({"user_data": r#"{"id":"42"}"#,
                "auth": "k:2ad2dd92cbde039745a7dbf6221bfc546b02cba221a40dbbd5b3af761c9a10ea"})
        );
    }

    #[rstest]
    #[case("1.2", true)]
    #[case("123456.7890", true)]
    #[case("1", false)]
    #[case("1.", false)]
    #[case(".2", false)]
    #[case("1.2.3", false)]
    #[case("1.2:private-x", false)]
    #[case("+1.2", false)]
    fn sockets_are_two_numbers(#[case] text: &str, #[case] good: bool) {
        assert_eq!(SocketId::parse(text).is_some(), good);
    }

    #[test]
    fn who_is_present_shows_no_address_and_no_roles() {
        let info = json!({"name": " Claire ", "email": "boss@vigie.test", "roles": ["admin"],
            "id": "1", "user_id": "1", "initials": "x".repeat(100), "color": 7});
        let data = channel_data("42", "claire@vigie.test", info.as_object());
        let present: Value = serde_json::from_str(&data).unwrap();
        assert_eq!(
            present,
            json!({"user_id": "42",
                "user_info": {"id": "42", "name": "Claire", "initials": "x".repeat(80)}})
        );
        assert!(
            data.starts_with(r#"{"user_id":"42","user_info":{"#),
            "{data}"
        );
        let data = channel_data("42", "claire@vigie.test", None);
        assert!(
            data.contains(r#""name":"claire""#) && !data.contains('@'),
            "{data}"
        );
    }
}
