//! What is said on the broker and in the logs.

use anyhow::{Context, Result};
use async_nats::{HeaderMap, jetstream};
use futures::StreamExt;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinSet;
use vigie_testkit::stack::StackState;

const STREAMS: [&str; 4] = ["WORK", "EVENTS", "REALTIME", "DEAD_LETTERS"];

/// Something that was said.
#[derive(Debug, Clone)]
pub(super) struct Said {
    /// A log's file name, or a subject.
    pub(super) place: String,
    pub(super) text: String,
}

/// Everything that passes the broker, from now on.
pub(super) struct Ear {
    heard: Arc<Mutex<Vec<Said>>>,
    _listening: JoinSet<()>,
}

impl Ear {
    pub(super) async fn at(nats_url: &str) -> Result<Self> {
        let options = async_nats::ConnectOptions::new().subscription_capacity(1 << 20);
        let broker = options.connect(nats_url).await?;
        let mut all = broker.subscribe(">").await?;
        broker.flush().await?;
        let heard: Arc<Mutex<Vec<Said>>> = Arc::default();
        let keep = Arc::clone(&heard);
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            while let Some(message) = all.next().await {
                let said = said(&message.subject, message.headers.as_ref(), &message.payload);
                let mut heard = keep.lock().unwrap_or_else(PoisonError::into_inner);
                heard.extend(said);
            }
        });
        Ok(Self {
            heard,
            _listening: listening,
        })
    }

    pub(super) fn heard(&self) -> Vec<Said> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.clone()
    }
}

fn said(subject: &str, headers: Option<&HeaderMap>, payload: &[u8]) -> [Said; 2] {
    let headers = Said {
        place: format!("the headers of {subject}"),
        text: format!("{headers:?}"),
    };
    let payload = Said {
        place: subject.to_owned(),
        text: String::from_utf8_lossy(payload).into_owned(),
    };
    [headers, payload]
}

/// What the streams hold now.
pub(super) async fn stored(nats_url: &str) -> Result<Vec<Said>> {
    let broker = async_nats::connect(nats_url).await?;
    let mut found = Vec::new();
    for name in STREAMS {
        let stream = jetstream::new(broker.clone()).get_stream(name).await?;
        let state = stream.cached_info().state.clone();
        for sequence in state.first_sequence..=state.last_sequence {
            // Those of the work queue that are done are gone.
            if let Ok(message) = stream.get_raw_message(sequence).await {
                found.extend(said(
                    &message.subject,
                    Some(&message.headers),
                    &message.payload,
                ));
            }
        }
    }
    Ok(found)
}

/// What all processes wrote.
pub(super) fn logs(state: &StackState) -> Result<Vec<Said>> {
    let services = state.services.iter().map(|it| &it.log);
    let files = services.chain(state.servers.iter().map(|it| &it.log));
    files
        .map(|file| {
            let text = std::fs::read(file).with_context(|| file.clone())?;
            Ok(Said {
                place: file.clone(),
                text: String::from_utf8_lossy(&text).into_owned(),
            })
        })
        .collect()
}
