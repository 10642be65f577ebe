#!/bin/sh
# Clippy as the compiler of our crates, with warnings as errors: `RUSTC_WORKSPACE_WRAPPER=tests/clippy.sh cargo build`.
# `cargo clippy` would compile the AWS SDK once more, as `cargo check` does; this way it is the one of the build.
set -eu

# Programs and tests are read, not linked.
case " $* " in
*' --crate-type lib '*) ;;
*)
	for argument; do
		shift
		test "$argument" != --emit=dep-info,link || argument=--emit=dep-info,metadata
		set -- "$@" "$argument"
	done
	;;
esac
exec clippy-driver "$@" --deny warnings
