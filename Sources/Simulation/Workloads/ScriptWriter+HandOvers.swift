//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

extension ScriptWriter {
    /// Values are handed to an actor, small and large, put and made, alone and with a reference inside; what their owners
    /// have of them is let go before they are read.
    mutating func handOvers() {
        let actor = slot()
        operations.append(.createActor(into: actor, restarts: random(0...2), taskRetries: 1))
        var handed: [Int] = []
        for _ in 0..<random(1...5) {
            let source = handedValue()
            let target = slot()
            operations.append(.handOver(source, to: actor, into: target))
            operations.append(.release([source]))
            if random(0...3) == 0 {
                // From actor to actor, or the same once more.
                let next = slot()
                operations.append(.handOver(target, to: actor, into: next))
                operations.append(.release([target]))
                handed.append(next)
            } else {
                handed.append(target)
            }
            if random(0...2) == 0 { operations.append(.compute(microseconds: random(10...20_000))) }
        }
        operations.append(.get(handed, timeoutMilliseconds: nil))
        // What was inside the last of them that had something.
        operations.append(.get([1_000], timeoutMilliseconds: nil))
        operations.append(.letGo)
        operations.append(.release(handed + [1_000]))
    }

    private mutating func handedValue() -> Int {
        let value = value()
        let isLarge = random(0...1) == 0 && !isOutside
        let bytes = isLarge ? random(110_000...400_000) : 8
        switch random(0...2) {
        case 0:
            let slot = slot()
            operations.append(.put(value: value, bytes: bytes, into: slot))
            return slot
        case 1: return submit(.work(value: value, microseconds: random(10...4_000), bytes: bytes), [], .value(value))
        default:
            let inner = submit(.work(value: 7, microseconds: random(10...2_000), bytes: 8), [], .value(7))
            let outer = submit(.wrap(value: value, bytes: bytes), [.nested(inner)], .value(value))
            operations.append(.release([inner]))
            return outer
        }
    }
}
