#!/bin/sh
# Makes the revocation lists of this folder with OpenSSL 3. Their dates are fixed; their keys are not kept.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
cat > "$work/ca.conf" <<CONF
[ca]
default_ca = this
[this]
database = $work/index
crlnumber = $work/number
default_md = sha256
[v2]
authorityKeyIdentifier = keyid
CONF
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=test' -days 3650 \
  -keyout "$work/key.pem" -out "$work/cert.pem"
echo 01 > "$work/number"
: > "$work/index"
list() {
  name=$1 from=$2 to=$3
  shift 3
  openssl ca -config "$work/ca.conf" -keyfile "$work/key.pem" -cert "$work/cert.pem" -gencrl "$@" \
    -crl_lastupdate "$from" -crl_nextupdate "$to" -out "$name.pem"
  openssl crl -in "$name.pem" -outform DER -out "$name.der"
}
list january 20260101000000Z 20260201000000Z -crlexts v2
printf 'R\t270101000000Z\t260101000000Z\t02\tunknown\t/CN=revoked\n' > "$work/index"
list week 20260105000000Z 20260112000000Z -crlexts v2
list far 20260101000000Z 20510101000000Z
