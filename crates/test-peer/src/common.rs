//! Configuration of both roles.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, SupportedProtocolVersion, version};

use crate::Result;
use crate::args::{Common, Version};

static TLS12: &[&SupportedProtocolVersion] = &[&version::TLS12];
static TLS13: &[&SupportedProtocolVersion] = &[&version::TLS13];

pub fn versions(common: &Common) -> &'static [&'static SupportedProtocolVersion] {
    match common.version {
        Version::Both => rustls::ALL_VERSIONS,
        Version::Tls12 => TLS12,
        Version::Tls13 => TLS13,
    }
}

pub fn roots(common: &Common) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some(ca) = &common.ca {
        for certificate in CertificateDer::pem_file_iter(ca)? {
            roots.add(certificate?)?;
        }
    }
    Ok(roots)
}

pub type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

pub fn identity(common: &Common) -> Result<Option<Identity>> {
    let (Some(cert), Some(key)) = (&common.cert, &common.key) else { return Ok(None) };
    let chain = CertificateDer::pem_file_iter(cert)?.collect::<std::result::Result<_, _>>()?;
    Ok(Some((chain, PrivateKeyDer::from_pem_file(key)?)))
}
