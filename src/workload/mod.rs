//! What is asked: a workload is a pure function from a number to a call.
//!
//! Everything heavy (files, the tokenizer) is done in [`Workload::load`] before the run; [`Workload::call`] puts
//! verified pieces together. The same plan and seed always give the same calls.

pub mod body;
pub mod call;
pub(crate) mod dataset;
pub(crate) mod error;
pub(crate) mod material;
pub(crate) mod rows;
pub(crate) mod salt;
pub(crate) mod shapes;
pub(crate) mod source;
pub(crate) mod spec;
pub(crate) mod synthetic;
pub(crate) mod table;
mod times;
pub(crate) mod tokens;
pub(crate) mod trace;

use std::sync::Arc;
use std::time::Duration;

use crate::random::{Purpose, hash, unit};
use crate::units::Api;
use call::{Call, Prompt};
use dataset::Dataset;
use material::Material;
use spec::{TokenDist, WorkloadPlan, WorkloadSource};
use trace::Trace;

pub use error::WorkloadError;

/// Calls that are made up and looked at before a run, to say what is sent in their place.
const LOOKED_AT: u64 = 1000;

/// A loaded workload. Read only, so it is shared by all workers.
#[derive(Debug)]
pub struct Workload {
    seed: u64,
    model: Arc<str>,
    /// Each API with the sum of the weights up to it.
    apis: Vec<(Api, f64)>,
    stream: f64,
    max_input: u32,
    max_output: Option<u32>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Synthetic { material: Material, input: TokenDist, output: TokenDist },
    Trace { material: Material, trace: Trace, input: Option<TokenDist>, output: Option<TokenDist> },
    Dataset { dataset: Dataset, output: Option<TokenDist> },
}

impl Workload {
    /// Reads the files and prepares the prompts. It takes the time and memory of a tokenizer, all of which is given
    /// back before it returns.
    ///
    /// # Errors
    /// When a file cannot be read or a line of it is not what it should be.
    pub fn load(plan: &WorkloadPlan, seed: u64) -> Result<Self, WorkloadError> {
        let mut sum = 0.0;
        let apis = plan.api.iter().filter(|(_, weight)| **weight > 0.0).map(|(api, weight)| {
            sum += weight;
            (*api, sum)
        });
        let workload = Self {
            seed,
            model: plan.model.as_str().into(),
            apis: apis.collect(),
            stream: plan.stream,
            max_input: plan.max_input_tokens.unwrap_or(u32::MAX),
            max_output: plan.max_output_tokens,
            content: Content::load(&plan.source, seed, plan.max_output_tokens.is_some())?,
        };
        workload.check_limits(&plan.source)?;
        Ok(workload)
    }

    /// Whether every call that must limit its answer has a limit; whatever else is asked in a round, a row of a file
    /// may be asked in it.
    fn check_limits(&self, source: &WorkloadSource) -> Result<(), WorkloadError> {
        let WorkloadSource::Dataset { file, .. } = source else { return Ok(()) };
        let Content::Dataset { dataset: Dataset { all, .. }, output: None } = &self.content else { return Ok(()) };
        let unlimited = all.iter().position(|one| {
            let mut apis =
                one.api().into_iter().chain(self.apis.iter().map(|(api, _)| *api).filter(|_| one.api().is_none()));
            self.max_output.or(one.limit).is_none() && apis.any(Api::needs_limit)
        });
        match unlimited {
            Some(place) => Err(WorkloadError::NoLimit { file: file.clone(), row: place as u64 + 1 }),
            None => Ok(()),
        }
    }

    /// The call of an attempt: `round` decides what is asked, `salt` (the attempt's number) its first characters.
    ///
    /// All members of a round ask the same in the same way, except for the salt.
    #[must_use]
    pub fn call(&self, round: u64, salt: u64) -> Call {
        let stream = self.streams(round);
        let (prompt, input_tokens) = match &self.content {
            Content::Dataset { dataset: Dataset { all, .. }, .. } => {
                let one = &all[(round % all.len() as u64) as usize];
                (one.prompt(self.seed, salt), one.tokens)
            }
            Content::Synthetic { material, input, .. } => {
                self.sized(material, synthetic::input(*input, self.seed, round), round, salt)
            }
            Content::Trace { material, trace, input, .. } => {
                let row = trace.rows[(round % trace.rows.len() as u64) as usize];
                let input = input.map(|dist| synthetic::input(dist, self.seed, round)).or(row.input);
                // A row without a length was refused when the trace was read.
                self.sized(material, input.unwrap_or(1), round, salt)
            }
        };
        let (api, _) = self.shape(round);
        let max_output_tokens = self.wanted_limit(round).map(|limit| limit.max(api.least_output()));
        Call { api, stream, model: Arc::clone(&self.model), prompt, max_output_tokens, input_tokens }
    }

    /// The API and whether a stream is asked for, as [`Workload::call`] decides it.
    #[must_use]
    pub fn shape(&self, round: u64) -> (Api, bool) {
        let own = match &self.content {
            Content::Dataset { dataset: Dataset { all, .. }, .. } => all[(round % all.len() as u64) as usize].api(),
            Content::Synthetic { .. } | Content::Trace { .. } => None,
        };
        (own.unwrap_or_else(|| self.api(round)), self.streams(round))
    }

    fn streams(&self, round: u64) -> bool {
        unit(hash(self.seed, Purpose::Stream, round)) < self.stream
    }

    /// A prompt of a given length, the limit of the plan applied.
    fn sized(&self, material: &Material, input: u32, round: u64, salt: u64) -> (Prompt, Option<u32>) {
        let input = input.clamp(1, self.max_input.max(1));
        (Prompt::Text(material.prompt(input, round, salt)), Some(input))
    }

    /// The limit on the answer that the workload wants, whichever API carries it.
    fn wanted_limit(&self, round: u64) -> Option<u32> {
        let (dist, own) = match &self.content {
            Content::Dataset { dataset: Dataset { all, .. }, output } => {
                (*output, all[(round % all.len() as u64) as usize].limit)
            }
            Content::Synthetic { output, .. } => (Some(*output), None),
            Content::Trace { trace, output, .. } => {
                (*output, trace.rows[(round % trace.rows.len() as u64) as usize].output)
            }
        };
        let limit = dist.map(|dist| synthetic::output(dist, self.seed, round)).or(own);
        limit.into_iter().chain(self.max_output).min().map(|limit| limit.max(1))
    }

    /// How many rows, and of how many, ask for fewer output tokens than their API takes, so that more are asked for; of
    /// calls that are made up, the first [`LOOKED_AT`].
    fn raised(&self) -> (u64, u64) {
        let rows = match &self.content {
            Content::Dataset { dataset, .. } => dataset.all.len() as u64,
            Content::Trace { trace, .. } => trace.rows.len() as u64,
            Content::Synthetic { .. } => LOOKED_AT,
        };
        let is_raised =
            |round: &u64| self.wanted_limit(*round).is_some_and(|limit| limit < self.shape(*round).0.least_output());
        ((0..rows).filter(is_raised).count() as u64, rows)
    }

    fn api(&self, round: u64) -> Api {
        let total = self.apis.last().map_or(0.0, |(_, sum)| *sum);
        let at = unit(hash(self.seed, Purpose::Api, round)) * total;
        self.apis.iter().find(|(_, sum)| at < *sum).map_or(Api::Chat, |(api, _)| *api)
    }

    /// The trace's own times, scaled, the first at 0; `None` for other workloads and for a trace without times.
    #[must_use]
    pub fn arrivals(&self) -> Option<&[Duration]> {
        self.times().ok().flatten()
    }

    /// The trace's own times, for a load that follows them; `None` for other workloads.
    ///
    /// # Errors
    /// When the trace has no times, or nothing tells what they mean.
    pub fn times(&self) -> Result<Option<&[Duration]>, WorkloadError> {
        match &self.content {
            Content::Trace { trace, .. } => match &trace.times {
                Ok(times) => Ok(Some(times)),
                Err(why) => Err(Arc::clone(why).into()),
            },
            Content::Synthetic { .. } | Content::Dataset { .. } => Ok(None),
        }
    }

    /// What the reader must know of the files, and of what is sent in place of what they say.
    #[must_use]
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Content::Dataset { dataset: Dataset { all, left_out: left_out @ 1.. }, .. } = &self.content {
            notes.push(format!(
                "{left_out} rows of the data set hold no request and are left out; {} are used",
                all.len()
            ));
        }
        if let (raised @ 1.., rows) = self.raised() {
            let of = match &self.content {
                Content::Synthetic { .. } => format!("{raised} of the first {rows} calls"),
                Content::Dataset { .. } | Content::Trace { .. } => format!("{raised} of {rows} rows"),
            };
            let least = Api::Responses.least_output();
            notes.push(format!(
                "{of} ask for fewer than {least} output tokens; the Responses API refuses that, so they are planned, \
                 sent and reported with {least}"
            ));
        }
        notes
    }
}

impl Content {
    /// `capped` is whether the plan limits output tokens, so that a trace without them will do.
    fn load(source: &WorkloadSource, seed: u64, capped: bool) -> Result<Self, WorkloadError> {
        match source {
            WorkloadSource::Synthetic { input_tokens, output_tokens } => {
                Ok(Self::Synthetic { material: Material::new(seed)?, input: *input_tokens, output: *output_tokens })
            }
            WorkloadSource::Dataset { file, output_tokens } => {
                Ok(Self::Dataset { dataset: dataset::load(&source::read(file)?, file)?, output: *output_tokens })
            }
            WorkloadSource::Trace { file, time_scale, time_unit, input_tokens, output_tokens } => {
                let mut trace = trace::parse(&source::read(file)?, file, *time_unit)?;
                trace.check(input_tokens.is_none(), output_tokens.is_none() && !capped)?;
                trace.times.iter_mut().flatten().for_each(|time| *time = time.div_f64(*time_scale));
                let material = Material::new(seed)?;
                Ok(Self::Trace { material, trace, input: *input_tokens, output: *output_tokens })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Write;

    use super::*;

    fn plan(source: WorkloadSource) -> WorkloadPlan {
        WorkloadPlan {
            source,
            api: BTreeMap::from([(Api::Chat, 0.25), (Api::Responses, 0.75)]),
            stream: 0.8,
            model: "gpt-4o".to_owned(),
            max_output_tokens: Some(64),
            max_input_tokens: Some(2_000),
        }
    }

    fn trace(time_scale: f64) -> WorkloadSource {
        WorkloadSource::Trace {
            file: "builtin:azure-conv".into(),
            time_scale,
            time_unit: None,
            input_tokens: None,
            output_tokens: None,
        }
    }

    fn synthetic() -> WorkloadSource {
        let dist = |p50, p99| TokenDist::Lognormal { p50, p99 };
        WorkloadSource::Synthetic { input_tokens: dist(300.0, 3000.0), output_tokens: dist(100.0, 400.0) }
    }

    #[test]
    fn the_same_seed_asks_the_same_and_another_does_not() {
        for source in [trace(1.0), synthetic()] {
            let load = |seed| Workload::load(&plan(source.clone()), seed).expect("loads");
            let (one, same, other) = (load(1), load(1), load(2));
            assert!((0..200).all(|n| one.call(n, 3 * n) == same.call(n, 3 * n)));
            assert!((0..200).all(|n| one.call(n, n).prompt != other.call(n, n).prompt));
        }
    }

    #[test]
    fn members_of_a_round_ask_the_same_behind_another_salt() {
        let workload = Workload::load(&plan(trace(1.0)), 5).expect("loads");
        for round in 0..100 {
            let [one, two] = [workload.call(round, 3 * round), workload.call(round, 3 * round + 1)];
            assert_eq!((one.api, one.stream, one.input_tokens), (two.api, two.stream, two.input_tokens));
            assert_ne!(one.prompt, two.prompt);
        }
    }

    #[test]
    fn the_shape_of_a_call_is_known_before_it() {
        let workload = Workload::load(&plan(synthetic()), 5).expect("loads");
        for round in 0..200 {
            let call = workload.call(round, 7);
            assert_eq!(workload.shape(round), (call.api, call.stream));
        }
    }

    #[test]
    fn the_mix_has_the_shares_asked_for() {
        let workload = Workload::load(&plan(synthetic()), 5).expect("loads");
        let calls: Vec<Call> = (0..4_000).map(|round| workload.call(round, round)).collect();
        let share = |wanted: fn(&&Call) -> bool| calls.iter().filter(wanted).count() as f64 / calls.len() as f64;
        assert!((share(|call| call.api == Api::Responses) - 0.75).abs() < 0.03);
        assert!((share(|call| call.stream) - 0.8).abs() < 0.03);
        assert!(calls.iter().all(|call| call.max_output_tokens <= Some(64) && call.input_tokens <= Some(2_000)));
    }

    /// How many rounds differ before the file begins again; `None` for a synthetic workload, which never repeats.
    fn rows(workload: &Workload) -> Option<usize> {
        match &workload.content {
            Content::Trace { trace, .. } => Some(trace.rows.len()),
            Content::Dataset { dataset, .. } => Some(dataset.all.len()),
            Content::Synthetic { .. } => None,
        }
    }

    #[test]
    fn a_trace_gives_its_rows_again_and_its_times_scaled() {
        let workload = Workload::load(&plan(trace(4.0)), 5).expect("loads");
        let rows = rows(&workload).expect("a trace has rows") as u64;
        assert_eq!(rows, 19_366);
        let first = workload.call(0, 0);
        assert_eq!((first.input_tokens, first.max_output_tokens), (Some(374), Some(44)));
        assert_eq!(workload.call(rows, 1).input_tokens, Some(374));
        let times = workload.arrivals().expect("a trace has times");
        assert_eq!(times[..2], [Duration::ZERO, Duration::from_nanos(4_314_579_000 / 4)]);
    }

    #[test]
    fn lengths_of_the_plan_stand_over_those_of_a_trace() {
        let fixed = |value| Some(TokenDist::Fixed { value });
        let file = "builtin:azure-conv".into();
        let (input_tokens, output_tokens) = (fixed(50), fixed(29));
        let source = WorkloadSource::Trace { file, time_scale: 1.0, time_unit: None, input_tokens, output_tokens };
        let call = Workload::load(&plan(source), 5).expect("loads").call(1, 1);
        assert_eq!((call.input_tokens, call.max_output_tokens), (Some(50), Some(29)));
    }

    #[test]
    fn a_batch_file_decides_the_api_and_the_plan_caps_its_limit() {
        let mut file = tempfile::NamedTempFile::new().expect("file");
        let row = r#"{"method":"POST","url":"/v1/responses","body":{"input":"Hello","max_output_tokens":900}}"#;
        writeln!(file, "{row}").expect("written");
        let source = |output_tokens| WorkloadSource::Dataset { file: file.path().into(), output_tokens };
        let workload = Workload::load(&plan(source(None)), 5).expect("loads");
        assert!((0..50).map(|round| workload.call(round, round)).all(|call| call.api == Api::Responses));
        assert_eq!(workload.call(3, 3).max_output_tokens, Some(64));
        assert_eq!((rows(&workload), workload.arrivals()), (Some(1), None));
        let own = Workload::load(&plan(source(Some(TokenDist::Fixed { value: 27 }))), 5).expect("loads");
        assert_eq!(own.call(3, 3).max_output_tokens, Some(27));
    }

    #[test]
    fn limits_below_what_an_api_takes_are_raised_and_told_once() {
        let mut file = tempfile::NamedTempFile::new().expect("file");
        let rows = [("chat/completions", "max_tokens", 9), ("responses", "max_output_tokens", 9)];
        for (url, key, limit) in rows.into_iter().chain([("responses", "max_output_tokens", 16)]) {
            let list = if url == "responses" {
                "\"input\":\"a\""
            } else {
                "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]"
            };
            writeln!(file, r#"{{"method":"POST","url":"/v1/{url}","body":{{{list},"{key}":{limit}}}}}"#)
                .expect("written");
        }
        let dataset = WorkloadSource::Dataset { file: file.path().into(), output_tokens: None };
        let workload = Workload::load(&plan(dataset), 5).expect("loads");
        let limits: Vec<_> =
            (0..3).map(|round| workload.call(round, round)).map(|call| (call.api, call.max_output_tokens)).collect();
        assert_eq!(limits, [(Api::Chat, Some(9)), (Api::Responses, Some(16)), (Api::Responses, Some(16))]);
        let [note] = &workload.notes()[..] else { panic!("{:?}", workload.notes()) };
        assert!(note.starts_with("1 of 3 rows ask for fewer than 16 output tokens"), "{note}");
        let short = |value| WorkloadSource::Synthetic {
            input_tokens: TokenDist::Fixed { value: 10 },
            output_tokens: TokenDist::Fixed { value },
        };
        let made_up = |value| Workload::load(&plan(short(value)), 5).expect("loads").notes();
        assert!(made_up(16).is_empty());
        assert!(made_up(5)[0].contains("of the first 1000 calls ask"), "{:?}", made_up(5));
    }

    #[test]
    fn a_request_of_the_messages_api_limits_its_answer() {
        let user = r#"[{"role":"user","content":"Hi"}]"#;
        let (free, limited) = (format!(r#"{{"messages":{user}}}"#), format!(r#"{{"messages":{user},"max_tokens":5}}"#));
        let own = |limit: &str| format!(r#"{{"custom_id":"a","params":{{"messages":{user}{limit}}}}}"#);
        let loads = |rows: &[&str], api: Api, cap: Option<u32>, output: Option<u32>| {
            let mut file = tempfile::Builder::new().suffix(".jsonl").tempfile().expect("a file");
            file.write_all(rows.join("\n").as_bytes()).expect("written");
            let output_tokens = output.map(|value| TokenDist::Fixed { value });
            let mut plan = plan(WorkloadSource::Dataset { file: file.path().to_owned(), output_tokens });
            (plan.api, plan.max_output_tokens) = (BTreeMap::from([(api, 1.0)]), cap);
            Workload::load(&plan, 1)
                .map(|workload| workload.call(0, 0).max_output_tokens)
                .map_err(|error| error.to_string())
        };
        assert_eq!(loads(&[&limited], Api::Messages, None, None), Ok(Some(5)));
        assert_eq!(loads(&[&free], Api::Messages, Some(9), None), Ok(Some(9)));
        assert_eq!(loads(&[&free], Api::Messages, None, Some(8)), Ok(Some(8)));
        assert_eq!(loads(&[&free], Api::Chat, None, None), Ok(None));
        assert_eq!(loads(&[&own(r#","max_tokens":4"#)], Api::Chat, None, None), Ok(Some(4)));
        for rows in [[&limited, &free], [&limited, &own("")]] {
            let error = loads(&rows.map(String::as_str), Api::Messages, None, None).expect_err("no limit");
            assert!(error.contains("request 2 does not limit its answer"), "{error}");
        }
    }
}
