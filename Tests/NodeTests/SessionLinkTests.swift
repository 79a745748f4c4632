//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import RayNode
import Testing

@Suite struct SessionLinkTests {
    /// A folder of its own for sessions, gone afterwards.
    private func withRoot(_ body: (String) throws -> Void) throws {
        let root = "/tmp/st-\(UInt32.random(in: .min ... .max))"
        defer { removeTree(root) }
        try body(root)
    }

    private func latest(under root: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 1000)
        let count = readlink(root + "/session_latest", &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    @Test("The link leads to a session that is ready; what is removed gives it back to the newest that lives")
    func link() throws {
        try withRoot { root in
            let living = try SessionDirectory.create(under: root)
            #expect(latest(under: root) == nil)
            living.becomeLatest()
            living.note(role: "raylet", processID: getpid())
            let ended = try SessionDirectory.create(under: root)
            let last = try SessionDirectory.create(under: root)
            #expect(latest(under: root) == living.name)
            ended.remove()
            #expect(latest(under: root) == living.name)
            last.becomeLatest()
            #expect(latest(under: root) == last.name)
            last.remove()
            #expect(latest(under: root) == living.name)
            living.remove()
            #expect(latest(under: root) == nil && listDirectory(root).isEmpty)
        }
    }

    @Test("A process is noted in a session of Ray's own Python, too, which has no folder for that")
    func notes() throws {
        try withRoot { root in
            let session = try SessionDirectory.create(under: root)
            removeTree(session.processes)
            #expect(session.notedProcesses().isEmpty)
            session.note(role: "gcs_server", processID: getpid())
            session.note(headHost: "10.0.0.1", port: "6379")
            #expect(session.notedProcesses().map(\.processID) == [getpid()])
            #expect(readFile(session.path + "/head_address") == "10.0.0.1:6379\n")
        }
    }
}
