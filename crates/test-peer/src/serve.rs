use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ProtocolVersion, ServerConfig, ServerConnection, crypto};
use serde_json::{Value, json};

use crate::Result;
use crate::args::{Serve, WhenOffered};
use crate::common::{identity, roots, versions};
use crate::hello::Hello;
use crate::prefixed::Prefixed;
use crate::tickets::Once;

/// A fatal `handshake_failure` (RFC 8446 section 6.2).
const ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];

pub fn run(options: &Serve) -> Result<()> {
    let config = Arc::new(config(options)?);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", json!({ "port": listener.local_addr()?.port() }));
    thread::scope(|scope| {
        for stream in listener.incoming() {
            let (stream, config) = (stream?, Arc::clone(&config));
            scope.spawn(move || {
                let said = serve(stream, config, options)
                    .unwrap_or_else(|error| json!({ "error": error.to_string() }));
                println!("{said}");
            });
        }
        Ok(())
    })
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n!";

/// Serves one connection, and reports how it began when the handshake is done or has failed.
fn serve(mut stream: TcpStream, config: Arc<ServerConfig>, options: &Serve) -> Result<Value> {
    stream.set_nodelay(true)?;
    let hello = Hello::read(&mut stream)?;
    if hello.offers {
        match options.when_offered {
            WhenOffered::Handshake => {}
            WhenOffered::Close => return Ok(json!({ "offered": true, "did": "close" })),
            WhenOffered::Alert => {
                stream.write_all(&ALERT)?;
                return Ok(json!({ "offered": true, "did": "alert" }));
            }
            WhenOffered::Hang => {
                println!("{}", json!({ "offered": true, "did": "hang" }));
                stream.read_to_end(&mut Vec::new())?;
                return Ok(json!({ "did": "end" }));
            }
        }
    }
    let mut stream = Prefixed::new(hello.bytes, stream);
    let mut connection = ServerConnection::new(config)?;
    while connection.is_handshaking() {
        while connection.wants_write() {
            connection.write_tls(&mut stream)?;
        }
        if connection.read_tls(&mut stream)? == 0 {
            return Err("the client ended within the handshake".into());
        }
        if let Err(error) = connection.process_new_packets() {
            connection.write_tls(&mut stream)?;
            return Err(error.into());
        }
    }
    println!("{}", describe(&connection, hello.offers));
    // In TLS 1.2 the ticket comes before the handshake is done.
    if !options.late || connection.protocol_version() == Some(ProtocolVersion::TLSv1_2) {
        while connection.wants_write() {
            connection.write_tls(&mut stream)?;
        }
    }
    if options.late || options.http {
        // Until the client sends something or ends. The tickets may be waiting to be written.
        loop {
            let state = connection.process_new_packets()?;
            let has_said = state.plaintext_bytes_to_read() > 0 || state.peer_has_closed();
            if has_said || connection.read_tls(&mut stream)? == 0 {
                break;
            }
        }
    }
    connection.writer().write_all(if options.http { ANSWER } else { b"!" })?;
    connection.send_close_notify();
    let mut all = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut all)?;
    }
    stream.write_all(&all)?;
    stream.stream.shutdown(Shutdown::Write)?;
    stream.read_to_end(&mut Vec::new())?;
    Ok(json!({ "did": "end" }))
}

fn describe(connection: &ServerConnection, offered: bool) -> Value {
    json!({
        "offered": offered,
        "version": connection.protocol_version().map(|version| format!("{version:?}")),
        "kind": connection.handshake_kind().map(|kind| format!("{kind:?}")),
        "servername": connection.server_name(),
        "alpn": connection.alpn_protocol().map(String::from_utf8_lossy),
        "client": connection.peer_certificates().is_some(),
    })
}

fn config(options: &Serve) -> Result<ServerConfig> {
    let common = &options.common;
    let provider = Arc::new(crypto::ring::default_provider());
    let random = provider.secure_random;
    let builder =
        ServerConfig::builder_with_provider(provider).with_protocol_versions(versions(common))?;
    let builder = if common.ca.is_none() {
        builder.with_no_client_auth()
    } else {
        let verifier = WebPkiClientVerifier::builder_with_provider(
            Arc::new(roots(common)?),
            Arc::new(crypto::ring::default_provider()),
        );
        builder.with_client_cert_verifier(verifier.build()?)
    };
    let (chain, key) = identity(common)?.ok_or("a server needs --cert and --key")?;
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols.clone_from(&common.alpn);
    config.send_tls13_tickets = options.tickets;
    if !options.ids {
        config.ticketer = Arc::new(Once {
            lifetime: options.lifetime,
            size: options.size,
            refuse: options.refuse,
            random,
            issued: std::sync::Mutex::default(),
        });
    } else if options.refuse {
        config.session_storage = Arc::new(NoServerSessionStorage {});
    }
    Ok(config)
}
