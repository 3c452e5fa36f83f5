use std::io::{self, Cursor, Read, Write};
use std::net::TcpStream;

/// A stream whose first bytes are read a second time.
pub struct Prefixed {
    prefix: Cursor<Vec<u8>>,
    pub stream: TcpStream,
}

impl Prefixed {
    pub fn new(prefix: Vec<u8>, stream: TcpStream) -> Self {
        Self { prefix: Cursor::new(prefix), stream }
    }
}

impl Read for Prefixed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.prefix.read(out)? {
            0 => self.stream.read(out),
            read => Ok(read),
        }
    }
}

impl Write for Prefixed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
