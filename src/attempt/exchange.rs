//! One exchange over a path whose answer is kept as it came: for the few calls that look at an answer rather than time
//! it. It takes the way that the run's calls take: the same connections, headers and credential.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{COOKIE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request};

use crate::attempt::cookies::Carried;
use crate::attempt::route::{REQUEST_ID, Route};
use crate::attempt::words::cause_of;
use crate::limits::Limit;
use crate::transport::connect;
use crate::transport::connection::Connection;
use crate::transport::pool::Place;
use crate::units::{Api, Nanos};
use crate::wire::filter::Filter;
use crate::wire::form::BodyForm;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// The method.
    pub method: Method,
    /// What stands behind the base URL, encoded.
    pub resource: String,
    /// Whose headers it has.
    pub api: Api,
    /// Whether a stream is asked for.
    pub stream: bool,
    /// What it says, as JSON; empty for none.
    pub body: Vec<u8>,
    /// A header of its own.
    pub header: Option<(HeaderName, HeaderValue)>,
    /// Its own name, by which logs of servers find it.
    pub id: String,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// When the request was sent.
    pub sent: Nanos,
    /// The pieces of the body, and when each was read.
    pub pieces: Vec<(Nanos, Bytes)>,
    /// When the end was read.
    pub end: Nanos,
    /// Why the body is not whole, if it is not.
    pub broken: Option<String>,
}

impl Kept {
    /// Whether its status is one of success.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The whole body.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        self.pieces.iter().flat_map(|(_, piece)| piece.iter().copied()).collect()
    }
}

/// Why an exchange came to nothing, and whether the server may be asked again on another connection.
struct Failed {
    why: String,
    again: bool,
}

impl Route {
    /// What the path puts into every body.
    #[must_use]
    pub(crate) fn form(&self) -> &BodyForm {
        &self.form
    }

    /// Asks once; once more, if a connection that was kept had been closed by the other side. At most `most` is waited
    /// for each. What proves who calls is put in; cookies are kept where the path keeps them, and hidden by the filter.
    ///
    /// # Errors
    /// When no answer came, in a sentence that is to pass the filter.
    pub(crate) async fn exchange(&self, question: &Question, most: Duration, filter: &Filter) -> Result<Kept, String> {
        let late = || format!("no complete answer came within {} s", most.as_secs());
        for _ in 0..2 {
            match tokio::time::timeout(most, self.ask(question, filter)).await {
                Err(_) => {
                    self.pool.forget();
                    return Err(late());
                }
                Ok(Ok(kept)) => return Ok(kept),
                Ok(Err(Failed { again: true, .. })) => {}
                Ok(Err(Failed { why, again: false })) => return Err(why),
            }
        }
        Err("the server closed every connection before it answered".to_owned())
    }

    async fn ask(&self, question: &Question, filter: &Filter) -> Result<Kept, Failed> {
        let mut connection = self.open().await.map_err(|why| {
            self.pool.forget();
            Failed::for_good(why)
        })?;
        let request = match self.request(question) {
            Ok(request) => request,
            Err(why) => {
                self.pool.give_back(connection);
                return Err(Failed::for_good(why));
            }
        };
        connection.begin_call();
        let sent = Nanos::now();
        let answered = {
            let mut head = pin!(connection.request(request));
            poll_fn(|cx| connection.poll_head(head.as_mut(), cx)).await
        };
        let head = match answered {
            Ok(head) => head,
            Err(broken) => {
                self.pool.forget();
                return Err(Failed { why: cause_of(&broken), again: connection.was_idle() });
            }
        };
        let (parts, mut body) = head.into_parts();
        if let Some(jars) = &self.jars {
            let mut carried = Carried::default();
            jars.take(0, &parts.headers, filter, &mut carried);
            carried.keep_for_good();
        }
        let (mut pieces, mut size) = (Vec::new(), 0);
        let broken = loop {
            match poll_fn(|cx| connection.poll_piece(&mut body, cx)).await {
                None => break None,
                Some(Err(error)) => break Some(cause_of(&error)),
                Some(Ok(piece)) => {
                    size += piece.len();
                    if let Err(beyond) = Limit::CheckedAnswer.allow(size) {
                        self.pool.forget();
                        return Err(Failed::for_good(beyond.to_string()));
                    }
                    pieces.push((connection.last_read(), piece));
                }
            }
        };
        let end = connection.last_read();
        match broken {
            None => self.pool.give_back(connection),
            Some(_) => self.pool.forget(),
        }
        Ok(Kept { status: parts.status.as_u16(), headers: parts.headers, sent, pieces, end, broken })
    }

    fn request(&self, question: &Question) -> Result<Request<Full<Bytes>>, String> {
        let mut request = Request::new(Full::new(Bytes::from(question.body.clone())));
        *request.method_mut() = question.method.clone();
        *request.uri_mut() = format!("{}{}", self.shown, question.resource)
            .parse()
            .map_err(|error: hyper::http::uri::InvalidUri| error.to_string())?;
        let mut headers = self.headers(question.api, question.stream);
        self.sign_again(question.api, &mut headers, Nanos::now())?;
        if let Ok(id) = HeaderValue::try_from(&question.id) {
            headers.insert(REQUEST_ID, id);
        }
        if let Some((name, value)) = &question.header {
            headers.insert(name, value.clone());
        }
        if let Some(value) = self.jars.as_ref().and_then(|jars| jars.header(0, &mut Carried::default())) {
            headers.insert(COOKIE, value);
        }
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// A connection of the path, or why none could be had.
    async fn open(&self) -> Result<Connection, String> {
        let place = match self.pool.take(false) {
            Ok(place) => place,
            Err(mut queue) => poll_fn(|cx| queue.poll_place(cx)).await,
        };
        let mut opening = match place {
            Place::Ready(connection) => return Ok(connection),
            Place::Open(opening) => opening,
            Place::Failed(class) => return Err(class.meaning().to_owned()),
        };
        let wait = self.path.timeouts.connect;
        let opened = tokio::time::timeout(wait.0, async { opening.begin(0, connect::open(&self.target).await?).await });
        match opened.await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(error.message),
            Err(_) => Err(format!("no connection within {wait} (timeouts.connect)")),
        }
    }
}

impl Failed {
    fn for_good(why: String) -> Self {
        Self { why, again: false }
    }
}
