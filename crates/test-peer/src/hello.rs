//! Finds out whether a `ClientHello` offers a session.

use std::io::Read;

use tls_parser::{
    TlsExtension, TlsMessage, TlsMessageHandshake, parse_tls_extensions, parse_tls_plaintext,
};

use crate::Result;

/// The facts of a client before the handshake.
pub struct Hello {
    /// All bytes that were read so far.
    pub bytes: Vec<u8>,
    pub offers: bool,
}

impl Hello {
    /// Reads a `ClientHello`, which must be one record.
    pub fn read(stream: &mut impl Read) -> Result<Self> {
        let mut bytes = vec![0; 5];
        stream.read_exact(&mut bytes)?;
        let len = usize::from(u16::from_be_bytes([bytes[3], bytes[4]]));
        bytes.resize(5 + len, 0);
        stream.read_exact(&mut bytes[5..])?;
        let offers = offers(&bytes).ok_or("not a client hello")?;
        Ok(Self { bytes, offers })
    }
}

fn offers(record: &[u8]) -> Option<bool> {
    let (_, plaintext) = parse_tls_plaintext(record).ok()?;
    let Some(TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello))) =
        plaintext.msg.first()
    else {
        return None;
    };
    let (_, extensions) = parse_tls_extensions(hello.ext.unwrap_or_default()).ok()?;
    // In TLS 1.3 every ClientHello has a session ID without a meaning.
    let is_tls13 = extensions.iter().any(|it| matches!(it, TlsExtension::SupportedVersions(all) if all.iter().any(|version| version.0 == 0x0304)));
    let has_id = !is_tls13 && hello.session_id.is_some_and(|id| !id.is_empty());
    Some(
        has_id
            || extensions.iter().any(|it| match it {
                TlsExtension::SessionTicket(ticket) => !ticket.is_empty(),
                TlsExtension::PreSharedKey(_) => true,
                _ => false,
            }),
    )
}
