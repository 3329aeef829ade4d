#!/bin/sh
# install.sh BIN NAME: what requirements/NAME.lock lists, each file checked by its hash, into the environment that BIN belongs to.
# uv does it in seconds, from this machine or from its lock; pip is the fallback (FIREDOOR_INSTALLER=pip insists on it).
set -eu
bin=$1 name=$2
by_pip() { "$bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "requirements/$1.lock"; }
by_uv() { "$1" pip install --quiet --python "$bin/python" --require-hashes -r "requirements/$name.lock"; }

if [ "$name" = bootstrap ]; then
    by_pip bootstrap
    exit 0
fi
echo "Setting up $bin from requirements/$name.lock"
if [ "${FIREDOOR_INSTALLER:-}" = pip ]; then
    by_pip "$name"
elif command -v uv >/dev/null 2>&1; then
    by_uv uv
elif by_pip installer; then
    by_uv "$bin/uv"
else
    by_pip "$name"
fi
"$bin/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
