//! Whether connections can be opened, and how long TCP takes: [`CONNECTIONS`] new ones, one after the other, each closed at
//! once. Nothing is sent on them.

use std::collections::BTreeSet;

use crate::measure::outcome::ErrorClass;
use crate::measure::quantile::quantile;
use crate::probe::check::{Check, CheckName, Standing};
use crate::probe::checks::subject::Subject;
use crate::probe::code::{Code, OwnCode};
use crate::probe::document::Connections;
use crate::probe::judge::Trouble;
use crate::transport::handshake::{ConnectError, Handshake};
use crate::units::Nanos;

/// New connections that are opened for their time.
pub(super) const CONNECTIONS: usize = 5;

/// Opens them. When the first cannot be opened, no other is tried.
pub(super) async fn check(subject: &Subject) -> (Check, Connections) {
    let begun = Nanos::now();
    let (mut times, mut addresses, mut trouble, mut failed) = (Vec::new(), BTreeSet::new(), None, 0);
    for _ in 0..CONNECTIONS {
        match open(subject).await {
            Ok(handshake) => {
                times.extend(handshake.tcp.map(|tcp| tcp.as_secs_f64() * 1e3));
                addresses.extend(handshake.peer);
            }
            Err(error) => {
                failed += 1;
                trouble = Some(Trouble::new(error.class, error.message, subject.rules()));
                if times.is_empty() {
                    break;
                }
            }
        }
    }
    times.sort_unstable_by(f64::total_cmp);
    let found = Connections {
        opened: times.len(),
        failed,
        median_ms: quantile(&times, 0.5),
        min_ms: times.first().copied(),
        max_ms: times.last().copied(),
        addresses: addresses.iter().map(ToString::to_string).collect(),
    };
    (judge(subject, &found, trouble).took(Nanos::now().since(begun)), found)
}

async fn open(subject: &Subject) -> Result<Handshake, ConnectError> {
    let wait = subject.path.timeouts.connect;
    let mut handshake = Handshake::default();
    match tokio::time::timeout(wait.0, subject.target.dial.open(&mut handshake)).await {
        Ok(opened) => opened.map(|_| handshake),
        Err(_) => {
            let class = ErrorClass::ConnectTimeout;
            Err(ConnectError { class, message: format!("{} (timeouts.connect is {wait})", class.meaning()) })
        }
    }
}

fn judge(subject: &Subject, found: &Connections, trouble: Option<Trouble>) -> Check {
    let (Some(median), Some(min), Some(max)) = (found.median_ms, found.min_ms, found.max_ms) else {
        let trouble = trouble.unwrap_or_else(|| {
            Trouble::new(ErrorClass::Connect, "no connection was opened".to_owned(), subject.rules())
        });
        return Check::of_trouble(CheckName::Tcp, Standing::Failed, &trouble);
    };
    let whom = if subject.path.control.proxy.is_some() { "the proxy " } else { "" };
    let seen = format!(
        "{} connections to {whom}{}: median {median:.2} ms ({min:.2} to {max:.2})",
        found.opened,
        found.addresses.join(", "),
    );
    match trouble {
        None => Check::passed(CheckName::Tcp, seen),
        Some(trouble) => {
            let check = Check::of_trouble(CheckName::Tcp, Standing::Warning, &trouble);
            let seen = format!("{seen}; {} more were not opened: {}", found.failed, trouble.told);
            Check { code: Some(Code::Own(OwnCode::SomeConnections)), seen, ..check }
        }
    }
}
