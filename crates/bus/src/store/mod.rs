//! All SQL of the bus. Tables are named without a schema: the role's search path decides.

pub(crate) mod inbox;
pub(crate) mod outbox;
