//! What transcribed audio costs: `MODEL_PRICES`.

use serde::Deserialize;
use std::collections::HashMap;

/// Price of a speech model.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
struct SpeechPrice {
    second: f64,
}

/// Prices by model, per second of audio. Entries of other kinds (by the token) are not ours.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SpeechPrices(HashMap<String, SpeechPrice>);

impl SpeechPrices {
    /// Reads the setting.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let models: HashMap<String, serde_json::Value> = serde_json::from_str(text)?;
        let prices = models
            .into_iter()
            .filter(|(_, price)| price.get("second").is_some());
        let prices: Result<_, _> = prices
            .map(|(model, price)| serde_json::from_value(price).map(|price| (model, price)))
            .collect();
        prices.map(Self)
    }

    /// Millionths of the currency for so much audio; `None` where price or length is unknown.
    pub fn cost_micros(&self, model: &str, seconds: Option<i32>) -> Option<i64> {
        let price = self.0.get(model)?;
        let cost = f64::from(seconds?.max(0)) * price.second * 1e6;
        #[expect(clippy::cast_possible_truncation, reason = "rounded; `as` saturates")]
        Some(cost.round() as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audio_is_paid_by_the_second() {
        let prices = r#"{"scribe_v2": {"second": 0.0001}, "m": {"input": 2, "output": 8}}"#;
        let prices = SpeechPrices::parse(prices).unwrap();
        assert_eq!(prices.cost_micros("scribe_v2", Some(384)), Some(38_400));
        assert_eq!(prices.cost_micros("scribe_v2", None), None);
        assert_eq!(prices.cost_micros("m", Some(384)), None);
        assert!(SpeechPrices::parse(r#"{"s": {"second": "much"}}"#).is_err());
    }
}
