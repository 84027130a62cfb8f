#!/usr/bin/env bash
# Makes a virtual environment with the peers of requirements.txt, or finds the one made before, and prints its Python.
# It lies outside the repository: in $OWNLM_VENV, by default ~/.cache/ownlm/venv. Run: OWNLM_PYTHON=$(bash bench/peers/install.sh)
set -euo pipefail

requirements="$(cd "$(dirname "$0")" && pwd)/requirements.txt"
venv="${OWNLM_VENV:-${HOME:-/tmp}/.cache/ownlm/venv}"

# The first Python that is new enough.
find_python() {
  local name
  for name in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11 python; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  echo "install.sh: no Python 3.11 or newer was found" >&2
  return 1
}

main() {
  local python key
  python="$(find_python)"
  key="$("$python" -c 'import hashlib, sys; print(hashlib.sha256(sys.version.encode() + open(sys.argv[1], "rb").read()).hexdigest())' "$requirements")"
  if [[ "$(cat "$venv/requirements.sha256" 2>/dev/null)" != "$key" ]]; then
    if [[ -e "$venv" && ! -e "$venv/pyvenv.cfg" ]]; then
      echo "install.sh: $venv is there and is no virtual environment" >&2
      return 1
    fi
    mkdir -p "$venv"
    "$python" -m venv --clear "$venv" >&2
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements" >&2
    echo "$key" >"$venv/requirements.sha256"
  fi
  echo "$venv/bin/python"
}

# Two runs at once wait for each other.
mkdir -p "$(dirname "$venv")"
exec 9>"$venv.lock"
if command -v flock >/dev/null; then flock 9; fi
main
