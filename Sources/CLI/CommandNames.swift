//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// The names of a command's subcommands, for who types another one.
package enum CommandNames {
    /// Refuses a word in a command's place that is none of its subcommands.
    ///
    /// - Parameters:
    ///   - word: What was typed; options and nothing at all are left to the parser.
    ///   - command: What was typed before it, "ray".
    ///   - names: The subcommands there are.
    package static func check(_ word: String?, of command: String, _ names: [String]) throws(UsageError) {
        guard let word, !word.hasPrefix("-"), word != "help", !names.contains(word) else { return }
        let near = names.map { ($0, distance($0, word)) }.filter { $0.1 <= 2 }.min { $0.1 < $1.1 }?.0
        let guess = near.map { "; did you mean '\($0)'?" } ?? ";"
        throw UsageError(
            "swift-ray has no command '\(command) \(word)'\(guess) \(command) has: \(names.joined(separator: ", "))")
    }

    /// How many letters must be changed, added or left out to make one word of the other.
    private static func distance(_ first: String, _ second: String) -> Int {
        let second = Array(second)
        var row = Array(0...second.count)
        for (index, letter) in first.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for place in second.indices {
                let changed = diagonal + (second[place] == letter ? 0 : 1)
                diagonal = row[place + 1]
                row[place + 1] = min(changed, row[place] + 1, diagonal + 1)
            }
        }
        return row[second.count]
    }
}
