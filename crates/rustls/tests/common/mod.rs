//! Helpers of the tests: caches, configurations, and handshakes in memory.
#![allow(dead_code, reason = "each test file is a program of its own and uses a part")]

use std::fmt;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use rustls::client::{
    ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::StoresServerSessions;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, Connection, HandshakeKind, NamedGroup, RootCertStore,
    ServerConfig, ServerConnection, SupportedProtocolVersion,
};
use tls_resumption_rustls::cache::{Builder, Cache, Capacity, ManualClock, TicketsPerKey, Ttl};
use tls_resumption_rustls::{ClientSessions, Partition, ServerSessions};

pub const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// Makes a cache without background sweeps, whose clock the test moves.
pub fn cache_and_clock(configure: impl FnOnce(Builder) -> Builder) -> (Cache, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    let builder = Cache::builder().sweep_interval(None).clock(clock.clone());
    (configure(builder).build(), clock)
}

pub fn cache(configure: impl FnOnce(Builder) -> Builder) -> Cache {
    cache_and_clock(configure).0
}

pub fn max(entries: u64) -> Capacity {
    Capacity::new(entries).unwrap()
}

pub fn tickets(per_key: u64) -> TicketsPerKey {
    TicketsPerKey::new(per_key).unwrap()
}

pub fn ttl(millis: u64) -> Ttl {
    Ttl::new(Duration::from_millis(millis)).unwrap()
}

pub fn clients(cache: &Cache) -> Arc<ClientSessions> {
    Arc::new(ClientSessions::new(cache.clone()))
}

pub fn servers(cache: &Cache, label: &str) -> Arc<ServerSessions> {
    Arc::new(ServerSessions::new(cache.clone(), Partition::new(label).unwrap()))
}

pub fn name(name: &str) -> ServerName<'static> {
    ServerName::try_from(name.to_owned()).unwrap()
}

/// The name in the certificate of the only server.
pub const HOST: &str = "server.test";

struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
}

static IDENTITY: LazyLock<Identity> = LazyLock::new(|| {
    let certified = rcgen::generate_simple_self_signed(vec![HOST.to_owned()]).unwrap();
    Identity {
        certificate: certified.cert.der().clone(),
        key: PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()),
    }
});

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

pub fn client(
    version: &'static SupportedProtocolVersion,
    store: Arc<dyn ClientSessionStore>,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(IDENTITY.certificate.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::store(store);
    config
}

/// Makes a server that stores sessions.
pub fn server(store: Arc<dyn StoresServerSessions>) -> ServerConfig {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&VERSIONS)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![IDENTITY.certificate.clone()],
            PrivateKeyDer::Pkcs8(IDENTITY.key.clone_key()),
        )
        .unwrap();
    config.session_storage = store;
    config
}

/// Makes a server with sealed tickets and no store, so that only the store of the client matters.
pub fn server_with_tickets() -> ServerConfig {
    let mut config = server(Arc::new(rustls::server::NoServerSessionStorage {}));
    config.ticketer = ring::Ticketer::new().unwrap();
    config
}

/// Makes one connection until both sides are done and the client has its tickets. Returns its kind, on which both agree.
pub fn handshake(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> HandshakeKind {
    let client = ClientConnection::new(Arc::clone(client), name(HOST)).unwrap();
    let mut client = Connection::from(client);
    let mut server = Connection::from(ServerConnection::new(Arc::clone(server)).unwrap());
    while client.wants_write() || server.wants_write() {
        deliver(&mut client, &mut server);
        deliver(&mut server, &mut client);
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    assert_eq!(client.handshake_kind(), server.handshake_kind());
    client.handshake_kind().unwrap()
}

fn deliver(from: &mut Connection, to: &mut Connection) {
    let mut bytes = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut bytes).unwrap();
    }
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        to.read_tls(&mut rest).unwrap();
        to.process_new_packets().unwrap();
    }
}

/// A store that collects the values that rustls makes. Only rustls can make them.
#[derive(Default)]
struct Collector {
    tickets: Mutex<Vec<Tls13ClientSessionValue>>,
    sessions: Mutex<Vec<Tls12ClientSessionValue>>,
}

/// Makes that many TLS 1.3 tickets, numbered from 0: see [`number`].
pub fn some_tickets(count: usize) -> Vec<Tls13ClientSessionValue> {
    // More at once do not fit in the buffer of a connection.
    const AT_ONCE: usize = 50;
    let collector = Arc::new(Collector::default());
    let client = Arc::new(client(&TLS13, collector.clone()));
    let mut server = server_with_tickets();
    server.send_tls13_tickets = count.min(AT_ONCE);
    let server = Arc::new(server);
    while collector.tickets.lock().unwrap().len() < count {
        handshake(&client, &server);
    }
    let mut tickets = std::mem::take(&mut *collector.tickets.lock().unwrap());
    tickets.truncate(count);
    for (number, ticket) in (0_u32..).zip(&mut tickets) {
        // The only part of a ticket that other code than rustls can set and read.
        ticket.set_quic_params(&number.to_be_bytes());
    }
    tickets
}

pub fn number(ticket: &Tls13ClientSessionValue) -> u32 {
    u32::from_be_bytes(ticket.quic_params().try_into().unwrap())
}

/// Makes a TLS 1.2 session that differs from every other: see [`printed`].
pub fn some_session() -> Tls12ClientSessionValue {
    let collector = Arc::new(Collector::default());
    let client = client(&TLS12, collector.clone());
    handshake(&Arc::new(client), &Arc::new(server_with_tickets()));
    collector.sessions.lock().unwrap().pop().unwrap()
}

/// Prints a session without its secret but with its ticket, which differs from session to session.
pub fn printed(session: &Tls12ClientSessionValue) -> String {
    format!("{session:?}")
}

impl ClientSessionStore for Collector {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, session: Tls12ClientSessionValue) {
        self.sessions.lock().unwrap().push(session);
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        self.tickets.lock().unwrap().push(ticket);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").finish_non_exhaustive()
    }
}
