//! Whether a deployment takes a request: its limits, the errors it has, and the deployment that takes its place.

use std::sync::Arc;
use std::time::Duration;

use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};

use super::backend::Backend;
use super::call::{Call, EVENTS};
use super::dialect::Dialect;
use super::embeddings::Vectors;
use super::error::ApiError;
use super::error_text::Details;
use super::request::{Form, Request};
use super::responses::compact::Conversation;
use super::responses::refused::refused_stream;
use crate::fault::ErrorKind;
use crate::limits::{Cost, Format, Refusal, Standing, retry_after};
use crate::net::clock::unix_seconds;
use crate::net::reply::{Reply, whole};
use crate::units::Nanos;

const SPILL: &str = "x-ms-spillover-deployment";
const DEPLOYMENT: &str = "x-ms-deployment-name";
/// How long a limit that is a fault of the scenario has its caller wait.
const FAULT_WAIT: Duration = Duration::from_secs(2);

/// Why a deployment does not take a request, and what it says of itself.
struct Refused {
    kind: ErrorKind,
    /// The error is one of the scenario, not of the limits.
    fault: bool,
    wait: Option<Duration>,
    figures: [u64; 3],
    standing: Option<Standing>,
}

impl Refused {
    fn by_limits(refusal: Refusal, standing: Standing) -> Self {
        let calls = standing.calls.map_or([0; 3], |(limit, left, _)| [limit, limit.saturating_sub(left), 1]);
        let (kind, wait, figures) = match refusal {
            Refusal::Context { most, requested } => (ErrorKind::Context, None, [most, 0, requested]),
            Refusal::Calls(wait) => (ErrorKind::CallRate, Some(wait), calls),
            Refusal::Tokens { wait: Some(wait), limit, used, requested } => {
                (ErrorKind::TokenRate, Some(wait), [limit, used, requested])
            }
            Refusal::Tokens { wait: None, limit, used, requested } => {
                (ErrorKind::Oversize, None, [limit, used, requested])
            }
            Refusal::Provisioned(wait) => (ErrorKind::Provisioned, Some(wait), [0; 3]),
        };
        Self { kind, fault: false, wait, figures, standing: Some(standing) }
    }

    /// As a fault of the scenario: with the figures of a small deployment.
    fn by_fault(kind: ErrorKind) -> Self {
        let (wait, figures) = match kind {
            ErrorKind::CallRate | ErrorKind::ModelRate | ErrorKind::Streamed | ErrorKind::StreamedCode => {
                (Some(FAULT_WAIT), [60, 60, 1])
            }
            ErrorKind::TokenRate | ErrorKind::Demand | ErrorKind::Provisioned => {
                (Some(FAULT_WAIT), [200_000, 195_869, 4412])
            }
            ErrorKind::Oversize => (None, [30_000, 0, 34_307]),
            ErrorKind::Context => (None, [128_000, 0, 130_000]),
            _ => (None, [0; 3]),
        };
        Self { kind, fault: true, wait, figures, standing: None }
    }
}

impl<'a> Call<'a> {
    /// Answers a request if the deployment takes it, or says why it does not. `fault` is the error that the scenario
    /// gives it.
    pub(crate) async fn admit(self, request: Request, fault: Option<ErrorKind>) -> Result<Response<Reply>, ApiError> {
        if self.backend.limits.is_none() && fault.is_none() {
            return self.generate(request).await;
        }
        let cost = Cost {
            prompt: request.prompt.tokens as u64,
            cached: request.prompt.hit.cached.min(request.prompt.tokens) as u64,
            limit: request.limit.map(|limit| limit as u64),
            choices: request.n as u64,
        };
        let refused = match self.admit_cost(&cost, fault) {
            Ok(standing) => return self.answer_admitted(request, cost, standing).await,
            Err(refused) => refused,
        };
        let Some(other) = self.spillover(&request).filter(|_| refused.kind.spills()) else {
            return Ok(self.refuse(&request, &refused));
        };
        let place = Call { backend: other, ..self };
        match place.admit_cost(&cost, None) {
            Ok(standing) => {
                let mut response = place.answer_admitted(request, cost, standing).await?;
                let headers = response.headers_mut();
                set_name(headers, "x-ms-spillover-from-deployment", self.backend);
                set_name(headers, DEPLOYMENT, other);
                Ok(response)
            }
            Err(also) => {
                let mut response = self.refuse(&request, &refused);
                let code = HeaderValue::from(also.kind.status().as_u16());
                response.headers_mut().insert("x-ms-spillover-error", code);
                Ok(response)
            }
        }
    }

    fn admit_cost(&self, cost: &Cost, fault: Option<ErrorKind>) -> Result<Option<Standing>, Box<Refused>> {
        if let Some(kind) = fault {
            return Err(Box::new(Refused::by_fault(kind)));
        }
        let Some(limits) = &self.backend.limits else { return Ok(None) };
        let verdict = limits.admit(self.arrival.ideal, cost);
        match verdict.refusal {
            Some(refusal) => Err(Box::new(Refused::by_limits(refusal, verdict.standing))),
            None => Ok(Some(verdict.standing)),
        }
    }

    /// The deployment that takes what this one refuses: that of the scenario, else that of the caller.
    fn spillover(&self, request: &Request) -> Option<&'a Arc<Backend>> {
        let limits = self.backend.limits.as_ref().map(|limits| &limits.settings);
        if matches!(request.form, Form::Responses(_)) && !limits.is_some_and(|limits| limits.spillover_responses) {
            return None;
        }
        let service = self.service;
        if let Some(place) = limits.and_then(|limits| limits.spillover) {
            return service.backends.get(place);
        }
        let wanted = self.head.headers.get(SPILL)?.to_str().ok()?;
        service.backends.iter().find(|backend| backend.settings.name == wanted)
    }

    /// Answers a request that was taken.
    async fn answer_admitted(
        &self,
        request: Request,
        cost: Cost,
        standing: Option<Standing>,
    ) -> Result<Response<Reply>, ApiError> {
        let responses = matches!(request.form, Form::Responses(_));
        let mut response = self.generate(request).await?;
        if let Some(standing) = standing {
            standing.write(response.headers_mut(), self.format(), responses);
            if self.dialect == Dialect::Azure {
                set_name(response.headers_mut(), DEPLOYMENT, self.backend);
            }
        }
        if self.backend.limits.as_ref().is_some_and(|limits| limits.settles())
            && let Some(entry) = self.service.connection.exchange.note().and_then(|note| note.entry)
        {
            let (backend, admitted) = (Arc::clone(self.backend), self.arrival.ideal);
            entry.on_end(move |record| {
                if let (Some(limits), Some(tokens)) = (&backend.limits, record.tokens) {
                    limits.settle(Nanos::now(), admitted, &cost, u64::from(tokens));
                }
            });
        }
        Ok(response)
    }

    /// An answer that says why there is none.
    fn refuse(&self, request: &Request, refused: &Refused) -> Response<Reply> {
        let responses = matches!(request.form, Form::Responses(_));
        let in_stream = responses
            && request.stream
            && refused.kind.status() == StatusCode::TOO_MANY_REQUESTS
            && (matches!(refused.kind, ErrorKind::Streamed | ErrorKind::StreamedCode)
                || self.backend.limits.as_ref().is_some_and(|limits| limits.settings.in_stream));
        let model = request.model.trim_matches('"');
        let mut response = if in_stream {
            self.in_stream(request, model, refused)
        } else {
            self.error_response(request.form.name(), request.stream, model, refused)
        };
        self.declare(response.headers_mut(), refused, responses);
        response
    }

    /// Writes what a refusal says of the limits.
    fn declare(&self, headers: &mut HeaderMap, refused: &Refused, responses: bool) {
        if let Some(standing) = &refused.standing {
            standing.write(headers, self.format(), responses);
        }
        if let Some(wait) = refused.wait {
            retry_after(headers, wait, self.format());
        }
    }

    /// Answers a request for embeddings, which costs its text alone, if the deployment takes it.
    pub(crate) async fn admit_vectors(&self, vectors: Vectors) -> Result<Response<Reply>, ApiError> {
        let cost = Cost { prompt: vectors.prompt_tokens as u64, cached: 0, limit: Some(0), choices: 1 };
        let name = vectors.name.clone();
        self.admit_other("embeddings", &name, &cost, self.embed(vectors)).await
    }

    /// Makes a short item of a conversation, if the deployment takes it.
    pub(crate) async fn admit_compaction(&self, asked: Conversation) -> Result<Response<Reply>, ApiError> {
        let tokens = asked.count_tokens(self.backend)?;
        let cost = Cost { prompt: tokens as u64, cached: 0, limit: None, choices: 1 };
        self.admit_other("responses", &asked.name, &cost, self.make_compaction(&asked, tokens)).await
    }

    /// Gives the answer that `made` makes, if the deployment takes a request of this cost.
    async fn admit_other(
        &self,
        api: &'static str,
        name: &str,
        cost: &Cost,
        made: impl Future<Output = Result<Response<Reply>, ApiError>>,
    ) -> Result<Response<Reply>, ApiError> {
        let responses = api == "responses";
        match self.admit_cost(cost, None) {
            Ok(standing) => {
                let mut response = made.await?;
                if let Some(standing) = standing {
                    standing.write(response.headers_mut(), self.format(), responses);
                }
                Ok(response)
            }
            Err(refused) => {
                let mut response = self.error_response(api, false, name, &refused);
                self.declare(response.headers_mut(), &refused, responses);
                Ok(response)
            }
        }
    }

    /// The answer of a request that was not even read.
    pub(crate) fn fail_unread(&self, api: &'static str, kind: ErrorKind) -> Response<Reply> {
        let refused = Refused::by_fault(kind);
        let mut response = self.error_response(api, false, "gpt-4o", &refused);
        self.declare(response.headers_mut(), &refused, false);
        response
    }

    fn error_response(&self, api: &'static str, stream: bool, model: &str, refused: &Refused) -> Response<Reply> {
        let query = self.head.uri.query().unwrap_or_default();
        let version = query.split('&').find_map(|pair| pair.strip_prefix("api-version=")).unwrap_or("v1");
        let status = refused.kind.status();
        let (entry, id) = self.open_record(api, stream, status);
        let details = Details {
            model,
            about: None,
            version,
            responses: api == "responses",
            wait: refused.wait,
            figures: refused.figures,
            id: &id,
        };
        let (content_type, body) = refused.kind.body(self.dialect, &details);
        if refused.fault {
            entry.update(|record| record.fault = Some(refused.kind.name()));
        }
        self.leave_at_once(entry);
        let content_type = HeaderValue::from_static(content_type);
        let mut response = self.response(status, content_type, (&id, None), None, whole(body));
        if refused.kind == ErrorKind::Network {
            let policy = HeaderValue::from_static("ThrowExceptionDueToTrafficDenied");
            response.headers_mut().insert("policy-id", policy);
        }
        response
    }

    /// Status 200, and the refusal in the stream.
    fn in_stream(&self, request: &Request, model: &str, refused: &Refused) -> Response<Reply> {
        let (entry, id) = self.open_record(request.form.name(), true, StatusCode::OK);
        if refused.fault {
            entry.update(|record| record.fault = Some(refused.kind.name()));
        }
        self.leave_at_once(entry);
        let name = format!("resp_{:032x}", u128::from(self.arrival.recv.0));
        let coded = refused.kind == ErrorKind::StreamedCode;
        let body = refused_stream(&name, model, unix_seconds(), coded);
        let mut response = self.response(StatusCode::OK, EVENTS, (&id, Some(&request.name)), Some(0), whole(body));
        response.headers_mut().insert(CONTENT_TYPE, EVENTS);
        response
    }

    fn format(&self) -> Format {
        match self.dialect {
            Dialect::OpenAi => Format::OpenAi,
            Dialect::Azure => Format::Azure,
            Dialect::Anthropic => Format::Anthropic,
        }
    }
}

fn set_name(headers: &mut HeaderMap, key: &'static str, backend: &Backend) {
    if let Ok(value) = HeaderValue::from_str(&backend.settings.name) {
        headers.insert(key, value);
    }
}
