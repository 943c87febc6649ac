#!/usr/bin/env bash
# Sets up .venv with the locked packages and this project, and the software renderer. Does nothing when it is up to date.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { printf 'setup: %s\n' "$1" >&2; exit 1; }

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.12 "$HOME"/.pyenv/versions/3.12*/bin/python3.12 python3 python; do
        [ -n "$candidate" ] || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))' 2>/dev/null; then
            printf '%s' "$candidate"; return
        fi
    done
    fail "Python 3.12 was not found (lerobot needs it). Install it (Debian/Ubuntu: python3.12 python3.12-venv; pyenv: pyenv install 3.12) or set PYTHON=<path>."
}

has_renderer() {
    case "$(uname -s)" in Linux) ldconfig -p | grep -Eq 'libOSMesa\.so|libEGL_nvidia' ;; *) true ;; esac
}

if ! has_renderer; then
    command -v apt-get >/dev/null || fail "no software renderer: install OSMesa (libOSMesa.so) with your package manager."
    sudo=""
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "no software renderer: run 'apt-get install libosmesa6' as root, then set up again."
        sudo=sudo
    fi
    echo "setup: installing libosmesa6 (software rendering)"
    $sudo apt-get update -qq && $sudo apt-get install -y -qq libosmesa6 >/dev/null
fi

stamp=.venv/.setup-stamp
want=$(cat requirements.lock pyproject.toml scripts/setup.sh | sha256sum)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then exit 0; fi

[ -x .venv/bin/python ] || "$(find_python)" -m venv .venv || fail "could not create .venv (Debian/Ubuntu: apt-get install python3.12-venv)."
if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))'; then
    fail ".venv is not of Python 3.12; remove it and set up again."
fi
echo "setup: installing packages (one to three minutes)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check uv
.venv/bin/uv pip install --quiet --compile-bytecode --no-deps --python .venv/bin/python -r requirements.lock
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps -e .
printf '%s' "$want" >"$stamp"
