#!/usr/bin/env bash
# Brings a fresh Debian/Ubuntu machine to where `make demo` (base) or `make test` (test) can run. Idempotent:
# what is there already is left alone, and a stamp keyed by the pins makes the second call a no-op.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-base}

stop() { echo "setup: $1" >&2; exit 1; }

packages=(bubblewrap faketime)
commands=(bwrap faketime)
extras=ray,torch,docker,studio
need_mb=4000
if [ "$what" = test ]; then
  packages+=(docker.io chromium fonts-dejavu-core)
  commands+=(dockerd chromium)
  extras+=,test
  need_mb=6000
fi

free_mb=$(df -Pm . | awk 'NR==2 {print $4}')
[ -x .venv/bin/python ] || [ "$free_mb" -ge "$need_mb" ] ||
  stop "needs ${need_mb} MB of disk here, ${free_mb} MB are free: free some, or clone onto a larger disk"

missing=()
for command in "${commands[@]}"; do command -v "$command" >/dev/null || missing+=("$command"); done
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || stop "needs Python 3.11 or newer as python3"
python3 -c 'import ensurepip, venv' 2>/dev/null || { missing+=(python3-venv); packages+=(python3-venv); }
if [ ${#missing[@]} -gt 0 ]; then
  command -v apt-get >/dev/null || stop "needs ${missing[*]}, and there is no apt-get here: install them by hand"
  [ "$(id -u)" = 0 ] || stop "needs Debian packages, and you are not root: run  sudo apt-get install -y ${packages[*]}"
  echo "setup: Debian packages for ${missing[*]}"
  apt-get -q update >/dev/null || stop "apt-get update failed: is a package mirror reachable?"
  DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${packages[@]}" >.apt.log 2>&1 ||
    { tail -5 .apt.log >&2; stop "apt-get install ${packages[*]} failed (see .apt.log)"; }
  rm -f .apt.log
fi

# The pins decide whether .venv is current; sources are installed in place.
stamp=.venv/.$what-$(cat constraints.txt pyproject.toml | sha256sum | cut -c1-16)
[ -e "$stamp" ] && exit 0
[ -x .venv/bin/python ] || python3 -m venv .venv || stop "could not make .venv: is the disk full?"
pip() { .venv/bin/python -m pip --disable-pip-version-check -qq "$@"; }
torch=$(grep '^torch==' constraints.txt)
echo "setup: Python packages ($extras)"
# Torch first and pinned: a bare range may pull gigabytes of CUDA.
pip install "$torch" || stop "could not install $torch: is a package index reachable, and the disk not full?"
pip install -c constraints.txt -e ".[$extras]" || stop "could not install the pinned packages: see the lines above"
touch "$stamp"
