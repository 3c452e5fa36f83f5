use std::path::PathBuf;
use std::str::FromStr;

use lexopt::{Arg, Parser, ValueExt};

use crate::Result;

/// The role of the program.
pub enum Command {
    Serve(Serve),
    Connect(Connect),
}

/// The options of both roles.
#[derive(Default)]
pub struct Common {
    /// A file with certificates in PEM, the leaf certificate first.
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
    /// A file with trusted certificates in PEM. A server with it requires client certificates.
    pub ca: Option<PathBuf>,
    pub version: Version,
    pub alpn: Vec<Vec<u8>>,
}

#[derive(Clone, Copy, Default, PartialEq)]
pub enum Version {
    #[default]
    Both,
    Tls12,
    Tls13,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Serve {
    pub common: Common,
    /// The number of tickets after each TLS 1.3 handshake.
    pub tickets: usize,
    /// Seconds.
    pub lifetime: u32,
    /// The bytes of a ticket, at least 32.
    pub size: usize,
    /// Uses session IDs in TLS 1.2, and tickets that contain IDs in TLS 1.3.
    pub ids: bool,
    /// Issues sessions and resumes none.
    pub refuse: bool,
    pub when_offered: WhenOffered,
    /// Sends the tickets only when the client has sent something or ended, together with its own end.
    pub late: bool,
    /// Waits for a request and answers it, instead of sending a greeting.
    pub http: bool,
}

/// How a server reacts to an offer.
#[derive(Clone, Copy, Default, PartialEq)]
pub enum WhenOffered {
    #[default]
    Handshake,
    Close,
    Alert,
    Hang,
}

pub struct Connect {
    pub common: Common,
    pub address: String,
    pub name: String,
    pub count: usize,
    /// Sends a request first, for a server that waits for one.
    pub http: bool,
}

pub fn parse() -> Result<Command> {
    let mut parser = Parser::from_env();
    let command = parser.subcommand()?;
    let mut common = Common::default();
    let mut serve = Serve {
        common: Common::default(),
        tickets: 2,
        lifetime: 7200,
        size: 32,
        ids: false,
        refuse: false,
        when_offered: WhenOffered::default(),
        late: false,
        http: false,
    };
    let (mut address, mut name, mut count) = (String::new(), "localhost".to_owned(), 2);
    while let Some(arg) = parser.next()? {
        let Arg::Long(option) = arg else { return Err(arg.unexpected().into()) };
        match option {
            "cert" => common.cert = Some(parser.value()?.into()),
            "key" => common.key = Some(parser.value()?.into()),
            "ca" => common.ca = Some(parser.value()?.into()),
            "version" => common.version = parser.value()?.parse()?,
            "alpn" => common.alpn.push(parser.value()?.string()?.into_bytes()),
            "tickets" => serve.tickets = parser.value()?.parse()?,
            "lifetime" => serve.lifetime = parser.value()?.parse()?,
            "size" => serve.size = parser.value()?.parse()?,
            "ids" => serve.ids = true,
            "refuse" => serve.refuse = true,
            "http" => serve.http = true,
            "late" => serve.late = true,
            "when-offered" => serve.when_offered = parser.value()?.parse()?,
            "address" => address = parser.value()?.string()?,
            "name" => name = parser.value()?.string()?,
            "count" => count = parser.value()?.parse()?,
            _ => return Err(arg.unexpected().into()),
        }
    }
    match command.as_deref() {
        Some("serve") => Ok(Command::Serve(Serve { common, ..serve })),
        Some("connect") => {
            Ok(Command::Connect(Connect { common, address, name, count, http: serve.http }))
        }
        _ => Err("serve or connect?".into()),
    }
}

trait Subcommand {
    fn subcommand(&mut self) -> Result<Option<String>>;
}

impl Subcommand for Parser {
    fn subcommand(&mut self) -> Result<Option<String>> {
        match self.next()? {
            Some(Arg::Value(value)) => Ok(Some(value.string()?)),
            Some(other) => Err(other.unexpected().into()),
            None => Ok(None),
        }
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "1.2" => Ok(Self::Tls12),
            "1.3" => Ok(Self::Tls13),
            _ => Err(format!("1.2 or 1.3, not {text}")),
        }
    }
}

impl FromStr for WhenOffered {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "close" => Ok(Self::Close),
            "alert" => Ok(Self::Alert),
            "hang" => Ok(Self::Hang),
            _ => Err(format!("close, alert or hang, not {text}")),
        }
    }
}
