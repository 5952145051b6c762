//! Token counts, and the provider's prompt cache.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Value, json};

/// Bytes taken for one token.
const BYTES_PER_TOKEN: usize = 4;
/// Tokens cached together.
const BLOCK_TOKENS: usize = 128;
/// Shortest prefix a provider caches, in blocks.
const MIN_BLOCKS: usize = 8;
/// Prefixes remembered before starting over.
const REMEMBERED: usize = 200_000;

/// The beginnings of prompts seen so far.
#[derive(Default)]
pub(super) struct PromptCache {
    seen: HashSet<u64>,
}

impl PromptCache {
    /// Tokens of this prompt that an earlier one began with; remembers it.
    pub(super) fn cached_tokens(&mut self, prompt: &str) -> usize {
        if self.seen.len() > REMEMBERED {
            self.seen.clear();
        }
        let mut prefix = DefaultHasher::new();
        let mut blocks = 0;
        let mut still = true;
        for block in prompt
            .as_bytes()
            .chunks_exact(BLOCK_TOKENS * BYTES_PER_TOKEN)
        {
            block.hash(&mut prefix);
            still &= !self.seen.insert(prefix.finish());
            blocks += usize::from(still);
        }
        if blocks < MIN_BLOCKS {
            0
        } else {
            blocks * BLOCK_TOKENS
        }
    }
}

/// Tokens of a text, about.
pub(super) fn tokens(text: &str) -> usize {
    text.len().div_ceil(BYTES_PER_TOKEN)
}

/// The `usage` of an answer.
pub(super) fn usage(prompt: &str, cached: usize, completion: &str) -> Value {
    let (prompt, completion) = (tokens(prompt), tokens(completion));
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": { "cached_tokens": cached, "audio_tokens": 0 },
        "completion_tokens_details": { "reasoning_tokens": 0 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_beginning_is_cached_the_second_time() {
        let mut cache = PromptCache::default();
        let prefix = "transcription ".repeat(500);
        let (first, second) = (format!("{prefix} étape 1"), format!("{prefix} étape 2"));
        assert_eq!(cache.cached_tokens(&first), 0);
        let cached = cache.cached_tokens(&second);
        assert!(cached > 1024 && cached <= tokens(&second), "{cached}");
    }

    #[test]
    fn short_prompts_are_not_cached() {
        let mut cache = PromptCache::default();
        cache.cached_tokens("bonjour");
        assert_eq!(cache.cached_tokens("bonjour"), 0);
    }
}
