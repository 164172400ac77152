//! A listener that forwards to others: it reads the request, takes its own time, asks its upstream over a connection of
//! its own, and passes the answer on as it comes. What it does beyond that are its policies.

mod asking;
mod balance;
mod breaker;
mod cache;
mod own;
mod passage;
mod preset;
mod quota;
mod refusal;
mod state;

pub(crate) use passage::forward;
pub(crate) use state::Gateway;
