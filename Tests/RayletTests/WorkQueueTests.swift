//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayNode
import Synchronization
import Testing

@Suite("Work queue", .timeLimit(.minutes(1)))
struct WorkQueueTests {
    @Test("Jobs are done one after the other; after the stop none begins")
    func order() throws {
        let done = Mutex<[Int]>([])
        let queue = try WorkQueue("test.queue")
        for number in 0..<100 { queue.add { done.withLock { $0.append(number) } } }
        while done.withLock({ $0.count }) < 100 {}
        #expect(queue.stop())
        queue.add { done.withLock { $0.append(-1) } }
        #expect(done.withLock { $0 } == Array(0..<100))
    }

    @Test("A job that does not end holds up the stop for its limit only")
    func limit() throws {
        let isHeld = Atomic(true)
        let hasBegun = Atomic(false)
        let queue = try WorkQueue("test.queue")
        queue.add {
            hasBegun.store(true, ordering: .releasing)
            while isHeld.load(ordering: .acquiring) {}
        }
        while !hasBegun.load(ordering: .acquiring) {}
        #expect(!queue.stop(within: 20))
        isHeld.store(false, ordering: .releasing)
        #expect(queue.stop())
    }
}
