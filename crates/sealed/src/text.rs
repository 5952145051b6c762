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
        let sealed = text
            .strip_prefix(MARK)
            .and_then(|text| STANDARD_NO_PAD.decode(text).ok())
            .filter(|sealed| sealed.len() >= NONCE_LEN + AES_256_GCM.tag_len());
        sealed.map(|sealed| self.open(context, &sealed)).transpose()
    }
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
        for clear in ["", "secret", "sealed:v1:", "sealed:v1:?", "sealed:v1:abcd"] {
            assert_eq!(keys.open_text("a", clear).unwrap(), None, "{clear}");
        }
    }
}
