/// Stream names and subjects of one installation. Only this module knows about the prefix: the
/// outbox, events and dead letters hold subjects without it.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    prefix: Option<String>,
}

/// The streams of the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamKind {
    Work,
    Events,
    Realtime,
    DeadLetters,
    Advisories,
}

impl StreamKind {
    /// Advisories last: its subjects name the others.
    pub(crate) const ALL: [Self; 5] = [
        Self::Work,
        Self::Events,
        Self::Realtime,
        Self::DeadLetters,
        Self::Advisories,
    ];

    const fn base(self) -> &'static str {
        match self {
            Self::Work => "WORK",
            Self::Events => "EVENTS",
            Self::Realtime => "REALTIME",
            Self::DeadLetters => "DEAD_LETTERS",
            Self::Advisories => "ADVISORIES",
        }
    }
}

impl Names {
    pub(crate) fn new(prefix: Option<String>) -> Self {
        Self { prefix }
    }

    pub(crate) fn stream(&self, kind: StreamKind) -> String {
        match &self.prefix {
            None => kind.base().to_owned(),
            // A stream name is one token.
            Some(prefix) => format!("{}_{}", prefix.replace('.', "_"), kind.base()),
        }
    }

    pub(crate) fn subject(&self, subject: &str) -> String {
        match &self.prefix {
            None => subject.to_owned(),
            Some(prefix) => format!("{prefix}.{subject}"),
        }
    }

    /// The subject as the rest of Vigie knows it.
    pub(crate) fn strip<'a>(&self, subject: &'a str) -> &'a str {
        match &self.prefix {
            None => subject,
            Some(prefix) => subject
                .strip_prefix(prefix.as_str())
                .and_then(|rest| rest.strip_prefix('.'))
                .unwrap_or(subject),
        }
    }

    pub(crate) fn subjects(&self, kind: StreamKind) -> Vec<String> {
        match kind {
            StreamKind::Work => vec![self.subject("work.>")],
            StreamKind::Events => vec![self.subject("event.>")],
            StreamKind::Realtime => vec![self.subject("realtime.>")],
            StreamKind::DeadLetters => vec![self.subject("dead.>")],
            StreamKind::Advisories => [StreamKind::Work, StreamKind::Events]
                .into_iter()
                .flat_map(|kind| {
                    let stream = self.stream(kind);
                    ["MAX_DELIVERIES", "MSG_TERMINATED"].map(|advisory| {
                        format!("$JS.EVENT.ADVISORY.CONSUMER.{advisory}.{stream}.>")
                    })
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_goes_on_and_comes_off() {
        let names = Names::new(Some("t1".to_owned()));
        assert_eq!(names.stream(StreamKind::Work), "t1_WORK");
        let subject = names.subject("work.audit.run.bulk");
        assert_eq!(subject, "t1.work.audit.run.bulk");
        assert_eq!(names.strip(&subject), "work.audit.run.bulk");
    }

    #[test]
    fn without_a_prefix_names_are_the_documented_ones() {
        let names = Names::new(None);
        assert_eq!(names.stream(StreamKind::DeadLetters), "DEAD_LETTERS");
        assert_eq!(names.subjects(StreamKind::Work), ["work.>"]);
        assert_eq!(
            names.subjects(StreamKind::Advisories)[0],
            "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.WORK.>"
        );
    }
}
