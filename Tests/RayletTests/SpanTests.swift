//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayRaylet
import RayWire
import Testing

@Suite("Recording transfers and the disk") struct SpanTests {
    private func harness() -> RayletHarness {
        RayletHarness {
            $0.trace.isEnabled = true
            $0.trace.unixOffset = 500
        }
    }

    private func spans(_ harness: inout RayletHarness) -> [NodeSpan] {
        harness.take().flatMap { effect -> [NodeSpan] in
            guard case .send(.nodeSpans(let report), _, .gcs) = effect else { return [] }
            return report.spans
        }
    }

    @Test("A transfer is told with its source, its size and its times; what is here already is none")
    func transfer() {
        var harness = harness()
        let driver = harness.driver()
        harness.give(.peerUp(place(2)))
        harness.tick(after: 1_000)
        _ = harness.take()
        let began = harness.now
        harness.send(TransferTests.fetch(1, [2]), from: driver)
        harness.now = harness.now.advanced(milliseconds: 20)
        #expect(TransferTests.serve(&harness, 2, TransferTests.bytes(1_500_000)) == 2)
        harness.send(TransferTests.fetch(1, [2]), from: driver)
        harness.tick(after: 1_000)
        let told = spans(&harness)
        #expect(
            told == [
                NodeSpan(
                    kind: .transfer, object: object(1), byteCount: 1_500_000, source: node(2),
                    started: began.nanoseconds + 500, ended: began.nanoseconds + 20_000_500)
            ])
        harness.tick(after: 1_000)
        #expect(spans(&harness).isEmpty)
    }

    @Test("Uses of the disk are told, failures as such; what is too much is counted")
    func disk() {
        var harness = harness()
        harness.tick(after: 1_000)
        _ = harness.take()
        var work = DiskWork(isRestore: false, object: object(1), objectCount: 3, byteCount: 9, began: harness.now)
        work.hasFailed = true
        work.ended = harness.now.advanced(milliseconds: 1)
        for _ in 0..<10_005 { harness.give(.diskUsed(work)) }
        var all: [NodeSpan] = []
        var dropped = 0
        for _ in 0..<12 {
            harness.tick(after: 1_000)
            for case .send(.nodeSpans(let report), _, .gcs) in harness.take() {
                all += report.spans
                dropped += report.dropped
            }
        }
        #expect(all.count == 10_000 && dropped == 5)
        #expect(all.first?.kind == .spill && all.first?.objectCount == 3 && all.first?.hasFailed == true)
    }
}
