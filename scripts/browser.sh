#!/usr/bin/env bash
# Installs the browser that the tests of `vla console` need, and skip without. Does nothing where there is one.
set -euo pipefail

for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then exit 0; fi
done
if ! command -v apt-get >/dev/null; then
    echo "browser: no Chromium or Chrome, so the console's tests will skip: install one with your package manager."
    exit 0
fi
sudo=""
if [ "$(id -u)" -ne 0 ]; then sudo="sudo -n"; fi
echo "browser: installing chromium (tests of the console)"
if ! { $sudo apt-get update -qq && $sudo apt-get install -y -qq chromium; } >/dev/null 2>&1; then
    echo "browser: not installed, so the console's tests will skip: run 'apt-get install chromium' as root."
fi
