#!/bin/sh
# Install the real phones, clients and directory servers that tests use: program, then its packages.
set -eu

missing=""
need() {
    program=$1
    shift
    command -v "$program" >/dev/null || missing="$missing $*"
}
need sipp sip-tester
need svwar sipvicious
need baresip baresip-core
need linphonec linphone-cli
need kamailio kamailio kamailio-extra-modules kamailio-sqlite-modules kamailio-postgres-modules \
    kamailio-tls-modules
need chromium chromium
need curl curl
need dnsmasq dnsmasq-base
need ip iproute2
need openssl openssl
need systemd-analyze systemd
need ldapsearch ldap-utils
[ -e /usr/share/samba/setup/provision.ldif ] || missing="$missing samba-ad-provision"
need samba samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind ldb-tools \
    python3-samba
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing postgresql"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing for the tests:$missing"
    apt-get update -qq
    no_cluster=/etc/postgresql-common/createcluster.d/offhook-tests.conf
    trap 'rm -f "$no_cluster"' EXIT
    # A test's domain controller is started by the test; none may start by itself.
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
        chmod +x /usr/sbin/policy-rc.d
        trap 'rm -f /usr/sbin/policy-rc.d "$no_cluster"' EXIT
    fi
    # The tests make a PostgreSQL cluster of their own; the package shall make none.
    mkdir -p "${no_cluster%/*}"
    echo "create_main_cluster = false" >"$no_cluster"
    # shellcheck disable=SC2086 # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "Not installed (needs root):$missing. Tests with these programs are skipped; to run them:"
    echo "    sudo apt-get install --no-install-recommends$missing"
fi
