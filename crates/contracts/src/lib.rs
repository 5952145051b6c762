//! The gRPC contracts of all services: generated types and clients, nothing else.
//!
//! Messages that the gateway sends on as JSON (views) serialise as the HTTP contract writes them;
//! `build.rs` says which.

mod json;

/// Encoded descriptors of every package, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/vigie.bin"));

/// `vigie.analyzer`.
pub mod analyzer {
    pub mod v1 {
        tonic::include_proto!("vigie.analyzer.v1");
    }
}

/// `vigie.audit`.
pub mod audit {
    pub mod v1 {
        tonic::include_proto!("vigie.audit.v1");
    }
}

/// `vigie.auth`.
pub mod auth {
    pub mod v1 {
        tonic::include_proto!("vigie.auth.v1");
    }
}

/// `vigie.automation`.
pub mod automation {
    pub mod v1 {
        tonic::include_proto!("vigie.automation.v1");
    }
}

/// `vigie.fiche`.
pub mod fiche {
    pub mod v1 {
        tonic::include_proto!("vigie.fiche.v1");
    }
}

/// `vigie.transcription`.
pub mod transcription {
    pub mod v1 {
        tonic::include_proto!("vigie.transcription.v1");
    }
}
