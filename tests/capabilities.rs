//! The capability matrix names what a path cannot do, and nothing else: over the simulator with each of its defects, with
//! pairs of them, and without any.

#[path = "support/call.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod call;

#[allow(dead_code, reason = "each binary of tests takes what it needs")]
mod support;

use std::collections::BTreeSet;

use hopmark::path::address::Dialect;
use hopmark::path::request::HeaderSource;
use hopmark::path::{Auth, AuthRef, Http, NetPath, PathKind, SecretRef};
use hopmark::probe::capability::expectation::features;
use hopmark::probe::capability::feature::Feature;
use hopmark::probe::capability::row::{Finding, Row, Support, Verdict};
use hopmark::probe::capability::way::Way;
use hopmark::probe::capability::{self, Options};
use hopmark::transport::connect::Target;
use hopmark::transport::credential::Credential;
use hopmark::transport::credential::secret::Secret;
use hopmark::units::Span;
use hopmark::wire::filter::Filter;
use mock_backend::{Config, Simulator, defects};
use support::{RawServer, Step};
use tokio::task::LocalSet;

use Feature as F;

/// The key of every path.
const KEY: &str = "a-key-of-the-test";
/// The debug token by which a trace is asked for.
const TOKEN: &str = "debug-token-0123456789";

/// An API by which a gateway is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    OpenAi,
    Anthropic,
}

/// What a defect is to change: rows of a gateway in front of Azure OpenAI, rows of one in front of Claude, and what has to
/// be said of one of them.
type Effect = (&'static str, &'static [Feature], &'static [Feature], &'static str);

const ALL_MESSAGES: &[Feature] = &[
    F::Messages,
    F::MessagesStream,
    F::Tools,
    F::StructuredOutput,
    F::Model,
    F::UsageDetails,
    F::RequestId,
    F::Region,
    F::Trace,
];

const EFFECTS: [Effect; 25] = [
    ("no-chat", &[F::Chat, F::ChatStream, F::SystemFingerprint], &[], "status 404: Resource not found"),
    (
        "no-responses",
        &[F::Responses, F::ResponsesStream, F::PreviousResponseId, F::Background],
        &[],
        "status 404: Resource not found",
    ),
    // Nothing else can be seen of a path without its only API.
    ("no-messages", &[], ALL_MESSAGES, "status 404: Resource not found"),
    ("no-embeddings", &[F::Embeddings], &[], "status 404: Resource not found"),
    ("no-streams", &[F::ChatStream, F::ResponsesStream], &[F::MessagesStream], "one complete answer, not the stream"),
    ("held-streams", &[F::ChatStream, F::ResponsesStream], &[F::MessagesStream], "held back and came at once"),
    ("no-end", &[F::ChatStream, F::ResponsesStream], &[F::MessagesStream], "the stream has no end"),
    ("no-done", &[F::ChatStream], &[], "without [DONE]"),
    ("done-on-messages", &[], &[F::MessagesStream], "[DONE], which breaks clients"),
    ("no-tools", &[F::Tools], &[F::Tools], "the tools were ignored"),
    ("broken-arguments", &[F::Tools], &[F::Tools], "the arguments of the tool call are not JSON"),
    ("no-schemas", &[F::StructuredOutput], &[F::StructuredOutput], "the schema was ignored"),
    ("forgets-responses", &[F::PreviousResponseId], &[], "no longer known"),
    ("no-previous", &[F::PreviousResponseId], &[], "previous_response_id was ignored"),
    ("no-background", &[F::Background], &[], "Unsupported parameter: 'background'"),
    ("no-waiting", &[F::Background], &[], "background was ignored"),
    ("no-reading", &[F::Background], &[], "accepted, but it cannot be read again: status 404"),
    ("other-model", &[F::Model], &[F::Model], "names the model gateway-model, but"),
    ("no-fingerprint", &[F::SystemFingerprint], &[], "no answer has system_fingerprint"),
    ("no-usage", &[F::UsageDetails], &[F::UsageDetails], "no answer has usage"),
    ("no-usage-details", &[F::UsageDetails], &[F::UsageDetails], "no answer has details of its usage"),
    ("no-region", &[F::Region], &[F::Region], "no answer has x-ms-region"),
    ("no-request-id", &[F::RequestId], &[F::RequestId], "no answer has request id in its head"),
    ("no-trace", &[F::Trace], &[F::Trace], "got no trace id"),
    ("traces-all", &[F::Trace], &[F::Trace], "although none was requested"),
];

/// A simulator with a gateway for each of these sets of defects.
fn simulator(sets: &[Vec<&str>]) -> Simulator {
    let gateways: String = sets
        .iter()
        .enumerate()
        .map(|(place, set)| {
            format!(
                "[[listener]]\nname = \"g{place}\"\nkind = \"gateway\"\nbackend = \"sweden\"\ndefects = {set:?}\n\
                 gateway = {{ own = \"1ms\", preset = \"apim\", debug_tokens = [\"{TOKEN}\"] }}\n"
            )
        })
        .collect();
    let text = format!(
        "name = \"defects\"\n[[backend]]\nname = \"sweden\"\nregion = \"swedencentral\"\n\
         model = {{ first = \"40ms\", gap = \"5ms\" }}\n[[listener]]\nname = \"direct\"\nkind = \"direct\"\n\
         backend = \"sweden\"\n{gateways}"
    );
    Simulator::start(Config::parse(&text, "defects").expect("a scenario")).expect("a simulator")
}

/// The path over a listener.
fn path(url: &str, family: Family, kind: PathKind) -> NetPath {
    let (prefix, dialect) = match family {
        Family::OpenAi => ("/openai/v1", Dialect::AzureV1),
        Family::Anthropic => ("/anthropic", Dialect::OpenAi),
    };
    let mut path = call::path_to(format!("{url}{prefix}"), Http::One, [5_000, 60_000, 60_000, 300_000]);
    path.kind = kind;
    path.address.dialect = dialect;
    path.auth = Auth::from(AuthRef::ApiKey { secret: SecretRef::Simulator, header: None });
    path
}

async fn matrix(path: NetPath, family: Family, token: Option<&str>) -> Vec<Row> {
    let key = Secret::new(KEY.to_owned()).expect("a key");
    let credential = Credential::of(&path, Some(&key)).expect("a credential");
    let target = Target::of(&path).expect("a target");
    let model = match family {
        Family::OpenAi => "gpt-4o",
        Family::Anthropic => "claude-sonnet-4-5",
    };
    let options = Options {
        model: model.to_owned(),
        embedding_model: None,
        debug_token: token.map(|token| Secret::new(token.to_owned()).expect("a token")),
        id: "capability-test".to_owned(),
    };
    capability::matrix(&path, target, (credential, Filter::of([KEY])), &options).await
}

/// The matrices over the gateways with these defects, all asked at once.
fn matrices(sets: &[Vec<&str>], family: Family) -> Vec<Vec<Row>> {
    let simulator = simulator(sets);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let asked = async {
        let asked: Vec<_> = (0..sets.len())
            .map(|place| {
                let url = simulator.url(&format!("g{place}")).expect("a gateway").to_owned();
                tokio::task::spawn_local(matrix(path(&url, family, PathKind::Gateway), family, Some(TOKEN)))
            })
            .collect();
        let mut all = Vec::new();
        for one in asked {
            all.push(one.await.expect("a matrix"));
        }
        all
    };
    LocalSet::new().block_on(&runtime, asked)
}

/// The features of which something else was found.
fn differing(clean: &[Row], other: &[Row]) -> BTreeSet<Feature> {
    assert_eq!(clean.len(), other.len());
    let pairs = clean.iter().zip(other).inspect(|(one, two)| assert_eq!(one.feature, two.feature));
    pairs.filter(|(one, two)| one.observed.finding != two.observed.finding).map(|(one, _)| one.feature).collect()
}

fn rows_of(effect: &Effect, family: Family) -> &'static [Feature] {
    match family {
        Family::OpenAi => effect.1,
        Family::Anthropic => effect.2,
    }
}

/// Whether a row is as a document says; where none says anything, it works.
fn is_as_expected(row: &Row) -> bool {
    let nobody_says = row.expected.iter().all(|one| one.support == Support::Varies);
    row.observed.finding == Finding::Supported
        && row.verdict == if nobody_says { Verdict::Undecided } else { Verdict::AsExpected }
}

fn told(rows: &[Row]) -> String {
    let line = |row: &Row| {
        let (finding, verdict) = (row.observed.finding, row.verdict);
        format!("{}: {finding}, {verdict}: {}", row.feature, row.observed.said)
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_defect_of_the_simulator_has_an_effect_and_no_other_has() {
    let known: Vec<&str> = defects().map(|(name, _)| name).collect();
    assert_eq!(EFFECTS.map(|effect| effect.0).to_vec(), known);
}

#[test]
fn each_defect_changes_exactly_its_rows_and_is_named() {
    for family in [Family::OpenAi, Family::Anthropic] {
        let sets: Vec<Vec<&str>> =
            std::iter::once(Vec::new()).chain(EFFECTS.iter().map(|effect| vec![effect.0])).collect();
        let all = matrices(&sets, family);
        let clean = &all[0];
        let wrong: Vec<&Row> = clean.iter().filter(|row| !is_as_expected(row)).collect();
        assert!(wrong.is_empty(), "{family:?} without defects:\n{}", told(clean));
        let way = if family == Family::OpenAi { Way::ApimV1 } else { Way::AnthropicGateway };
        assert_eq!(clean.iter().map(|row| row.feature).collect::<Vec<_>>(), features(way));
        for (effect, rows) in EFFECTS.iter().zip(&all[1..]) {
            let expected: BTreeSet<Feature> = rows_of(effect, family).iter().copied().collect();
            assert_eq!(differing(clean, rows), expected, "{family:?}, {}:\n{}", effect.0, told(rows));
            let named = rows.iter().any(|row| expected.contains(&row.feature) && row.observed.said.contains(effect.3));
            assert!(named || expected.is_empty(), "{family:?}, {}: {}\n{}", effect.0, effect.3, told(rows));
        }
    }
}

#[test]
fn two_defects_change_the_rows_of_both() {
    // Each with the one three and the one seven places behind it, but for those without which a path has no API.
    let effects: Vec<&Effect> = EFFECTS.iter().filter(|effect| effect.0 != "no-messages").collect();
    let pair = |place: usize, step: usize| [effects[place], effects[(place + step) % effects.len()]];
    let pairs: Vec<[&Effect; 2]> = [3, 7]
        .into_iter()
        .flat_map(|step| (0..effects.len()).step_by(2).map(move |place| (place, step)))
        .map(|(place, step)| pair(place, step))
        .collect();
    for family in [Family::OpenAi, Family::Anthropic] {
        let sets: Vec<Vec<&str>> =
            std::iter::once(Vec::new()).chain(pairs.iter().map(|pair| pair.map(|effect| effect.0).to_vec())).collect();
        let all = matrices(&sets, family);
        for (pair, rows) in pairs.iter().zip(&all[1..]) {
            let union: BTreeSet<Feature> = pair.iter().flat_map(|effect| rows_of(effect, family)).copied().collect();
            let names = pair.map(|effect| effect.0);
            assert_eq!(differing(&all[0], rows), union, "{family:?}, {names:?}:\n{}", told(rows));
        }
    }
}

#[test]
fn a_direct_resource_is_as_documents_say() {
    let simulator = simulator(&[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let url = simulator.url("direct").expect("a listener").to_owned();
    let two = Http::Two { max: 1, streams: 10 };
    for (family, kind, http) in [
        (Family::OpenAi, PathKind::Direct, Http::One),
        (Family::OpenAi, PathKind::PrivateEndpoint, two),
        (Family::Anthropic, PathKind::Direct, Http::One),
        (Family::Anthropic, PathKind::Direct, two),
    ] {
        let path = NetPath { http, ..path(&url, family, kind) };
        let rows = LocalSet::new().block_on(&runtime, matrix(path, family, None));
        let wrong: Vec<&Row> = rows.iter().filter(|row| !is_as_expected(row)).collect();
        assert!(wrong.is_empty(), "{family:?}, {kind}:\n{}", told(&rows));
    }
}

/// The rows over this listener of a scenario, by a path that is changed so.
fn rows_over(listeners: &str, change: impl FnOnce(&mut NetPath)) -> Vec<Row> {
    let text = format!(
        "name = \"one\"\n[[backend]]\nname = \"a\"\nmodel = {{ first = \"40ms\", gap = \"5ms\" }}\n\
         [[backend]]\nname = \"b\"\nmodel = {{ first = \"40ms\", gap = \"5ms\" }}\n{listeners}"
    );
    let simulator = Simulator::start(Config::parse(&text, "one").expect("a scenario")).expect("a simulator");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut path = path(&simulator.url("g").expect("a listener"), Family::OpenAi, PathKind::Gateway);
    change(&mut path);
    LocalSet::new().block_on(&runtime, matrix(path, Family::OpenAi, None))
}

fn row_of(rows: &[Row], feature: Feature) -> &Row {
    rows.iter().find(|row| row.feature == feature).unwrap_or_else(|| panic!("{feature}"))
}

/// An answer of status 200 with this body.
fn ok(kind: &str, body: &str) -> Vec<Step> {
    vec![Step::Write(support::answer(200, kind, "", body))]
}

/// What is found of chat completions and of their streams over a server that answers everything so.
async fn found(steps: Vec<Step>) -> [(Finding, String); 2] {
    let server = RawServer::start(steps, None).await;
    let mut path = path(&format!("http://{}", server.address), Family::OpenAi, PathKind::Direct);
    path.timeouts.first_byte = Span::from_millis(300);
    path.timeouts.total = Span::from_millis(300);
    let rows = matrix(path, Family::OpenAi, None).await;
    for row in &rows {
        assert!(!row.observed.said.contains(KEY) && !row.observed.said.contains('\u{1b}'), "{row:?}");
    }
    [0, 1].map(|place| (rows[place].observed.finding, rows[place].observed.said.clone()))
}

#[tokio::test]
async fn odd_answers_are_told_apart_and_say_nothing_of_a_feature_that_they_do_not_show() {
    const JSON: &str = "application/json";
    const SSE: &str = "text/event-stream";
    use Finding::{Broken, Failed, NotAsked, Supported, Unsupported};
    let whole = r#"{"choices":[{"message":{"content":"OK"},"finish_reason":"stop"}]}"#;
    let chunk = r#"data: {"choices":[{"delta":{"content":"OK"},"finish_reason":null}]}"#;
    let end = r#"data: {"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
    let limited = r#"{"error":{"code":"rate_limit_exceeded","message":"slow down"}}"#;
    let table = [
        ("a whole answer for all", ok(JSON, whole), [(Supported, "answered"), (Broken, "one complete answer")]),
        (
            "a connection that is closed behind each answer",
            [ok(JSON, whole), vec![Step::Close]].concat(),
            [(Supported, "answered"), (Broken, "one complete answer")],
        ),
        (
            "a page",
            ok("text/html", "<title>Sign in</title>"),
            [(Broken, "the answer is not JSON: HTML page: Sign in"), (Broken, "no events")],
        ),
        ("nothing", ok(JSON, ""), [(Broken, "is not JSON"), (Broken, "no events")]),
        ("another answer", ok(JSON, r#"{"x":1}"#), [(Broken, "no choices"), (Broken, "one complete answer")]),
        ("a limit under status 200", ok(JSON, limited), [(Failed, "slow down"), (Failed, "slow down")]),
        (
            "a limit in the stream",
            ok(SSE, &format!("{chunk}\n\ndata: {limited}\n\ndata: [DONE]\n\n")),
            [(Broken, "is not JSON"), (Failed, "slow down")],
        ),
        (
            "an error in the stream",
            ok(SSE, &format!("{chunk}\n\ndata: {{\"error\":{{\"message\":\"broke\"}}}}\n\n")),
            [(Broken, "is not JSON"), (Broken, "an error under status 200: broke")],
        ),
        (
            "a good stream",
            ok(SSE, &format!(": hi\n\n{chunk}\n\n{end}\n\ndata: [DONE]\n\n")),
            [(Broken, "is not JSON"), (Supported, "too few")],
        ),
        (
            "a stream with more behind its end",
            ok(SSE, &format!("{end}\n\ndata: [DONE]\n\n{chunk}\n\n")),
            [(Broken, "is not JSON"), (Broken, "something follows [DONE]")],
        ),
        (
            "a secret and a command of a terminal in a refusal",
            vec![Step::Write(support::answer(404, JSON, "", &format!(r#"{{"message":"no \u001b[31m{KEY}"}}"#)))],
            [(Unsupported, "status 404: no ***"), (Unsupported, "status 404: no ***")],
        ),
        (
            "an error of the server",
            vec![Step::Write(support::answer(500, JSON, "", "{}"))],
            [(Failed, "status 500"), (Failed, "status 500")],
        ),
        (
            "a redirect",
            vec![Step::Write(support::answer(302, "text/html", "location: /login\r\n", ""))],
            [(Failed, "status 302"), (NotAsked, "the first call was refused")],
        ),
        (
            "no answer",
            vec![Step::Hold],
            [(Failed, "no complete answer came"), (NotAsked, "the first call was refused")],
        ),
        ("a closed connection", vec![Step::Close], [(Failed, ""), (NotAsked, "the first call was refused")]),
    ];
    for (what, steps, expected) in table {
        let found = found(steps).await;
        for ((finding, said), (expected, part)) in found.iter().zip(expected) {
            assert!(*finding == expected && said.contains(part), "{what}: {finding}: {said}; not {expected}: {part}");
        }
    }
}

#[test]
fn a_pool_keeps_a_conversation_where_the_path_keeps_its_cookie() {
    let pool = "[[listener]]\nname = \"g\"\nkind = \"gateway\"\n\
                gateway = { own = \"1ms\", preset = \"apim\", affinity = true, pool = [{ backend = \"a\" }, { backend = \"b\" }] }\n";
    let rows = rows_over(pool, |path| path.control.cookies = true);
    for feature in [Feature::PreviousResponseId, Feature::Background] {
        assert_eq!(row_of(&rows, feature).observed.finding, Finding::Supported, "{}", told(&rows));
    }
}

#[test]
fn a_gateway_that_buffers_is_seen() {
    let listener = |buffer: &str| {
        format!(
            "[[listener]]\nname = \"g\"\nkind = \"gateway\"\nbackend = \"a\"\n\
             gateway = {{ own = \"1ms\", preset = \"apim\", buffer = \"{buffer}\" }}\n"
        )
    };
    let streams = [Feature::ChatStream, Feature::ResponsesStream];
    let whole = rows_over(&listener("whole"), |_| ());
    for feature in streams {
        let row = row_of(&whole, feature);
        assert!(row.observed.said.contains("held back") && row.verdict == Verdict::Worse, "{}", told(&whole));
    }
    let none = rows_over(&listener("none"), |_| ());
    assert!(streams.iter().all(|feature| row_of(&none, *feature).verdict == Verdict::AsExpected), "{}", told(&none));
}

#[test]
fn a_path_whose_own_headers_ask_for_traces_is_told_so() {
    let gateway = format!(
        "[[listener]]\nname = \"g\"\nkind = \"gateway\"\nbackend = \"a\"\n\
         gateway = {{ own = \"1ms\", preset = \"apim\", debug_tokens = [\"{TOKEN}\"] }}\n"
    );
    let header = HeaderSource::Plain(TOKEN.to_owned());
    let rows = rows_over(&gateway, |path| {
        path.request.headers = [("apim-debug-authorization".to_owned(), header)].into();
    });
    let row = row_of(&rows, Feature::Trace);
    assert!(row.verdict == Verdict::Worse && row.observed.said.contains("'headers'"), "{}", told(&rows));
    // Who asks for none gets none, and is told how to ask.
    let rows = rows_over(&gateway, |_| ());
    let row = row_of(&rows, Feature::Trace);
    assert!(row.observed.finding == Finding::NotAsked, "{}", told(&rows));
    assert!(row.observed.said.contains("--debug-token-env"), "{}", told(&rows));
}

#[test]
fn a_dated_import_without_responses_is_as_expected_and_nothing_is_sent_for_them() {
    let listener = "[[listener]]\nname = \"g\"\nkind = \"gateway\"\nbackend = \"a\"\ndefects = [\"no-responses\"]\n\
                    gateway = { own = \"1ms\", preset = \"apim\" }\n";
    let dated = |version: &'static str| {
        move |path: &mut NetPath| {
            path.base_url = path.base_url.replace("/openai/v1", "/openai");
            path.address.dialect = Dialect::AzureClassic;
            path.address.deployment = Some("gpt-4o".to_owned());
            path.address.query = [("api-version".to_owned(), version.to_owned())].into();
        }
    };
    let old = rows_over(listener, dated("2024-10-21"));
    let row = row_of(&old, Feature::Responses);
    assert!(row.verdict == Verdict::AsExpected && row.observed.said.starts_with("nothing was sent"), "{}", told(&old));
    assert_eq!(row_of(&old, Feature::Embeddings).observed.finding, Finding::Supported, "{}", told(&old));
    // Where documents disagree, what is seen decides.
    let new = rows_over(listener, dated("2025-04-01-preview"));
    let row = row_of(&new, Feature::Responses);
    assert!(row.verdict == Verdict::AsExpected && row.observed.said.contains("404"), "{}", told(&new));
    let decided = row.decided.as_deref().unwrap_or_default();
    assert!(decided.starts_with("documents disagree: here it is as in an import of the stable"), "{decided}");
}

#[test]
fn a_caller_that_is_refused_asks_no_further() {
    let config = "name = \"keys\"\n[[backend]]\nname = \"b\"\nmodel = { first = \"1ms\", gap = \"1ms\" }\n\
                  [[listener]]\nname = \"g\"\nkind = \"gateway\"\nbackend = \"b\"\n\
                  gateway = { own = \"1ms\", preset = \"apim\", subscription_keys = [\"another-key\"] }\n";
    let simulator = Simulator::start(Config::parse(config, "keys").expect("a scenario")).expect("a simulator");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let url = simulator.url("g").expect("a listener").to_owned();
    let asked = matrix(path(&url, Family::OpenAi, PathKind::Gateway), Family::OpenAi, Some(TOKEN));
    let rows = LocalSet::new().block_on(&runtime, asked);
    assert_eq!(rows[0].observed.finding, Finding::Failed, "{}", told(&rows));
    assert!(rows[0].observed.said.contains("invalid subscription key"), "{}", told(&rows));
    assert!(rows[1..].iter().all(|row| row.observed.finding == Finding::NotAsked), "{}", told(&rows));
    assert!(rows.iter().all(|row| row.verdict == Verdict::Undecided), "{}", told(&rows));
    // A record is there a moment after its answer.
    while simulator.ledger().is_empty() {
        std::thread::yield_now();
    }
    assert_eq!(simulator.ledger().len(), 1, "one call");
}
