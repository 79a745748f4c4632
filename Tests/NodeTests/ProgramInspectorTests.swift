//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import RayCore
import RayNode
import Testing

@Suite("Executables on a node's disk") struct ProgramInspectorTests {
    private let session: TemporaryFolder
    private let archive: String
    private let script = "#!/bin/sh\nexit 0\n"
    private var hash: String { sha256(Array(script.utf8)) }

    init() throws {
        session = try TemporaryFolder()
        archive = session.path + "/programs"
        mkdir(archive, 0o700)
    }

    /// A node of the session, with a folder of its own.
    private func node(_ name: String) -> ProgramInspector {
        let folder = session.path + "/" + name
        mkdir(folder, 0o700)
        return ProgramInspector(folder: folder, archive: archive, libraryPath: nil)
    }

    private func program(at path: String = "/nowhere/program", hash: String? = nil) -> Program {
        Program(
            hash: hash ?? self.hash, path: path, byteCount: script.utf8.count, arguments: [], environment: [],
            workingDirectory: "/")
    }

    /// Has a node take what was brought to it.
    private func bring(_ text: String, to node: ProgramInspector) -> String? {
        let part = node.path(of: hash) + ".part"
        #expect(writeFile(part, text))
        defer { #expect(!exists(part)) }
        return path(node.adopt(part, as: program()))
    }

    private func path(_ result: Result<String, RayError>?) -> String? {
        if case .success(let path)? = result { path } else { nil }
    }

    private func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    @Test("One that was brought is kept under its hash until it is removed, and is brought again then")
    func life() throws {
        let node = node("1")
        #expect(node.find(program()) == nil)
        for _ in 0..<2 {
            let kept = try #require(bring(script, to: node))
            #expect(kept == node.path(of: hash) && access(kept, X_OK) == 0)
            #expect(path(node.find(program())) == kept)
            node.remove(hash)
            #expect(!exists(kept) && node.find(program()) == nil)
        }
    }

    @Test("A node removes no other node's, though they are of one session")
    func twoNodes() throws {
        let nodes = [node("1"), node("2")]
        let kept = nodes.map { bring(script, to: $0) }
        nodes[0].remove(hash)
        #expect(nodes[0].find(program()) == nil)
        #expect(path(nodes[1].find(program())) == kept[1] && kept[1] != nil)
        // Neither is found by the other: each must be free to remove its own.
        nodes[1].remove(hash)
        let third = node("3")
        #expect(bring(script, to: nodes[0]) != nil && third.find(program()) == nil)
    }

    @Test("The archive's and the program's own file are used where they are, and stay")
    func elsewhere() throws {
        let node = node("1")
        for place in [session.path + "/built", archive + "/" + hash] {
            #expect(writeFile(place, script) && chmod(place, 0o700) == 0)
            #expect(path(node.find(program(at: session.path + "/built"))) == place)
            node.remove(hash)
            #expect(exists(place))
        }
        // The archive may remove its file at any time.
        unlink(archive + "/" + hash)
        #expect(path(node.find(program(at: session.path + "/built"))) == session.path + "/built")
    }

    @Test("What is named by its path has no file of its own to be removed")
    func others() throws {
        let node = node("1")
        for name in ["python", "../1/python", String(repeating: "x", count: 64)] {
            let place = session.path + "/1/" + name
            #expect(writeFile(place, script))
            node.remove(name)
            #expect(exists(place))
        }
    }

    @Test("What is not what was sent, or cannot run here, is not taken")
    func refused() {
        let node = node("1")
        #expect(bring("#!/bin/sh\nexit 1\n", to: node) == nil && node.find(program()) == nil)
        let text = "not a program"
        let part = node.path(of: hash) + ".part"
        #expect(writeFile(part, text))
        let other = program(hash: sha256(Array(text.utf8)))
        #expect(path(node.adopt(part, as: other)) == nil)
        #expect(path(node.find(program(hash: "../1"))) == nil)
    }
}
