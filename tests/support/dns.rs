//! A DNS server on the loopback whose names a test makes up: what a resolver inside or outside a private network tells.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME};
use hickory_proto::rr::{Name, RData, Record, RecordType};

/// What the server knows of a name; one that it does not know does not exist.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "each binary of tests takes what it needs")]
pub(crate) enum Known {
    /// It leads to another name.
    Alias(&'static str),
    /// It has these addresses.
    At(Vec<IpAddr>),
    /// It exists and has no address.
    Nothing,
    /// The server cannot tell.
    Failure,
}

/// How the server behaves.
#[derive(Clone, Debug)]
pub(crate) struct Manner {
    /// Whether it follows aliases itself, as a recursive resolver does.
    pub(crate) follows: bool,
    /// How long it takes.
    pub(crate) delay: Duration,
    /// Whether its answers over UDP are cut, so that it must be asked over TCP.
    pub(crate) cuts: bool,
    /// How many questions it does not hear at first.
    pub(crate) deaf: usize,
    /// Whether it never answers for IPv6.
    pub(crate) v4_only: bool,
    /// Whether an answer of a forger comes first, which has another number.
    pub(crate) forged: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self { follows: true, delay: Duration::ZERO, cuts: false, deaf: 0, v4_only: false, forged: false }
    }
}

/// A server that lives as long as this.
pub(crate) struct DnsServer {
    pub(crate) address: SocketAddr,
    over: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<String>>>,
    shared: Arc<Shared>,
}

struct Shared {
    names: Mutex<BTreeMap<String, Known>>,
    manner: Manner,
    unheard: AtomicUsize,
    asked: Arc<Mutex<Vec<String>>>,
}

#[allow(dead_code, reason = "each binary of tests takes what it needs")]
impl DnsServer {
    /// A well-behaved one.
    pub(crate) fn start(names: &[(&str, Known)]) -> Self {
        Self::with(names, Manner::default())
    }

    /// One that behaves like this.
    pub(crate) fn with(names: &[(&str, Known)], manner: Manner) -> Self {
        let (udp, tcp) = sockets();
        let address = udp.local_addr().expect("an address");
        let (over, asked): (Arc<AtomicBool>, Arc<Mutex<Vec<String>>>) = Default::default();
        let names = names.iter().map(|(name, known)| ((*name).to_owned(), known.clone())).collect();
        let unheard = AtomicUsize::new(manner.deaf);
        let shared = Arc::new(Shared { names: Mutex::new(names), manner, unheard, asked: Arc::clone(&asked) });
        udp.set_read_timeout(Some(Duration::from_millis(50))).expect("a socket");
        let (ended, known) = (Arc::clone(&over), Arc::clone(&shared));
        std::thread::spawn(move || serve_udp(&udp, &known, &ended));
        let (ended, kept) = (Arc::clone(&over), Arc::clone(&shared));
        std::thread::spawn(move || {
            for mut stream in tcp.incoming().flatten() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let mut length = [0; 2];
                if stream.read_exact(&mut length).is_err() {
                    continue;
                }
                let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut bytes).expect("a question");
                let answer = answer(&shared, &bytes, false).expect("an answer");
                let length = (answer.len() as u16).to_be_bytes();
                stream.write_all(&[&length[..], &answer].concat()).expect("written");
            }
        });
        Self { address, over, asked, shared: kept }
    }

    /// Knows something else of a name from now on.
    pub(crate) fn change(&self, name: &str, known: Known) {
        self.shared.names.lock().expect("no panic").insert(name.to_owned(), known);
    }

    /// What was asked so far, `A name` or `AAAA name`.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        drop(std::net::TcpStream::connect(self.address));
    }
}

/// The same free port for both protocols.
fn sockets() -> (UdpSocket, TcpListener) {
    for _ in 0..100 {
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().expect("an address")) {
            return (udp, tcp);
        }
    }
    panic!("no port is free for both UDP and TCP")
}

fn serve_udp(udp: &UdpSocket, shared: &Shared, over: &AtomicBool) {
    let mut bytes = [0; 4096];
    while !over.load(Ordering::SeqCst) {
        let Ok((length, from)) = udp.recv_from(&mut bytes) else { continue };
        let deaf = |left: usize| left.checked_sub(1);
        if shared.unheard.fetch_update(Ordering::SeqCst, Ordering::SeqCst, deaf).is_ok() {
            continue;
        }
        if let Some(answer) = answer(shared, &bytes[..length], true) {
            if shared.manner.forged {
                let mut forged = answer.clone();
                forged[0] ^= 0xff;
                let _ = udp.send_to(&forged, from);
            }
            let _ = udp.send_to(&answer, from);
        }
    }
}

fn answer(shared: &Shared, bytes: &[u8], over_udp: bool) -> Option<Vec<u8>> {
    let question = Message::from_vec(bytes).expect("a question");
    let query = question.queries.first().expect("a name").clone();
    let mut name = query.name.to_ascii().trim_end_matches('.').to_ascii_lowercase();
    shared.asked.lock().expect("no panic").push(format!("{} {name}", query.query_type));
    if shared.manner.v4_only && query.query_type == RecordType::AAAA {
        return None;
    }
    std::thread::sleep(shared.manner.delay);
    let mut answer = Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
    answer.add_query(query.clone());
    if shared.manner.cuts && over_udp {
        answer.metadata.truncation = true;
        return Some(answer.to_vec().expect("bytes"));
    }
    let names = shared.names.lock().expect("no panic");
    for _ in 0..40 {
        let owner = Name::from_ascii(format!("{name}.")).expect("a name");
        match names.get(&name) {
            None => answer.metadata.response_code = ResponseCode::NXDomain,
            Some(Known::Failure) => answer.metadata.response_code = ResponseCode::ServFail,
            Some(Known::Nothing) => {}
            Some(Known::At(addresses)) => {
                let records = addresses.iter().filter_map(|address| match (address, query.query_type) {
                    (IpAddr::V4(v4), RecordType::A) => Some(RData::A(A(*v4))),
                    (IpAddr::V6(v6), RecordType::AAAA) => Some(RData::AAAA(AAAA(*v6))),
                    _ => None,
                });
                answer.add_answers(records.map(|data| Record::from_rdata(owner.clone(), 60, data)));
            }
            Some(Known::Alias(to)) => {
                let alias = RData::CNAME(CNAME(Name::from_ascii(format!("{to}.")).expect("a name")));
                answer.add_answer(Record::from_rdata(owner, 60, alias));
                if shared.manner.follows {
                    name = (*to).to_owned();
                    continue;
                }
            }
        }
        break;
    }
    Some(answer.to_vec().expect("bytes"))
}
