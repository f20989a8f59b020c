#!/bin/sh
# Makes the certificates of this folder anew.
set -eu
cd "$(dirname "$0")"
new="openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500"
$new -keyout authority.key -out authority.pem -subj "/CN=simpatico test authority" -addext keyUsage=keyCertSign,cRLSign
$new -keyout service.key -out service.pem -subj "/CN=simpatico test service" -CA authority.pem -CAkey authority.key \
    -addext basicConstraints=CA:FALSE -addext subjectAltName=IP:127.0.0.1,DNS:localhost
$new -keyout client.key -out client.pem -subj "/CN=simpatico test client" -CA authority.pem -CAkey authority.key -addext basicConstraints=CA:FALSE
$new -keyout stranger.key -out stranger.pem -subj "/CN=stranger"
rm authority.key
