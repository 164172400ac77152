//! A listener that forwards to others: it reads the request, takes its own time, asks its upstream over a connection of
//! its own, and passes the answer on as it comes. What it does beyond that are its policies.

mod ask_upstream;
mod balance;
mod breaker;
mod cache;
mod forward_body;
mod own_answer;
mod pass_through;
mod passage;
mod preset;
mod quota;
mod recording;
mod refusal;
mod settings;
mod state;
mod upstream;

pub(crate) use pass_through::pass_through;
pub(crate) use passage::Route;
pub(crate) use recording::Recorder;
pub(crate) use settings::{
    BreakerSettings, Buffer, GatewaySettings, MemberSettings, Policy, Preset, Statuses, UpstreamUrl,
};
pub(crate) use state::Gateway;
pub(crate) use upstream::Pool;
