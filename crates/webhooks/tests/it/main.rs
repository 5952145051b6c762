//! The guard through its public face.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail a test")]

mod calls;
mod deliveries;
mod destinations;
mod receiver;
mod resolving;
mod table;
mod world;

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use vigie_webhooks::{GuardConfig, GuardError, Lookup, Reason, Timeouts, UrlGuard};

const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    read: Duration::from_secs(5),
    total: Duration::from_secs(10),
};

/// Answers look-ups with the given addresses, one list after the other, and then with none.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Script {
    fn of(answers: &[&[&str]]) -> Arc<Self> {
        let answers = answers
            .iter()
            .map(|list| list.iter().map(|ip| ip.parse().unwrap()).collect())
            .collect();
        Arc::new(Self {
            answers: Mutex::new(answers),
            asked: Mutex::default(),
        })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Lookup for Script {
    fn lookup(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        self.asked.lock().unwrap().push(name.to_owned());
        let answer = self.answers.lock().unwrap().pop_front();
        let answer = answer.ok_or_else(|| io::Error::other("no such name"));
        std::future::ready(answer).boxed()
    }
}

fn config(development: bool, allowed: &[&str]) -> GuardConfig {
    GuardConfig {
        development,
        allowed_origins: allowed.iter().map(ToString::to_string).collect(),
        subject: "webhookUrl",
    }
}

/// A guard whose names do not resolve.
fn guard(development: bool, allowed: &[&str]) -> UrlGuard {
    UrlGuard::with_lookup(config(development, allowed), Script::of(&[])).unwrap()
}

fn refused(reason: Reason) -> GuardError {
    GuardError {
        subject: "webhookUrl",
        reason,
    }
}
