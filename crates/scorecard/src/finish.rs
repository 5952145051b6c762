//! Small, unconditional edits of a result before it is stored.

use crate::{Diarization, StepResult, Timeline};

/// Stands for recording facts that are unknown.
pub const NOT_AVAILABLE: &str = "N/A";

/// Label of a speaker who was not told apart.
const UNKNOWN_SPEAKER: &str = "unknown";

/// Removes U+0000, which text columns cannot hold, from every string (2.5 row 6).
pub fn strip_nul(result: &mut StepResult) {
    let strip = |text: &mut String| {
        if text.contains('\0') {
            text.retain(|c| c != '\0');
        }
    };
    result.minutages.iter_mut().for_each(strip);
    result.mots_cles_trouves.iter_mut().for_each(strip);
    strip(&mut result.commentaire_global);
    for point in &mut result.points_controle {
        strip(&mut point.point);
        strip(&mut point.commentaire);
        point.minutages.iter_mut().for_each(strip);
        point
            .variation_phonetique_utilisee
            .iter_mut()
            .for_each(strip);
        for citation in &mut point.citations {
            strip(&mut citation.texte);
            strip(&mut citation.minutage);
            strip(&mut citation.speaker);
            strip(&mut citation.recording_date);
            strip(&mut citation.recording_time);
            strip(&mut citation.recording_url);
            citation.call_id.iter_mut().for_each(strip);
        }
    }
    if let Some(metadata) = &mut result.step_metadata {
        strip(&mut metadata.name);
        metadata.engine.iter_mut().for_each(strip);
        metadata.model.iter_mut().for_each(strip);
        metadata.prompt_version.iter_mut().for_each(strip);
    }
}

/// Overwrites what a model says about a recording by what is known about it (2.5, finalizer row 5).
/// Where speakers and times were invented from plain text, a quote stands without them
/// (`automation-and-transcription.md` A7.4): they are no evidence.
pub fn enrich_citations(result: &mut StepResult, timeline: &Timeline) {
    let known = |text: &str| {
        if text.trim().is_empty() {
            NOT_AVAILABLE.to_owned()
        } else {
            text.to_owned()
        }
    };
    let points = result.points_controle.iter_mut();
    for citation in points.flat_map(|point| &mut point.citations) {
        let recording = timeline.recording(citation.recording_index);
        citation.recording_date = known(recording.map_or("", |rec| &rec.recording_date));
        citation.recording_time = known(recording.map_or("", |rec| &rec.recording_time));
        citation.recording_url = known(recording.map_or("", |rec| &rec.recording_url));
        citation.call_id = recording.map(|rec| rec.call_id.clone());
        if recording.is_some_and(|rec| rec.diarization == Diarization::Synthetic) {
            citation.minutage.clear();
            citation.minutage_secondes = 0.0;
            UNKNOWN_SPEAKER.clone_into(&mut citation.speaker);
        }
    }
}

/// Bounds the score by 0 and the weight, after gating and before storing (D-2).
pub fn clamp_score(result: &mut StepResult) {
    result.score = result.score.clamp(0, result.weight());
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{Conforme, Niveau, StepMetadata, sample};

    #[test]
    fn no_nul_is_left_anywhere() {
        /// Puts a NUL at the end of every string that is not a word of a list.
        fn dirty(value: &mut Value) {
            match value {
                Value::String(text) if !text.chars().all(|c| c.is_uppercase() || c == '_') => {
                    text.push('\0');
                }
                Value::Array(items) => items.iter_mut().for_each(dirty),
                Value::Object(fields) => fields.values_mut().for_each(dirty),
                _ => {}
            }
        }
        let mut result = sample::result(3, Conforme::Partiel, Niveau::Bon);
        result.mots_cles_trouves = vec!["orias".to_owned()];
        result.points_controle = vec![sample::point("P")];
        result.points_controle[0].variation_phonetique_utilisee = Some("Oréa".to_owned());
        result.step_metadata = Some(StepMetadata::of(&sample::definition(1, 5, &[])));
        enrich_citations(&mut result, &sample::timeline());
        let mut json = serde_json::to_value(&result).unwrap();
        dirty(&mut json);
        let mut stripped: StepResult = serde_json::from_value(json).unwrap();
        assert_ne!(stripped, result);
        strip_nul(&mut stripped);
        assert_eq!(stripped, result);
    }

    #[test]
    fn citations_take_their_recording_from_the_timeline() {
        let mut result = sample::result(3, Conforme::Partiel, Niveau::Bon);
        let mut point = sample::point("P");
        let mut unknown = point.citations[0].clone();
        unknown.recording_index = 7;
        unknown.recording_url = "https://invented.test".to_owned();
        point.citations.push(unknown);
        result.points_controle = vec![point];
        let mut timeline = sample::timeline();
        timeline.recordings[0].recording_time = "  ".to_owned();
        enrich_citations(&mut result, &timeline);
        let [known, unknown] = &result.points_controle[0].citations[..] else {
            panic!()
        };
        assert_eq!(known.recording_url, "https://audio.exemple.test/0.mp3");
        assert_eq!(known.recording_time, "N/A");
        assert_eq!(known.call_id.as_deref(), Some("call-0"));
        assert_eq!(
            (unknown.recording_url.as_str(), &unknown.call_id),
            ("N/A", &None)
        );
    }

    #[test]
    fn invented_speakers_and_times_are_no_evidence() {
        let mut timeline = sample::timeline();
        timeline.recordings[1].diarization = Diarization::Synthetic;
        let mut result = sample::result(3, Conforme::Partiel, Niveau::Bon);
        let mut point = sample::point("P");
        let mut invented = point.citations[0].clone();
        invented.recording_index = 1;
        point.citations.push(invented);
        result.points_controle = vec![point];
        let before = result.points_controle[0].citations[0].clone();
        enrich_citations(&mut result, &timeline);
        let [heard, invented] = &result.points_controle[0].citations[..] else {
            panic!()
        };
        assert_eq!(
            (&heard.minutage, &heard.speaker),
            (&before.minutage, &before.speaker)
        );
        assert_eq!(
            (invented.minutage.as_str(), invented.speaker.as_str()),
            ("", "unknown")
        );
        assert!(invented.minutage_secondes.abs() < f64::EPSILON);
        assert_eq!(invented.texte, heard.texte);
    }
}
