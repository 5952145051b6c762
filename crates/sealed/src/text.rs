use crate::{SealError, SealingKeys};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::aead::{AES_256_GCM, NONCE_LEN};

/// Stands before what is sealed, so that a column may hold clear texts from before there was a key.
const MARK: &str = "sealed:v1:";

impl SealingKeys {
    /// Whether anything can be sealed.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// [`SealingKeys::seal`], as a text for a text column.
    pub fn seal_text(&self, context: &str, secret: &[u8]) -> Result<String, SealError> {
        let sealed = self.seal(context, secret)?;
        Ok(format!("{MARK}{}", STANDARD_NO_PAD.encode(sealed)))
    }

    /// What [`SealingKeys::seal_text`] sealed; `None` for a clear text.
    pub fn open_text(&self, context: &str, text: &str) -> Result<Option<Vec<u8>>, SealError> {
        let sealed = sealed(text);
        sealed.map(|sealed| self.open(context, &sealed)).transpose()
    }

    /// Whether the key that seals now has sealed this text; what an older one sealed waits to be sealed
    /// anew.
    pub fn is_current(&self, context: &str, text: &str) -> bool {
        let first = self.0.get(..1).unwrap_or_default();
        sealed(text).is_some_and(|sealed| Self::open_by(first, context, &sealed).is_ok())
    }
}

fn sealed(text: &str) -> Option<Vec<u8>> {
    text.strip_prefix(MARK)
        .and_then(|text| STANDARD_NO_PAD.decode(text).ok())
        .filter(|sealed| sealed.len() >= NONCE_LEN + AES_256_GCM.tag_len())
}

#[cfg(test)]
mod tests {
    use crate::SealingKeys;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn texts_come_back_and_clear_ones_are_told_apart() {
        let keys = SealingKeys::parse(&STANDARD.encode([1; 32]).into()).unwrap();
        let sealed = keys.seal_text("a", b"secret").unwrap();
        assert!(sealed.starts_with("sealed:v1:") && !sealed.contains("secret"));
        assert_eq!(
            keys.open_text("a", &sealed).unwrap().as_deref(),
            Some(&b"secret"[..])
        );
        assert!(keys.open_text("b", &sealed).is_err());
        assert!(SealingKeys::default().open_text("a", &sealed).is_err());
        assert!(keys.is_current("a", &sealed) && !keys.is_current("b", &sealed));
        let list = [2, 1].map(|byte| STANDARD.encode([byte; 32])).join(",");
        let rotated = SealingKeys::parse(&list.into()).unwrap();
        assert!(rotated.open_text("a", &sealed).is_ok() && !rotated.is_current("a", &sealed));
        assert!(!rotated.is_current("a", "secret"));
        for clear in ["", "secret", "sealed:v1:", "sealed:v1:?", "sealed:v1:abcd"] {
            assert_eq!(keys.open_text("a", clear).unwrap(), None, "{clear}");
        }
    }
}
