#!/usr/bin/env bash
# Builds and runs the README's example as a package outside this repository: one ".package(path:)" line, no
# special flags, debug, no "ray" on PATH. The first time takes minutes; what it built is kept in .build/outside.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
swift=$(command -v "${SWIFT:-swift}")
limit=${OUTSIDE_SECONDS:-60}

# The example is the README's, to the letter; the file has the licence's lines and an empty one before it.
diff <(sed -n '/^```swift$/,/^```$/p' "$repository/README.md" | sed '1d;$d') \
    <(sed '1,/^$/d' "$repository/examples/outside/Sources/Outside/Program.swift") || {
    echo "The example in README.md is not that of examples/outside (see the lines above)." >&2
    exit 1
}

package=$(mktemp --directory "${TMPDIR:-/tmp}/outside.XXXXXX")
trap 'rm -rf "$package"' EXIT
cp -R "$repository/examples/outside/Sources" "$package/Sources"
# The name of a package by path is that of its folder.
sed -e "s|@REPOSITORY@|$repository|" -e "s|@PACKAGE@|$(basename "$repository")|" \
    "$repository/examples/outside/Package.swift.template" > "$package/Package.swift"

scratch=${OUTSIDE_SCRATCH:-$repository/.build/outside}
"$swift" build --package-path "$package" --scratch-path "$scratch" --product Outside
program=$("$swift" build --package-path "$package" --scratch-path "$scratch" --show-bin-path)/Outside

expected=$(printf '%s\n' '[0, 1, 4, 9]' '49' '7')
unset RAY_ADDRESS
if PATH=/usr/bin:/bin command -v ray > /dev/null; then
    echo "There is a 'ray' in /usr/bin or /bin: this check cannot show that none is needed." >&2
    exit 1
fi
# A program that hangs is ended with its whole process group.
output=$(cd "$package" && PATH=/usr/bin:/bin timeout --kill-after=5 "$limit" "$program") || {
    echo "The package outside the repository failed with code $? (124: not done in $limit seconds)." >&2
    exit 1
}
if [[ $output != "$expected" ]]; then
    printf 'The package outside the repository printed:\n%s\nexpected:\n%s\n' "$output" "$expected" >&2
    exit 1
fi
echo "The package outside the repository builds and runs."
