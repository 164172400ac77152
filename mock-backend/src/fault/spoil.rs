//! What a fault does to a request: no answer, another one, or one that is spoilt on its way.

use std::sync::Arc;

use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};

use super::broken::Broken;
use super::kind::Fault;
use crate::api::api;
use crate::ledger::Record;
use crate::reply::Reply;
use crate::tap::{Cut, Entry, Marks, Note};
use crate::visit::Visit;

const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// What comes instead of an answer; `None` if there will be one.
pub(crate) async fn instead(visit: &Visit, head: &Parts, fault: Fault) -> Option<Response<Reply>> {
    let cut = match fault {
        Fault::Close(None) => Some(Cut::Close),
        Fault::Reset(None) => Some(Cut::Reset),
        Fault::Hang => None,
        Fault::Redirect => return Some(redirect(visit, head)),
        _ => return None,
    };
    // Alive until the connection is gone.
    let _entry = entry(visit, head, fault, 0);
    if let Some(cut) = cut {
        let due = visit.tap.arrival().ideal + visit.tap.way_out();
        visit.worker.clock.sleep_until(due).await;
        visit.tap.sever_now(cut);
    }
    std::future::pending().await
}

fn entry(visit: &Visit, head: &Parts, fault: Fault, status: u16) -> std::rc::Rc<Entry> {
    let record = Record {
        request_id: visit.request_id(&head.headers),
        listener: Arc::clone(&visit.listener.name),
        api: api(head.uri.path()),
        recv_ns: visit.tap.arrival().recv,
        status,
        fault: Some(fault.name()),
        ..Record::default()
    };
    Entry::new(record, visit.worker.sink.clone())
}

fn redirect(visit: &Visit, head: &Parts) -> Response<Reply> {
    let entry = entry(visit, head, Fault::Redirect, 307);
    visit.tap.head(Note { due: visit.tap.arrival().ideal, marks: Marks::ALL, entry: Some(entry) });
    let mut response = Response::new(Reply::whole(Vec::new()));
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    if let Ok(location) = HeaderValue::from_str(path) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// Spoils an answer that is ready to be sent.
pub(crate) async fn spoil(visit: &Visit, fault: Fault, mut response: Response<Reply>) -> Response<Reply> {
    let Some(Note { due, entry: Some(entry), .. }) = visit.tap.note() else { return response };
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
            let note = visit.tap.hold();
            let due = due + late;
            visit.worker.clock.sleep_until(due).await;
            if let Some(note) = note {
                visit.tap.head(Note { due, ..note });
            }
        }
        Fault::Continue => visit.tap.ahead(b"HTTP/1.1 100 Continue\r\n\r\n"),
        Fault::EarlyHints => {
            visit.tap.ahead(b"HTTP/1.1 103 Early Hints\r\nlink: </v1>; rel=preconnect\r\n\r\n");
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
            let (tap, clock) = (visit.tap.clone(), &visit.worker.clock);
            return response.map(|reply| Reply::Broken(Box::new(Broken::new(reply, fault, stream, tap, entry, clock))));
        }
    }
    response
}
