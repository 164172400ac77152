use std::time::Duration;

use hyper::HeaderMap;

use super::settings::LimitHeaders;
use super::*;
use crate::config::Config;

const MS: Duration = Duration::from_millis(1);
const S: Duration = Duration::from_secs(1);
/// Not 0, since no clock is.
const T0: Nanos = Nanos(1_000_000_000_000);

fn limits(text: &str) -> Limits {
    let scenario = format!(
        "name = \"x\"\n[[backend]]\nname = \"b\"\nmodel = {{ first = \"0\", gap = \"0\" }}\nlimits = {{ {text} }}\n\
         [[listener]]\nname = \"l\"\nkind = \"direct\"\nbackend = \"b\"\n"
    );
    Limits::new(Config::parse(&scenario, "test").unwrap().backends.remove(0).limits.unwrap())
}

fn cost(prompt: u64, limit: u64) -> Cost {
    Cost { prompt, cached: 0, limit: Some(limit), choices: 1 }
}

/// How many of the requests that arrive at these instants are refused.
fn refused(limits: &Limits, arrivals: impl Iterator<Item = Duration>) -> usize {
    arrivals.filter(|at| limits.admit(T0 + *at, &cost(1, 1)).refusal.is_some()).count()
}

#[test]
fn twelve_a_second_in_bursts_are_refused_at_600_a_minute_though_the_minute_is_legal() {
    // 40 bursts of 12 in a minute are 480 requests, legal at 600 a minute; each burst is 2 over the 10 of its second.
    let bursts = || (0..40).flat_map(|burst| std::iter::repeat_n(burst * 1500 * MS, 12));
    assert_eq!(bursts().count(), 480);
    assert_eq!(refused(&limits("rpm = 600"), bursts()), 80);
    // Evenly spread the same 480 pass, and so do exactly 10 a second.
    assert_eq!(refused(&limits("rpm = 600"), (0..480).map(|i| i * 125 * MS)), 0);
    assert_eq!(refused(&limits("rpm = 600"), (0..600).map(|i| i * 100 * MS)), 0);
    // 12 a second steadily, 720 a minute: 2 of each 12.
    assert_eq!(refused(&limits("rpm = 600"), (0..60).flat_map(|s| (0..12).map(move |i| s * S + i * 80 * MS))), 120);
    // Over a window of a minute alone the bursts pass.
    assert_eq!(refused(&limits("rpm = 600, rpm_windows = [\"60s\"]"), bursts()), 0);
}

#[test]
fn the_longer_window_refuses_what_the_shorter_one_lets_pass() {
    // 30 a minute: 1 in a second, 5 in ten. One a second for ten seconds: the last five are refused.
    let limits = limits("rpm = 30");
    let verdicts: Vec<_> = (0..11).map(|s| limits.admit(T0 + s * S, &cost(1, 1)).refusal).collect();
    assert!(verdicts[..5].iter().all(Option::is_none));
    assert_eq!(verdicts[5], Some(Refusal::Calls(5 * S)));
    assert_eq!(verdicts[9], Some(Refusal::Calls(S)));
    assert_eq!(verdicts[10], None);
}

#[test]
fn tokens_are_estimated_at_arrival_with_prompt_and_limit_and_choices() {
    let limits = limits("tpm = 1000, default_max_tokens = 100");
    let ask = |at, prompt, limit, choices| limits.admit(T0 + at, &Cost { prompt, cached: 0, limit, choices });
    assert_eq!(ask(Duration::ZERO, 100, Some(200), 2).standing.tokens, Some((1000, 500, 60 * S)));
    assert_eq!(ask(S, 300, None, 1).standing.tokens, Some((1000, 100, 59 * S)));
    let over = ask(2 * S, 1, Some(100), 1);
    assert_eq!(over.refusal, Some(Refusal::Tokens { wait: Some(58 * S), limit: 1000, used: 900, requested: 101 }));
    // What is refused does not count, and what fits still passes.
    assert_eq!(ask(3 * S, 50, Some(50), 1).refusal, None);
    assert_eq!(ask(60 * S, 900, Some(100), 1).refusal, None);
    assert_eq!(
        ask(121 * S, 1000, Some(1), 1).refusal,
        Some(Refusal::Tokens { wait: None, limit: 1000, used: 0, requested: 1001 })
    );
}

#[test]
fn an_estimate_is_corrected_at_the_end_only_if_told_so_and_only_in_its_own_minute() {
    let left = |text: &str, ended: Duration| {
        let limits = limits(text);
        let requested = cost(100, 500);
        assert_eq!(limits.admit(T0, &requested).standing.tokens, Some((1000, 400, 60 * S)));
        limits.settle(T0 + ended, T0, &requested, 50);
        limits.admit(T0 + ended, &cost(1, 1)).standing.tokens.unwrap().1
    };
    // 100 + 500 were estimated, 100 + 50 it came to, and 2 more were taken.
    assert_eq!(left("tpm = 1000, tpm_corrected = true", 20 * S), 1000 - 150 - 2);
    assert_eq!(left("tpm = 1000", 20 * S), 1000 - 600 - 2);
    // In the next minute there is nothing to give back.
    assert_eq!(left("tpm = 1000, tpm_corrected = true", 61 * S), 998);
    let corrected = limits("tpm = 1000, tpm_corrected = true");
    corrected.admit(T0, &cost(100, 500));
    corrected.admit(T0 + 70 * S, &cost(100, 100));
    corrected.settle(T0 + 80 * S, T0, &cost(100, 500), 50);
    assert_eq!(corrected.admit(T0 + 80 * S, &cost(1, 1)).standing.tokens.unwrap().1, 1000 - 202);
}

#[test]
fn a_provisioned_throughput_is_a_leaky_bucket_with_exact_figures() {
    // 6,000 weighted tokens a minute, so 100 drain in a second.
    let limits = limits("ptu = { capacity = 6000, output_weight = 4 }");
    let level = |verdict: Verdict| (verdict.standing.utilization.unwrap() * 1000.0).round() / 10.0;
    let big = Cost { prompt: 1500, cached: 500, limit: Some(500), choices: 1 };
    // (1500 - 500) + 4 x 500 = 3000: half.
    assert_eq!(level(limits.admit(T0, &big)), 50.0);
    // Below the brim everything passes, also what goes over it.
    assert_eq!(level(limits.admit(T0, &cost(2000, 358))), 107.2);
    let refused = limits.admit(T0 + 2 * S + MS / 2, &cost(1, 1));
    // 2.0005 s later 103.9 %: 6432 - 200.05 - 6000 = 231.95 tokens too many, which take 2.3195 s.
    assert_eq!((refused.refusal, level(refused)), (Some(Refusal::Provisioned(2_320 * MS)), 103.9));
    assert!(limits.admit(T0 + 4_319 * MS, &cost(1, 0)).refusal.is_some());
    assert!(limits.admit(T0 + 4_321 * MS, &cost(0, 0)).refusal.is_none());
    // The first ends with 100 tokens instead of 500: 4 x 400 are given back.
    limits.settle(T0 + 4_400 * MS, T0, &big, 100);
    assert_eq!(level(limits.admit(T0 + 4_400 * MS, &cost(0, 0))), 73.2);
    // It does not drain below nothing.
    assert_eq!(level(limits.admit(T0 + 400 * S, &cost(600, 0))), 10.0);
}

#[test]
fn too_long_a_context_is_no_question_of_time() {
    let limits = limits("context_tokens = 100, rpm = 60");
    assert_eq!(limits.admit(T0, &cost(90, 11)).refusal, Some(Refusal::Context { most: 100, requested: 101 }));
    assert_eq!(limits.admit(T0, &cost(90, 10)).refusal, None);
}

fn written(standing: Standing, format: Format, responses: bool) -> Vec<String> {
    let mut headers = HeaderMap::new();
    standing.write(&mut headers, format, responses);
    let mut lines: Vec<String> =
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    lines
}

#[test]
fn headers_are_those_of_their_service() {
    let limits = limits("rpm = 600, tpm = 10000");
    let standing = limits.admit(T0, &cost(10, 90)).standing;
    assert_eq!(
        written(standing, Format::OpenAi, false),
        [
            "x-ratelimit-limit-requests: 600",
            "x-ratelimit-limit-tokens: 10000",
            "x-ratelimit-remaining-requests: 9",
            "x-ratelimit-remaining-tokens: 9900",
            "x-ratelimit-reset-requests: 1s",
            "x-ratelimit-reset-tokens: 1m0s",
        ]
    );
    assert_eq!(
        written(standing, Format::Azure, true)[4..],
        ["x-ratelimit-reset-requests: 1", "x-ratelimit-reset-tokens: 60"]
    );
    let unknown = Standing { headers: LimitHeaders::Unknown, ..standing };
    assert_eq!(
        written(unknown, Format::Azure, true),
        ["x-ratelimit-limit-tokens: -1", "x-ratelimit-remaining-tokens: -1", "x-ratelimit-reset-tokens: 0"]
    );
    assert_eq!(written(unknown, Format::Azure, false).len(), 6);
    assert!(written(Standing { headers: LimitHeaders::Hidden, ..standing }, Format::Azure, false).is_empty());
    let provisioned = Standing { calls: None, tokens: None, utilization: Some(0.8934), headers: LimitHeaders::Shown };
    assert_eq!(written(provisioned, Format::Azure, false), ["azure-openai-deployment-utilization: 89.3%"]);
}

#[test]
fn durations_are_written_as_go_writes_them() {
    let table = [
        (Duration::ZERO, "0s"),
        (Duration::from_nanos(1), "1ms"),
        (12 * MS, "12ms"),
        (1500 * MS, "1.5s"),
        (90 * S, "1m30s"),
        (360 * S, "6m0s"),
        (3605 * S + 20 * MS, "1h0m5.02s"),
    ];
    for (span, text) in table {
        assert_eq!(go_duration(span), text);
    }
    let waits = |format| {
        let mut headers = HeaderMap::new();
        retry_after(&mut headers, 2_321 * MS, format);
        let of = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        (of("retry-after"), of("retry-after-ms"))
    };
    assert_eq!(waits(Format::OpenAi), (Some("3".to_owned()), None));
    assert_eq!(waits(Format::Azure), (Some("3".to_owned()), Some("2321".to_owned())));
}
