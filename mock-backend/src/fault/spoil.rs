//! What a fault does to a request: no answer, another one, or one that is spoilt on its way.

use std::rc::Rc;

use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};

use super::broken::Broken;
use super::kind::Fault;
use crate::net::connection::Connection;
use crate::net::entry::{Entry, Marks};
use crate::net::exchange::{Cut, Note};
use crate::net::reply::{Reply, whole};

const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// What comes instead of an answer; `None` if there will be one.
pub(crate) async fn answer_instead(
    connection: &Connection,
    api: &'static str,
    head: &Parts,
    fault: Fault,
) -> Option<Response<Reply>> {
    let cut = match fault {
        Fault::Close(None) => Some(Cut::Close),
        Fault::Reset(None) => Some(Cut::Reset),
        Fault::Hang => None,
        Fault::Redirect => return Some(redirect(connection, api, head)),
        _ => return None,
    };
    // Alive until the connection is gone.
    let _entry = open_record(connection, api, head, fault, 0);
    if let Some(cut) = cut {
        let due = connection.exchange.arrival().ideal + connection.exchange.way_out();
        connection.clock.sleep_until(due).await;
        connection.exchange.sever_now(cut);
    }
    connection.exchange.give_up();
    std::future::pending().await
}

/// The record of a request that ends with `fault` and `status`; `api` is the ledger's name of what it asked for.
fn open_record(connection: &Connection, api: &'static str, head: &Parts, fault: Fault, status: u16) -> Rc<Entry> {
    connection.open_record(connection.request_id(&head.headers), api, |record| {
        (record.status, record.fault) = (status, Some(fault.name()));
    })
}

fn redirect(connection: &Connection, api: &'static str, head: &Parts) -> Response<Reply> {
    let entry = open_record(connection, api, head, Fault::Redirect, 307);
    connection.exchange.note_head(Note {
        due: connection.exchange.arrival().ideal,
        marks: Marks::ALL,
        entry: Some(entry),
    });
    let mut response = Response::new(whole(Vec::new()));
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    if let Ok(location) = HeaderValue::from_str(path) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// Spoils an answer that is ready to be sent.
pub(crate) async fn spoil_response(
    connection: &Connection,
    fault: Fault,
    mut response: Response<Reply>,
) -> Response<Reply> {
    let Some(Note { due, entry: Some(entry), .. }) = connection.exchange.note() else { return response };
    entry.update(|record| {
        record.fault = Some(fault.name());
        if !fault.keeps_times() {
            record.planned = None;
        }
    });
    let stream = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event"));
    let headers = response.headers_mut();
    match fault {
        Fault::SlowHead(late) => {
            // HTTP may look for something to write while it waits.
            let note = connection.exchange.take_note();
            let due = due + late;
            connection.clock.sleep_until(due).await;
            if let Some(note) = note {
                connection.exchange.note_head(Note { due, ..note });
            }
        }
        Fault::Continue => connection.exchange.write_ahead(b"HTTP/1.1 100 Continue\r\n\r\n"),
        Fault::EarlyHints => {
            connection.exchange.write_ahead(b"HTTP/1.1 103 Early Hints\r\nlink: </v1>; rel=preconnect\r\n\r\n");
        }
        Fault::ContentType => {
            let kind = if stream { "application/json" } else { "text/html" };
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        Fault::Retry(retry) => retry.write(headers),
        Fault::NoContentType => drop(headers.remove(CONTENT_TYPE)),
        Fault::EmptyContentType => drop(headers.insert(CONTENT_TYPE, HeaderValue::from_static(""))),
        Fault::FalseGzip => drop(headers.insert(CONTENT_ENCODING, GZIP)),
        _ => {
            if fault == Fault::Gzip {
                headers.insert(CONTENT_ENCODING, GZIP);
            }
            let broken = |reply| Broken::new(reply, fault, stream, connection, entry);
            return response.map(|reply| Box::pin(broken(reply)) as Reply);
        }
    }
    response
}
