//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

private func source(_ text: String, path: String = "Sources/Worker/A.swift") -> SourceText {
    SourceText(path: path, text: text)
}

@Suite("The rules find what they look for")
struct RuleTests {
    @Test("Comments and strings are not code, line for line")
    func scanning() {
        let text = """
            let a = "print(1)" // print(2)
            /* print(3)
            print(4) */ let b = #"a "print(5)"#
            let c = \"\"\"
                print(6)
                \"\"\"
            print(7)
            """
        let source = source(text)
        #expect(source.code.count == source.lines.count)
        #expect(Rules.bannedWords(source).map(\.line) == [7])
    }

    @Test(
        "Banned words are found where they are code",
        arguments: [
            "try! f()", "DispatchQueue.main", "let now = Date()", "Thread.sleep(1)", "print(1)", "Task { }",
            "import Foundation", "package import Foundation", "internal import Glibc", "import NIOCore",
            "// TO" + "DO: more", "final class A: @unchecked Sendable {}",
        ])
    func banned(line: String) { #expect(Rules.bannedWords(source(line)).count == 1) }

    @Test(
        "What only looks alike is left alone",
        arguments: [
            "blueprint(1)", "self.print(1)", "let task = Task.yield", "Date(timeIntervalSince1970: 0)", "TODOS",
        ])
    func alike(line: String) { #expect(Rules.bannedWords(source(line)).isEmpty) }

    @Test("Programs may print and use Foundation")
    func programs() {
        #expect(Rules.bannedWords(source("import Foundation\nprint(1)", path: "Sources/CLI/A.swift")).isEmpty)
    }

    @Test("A long function is found, requirements and closures in parameters are not counted")
    func functions() {
        let body = String(repeating: "    work()\n", count: 71)
        let long = "    func a(\n        b: () -> Void = { }\n    ) {\n\(body)    }"
        #expect(Rules.functionLength(source(long)).map(\.line) == [1])
        let requirements = "protocol P {\n    func a()\n    func b() -> Int\n}\n" + body
        #expect(Rules.functionLength(source(requirements)).isEmpty)
        #expect(Rules.functionLength(source("func a() {\n\(String(repeating: "\n", count: 60))}")).isEmpty)
    }

    @Test("A declaration without a comment is found")
    func documentation() {
        let text = """
            package struct A {
                package func b() {
                }
                package func wanted() {
                }
                /// Says.
                @inlinable
                package func c() {}
                package func c(_ overload: Int) {
                }
                package var stored = 1
                package var computed: Int {
                    1
                }
                package init() {}
                package static func < (lhs: A, rhs: A) -> Bool { true }
                package var description: String {
                    ""
                }
                package final class D {}
                private func e() {}
            }
            """
        let requirements = Rules.requirements(source("protocol P {\n    func wanted()\n}\nfunc other() {}"))
        #expect(requirements == ["wanted"])
        #expect(Rules.documentation(source(text), requirements: requirements).map(\.line) == [1, 2, 12, 20])
    }

    @Test("A type named as a module is found")
    func moduleNames() {
        let found = Rules.moduleNames(source("/// A.\npackage enum RayCore {}"), modules: ["RayCore"])
        #expect(found.map(\.line) == [2])
    }

    @Test("The manifest's targets are read with their dependencies")
    func manifest() {
        let manifest = Manifest(
            text: """
                // .target(name: "Comment")
                let log = Target.Dependency.product(name: "Logging", package: "swift-log")
                .package(url: "https://github.com/a/b", from: "1.0.0"),
                .target(name: "RayCore", path: "Sources/RayCore"),
                .target(
                    name: "RayWire",
                    dependencies: ["RayCore", log, .target(name: "X")],
                    path: "Sources/Wire", swiftSettings: strict),
                .target(name: "X", dependencies: [.product(name: "Y", package: "y")]),
                .testTarget(name: "WireTests", dependencies: ["RayWire"]),
                """)
        #expect(manifest.targets["RayWire"]?.targets == ["RayCore", "X"])
        #expect(manifest.targets["RayWire"]?.path == "Sources/Wire")
        #expect(manifest.targets["WireTests"]?.isTest == true)
        #expect(manifest.targets["Comment"] == nil)
        #expect(manifest.packages(below: "RayWire") == ["swift-log", "y"])
        #expect(manifest.locations == ["https://github.com/a/b"])
    }

    @Test("An import against the layers is found")
    func layers() {
        let found = Layers.breaches(
            of: "RayGCS", in: source("import RayCore\npackage import RayRaylet\nimport Synchronization"),
            modules: ["RayCore", "RayRaylet", "RayGCS"])
        #expect(found.map(\.line) == [2])
    }
}
