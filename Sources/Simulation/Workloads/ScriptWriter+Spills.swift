//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// More values than stores hold.
extension ScriptWriter {
    /// Makes values, lets some go (perhaps while they are written), reads others, and in the end all that are left.
    mutating func spills() {
        var held: [(slot: Int, value: UInt64, isPut: Bool)] = []
        for _ in 0..<random(10...25) {
            let value = value()
            let bytes = random(200_000...600_000)
            if isOutside || random(0...1) == 0 {
                let program = TaskProgram.work(value: value, microseconds: random(50...3_000), bytes: bytes)
                held.append((submit(program, [], .value(value), retries: -1), value, false))
            } else {
                let slot = slot()
                operations.append(.put(value: value, bytes: bytes, into: slot))
                held.append((slot, value, true))
            }
            switch random(0...7) {
            case 0: operations.append(.release([held.remove(at: random(0...held.count - 1)).slot]))
            case 1:
                operations.append(.get([held[random(0...held.count - 1)].slot], timeoutMilliseconds: nil))
                operations.append(.letGo)
            case 2: operations.append(.compute(microseconds: random(50...20_000)))
            default: break
            }
        }
        while !held.isEmpty {
            let (slot, value, isPut) = held.remove(at: random(0...held.count - 1))
            // A put may have failed: then there is nothing that a task could be given.
            if random(0...2) == 0, !isPut {
                let own = self.value()
                let reader = submit(
                    .work(value: own, microseconds: random(50...2_000), bytes: 8), [.slot(slot)],
                    .value(own &+ value))
                operations.append(.release([slot]))
                getAndRelease([reader])
            } else {
                getAndRelease([slot])
            }
        }
    }
}
