#!/usr/bin/env bash
# Builds and runs a package outside this repository: one ".package(path:)" line, no special flags, no "ray" on PATH.
# The README's example is in it, and a command with libraries of its own and of a further package. It is built as
# "swift build" does without a word, which takes a quarter of the time that a build for release takes. With --static it is
# built for release, Swift's libraries are in the programs (--static-swift-stdlib), and the command is left in
# .build/outside/static for the tests. The first time takes minutes; what it built is kept in .build/outside.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
swift=$(command -v "${SWIFT:-swift}")
limit=${OUTSIDE_SECONDS:-60}

# The example is the README's first, to the letter; the file has the licence's lines and an empty one before it.
diff <(awk '/^```$/ && found {exit} found; /^```swift$/ {found = 1}' "$repository/README.md") \
    <(sed '1,/^$/d' "$repository/examples/outside/Sources/Outside/Program.swift") || {
    echo "The example in README.md is not that of examples/outside (see the lines above)." >&2
    exit 1
}

package=$(mktemp --directory "${TMPDIR:-/tmp}/outside.XXXXXX")
trap 'rm -rf "$package"' EXIT
cp -R "$repository/examples/outside/." "$package"
for template in "$package/Package.swift.template" "$package/Toolbox/Package.swift.template"; do
    # The name of a package by path is that of its folder.
    sed -e "s|@REPOSITORY@|$repository|" -e "s|@PACKAGE@|$(basename "$repository")|" \
        "$template" > "${template%.template}"
done

unset RAY_ADDRESS
if PATH=/usr/bin:/bin command -v ray > /dev/null; then
    echo "There is a 'ray' in /usr/bin or /bin: this check cannot show that none is needed." >&2
    exit 1
fi

# Runs a program, the rest of the arguments, and compares what it prints with the first one.
check() {
    local expected=$1 output
    shift
    # A program that hangs is ended with its whole process group.
    output=$(cd "$package" && PATH=/usr/bin:/bin timeout --kill-after=5 "$limit" "$@") || {
        echo "$* failed with code $? (124: not done in $limit seconds)." >&2
        exit 1
    }
    if [[ $output != "$expected" ]]; then
        printf '%s printed:\n%s\nexpected:\n%s\n' "$*" "$output" "$expected" >&2
        exit 1
    fi
}

# Where the programs built with the given options are.
build() {
    "$swift" build --package-path "$package" --scratch-path "$scratch" "$@" >&2
    "$swift" build --package-path "$package" --scratch-path "$scratch" "$@" --show-bin-path
}

run() {
    check "$(printf '%s\n' '[0, 1, 4, 9]' '49' '7')" "$1/Outside"
    check "$(printf '%s\n' 'squares: [4, 9, 49]' 'library: 12 42' "library's actor: [5, 5, 7]" \
        'dependency: 12 ray' "dependency's actor: [2, 5, 12]")" "$1/OutsideCommand" 2 3 7
}

scratch=${OUTSIDE_SCRATCH:-$repository/.build/outside}
if [[ ${1:-} == --static ]]; then
    programs=$(build -c release --static-swift-stdlib)
    run "$programs"
    mkdir -p "$scratch/static"
    cp "$programs/OutsideCommand" "$scratch/static/OutsideCommand"
    echo "The package outside the repository builds and runs with the Swift libraries in it."
else
    run "$(build)"
    echo "The package outside the repository builds and runs."
fi
