//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// Which files of a folder stay out of its package, by the rules of `.gitignore`.
///
/// Later patterns win; `!` takes back what an earlier one excluded; a slash at the end means folders only, one
/// elsewhere ties the pattern to its folder; `*`, `?` and `[a-z]` match within a name, `**` across folders.
struct IgnoreRules: Sendable {
    private enum Token: Hashable, Sendable {
        case byte(UInt8)
        case anyByte
        /// Any number of bytes within a name.
        case star
        /// Any number of bytes.
        case doubleStar
        /// Any number of whole folders: what `**/` stands for.
        case folders
        case set([ClosedRange<UInt8>], isNegated: Bool)
    }

    private struct Pattern: Sendable {
        var tokens: [Token]
        var isNegated: Bool
        var isFolderOnly: Bool
        var isAnchored: Bool
    }

    private let patterns: [Pattern]

    /// Reads the lines of such a file; empty ones and those that begin with `#` say nothing.
    init(_ lines: some Sequence<some StringProtocol>) { patterns = lines.compactMap { Self.pattern(Array($0.utf8)) } }

    /// Whether a path is excluded or taken back; nothing if no pattern is about it. The path is relative to the folder
    /// of the rules, without a slash at the end.
    func verdict(on path: some StringProtocol, isFolder: Bool) -> Bool? {
        let path = Array(path.utf8)
        let name = path.lastIndex(of: UInt8(ascii: "/")).map { Array(path[($0 + 1)...]) } ?? path
        for pattern in patterns.reversed() where isFolder || !pattern.isFolderOnly {
            let text = pattern.isAnchored ? path : name
            if Self.matches(pattern.tokens[...], text[...]) { return !pattern.isNegated }
        }
        return nil
    }

    // MARK: Reading

    private static func pattern(_ line: [UInt8]) -> Pattern? {
        var text = line[...]
        while let last = text.last, last == UInt8(ascii: "\r") || last == UInt8(ascii: "\n") { text.removeLast() }
        while text.last == UInt8(ascii: " "), text.dropLast().last != UInt8(ascii: "\\") { text.removeLast() }
        guard let first = text.first, first != UInt8(ascii: "#") else { return nil }
        let isNegated = first == UInt8(ascii: "!")
        if isNegated { text.removeFirst() }
        let isFolderOnly = text.last == UInt8(ascii: "/")
        if isFolderOnly { text.removeLast() }
        let isAnchored = text.contains(UInt8(ascii: "/"))
        if text.first == UInt8(ascii: "/") { text.removeFirst() }
        guard !text.isEmpty else { return nil }
        return Pattern(
            tokens: tokens(Array(text)), isNegated: isNegated, isFolderOnly: isFolderOnly, isAnchored: isAnchored)
    }

    private static func tokens(_ text: [UInt8]) -> [Token] {
        var tokens: [Token] = []
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            switch byte {
            case UInt8(ascii: "*"):
                guard index < text.count, text[index] == UInt8(ascii: "*") else {
                    tokens.append(.star)
                    continue
                }
                while index < text.count, text[index] == UInt8(ascii: "*") { index += 1 }
                if index < text.count, text[index] == UInt8(ascii: "/") {
                    index += 1
                    tokens.append(.folders)
                } else {
                    tokens.append(.doubleStar)
                }
            case UInt8(ascii: "?"): tokens.append(.anyByte)
            case UInt8(ascii: "["):
                guard let (set, next) = set(text, from: index) else {
                    tokens.append(.byte(byte))
                    continue
                }
                tokens.append(set)
                index = next
            case UInt8(ascii: "\\") where index < text.count:
                tokens.append(.byte(text[index]))
                index += 1
            default: tokens.append(.byte(byte))
            }
        }
        return tokens
    }

    private static func set(_ text: [UInt8], from start: Int) -> (Token, Int)? {
        var index = start
        let isNegated = index < text.count && (text[index] == UInt8(ascii: "!") || text[index] == UInt8(ascii: "^"))
        if isNegated { index += 1 }
        let first = index
        var ranges: [ClosedRange<UInt8>] = []
        while index < text.count {
            let byte = text[index]
            if byte == UInt8(ascii: "]"), index > first { return (.set(ranges, isNegated: isNegated), index + 1) }
            if index + 2 < text.count, text[index + 1] == UInt8(ascii: "-"), text[index + 2] != UInt8(ascii: "]") {
                if byte <= text[index + 2] { ranges.append(byte...text[index + 2]) }
                index += 3
            } else {
                ranges.append(byte...byte)
                index += 1
            }
        }
        return nil
    }

    // MARK: Matching

    private static let slash = UInt8(ascii: "/")

    private static func matches(_ tokens: ArraySlice<Token>, _ text: ArraySlice<UInt8>) -> Bool {
        var text = text
        for (index, token) in zip(tokens.indices, tokens) {
            let rest = tokens[(index + 1)...]
            switch token {
            case .byte(let byte): guard text.popFirst() == byte else { return false }
            case .anyByte: guard let next = text.popFirst(), next != slash else { return false }
            case .set(let ranges, let isNegated):
                guard let next = text.popFirst(), next != slash,
                    ranges.contains(where: { $0.contains(next) }) != isNegated
                else { return false }
            case .star, .doubleStar:
                while true {
                    if matches(rest, text) { return true }
                    guard let next = text.popFirst(), token == .doubleStar || next != slash else { return false }
                }
            case .folders:
                while true {
                    if matches(rest, text) { return true }
                    guard let end = text.firstIndex(of: slash) else { return false }
                    text = text[(end + 1)...]
                }
            }
        }
        return text.isEmpty
    }
}
