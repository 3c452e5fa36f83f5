// Connects several times with Go's own session cache. Prints each connection as a JSON object in a line.
package main

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"strconv"
)

func main() {
	port, ca, protocol := os.Args[1], os.Args[2], os.Args[3]
	visits, err := strconv.Atoi(os.Args[4])
	check(err)
	pem, err := os.ReadFile(ca)
	check(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	config := &tls.Config{
		RootCAs:            roots,
		ServerName:         "localhost",
		NextProtos:         []string{"http/1.1"},
		MinVersion:         tls.VersionTLS12,
		MaxVersion:         tls.VersionTLS13,
		ClientSessionCache: tls.NewLRUClientSessionCache(8),
	}
	if protocol == "TLSv1.2" {
		config.MaxVersion = tls.VersionTLS12
	}
	for range visits {
		visit("127.0.0.1:"+port, config)
	}
}

func visit(address string, config *tls.Config) {
	connection, err := tls.Dial("tcp", address, config)
	check(err)
	_, err = io.WriteString(connection, "GET /again HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	check(err)
	_, err = io.ReadAll(connection)
	check(err)
	state := connection.ConnectionState()
	chain := []string{}
	for _, certificate := range state.PeerCertificates {
		digest := sha256.Sum256(certificate.Raw)
		chain = append(chain, hex.EncodeToString(digest[:]))
	}
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"resumed": state.DidResume, "chain": chain, "alpn": state.NegotiatedProtocol,
	}))
	connection.Close()
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
