//! Keeps tokens good for a whole run, on a thread of its own: gets the first before anything is sent, and each next one
//! long before the last ends. Once for all workers, which never wait for it.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Builder;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};

use crate::measure::sign_in::SignIn;
use crate::transport::credential::endpoint::PATIENCE;
use crate::transport::credential::no_token::NoToken;
use crate::transport::credential::slot::Slot;
use crate::transport::runtime::NetRuntime;
use crate::units::Nanos;
use crate::wire::filter::Filter;

/// A token is renewed when this share of what it has left is over: two thirds remain for an endpoint that fails.
const RENEW_AFTER: f64 = 1.0 / 3.0;
/// No token is renewed more often.
const LEAST: Duration = Duration::from_millis(250);
/// How long the end waits for programs to be ended and requests to be cut.
const GRACE: Duration = Duration::from_secs(1);
/// How long the first token of a path may be tried for, and how often.
const FIRST_WITHIN: Duration = PATIENCE;
const FIRST_TRIES: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A path that cannot sign in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("path '{path}': cannot sign in ({kind}): {why}")]
pub(crate) struct CannotSignIn {
    path: String,
    kind: String,
    why: String,
}

impl CannotSignIn {
    /// Why, without the path and the kind.
    #[must_use]
    pub(crate) fn why(&self) -> &str {
        &self.why
    }
}

/// The thread that keeps tokens good. It ends with this, with the programs that it started.
#[derive(Debug)]
pub(crate) struct Keeper {
    slots: Vec<Arc<Slot>>,
    stop: watch::Sender<bool>,
    thread: Option<Thread>,
}

/// A thread with a runtime of its own, and a channel that ends with it.
#[derive(Debug)]
struct Thread(Receiver<Infallible>);

impl Thread {
    /// Carries out a task on it.
    ///
    /// # Errors
    /// When the system has no thread left.
    fn spawn<F: Future<Output = ()>>(task: impl FnOnce() -> F + Send + 'static) -> io::Result<Self> {
        let (until, ended) = sync_channel(0);
        Builder::new().name("sign-in".to_owned()).spawn(move || {
            let _until = until;
            // Without a runtime nothing is told, which says that no token came.
            if let Ok(runtime) = NetRuntime::new() {
                LocalSet::new().block_on(&runtime, task());
            }
        })?;
        Ok(Self(ended))
    }

    /// Waits until it has ended, but not for what nobody can cut, such as a file on a disk that does not answer.
    fn wait(self) {
        // Nothing is ever sent: it comes to the end of the channel, or of its patience.
        let _ = self.0.recv_timeout(GRACE);
    }
}

impl Keeper {
    /// Gets the first token of each credential, all at once, and keeps them good from then on. Whoever stops waiting for it
    /// also ends the programs that were to print one.
    ///
    /// # Errors
    /// Every path that cannot sign in, a line each; or when the system has no thread left.
    pub(crate) async fn start(slots: Vec<Arc<Slot>>, filter: &Filter) -> Result<Self, Vec<CannotSignIn>> {
        let (stop, stopped) = watch::channel(false);
        let (tell, mut told) = mpsc::unbounded_channel();
        let mut keeper = Self { slots: slots.clone(), stop, thread: None };
        if slots.is_empty() {
            return Ok(keeper);
        }
        let name = slots[0].name.clone();
        let broken = |why: String| vec![CannotSignIn { path: name.clone(), kind: "thread".to_owned(), why }];
        let filter = filter.clone();
        let spawned = Thread::spawn(move || keep_all(slots, filter, tell, stopped));
        keeper.thread = Some(spawned.map_err(|error| broken(error.to_string()))?);
        let mut refused = Vec::new();
        for _ in 0..keeper.slots.len() {
            // The channel ends early where the thread broke.
            refused.extend(told.recv().await.flatten());
        }
        let all_have = keeper.slots.iter().all(|slot| slot.held().is_some());
        match (refused.is_empty(), all_have) {
            (true, true) => Ok(keeper),
            (true, false) => Err(broken("the thread that gets tokens failed".to_owned())),
            (false, _) => Err(refused),
        }
    }

    /// How each path has signed in so far.
    #[must_use]
    pub(crate) fn sign_ins(&self) -> Vec<SignIn> {
        self.slots.iter().map(|slot| slot.sign_in()).collect()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            thread.wait();
        }
    }
}

async fn keep_all(
    slots: Vec<Arc<Slot>>,
    filter: Filter,
    tell: mpsc::UnboundedSender<Option<CannotSignIn>>,
    mut stopped: watch::Receiver<bool>,
) {
    for slot in slots {
        let (tell, filter) = (tell.clone(), filter.clone());
        tokio::task::spawn_local(async move {
            let first = first(&slot, &filter).await;
            let refused = first.as_ref().err().map(|no| CannotSignIn {
                path: slot.name.clone(),
                kind: slot.kind.to_string(),
                why: no.message.clone(),
            });
            // Who waits for it may have given up.
            let _ = tell.send(refused);
            if let Ok(life) = first {
                keep(&slot, life, &filter).await;
            }
        });
    }
    drop(tell);
    // Fails only when the keeper is gone, which means the same.
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// The first token of a credential; says how long it is good. What may get better by itself is tried again for a while.
async fn first(slot: &Slot, filter: &Filter) -> Result<Option<Duration>, NoToken> {
    let begun = Nanos::now();
    let mut pause = FIRST_PAUSE;
    for _ in 1..FIRST_TRIES {
        match ask(slot, FIRST_WITHIN, filter).await {
            Err(no) if !no.lasts && Nanos::now().since(begun) + pause < FIRST_WITHIN => {
                sleep(no.wait.unwrap_or(pause).min(FIRST_WITHIN / 4)).await;
                pause *= 2;
            }
            decided => return decided,
        }
    }
    ask(slot, FIRST_WITHIN, filter).await
}

/// Renews a token for as long as this is polled.
async fn keep(slot: &Slot, mut life: Option<Duration>, filter: &Filter) {
    // One that is good for ever is never renewed.
    while let Some(whole) = life {
        sleep(renew_after(whole)).await;
        let mut tries = 0;
        life = loop {
            match ask(slot, patience(whole), filter).await {
                Ok(life) => break life,
                Err(no) => {
                    sleep(pause(whole, tries, no.wait)).await;
                    tries += 1;
                }
            }
        };
    }
}

/// Asks once. Says how long the token is good from now.
async fn ask(slot: &Slot, patience: Duration, filter: &Filter) -> Result<Option<Duration>, NoToken> {
    let asked = Nanos::now();
    let late = |_| NoToken::passing(format!("no token came within {:.0} s", patience.as_secs_f64()));
    let found = timeout(patience, slot.source.token(filter)).await.map_err(late).flatten();
    let took = Nanos::now().since(asked);
    slot.note(asked, took, found.as_ref().err().map(|no| no.message.as_str()));
    let (token, hold) = found?;
    slot.put(&token, hold, asked);
    Ok(token.life.map(|life| life.saturating_sub(took)))
}

/// When a token that is good for so long is renewed.
fn renew_after(left: Duration) -> Duration {
    left.mul_f64(RENEW_AFTER).max(LEAST)
}

/// How long a token is waited for while the one before lives.
fn patience(life: Duration) -> Duration {
    (life / 4).clamp(Duration::from_secs(2), PATIENCE)
}

/// How long to wait after so many failures in a row: twice as long each time, up to a share of a token's life, and as long
/// as the endpoint wants, as far as the life allows.
fn pause(life: Duration, tries: u32, wanted: Option<Duration>) -> Duration {
    let least = (life / 100).clamp(Duration::from_millis(50), Duration::from_secs(1));
    let most = (life / 20).clamp(Duration::from_millis(200), Duration::from_secs(60));
    let own = least.saturating_mul(1 << tries.min(16)).min(most);
    own.max(wanted.unwrap_or_default().min(life / 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_any_life_outlives_an_endpoint_that_fails_for_half_of_it() {
        for life in [1.5, 6.0, 20.0, 300.0, 3600.0, 86_400.0].map(Duration::from_secs_f64) {
            let outage = renew_after(life)..renew_after(life) + life / 2;
            let (mut at, mut tries) = (outage.start, 0u32);
            while outage.contains(&at) {
                at += pause(life, tries, None);
                tries += 1;
            }
            assert!(at < life.mul_f64(0.95), "{life:?}: got at {at:?} after {tries} tries");
            assert!(u64::from(tries) < 20 + life.as_secs() / 120, "{life:?}: asked {tries} times");
        }
    }

    #[test]
    fn the_end_waits_for_no_sign_in_that_cannot_be_cut() {
        let (answer, never) = std::sync::mpsc::channel::<()>();
        let (stop, mut stopped) = watch::channel(false);
        let (begin, begun) = std::sync::mpsc::channel();
        let thread = Thread::spawn(move || async move {
            // As a file on a disk that does not answer.
            let _ = (begin.send(()), never.recv());
            let _ = stopped.wait_for(|stop| *stop).await;
        });
        let keeper = Keeper { slots: Vec::new(), stop, thread: Some(thread.expect("a thread")) };
        begun.recv().expect("it began");
        drop(keeper);
        // It was held up until now.
        drop(answer);
    }

    #[test]
    fn the_end_waits_for_what_can_be_cut() {
        let (stop, mut stopped) = watch::channel(false);
        let (told, heard) = std::sync::mpsc::channel();
        let thread = Thread::spawn(move || async move {
            let _ = stopped.wait_for(|stop| *stop).await;
            let _ = told.send(());
        });
        drop(Keeper { slots: Vec::new(), stop, thread: Some(thread.expect("a thread")) });
        assert_eq!(heard.try_recv(), Ok(()), "it ended first");
    }

    #[test]
    fn an_endpoint_that_wants_to_be_left_alone_is_as_far_as_the_life_allows() {
        let second = Duration::from_secs(1);
        assert_eq!(pause(3600 * second, 0, Some(60 * second)), 60 * second);
        assert_eq!(pause(20 * second, 0, Some(60 * second)), 5 * second);
        assert_eq!(pause(3600 * second, 0, None), second);
        assert_eq!(pause(3600 * second, 40, None), 60 * second);
    }
}
