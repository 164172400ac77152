//! A listener that forwards to others.

use hyper::{Response, StatusCode};

use crate::reply::Reply;

pub(crate) fn unavailable() -> Response<Reply> {
    let mut response = Response::new(Reply::whole(Vec::new()));
    *response.status_mut() = StatusCode::NOT_IMPLEMENTED;
    response
}
