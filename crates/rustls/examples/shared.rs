//! A client and a server of one process with one cache, over loopback and from several threads.
//!
//! Run with `cargo run --example shared -p tls-resumption-rustls`. Fails if nothing resumed, or if the two sides
//! count differently.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, ServerConfig, ServerConnection,
    StreamOwned,
};
use tls_resumption_rustls::cache::{Cache, Capacity};
use tls_resumption_rustls::{ClientSessions, Partition, ServerSessions};

const THREADS: usize = 4;
const CONNECTIONS: usize = 50;
const GREETING: &[u8] = b"hello";

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<ExitCode> {
    let cache = Cache::builder().max(Capacity::try_from(1_000)?).build();
    let (client, server) = configure(&cache)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;

    let (by_client, by_server) = thread::scope(|scope| -> Outcome<(usize, usize)> {
        let accepting = scope.spawn(|| serve_all(&listener, &server));
        // A thread without a cached session does a full handshake, so one connection comes first.
        let mut full = usize::from(connect(&client, address)? == HandshakeKind::Full);
        let threads: Vec<_> =
            (0..THREADS).map(|_| scope.spawn(|| connect_often(&client, address))).collect();
        for thread in threads {
            full += thread.join().expect("the thread ran")?;
        }
        Ok((full, accepting.join().expect("the thread ran")?))
    })?;

    let all = 1 + THREADS * CONNECTIONS;
    println!("{all} handshakes of {THREADS} threads and one before them: {by_client} were full");
    println!("the server counted {by_server} full; the cache holds {} sessions", cache.len());
    Ok(if by_client < all && by_client == by_server {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Makes one cache for both sides. Each has its own store in it.
fn configure(cache: &Cache) -> Outcome<(Arc<ClientConfig>, Arc<ServerConfig>)> {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
    let certificate: CertificateDer<'static> = certified.cert.into();
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());

    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone())?;
    let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.resumption = Resumption::store(Arc::new(ClientSessions::new(cache.clone())));

    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.into())?;
    let partition = Partition::new("no client certificates")?;
    server.session_storage = Arc::new(ServerSessions::new(cache.clone(), partition));

    Ok((Arc::new(client), Arc::new(server)))
}

fn connect_often(config: &Arc<ClientConfig>, address: SocketAddr) -> Outcome<usize> {
    let mut full = 0;
    for _ in 0..CONNECTIONS {
        full += usize::from(connect(config, address)? == HandshakeKind::Full);
    }
    Ok(full)
}

fn connect(config: &Arc<ClientConfig>, address: SocketAddr) -> Outcome<HandshakeKind> {
    let connection = ClientConnection::new(Arc::clone(config), ServerName::try_from("localhost")?)?;
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address)?);
    // To the end, because TLS 1.3 tickets come after the handshake.
    let mut greeting = Vec::new();
    stream.read_to_end(&mut greeting)?;
    assert_eq!(greeting, GREETING);
    stream.conn.handshake_kind().ok_or_else(|| "no handshake".into())
}

fn serve_all(listener: &TcpListener, config: &Arc<ServerConfig>) -> Outcome<usize> {
    thread::scope(|scope| {
        let mut connections = Vec::new();
        for _ in 0..=THREADS * CONNECTIONS {
            let (socket, _) = listener.accept()?;
            connections.push(scope.spawn(|| serve(socket, config)));
        }
        let mut full = 0;
        for connection in connections {
            full += usize::from(connection.join().expect("the thread ran")? == HandshakeKind::Full);
        }
        Ok(full)
    })
}

fn serve(socket: TcpStream, config: &Arc<ServerConfig>) -> Outcome<HandshakeKind> {
    let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(config))?, socket);
    stream.write_all(GREETING)?;
    stream.conn.send_close_notify();
    stream.flush()?;
    stream.conn.handshake_kind().ok_or_else(|| "no handshake".into())
}
