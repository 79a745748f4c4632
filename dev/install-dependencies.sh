#!/usr/bin/env bash
# Installs the Debian packages that the build needs and this machine lacks. Says nothing if all are there.
set -euo pipefail

packages=(libnuma-dev libssl-dev zlib1g-dev)

command -v dpkg-query > /dev/null || exit 0
missing=()
for package in "${packages[@]}"; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2> /dev/null || true)
    [[ $status == installed ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

if ((EUID == 0)); then
    elevate=()
elif command -v sudo > /dev/null && sudo -n true 2> /dev/null; then
    elevate=(sudo)
else
    echo "Missing packages: ${missing[*]}. Install them as root: apt-get install ${missing[*]}" >&2
    exit 1
fi

echo "Installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
install() { "${elevate[@]}" apt-get install --yes --quiet=2 --no-install-recommends "${missing[@]}" > /dev/null; }
# The lists of packages may be missing or old, as in a fresh image.
install 2> /dev/null || { "${elevate[@]}" apt-get update --quiet=2 && install; }
