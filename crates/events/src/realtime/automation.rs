//! Payloads of `automation.*` events.
