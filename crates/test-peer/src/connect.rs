use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned, crypto};
use serde_json::json;

use crate::Result;
use crate::args::Connect;
use crate::common::{identity, roots, versions};

const REQUEST: &[u8] = b"GET /again HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Connects several times in a row, reads each connection to its end, and reports how it began.
pub fn run(options: &Connect) -> Result<()> {
    let config = Arc::new(config(options)?);
    let name = ServerName::try_from(options.name.clone())?;
    for _ in 0..options.count {
        let connection = ClientConnection::new(Arc::clone(&config), name.clone())?;
        let mut stream = StreamOwned::new(connection, TcpStream::connect(&options.address)?);
        if options.http {
            stream.write_all(REQUEST)?;
        }
        stream.flush()?;
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            // Not every server sends close_notify.
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => return Err(error.into()),
            _ => {}
        }
        let chain = stream.conn.peer_certificates().unwrap_or_default();
        println!(
            "{}",
            json!({
                "version": stream.conn.protocol_version().map(|version| format!("{version:?}")),
                "kind": stream.conn.handshake_kind().map(|kind| format!("{kind:?}")),
                "alpn": stream.conn.alpn_protocol().map(String::from_utf8_lossy),
                "chain": chain.iter().map(|certificate| hex(certificate)).collect::<Vec<_>>(),
                "answer": String::from_utf8_lossy(&answer),
            })
        );
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn config(options: &Connect) -> Result<ClientConfig> {
    let common = &options.common;
    let builder = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_protocol_versions(versions(common))?
        .with_root_certificates(roots(common)?);
    let mut config = match identity(common)? {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => builder.with_client_auth_cert(chain, key)?,
    };
    config.alpn_protocols.clone_from(&common.alpn);
    Ok(config)
}
