//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// A source file as lines, with and without what is not code.
struct SourceText: Sendable {
    /// Path from the repository's root.
    let path: String
    let lines: [String]
    /// The same lines, where comments and the insides of string literals are blank.
    let code: [String]

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var scanner = CodeScanner(text)
        code = scanner.scan().split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// The folder below `Sources` or `Tests`, e.g. "Sources/Worker".
    var folder: String { path.split(separator: "/").prefix(2).joined(separator: "/") }

    /// The identifiers and keywords of a line of code, in order.
    static func words(_ line: String) -> [Substring] {
        line.split { !($0.isLetter || $0.isNumber || $0 == "_") }
    }

    /// The modules that the file imports, with the number of the line.
    var imports: [(module: String, line: Int)] {
        code.indices.compactMap { index in
            let words = Self.words(code[index])
            guard let position = words.firstIndex(of: "import"), position < 3, position + 1 < words.count,
                words[..<position].allSatisfy({ Self.importModifiers.contains(String($0)) })
            else { return nil }
            let next = words[position + 1]
            let isKind = ["struct", "class", "enum", "func", "protocol", "var", "let", "typealias"].contains(next)
            guard !isKind || position + 2 < words.count else { return nil }
            return (String(isKind ? words[position + 2] : next), index + 1)
        }
    }

    private static let importModifiers: Set = ["package", "public", "internal", "private", "fileprivate", "testable"]
}

/// Blanks comments and the insides of string literals, byte by byte, keeping the line ends.
private struct CodeScanner {
    private let bytes: [UInt8]
    private var index = 0
    private var result: [UInt8] = []

    init(_ text: String) {
        bytes = Array(text.utf8)
        result.reserveCapacity(bytes.count)
    }

    mutating func scan() -> [UInt8] {
        while index < bytes.count {
            if starts("//") {
                while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { blank() }
            } else if starts("/*") {
                skipComment()
            } else if let hashes = literalHashes() {
                skipLiteral(hashes: hashes)
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return result
    }

    private func starts(_ text: StaticString, at offset: Int = 0) -> Bool {
        let count = text.utf8CodeUnitCount
        guard index + offset + count <= bytes.count else { return false }
        return (0..<count).allSatisfy { bytes[index + offset + $0] == text.utf8Start[$0] }
    }

    private mutating func blank() {
        result.append(bytes[index] == UInt8(ascii: "\n") ? bytes[index] : UInt8(ascii: " "))
        index += 1
    }

    private mutating func skipComment() {
        var depth = 0
        while index < bytes.count {
            if starts("/*") {
                depth += 1
                blank()
            } else if starts("*/") {
                depth -= 1
                blank()
            }
            blank()
            if depth == 0 { return }
        }
    }

    /// The number of `#` before a string literal that begins here; nothing if none begins.
    private func literalHashes() -> Int? {
        var count = 0
        while index + count < bytes.count, bytes[index + count] == UInt8(ascii: "#") { count += 1 }
        return starts("\"", at: count) ? count : nil
    }

    private mutating func skipLiteral(hashes: Int) {
        for _ in 0..<hashes { blank() }
        let quotes = starts("\"\"\"") ? 3 : 1
        for _ in 0..<quotes { blank() }
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "\\"), isRun("#", of: hashes, at: 1) {
                for _ in 0..<min(hashes + 2, bytes.count - index) { blank() }
            } else if isRun("\"", of: quotes, at: 0), isRun("#", of: hashes, at: quotes) {
                for _ in 0..<(quotes + hashes) { blank() }
                return
            } else if quotes == 1, bytes[index] == UInt8(ascii: "\n") {
                return
            } else {
                blank()
            }
        }
    }

    private func isRun(_ character: Unicode.Scalar, of count: Int, at offset: Int) -> Bool {
        guard index + offset + count <= bytes.count else { return false }
        return (0..<count).allSatisfy { bytes[index + offset + $0] == UInt8(ascii: character) }
    }
}
