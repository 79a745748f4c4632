//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Testing

/// Compiles sources that use the macros, most of them wrongly, and compares what the compiler says.
///
/// A fixture has its errors as comments above the line that they are about, `// error: SENTENCE`, with further lines
/// indented by two more spaces. A line without such a comment compiles.
@Suite struct FixtureTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Fixtures/"

    /// Where the modules and the macros were built.
    private static let products: String = {
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
        if FileManager.default.fileExists(atPath: own + "/RayMacros-tool") { return own }
        return URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path + "/.build/release"
    }()

    @Test(
        "The compiler says what is wrong, at the line where it is", .timeLimit(.minutes(1)),
        arguments: ["Arguments", "RefusedActors", "RefusedFunctions", "RefusedPlaces", "main"])
    func fixture(name: String) throws {
        let path = Self.folder + name + ".swift"
        let wanted = Self.expectations(in: try String(contentsOfFile: path, encoding: .utf8))
        try #require(!wanted.isEmpty)
        let output = try Self.compile(path)
        let errors = Self.errors(in: output, path: path)
        #expect(errors == wanted, "\(output)")
    }

    /// "LINE: SENTENCE" for each comment, in order.
    private static func expectations(in text: String) -> [String] {
        var result: [String] = []
        var sentences: [String] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let content = line.drop { $0 == " " }
            if content.hasPrefix("// error: ") {
                sentences.append(String(content.dropFirst("// error: ".count)))
            } else if content.hasPrefix("//   "), !sentences.isEmpty {
                sentences[sentences.count - 1] += " " + content.dropFirst("//   ".count)
            } else {
                result += sentences.map { "\(index + 1): \($0)" }
                sentences = []
            }
        }
        return result.sorted()
    }

    /// "LINE: SENTENCE" for each error; one in code that a macro made keeps its place and so is never wanted.
    private static func errors(in output: String, path: String) -> [String] {
        output.split(separator: "\n").compactMap { line -> String? in
            guard let mark = line.range(of: ": error: ") else { return nil }
            let place = String(line[..<mark.lowerBound])
            let sentence = String(line[mark.upperBound...]).components(separatedBy: " (from macro '")[0]
            guard place.hasPrefix(path + ":") else { return "\(place): \(sentence)" }
            return "\(place.dropFirst(path.count + 1).prefix { $0 != ":" }): \(sentence)"
        }.sorted()
    }

    private static func compile(_ path: String) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "swiftc", "-typecheck", "-swift-version", "6", "-module-name", "Fixtures", "-diagnostic-style", "llvm",
            "-I", products + "/Modules", "-load-plugin-executable", products + "/RayMacros-tool#RayMacros",
            "-Xcc", "-fmodule-map-file=" + products + "/CRaySystem.build/module.modulemap", path,
        ]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: output, as: UTF8.self)
    }
}
