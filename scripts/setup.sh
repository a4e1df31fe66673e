#!/bin/sh
# Make .venv from uv.lock on a machine that may have nothing but python3. Arguments go to uv sync.
set -eu

python=${PYTHON:-python3}
uv_version=0.13.9

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    echo "Offhook needs Python 3.11 or newer as '$python'. Debian 12 and later have it as python3;" >&2
    echo "otherwise name one: make run PYTHON=/path/to/python3.12" >&2
    exit 2
}

make_venv() {
    "$python" -m venv .venv >/dev/null 2>&1 && [ -x .venv/bin/pip ]
}

if [ ! -x .venv/bin/pip ]; then
    if ! make_venv; then
        rm -rf .venv
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            echo "Installing the package python3-venv"
            apt-get update -qq
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
            make_venv
        else
            echo "Python's venv module is missing. Install it, then run this again:" >&2
            echo "    sudo apt-get install python3-venv" >&2
            exit 2
        fi
    fi
fi

if [ "$(.venv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" != "$uv_version" ]; then
    echo "Installing uv $uv_version into .venv"
    .venv/bin/pip install --quiet --disable-pip-version-check "uv==$uv_version"
fi
echo "Installing Offhook into .venv"
UV_PROJECT_ENVIRONMENT=.venv .venv/bin/uv sync --quiet --locked --inexact --compile-bytecode \
    --python .venv/bin/python --no-managed-python "$@"
