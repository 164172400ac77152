//! Counters of what was answered, and how late, in the text form of Prometheus.

use std::fmt::{self, Write};
use std::sync::Arc;

use super::record::Record;
use crate::units::bounds::Bound;

/// The upper bounds of lateness that are counted, in seconds.
const BOUNDS: [f64; 12] = [5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 3e-3, 5e-3, 1e-2, 2.5e-2, 1e-1, 1.0];

/// What one thread has counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    requests: Vec<Row>,
    first: Lateness,
    end: Lateness,
}

/// Requests of one listener with one outcome.
#[derive(Clone, Debug)]
struct Row {
    listener: Arc<str>,
    status: u16,
    fault: Option<&'static str>,
    requests: u64,
    tokens: u64,
}

/// How much later than planned things were sent.
#[derive(Clone, Debug, Default)]
struct Lateness {
    counts: [u64; BOUNDS.len()],
    count: u64,
    sum: f64,
}

impl Lateness {
    fn add(&mut self, seconds: f64) {
        self.count += 1;
        self.sum += seconds;
        if let Some(count) = self.counts.get_mut(BOUNDS.partition_point(|bound| *bound < seconds)) {
            *count += 1;
        }
    }

    fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(count, more)| *count += more);
        self.count += other.count;
        self.sum += other.sum;
    }

    fn write(&self, what: &str, out: &mut String) -> fmt::Result {
        let mut below = 0;
        for (bound, count) in BOUNDS.iter().zip(self.counts) {
            below += count;
            writeln!(out, "sim_lateness_seconds_bucket{{of=\"{what}\",le=\"{bound}\"}} {below}")?;
        }
        writeln!(out, "sim_lateness_seconds_bucket{{of=\"{what}\",le=\"+Inf\"}} {}", self.count)?;
        writeln!(out, "sim_lateness_seconds_sum{{of=\"{what}\"}} {}", self.sum)?;
        writeln!(out, "sim_lateness_seconds_count{{of=\"{what}\"}} {}", self.count)
    }
}

impl Counters {
    /// Counts a request that is over.
    pub(crate) fn add(&mut self, record: &Record) {
        let late = |at: Option<u64>, planned: f64| {
            at.map(|at| (at.saturating_sub(record.recv_ns) as f64 - planned * 1e6).max(0.0) / 1e9)
        };
        if let Some(planned) = record.planned {
            late(record.first_ns, planned.first_ms).into_iter().for_each(|late| self.first.add(late));
            late(record.end_ns, planned.end_ms).into_iter().for_each(|late| self.end.add(late));
        }
        let row = self.row(record);
        row.requests += 1;
        row.tokens += u64::from(record.tokens.unwrap_or(0));
    }

    fn row(&mut self, record: &Record) -> &mut Row {
        let Record { listener, status, fault, .. } = record;
        // A foreign server may answer with any status.
        let status = if self.requests.len() < Bound::Outcomes.most() { status } else { &0 };
        let known = |row: &Row| row.status == *status && row.fault == *fault && row.listener == *listener;
        let place = self.requests.iter().position(known).unwrap_or(self.requests.len());
        if place == self.requests.len() {
            let listener = Arc::clone(listener);
            self.requests.push(Row { listener, status: *status, fault: *fault, requests: 0, tokens: 0 });
        }
        &mut self.requests[place]
    }

    /// Adds what another thread has counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.first.merge(&other.first);
        self.end.merge(&other.end);
        for theirs in &other.requests {
            let Row { listener, status, fault, requests, tokens } = theirs.clone();
            let ours = self.row(&Record { listener, status, fault, ..Record::default() });
            ours.requests += requests;
            ours.tokens += tokens;
        }
    }

    /// All of it as text; `in_flight` requests are not over.
    pub(crate) fn text(&self, in_flight: u64) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(in_flight, &mut out);
        out
    }

    fn write(&self, in_flight: u64, out: &mut String) -> fmt::Result {
        writeln!(out, "# HELP sim_requests_total Requests that are over.\n# TYPE sim_requests_total counter")?;
        for Row { listener, status, fault, requests, .. } in &self.requests {
            let (listener, fault) = (escape(listener), fault.unwrap_or(""));
            let labels = format!("listener=\"{listener}\",status=\"{status}\",fault=\"{fault}\"");
            writeln!(out, "sim_requests_total{{{labels}}} {requests}")?;
        }
        writeln!(out, "# HELP sim_output_tokens_total Tokens of answers.\n# TYPE sim_output_tokens_total counter")?;
        let mut listeners: Vec<&str> = self.requests.iter().map(|row| &*row.listener).collect();
        listeners.sort_unstable();
        listeners.dedup();
        for listener in listeners {
            let tokens: u64 = self.requests.iter().filter(|row| *row.listener == *listener).map(|row| row.tokens).sum();
            writeln!(out, "sim_output_tokens_total{{listener=\"{}\"}} {tokens}", escape(listener))?;
        }
        writeln!(out, "# HELP sim_in_flight Requests that are not over.\n# TYPE sim_in_flight gauge")?;
        writeln!(out, "sim_in_flight {in_flight}")?;
        writeln!(out, "# HELP sim_lateness_seconds From the planned to the real write, of the simulator itself.")?;
        writeln!(out, "# TYPE sim_lateness_seconds histogram")?;
        self.first.write("first", out)?;
        self.end.write("end", out)
    }
}

pub(crate) fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::record::Planned;

    #[test]
    fn what_is_over_is_counted_by_listener_and_status_and_lateness() {
        let record = |status: u16, late: u64| Record {
            listener: Arc::from("direct"),
            status,
            tokens: Some(5),
            planned: Some(Planned { first_ms: 1.0, end_ms: 2.0 }),
            first_ns: Some(1_000_000 + late),
            end_ns: Some(2_000_000),
            ..Record::default()
        };
        let mut counters = Counters::default();
        counters.add(&record(200, 150_000));
        let mut other = Counters::default();
        other.add(&record(200, 0));
        other.add(&record(429, 3_000_000_000));
        counters.merge(&other);
        let text = counters.text(7);
        for expected in [
            "sim_requests_total{listener=\"direct\",status=\"200\",fault=\"\"} 2\n",
            "sim_requests_total{listener=\"direct\",status=\"429\",fault=\"\"} 1\n",
            "sim_output_tokens_total{listener=\"direct\"} 15\n",
            "sim_in_flight 7\n",
            "sim_lateness_seconds_bucket{of=\"first\",le=\"0.0001\"} 1\n",
            "sim_lateness_seconds_bucket{of=\"first\",le=\"0.0002\"} 2\n",
            "sim_lateness_seconds_bucket{of=\"first\",le=\"1\"} 2\n",
            "sim_lateness_seconds_bucket{of=\"first\",le=\"+Inf\"} 3\n",
            "sim_lateness_seconds_bucket{of=\"end\",le=\"0.00005\"} 3\n",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
    }
}
