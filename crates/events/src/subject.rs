use crate::{Event, Kind, Lane};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What may not stand in a subject token: the separators of NATS and the escape itself.
const RESERVED: &AsciiSet = &CONTROLS.add(b' ').add(b'.').add(b'*').add(b'>').add(b'%');

/// Percent-encodes an id so that it is one subject token.
pub fn encode_token(id: &str) -> String {
    utf8_percent_encode(id, RESERVED).to_string()
}

fn name_tokens(name: &str) -> String {
    name.replace('/', ".")
}

pub(crate) fn subject_of(name: &str, kind: Kind, lane: Option<Lane>, entity: &[String]) -> String {
    let name = name_tokens(name);
    match (kind, lane) {
        (Kind::Command | Kind::LanedCommand, None) => format!("work.{name}"),
        (Kind::Command | Kind::LanedCommand, Some(lane)) => format!("work.{name}.{lane}"),
        (Kind::Fact, _) => entity.iter().fold(format!("event.{name}"), |subject, id| {
            subject + "." + &encode_token(id)
        }),
    }
}

/// The filter of the consumer that works on a command, in one lane where it has lanes.
pub fn work_subject_filter<E: Event>(lane: Option<Lane>) -> String {
    subject_of(E::NAME, E::KIND, lane, &[])
}

/// The filter that matches a fact of every entity.
pub fn event_subject_filter<E: Event>() -> String {
    format!("event.{}.>", name_tokens(E::NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_single_tokens() {
        assert_eq!(encode_token("a.b *>%"), "a%2Eb%20%2A%3E%25");
        assert_eq!(encode_token("4410027"), "4410027");
    }

    #[test]
    fn facts_end_in_their_entity() {
        let subject = subject_of(
            "audit/step.analyzed",
            Kind::Fact,
            None,
            &["12".into(), "7".into()],
        );
        assert_eq!(subject, "event.audit.step.analyzed.12.7");
    }

    #[test]
    fn commands_end_in_their_lane() {
        let subject = subject_of(
            "audit/step.analyze",
            Kind::LanedCommand,
            Some(Lane::Bulk),
            &[],
        );
        assert_eq!(subject, "work.audit.step.analyze.bulk");
    }
}
