//! A name looked up at a DNS server of the profile's choice: the whole chain of names, without a cache, so that every new
//! connection pays for its own look-up and the time of it is true.
//!
//! Over UDP, sent again when no answer comes, and over TCP when the answer does not fit. The codec is hickory's; what is
//! sent when is our own, since it stands in the measured time of a connection.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::measure::resolution::{NoAddress, Resolution, Resolver};
use crate::path::zones::normal;

/// How long each try waits for its answer.
const TRIES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(2)];
/// How long an answer of the other family of addresses is waited for once one family is known.
const OTHER_FAMILY: Duration = Duration::from_millis(1_100);
/// Names that lead from one to the next.
const LONGEST_CHAIN: usize = 16;
/// The largest answer over UDP that is read.
const DATAGRAM: usize = 4_096;

/// Looks up the IPv4 and IPv6 addresses of a host, both at once; IPv4 addresses come first. What fails is told in the
/// resolution, since how it failed is evidence too.
pub async fn look_up(server: SocketAddr, host: &str) -> Resolution {
    let mut v4 = pin!(follow(server, host, RecordType::A));
    let mut v6 = pin!(follow(server, host, RecordType::AAAA));
    let (first, is_v4) = tokio::select! {
        biased;
        first = &mut v4 => (first, true),
        first = &mut v6 => (first, false),
    };
    let patience = if first.addresses.is_empty() { TRIES.iter().sum() } else { OTHER_FAMILY };
    let second = if is_v4 { timeout(patience, v6).await } else { timeout(patience, v4).await };
    match second {
        Err(_) => first,
        Ok(second) if is_v4 => merge(first, second),
        Ok(second) => merge(second, first),
    }
}

/// Both families together: the addresses of both, and the failure of the first only if neither has any.
fn merge(v4: Resolution, v6: Resolution) -> Resolution {
    let (longer, other) = if v4.addresses.is_empty() && !v6.addresses.is_empty() { (v6, v4) } else { (v4, v6) };
    let failure = longer.failure.filter(|_| other.addresses.is_empty());
    let mut addresses: Vec<IpAddr> = longer.addresses.into_iter().chain(other.addresses).collect();
    addresses.sort_by_key(IpAddr::is_ipv6);
    Resolution { addresses, failure, ..longer }
}

/// One family, along the chain of names: a server that does not follow it itself is asked name by name.
async fn follow(server: SocketAddr, host: &str, kind: RecordType) -> Resolution {
    let mut found = Resolution {
        name: normal(host),
        resolver: Resolver::Server(server),
        chain: Vec::new(),
        addresses: Vec::new(),
        failure: None,
    };
    loop {
        let last = found.names().last().unwrap_or_default().to_owned();
        let known = found.chain.len();
        match ask(server, &last, kind).await {
            Ok(answer) => found.failure = read(&answer, kind, &mut found),
            Err(why) => found.failure = Some(why),
        }
        let goes_on = found.addresses.is_empty() && found.chain.len() > known;
        match &found.failure {
            _ if found.chain.len() > LONGEST_CHAIN => found.failure = Some(NoAddress::Endless),
            // Only a name that the answer led to, and said nothing of, is asked for.
            Some(NoAddress::Empty(_)) if goes_on => continue,
            Some(_) | None => {}
        }
        return found;
    }
}

/// Takes the chain and the addresses from an answer; returns why there is no address.
fn read(answer: &Message, kind: RecordType, found: &mut Resolution) -> Option<NoAddress> {
    let mut last = found.names().last().unwrap_or_default().to_owned();
    while found.chain.len() <= LONGEST_CHAIN {
        let next = answer.answers.iter().find_map(|record| match &record.data {
            RData::CNAME(to) if normal(&record.name.to_ascii()) == last => Some(normal(&to.0.to_ascii())),
            _ => None,
        });
        let Some(next) = next else { break };
        found.chain.push(next.clone());
        last = next;
    }
    found.addresses = answer
        .answers
        .iter()
        .filter(|record| normal(&record.name.to_ascii()) == last)
        .filter_map(|record| match &record.data {
            RData::A(address) if kind == RecordType::A => Some(IpAddr::V4(address.0)),
            RData::AAAA(address) if kind == RecordType::AAAA => Some(IpAddr::V6(address.0)),
            _ => None,
        })
        .collect();
    match answer.metadata.response_code {
        ResponseCode::NXDomain => Some(NoAddress::NoSuchName(last)),
        ResponseCode::NoError if found.addresses.is_empty() => Some(NoAddress::Empty(last)),
        ResponseCode::NoError => None,
        other => Some(NoAddress::Refused(other.to_string())),
    }
}

/// One question, until its answer comes.
async fn ask(server: SocketAddr, name: &str, kind: RecordType) -> Result<Message, NoAddress> {
    let name = Name::from_ascii(format!("{name}.")).map_err(|_| NoAddress::NoSuchName(name.to_owned()))?;
    let mut question = Message::query();
    question.metadata.recursion_desired = true;
    question.add_query(Query::query(name, kind));
    let bytes = question.to_vec().map_err(|error| NoAddress::Silent(error.to_string()))?;
    let silent = |error: io::Error| NoAddress::Silent(error.to_string());
    let here: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    // A port of its own for each question, which a forger would have to guess.
    let socket = UdpSocket::bind((here, 0)).await.map_err(silent)?;
    socket.connect(server).await.map_err(silent)?;
    for wait in TRIES {
        socket.send(&bytes).await.map_err(silent)?;
        match timeout(wait, hear(&socket, &question)).await {
            Ok(Ok(answer)) if answer.metadata.truncation => {
                let whole = timeout(wait, ask_whole(server, &bytes)).await;
                return whole.map_err(|_| NoAddress::Silent("no answer over TCP in time".to_owned()))?.map_err(silent);
            }
            Ok(answer) => return answer.map_err(silent),
            Err(_) => {}
        }
    }
    Err(NoAddress::Silent("no answer in time".to_owned()))
}

/// The first datagram that answers the question; anything else that comes is none of ours.
async fn hear(socket: &UdpSocket, question: &Message) -> io::Result<Message> {
    let mut bytes = [0; DATAGRAM];
    loop {
        let length = socket.recv(&mut bytes).await?;
        if let Ok(answer) = Message::from_vec(&bytes[..length])
            && answers(&answer, question)
        {
            return Ok(answer);
        }
    }
}

fn answers(answer: &Message, question: &Message) -> bool {
    let same = |(a, b): (&Query, &Query)| {
        a.query_type == b.query_type && normal(&a.name.to_ascii()) == normal(&b.name.to_ascii())
    };
    answer.metadata.message_type == MessageType::Response
        && answer.metadata.id == question.metadata.id
        && answer.queries.iter().zip(&question.queries).all(same)
}

/// The same question over TCP, where an answer of any length fits.
async fn ask_whole(server: SocketAddr, question: &[u8]) -> io::Result<Message> {
    let mut tcp = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).map_err(io::Error::other)?;
    let framed: Vec<u8> = length.to_be_bytes().into_iter().chain(question.iter().copied()).collect();
    tcp.write_all(&framed).await?;
    let length = tcp.read_u16().await?;
    let mut bytes = vec![0; usize::from(length)];
    tcp.read_exact(&mut bytes).await?;
    Message::from_vec(&bytes).map_err(io::Error::other)
}
