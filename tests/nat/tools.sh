#!/usr/bin/env bash
# Installs what the hosts of these tests are made of, where it is missing and may be installed; else the tests say why they skip.
set -uo pipefail
missing=()
PATH=$PATH:/usr/sbin:/sbin
command -v ip >/dev/null || missing+=(iproute2)
command -v nft >/dev/null || missing+=(nftables)
command -v curl >/dev/null || missing+=(curl)
((${#missing[@]})) || exit 0
command -v apt-get >/dev/null || exit 0
as_root=()
if ((EUID)); then
	sudo -n true 2>/dev/null || exit 0
	as_root=(sudo -n)
fi
echo "Installing ${missing[*]}"
if ! "${as_root[@]}" apt-get install -q -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1; then
	"${as_root[@]}" apt-get update -q >/dev/null 2>&1
	DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -q -y --no-install-recommends "${missing[@]}" ||
		echo "could not install ${missing[*]}"
fi
exit 0
