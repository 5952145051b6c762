//! The allocator of every service. Handling a message is thousands of short-lived strings: the
//! system's spent a seventh of the services' time on them.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;
