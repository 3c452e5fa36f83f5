/** What `--help` prints. */
export const HELP = `Does a peer resume TLS sessions, how, for how long, and what does that save?

  tls-resumption probe HOST[:PORT] …

The port is 443 if left out. Connections are made one after the other: about 30 to each peer, of which 20 are
timed (--tries). Nothing is sent but handshakes and what agrees on TLS; a server of HTTP that hands out no
ticket before it has answered is sent a HEAD.

  --starttls PROTOCOL      postgres, mysql, smtp, imap or ldap; none: TLS from the first byte.
                           If left out, the ports 5432, 3306, 25, 587, 143 and 389 tell.
  --tls VERSION            1.2 or 1.3 alone.
  --servername NAME        The name to ask for (SNI) and to verify, in place of HOST.
  --other-servername NAME  The name under which a session is offered that was made under the first one, to see
                           whether the peer binds sessions to names (other.invalid).
  --alpn A[,B]             Sessions are made under protocol A and one is offered under B, or without a protocol
                           (http/1.1,h2 at the ports 443 and 8443, none elsewhere).
  --address IP[,IP …]      Use these addresses, in place of those that the name has.
  --ca FILE                Whom to trust, PEM, in place of the authorities that Node.js knows.
  --cert FILE --key FILE   A client certificate and its key, PEM.
  --insecure               Do not verify who answers. Whoever is in between can then pass for the peer, sees the
                           client certificate, and is who the findings are about. For tests of your own.
  --timeout SECONDS        For each connection and its handshake (5).
  --tries COUNT            How many full and how many resumed handshakes are timed (5, MySQL 3); 0: none.
  --json                   Everything that was found, each connection too, as JSON.
  --version, --help

Exit codes: 0 all peers resume, in the newest version of TLS that each speaks; 1 one does not; 2 the command line
is wrong; 3 a peer could not be probed; 4 the program itself could not run.
`
