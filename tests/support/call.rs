//! One call over one path, as a worker of the driver makes it.

use std::rc::Rc;
use std::time::Duration;

use hopmark::attempt::{Caller, Prepared, Route};
use hopmark::path::address::Address;
use hopmark::path::request::RequestForm;
use hopmark::path::{AuthRef, ConnectionPolicy, Http, NetPath, PathKind, Timeouts, TlsPolicy};
use hopmark::schedule::tickets::Ticket;
use hopmark::transport::connect::Target;
use hopmark::transport::credential::Credential;
use hopmark::units::{Api, Nanos, PathId, Phase, Seq, Span};
use hopmark::workload::call::{Call, Prompt};

/// The path to a base address, with time limits in milliseconds: connect, first byte, gap, total.
pub(crate) fn path_to(base_url: String, http: Http, limits: [u64; 4]) -> NetPath {
    let [connect, first_byte, gap, total] = limits.map(Span::from_millis);
    NetPath {
        id: PathId(0),
        name: "direct".to_owned(),
        kind: PathKind::Direct,
        base_url,
        address: Address::default(),
        request: RequestForm::default(),
        auth: AuthRef::default(),
        backend: None,
        connections: ConnectionPolicy::Keep,
        http,
        tls: TlsPolicy::default(),
        timeouts: Timeouts { connect, first_byte, gap, total },
        tags: Vec::new(),
        control: Default::default(),
    }
}

/// The only worker of a run over one path.
pub(crate) fn caller(path: NetPath, credential: Credential) -> Rc<Caller> {
    let target = Target::of(&path).expect("a target");
    Rc::new(Caller::new(vec![Route::new(path, target, credential)], "run".to_owned(), Nanos::now(), 0, 1))
}

/// A call that asks for this and counts no tokens.
pub(crate) fn asking(api: Api, stream: bool, prompt: Prompt) -> Call {
    Call { api, stream, model: "gpt-4o".into(), prompt, max_output_tokens: None, input_tokens: None }
}

/// A call that says hi.
pub(crate) fn hello(api: Api, stream: bool) -> Call {
    asking(api, stream, Prompt::Text("hi".to_owned()))
}

/// The call with this number, of the measured phase, ready to be sent.
pub(crate) fn prepared(caller: &Caller, seq: u64, call: &Call) -> Box<Prepared> {
    let ticket = Ticket { seq: Seq(seq), round: seq, path: PathId(0), phase: Phase::Measure, intended: Duration::ZERO };
    caller.prepare(ticket, call)
}
