//! The columns of `requests.csv`, each told once: its name, what is written into it, and where what is read goes.
//!
//! A new column is a new entry of [`COLUMNS`] made by [`later`]; its head line, its writer and its reader follow.

use crate::measure::outcome::Outcome;
use crate::measure::sample::{ConnUse, Sample};
use crate::store::cell::{Cell, Expected, RowText, Value};

/// A column of `requests.csv`.
#[derive(Debug)]
pub(crate) struct Column {
    /// What stands in the head line.
    pub(crate) name: &'static str,
    /// Whether the files of earlier versions do not have it.
    pub(crate) is_later: bool,
    /// Appends the cell to the text of a row.
    pub(crate) write: fn(&Sample, &mut RowText),
    /// Puts what the cell says into a sample of which the columns before are known and nothing else was seen.
    pub(crate) read: fn(&mut Sample, Cell<'_, '_>) -> Result<(), Expected>,
}

type Write = fn(&Sample, &mut RowText);
type Read = fn(&mut Sample, Cell<'_, '_>) -> Result<(), Expected>;

/// A column that every file has.
const fn column(name: &'static str, write: Write, read: Read) -> Column {
    Column { name, is_later: false, write, read }
}

/// A column that the files of earlier versions do not have: there, its value was not seen.
const fn later(name: &'static str, write: Write, read: Read) -> Column {
    Column { name, is_later: true, write, read }
}

/// The columns, in order: those of the contract, then what a reader may want besides.
pub(crate) const COLUMNS: &[Column] = &[
    column("seq", |s, row| s.seq.write(row), |s, cell| cell.read(&mut s.seq)),
    column("round", |s, row| s.round.write(row), |s, cell| cell.read(&mut s.round)),
    column("path", |s, row| s.path.write(row), |s, cell| cell.read(&mut s.path)),
    column("phase", |s, row| s.phase.write(row), |s, cell| cell.read(&mut s.phase)),
    column("api", |s, row| s.api.write(row), |s, cell| cell.read(&mut s.api)),
    column("stream", |s, row| s.stream.write(row), |s, cell| cell.read(&mut s.stream)),
    column("intended", |s, row| s.stamps.intended.write(row), |s, cell| cell.read(&mut s.stamps.intended)),
    column("sent", |s, row| s.stamps.sent.write(row), |s, cell| cell.read(&mut s.stamps.sent)),
    column("conn_ready", |s, row| s.stamps.conn_ready.write(row), |s, cell| cell.read(&mut s.stamps.conn_ready)),
    column("head", |s, row| s.stamps.head.write(row), |s, cell| cell.read(&mut s.stamps.head)),
    column("first_byte", |s, row| s.stamps.first_byte.write(row), |s, cell| cell.read(&mut s.stamps.first_byte)),
    column("first_event", |s, row| s.stamps.first_event.write(row), |s, cell| cell.read(&mut s.stamps.first_event)),
    column(
        "first_reasoning",
        |s, row| s.stamps.first_reasoning.write(row),
        |s, cell| cell.read(&mut s.stamps.first_reasoning),
    ),
    column(
        "first_content",
        |s, row| s.stamps.first_content.write(row),
        |s, cell| cell.read(&mut s.stamps.first_content),
    ),
    column("last_content", |s, row| s.stamps.last_content.write(row), |s, cell| cell.read(&mut s.stamps.last_content)),
    column("done", |s, row| s.stamps.done.write(row), |s, cell| cell.read(&mut s.stamps.done)),
    column("end", |s, row| s.stamps.end.write(row), |s, cell| cell.read(&mut s.stamps.end)),
    column("outcome", |s, row| row.word(s.outcome.as_str()), read_outcome),
    column("error", write_class, read_class),
    column("status", |s, row| s.status.write(row), |s, cell| cell.read(&mut s.status)),
    column("input_tokens", |s, row| s.input_tokens.write(row), |s, cell| cell.read(&mut s.input_tokens)),
    column("output_tokens", |s, row| s.output_tokens.write(row), |s, cell| cell.read(&mut s.output_tokens)),
    column("reasoning_tokens", |s, row| s.reasoning_tokens.write(row), |s, cell| cell.read(&mut s.reasoning_tokens)),
    column("conn_id", |s, row| s.conn.map(|conn| conn.id).write(row), read_conn),
    column("conn_use", |s, row| of(s, |conn| Some(conn.uses)).write(row), |s, cell| into(s, cell, |c| &mut c.uses)),
    column("dns_ms", |s, row| of(s, |conn| conn.dns).write(row), |s, cell| into(s, cell, |conn| &mut conn.dns)),
    column("tcp_ms", |s, row| of(s, |conn| conn.tcp).write(row), |s, cell| into(s, cell, |conn| &mut conn.tcp)),
    column("tls_ms", |s, row| of(s, |conn| conn.tls).write(row), |s, cell| into(s, cell, |conn| &mut conn.tls)),
    column("peer", |s, row| of(s, |conn| conn.peer).write(row), |s, cell| into(s, cell, |conn| &mut conn.peer)),
    column("request_id", |s, row| s.request_id.write(row), |s, cell| cell.read(&mut s.request_id)),
    column("server_ms", |s, row| s.server_ms.write(row), |s, cell| cell.read(&mut s.server_ms)),
    column("retry_after_ms", |s, row| s.retry_after_ms.write(row), |s, cell| cell.read(&mut s.retry_after_ms)),
    column("region", |s, row| s.region.write(row), |s, cell| cell.read(&mut s.region)),
    column("dequeued", |s, row| s.stamps.dequeued.write(row), |s, cell| cell.read(&mut s.stamps.dequeued)),
    column("usage", |s, row| s.stamps.usage.write(row), |s, cell| cell.read(&mut s.stamps.usage)),
    column(
        "first_visible",
        |s, row| s.stamps.first_visible.write(row),
        |s, cell| cell.read(&mut s.stamps.first_visible),
    ),
    later("begun", |s, row| s.stamps.begun.write(row), |s, cell| cell.read(&mut s.stamps.begun)),
    later("gateway_ms", |s, row| s.gateway_ms.write(row), |s, cell| cell.read(&mut s.gateway_ms)),
    later("upstream_ms", |s, row| s.upstream_ms.write(row), |s, cell| cell.read(&mut s.upstream_ms)),
];

/// The head line, without its end.
pub(crate) fn head() -> String {
    COLUMNS.iter().map(|column| column.name).collect::<Vec<_>>().join(",")
}

fn read_outcome(sample: &mut Sample, cell: Cell<'_, '_>) -> Result<(), Expected> {
    sample.outcome = cell.outcome()?;
    Ok(())
}

fn write_class(sample: &Sample, row: &mut RowText) {
    if let Some(class) = sample.outcome.error() {
        row.shown(class);
    }
}

fn read_class(sample: &mut Sample, cell: Cell<'_, '_>) -> Result<(), Expected> {
    match &mut sample.outcome {
        Outcome::Ok => {}
        Outcome::Failed(class) | Outcome::Incomplete(class) | Outcome::Dropped(class) => *class = cell.class()?,
    }
    Ok(())
}

fn read_conn(sample: &mut Sample, cell: Cell<'_, '_>) -> Result<(), Expected> {
    sample.conn = Option::read(cell)?.map(|id| ConnUse { id, ..ConnUse::default() });
    Ok(())
}

/// What is known of the connection, if there was one.
fn of<T>(sample: &Sample, what: fn(&ConnUse) -> Option<T>) -> Option<T> {
    sample.conn.as_ref().and_then(what)
}

/// Reads what the cell says of the connection, if there was one.
fn into<T: Value>(sample: &mut Sample, cell: Cell<'_, '_>, place: fn(&mut ConnUse) -> &mut T) -> Result<(), Expected> {
    sample.conn.as_mut().map_or(Ok(()), |conn| cell.read(place(conn)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_those_of_the_contract_in_their_order_and_then_others() {
        let contract = "seq,round,path,phase,api,stream,intended,sent,conn_ready,head,first_byte,first_event,\
                        first_reasoning,first_content,last_content,done,end,outcome,error,status,input_tokens,\
                        output_tokens,reasoning_tokens,conn_id,conn_use,dns_ms,tcp_ms,tls_ms,peer,request_id,server_ms,\
                        retry_after_ms,region";
        assert!(head().starts_with(&format!("{contract},dequeued,usage,first_visible,begun,")), "{}", head());
        let names: BTreeSet<&str> = COLUMNS.iter().map(|column| column.name).collect();
        assert_eq!(names.len(), COLUMNS.len(), "each once");
        assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
    }
}
