//! Generates `docs/asyncapi.yaml` from the message types.
