#!/bin/sh
# Says in one sentence what this machine lacks: `tests/prerequisites.sh rust python compiler`.
# The program names can be changed by CARGO and PYTHON, as in the Makefile.
set -eu
cd "$(dirname "$0")/.."

missing() {
	echo "Missing: $1" >&2
	exit 1
}

rust() {
	needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
	cargo=${CARGO:-cargo}
	command -v "$cargo" >/dev/null || missing "Rust ($cargo): install it from https://rustup.rs, $needed or newer."
	found=$("$cargo" --version | cut -d ' ' -f 2)
	oldest=$(printf '%s\n' "$needed" "${found%%-*}" | sort -t . -k 1,1n -k 2,2n -k 3,3n | head -n 1)
	test "$oldest" = "$needed" || missing "Rust $needed or newer (this is $found): run \`rustup update stable\`."
}

python() {
	python=${PYTHON:-python3}
	wanted="Python 3.10 or newer"
	command -v "$python" >/dev/null || missing "$wanted ($python): install it, or name yours as in \`make PYTHON=python3.12\`."
	"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
		missing "$wanted (this is $("$python" -V)): install it, or name yours as in \`make PYTHON=python3.12\`."
	"$python" -c 'import venv, ensurepip' 2>/dev/null ||
		missing "Python's venv module: install it (on Debian and Ubuntu: \`apt install python3-venv\`)."
}

compiler() {
	command -v "${CC:-cc}" >/dev/null ||
		missing "a C compiler (${CC:-cc}): install one (on Debian and Ubuntu: \`apt install gcc\`, on macOS: \`xcode-select --install\`)."
}

formatter() {
	"${CARGO:-cargo}" fmt --version >/dev/null 2>&1 && "${CARGO:-cargo}" clippy --version >/dev/null 2>&1 ||
		missing "rustfmt or clippy: run \`rustup component add rustfmt clippy\`."
}

# A home of one's own needs no packages.
maven() {
	test -n "${OPENSEARCH_HOME:-}" || test -e target/opensearch/distribution.json || command -v mvn >/dev/null ||
		missing "Maven (mvn): install it (on Debian and Ubuntu: \`apt install maven\`, on macOS: \`brew install maven\`)."
}

for prerequisite in "$@"; do
	$prerequisite
done
