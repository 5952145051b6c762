//! Services started on free ports, called as in production.

mod channel;
mod end_to_end;
mod fake;
mod shutdown;
