//! The body of an answer, whoever makes it.

use std::io;
use std::pin::Pin;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Body;

/// A body in one piece, whose size is known, or one that is made while it is sent.
pub(crate) type Reply = Pin<Box<dyn Body<Data = Bytes, Error = io::Error>>>;

/// A body in one piece.
pub(crate) fn whole(body: impl Into<Bytes>) -> Reply {
    Box::pin(Full::new(body.into()).map_err(|never| match never {}))
}
