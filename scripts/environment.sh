# Sourced by the other scripts, with $root set: makes the environment .venv, or brings it up to date.
# Once that is done for the present lock file it costs nothing and needs no network.

fail() {
    echo "$1" >&2
    exit 1
}

# `make_environment up` has what the program needs, `make_environment dev` also what its tests need.
# `make_environment dev .venv-second PYTHON` makes another one, with that Python.
make_environment() {
    look_at_environment "${2:-.venv}" "${3:-}"
    find_uv
    export LOCALLLM_UV="$uv" # the program installs its demo model with it
    # The machine's own certificates, where it has some: companies add theirs.
    [ ! -s /etc/ssl/certs/ca-certificates.crt ] || export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"
    is_made "$1" && return
    # The scripts in an environment name their own place: one that was moved is of no use.
    [ -f "$stamp" ] && ! grep -qxF "$root" "$stamp" && rm -rf "$environment"
    rm -f "$stamp"
    echo "Installing what localllm needs in ${2:-.venv}"
    groups=
    [ "$1" = dev ] || groups=--no-dev
    (
        unset VIRTUAL_ENV
        export UV_PROJECT_ENVIRONMENT="$environment" UV_PYTHON_DOWNLOADS=never
        cd "$root" && "$uv" sync --frozen --inexact --python "$python" $groups
    ) || fail "The environment ${2:-.venv} could not be made, see above: the first start needs a network."
    printf '%s\n' "$root" "$wanted" "$1" >"$stamp"
}

# For a script beside the one that makes it.
wait_for_environment() {
    look_at_environment .venv
    until is_made "$1"; do sleep 1; done
}

# What the environment was made from; a change of any of these means another sync.
look_at_environment() {
    environment=$root/$1
    python=${2:-$(find_python)} || exit 1
    stamp=$environment/.made-from
    wanted="$(cat "$root/pyproject.toml" "$root/uv.lock" | cksum) $python"
}

is_made() {
    [ -x "$environment/bin/python" ] && [ -f "$stamp" ] && grep -qxF "$root" "$stamp" && grep -qxF "$wanted" "$stamp" || return 1
    grep -qxF "$1" "$stamp" || grep -qxF dev "$stamp"
}

# The first Python that is new enough; one that can make environments is better than one that can't.
find_python() {
    usable=
    for name in python3 python3.13 python3.12 python3.11 python3.14 python; do
        found=$(command -v "$name") || continue
        "$found" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
        usable=${usable:-$found}
        can_make_environments "$found" && echo "$found" && return
    done
    [ -n "$usable" ] || fail "Python 3.11 or newer is needed: install it (Debian, Ubuntu: apt install python3 python3-venv)."
    echo "$usable"
}

can_make_environments() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null
}

# uv installs exactly what uv.lock names, each file checked against its hash.
find_uv() {
    uv=$(command -v uv) || uv=$root/.uv/bin/uv
    [ -x "$uv" ] || install_uv
}

install_uv() {
    can_make_environments "$python" ||
        fail "$python lacks its venv module: install it (Debian, Ubuntu: apt install python3-venv)."
    echo "Installing uv in .uv"
    rm -rf "$root/.uv"
    { "$python" -m venv "$root/.uv" &&
        "$root/.uv/bin/python" -m pip install --disable-pip-version-check --require-hashes -r "$root/scripts/uv.txt"; } || {
        rm -rf "$root/.uv"
        fail "uv could not be installed, see above: the first start needs a network."
    }
}
