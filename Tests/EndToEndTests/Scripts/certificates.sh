#!/bin/sh
# Make a certificate authority and what it certifies, under the names that nbdkit, libnbd and qemu
# look for in a directory: ca-cert.pem, and server- and client-, each with cert.pem and key.pem.
#
# usage: certificates.sh DIRECTORY
set -eu

mkdir "$1"
cd "$1"

# One that lasts for a day.
certify() {
  name=$1
  shift
  openssl req -x509 -days 1 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj "/CN=$name" -keyout "$name-key.pem" -out "$name-cert.pem" "$@"
}

certify ca -addext keyUsage=critical,keyCertSign
for role in server client; do
  certify "$role" -CA ca-cert.pem -CAkey ca-key.pem -addext subjectAltName=DNS:localhost \
    -addext keyUsage=critical,digitalSignature -addext extendedKeyUsage="${role}Auth" \
    -addext basicConstraints=critical,CA:FALSE
done
