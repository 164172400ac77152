//! The columns of `requests.csv`, each told once: its name, what is written into it, and where what is read goes.
//!
//! A new column is a new line at the end of [`visit`] made by [`Visitor::later`]; its head line, its writer and its reader
//! follow. They are visitors and not loops over a table, so that each is compiled into straight code for its columns.

use std::convert::Infallible;

use crate::measure::outcome::Outcome;
use crate::measure::sample::{ConnUse, Sample};
use crate::store::cell::{Cell, Expected, RowText, Value};

/// A column of `requests.csv`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// What stands in the head line.
    pub(crate) name: &'static str,
    /// Whether the files of earlier versions do not have it: there, its value was not seen.
    pub(crate) is_later: bool,
}

/// What is done with one column after the other.
pub(crate) trait Visitor {
    /// Why it cannot be done.
    type Error;

    /// A column: `write` appends its cell to a row, `read` puts what the cell says into a sample of which the columns
    /// before are known and nothing else was seen.
    fn column(
        &mut self,
        column: Column,
        write: impl Fn(&Sample, &mut RowText),
        read: impl Fn(&mut Sample, Cell<'_, '_>) -> Result<(), Expected>,
    ) -> Result<(), Self::Error>;

    /// A column that every file has, for a value and its place.
    fn value<T: Value>(
        &mut self,
        name: &'static str,
        value: impl Fn(&Sample) -> &T,
        place: impl Fn(&mut Sample) -> &mut T,
    ) -> Result<(), Self::Error> {
        self.column(always(name), |s, row| value(s).write(row), |s, cell| cell.read(place(s)))
    }

    /// A column that the files of earlier versions do not have.
    fn later<T: Value>(
        &mut self,
        name: &'static str,
        value: impl Fn(&Sample) -> &Option<T>,
        place: impl Fn(&mut Sample) -> &mut Option<T>,
    ) -> Result<(), Self::Error> {
        let column = Column { name, is_later: true };
        self.column(column, |s, row| value(s).write(row), |s, cell| cell.read(place(s)))
    }

    /// A column of the connection that the files of earlier versions do not have.
    fn later_conn<T: Value>(
        &mut self,
        name: &'static str,
        value: impl Fn(&ConnUse) -> &Option<T>,
        place: impl Fn(&mut ConnUse) -> &mut Option<T>,
    ) -> Result<(), Self::Error> {
        self.column(
            Column { name, is_later: true },
            |s, row| s.conn.iter().for_each(|conn| value(conn).write(row)),
            |s, cell| s.conn.as_mut().map_or(Ok(()), |conn| cell.read(place(conn))),
        )
    }

    /// A column of the connection: empty, and not looked at, where there was none.
    fn conn<T: Value>(
        &mut self,
        name: &'static str,
        value: impl Fn(&ConnUse) -> &T,
        place: impl Fn(&mut ConnUse) -> &mut T,
    ) -> Result<(), Self::Error> {
        self.column(
            always(name),
            |s, row| s.conn.iter().for_each(|conn| value(conn).write(row)),
            |s, cell| s.conn.as_mut().map_or(Ok(()), |conn| cell.read(place(conn))),
        )
    }
}

/// Shows a visitor the columns, in order: those of the contract, then what a reader may want besides.
pub(crate) fn visit<V: Visitor>(v: &mut V) -> Result<(), V::Error> {
    v.value("seq", |s| &s.seq, |s| &mut s.seq)?;
    v.value("round", |s| &s.round, |s| &mut s.round)?;
    v.value("path", |s| &s.path, |s| &mut s.path)?;
    v.value("phase", |s| &s.phase, |s| &mut s.phase)?;
    v.value("api", |s| &s.api, |s| &mut s.api)?;
    v.value("stream", |s| &s.stream, |s| &mut s.stream)?;
    v.value("intended", |s| &s.stamps.intended, |s| &mut s.stamps.intended)?;
    v.value("sent", |s| &s.stamps.sent, |s| &mut s.stamps.sent)?;
    v.value("conn_ready", |s| &s.stamps.conn_ready, |s| &mut s.stamps.conn_ready)?;
    v.value("head", |s| &s.stamps.head, |s| &mut s.stamps.head)?;
    v.value("first_byte", |s| &s.stamps.first_byte, |s| &mut s.stamps.first_byte)?;
    v.value("first_event", |s| &s.stamps.first_event, |s| &mut s.stamps.first_event)?;
    v.value("first_reasoning", |s| &s.stamps.first_reasoning, |s| &mut s.stamps.first_reasoning)?;
    v.value("first_content", |s| &s.stamps.first_content, |s| &mut s.stamps.first_content)?;
    v.value("last_content", |s| &s.stamps.last_content, |s| &mut s.stamps.last_content)?;
    v.value("done", |s| &s.stamps.done, |s| &mut s.stamps.done)?;
    v.value("end", |s| &s.stamps.end, |s| &mut s.stamps.end)?;
    v.column(always("outcome"), |s, row| row.word(s.outcome.into()), read_outcome)?;
    v.column(always("error"), write_class, read_class)?;
    v.value("status", |s| &s.status, |s| &mut s.status)?;
    v.value("input_tokens", |s| &s.input_tokens, |s| &mut s.input_tokens)?;
    v.value("output_tokens", |s| &s.output_tokens, |s| &mut s.output_tokens)?;
    v.value("reasoning_tokens", |s| &s.reasoning_tokens, |s| &mut s.reasoning_tokens)?;
    v.column(always("conn_id"), |s, row| s.conn.iter().for_each(|conn| conn.id.write(row)), read_conn)?;
    v.conn("conn_use", |conn| &conn.uses, |conn| &mut conn.uses)?;
    v.conn("dns_ms", |conn| &conn.dns, |conn| &mut conn.dns)?;
    v.conn("tcp_ms", |conn| &conn.tcp, |conn| &mut conn.tcp)?;
    v.conn("tls_ms", |conn| &conn.tls, |conn| &mut conn.tls)?;
    v.conn("peer", |conn| &conn.peer, |conn| &mut conn.peer)?;
    v.value("request_id", |s| &s.request_id, |s| &mut s.request_id)?;
    v.value("server_ms", |s| &s.server_ms, |s| &mut s.server_ms)?;
    v.value("retry_after_ms", |s| &s.retry_after_ms, |s| &mut s.retry_after_ms)?;
    v.value("region", |s| &s.region, |s| &mut s.region)?;
    v.value("dequeued", |s| &s.stamps.dequeued, |s| &mut s.stamps.dequeued)?;
    v.value("usage", |s| &s.stamps.usage, |s| &mut s.stamps.usage)?;
    v.value("first_visible", |s| &s.stamps.first_visible, |s| &mut s.stamps.first_visible)?;
    v.later("begun", |s| &s.stamps.begun, |s| &mut s.stamps.begun)?;
    v.later("gateway_ms", |s| &s.gateway_ms, |s| &mut s.gateway_ms)?;
    v.later("upstream_ms", |s| &s.upstream_ms, |s| &mut s.upstream_ms)?;
    v.later("last_reasoning", |s| &s.stamps.last_reasoning, |s| &mut s.stamps.last_reasoning)?;
    v.later("total_tokens", |s| &s.total_tokens, |s| &mut s.total_tokens)?;
    v.later_conn("proxy_ms", |conn| &conn.proxy, |conn| &mut conn.proxy)
}

const fn always(name: &'static str) -> Column {
    Column { name, is_later: false }
}

/// The columns, in order.
pub(crate) fn list() -> Vec<Column> {
    let mut list = List(Vec::new());
    let Ok(()) = visit(&mut list);
    list.0
}

/// The head line, without its end.
pub(crate) fn head() -> String {
    list().iter().map(|column| column.name).collect::<Vec<_>>().join(",")
}

struct List(Vec<Column>);

impl Visitor for List {
    type Error = Infallible;

    fn column(
        &mut self,
        column: Column,
        _: impl Fn(&Sample, &mut RowText),
        _: impl Fn(&mut Sample, Cell<'_, '_>) -> Result<(), Expected>,
    ) -> Result<(), Infallible> {
        self.0.push(column);
        Ok(())
    }
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
        let names: BTreeSet<&str> = list().into_iter().map(|column| column.name).collect();
        assert_eq!(names.len(), list().len(), "each once");
        assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
    }
}
