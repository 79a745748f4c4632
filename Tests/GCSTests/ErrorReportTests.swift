//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayGCS
import RayWire
import Testing

@Suite("What drivers are told of errors that are no call's result") struct ErrorReportTests {
    private func cluster() -> GCSHarness {
        var harness = GCSHarness.cluster()
        harness.send(.subscribe(Subscribe(channel: ErrorReport.channel)), from: driver(1))
        harness.effects = []
        return harness
    }

    private func reports(_ harness: GCSHarness) -> [ErrorReport] {
        harness.messages(to: driver(1)).compactMap { message in
            guard case .published(let published) = message else { return nil }
            return ErrorReport(published)
        }
    }

    @Test("A worker that crashed, not one that was to end or ended by itself") func workers() {
        var harness = cluster()
        for index: UInt32 in 1...2 {
            harness.request(lease(index), from: driver(1))
            harness.ready(lease(index), worker: UInt64(index))
        }
        harness.exit(worker: 1, lease: lease(1), code: 0)
        #expect(reports(harness).isEmpty)
        harness.exit(worker: 2, lease: lease(2), code: 0, signal: 11)
        let report = reports(harness).first
        #expect(reports(harness).count == 1 && report?.type == "worker_died" && report?.job == JobID(1))
        #expect(report?.message.contains("was killed by signal 11 (SIGSEGV)") == true)
    }

    @Test("A node that was lost, not one that said goodbye") func nodes() {
        var harness = cluster()
        harness.join(1)
        harness.join(2)
        harness.give(.peerLost(raylet(1), reason: LinkCore.goodbyePrefix + "it was asked to end (SIGTERM)"))
        #expect(reports(harness).isEmpty)
        harness.give(.peerLost(raylet(2), reason: "no connection for 5 s"))
        let report = reports(harness).first
        #expect(reports(harness).count == 1 && report?.type == "node_removed" && report?.job == nil)
        #expect(report?.message.split(separator: " ")[5] == Substring(node(2).hex))
    }

    @Test("A node with many more workers than CPUs, again when there are a quarter more") func manyWorkers() {
        var harness = cluster()
        func report(_ count: Int) {
            let report = NodeReport(storeUsed: 0, storeCapacity: 1, objectCount: 0, workerCount: count)
            harness.send(.nodeReport(report), from: raylet(0))
        }
        report(23)
        #expect(reports(harness).isEmpty)
        report(24)
        report(27)
        #expect(reports(harness).map(\.type) == ["worker_pool_large"])
        report(28)
        #expect(reports(harness).count == 2)
    }
}
