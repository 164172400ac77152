//! Faults of connections, before a request was read.

use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::choice::Faults;
use super::kind::Fault;
use crate::net::connection::Connection;
use crate::observe::record::Record;
use crate::units::Nanos;

/// A fatal alert of TLS 1.2 and 1.3: `handshake_failure`.
const ALERT: [u8; 7] = [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28];
/// How long a caller may take to greet, before it is told that it has failed.
const GREETING: Duration = Duration::from_secs(10);

/// Lets a new connection fail or wait, if one of `faults` befalls it, and gives its socket back unless it has failed.
pub(crate) async fn strike_connection(
    connection: &Connection,
    faults: Option<&Faults>,
    mut stream: TcpStream,
) -> Option<TcpStream> {
    let Some(fault) = faults.and_then(|faults| faults.roll(Nanos::now())) else {
        return Some(stream);
    };
    let recv = Nanos::now();
    let mut goes_on = false;
    match fault {
        Fault::SlowAccept(late) => {
            connection.clock.sleep_until(recv + late).await;
            goes_on = true;
        }
        // A caller for whom a reset cannot be arranged sees its connection closed.
        Fault::ResetConnection => drop(set_socket_linger(&stream, Some(Duration::ZERO))),
        Fault::Tls => {
            let mut greeting = [0; 4096];
            // Whatever it says, or if it says nothing, the answer is the same.
            let _ = tokio::time::timeout(GREETING, stream.read(&mut greeting)).await;
            let _ = stream.write_all(&ALERT).await;
        }
        _ => {}
    }
    connection.sink.push(Record {
        request_id: connection.ids.next_id(),
        listener: Arc::clone(&connection.listener),
        api: "other",
        recv_ns: recv.0,
        fault: Some(fault.name()),
        ..Record::default()
    });
    goes_on.then_some(stream)
}
