//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayObjectStore
import Testing

@Suite struct RangeAllocatorTests {
    @Test("Fifty thousand random operations keep the bookkeeping right", arguments: [1, 2, 3] as [UInt64])
    func random(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        var allocator = RangeAllocator(capacity: 1 << 20)
        var held: [(offset: Int, size: Int)] = []
        // Expectations cost far more than what they look at here.
        var isRight = true
        for step in 0..<50_000 {
            if held.isEmpty || Int.random(in: 0..<100, using: &generator) < 52 {
                let size = Int.random(in: 0..<8_000, using: &generator)
                let largest = allocator.largestFree
                if let offset = allocator.allocate(size) {
                    let rounded = RangeAllocator.rounded(size)!
                    isRight = isRight && offset.isMultiple(of: 64)
                    held.append((offset, rounded))
                } else {
                    isRight = isRight && RangeAllocator.rounded(size)! > largest
                }
            } else {
                let range = held.swapRemove(at: Int.random(in: 0..<held.count, using: &generator))
                allocator.free(offset: range.offset, size: range.size)
            }
            guard step.isMultiple(of: 500) else { continue }
            #expect(allocator.violation == nil)
            #expect(allocator.used == held.reduce(0) { $0 + $1.size })
            let sorted = held.sorted { $0.offset < $1.offset }
            for (left, right) in zip(sorted, sorted.dropFirst()) {
                isRight = isRight && left.offset + left.size <= right.offset
            }
        }
        #expect(isRight)
        for range in held { allocator.free(offset: range.offset, size: range.size) }
        #expect(allocator.used == 0)
        #expect(allocator.freeRangeCount == 1)
        #expect(allocator.largestFree == 1 << 20)
    }

    @Test("Touched room is used before fresh room")
    func prefersRecycled() {
        var allocator = RangeAllocator(capacity: 1 << 20)
        let first = allocator.allocate(1_000)!
        _ = allocator.allocate(1_000)
        let frontier = allocator.frontier
        allocator.free(offset: first, size: 1_024)
        #expect(allocator.allocate(960) == first)
        #expect(allocator.frontier == frontier)
    }

    @Test("The smallest range that fits is taken")
    func bestFit() {
        var allocator = RangeAllocator(capacity: 1 << 20)
        let sizes = [4_096, 64, 1_024, 64, 2_048, 64]
        let offsets = sizes.map { allocator.allocate($0)! }
        for index in [0, 2, 4] { allocator.free(offset: offsets[index], size: sizes[index]) }
        #expect(allocator.allocate(900) == offsets[2])
        #expect(allocator.allocate(1_100) == offsets[4])
    }

    @Test("A free range at the frontier is continued into fresh room")
    func continuesAtFrontier() {
        var allocator = RangeAllocator(capacity: 8_192)
        _ = allocator.allocate(64)
        let last = allocator.allocate(1_024)!
        allocator.free(offset: last, size: 1_024)
        #expect(allocator.allocate(8_192 - 64) == last)
        #expect(allocator.allocate(1) == nil)
    }

    @Test("Sizes that do not fit are refused")
    func refuses() {
        var allocator = RangeAllocator(capacity: 4_096)
        #expect(allocator.allocate(4_097) == nil)
        #expect(allocator.allocate(-1) == nil)
        #expect(allocator.allocate(.max) == nil)
        #expect(allocator.allocate(4_096) == 0)
    }
}

extension Array {
    /// Removes an element without keeping the order.
    fileprivate mutating func swapRemove(at index: Int) -> Element {
        swapAt(index, count - 1)
        return removeLast()
    }
}
