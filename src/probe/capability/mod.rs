//! What a path can do, feature by feature: what documents say of such a way, and what was seen when it was tried.
//!
//! At most [`MOST_CALLS`] calls of a few tokens each go over a path, one after the other, over the connections, with the
//! headers and the credential of the run's calls. Nothing is repeated, but for a call whose kept connection the server had
//! closed, and responses in the background, which are read again until they are completed.

mod answer;
mod call;
pub mod expectation;
pub mod feature;
mod forms;
mod metadata;
pub mod row;
mod state;
mod stream;
pub mod way;

use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};
use serde_json::{Map, Value};

use crate::attempt::Route;
use crate::attempt::exchange::Question;
use crate::path::NetPath;
use crate::path::address::Dialect;
use crate::transport::connect::Target;
use crate::transport::credential::Credential;
use crate::transport::credential::secret::Secret;
use crate::units::Api;
use crate::wire::filter::Filter;
use answer::Answer;
use call::{Asker, get, post};
use feature::Feature;
use row::{Observed, Row};
use state::Background;
use way::Way;

/// The most calls that go over a path.
pub const MOST_CALLS: usize = 15;
/// How often a response in the background is read again, and how long is waited before the first time; twice as long
/// before each further one.
const POLLS: u32 = 5;
const FIRST_POLL: Duration = Duration::from_millis(200);
/// How long an answer may go on after the time for its first byte.
const BEYOND_FIRST_BYTE: Duration = Duration::from_secs(30);
/// The model of embeddings where nobody names one.
const EMBEDDINGS: &str = "text-embedding-3-small";
/// The header with a debug token of API Management.
const DEBUG: HeaderName = HeaderName::from_static("apim-debug-authorization");

/// What is asked besides the path.
#[derive(Clone, Debug)]
pub struct Options {
    /// The model or deployment.
    pub model: String,
    /// The model or deployment of embeddings, if there is one.
    pub embedding_model: Option<String>,
    /// A debug token of API Management, by which a trace is asked for.
    pub debug_token: Option<Secret>,
    /// The beginning of the names of the calls, which also makes their prompts differ from those of other times.
    pub id: String,
}

/// Tries every feature over one path; a row each, in the order of [`Feature`].
pub async fn matrix(
    path: &NetPath,
    target: Target,
    (credential, filter): (Credential, Filter),
    options: &Options,
) -> Vec<Row> {
    let way = Way::of(path);
    if let Some(token) = &options.debug_token {
        filter.learn(token.reveal());
    }
    let route = Route::new(path.clone(), target, credential);
    let mut probe = Probe { path, way, route, filter, options, answers: Vec::new(), seen: Vec::new(), calls: 0 };
    probe.try_all().await;
    let Probe { seen, .. } = probe;
    let observed = |feature: Feature| {
        let found = seen.iter().find(|(known, _)| *known == feature).map(|(_, observed)| observed.clone());
        found.unwrap_or_else(|| Observed::not_asked("no call could be made over the path"))
    };
    let rows = expectation::features(way).into_iter();
    rows.map(|feature| Row::of(feature, expectation::of(way, feature, &path.address), observed(feature))).collect()
}

/// The asking of one path.
struct Probe<'a> {
    path: &'a NetPath,
    way: Way,
    route: Route,
    filter: Filter,
    options: &'a Options,
    /// The plain and the streamed answers, in which it is looked for what answers say of themselves.
    answers: Vec<Answer>,
    seen: Vec<(Feature, Observed)>,
    calls: usize,
}

impl Probe<'_> {
    async fn try_all(&mut self) {
        let apis: &[Api] = if self.way.is_anthropic() { &[Api::Messages] } else { &[Api::Chat, Api::Responses] };
        for api in apis {
            if let Some(why) = self.give_up() {
                return self.leave(&why);
            }
            self.try_api(*api).await;
        }
        if let Some(why) = self.give_up() {
            return self.leave(&why);
        }
        self.try_forms().await;
        if !self.way.is_anthropic() {
            self.try_following().await;
            self.try_background().await;
            self.try_embeddings().await;
        }
        self.judge_metadata();
        if self.way.may_trace() {
            self.try_trace().await;
        }
    }

    /// Why nothing more can be asked, if nothing was answered and nothing will be.
    fn give_up(&self) -> Option<String> {
        let hopeless = !self.answers.is_empty() && self.answers.iter().all(Answer::is_hopeless);
        let said = self.answers.first()?.accepted().err()?.said;
        hopeless.then_some(said)
    }

    /// Says of everything that was not seen yet why it was not asked.
    fn leave(&mut self, why: &str) {
        for feature in expectation::features(self.way) {
            if self.seen.iter().all(|(known, _)| *known != feature) {
                self.see(feature, Observed::not_asked(format!("the first call was refused: {why}")));
            }
        }
    }

    fn see(&mut self, feature: Feature, observed: Observed) {
        self.seen.push((feature, observed));
    }

    fn is_supported(&self, feature: Feature) -> bool {
        self.seen.iter().any(|(known, observed)| *known == feature && observed.is_supported())
    }

    /// A plain and a streamed call of an API.
    async fn try_api(&mut self, api: Api) {
        let (plain, streamed) = match api {
            Api::Chat => (Feature::Chat, Feature::ChatStream),
            Api::Responses => (Feature::Responses, Feature::ResponsesStream),
            Api::Messages => (Feature::Messages, Feature::MessagesStream),
        };
        if let Some(why) = self.path.address.lacks(api) {
            self.see(plain, Observed::unsupported(format!("nothing was sent: {why}")));
            self.see(streamed, Observed::unsupported(format!("nothing was sent: {why}")));
            return;
        }
        let body = match api {
            Api::Chat | Api::Messages => self.asker().plain(api),
            Api::Responses => self.asker().kept(),
        };
        let answer = self.post((api, false), &body).await;
        let observed = forms::judge_plain(&answer);
        let refused = !observed.is_supported() && answer.good().is_none();
        self.see(plain, observed.clone());
        self.answers.push(answer);
        if refused {
            // What is refused whole is refused as a stream; a limit or an error may be gone by now.
            if observed.finding == row::Finding::Unsupported {
                return self.see(streamed, observed);
            }
            if self.give_up().is_some() {
                return;
            }
        }
        let body = self.asker().streamed(api);
        let answer = self.post((api, true), &body).await;
        self.see(streamed, stream::judge(&answer));
        self.answers.push(answer);
    }

    /// The API over which features are tried that several have.
    fn common_api(&self) -> Option<Api> {
        let apis =
            [(Feature::Chat, Api::Chat), (Feature::Responses, Api::Responses), (Feature::Messages, Api::Messages)];
        apis.into_iter().find(|(feature, _)| self.is_supported(*feature)).map(|(_, api)| api)
    }

    async fn try_forms(&mut self) {
        let Some(api) = self.common_api() else {
            let why = "no API of the path answers";
            self.see(Feature::Tools, Observed::not_asked(why));
            return self.see(Feature::StructuredOutput, Observed::not_asked(why));
        };
        let body = self.asker().tools(api);
        let answer = self.post((api, false), &body).await;
        self.see(Feature::Tools, forms::judge_tools(&answer));
        let body = self.asker().structured(api);
        let answer = self.post((api, false), &body).await;
        self.see(Feature::StructuredOutput, forms::judge_structured(&answer));
    }

    /// The observation of a feature of Responses where those are not served.
    fn without_responses(&self) -> Option<Observed> {
        let (_, responses) = self.seen.iter().find(|(known, _)| *known == Feature::Responses)?;
        match responses.finding {
            row::Finding::Supported => None,
            row::Finding::Unsupported => Some(Observed::unsupported("the path has no Responses")),
            row::Finding::Broken | row::Finding::Failed | row::Finding::NotAsked => {
                Some(Observed::not_asked("Responses do not answer as they should"))
            }
        }
    }

    async fn try_following(&mut self) {
        let observed = match self.without_responses() {
            Some(observed) => observed,
            None => self.following().await,
        };
        self.see(Feature::PreviousResponseId, observed);
    }

    async fn following(&mut self) -> Observed {
        let first = self.answers.iter().find(|answer| answer.api == Api::Responses && !answer.stream);
        let id = match first.map(state::id_of) {
            Some(Ok(id)) => id,
            Some(Err(observed)) => return observed,
            None => return Observed::not_asked("there is no first response to follow"),
        };
        let body = self.asker().following(&id);
        let answer = self.post((Api::Responses, false), &body).await;
        state::judge_following(&answer, &id)
    }

    async fn try_background(&mut self) {
        let observed = match self.without_responses() {
            Some(observed) => observed,
            None => self.background().await,
        };
        self.see(Feature::Background, observed);
    }

    async fn background(&mut self) -> Observed {
        let body = self.asker().background();
        let mut answer = self.post((Api::Responses, false), &body).await;
        for poll in 0..=POLLS {
            let id = match state::standing(&answer, poll as usize) {
                Background::Known(observed) => return observed,
                Background::UnderWay(id) => id,
            };
            if poll < POLLS {
                tokio::time::sleep(FIRST_POLL * 2u32.pow(poll)).await;
                let resource = format!("{}/{}", Api::Responses.resource(), segment(&id));
                let resource = self.path.address.locate(None, &resource);
                let question = get(Api::Responses, resource, self.next_id());
                answer = self.ask((Api::Responses, false), &question).await;
            }
        }
        Observed::failed(format!("accepted, but not completed after {POLLS} reads"))
    }

    async fn try_embeddings(&mut self) {
        let named = self.options.embedding_model.as_deref();
        let model = named.unwrap_or(EMBEDDINGS);
        let deployment = (self.path.address.dialect == Dialect::AzureClassic).then_some(model);
        let resource = self.path.address.locate(deployment, "/embeddings");
        let body: Map<String, Value> =
            [("input".to_owned(), "OK".into()), ("model".to_owned(), model.into())].into_iter().collect();
        let question = post(Api::Chat, false, resource, &body, self.next_id());
        let answer = self.ask((Api::Chat, false), &question).await;
        let observed = match answer.json() {
            Ok(json) if has_vector(&json) => Observed::supported(format!("a vector of {}", answer.clean(model))),
            Ok(_) => Observed::broken("the answer has no vector"),
            Err(refused) if answer.refuses_model() => Observed::not_asked(format!(
                "embeddings are served, but not of {}: {}; name the deployment of an embedding model with --embedding-model",
                answer.clean(model),
                refused.said
            )),
            Err(observed) => observed,
        };
        self.see(Feature::Embeddings, observed);
    }

    fn judge_metadata(&mut self) {
        let asked = self.path.address.deployment.as_deref().or(self.path.request.model.as_deref());
        let asked = asked.unwrap_or(&self.options.model);
        let model = metadata::judge_model(&self.answers, asked);
        let usage = metadata::judge_usage(&self.answers, self.route.form().stream_options().is_some());
        let request_id = metadata::judge_request_id(&self.answers);
        self.see(Feature::Model, model);
        self.see(Feature::UsageDetails, usage);
        self.see(Feature::RequestId, request_id);
        if !self.way.is_anthropic() {
            self.see(Feature::SystemFingerprint, metadata::judge_fingerprint(&self.answers));
        }
        if self.way.is_azure() {
            self.see(Feature::Region, metadata::judge_region(&self.answers));
        }
    }

    async fn try_trace(&mut self) {
        if self.path.request.headers.contains_key(DEBUG.as_str()) {
            let said = format!(
                "the path's own 'headers' ask for a trace of every call, which slows calls down; take {DEBUG} out of them"
            );
            return self.see(Feature::Trace, Observed::broken(said));
        }
        let Some(api) = self.common_api() else {
            return self.see(Feature::Trace, Observed::not_asked("no API of the path answers"));
        };
        let token = self.options.debug_token.as_ref().and_then(|token| HeaderValue::try_from(token.reveal()).ok());
        let traced = match token {
            None => None,
            Some(mut token) => {
                token.set_sensitive(true);
                let body = self.asker().plain(api);
                let mut question = post(api, false, self.path.address.resource(api), &body, self.next_id());
                question.header = Some((DEBUG, token));
                Some(self.ask((api, false), &question).await)
            }
        };
        self.see(Feature::Trace, metadata::judge_trace(&self.answers, traced.as_ref()));
    }

    fn asker(&self) -> Asker<'_> {
        Asker { model: &self.options.model, form: self.route.form(), nonce: &self.options.id }
    }

    fn next_id(&self) -> String {
        format!("{}-{}", self.options.id, self.calls)
    }

    async fn post(&mut self, (api, stream): (Api, bool), body: &Map<String, Value>) -> Answer {
        let question = post(api, stream, self.path.address.resource(api), body, self.next_id());
        self.ask((api, stream), &question).await
    }

    async fn ask(&mut self, shape: (Api, bool), question: &Question) -> Answer {
        self.calls += 1;
        debug_assert!(self.calls <= MOST_CALLS, "more calls than are promised");
        let timeouts = &self.path.timeouts;
        let most = timeouts.total.0.min(timeouts.first_byte.0 + BEYOND_FIRST_BYTE);
        let kept = self.route.exchange(question, most, &self.filter).await;
        Answer::new(shape, kept, &self.filter)
    }
}

/// Whether an answer has a vector, as numbers or in base64.
fn has_vector(json: &Value) -> bool {
    match &json["data"][0]["embedding"] {
        Value::Array(numbers) => !numbers.is_empty() && numbers.iter().all(Value::is_number),
        Value::String(text) => !text.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

/// A name as one segment of a URL.
fn segment(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, &crate::path::address::KEPT).to_string()
}
