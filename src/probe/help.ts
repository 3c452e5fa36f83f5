/** What `--help` prints, at most 100 characters wide. */
export const HELP = `Does a peer resume TLS sessions, how, for how long, and what does that save?

  tls-resumption probe HOST[:PORT] …

The port is 443 if left out. About 30 connections are made to each peer, one after the other; 20 of
them are timed (--tries). Nothing is sent but handshakes and what agrees on TLS, and a HEAD to a
server of HTTP that hands out no ticket before it answers something.

  --starttls PROTOCOL      postgres, mysql, smtp, imap or ldap; none: TLS from the first byte.
                           If left out, the ports 5432, 3306, 25, 587, 143 and 389 tell.
  --tls VERSION            1.2 or 1.3 alone.
  --servername NAME        The name to ask for (SNI) and to verify, in place of HOST.
  --other-servername NAME  Under this name a session is offered that was made under the first one:
                           does the peer bind sessions to names? (other.invalid)
  --alpn A[,B]             Sessions are made under protocol A, and one is offered under B, or under
                           none. (http/1.1,h2 at the ports 443 and 8443, elsewhere none)
  --address IP[,IP …]      Use these addresses, in place of those that the name has.
  --ca FILE                Whom to trust, PEM, in place of the authorities that Node.js knows.
  --cert FILE --key FILE   A client certificate and its key, PEM.
  --insecure               Do not verify who answers. Whoever is in between can then pass for the
                           peer, is shown the client certificate, and is what is probed.
  --timeout SECONDS        For each connection with its handshake. (5)
  --tries COUNT            How many full and how many resumed handshakes are timed; 0: none.
                           (5, MySQL 3)
  --json                   Everything that was found, each connection too, as JSON.
  --version, --help

Exit codes: 0 all peers resume, in the newest version of TLS that each speaks; 1 one does not; 2 the
command line is wrong; 3 a peer could not be probed; 4 the program itself could not run.
`
