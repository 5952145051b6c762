//! Payloads of `audit.*` events.
