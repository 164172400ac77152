//! Whether a deployment takes a request: its limits, the trouble it has, and the deployment that takes its place.

use std::sync::Arc;

use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};

use super::answer::{Call, EVENTS};
use super::ask::{Ask, Form};
use super::embeddings::Vectors;
use super::error::ApiError;
use super::in_stream::refused_stream;
use super::route::Dialect;
use super::trouble::Trouble;
use super::trouble_text::Details;
use crate::backend::Backend;
use crate::clock::{now_ns, unix_seconds};
use crate::limits::{Cost, Format, Refusal, Standing, retry_after};
use crate::reply::Reply;
use crate::tap::{Marks, Note};

const SPILL: &str = "x-ms-spillover-deployment";
const DEPLOYMENT: &str = "x-ms-deployment-name";

/// Why a deployment does not take a request, and what it says of itself.
struct Refused {
    trouble: Trouble,
    /// The trouble is one of the scenario, not of the limits.
    fault: bool,
    wait: Option<u64>,
    figures: [u64; 3],
    standing: Option<Standing>,
}

impl Refused {
    fn by_limits(refusal: Refusal, standing: Standing) -> Self {
        let calls = standing.calls.map_or([0; 3], |(limit, left, _)| [limit, limit.saturating_sub(left), 1]);
        let (trouble, wait, figures) = match refusal {
            Refusal::Context { most, asked } => (Trouble::Context, None, [most, 0, asked]),
            Refusal::Calls(wait) => (Trouble::CallRate, Some(wait), calls),
            Refusal::Tokens { wait: Some(wait), limit, used, asked } => {
                (Trouble::TokenRate, Some(wait), [limit, used, asked])
            }
            Refusal::Tokens { wait: None, limit, used, asked } => (Trouble::Oversize, None, [limit, used, asked]),
            Refusal::Provisioned(wait) => (Trouble::Provisioned, Some(wait), [0; 3]),
        };
        Self { trouble, fault: false, wait, figures, standing: Some(standing) }
    }

    /// As a fault of the scenario: with the figures of a small deployment.
    fn by_fault(trouble: Trouble) -> Self {
        let (wait, figures) = match trouble {
            Trouble::CallRate | Trouble::ModelRate | Trouble::Streamed | Trouble::StreamedCode => {
                (Some(2_000_000_000), [60, 60, 1])
            }
            Trouble::TokenRate | Trouble::Demand | Trouble::Provisioned => {
                (Some(2_000_000_000), [200_000, 195_869, 4412])
            }
            Trouble::Oversize => (None, [30_000, 0, 34_307]),
            Trouble::Context => (None, [128_000, 0, 130_000]),
            _ => (None, [0; 3]),
        };
        Self { trouble, fault: true, wait, figures, standing: None }
    }
}

impl<'a> Call<'a> {
    /// Answers a request if the deployment takes it, or says why it does not. `fault` is the trouble that the scenario
    /// gives it.
    pub(super) async fn admit(self, ask: Ask, fault: Option<Trouble>) -> Result<Response<Reply>, ApiError> {
        if self.backend.limits.is_none() && fault.is_none() {
            return self.generate(ask).await;
        }
        let cost = Cost {
            prompt: ask.prompt_tokens as u64,
            cached: ask.cached as u64,
            limit: ask.limit.map(|limit| limit as u64),
            choices: ask.n as u64,
        };
        let refused = match self.ask(&cost, fault) {
            Ok(standing) => return self.within(ask, cost, standing).await,
            Err(refused) => refused,
        };
        let Some(other) = self.spillover(&ask).filter(|_| refused.trouble.spills()) else {
            return Ok(self.refuse(&ask, &refused));
        };
        let place = Call { backend: other, ..self };
        match place.ask(&cost, None) {
            Ok(standing) => {
                let mut response = place.within(ask, cost, standing).await?;
                let headers = response.headers_mut();
                name(headers, "x-ms-spillover-from-deployment", self.backend);
                name(headers, DEPLOYMENT, other);
                Ok(response)
            }
            Err(also) => {
                let mut response = self.refuse(&ask, &refused);
                let code = HeaderValue::from(also.trouble.status().as_u16());
                response.headers_mut().insert("x-ms-spillover-error", code);
                Ok(response)
            }
        }
    }

    fn ask(&self, cost: &Cost, fault: Option<Trouble>) -> Result<Option<Standing>, Box<Refused>> {
        if let Some(trouble) = fault {
            return Err(Box::new(Refused::by_fault(trouble)));
        }
        let Some(limits) = &self.backend.limits else { return Ok(None) };
        let verdict = limits.admit(self.arrival.ideal, cost);
        match verdict.refusal {
            Some(refusal) => Err(Box::new(Refused::by_limits(refusal, verdict.standing))),
            None => Ok(Some(verdict.standing)),
        }
    }

    /// The deployment that takes what this one refuses: that of the scenario, else that of the caller.
    fn spillover(&self, ask: &Ask) -> Option<&'a Arc<Backend>> {
        let limits = self.backend.limits.as_ref().map(|limits| &limits.config);
        if matches!(ask.form, Form::Responses(_)) && !limits.is_some_and(|limits| limits.spillover_responses) {
            return None;
        }
        let world = &self.visit.worker.world;
        if let Some(place) = limits.and_then(|limits| limits.spillover) {
            return world.backends.get(place);
        }
        let wanted = self.head.headers.get(SPILL)?.to_str().ok()?;
        world.backends.iter().find(|backend| backend.config.name == wanted)
    }

    /// Answers a request that was taken.
    async fn within(&self, ask: Ask, cost: Cost, standing: Option<Standing>) -> Result<Response<Reply>, ApiError> {
        let responses = matches!(ask.form, Form::Responses(_));
        let mut response = self.generate(ask).await?;
        if let Some(standing) = standing {
            standing.write(response.headers_mut(), self.format(), responses);
            if self.dialect == Dialect::Azure {
                name(response.headers_mut(), DEPLOYMENT, self.backend);
            }
        }
        if self.backend.limits.as_ref().is_some_and(|limits| limits.settles())
            && let Some(entry) = self.visit.tap.note().and_then(|note| note.entry)
        {
            let (backend, admitted) = (Arc::clone(self.backend), self.arrival.ideal);
            entry.on_end(move |record| {
                if let (Some(limits), Some(tokens)) = (&backend.limits, record.tokens) {
                    limits.settle(now_ns(), admitted, &cost, u64::from(tokens));
                }
            });
        }
        Ok(response)
    }

    /// An answer that says why there is none.
    fn refuse(&self, ask: &Ask, refused: &Refused) -> Response<Reply> {
        let responses = matches!(ask.form, Form::Responses(_));
        let in_stream = responses
            && ask.stream
            && refused.trouble.status() == StatusCode::TOO_MANY_REQUESTS
            && (matches!(refused.trouble, Trouble::Streamed | Trouble::StreamedCode)
                || self.backend.limits.as_ref().is_some_and(|limits| limits.config.in_stream));
        let model = ask.model.trim_matches('"');
        let mut response = if in_stream {
            self.in_stream(ask, model, refused)
        } else {
            self.troubled(ask.form.name(), ask.stream, model, refused)
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
    pub(super) async fn admit_vectors(&self, vectors: Vectors) -> Result<Response<Reply>, ApiError> {
        let cost = Cost { prompt: vectors.prompt_tokens as u64, cached: 0, limit: Some(0), choices: 1 };
        let name = vectors.name.clone();
        self.admit_other("embeddings", &name, &cost, self.embed(vectors)).await
    }

    /// Gives the answer that `made` makes, if the deployment takes a request of this cost.
    pub(super) async fn admit_other(
        &self,
        api: &'static str,
        name: &str,
        cost: &Cost,
        made: impl Future<Output = Result<Response<Reply>, ApiError>>,
    ) -> Result<Response<Reply>, ApiError> {
        let responses = api == "responses";
        match self.ask(cost, None) {
            Ok(standing) => {
                let mut response = made.await?;
                if let Some(standing) = standing {
                    standing.write(response.headers_mut(), self.format(), responses);
                }
                Ok(response)
            }
            Err(refused) => {
                let mut response = self.troubled(api, false, name, &refused);
                self.declare(response.headers_mut(), &refused, responses);
                Ok(response)
            }
        }
    }

    /// The answer of a request that was not even read.
    pub(super) fn trouble(&self, api: &'static str, trouble: Trouble) -> Response<Reply> {
        let refused = Refused::by_fault(trouble);
        let mut response = self.troubled(api, false, "gpt-4o", &refused);
        self.declare(response.headers_mut(), &refused, false);
        response
    }

    fn troubled(&self, api: &'static str, stream: bool, model: &str, refused: &Refused) -> Response<Reply> {
        let query = self.head.uri.query().unwrap_or_default();
        let version = query.split('&').find_map(|pair| pair.strip_prefix("api-version=")).unwrap_or("v1");
        let details =
            Details { model, version, responses: api == "responses", wait: refused.wait, figures: refused.figures };
        let (kind, body) = refused.trouble.body(self.dialect, &details);
        let status = refused.trouble.status();
        let (entry, id) = self.entry(api, stream, status);
        if refused.fault {
            entry.update(|record| record.fault = Some(refused.trouble.name()));
        }
        self.visit.tap.head(Note { due: self.arrival.ideal, marks: Marks::ALL, entry: Some(entry) });
        let kind = HeaderValue::from_static(kind);
        let mut response = self.response(status, kind, (&id, None), None, Reply::whole(body.into_bytes()));
        if refused.trouble == Trouble::Network {
            let policy = HeaderValue::from_static("ThrowExceptionDueToTrafficDenied");
            response.headers_mut().insert("policy-id", policy);
        }
        response
    }

    /// Status 200, and the refusal in the stream.
    fn in_stream(&self, ask: &Ask, model: &str, refused: &Refused) -> Response<Reply> {
        let (entry, id) = self.entry(ask.form.name(), true, StatusCode::OK);
        if refused.fault {
            entry.update(|record| record.fault = Some(refused.trouble.name()));
        }
        self.visit.tap.head(Note { due: self.arrival.ideal, marks: Marks::ALL, entry: Some(entry) });
        let name = format!("resp_{:032x}", u128::from(self.arrival.recv));
        let coded = refused.trouble == Trouble::StreamedCode;
        let body = refused_stream(&name, model, unix_seconds(), coded);
        let mut response =
            self.response(StatusCode::OK, EVENTS, (&id, Some(&ask.name)), Some(0), Reply::whole(body.into_bytes()));
        response.headers_mut().insert(CONTENT_TYPE, EVENTS);
        response
    }

    fn format(&self) -> Format {
        match self.dialect {
            Dialect::OpenAi => Format::OpenAi,
            Dialect::Azure => Format::Azure,
        }
    }
}

fn name(headers: &mut HeaderMap, key: &'static str, backend: &Backend) {
    if let Ok(value) = HeaderValue::from_str(&backend.config.name) {
        headers.insert(key, value);
    }
}
