//! Clients of hyper over the three wires: HTTP/1.1, HTTP/1.1 over TLS, HTTP/2 over TLS.

use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mock_backend::Simulator;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    Plain,
    Tls,
    H2,
}

pub const WIRES: [Wire; 3] = [Wire::Plain, Wire::Tls, Wire::H2];

impl Wire {
    /// What a listener needs for it.
    pub fn listener(self) -> &'static str {
        if self == Self::Plain { "" } else { "tls = \"self-signed\"" }
    }
}

pub fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Where the first listener is.
pub fn address(simulator: &Simulator) -> String {
    super::url(simulator).split_once("://").unwrap().1.to_owned()
}

/// A connection that trusts what the simulator shows, and nothing else.
pub async fn secure(simulator: &Simulator, protocols: &[&[u8]]) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(simulator.ca_pem("direct").unwrap().as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(address(simulator)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

pub fn request(path: &str, headers: &[(&str, &str)], body: String) -> Request<Full<Bytes>> {
    let mut request = Request::post(format!("http://localhost{path}")).header("host", "localhost");
    for (name, value) in [("api-key", "k")].iter().chain(headers) {
        request = request.header(*name, *value);
    }
    request.body(Full::new(Bytes::from(body))).unwrap()
}

pub async fn text(response: Response<Incoming>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// One connection over one of the wires.
pub enum Sender {
    One(http1::SendRequest<Full<Bytes>>),
    Many(http2::SendRequest<Full<Bytes>>),
}

impl Sender {
    pub async fn new(simulator: &Simulator, wire: Wire) -> Self {
        match wire {
            Wire::Plain => {
                let stream = TcpStream::connect(address(simulator)).await.unwrap();
                let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
                tokio::spawn(connection);
                Self::One(sender)
            }
            Wire::Tls => {
                let stream = secure(simulator, &[b"http/1.1"]).await;
                let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
                tokio::spawn(connection);
                Self::One(sender)
            }
            Wire::H2 => {
                let stream = secure(simulator, &[b"h2"]).await;
                let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
                tokio::spawn(connection);
                Self::Many(sender)
            }
        }
    }

    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::One(sender) => sender.send_request(request).await,
            Self::Many(sender) => sender.send_request(request).await,
        }
    }
}

/// Waits until a metric has this value, and lets the connections go on meanwhile.
pub async fn metric(simulator: &Simulator, name: &str, value: u64) {
    for _ in 0..3000 {
        if super::measured(simulator, name) == value {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{name} never was {value}: {}", simulator.metrics());
}

/// How an exchange ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// As HTTP says.
    Whole,
    /// The connection ended before that.
    Cut,
    /// The stream alone was reset, for this reason.
    Reset(h2::Reason),
}

impl End {
    pub fn of(error: &hyper::Error) -> Self {
        let mut cause: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = cause {
            if let Some(reason) = error.downcast_ref::<h2::Error>().filter(|error| error.is_reset()) {
                return Self::Reset(reason.reason().unwrap());
            }
            cause = error.source();
        }
        Self::Cut
    }
}

/// Reads a body as far as it goes.
pub async fn read(mut body: Incoming) -> (String, End) {
    let mut bytes = Vec::new();
    let end = loop {
        match body.frame().await {
            None => break End::Whole,
            Some(Ok(frame)) => bytes.extend_from_slice(frame.data_ref().unwrap()),
            Some(Err(error)) => break End::of(&error),
        }
    };
    (String::from_utf8(bytes).unwrap(), end)
}
