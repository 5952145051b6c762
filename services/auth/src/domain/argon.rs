//! Argon2id with the parameters of today, over memory that is used again: an allocator keeps an arena
//! a thread, and what one thread gives back would stay there once for each.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::sync::{Mutex, PoisonError};
use subtle::ConstantTimeEq;

/// Memory of one computation, KiB: 200 parallel logins queue instead of taking 4 GiB.
const MEMORY_KIB: u32 = 19 * 1024;
const ITERATIONS: u32 = 2;
/// How a text begins that was made with these parameters.
pub const CURRENT: &str = "$argon2id$v=19$m=19456,t=2,p=1$";
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// The memory of computations, as much as ever ran at once.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Vec<Vec<Block>>>);

impl Memory {
    /// The stored form of a password, in PHC's notation.
    pub fn hash(&self, password: &[u8]) -> argon2::Result<String> {
        let salt: [u8; SALT_BYTES] = rand::random();
        let hash = self.compute(password, &salt)?;
        let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
        Ok(format!("{CURRENT}{salt}${hash}"))
    }

    /// Whether the password fits; `None` when the text was not made with these parameters.
    pub fn fits(&self, password: &[u8], stored: &str) -> argon2::Result<Option<bool>> {
        let parts = stored
            .strip_prefix(CURRENT)
            .and_then(|rest| rest.split_once('$'));
        let decoded = parts.and_then(|(salt, hash)| {
            let salt = STANDARD_NO_PAD.decode(salt).ok()?;
            Some((salt, STANDARD_NO_PAD.decode(hash).ok()?))
        });
        let Some((salt, hash)) = decoded else {
            return Ok(None);
        };
        let computed = self.compute(password, &salt)?;
        Ok(Some(bool::from(computed.ct_eq(hash.as_slice()))))
    }

    fn compute(&self, password: &[u8], salt: &[u8]) -> argon2::Result<[u8; HASH_BYTES]> {
        let params = Params::new(MEMORY_KIB, ITERATIONS, 1, Some(HASH_BYTES))?;
        let blocks = params.block_count();
        let free = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = free().pop();
        let mut memory = kept.unwrap_or_else(|| vec![Block::default(); blocks]);
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut out = [0; HASH_BYTES];
        let computed = argon.hash_password_into_with_memory(password, salt, &mut out, &mut memory);
        free().push(memory);
        computed.map(|()| out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::password_hash::phc::PasswordHash;
    use argon2::{PasswordHasher, PasswordVerifier};

    #[test]
    fn the_library_reads_what_is_written_and_the_other_way() {
        let memory = Memory::default();
        let stored = memory.hash(b"a-long-phrase-7").unwrap();
        let parsed = PasswordHash::new(&stored).unwrap();
        Argon2::default()
            .verify_password(b"a-long-phrase-7", &parsed)
            .unwrap();
        let params = Params::new(MEMORY_KIB, ITERATIONS, 1, None).unwrap();
        let theirs = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password(b"a-long-phrase-7")
            .unwrap()
            .to_string();
        assert_eq!(memory.fits(b"a-long-phrase-7", &theirs), Ok(Some(true)));
        assert_eq!(memory.fits(b"a-long-phrase-8", &theirs), Ok(Some(false)));
        assert_eq!(
            memory.fits(b"x", "$argon2id$v=19$m=8192,t=1,p=1$a$b"),
            Ok(None)
        );
        assert_eq!(
            memory.0.lock().unwrap().len(),
            1,
            "one after the other shares"
        );
    }
}
