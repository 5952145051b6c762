//! Finds the timeline, the control points and the step in a prompt.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::request::ChatRequest;

/// One line of the transcript with where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) recording_index: u64,
    pub(super) chunk_index: u64,
    pub(super) start: f64,
    pub(super) date: String,
    pub(super) time: String,
    pub(super) speaker: String,
    pub(super) text: String,
}

/// What a prompt asks.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    pub(super) lines: Vec<Line>,
    pub(super) control_points: Vec<String>,
    pub(super) keywords: Vec<String>,
    pub(super) weight: u32,
    /// Nothing is known of the product, so figures cannot be checked.
    pub(super) no_product_data: bool,
    /// Chunks named by searches but not yet read.
    pub(super) found: Vec<(u64, u64)>,
    pub(super) searched: bool,
}

/// A pattern that cannot match when its text is wrong; the tests below use every one.
fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

static SPEAKER: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"^\s*(?:\[[^\]]*\]\s*)?(speaker_\d+|unknown)\s*:\s*(.+?)\s*$"));
static RECORDING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r"(?i)(?:\b(?:enregistrement|recording)\s+(?:n°\s*)?#?|recording_index\s*[=:]\s*)(\d+)")
});
static CHUNK: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r"(?i)(?:\b(?:chunk|extrait|segment)\s+(?:n°\s*)?#?|chunk_index\s*[=:]\s*)(\d+)")
});
static SPAN: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(\d+(?:[.,]\d+)?)\s*s?\s*(?:–|—|-|→|à)\s*\d+(?:[.,]\d+)?\s*s"));
static DATE: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"\b(\d{2}/\d{2}/\d{4})\b"));
static CLOCK: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"\b(\d{2,3}:\d{2})\b"));
static POINTS: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(?i)^[\s#*=\-\d.]*(?:les\s+)?points?\s+de\s+contr[oô]le"));
static NUMBERED: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"^\s*(?:[-*]\s*)?(\d+)\s*[.)]\s+(.+?)\s*$"));
static KEYWORDS: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(?i)^[\s#*\-]*mots[\s-]+cl[ée]s\b[^:]*:?\s*(.*)$"));
static WEIGHT: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(?i)\b(?:poids|pond[ée]ration|weight)\b\D{0,16}(\d+)"));

fn capture<'t>(regex: &LazyLock<Option<Regex>>, group: usize, text: &'t str) -> Option<&'t str> {
    let found = regex.as_ref()?.captures(text)?.get(group)?;
    Some(found.as_str())
}

/// Where the reader is in the prompt.
#[derive(Default)]
struct Place {
    recording: Option<u64>,
    chunk: Option<u64>,
    start: f64,
    date: String,
    time: String,
    in_points: bool,
    keywords_follow: bool,
}

impl Prompt {
    /// Reads the messages of a request, results of tools included.
    pub(super) fn read(request: &ChatRequest) -> Self {
        let mut prompt = Self::default();
        let mut place = Place::default();
        for message in &request.messages {
            let text = message.text();
            match message.role.as_str() {
                "tool" => prompt.tool_result(&text),
                "assistant" => {}
                _ => {
                    for line in text.lines() {
                        prompt.line(&mut place, line);
                    }
                    place = Place::default();
                }
            }
        }
        if prompt.weight == 0 {
            prompt.weight = 10;
        }
        prompt
    }

    fn line(&mut self, place: &mut Place, line: &str) {
        if let Some(speaker) = capture(&SPEAKER, 1, line) {
            if let (Some(recording_index), Some(chunk_index)) = (place.recording, place.chunk) {
                self.lines.push(Line {
                    recording_index,
                    chunk_index,
                    start: place.start,
                    date: place.date.clone(),
                    time: place.time.clone(),
                    speaker: speaker.to_owned(),
                    text: capture(&SPEAKER, 2, line).unwrap_or_default().to_owned(),
                });
            }
            return;
        }
        if place.in_points {
            if let Some(point) = self.next_point(line) {
                self.control_points.push(point);
                return;
            }
            place.in_points = self.control_points.is_empty() || line.trim().is_empty();
        }
        if place.keywords_follow && !line.trim().is_empty() {
            self.keywords = list(line);
            place.keywords_follow = false;
        }
        if self.control_points.is_empty()
            && POINTS.as_ref().is_some_and(|points| points.is_match(line))
        {
            place.in_points = true;
            return;
        }
        self.header(place, line);
    }

    /// Control points are numbered from 1 without a gap.
    fn next_point(&self, line: &str) -> Option<String> {
        let number: usize = capture(&NUMBERED, 1, line)?.parse().ok()?;
        (number == self.control_points.len() + 1)
            .then(|| capture(&NUMBERED, 2, line).unwrap_or_default().to_owned())
    }

    fn header(&mut self, place: &mut Place, line: &str) {
        let recording = capture(&RECORDING, 1, line).and_then(|index| index.parse().ok());
        if let Some(index) = recording.filter(|index| place.recording != Some(*index)) {
            place.recording = Some(index);
            place.chunk = None;
            capture(&DATE, 1, line)
                .unwrap_or("N/A")
                .clone_into(&mut place.date);
            capture(&CLOCK, 1, line)
                .unwrap_or("N/A")
                .clone_into(&mut place.time);
        }
        if let Some(index) = capture(&CHUNK, 1, line).and_then(|index| index.parse().ok()) {
            place.chunk = Some(index);
            place.start = start_of(line);
            return;
        }
        if place.recording.is_some() && place.chunk.is_none() {
            // Details of a recording may stand on the lines below its number.
            if place.date == "N/A"
                && let Some(date) = capture(&DATE, 1, line)
            {
                date.clone_into(&mut place.date);
            }
            if place.time == "N/A"
                && let Some(time) = capture(&CLOCK, 1, line)
            {
                time.clone_into(&mut place.time);
            }
        }
        self.no_product_data |= line.contains("Aucune donnée produit fiable");
        if let Some(keywords) = capture(&KEYWORDS, 1, line) {
            place.keywords_follow = keywords.is_empty();
            self.keywords = list(keywords);
        }
        if self.weight == 0 {
            self.weight = capture(&WEIGHT, 1, line)
                .and_then(|weight| weight.parse().ok())
                .unwrap_or_default();
        }
    }

    fn tool_result(&mut self, text: &str) {
        let Ok(result) = serde_json::from_str::<Value>(text) else {
            return;
        };
        self.searched = true;
        for found in result["matches"].as_array().into_iter().flatten() {
            if let (Some(recording), Some(chunk)) = (
                found["recording_index"].as_u64(),
                found["chunk_index"].as_u64(),
            ) {
                self.found.push((recording, chunk));
            }
        }
        for chunk in result["chunks"].as_array().into_iter().flatten() {
            let text_of = |name: &str| chunk[name].as_str().unwrap_or("N/A").to_owned();
            let mut place = Place {
                recording: chunk["recording_index"].as_u64(),
                chunk: chunk["chunk_index"].as_u64(),
                start: chunk["minutage_secondes"].as_f64().unwrap_or_default(),
                date: text_of("recording_date"),
                time: text_of("recording_time"),
                ..Place::default()
            };
            for line in chunk["full_text"].as_str().unwrap_or_default().lines() {
                self.line(&mut place, line);
            }
        }
    }
}

fn list(line: &str) -> Vec<String> {
    line.split([',', ';'])
        .map(|keyword| keyword.trim().trim_end_matches('.').to_owned())
        .filter(|keyword| !keyword.is_empty())
        .collect()
}

/// Seconds at which a chunk starts: `12.5–80 s`, or `MM:SS`.
fn start_of(line: &str) -> f64 {
    if let Some(seconds) = capture(&SPAN, 1, line) {
        return seconds.replace(',', ".").parse().unwrap_or_default();
    }
    capture(&CLOCK, 1, line)
        .and_then(|clock| clock.split_once(':'))
        .map_or(0.0, |(minutes, seconds)| {
            let part = |text: &str| text.parse::<f64>().unwrap_or_default();
            part(minutes) * 60.0 + part(seconds)
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(prompt: &str) -> Prompt {
        let request = json!({ "model": "m", "messages": [{ "role": "user", "content": prompt }] });
        Prompt::read(&serde_json::from_value(request).unwrap())
    }

    #[test]
    fn finds_lines_points_keywords_and_weight() {
        let prompt = read(
            "TRANSCRIPTION\n\
             === Enregistrement 1 — 14/01/2026 09:15, appel 7001, 33199 → 33639, 61 s, 2 chunks ===\n\
             --- Chunk 0 (0–30,5 s), speaker_0, speaker_1\n\
             speaker_0: Bonjour madame.\nspeaker_1: Bonjour, l'enregistrement 3 ?\n\
             --- Chunk 1 (30,5–61 s)\nspeaker_0: Au revoir.\n\n\
             Étape 1/6 : Accueil\nPoids : 8\n\
             ## Points de contrôle\n\n1. Nom annoncé\n2. ORIAS citée\n\n\
             Mots-clés : ORIAS, courtier\nRègles\n1. Réponds en JSON\n",
        );
        assert_eq!(prompt.lines.len(), 3);
        let last = &prompt.lines[2];
        assert_eq!((last.recording_index, last.chunk_index), (1, 1));
        assert!((last.start - 30.5).abs() < 1e-9);
        assert_eq!(
            (last.date.as_str(), last.time.as_str()),
            ("14/01/2026", "09:15")
        );
        assert_eq!(prompt.control_points, ["Nom annoncé", "ORIAS citée"]);
        assert_eq!(prompt.keywords, ["ORIAS", "courtier"]);
        assert_eq!(prompt.weight, 8);
    }

    #[test]
    fn reads_the_analyzer_s_own_headings() {
        let prompt = read(
            "--- Enregistrement recording_index=0 ---\nDate : 14/01/2026, heure : 08:32\n\
             Durée : 61 s, nombre de chunks : 1\n\n\
             [recording_index=0 chunk_index=0] 3.20–61.00 s, locuteurs : speaker_0\n\
             speaker_0: Bonjour.\n\n\
             ### Points de contrôle\n1. Nom annoncé\n\n### Mots-clés\nORIAS, courtier\n",
        );
        assert_eq!(prompt.lines.len(), 1);
        assert!((prompt.lines[0].start - 3.2).abs() < 1e-9);
        assert_eq!(
            (prompt.lines[0].date.as_str(), prompt.lines[0].time.as_str()),
            ("14/01/2026", "08:32")
        );
        assert_eq!(prompt.control_points, ["Nom annoncé"]);
        assert_eq!(prompt.keywords, ["ORIAS", "courtier"]);
    }

    #[test]
    fn one_header_may_name_both_and_minutes() {
        let prompt = read("[Enregistrement 0, extrait 2, 01:05]\nunknown: oui");
        assert_eq!(prompt.lines[0].chunk_index, 2);
        assert!((prompt.lines[0].start - 65.0).abs() < 1e-9);
    }
}
