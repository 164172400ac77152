//! The headers of an answer, in each dialect.

use hyper::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};

use super::backend::Backend;
use super::dialect::Dialect;

const PROCESSING: HeaderName = HeaderName::from_static("openai-processing-ms");
const VERSION: HeaderName = HeaderName::from_static("openai-version");
const ORGANIZATION: HeaderName = HeaderName::from_static("openai-organization");
const PROJECT: HeaderName = HeaderName::from_static("openai-project");
const CLIENT_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");
const ANTHROPIC_ID: HeaderName = HeaderName::from_static("request-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const APIM_ID: HeaderName = HeaderName::from_static("apim-request-id");
const REGION: HeaderName = HeaderName::from_static("x-ms-region");
const DEPLOYMENT: HeaderName = HeaderName::from_static("x-ms-deployment-name");
const SESSION: HeaderName = HeaderName::from_static("azureml-model-session");
const RAI: HeaderName = HeaderName::from_static("x-ms-rai-invoked");
const SECURITY: HeaderName = HeaderName::from_static("strict-transport-security");
const NOSNIFF: HeaderName = HeaderName::from_static("x-content-type-options");
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What the headers of one answer say.
pub(crate) struct Head<'a> {
    pub(crate) dialect: Dialect,
    /// The headers of the request.
    pub(crate) request_headers: &'a HeaderMap,
    /// The name of the request.
    pub(crate) id: &'a str,
    pub(crate) backend: &'a Backend,
    /// How long the model took to the head, in milliseconds; none if it was not asked.
    pub(crate) took: Option<u64>,
    /// The deployment or model that was asked, if one was.
    pub(crate) name: Option<&'a str>,
    pub(crate) stream: bool,
}

impl Head<'_> {
    /// Adds them.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        if let Some(theirs) = self.request_headers.get(CLIENT_ID) {
            headers.insert(CLIENT_ID, theirs.clone());
        }
        if let Some(took) = self.took.filter(|_| self.dialect != Dialect::Anthropic) {
            headers.insert(PROCESSING, HeaderValue::from(took));
        }
        let id = HeaderValue::from_str(self.id).ok();
        match self.dialect {
            Dialect::OpenAi => self.openai(headers),
            Dialect::Azure => {
                if let Some(id) = &id {
                    headers.insert(APIM_ID, id.clone());
                }
                self.azure(headers);
            }
            Dialect::Anthropic => {
                for (name, id) in [APIM_ID, ANTHROPIC_ID].into_iter().zip(id.iter().cycle()) {
                    headers.insert(name, id.clone());
                }
                self.front(headers);
            }
        }
        if let Some(id) = id.filter(|_| self.dialect != Dialect::Anthropic) {
            headers.insert(REQUEST_ID, id);
        }
        if self.stream {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
    }

    fn openai(&self, headers: &mut HeaderMap) {
        headers.insert(VERSION, HeaderValue::from_static("2020-10-01"));
        if self.took.is_some() {
            headers.insert(ORGANIZATION, HeaderValue::from_static("org-simulated"));
            headers.insert(PROJECT, HeaderValue::from_static("proj_simulated"));
        }
    }

    /// Those of the front of every resource of Azure.
    fn front(&self, headers: &mut HeaderMap) {
        if let Ok(region) = HeaderValue::from_str(&self.backend.settings.region) {
            headers.insert(REGION, region);
        }
        headers.insert(SECURITY, HeaderValue::from_static("max-age=31536000; includeSubDomains; preload"));
        headers.insert(NOSNIFF, HeaderValue::from_static("nosniff"));
    }

    fn azure(&self, headers: &mut HeaderMap) {
        self.front(headers);
        if self.took.is_some() {
            headers.insert(RAI, HeaderValue::from_static("true"));
            if let Some(session) = &self.backend.session {
                headers.insert(SESSION, session.clone());
            }
            if let Some(name) = self.name.and_then(|name| HeaderValue::from_str(name).ok()) {
                headers.insert(DEPLOYMENT, name);
            }
        }
        if self.stream {
            headers.insert(UNBUFFERED, HeaderValue::from_static("no"));
        }
    }
}
