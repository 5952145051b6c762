//! The only way a service with a database sends: rows in its own transaction.

use crate::store::outbox::{self as store, NewRow, NewRows};
use crate::{OutboxError, trace};
use sqlx::PgConnection;
use std::time::Duration;
use vigie_events::realtime::Realtime;
use vigie_events::{Event, Message};

/// Largest payload: the server refuses 1 MiB, headers included.
const MAX_PAYLOAD_BYTES: usize = 960 * 1024;

/// Sends a message when the transaction commits.
pub async fn send<E: Event>(
    tx: &mut PgConnection,
    message: &Message<E>,
) -> Result<(), OutboxError> {
    send_all(tx, std::slice::from_ref(message)).await
}

/// Sends messages when the transaction commits, in their order; one statement.
pub async fn send_all<E: Event>(
    tx: &mut PgConnection,
    messages: &[Message<E>],
) -> Result<(), OutboxError> {
    insert(tx, messages, str::to_owned).await
}

/// Sends the same work once more, like [`send_again`]; one statement.
pub async fn send_all_again<E: Event>(
    tx: &mut PgConnection,
    messages: &[Message<E>],
    sending: u32,
) -> Result<(), OutboxError> {
    insert(tx, messages, |id| format!("{id}#{sending}")).await
}

async fn insert<E: Event>(
    tx: &mut PgConnection,
    messages: &[Message<E>],
    sending_id: impl Fn(&str) -> String,
) -> Result<(), OutboxError> {
    let mut rows = NewRows::with_capacity(messages.len());
    push_messages(&mut rows, messages, sending_id)?;
    insert_rows(tx, &rows).await
}

async fn insert_rows(tx: &mut PgConnection, rows: &NewRows) -> Result<(), OutboxError> {
    if !rows.message_ids.is_empty() {
        store::insert(tx, rows, trace::current().as_deref()).await?;
    }
    Ok(())
}

fn push_messages<E: Event>(
    rows: &mut NewRows,
    messages: &[Message<E>],
    sending_id: impl Fn(&str) -> String,
) -> Result<(), OutboxError> {
    for message in messages {
        rows.message_ids.push(message.id.as_str().to_owned());
        rows.sending_ids.push(sending_id(message.id.as_str()));
        rows.events.push(E::NAME.to_owned());
        rows.subjects.push(message.subject());
        rows.abouts.push(Some(message.ce_subject()));
        rows.channels.push(None);
        rows.payloads.push(encode(E::NAME, &message.body)?);
    }
    Ok(())
}

/// Sends the same work once more, as `<ce-id>#<sending>`: by a sweeper, or after a deferral. Pass
/// another `sending` than before, else the broker drops it as a double.
pub async fn send_again<E: Event>(
    tx: &mut PgConnection,
    message: &Message<E>,
    sending: u32,
    not_before: Option<Duration>,
) -> Result<(), OutboxError> {
    let row = NewRow {
        message_id: message.id.as_str(),
        sending_id: format!("{}#{sending}", message.id),
        event: E::NAME,
        subject: &message.subject(),
        about: Some(&message.ce_subject()),
        traceparent: trace::current(),
        extra: None,
        payload: &encode(E::NAME, &message.body)?,
        wait: not_before,
    };
    store::insert_one(tx, row).await?;
    Ok(())
}

/// Shows progress on screens when the transaction commits; one statement.
pub async fn show(tx: &mut PgConnection, messages: &[Realtime]) -> Result<(), OutboxError> {
    let mut rows = NewRows::with_capacity(messages.len());
    push_shown(&mut rows, messages)?;
    insert_rows(tx, &rows).await
}

/// [`send_all`] and [`show`] in one statement.
pub async fn send_and_show<E: Event>(
    tx: &mut PgConnection,
    messages: &[Message<E>],
    shown: &[Realtime],
) -> Result<(), OutboxError> {
    let mut rows = NewRows::with_capacity(messages.len() + shown.len());
    push_messages(&mut rows, messages, str::to_owned)?;
    push_shown(&mut rows, shown)?;
    insert_rows(tx, &rows).await
}

fn push_shown(rows: &mut NewRows, messages: &[Realtime]) -> Result<(), OutboxError> {
    for message in messages {
        rows.message_ids.push(message.id.as_str().to_owned());
        rows.sending_ids.push(message.id.as_str().to_owned());
        rows.events.push(message.event.to_owned());
        rows.subjects.push(message.subject());
        rows.abouts.push(Some(message.channel.as_str().to_owned()));
        rows.channels
            .push(Some(crate::envelope::channel_list(message)));
        rows.payloads.push(encode(message.event, &message.payload)?);
    }
    Ok(())
}

fn encode(event: &'static str, body: &impl serde::Serialize) -> Result<String, OutboxError> {
    let payload =
        serde_json::to_string(body).map_err(|source| OutboxError::Encode { event, source })?;
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(OutboxError::TooLarge {
            event,
            size_bytes: payload.len(),
        });
    }
    Ok(payload)
}
