//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// One breach of a rule.
struct Finding: CustomStringConvertible, Equatable {
    var path: String
    /// From 1; 0 for the whole file.
    var line: Int
    var message: String

    var description: String { "\(path):\(line): \(message)" }
}

/// Rules that look at one file.
enum Rules {
    static let fileLinesMax = 600
    static let functionLinesMax = 72

    static let header = [
        "//===----------------------------------------------------------------------===//",
        "// This source file is part of the swift-ray project.",
        "// SPDX-License-Identifier: Apache-2.0",
        "//===----------------------------------------------------------------------===//",
    ]

    /// The file begins with the project's header.
    static func header(_ source: SourceText) -> [Finding] {
        guard Array(source.lines.prefix(4)) != header else { return [] }
        return [Finding(path: source.path, line: 1, message: "the header of four lines is missing")]
    }

    /// The file is short enough to be read.
    static func fileLength(_ source: SourceText) -> [Finding] {
        guard source.lines.count > fileLinesMax + 1 else { return [] }
        let message = "\(source.lines.count - 1) lines; split it, \(fileLinesMax) are the most"
        return [Finding(path: source.path, line: 0, message: message)]
    }

    // MARK: Functions

    private static let functionWords: Set<Substring> = ["func", "init", "deinit", "subscript"]
    private static let declarationWords = functionWords.union(["var", "let", "struct", "enum", "class", "case"])

    /// Functions are short enough to be understood at once; one-line cases of a `switch` are a table, not counted.
    static func functionLength(_ source: SourceText) -> [Finding] {
        source.code.indices.compactMap { index in
            let words = SourceText.words(source.code[index])
            guard let position = words.firstIndex(where: functionWords.contains), position < 6,
                words[..<position].allSatisfy(isModifier), let end = bodyEnd(source.code, from: index)
            else { return nil }
            let count = end - index + 1 - source.code[index...end].count(where: isTableRow)
            guard count > functionLinesMax else { return nil }
            return Finding(
                path: source.path, line: index + 1,
                message: "a function of \(count) lines; split it, \(Self.functionLinesMax) are the most")
        }
    }

    private static func isTableRow(_ line: String) -> Bool {
        let text = line.drop { $0 == " " }
        guard text.hasPrefix("case "), let colon = text.lastIndex(of: ":") else { return false }
        return text[text.index(after: colon)...].contains { $0 != " " }
    }

    /// The line on which the body of the function declared on line `start` ends; nothing if it has none.
    private static func bodyEnd(_ code: [String], from start: Int) -> Int? {
        var parentheses = 0
        var braces = 0
        for index in start..<code.count {
            if index > start, braces == 0, parentheses == 0,
                SourceText.words(code[index]).prefix(4).contains(where: declarationWords.contains)
            {
                return nil
            }
            for byte in code[index].utf8 {
                switch byte {
                case UInt8(ascii: "("), UInt8(ascii: "["): parentheses += 1
                case UInt8(ascii: ")"), UInt8(ascii: "]"): parentheses -= 1
                case UInt8(ascii: "{") where parentheses == 0 || braces > 0: braces += 1
                case UInt8(ascii: "}") where parentheses == 0 || braces > 0:
                    braces -= 1
                    if braces == 0 { return index }
                    if braces < 0 { return nil }
                default: break
                }
            }
        }
        return nil
    }

    // MARK: Words out of place

    /// Folders of pure code, which has no clock, no threads and no system calls.
    static let cores: Set = [
        "Sources/RayCore", "Sources/Wire", "Sources/Scheduler", "Sources/GCS", "Sources/Raylet", "Sources/Worker",
    ]

    private static func isProgram(_ path: String) -> Bool {
        ["Sources/CLI/", "Tests/", "examples/", "Benchmarks/"].contains { path.hasPrefix($0) }
    }

    private static func isGRPC(_ path: String) -> Bool {
        ["Sources/GRPC/", "Tests/GRPCTests/"].contains { path.hasPrefix($0) }
    }

    /// Nothing is used where it does not belong.
    static func bannedWords(_ source: SourceText) -> [Finding] {
        var findings: [Finding] = []
        let isCore = cores.contains(source.folder)
        for (index, line) in source.code.enumerated() {
            func report(_ message: String) {
                findings.append(Finding(path: source.path, line: index + 1, message: message))
            }
            if line.contains("try!") { report("try! ends the process; handle the error") }
            if line.contains("DispatchQueue") { report("DispatchQueue; use a plain thread or the reactor") }
            if contains(line, call: "Date", arguments: ")") { report("Date(); time is a parameter") }
            if line.contains("Thread.sleep") { report("Thread.sleep; wait for the event") }
            if contains(line, call: "print"), !isProgram(source.path) { report("print; it belongs to programs") }
            if isCore, line.contains("Task {") || line.contains("Task.detached") { report("a task in a core") }
            if line.contains("@unchecked Sendable"), source.path.hasPrefix("Sources/"), !isProven(source, index) {
                report("@unchecked Sendable; prove it in the comment above, beginning with 'Unchecked:'")
            }
        }
        for (module, line) in source.imports {
            func report(_ message: String) {
                findings.append(Finding(path: source.path, line: line, message: message))
            }
            if module == "Foundation", !isProgram(source.path) { report("Foundation belongs to the CLI and to tests") }
            if module.hasPrefix("NIO"), !isGRPC(source.path) {
                report("\(module); sockets are served by the reactor of RayTransport, but those of gRPC")
            }
            if isCore, module == "Glibc" || module == "Musl" { report("\(module) in a core") }
        }
        // Assembled, so that this file does not hold what it looks for.
        let notes = ["FIX" + "ME", "TO" + "DO"]
        for (index, line) in source.lines.enumerated() where notes.contains(where: line.contains) {
            if SourceText.words(line).contains(where: { notes.contains(String($0)) }) {
                findings.append(
                    Finding(path: source.path, line: index + 1, message: "a note of work left; open an issue"))
            }
        }
        return findings
    }

    /// Whether `name(arguments` is called, as no other name's end and no member.
    private static func contains(_ line: String, call name: String, arguments: String = "") -> Bool {
        guard let range = line.firstRange(of: name + "(" + arguments) else { return false }
        guard range.lowerBound > line.startIndex else { return true }
        let before = line[line.index(before: range.lowerBound)]
        return !(before.isLetter || before.isNumber || before == "_" || before == ".")
    }

    private static func isProven(_ source: SourceText, _ index: Int) -> Bool {
        let around = source.lines[max(0, index - 14)...min(index + 2, source.lines.count - 1)]
        return around.contains { line in
            line.contains("//") && ["nchecked", "Sendable, though", "Proof:"].contains { line.contains($0) }
        }
    }

    // MARK: Documentation

    private static let modifiers: Set<Substring> = [
        "static", "final", "mutating", "nonmutating", "consuming", "borrowing", "override", "convenience", "required",
        "indirect", "lazy", "weak", "unowned", "nonisolated", "isolated", "unsafe", "set", "private", "fileprivate",
        "internal", "package", "public", "open", "class", "inlinable", "usableFromInline", "discardableResult",
        "inline", "__always", "never", "frozen", "Sendable", "concurrent", "MainActor", "_alwaysEmitIntoClient",
        "safe",
    ]

    private static func isModifier(_ word: Substring) -> Bool { modifiers.contains(word) }

    private static let documentedKinds: Set<Substring> = [
        "func", "struct", "enum", "class", "actor", "protocol", "macro", "typealias", "var",
    ]

    /// Members that a protocol of everybody's knowledge wants: their meaning is its.
    private static let knownMembers: Set<Substring> = [
        "description", "debugDescription", "hash", "encode", "decode", "next", "makeIterator", "index", "startIndex",
        "endIndex", "run", "validate", "allValueStrings", "count", "bytes", "store", "body", "expansion", "enqueue",
        "defaultValue", "isEmpty",
    ]

    /// What other modules see has a comment that says what it is for.
    ///
    /// Initialisers, stored properties, operators and members of one line explain themselves by their type's comment,
    /// overloads by the first one's, and `requirements` of protocols by the protocol's.
    static func documentation(_ source: SourceText, requirements: Set<Substring> = []) -> [Finding] {
        guard source.path.hasPrefix("Sources/") else { return [] }
        var documented: Set<Substring> = []
        return source.code.indices.compactMap { index in
            let line = source.code[index]
            let words = SourceText.words(line)
            guard let level = words.firstIndex(where: { $0 == "package" || $0 == "public" || $0 == "open" }),
                words[..<level].allSatisfy(isModifier),
                let kind = words[(level + 1)...].firstIndex(where: { !isModifier($0) || isTypeWord(words, $0) }),
                documentedKinds.contains(words[kind]), kind + 1 < words.count,
                !knownMembers.contains(words[kind + 1])
            else { return nil }
            let isMember = words[kind] == "func" || words[kind] == "var"
            if isDocumented(source, index) {
                documented.insert(words[kind + 1])
                return nil
            }
            if isMember, line.contains("}") || documented.contains(words[kind + 1]) { return nil }
            if isMember, requirements.contains(words[kind + 1]) { return nil }
            if words[kind] == "var", !isComputed(source, index) { return nil }
            if words[kind] == "func", isOperator(line) { return nil }
            return Finding(
                path: source.path, line: index + 1,
                message: "\(words[kind]) \(words[kind + 1]) has no comment; say what it is for")
        }
    }

    /// The members that the protocols declared in `source` want.
    static func requirements(_ source: SourceText) -> Set<Substring> {
        var names: Set<Substring> = []
        var depth = 0
        for line in source.code {
            let words = SourceText.words(line)
            if depth == 0, !(words.firstIndex(of: "protocol").map { words[..<$0].allSatisfy(isModifier) } ?? false) {
                continue
            }
            if depth > 0, let kind = words.firstIndex(where: { $0 == "func" || $0 == "var" }), kind + 1 < words.count {
                names.insert(words[kind + 1])
            }
            depth += line.count { $0 == "{" } - line.count { $0 == "}" }
        }
        return names
    }

    /// "class" is a modifier before `func` and `var`, else it declares a type.
    private static func isTypeWord(_ words: [Substring], _ word: Substring) -> Bool {
        word == "class" && !words.contains("func") && !words.contains("var")
    }

    private static func isComputed(_ source: SourceText, _ index: Int) -> Bool {
        source.code[index].contains("{") && !source.code[index].contains("=")
            && !source.code[index].contains("}")
    }

    private static func isOperator(_ line: String) -> Bool {
        guard let range = line.firstRange(of: "func ") else { return false }
        return line[range.upperBound...].first.map { !($0.isLetter || $0 == "_" || $0 == "`") } ?? false
    }

    private static func isDocumented(_ source: SourceText, _ index: Int) -> Bool {
        var above = index - 1
        while above >= 0 {
            let text = source.lines[above].drop { $0 == " " }
            if text.hasPrefix("///") { return true }
            let isAttribute = text.hasPrefix("@") || text.hasPrefix("#") || text == ")"
            guard isAttribute else { return false }
            above -= 1
        }
        return false
    }

    // MARK: Names

    /// No type has the name of a module, which would hide everything else in it.
    static func moduleNames(_ source: SourceText, modules: Set<String>) -> [Finding] {
        guard source.path.hasPrefix("Sources/") else { return [] }
        return source.code.indices.compactMap { index in
            let words = SourceText.words(source.code[index])
            guard
                let kind = words.firstIndex(where: { ["struct", "enum", "class", "actor", "protocol"].contains($0) }),
                kind + 1 < words.count, words[..<kind].allSatisfy(isModifier),
                modules.contains(String(words[kind + 1]))
            else { return nil }
            return Finding(
                path: source.path, line: index + 1, message: "the type \(words[kind + 1]) is named as its module")
        }
    }
}
