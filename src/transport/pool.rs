//! The connections of one worker to one path, whichever HTTP it speaks.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::measure::outcome::ErrorClass;
use crate::path::{Http, NetPath};
use crate::transport::connection::{Connection, Opening};
use crate::transport::http2_pool::{Http2Place, Http2Pool, Http2Queue};
use crate::transport::idle::Idle;

/// The connections of one worker to one path.
pub(crate) enum Pool {
    /// Over HTTP/1.1: one for each call under way.
    Sole(RefCell<Idle>),
    /// Over HTTP/2: a few, shared.
    Http2Pool(Rc<Http2Pool>),
}

/// What a call gets.
pub(crate) enum Place {
    /// A connection that carries it.
    Ready(Connection),
    /// The right to open one.
    Open(Opening),
    /// None: the connection it waited for did not come about.
    Failed(ErrorClass),
}

impl From<Http2Place> for Place {
    fn from(place: Http2Place) -> Self {
        match place {
            Http2Place::Http2Connection(connection) => Self::Ready(Connection::Http2Connection(connection)),
            Http2Place::Open(opening) => Self::Open(Opening::Http2Connection(opening)),
            Http2Place::Failed(class) => Self::Failed(class),
        }
    }
}

/// The queue of the calls for which there is no room yet.
pub(crate) struct Queue(Http2Queue);

impl Queue {
    /// The place, when it is this call's turn.
    pub(crate) fn poll_place(&mut self, cx: &mut Context<'_>) -> Poll<Place> {
        // The pool outlives its queue.
        Pin::new(&mut self.0).poll(cx).map(|place| place.map_or(Place::Failed(ErrorClass::Internal), Place::from))
    }
}

impl Pool {
    /// The empty pool of a path for a worker that is alone.
    #[must_use]
    pub(crate) fn new(path: &NetPath) -> Self {
        match path.http {
            Http::One => Self::Sole(RefCell::new(Idle::new(path.connections, path.control.lifetime))),
            Http::Two { max, streams } => {
                Self::Http2Pool(Http2Pool::new((path.connections, path.control.lifetime), max, streams))
            }
        }
    }

    /// Leaves a worker its share of the connections that a run may have; for before the first.
    pub(crate) fn share(&self, path: &NetPath, shard: u64, of: u64) {
        if let (Self::Http2Pool(pool), Http::Two { max, .. }) = (self, path.http) {
            pool.limit(Http::share(max, shard, of));
        }
    }

    /// A place for a call. Whatever is returned, the caller says so with `give_back` or `forget` when it no longer
    /// needs it. `filling` is for the warmup of an open load: connections are then opened that later
    /// bursts find warm.
    ///
    /// # Errors
    /// The queue, when there is no room: over HTTP/2 alone.
    pub(crate) fn take(&self, filling: bool) -> Result<Place, Queue> {
        match self {
            Self::Sole(idle) => {
                let idle = idle.borrow_mut().take(filling);
                Ok(idle.map_or(Place::Open(Opening::Sole), |sole| Place::Ready(Connection::Sole(sole))))
            }
            Self::Http2Pool(pool) => pool.take(filling).map(Place::from).map_err(Queue),
        }
    }

    /// Keeps a connection whose call has ended, if the policy allows it.
    pub(crate) fn give_back(&self, connection: Connection) {
        match (self, connection) {
            (Self::Sole(idle), Connection::Sole(sole)) => idle.borrow_mut().give_back(sole),
            // A stream is over with its call.
            (Self::Sole(_) | Self::Http2Pool(_), connection) => drop(connection),
        }
    }

    /// A call has no connection any more, or never had one.
    pub(crate) fn forget(&self) {
        if let Self::Sole(idle) = self {
            idle.borrow_mut().forget();
        }
    }
}
