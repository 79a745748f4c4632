//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// Gives out ranges of an offset space: best fit among ranges used before, fresh room only when none of them fits.
///
/// Writing to a page for the first time costs ten times as much as writing to it again, so room below the *frontier*
/// (the highest offset ever given out) is preferred. Every size is rounded up to `alignment`. Neighbouring free
/// ranges are always joined. Allocating and freeing cost O(log n) in the free ranges of similar size, plus moving the
/// tail of one short array.
package struct RangeAllocator: Sendable {
    /// Every range begins at a multiple of this and has a multiple of it as size.
    package static let alignment = 64

    /// Bytes that can be given out in all.
    package let capacity: Int
    /// Bytes that are given out.
    package private(set) var used = 0
    /// One past the highest offset that was ever given out: below are touched pages, above fresh ones.
    package private(set) var frontier = 0

    /// Free ranges below the frontier, by size class, each class in order of size, then offset.
    private var bins: [[FreeRange]]
    /// Which bins hold something, one bit each.
    private var occupied: [UInt64]
    private var sizeByStart: [Int: Int] = [:]
    private var startByEnd: [Int: Int] = [:]

    private struct FreeRange: Comparable, Sendable {
        var size: Int
        var offset: Int

        static func < (lhs: FreeRange, rhs: FreeRange) -> Bool {
            (lhs.size, lhs.offset) < (rhs.size, rhs.offset)
        }
    }

    /// An allocator for `capacity` bytes, rounded down to the alignment.
    package init(capacity: Int) {
        precondition(capacity >= 0, "a capacity is not negative")
        self.capacity = capacity / Self.alignment * Self.alignment
        bins = Array(repeating: [], count: Self.binCount)
        occupied = Array(repeating: 0, count: Self.binCount / 64)
    }

    /// `size` as it is given out: a positive multiple of the alignment, or nothing if it exceeds any capacity.
    package static func rounded(_ size: Int) -> Int? {
        guard size >= 0, size <= Int.max - alignment else { return nil }
        return max(alignment, (size + alignment - 1) / alignment * alignment)
    }

    /// Takes a range of `size` bytes (rounded up); its offset, or nothing if no free range is large enough.
    package mutating func allocate(_ size: Int) -> Int? {
        guard let wanted = Self.rounded(size), wanted <= capacity - used else { return nil }
        if let range = takeBestFit(wanted) {
            if range.size > wanted { insert(offset: range.offset + wanted, size: range.size - wanted) }
            used += wanted
            return range.offset
        }
        return allocateAtFrontier(wanted)
    }

    /// Gives back `size` bytes at `offset`: a whole range as given out, or a part of one.
    package mutating func free(offset: Int, size: Int) {
        precondition(offset >= 0 && size > 0 && offset.isMultiple(of: Self.alignment), "a range that was given out")
        precondition(size.isMultiple(of: Self.alignment), "a range that was given out has a rounded size")
        precondition(offset + size <= frontier && size <= used, "the range ends beyond what was given out")
        used -= size
        var start = offset
        var end = offset + size
        if let before = startByEnd[start] {
            remove(offset: before)
            start = before
        }
        if let after = sizeByStart[end] {
            remove(offset: end)
            end += after
        }
        insert(offset: start, size: end - start)
    }

    /// Size of the largest range that could be given out now.
    package var largestFree: Int {
        var largest = capacity - frontier
        if let tail = startByEnd[frontier] { largest += frontier - tail }
        for bin in bins.reversed() {
            if let last = bin.last { return max(largest, last.size) }
        }
        return largest
    }

    /// Number of free ranges below the frontier.
    package var freeRangeCount: Int { sizeByStart.count }

    // MARK: Frontier

    private mutating func allocateAtFrontier(_ wanted: Int) -> Int? {
        // A free range that touches the frontier is continued, so that fewer fresh pages are used.
        let tail = startByEnd[frontier]
        let start = tail ?? frontier
        guard wanted <= capacity - start else { return nil }
        if tail != nil { remove(offset: start) }
        frontier = start + wanted
        used += wanted
        return start
    }

    // MARK: Bins

    /// Four classes for each power of two.
    private static let binCount = 256

    private static func bin(_ size: Int) -> Int {
        let power = Int.bitWidth - 1 - size.leadingZeroBitCount
        return power < 2 ? power * 4 : power * 4 + ((size >> (power - 2)) & 3)
    }

    private mutating func takeBestFit(_ wanted: Int) -> FreeRange? {
        var index = Self.bin(wanted)
        let position = Self.position(of: FreeRange(size: wanted, offset: 0), in: bins[index])
        if position < bins[index].count {
            return take(bin: index, position: position)
        }
        // Every range in a higher class is large enough; the first of the next class in use is the smallest.
        index += 1
        while index < Self.binCount {
            let word = occupied[index / 64] >> UInt64(index % 64)
            if word == 0 {
                index = (index / 64 + 1) * 64
            } else {
                return take(bin: index + word.trailingZeroBitCount, position: 0)
            }
        }
        return nil
    }

    private mutating func take(bin: Int, position: Int) -> FreeRange {
        let range = bins[bin][position]
        removeIndexes(range)
        bins[bin].remove(at: position)
        if bins[bin].isEmpty { occupied[bin / 64] &= ~(1 << UInt64(bin % 64)) }
        return range
    }

    private mutating func insert(offset: Int, size: Int) {
        let range = FreeRange(size: size, offset: offset)
        let bin = Self.bin(size)
        bins[bin].insert(range, at: Self.position(of: range, in: bins[bin]))
        occupied[bin / 64] |= 1 << UInt64(bin % 64)
        sizeByStart[offset] = size
        startByEnd[offset + size] = offset
    }

    private mutating func remove(offset: Int) {
        guard let size = sizeByStart[offset] else { preconditionFailure("no free range begins here") }
        let bin = Self.bin(size)
        let position = Self.position(of: FreeRange(size: size, offset: offset), in: bins[bin])
        _ = take(bin: bin, position: position)
    }

    private mutating func removeIndexes(_ range: FreeRange) {
        sizeByStart[range.offset] = nil
        startByEnd[range.offset + range.size] = nil
    }

    /// Where `range` is or belongs in a sorted bin.
    private static func position(of range: FreeRange, in bin: [FreeRange]) -> Int {
        var low = 0
        var high = bin.count
        while low < high {
            let middle = (low + high) / 2
            if bin[middle] < range { low = middle + 1 } else { high = middle }
        }
        return low
    }

    // MARK: Invariants

    /// The free ranges in order of offset, the fresh room not among them.
    package var freeRanges: [(offset: Int, size: Int)] {
        bins.joined().map { (offset: $0.offset, size: $0.size) }.sorted { $0.offset < $1.offset }
    }

    /// What is wrong with the bookkeeping, or nothing.
    package var violation: String? {
        var free = 0
        var end = -1
        for range in freeRanges {
            if range.offset <= end { return "free ranges overlap or touch at \(range.offset)" }
            if sizeByStart[range.offset] != range.size { return "a free range at \(range.offset) is not indexed" }
            end = range.offset + range.size
            if startByEnd[end] != range.offset { return "a free range before \(end) is not indexed" }
            free += range.size
        }
        if end > frontier { return "a free range ends beyond the frontier" }
        if sizeByStart.count != startByEnd.count { return "the two indexes of free ranges differ" }
        if used + free != frontier { return "\(used) used and \(free) free bytes are not the \(frontier) touched ones" }
        if frontier > capacity { return "the frontier is beyond the capacity" }
        return nil
    }
}
