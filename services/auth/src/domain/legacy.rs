//! Passwords of imported accounts: `scrypt$1$<N>$<r>$<p>$<salt>$<hash>` (identity.md 1.12).
//! Verified, never produced.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use scrypt::Params;
use subtle::ConstantTimeEq;

const MIN_SALT_BYTES: usize = 8;
const MIN_HASH_BYTES: usize = 32;
const MAX_HASH_BYTES: usize = 128;
/// A stored text must not decide how much memory a login takes: four times the usual 16 MiB.
const MAX_MEMORY_BYTES: u64 = 64 * 1024 * 1024;
const MAX_PARALLELISM: u32 = 16;

/// Whether a stored text has this form.
pub fn is_legacy(stored: &str) -> bool {
    stored.starts_with("scrypt$")
}

/// Whether the password fits. Anything malformed is a no.
pub fn fits(password: &[u8], stored: &str) -> bool {
    check(password, stored).unwrap_or(false)
}

fn check(password: &[u8], stored: &str) -> Option<bool> {
    let parts: Vec<&str> = stored.split('$').collect();
    let ["scrypt", "1", n, r, p, salt, hash] = parts[..] else {
        return None;
    };
    let (n, r, p): (u64, u32, u32) = (n.parse().ok()?, r.parse().ok()?, p.parse().ok()?);
    if n < 2 || !n.is_power_of_two() || r == 0 || p == 0 || p > MAX_PARALLELISM {
        return None;
    }
    let memory = n.checked_mul(128)?.checked_mul(u64::from(r))?;
    let (salt, hash) = (decode(salt)?, decode(hash)?);
    let lengths = MIN_HASH_BYTES..=MAX_HASH_BYTES;
    if memory > MAX_MEMORY_BYTES || salt.len() < MIN_SALT_BYTES || !lengths.contains(&hash.len()) {
        return None;
    }
    let params = Params::new(u8::try_from(n.ilog2()).ok()?, r, p).ok()?;
    let mut computed = vec![0; hash.len()];
    scrypt::scrypt(password, &salt, &params, &mut computed).ok()?;
    Some(computed.ct_eq(&hash).into())
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(password: &str) -> String {
        let salt = [7_u8; 16];
        let mut hash = [0_u8; 64];
        let params = Params::new(4, 8, 1).unwrap();
        scrypt::scrypt(password.as_bytes(), &salt, &params, &mut hash).unwrap();
        let (salt, hash) = (URL_SAFE_NO_PAD.encode(salt), URL_SAFE_NO_PAD.encode(hash));
        format!("scrypt$1$16$8$1${salt}${hash}")
    }

    #[test]
    fn the_vector_of_rfc_7914_fits() {
        let hash = hex::decode(
            "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162\
             2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640",
        )
        .unwrap();
        let (salt, hash) = (URL_SAFE_NO_PAD.encode("NaCl"), URL_SAFE_NO_PAD.encode(hash));
        // Its salt is shorter than ours may be: the rule comes before the computation.
        assert!(!fits(
            b"password",
            &format!("scrypt$1$1024$8$16${salt}${hash}")
        ));
        let hash = hex::decode(
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2\
             d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
        )
        .unwrap();
        let salt = URL_SAFE_NO_PAD.encode("SodiumChloride");
        let hash = URL_SAFE_NO_PAD.encode(hash);
        assert!(fits(
            b"pleaseletmein",
            &format!("scrypt$1$16384$8$1${salt}${hash}")
        ));
    }

    #[test]
    fn only_the_right_password_fits() {
        let stored = stored("right");
        assert!(fits(b"right", &stored));
        assert!(!fits(b"wrong", &stored));
    }

    #[test]
    fn malformed_and_greedy_texts_fit_nothing() {
        let good = stored("right");
        for bad in [
            good.replace("$1$16$", "$2$16$"),
            good.replace("$16$8$", "$1$8$"),
            good.replace("$16$8$", "$17$8$"),
            good.replace("$16$8$", "$1048576$8$"),
            good.replace("$16$8$1$", "$16$0$1$"),
            format!("{good}$"),
            "scrypt$1$16$8$1$AA$AA".to_owned(),
            "scrypt$".to_owned(),
        ] {
            assert!(!fits(b"right", &bad), "{bad}");
        }
    }
}
