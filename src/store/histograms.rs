//! `histograms.hlog`: the HdrHistogram V2 interval log that HistogramLogAnalyzer and its kin open.
//!
//! Values are nanoseconds; the column of the largest value is in milliseconds, as those tools expect. The tag of a
//! line is `path;metric`. Whoever writes hands in the measured phase's values of successful calls only; but
//! gaps between chunks as they come, those of calls that fail later included.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use hdrhistogram::serialization::interval_log::{
    IntervalLogHistogram, IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, Tag,
};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};
use hdrhistogram::{Counter, Histogram};

use crate::store::file::{self, StoreError};

/// The length of an interval.
const INTERVAL: Duration = Duration::from_secs(1);

/// By how much the largest value of a line is divided for the eye: nanoseconds become milliseconds.
const NS_PER_MS: f64 = 1e6;

/// Appends intervals to `histograms.hlog`.
pub struct HistogramWriter {
    out: BufWriter<File>,
    path: PathBuf,
    serializer: V2DeflateSerializer,
    buffer: Vec<u8>,
}

impl HistogramWriter {
    /// Creates the file with its head. `started_at` is the run's start; seconds of intervals count from it.
    ///
    /// # Errors
    /// When the disk or the folder refuses.
    pub fn create(path: &Path, started_at: SystemTime) -> Result<Self, StoreError> {
        let file = File::create(path).map_err(|error| StoreError::unwritable(path, error))?;
        let mut writer = Self {
            out: BufWriter::new(file),
            path: path.to_owned(),
            serializer: V2DeflateSerializer::new(),
            buffer: Vec::new(),
        };
        writer.head(started_at)?;
        writer.flush()?;
        Ok(writer)
    }

    fn head(&mut self, started_at: SystemTime) -> Result<(), StoreError> {
        let comment = "hopmark: values in nanoseconds, Interval_Max in milliseconds, Tag=path;metric";
        write_head(&mut self.out, &mut self.serializer, comment, Some(started_at))
            .map_err(|error| StoreError::unwritable(&self.path, error))
    }

    /// Appends the values in nanoseconds that one second brought for a metric of a path; an empty one is left out.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn append<C: Counter>(
        &mut self,
        second: u64,
        path_name: &str,
        metric_key: &str,
        values: &Histogram<C>,
    ) -> Result<(), StoreError> {
        if values.is_empty() {
            return Ok(());
        }
        let (tag, at) = (tag(path_name, metric_key), (Duration::from_secs(second), INTERVAL));
        write_interval(&mut self.out, &mut self.buffer, &mut self.serializer, Tag::new(&tag), at, values)
            .map_err(|error| StoreError::unwritable(&self.path, error))
    }

    /// Hands everything appended to the operating system.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        self.out.flush().map_err(|error| StoreError::unwritable(&self.path, error))
    }

    /// Flushes and waits until the disk has everything.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(mut self) -> Result<(), StoreError> {
        self.flush()?;
        self.out.get_ref().sync_all().map_err(|error| StoreError::unwritable(&self.path, error))
    }
}

/// The lines with which a log begins.
fn write_head<W: Write>(
    out: &mut W,
    serializer: &mut V2DeflateSerializer,
    comment: &str,
    started_at: Option<SystemTime>,
) -> io::Result<()> {
    let legend = "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n";
    let mut log = IntervalLogWriterBuilder::new();
    log.add_comment("[Histogram log format version 1.3]").add_comment(comment);
    if let Some(started_at) = started_at {
        log.with_start_time(started_at).with_base_time(started_at);
    }
    log.begin_log_with(out, serializer)?;
    out.write_all(legend.as_bytes())
}

/// One line: an interval from a time since the log's start, of a length.
fn write_interval<W: Write, C: Counter>(
    out: &mut W,
    buffer: &mut Vec<u8>,
    serializer: &mut V2DeflateSerializer,
    tag: Option<Tag<'_>>,
    (from, length): (Duration, Duration),
    values: &Histogram<C>,
) -> io::Result<()> {
    buffer.clear();
    let mut log = IntervalLogWriterBuilder::new();
    log.with_max_value_divisor(NS_PER_MS)
        .begin_log_with(&mut *buffer, serializer)?
        .write_histogram(values, from, length, tag)
        .map_err(|error| io::Error::other(error.to_string()))?;
    // The builder says the divisor in a comment of its own; one line an interval is enough.
    let line = buffer.iter().position(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    out.write_all(&buffer[line..])
}

/// An interval of a log without tags.
#[derive(Clone, Debug)]
pub struct Interval {
    /// The second since the run's start in which it begins.
    pub second: u64,
    /// How long it is.
    pub length: Duration,
    /// Its values in nanoseconds.
    pub values: Histogram<u64>,
}

/// The bytes of a whole log without tags, for tools that know none; `file` is its name.
///
/// # Errors
/// When a histogram cannot be encoded.
pub fn untagged(file: &Path, started_at: Option<SystemTime>, intervals: &[Interval]) -> Result<Vec<u8>, StoreError> {
    let (mut bytes, mut buffer, mut serializer) = (Vec::new(), Vec::new(), V2DeflateSerializer::new());
    let comment = "hopmark: values in nanoseconds, Interval_Max in milliseconds";
    let mut write = || {
        write_head(&mut bytes, &mut serializer, comment, started_at)?;
        for Interval { second, length, values } in intervals {
            let at = (Duration::from_secs(*second), *length);
            write_interval(&mut bytes, &mut buffer, &mut serializer, None, at, values)?;
        }
        Ok(())
    };
    write().map_err(|error| StoreError::unwritable(file, error))?;
    Ok(bytes)
}

/// The tag of a path's metric; what the format cannot hold becomes `_`.
#[must_use]
pub fn tag(path_name: &str, metric_key: &str) -> String {
    let name = path_name.replace(|c: char| c == ',' || c == ';' || c.is_whitespace() || c.is_control(), "_");
    format!("{name};{metric_key}")
}

/// Reads a log and adds up the intervals of each tag whose second, from the run's start, `counts`. A last line that
/// was cut is left out.
///
/// # Errors
/// When the file is not readable or a line is not an interval.
pub fn read_merged(path: &Path, counts: impl Fn(u64) -> bool) -> Result<BTreeMap<String, Histogram<u64>>, StoreError> {
    let bytes = file::read_whole(path)?;
    let lines = file::whole_lines(&bytes);
    let mut merged = BTreeMap::new();
    for (line, entry) in entries(lines) {
        let entry = entry.map_err(|what| StoreError::broken(path, line, what))?;
        if let LogEntry::Interval(interval) = entry
            && counts(interval.start_timestamp().as_secs())
        {
            add(&mut merged, &interval).map_err(|what| StoreError::broken(path, line, what))?;
        }
    }
    Ok(merged)
}

/// The entries with the lines on which they stand.
fn entries(lines: &[u8]) -> impl Iterator<Item = (u64, Result<LogEntry<'_>, String>)> {
    lines.split_inclusive(|byte| *byte == b'\n').zip(1..).filter_map(|(line, number)| {
        let entry = IntervalLogIterator::new(line).next()?;
        Some((number, entry.map_err(|_| "an interval of an HdrHistogram log, or a comment".to_owned())))
    })
}

fn add(merged: &mut BTreeMap<String, Histogram<u64>>, interval: &IntervalLogHistogram) -> Result<(), String> {
    let histogram = decode(interval.encoded_histogram())?;
    let tag = interval.tag().map_or("", |tag| tag.as_str());
    match merged.get_mut(tag) {
        Some(sum) => sum.add(&histogram).map_err(|error| format!("histograms of one range under '{tag}': {error}")),
        None => {
            let mut sum = histogram;
            sum.auto(true);
            merged.insert(tag.to_owned(), sum);
            Ok(())
        }
    }
}

fn decode(text: &str) -> Result<Histogram<u64>, String> {
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .map_err(|error| format!("a histogram in base64, but: {error}"))?;
    Deserializer::new()
        .deserialize(&mut bytes.as_slice())
        .map_err(|error| format!("a compressed V2 histogram, but: {error}"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::UNIX_EPOCH;

    use super::*;

    fn histogram(values: &[u64]) -> Histogram<u32> {
        let mut histogram = Histogram::new_with_bounds(1_000, 300_000_000_000, 3).expect("bounds");
        for value in values {
            histogram.record(*value).expect("recorded");
        }
        histogram
    }

    fn written() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("histograms.hlog");
        let mut writer = HistogramWriter::create(&path, UNIX_EPOCH + Duration::from_secs(1_790_000_000)).expect("new");
        writer.append(5, "direct", "chunk_gap", &histogram(&[20_000_000, 21_000_000])).expect("appended");
        writer.append(5, "far, gateway", "chunk_gap", &histogram(&[30_000_000])).expect("appended");
        writer.append(6, "direct", "chunk_gap", &histogram(&[250_000_000])).expect("appended");
        writer.append(7, "direct", "chunk_gap", &histogram(&[])).expect("empty");
        writer.finish().expect("finished");
        (dir, path)
    }

    #[test]
    fn intervals_add_up_by_tag() {
        let (_dir, path) = written();
        let merged = read_merged(&path, |_| true).expect("read");
        assert_eq!(merged.keys().collect::<Vec<_>>(), ["direct;chunk_gap", "far__gateway;chunk_gap"]);
        let direct = &merged["direct;chunk_gap"];
        assert_eq!(direct.len(), 3);
        assert!(direct.max().abs_diff(250_000_000) < 250_000);
        assert_eq!(merged[&tag("far, gateway", "chunk_gap")].len(), 1);
        let without = read_merged(&path, |second| second != 5).expect("read");
        assert_eq!(without.keys().collect::<Vec<_>>(), ["direct;chunk_gap"]);
        assert_eq!(without["direct;chunk_gap"].len(), 1);
    }

    #[test]
    fn the_head_is_what_the_analyzers_look_for() {
        let (_dir, path) = written();
        let text = fs::read_to_string(&path).expect("text");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "#[Histogram log format version 1.3]");
        assert_eq!(lines[2], "#[StartTime: 1790000000.000 (seconds since epoch)]");
        assert_eq!(lines[3], "#[BaseTime: 1790000000.000 (seconds since epoch)]");
        assert!(lines[4].starts_with("\"StartTimestamp\""));
        assert!(lines[5].starts_with("Tag=direct;chunk_gap,5.000,1.000,21."), "{}", lines[5]);
        assert_eq!(lines.len(), 8);
    }

    #[test]
    fn a_cut_line_is_left_out_and_any_other_is_named() {
        let (_dir, path) = written();
        let text = fs::read_to_string(&path).expect("text");
        fs::write(&path, &text[..text.len() - 9]).expect("cut");
        assert_eq!(read_merged(&path, |_| true).expect("read")["direct;chunk_gap"].len(), 2);
        fs::write(&path, text.replacen(",5.000,1.000", ",five,1.000", 1)).expect("spoilt");
        let error = read_merged(&path, |_| true).expect_err("broken").to_string();
        assert!(error.contains("histograms.hlog:6: expected an interval"), "{error}");
    }
}
