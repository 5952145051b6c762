//! The CRM gateway: sales lists, fiches, users, groups.
//!
//! The gateway is a scraper in front of an old CRM: it answers spurious 404s under load, writes numbers where it
//! promises text, and leaves sections out. Decoding is therefore row by row and forgiving; only an unusable
//! envelope is an error.

mod breaker;
mod client;
mod config;
mod directory;
mod error;
mod exchange;
mod fiche;
mod gate;
mod information;
mod lenient;
mod prospect;
mod recording;
mod sales;
mod sections;
mod shape;

pub use client::CrmClient;
pub use config::{CrmConfig, CrmTimeouts, normalise_base_url};
pub use directory::{CrmGroup, CrmUser};
pub use error::{CrmCause, CrmError, CrmOperation};
pub use fiche::{FicheDetails, FicheOptions, MailDevis};
pub use gate::{CrmGate, GateFuture, Pass, Refused, Sign, Turn};
pub use information::{Etiquette, Information};
pub use lenient::Quarantined;
pub use prospect::Prospect;
pub use recording::UpstreamRecording;
pub use sales::{SaleFiche, SalesList, parse_crm_date};
pub use sections::{read_mail_devis, read_sections};
