#!/bin/bash
# Makes the certificates of the tests anew: for loopback only, good for a hundred years, worth nothing elsewhere.
set -euo pipefail
cd "$(dirname "$0")"

authority() { # NAME
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj "/CN=swift-ray test $1" \
        -keyout "$1.key" -out "$1.pem"
}

certificate() { # NAME AUTHORITY ALTERNATIVE-NAMES
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=swift-ray test $1" \
        -keyout "$1.key" -out "$1.csr"
    openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 36500 -out "$1.pem" \
        -extfile <(printf 'basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nsubjectAltName=%s\n' "$3")
}

authority authority
authority other-authority
certificate node authority 'IP:127.0.0.1,IP:::1,DNS:localhost'
certificate elsewhere authority 'IP:203.0.113.1,DNS:elsewhere.example'
certificate stranger other-authority 'IP:127.0.0.1,DNS:localhost'
rm -f ./*.csr ./*.srl authority.key other-authority.key
