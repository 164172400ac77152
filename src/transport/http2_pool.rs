//! The HTTP/2 connections of one worker to one path: which one a call takes, and the queue of those that find all full.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use tokio::sync::oneshot;

use crate::measure::outcome::ErrorClass;
use crate::path::ConnectionPolicy;
use crate::path::control::Lifetime;
use crate::transport::connect::Opened;
use crate::transport::http2::{Exchange, Link};

/// What a call gets.
pub(crate) enum Http2Place {
    /// A stream of an open connection.
    Http2Connection(Http2Connection),
    /// The right to open a connection.
    Open(Http2Opening),
    /// None: the connection it waited for did not come about.
    Failed(ErrorClass),
}

/// Where a call waits for its place.
pub(crate) type Http2Queue = oneshot::Receiver<Http2Place>;

/// The connections of one worker to one path, and the calls that wait for room on them.
pub(crate) struct Http2Pool {
    policy: ConnectionPolicy,
    lifetime: Lifetime,
    /// Connections at a time, but for those that a server closes as soon as the last call on them has ended.
    max: Cell<usize>,
    /// Streams at a time on each.
    streams: usize,
    open: RefCell<Vec<Rc<Link>>>,
    opening: Cell<usize>,
    waiting: RefCell<VecDeque<oneshot::Sender<Http2Place>>>,
}

impl Http2Pool {
    /// No connection yet; at most `max`, with at most `streams` at a time on each.
    #[must_use]
    pub(crate) fn new((policy, lifetime): (ConnectionPolicy, Lifetime), max: usize, streams: usize) -> Rc<Self> {
        Rc::new(Self {
            policy,
            lifetime,
            max: Cell::new(max),
            streams,
            open: RefCell::default(),
            opening: Cell::new(0),
            waiting: RefCell::default(),
        })
    }

    /// Changes how many connections there may be; for before the first.
    pub(crate) fn limit(&self, max: usize) {
        self.max.set(max);
    }

    /// A place for a call, or its place in the queue. Who came first is served first.
    ///
    /// The connection with the fewest streams has it, one that is not open yet having none: so a call opens another
    /// one, if there may be more, unless one is idle. With `filling`, as in the warmup of an open load, it opens one
    /// in any case.
    ///
    /// # Errors
    /// The queue, when everything is full.
    pub(crate) fn take(self: &Rc<Self>, filling: bool) -> Result<Http2Place, Http2Queue> {
        let place = if self.is_waited_for() { None } else { self.place(filling) };
        place.ok_or_else(|| {
            let (sender, queue) = oneshot::channel();
            self.waiting.borrow_mut().push_back(sender);
            queue
        })
    }

    fn place(self: &Rc<Self>, filling: bool) -> Option<Http2Place> {
        if self.policy == ConnectionPolicy::Fresh {
            return Some(self.opening());
        }
        let emptiest = self.emptiest();
        let idle = emptiest.as_ref().is_some_and(|link| link.streams() == 0);
        if (filling || !idle) && self.open.borrow().len() + self.opening.get() < self.max.get() {
            return Some(self.opening());
        }
        emptiest.map(|link| Http2Place::Http2Connection(self.connection(&link)))
    }

    /// The connection with the fewest streams of those that have room.
    fn emptiest(&self) -> Option<Rc<Link>> {
        loop {
            let mut open = self.open.borrow_mut();
            open.retain(|link| link.is_usable() && self.may_live_on(link));
            let emptiest = open.iter().filter(|link| link.has_room(self.streams)).min_by_key(|link| link.streams());
            let emptiest = Rc::clone(emptiest?);
            drop(open);
            if emptiest.streams() == 0 {
                emptiest.look();
            }
            if emptiest.is_usable() {
                return Some(emptiest);
            }
        }
    }

    /// Whether a connection takes more calls; one that does not ends with those that it has.
    fn may_live_on(&self, link: &Link) -> bool {
        let lives = link.history().may_be_used(self.lifetime);
        if !lives {
            link.retire();
        }
        lives
    }

    fn opening(self: &Rc<Self>) -> Http2Place {
        self.opening.set(self.opening.get() + 1);
        Http2Place::Open(Http2Opening { pool: Rc::clone(self) })
    }

    fn connection(self: &Rc<Self>, link: &Rc<Link>) -> Http2Connection {
        Http2Connection { exchange: Exchange::on(link), _place: Place { link: Rc::clone(link), pool: Rc::clone(self) } }
    }

    /// Gives places to those that wait, as far as there are any.
    fn serve(self: &Rc<Self>) {
        loop {
            let Some(first) = self.waiting.borrow_mut().pop_front() else { return };
            if first.is_closed() {
                continue;
            }
            match self.place(false) {
                // It listens, as was just seen; if it did not, its place would be free again.
                Some(place) => drop(first.send(place)),
                None => return self.waiting.borrow_mut().push_front(first),
            }
        }
    }

    /// Whether a call waits; those at the front that were given up are forgotten.
    fn is_waited_for(&self) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        while waiting.front().is_some_and(oneshot::Sender::is_closed) {
            waiting.pop_front();
        }
        !waiting.is_empty()
    }
}

/// A stream for one call, and its place among the others, free again when this goes out of scope.
pub(crate) struct Http2Connection {
    /// What is done over it.
    pub exchange: Exchange,
    _place: Place,
}

/// Declared after the exchange, so that the stream is over when the next call is told.
struct Place {
    link: Rc<Link>,
    pool: Rc<Http2Pool>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.pool.policy == ConnectionPolicy::Fresh {
            self.link.retire();
        }
        self.pool.serve();
    }
}

/// The right to open a connection, which counts as one of those there may be until this goes out of scope.
pub(crate) struct Http2Opening {
    pool: Rc<Http2Pool>,
}

impl Http2Opening {
    /// Begins HTTP/2 on an open stream, and takes the first call.
    ///
    /// # Errors
    /// h2's, when the stream is already closed.
    pub(crate) async fn begin(&mut self, id: u64, opened: Opened) -> Result<Http2Connection, h2::Error> {
        let pool: Weak<Http2Pool> = Rc::downgrade(&self.pool);
        // A turn may bring the server's limit, or the end of the connection.
        let turned = move || {
            if let Some(pool) = pool.upgrade()
                && pool.is_waited_for()
            {
                pool.serve();
            }
        };
        let link = Link::begin(id, opened, turned).await?;
        let connection = self.pool.connection(&link);
        if self.pool.policy == ConnectionPolicy::Keep {
            self.pool.open.borrow_mut().push(link);
        }
        Ok(connection)
    }

    /// It did not come about. When no other is open or being opened, the calls that wait hear it too: what they waited
    /// for has failed.
    pub(crate) fn failed(self, class: ErrorClass) {
        let pool = Rc::clone(&self.pool);
        if pool.open.borrow().is_empty() && pool.opening.get() == 1 {
            let waiting = pool.waiting.take();
            waiting.into_iter().for_each(|one| drop(one.send(Http2Place::Failed(class))));
        }
    }
}

impl Drop for Http2Opening {
    fn drop(&mut self) {
        self.pool.opening.set(self.pool.opening.get() - 1);
        self.pool.serve();
    }
}
