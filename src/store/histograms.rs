//! `histograms.hlog`: the HdrHistogram V2 interval log that HistogramLogAnalyzer and its kin open.
//!
//! Values are nanoseconds; the column of the largest value is in milliseconds, as those tools expect. The tag of a
//! line is `path;metric`. Whoever writes hands in the measured phase's values of successful calls only; but
//! gaps between chunks as they come, those of calls that fail later included.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use flate2::read::ZlibDecoder;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};
use hdrhistogram::{Counter, Histogram};

use crate::limits::Limit;
use crate::measure::histogram::{DIGITS, HIGHEST_NS};
use crate::measure::metric::Basis;
use crate::measure::recorder::Series;
use crate::store::bounds::{MOST_COUNT, MOST_NUMBER};
use crate::store::file::StoreError;
use crate::store::lines::Lines;

/// By how much the largest value of a line is divided for the eye: nanoseconds become milliseconds.
const NS_PER_MS: f64 = 1e6;

/// Appends intervals to `histograms.hlog`.
///
/// Behind those that are whole the file may hold some that are not: the next flush writes them anew, so that a log whose
/// writer was killed holds everything up to its last flush.
pub(crate) struct HistogramWriter {
    file: File,
    path: PathBuf,
    /// What has been appended since the last flush.
    appended: Vec<u8>,
    /// How long the file is without what is to be written anew, bytes.
    end: u64,
    /// Whether something behind that is to be written anew.
    is_open: bool,
    serializer: V2DeflateSerializer,
    buffer: Vec<u8>,
}

impl HistogramWriter {
    /// Creates the file with its head. `started_at` is the run's start; seconds of intervals count from it.
    ///
    /// # Errors
    /// When the disk or the folder refuses.
    pub(crate) fn create(path: &Path, started_at: SystemTime) -> Result<Self, StoreError> {
        let file = File::create(path).map_err(|error| StoreError::unwritable(path, error))?;
        let mut writer = Self {
            file,
            path: path.to_owned(),
            appended: Vec::new(),
            end: 0,
            is_open: false,
            serializer: V2DeflateSerializer::new(),
            buffer: Vec::new(),
        };
        writer.head(started_at)?;
        writer.flush()?;
        Ok(writer)
    }

    fn head(&mut self, started_at: SystemTime) -> Result<(), StoreError> {
        let comment = "hopmark: values in nanoseconds, Interval_Max in milliseconds, Tag=path;metric";
        write_head(&mut self.appended, &mut self.serializer, comment, Some(started_at))
            .map_err(|error| StoreError::unwritable(&self.path, error))
    }

    /// Appends the values in nanoseconds that an interval, its first second and its length, brought for a metric of a
    /// path; an empty one is left out.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn append<C: Counter>(
        &mut self,
        (second, length): (u64, u64),
        path_name: &str,
        metric_key: &str,
        values: &Histogram<C>,
    ) -> Result<(), StoreError> {
        if values.is_empty() {
            return Ok(());
        }
        let (tag, at) = (tag(path_name, metric_key), (Duration::from_secs(second), Duration::from_secs(length)));
        write_interval(&mut self.appended, &mut self.buffer, &mut self.serializer, Tag::new(&tag), at, values)
            .map_err(|error| StoreError::unwritable(&self.path, error))
    }

    /// Hands everything appended to the operating system.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn flush(&mut self) -> Result<(), StoreError> {
        self.flush_with(|_| Ok(()))
    }

    /// Hands everything appended to the operating system, and behind it what `append_open` appends: it counts until the
    /// next flush, which takes it back.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn flush_with(
        &mut self,
        append_open: impl FnOnce(&mut Self) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let whole = self.appended.len();
        append_open(self)?;
        self.write_appended(whole).map_err(|error| StoreError::unwritable(&self.path, error))
    }

    /// Writes what was appended, of which the first `whole` bytes are there to stay.
    fn write_appended(&mut self, whole: usize) -> io::Result<()> {
        if self.is_open {
            self.file.set_len(self.end)?;
            self.file.seek(SeekFrom::Start(self.end))?;
        }
        self.is_open = self.appended.len() > whole;
        self.file.write_all(&self.appended)?;
        self.end += whole as u64;
        self.appended.clear();
        Ok(())
    }

    /// Flushes and waits until the disk has everything.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn finish(mut self) -> Result<(), StoreError> {
        self.flush()?;
        self.file.sync_all().map_err(|error| StoreError::unwritable(&self.path, error))
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
pub(crate) struct Interval {
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
pub(crate) fn untagged(
    file: &Path,
    started_at: Option<SystemTime>,
    intervals: &[Interval],
) -> Result<Vec<u8>, StoreError> {
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
pub(crate) fn tag(path_name: &str, metric_key: &str) -> String {
    let name = path_name.replace(|c: char| c == ',' || c == ';' || c.is_whitespace() || c.is_control(), "_");
    format!("{name};{metric_key}")
}

/// The key of a metric in files: the second form, service time, has a suffix.
#[must_use]
pub(crate) fn metric_key(series: Series) -> String {
    match series.basis {
        Basis::Service if series.metric.has_basis() => format!("{}_service", series.metric),
        Basis::Service | Basis::Response => series.metric.key().to_owned(),
    }
}

/// An interval of a log.
pub struct LoggedInterval {
    /// Its first second, from the run's start.
    pub second: u64,
    /// The place of its tag among those that were asked for.
    pub tag: usize,
    /// Its values in nanoseconds.
    pub values: Histogram<u64>,
}

/// Reads the intervals of a log with these tags, one after the other, into what `begin` makes. A last line that was cut
/// is left out, and so are other tags. A log that was written meanwhile is read again, so that it is that of one instant.
///
/// # Errors
/// When the file is not readable or a line is not an interval.
pub fn read<S>(
    path: &Path,
    tags: &[String],
    begin: impl Fn() -> S,
    mut take: impl FnMut(&mut S, LoggedInterval) -> Result<(), String>,
) -> Result<S, StoreError> {
    let state = || std::fs::metadata(path).and_then(|found| Ok((found.len(), found.modified()?))).ok();
    let mut before = state();
    for _ in 1..TRIES {
        let read = read_once(path, tags, begin(), &mut take);
        let after = state();
        if after == before {
            return read;
        }
        before = after;
    }
    read_once(path, tags, begin(), &mut take)
}

/// How often a log is read that was written meanwhile: its writer does so once a second.
const TRIES: usize = 20;

fn read_once<S>(
    path: &Path,
    tags: &[String],
    mut taken: S,
    take: &mut impl FnMut(&mut S, LoggedInterval) -> Result<(), String>,
) -> Result<S, StoreError> {
    let mut lines = Lines::open(path)?;
    while let Some(line) = lines.next()? {
        let interval =
            std::str::from_utf8(line).map_err(|_| "text in UTF-8".to_owned()).and_then(|line| interval(line, tags));
        let done = interval.and_then(|interval| interval.map_or(Ok(()), |interval| take(&mut taken, interval)));
        done.map_err(|what| lines.broken(what))?;
    }
    Ok(taken)
}

/// What a line says: `Tag=NAME,SECOND,LENGTH,LARGEST,HISTOGRAM`, the tag where there is one; `None` for comments, for the
/// line that names the columns and for other tags.
fn interval(line: &str, tags: &[String]) -> Result<Option<LoggedInterval>, String> {
    if line.starts_with(['#', '"']) {
        return Ok(None);
    }
    let (tag, rest) = match line.strip_prefix("Tag=").map(|tagged| tagged.split_once(',')) {
        Some(tagged) => tagged.ok_or("an interval behind its tag")?,
        None => ("", line),
    };
    let fields: Vec<&str> = rest.split(',').collect();
    let [second, length, largest, histogram] = fields[..] else {
        return Err(format!(
            "an interval of an HdrHistogram log (4 fields behind the tag), or a comment, found {}",
            fields.len()
        ));
    };
    let number = |column: &str, text: &str| {
        let number = text.parse::<f64>().ok().filter(|number| (0.0..=MOST_NUMBER).contains(number));
        number.ok_or_else(|| format!("a number from 0 to {MOST_NUMBER} in column '{column}', found '{text}'"))
    };
    let second = number("StartTimestamp", second)? as u64;
    number("Interval_Length", length)?;
    number("Interval_Max", largest)?;
    let Some(tag) = tags.iter().position(|asked| asked == tag) else { return Ok(None) };
    Ok(Some(LoggedInterval { second, tag, values: decode(histogram)? }))
}

/// When the run of a log started, seconds since 1970, as its head says.
///
/// # Errors
/// When the file is not readable.
pub(crate) fn started_at(path: &Path) -> Result<Option<f64>, StoreError> {
    let mut lines = Lines::open(path)?;
    while let Some(line) = lines.next()?.filter(|line| line.starts_with(b"#")) {
        let text = line.strip_prefix(b"#[StartTime: ").and_then(|text| std::str::from_utf8(text).ok());
        if let Some(seconds) = text.and_then(|text| text.split(' ').next()?.parse().ok()) {
            return Ok(Some(seconds));
        }
    }
    Ok(None)
}

/// Unpacks a histogram of at most [`Limit::RunHistogram`], and looks at what its head asks for before it is made.
fn decode(text: &str) -> Result<Histogram<u64>, String> {
    let packed = base64::engine::general_purpose::STANDARD
        .decode(text)
        .map_err(|error| format!("a histogram in base64, but: {error}"))?;
    // A cookie and the length stand before what is compressed.
    let (most, mut bytes) = (Limit::RunHistogram.most(), Vec::new());
    let read = ZlibDecoder::new(packed.get(8..).unwrap_or_default()).take(most as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("a compressed V2 histogram, but: {error}"))?;
    if bytes.len() > most {
        return Err(format!("a histogram of at most {most} bytes"));
    }
    check_shape(&bytes)?;
    let values: Histogram<u64> = Deserializer::new()
        .deserialize(&mut bytes.as_slice())
        .map_err(|error| format!("a compressed V2 histogram, but: {error}"))?;
    let (len, most) = (values.len(), MOST_COUNT);
    if len > most { Err(format!("a histogram of at most {most} values, found {len}")) } else { Ok(values) }
}

/// Refuses a shape that nobody records: such a histogram alone could take all memory.
fn check_shape(bytes: &[u8]) -> Result<(), String> {
    // Cookie, length, offset, digits, lowest, highest, ratio.
    let word = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let long = |at: usize| Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let shape = || Some((word(4)?, word(12)?, long(16)?, long(24)?));
    let (length, digits, lowest, highest) = shape().ok_or("a compressed V2 histogram with its head")?;
    if length as usize != bytes.len() - HEAD.min(bytes.len())
        || digits > u32::from(DIGITS)
        || lowest == 0
        || highest > WIDEST
    {
        return Err(format!(
            "a histogram of its own length with up to {DIGITS} digits from 1 to {WIDEST} ns, found {digits} digits from {lowest} to \
             {highest}"
        ));
    }
    // The library negates this number, which has no counterpart.
    let has_least = bytes[HEAD..].windows(9).any(|number| number == [0xff; 9]);
    if has_least { Err("a histogram of counts".to_owned()) } else { Ok(()) }
}

/// Bytes before the counts of a histogram.
const HEAD: usize = 40;

/// The largest value that a histogram may be made for: more than [`HIGHEST_NS`], because those that widen go up in steps.
const WIDEST: u64 = 4 * HIGHEST_NS;

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
        writer.append((5, 1), "direct", "chunk_gap", &histogram(&[20_000_000, 21_000_000])).expect("appended");
        writer.append((5, 1), "far, gateway", "chunk_gap", &histogram(&[30_000_000])).expect("appended");
        writer.append((6, 1), "direct", "chunk_gap", &histogram(&[250_000_000])).expect("appended");
        writer.append((7, 1), "direct", "chunk_gap", &histogram(&[])).expect("empty");
        writer.finish().expect("finished");
        (dir, path)
    }

    fn read_all(path: &Path, tags: &[&str]) -> Result<Vec<(u64, usize, Histogram<u64>)>, StoreError> {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        super::read(path, &tags, Vec::new, |read: &mut Vec<_>, interval| {
            read.push((interval.second, interval.tag, interval.values));
            Ok(())
        })
    }

    #[test]
    fn intervals_are_read_by_tag() {
        let (_dir, path) = written();
        let read = read_all(&path, &["direct;chunk_gap", &tag("far, gateway", "chunk_gap")]).expect("read");
        let table: Vec<_> = read.iter().map(|(second, tag, values)| (*second, *tag, values.len())).collect();
        assert_eq!(table, [(5, 0, 2), (5, 1, 1), (6, 0, 1)]);
        assert!(read[2].2.max().abs_diff(250_000_000) < 250_000);
        assert!(read_all(&path, &["nobody;chunk_gap"]).expect("read").is_empty());
    }

    #[test]
    fn what_is_not_whole_counts_until_it_is_written_anew() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("histograms.hlog");
        let mut writer = HistogramWriter::create(&path, UNIX_EPOCH).expect("new");
        let put = |writer: &mut HistogramWriter, second, values: &[u64]| {
            writer.append((second, 1), "direct", "ttft", &histogram(values))
        };
        let seen = || {
            let read = read_all(&path, &["direct;ttft"]).expect("read");
            read.iter().map(|(second, _, values)| (*second, values.len())).collect::<Vec<_>>()
        };
        put(&mut writer, 0, &[1_000_000]).expect("appended");
        assert_eq!(seen(), []);
        writer.flush_with(|writer| put(writer, 1, &[1_000_000])).expect("flushed");
        assert_eq!(seen(), [(0, 1), (1, 1)]);
        writer.flush_with(|writer| put(writer, 1, &[1_000_000, 2_000_000])).expect("flushed");
        assert_eq!(seen(), [(0, 1), (1, 2)]);
        put(&mut writer, 1, &[1_000_000; 3]).expect("appended");
        assert_eq!(seen(), [(0, 1), (1, 2)], "until the next flush");
        writer.flush_with(|writer| put(writer, 2, &[1_000_000])).expect("flushed");
        assert_eq!(seen(), [(0, 1), (1, 3), (2, 1)]);
        writer.finish().expect("finished");
        assert_eq!(seen(), [(0, 1), (1, 3)], "in the end only what is whole");
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
        assert_eq!(read_all(&path, &["direct;chunk_gap"]).expect("read").len(), 1);
        fs::write(&path, text.replacen(",5.000,1.000", ",five,1.000", 1)).expect("spoilt");
        let error = read_all(&path, &["direct;chunk_gap"]).expect_err("broken").to_string();
        assert!(error.contains("histograms.hlog:6: expected a number from 0 to"), "{error}");
    }
}
