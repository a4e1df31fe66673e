#!/bin/sh
# Install the real phones and clients that tests use: program, then its Debian package.
set -eu

missing=""
for pair in sipp:sip-tester baresip:baresip-core curl:curl; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing for the tests:$missing"
    apt-get update -qq
    # shellcheck disable=SC2086 # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "Not installed (needs root):$missing. Tests with these programs are skipped; to run them:"
    echo "    sudo apt-get install$missing"
fi
