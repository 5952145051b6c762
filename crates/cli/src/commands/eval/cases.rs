//! Calls with the verdicts of people.
//!
//! A file: `titre:`, a line `<step>: <letters>` for each step with one letter a control point (P
//! PRESENT, Q PARTIEL, A ABSENT, N `NON_APPLICABLE`), then the turns: `A:` the adviser, `C:` the
//! client; `APPEL` on its own begins another call of the same sale.

use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::path::Path;
use vigie_scorecard::{ConfigSnapshot, SourceRecording, Statut, Timeline, Word, WordKind};

const BUILT_IN: &[(&str, &str)] = &[
    (
        "01-vente-complete",
        include_str!("../../../eval/01-vente-complete.txt"),
    ),
    (
        "02-sans-mentions",
        include_str!("../../../eval/02-sans-mentions.txt"),
    ),
    (
        "03-aide-vente-arretee",
        include_str!("../../../eval/03-aide-vente-arretee.txt"),
    ),
    (
        "04-vente-malgre-aide",
        include_str!("../../../eval/04-vente-malgre-aide.txt"),
    ),
    (
        "05-faux-organisme",
        include_str!("../../../eval/05-faux-organisme.txt"),
    ),
    (
        "06-mots-pieges",
        include_str!("../../../eval/06-mots-pieges.txt"),
    ),
    (
        "07-paraphrases",
        include_str!("../../../eval/07-paraphrases.txt"),
    ),
    (
        "08-mal-entendu",
        include_str!("../../../eval/08-mal-entendu.txt"),
    ),
    (
        "09-messagerie",
        include_str!("../../../eval/09-messagerie.txt"),
    ),
    ("10-pression", include_str!("../../../eval/10-pression.txt")),
    (
        "11-refus-respecte",
        include_str!("../../../eval/11-refus-respecte.txt"),
    ),
    (
        "12-consigne-au-controleur",
        include_str!("../../../eval/12-consigne-au-controleur.txt"),
    ),
    (
        "13-deux-appels",
        include_str!("../../../eval/13-deux-appels.txt"),
    ),
    ("14-a-moitie", include_str!("../../../eval/14-a-moitie.txt")),
];

/// Seconds that a word takes.
const WORD_SECONDS: f64 = 0.4;

/// A labelled sale.
#[derive(Debug)]
pub struct Case {
    /// Name of its file.
    pub name: String,
    /// What was said.
    pub timeline: Timeline,
    /// By step position, in the order of the control points.
    pub labels: BTreeMap<i32, Vec<Statut>>,
}

/// The cases that come with this program.
pub fn built_in() -> Result<Vec<Case>> {
    let parsed = BUILT_IN.iter().map(|(name, text)| Case::parse(name, text));
    parsed.collect()
}

/// The `.txt` files of a folder, by name.
pub fn of_folder(folder: &Path) -> Result<Vec<Case>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).context("reading the cases")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            files.push(path);
        }
    }
    ensure!(!files.is_empty(), "{} holds no .txt file", folder.display());
    files.sort();
    let cases = files.iter().map(|path| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let text = std::fs::read_to_string(path).context("reading a case")?;
        Case::parse(&name, &text)
    });
    cases.collect()
}

impl Case {
    /// Reads a file.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let mut labels = BTreeMap::new();
        let mut calls: Vec<Vec<Word>> = vec![Vec::new()];
        for (line, number) in text.lines().zip(1..) {
            let at = || format!("{name}, line {number}");
            if line.trim() == "APPEL" {
                calls.push(Vec::new());
                continue;
            }
            let Some((head, rest)) = line.split_once(':') else {
                ensure!(line.trim().is_empty(), "{}: no such line", at());
                continue;
            };
            match head {
                "titre" => {}
                "A" => say(&mut calls, "speaker_0", rest),
                "C" => say(&mut calls, "speaker_1", rest),
                step => {
                    let step: i32 = step.parse().with_context(at)?;
                    let letters = rest.trim().chars().map(statut).collect::<Result<_>>();
                    labels.insert(step, letters.with_context(at)?);
                }
            }
        }
        let sources = calls
            .into_iter()
            .enumerate()
            .map(|(place, words)| SourceRecording {
                id: place.to_string(),
                call_id: format!("{name}-{place}"),
                start_time: Some(format!("2026-01-{:02}T09:00:00.000Z", place + 1)),
                recording_url: Some(format!("https://eval.test/{name}-{place}.mp3")),
                has_transcription: true,
                words,
                ..SourceRecording::default()
            });
        let (timeline, missing) = Timeline::build(sources.collect());
        ensure!(missing.is_empty(), "{name}: a call without words");
        Ok(Self {
            name: name.to_owned(),
            timeline,
            labels,
        })
    }

    /// Whether every control point of a configuration has a label, and nothing else has.
    pub fn check(&self, config: &ConfigSnapshot) -> Result<()> {
        let labelled = self
            .labels
            .iter()
            .map(|(step, labels)| (*step, labels.len()));
        let asked = config
            .steps
            .iter()
            .map(|step| (step.position, step.control_points.len()));
        let (labelled, asked): (BTreeMap<_, _>, BTreeMap<_, _>) =
            (labelled.collect(), asked.collect());
        ensure!(
            labelled == asked,
            "{}: labels {labelled:?} do not fit the control points {asked:?}",
            self.name
        );
        Ok(())
    }
}

fn say(calls: &mut [Vec<Word>], speaker: &str, text: &str) {
    let Some(words) = calls.last_mut() else {
        return;
    };
    let mut start = words.last().map_or(0.0, |word| word.end);
    for word in text.split_whitespace() {
        words.push(Word {
            text: word.to_owned(),
            start,
            end: start + WORD_SECONDS,
            kind: WordKind::Word,
            speaker_id: Some(speaker.to_owned()),
        });
        start += WORD_SECONDS;
    }
}

fn statut(letter: char) -> Result<Statut> {
    Ok(match letter {
        'P' => Statut::Present,
        'Q' => Statut::Partiel,
        'A' => Statut::Absent,
        'N' => Statut::NonApplicable,
        other => bail!("{other:?} is no label"),
    })
}
