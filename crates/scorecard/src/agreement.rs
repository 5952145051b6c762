//! How well verdicts agree with those of people: the measure of an engine or a prompt.

use serde::Serialize;

use crate::Statut;

const STATUTS: [Statut; 4] = [
    Statut::Present,
    Statut::Partiel,
    Statut::Absent,
    Statut::NonApplicable,
];

/// Counts of (label, answer) pairs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Agreement {
    /// Rows are labels, columns answers, both in the order of `STATUTS`.
    counts: [[u32; 4]; 4],
}

impl Agreement {
    /// Counts one judged point.
    pub fn add(&mut self, label: Statut, answer: Statut) {
        self.counts[place(label)][place(answer)] += 1;
    }

    /// Points judged.
    pub fn total(&self) -> u32 {
        self.counts.iter().flatten().sum()
    }

    /// Points judged like the label.
    pub fn agreed(&self) -> u32 {
        (0..4).map(|i| self.counts[i][i]).sum()
    }

    /// How often this label met this answer.
    pub fn count(&self, label: Statut, answer: Statut) -> u32 {
        self.counts[place(label)][place(answer)]
    }

    /// Share of points judged like the label; `None` without points.
    pub fn share(&self) -> Option<f64> {
        ratio(self.agreed(), self.total())
    }

    /// Cohen's kappa: agreement beyond chance. `None` where chance alone explains everything, as
    /// when labels and answers are one and the same word throughout.
    pub fn kappa(&self) -> Option<f64> {
        let total = f64::from(self.total());
        let observed = self.share()?;
        let expected: f64 = (0..4)
            .map(|i| {
                let labels: u32 = self.counts[i].iter().sum();
                let answers: u32 = self.counts.iter().map(|row| row[i]).sum();
                f64::from(labels) / total * (f64::from(answers) / total)
            })
            .sum();
        (expected < 1.0).then(|| (observed - expected) / (1.0 - expected))
    }

    /// Of the points whose label is ABSENT, the share answered PRESENT: a fault of the call that
    /// nobody would see.
    pub fn false_present(&self) -> Option<f64> {
        let absent = &self.counts[place(Statut::Absent)];
        ratio(absent[place(Statut::Present)], absent.iter().sum())
    }

    /// Of the points answered PRESENT, the share whose label is another one.
    pub fn wrong_present(&self) -> Option<f64> {
        let present = place(Statut::Present);
        let answered: u32 = self.counts.iter().map(|row| row[present]).sum();
        ratio(answered - self.counts[present][present], answered)
    }
}

impl std::ops::AddAssign for Agreement {
    fn add_assign(&mut self, other: Self) {
        for (row, others) in self.counts.iter_mut().zip(other.counts) {
            for (count, other) in row.iter_mut().zip(others) {
                *count += other;
            }
        }
    }
}

fn place(statut: Statut) -> usize {
    STATUTS.iter().position(|word| *word == statut).unwrap_or(0)
}

fn ratio(part: u32, whole: u32) -> Option<f64> {
    (whole > 0).then(|| f64::from(part) / f64::from(whole))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use Statut::{Absent, NonApplicable, Partiel, Present};

    fn of(pairs: &[(Statut, Statut, u32)]) -> Agreement {
        let mut agreement = Agreement::default();
        for &(label, answer, times) in pairs {
            (0..times).for_each(|_| agreement.add(label, answer));
        }
        agreement
    }

    fn close(value: Option<f64>, wanted: f64) -> bool {
        value.is_some_and(|value| (value - wanted).abs() < 1e-9)
    }

    #[test]
    fn kappa_of_the_textbook() {
        // Cohen's example of 50 pairs: 20 and 15 agreed, 5 and 10 not: observed 0.7, chance 0.5.
        let agreement = of(&[
            (Present, Present, 20),
            (Present, Absent, 5),
            (Absent, Present, 10),
            (Absent, Absent, 15),
        ]);
        assert!(close(agreement.share(), 0.7));
        assert!(close(agreement.kappa(), 0.4));
        assert!(close(agreement.false_present(), 0.4));
        assert!(close(agreement.wrong_present(), 1.0 / 3.0));
    }

    #[test]
    fn what_cannot_be_said_is_not_said() {
        let none = Agreement::default();
        assert_eq!((none.share(), none.kappa()), (None, None));
        let one_word = of(&[(Present, Present, 9)]);
        assert_eq!((one_word.kappa(), one_word.false_present()), (None, None));
        assert!(close(one_word.share(), 1.0));
    }

    proptest! {
        #[test]
        fn kappa_never_exceeds_agreement_s_range(counts in prop::collection::vec(0..9_u32, 16)) {
            let words = [Present, Partiel, Absent, NonApplicable];
            let pairs: Vec<_> = counts.iter().enumerate()
                .map(|(i, count)| (words[i / 4], words[i % 4], *count)).collect();
            let agreement = of(&pairs);
            prop_assert_eq!(agreement.total(), counts.iter().sum::<u32>());
            if let Some(kappa) = agreement.kappa() {
                prop_assert!((-1.0 - 1e-9..=1.0 + 1e-9).contains(&kappa));
                let perfect = agreement.agreed() == agreement.total();
                prop_assert_eq!(perfect, (kappa - 1.0).abs() < 1e-9);
            }
        }
    }
}
