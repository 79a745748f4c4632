//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayRaylet
import RayWire
import Testing

@Suite struct ProgramTests {
    private func removals(_ harness: RayletHarness) -> [String] {
        harness.effects.compactMap { if case .removeProgram(let key) = $0 { key } else { nil } }
    }

    private func fetches(_ harness: RayletHarness) -> Int {
        harness.effects.count { if case .fetchProgram = $0 { true } else { false } }
    }

    @Test("An executable goes when no lease and no process has used it for some time, and comes again for the next one")
    func unused() {
        var harness = RayletHarness { $0.programIdleMilliseconds = 10_000 }
        harness.assign(1)
        #expect(fetches(harness) == 1)
        let token = harness.wantedStarts[0]
        let processID = harness.spawn(token)
        _ = harness.ready(token, processID)
        for _ in 0..<30 { harness.tick(after: 1_000) }
        #expect(removals(harness).isEmpty, "a lease holds it")
        harness.gcs(.releaseLease(ReleaseLease(lease: lease(1), kill: true)))
        for _ in 0..<30 { harness.tick(after: 1_000) }
        #expect(removals(harness).isEmpty, "a process runs it, though it is to be killed")
        harness.give(.processExited(processID: processID, ProcessExit(signal: 9)))
        for _ in 0..<8 { harness.tick(after: 1_000) }
        #expect(removals(harness).isEmpty)
        for _ in 0..<4 { harness.tick(after: 1_000) }
        #expect(removals(harness).count == 1)
        _ = harness.take()
        harness.assign(2)
        #expect(fetches(harness) == 1 && harness.wantedStarts.count == 1)
    }

    @Test("One that is still being fetched stays, however long that takes")
    func fetching() {
        var harness = RayletHarness { $0.programIdleMilliseconds = 10_000 }
        harness.answersPrograms = false
        harness.assign(1)
        harness.gcs(.releaseLease(ReleaseLease(lease: lease(1), kill: false)))
        for _ in 0..<40 { harness.tick(after: 1_000) }
        harness.assign(2)
        #expect(removals(harness).isEmpty && fetches(harness) == 1)
    }

    @Test("One that could not be had is asked for again by the next lease; answers that nobody awaits change nothing")
    func failed() throws {
        var harness = RayletHarness()
        harness.answersPrograms = false
        harness.give(.programReady(key: "unknown", path: "/bin/unknown"))
        harness.assign(1)
        let keys = harness.effects.compactMap { if case .fetchProgram(let program) = $0 { program.key } else { nil } }
        let key = try #require(keys.first)
        harness.give(.programFailed(key: key, RayError(.runtimeEnvSetupFailed, "no")))
        #expect(harness.leaseFailed.map(\.lease) == [lease(1)])
        harness.give(.programReady(key: key, path: "/bin/late"))
        harness.assign(2)
        #expect(fetches(harness) == 2 && harness.wantedStarts.isEmpty)
        for path in ["/bin/first", "/bin/second"] { harness.give(.programReady(key: key, path: path)) }
        let paths = harness.effects.compactMap { if case .spawnWorker(let start) = $0 { start.path } else { nil } }
        #expect(paths == ["/bin/first"])
    }

    @Test("One from which no process could be started is looked for again")
    func gone() {
        var harness = RayletHarness()
        harness.assign(1)
        #expect(fetches(harness) == 1)
        harness.give(.spawnFailed(startToken: harness.wantedStarts[0], reason: "it is gone"))
        harness.assign(2)
        #expect(fetches(harness) == 2)
    }
}
