//! The documented profiles, one for each way that an enterprise has to its models: each runs as it stands against the
//! bundled simulator, and is a profile of one's own estate once its names are changed as its comments say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hopmark::profile::Profile;
use hopmark::profile::source::ProfileSource;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");

/// The profiles, and the candidate of each with what its run must show: regions that served it, and columns of
/// requests.csv that its answers fill.
const ESTATES: [(&str, &str, &[&str], &[&str]); 9] = [
    ("direct-resource", "direct", &["swedencentral"], &[]),
    ("cross-region-private-endpoint", "private-endpoint", &["swedencentral"], &[]),
    ("api-management-internal", "gateway", &["swedencentral"], &[]),
    ("api-management-private-endpoint", "gateway", &["swedencentral"], &[]),
    ("ai-gateway", "ai-gateway", &["swedencentral"], &[]),
    ("foundry-ai-gateway", "foundry-gateway", &["swedencentral"], &[]),
    ("third-party-gateway", "gateway", &[], &["gateway_ms"]),
    ("custom-gateway", "gateway", &["francecentral", "swedencentral"], &[]),
    ("four-paths", "private-endpoint", &["swedencentral"], &[]),
];

fn file(name: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("{name}.toml"))
}

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).expect("a profile")
}

#[test]
fn each_begins_with_its_question_how_to_read_the_answer_and_what_to_change() {
    for name in ESTATES.map(|estate| estate.0).into_iter().chain(["gateways"]) {
        let text = text(name);
        let head = text.split("\nname = ").next().expect("a head");
        for begin in ["# Question: ", "# Answer: ", "# Change: "] {
            assert_eq!(
                head.lines().filter(|line| line.starts_with(begin) && line.len() > 40).count(),
                1,
                "{name}: {begin}"
            );
        }
    }
}

/// Keys of a path that stand in comments.
const KEYS: [&str; 3] = ["base_url = ", "auth = ", "connect_to = "];
/// What concerns the simulator alone.
const SIMULATED: [&str; 4] = ["[simulator]", "scenario = ", "base_url = \"sim://", "connect_to = \"sim://"];

/// The profile as a person makes it their own: without the simulator, and with the [`KEYS`] that stand in its comments in
/// the place of those that do not; of several values of one key the first, or the last.
fn own_estate(text: &str, takes_last: bool) -> String {
    text.split("\n[[").map(|table| own_table(table, takes_last)).collect::<Vec<_>>().join("\n[[")
}

fn own_table(table: &str, takes_last: bool) -> String {
    let is_key =
        |line: &str, key: &str| line.starts_with(key) || line.strip_prefix("# ").is_some_and(|it| it.starts_with(key));
    let mut lines: Vec<&str> =
        table.lines().filter(|line| !SIMULATED.iter().any(|begin| line.starts_with(begin))).collect();
    for key in KEYS {
        let mut commented = lines.iter().filter_map(|line| line.strip_prefix("# ").filter(|it| it.starts_with(key)));
        let Some(own) = (if takes_last { commented.next_back() } else { commented.next() }) else { continue };
        lines.retain(|line| !is_key(line, key));
        lines.push(own);
    }
    lines.join("\n")
}

#[test]
fn each_is_a_profile_of_ones_own_estate_once_its_names_are_changed() {
    for (name, candidate, ..) in ESTATES {
        let simulated = Profile::open(&ProfileSource::File(file(name)), &[]).expect(name);
        assert!(simulated.paths.iter().any(|path| path.name == candidate), "{name}");
        for takes_last in [false, true] {
            let own = own_estate(&text(name), takes_last);
            let profile = Profile::parse(&own, &file(name)).unwrap_or_else(|error| panic!("{name}: {error}\n{own}"));
            assert_eq!((profile.scenario.as_ref(), profile.paths.len()), (None, simulated.paths.len()), "{name}");
            for (path, before) in profile.paths.iter().zip(&simulated.paths) {
                assert!(path.base_url.starts_with("https://YOUR-"), "{name}: {}", path.base_url);
                assert_eq!((&path.name, path.kind), (&before.name, before.kind), "{name}");
                assert!(!path.auth.all().is_empty(), "{name}");
            }
        }
    }
}

/// The rows of the measured phase of one path, as column and value.
fn rows(run: &Path, path: &str) -> Vec<std::collections::HashMap<String, String>> {
    let text = std::fs::read_to_string(run.join("requests.csv")).expect("rows");
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().expect("a head").split(',').collect();
    let row = |line: &str| head.iter().map(ToString::to_string).zip(line.split(',').map(ToOwned::to_owned)).collect();
    let all = lines.map(row);
    all.filter(|row: &std::collections::HashMap<_, _>| row["path"] == path && row["phase"] == "measure").collect()
}

#[test]
fn each_runs_as_it_stands_and_every_call_over_every_path_is_whole() {
    let folder = tempfile::tempdir().expect("folder");
    let out = |name: &str| folder.path().join(name);
    let start = |name: &'static str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hopmark"));
        command.arg("run").arg(file(name)).arg("--out").arg(out(name));
        // Enough calls a second that the small deployment behind the custom gateway refuses some.
        command.args(["--duration", "3s", "--warmup", "500ms", "--rate", "8/s", "--quiet"]);
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        (name, child)
    };
    for (name, child) in ESTATES.map(|estate| start(estate.0)) {
        let output = child.wait_with_output().expect("it ends");
        let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        // 4: eight runs at once are more than this machine can measure, which is not what is asked here.
        assert!(matches!(output.status.code(), Some(0 | 4)), "{name}: {:?}\n{told}", output.status.code());
    }
    for (name, candidate, regions, columns) in ESTATES {
        let summary = std::fs::read(out(name).join("summary.json")).expect("a summary");
        let summary: serde_json::Value = serde_json::from_slice(&summary).expect("JSON");
        for (path, of) in summary["paths"].as_object().expect("paths") {
            let requests = &of["requests"];
            assert!(requests["ok"].as_u64() >= Some(5), "{name}, {path}: {requests}");
            assert_eq!((&requests["failed"], &requests["incomplete"]), (&0.into(), &0.into()), "{name}, {path}");
        }
        let rows = rows(&out(name), candidate);
        let seen: BTreeSet<&str> = rows.iter().map(|row| row["region"].as_str()).filter(|it| !it.is_empty()).collect();
        assert_eq!(seen, regions.iter().copied().collect(), "{name}: regions that served {candidate}");
        for column in columns {
            assert!(rows.iter().all(|row| !row[*column].is_empty()), "{name}: {column} of {candidate}");
        }
    }
}
