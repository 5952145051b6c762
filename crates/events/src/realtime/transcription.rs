//! Payloads of `transcription.*` events.
