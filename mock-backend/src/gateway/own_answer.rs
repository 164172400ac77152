//! What a gateway answers itself: refusals, errors of its own, and what it has kept.

use std::rc::Rc;

use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json;

use super::cache::Kept;
use super::passage::{Passage, REQUEST_ID, is_stream};
use super::preset;
use super::refusal::Refusal;
use crate::fault::ErrorKind;
use crate::net::entry::Marks;
use crate::net::exchange::Note;
use crate::net::reply::{Reply, whole};
use crate::units::Nanos;

impl Passage<'_> {
    /// The same answer as before.
    pub(super) fn repeat(&self, kept: Kept, due: Nanos) -> Response<Reply> {
        self.entry.update(|record| {
            (record.status, record.tokens, record.stream) = (200, kept.tokens, is_stream(&kept.headers));
        });
        self.route.connection.exchange.note_head(Note { due, marks: Marks::ALL, entry: Some(Rc::clone(&self.entry)) });
        let mut response = Response::new(whole(kept.body));
        *response.headers_mut() = kept.headers;
        let own = due.since(self.arrival.ideal);
        preset::declare_own(self.route.gateway.policy.preset, own, response.headers_mut());
        response.headers_mut().insert("x-cache", HeaderValue::from_static("HIT"));
        response
    }

    /// The error that the scenario gives the gateway itself.
    pub(super) fn fail(&self, kind: ErrorKind) -> Response<Reply> {
        self.entry.update(|record| record.fault = Some(kind.name()));
        let mut refusal = Refusal::new(kind.status(), kind.gateway_message());
        refusal.retry_after = (kind.status() == StatusCode::TOO_MANY_REQUESTS).then_some(2);
        let response = self.refuse(&refusal, self.arrival.ideal);
        let Some((content_type, body)) = kind.foreign_body() else { return response };
        let mut response = response.map(|_| whole(body));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        response
    }

    /// An answer of the gateway itself, in the shape of API Management.
    pub(super) fn refuse(&self, refusal: &Refusal, due: Nanos) -> Response<Reply> {
        let Refusal { status, message, retry_after } = refusal;
        self.entry.update(|record| record.status = status.as_u16());
        self.route.connection.exchange.note_head(Note { due, marks: Marks::ALL, entry: Some(Rc::clone(&self.entry)) });
        let body = json!({"statusCode": status.as_u16(), "message": message}).to_string();
        let mut response = Response::new(whole(body));
        *response.status_mut() = *status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
        }
        if *status == StatusCode::UNAUTHORIZED {
            let realm = "AzureApiManagementKey realm=\"sim\",name=\"Ocp-Apim-Subscription-Key\",type=\"header\"";
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(realm));
        }
        let own = due.since(self.arrival.ideal);
        preset::declare_own(self.route.gateway.policy.preset, own, headers);
        if let Ok(id) = HeaderValue::from_str(&self.id) {
            headers.insert(REQUEST_ID, id);
        }
        response
    }
}
