//! A gateway's own connections to what stands behind it: HTTP/1.1, kept alive and pooled for each worker thread.

use std::cell::RefCell;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::settings::UpstreamUrl;
use crate::net::clock::Clock;
use crate::net::distance::{Caller, Route};
use crate::net::entry::Marks;
use crate::net::exchange::{Exchange, Note};
use crate::net::hyper_io::{HyperIo, Scratch};
use crate::net::link::{Ends, Link};
use crate::net::tls::Authorities;
use crate::net::virtual_time::{End, VirtualTime};
use crate::observe::gauges::{Gauge, Gauges};
use crate::units::Nanos;

/// Where a gateway forwards to.
pub(crate) struct Upstream {
    pub(crate) url: UpstreamUrl,
    /// The distance.
    pub(crate) route: Arc<Route>,
    /// What it has to be certified by.
    pub(crate) trust: Authorities,
}

/// A connection for one exchange at a time.
pub(crate) struct Lease {
    sender: SendRequest<Full<Bytes>>,
    /// When its bytes came.
    pub(crate) exchange: Exchange,
}

/// Idle connections of one worker to one upstream.
#[derive(Default)]
pub(crate) struct Pool(RefCell<Vec<Lease>>);

impl Pool {
    /// Takes back a connection whose exchange is over.
    pub(crate) fn give(&self, lease: Lease) {
        if !lease.sender.is_closed() {
            self.0.borrow_mut().push(lease);
        }
    }

    async fn take(&self) -> Option<Lease> {
        loop {
            let mut lease = self.0.borrow_mut().pop()?;
            if lease.sender.ready().await.is_ok() {
                return Some(lease);
            }
        }
    }
}

/// How a worker reaches one upstream.
pub(crate) struct Dialer<'a> {
    pub(crate) upstream: &'a Upstream,
    pub(crate) pool: &'a Pool,
    pub(crate) clock: &'a Clock,
    pub(crate) scratch: &'a (Scratch, Scratch),
    /// Where to leave ideal times, if the upstream is ours.
    pub(crate) virtual_time: Option<&'a VirtualTime>,
    pub(crate) gauges: &'a Arc<Gauges>,
}

impl Dialer<'_> {
    /// Sends a request that was due at `due` and waits for the head of its answer. An idle connection that the other
    /// side has closed in the meantime is replaced once by a new one.
    pub(crate) async fn send(
        &self,
        due: Nanos,
        request: impl Fn() -> Request<Full<Bytes>>,
    ) -> io::Result<(Lease, Response<Incoming>)> {
        if let Some(mut lease) = self.pool.take().await {
            match lease.exchange(due, request()).await {
                Err(error) if error.is_canceled() || error.is_incomplete_message() || error.is_closed() => {}
                done => return done.map(|response| (lease, response)).map_err(io::Error::other),
            }
        }
        let mut lease = self.connect().await?;
        let response = lease.exchange(due, request()).await.map_err(io::Error::other)?;
        Ok((lease, response))
    }

    async fn connect(&self) -> io::Result<Lease> {
        let stream = TcpStream::connect(&self.upstream.url.authority).await?;
        stream.set_nodelay(true)?;
        let exchange = Exchange::default();
        let (socket_scratch, http_scratch) = (Rc::clone(&self.scratch.0), Rc::clone(&self.scratch.1));
        let route = Arc::clone(&self.upstream.route);
        let virtual_time = match self.virtual_time {
            Some(times) => times.connecting(stream.local_addr()?),
            None => End::foreign(),
        };
        let ends = Ends { route, caller: Caller::Us, exchange: exchange.clone(), virtual_time };
        let link = Link::new(stream, ends, self.clock, socket_scratch);
        if self.upstream.url.tls {
            let stream = self.secure(link.clone()).await?;
            return self.speak(HyperIo::new(stream, http_scratch), link, exchange).await;
        }
        self.speak(HyperIo::new(link.clone(), http_scratch), link, exchange).await
    }

    /// TLS over a link. What waits there is sent on time meanwhile.
    async fn secure(&self, link: Link) -> io::Result<TlsStream<Link>> {
        let host = self.upstream.url.authority.rsplit_once(':').map_or("", |(host, _)| host);
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(io::Error::other)?;
        let mut shaking = pin!(TlsConnector::from(self.upstream.trust.client()?).connect(name, link.clone()));
        std::future::poll_fn(|cx| {
            link.poll_release(cx);
            shaking.as_mut().poll(cx)
        })
        .await
    }

    /// HTTP over a stream whose bytes go over `link`.
    async fn speak<T>(&self, io: HyperIo<T>, link: Link, exchange: Exchange) -> io::Result<Lease>
    where
        T: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let (sender, connection) = http1::handshake(io).await.map_err(io::Error::other)?;
        let present = self.gauges.enter(Gauge::Upstream);
        tokio::task::spawn_local(async move {
            let _present = present;
            let mut connection = pin!(connection);
            // Whoever waits for an answer on it learns of its end in its own way.
            let _ = std::future::poll_fn(|cx| {
                link.poll_release(cx);
                connection.as_mut().poll(cx)
            })
            .await;
        });
        Ok(Lease { sender, exchange })
    }
}

impl Lease {
    fn exchange(
        &mut self,
        due: Nanos,
        request: Request<Full<Bytes>>,
    ) -> impl Future<Output = hyper::Result<Response<Incoming>>> + use<> {
        self.exchange.note_head(Note { due, marks: Marks::NONE, entry: None });
        self.sender.send_request(request)
    }
}
