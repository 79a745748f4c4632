//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// Counts words in text: maximal runs of ASCII letters, in lower case.
///
/// The words lie one after the other in one array and are found by an open-addressing table, so that counting
/// takes no memory per word.
struct WordTable {
    private var letters: [UInt8] = []
    private var entries: [(start: Int32, length: Int32, count: UInt64)] = []
    /// Indices into `entries` plus one; 0 is empty. A power of two, at most half full.
    private var slots = [Int32](repeating: 0, count: 1 << 12)

    /// Adds the words of a text.
    mutating func count(_ text: UnsafeRawBufferPointer) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.lengthMax) { word in
            var length = 0
            for byte in text {
                let lower = byte | 0x20
                if lower >= UInt8(ascii: "a"), lower <= UInt8(ascii: "z") {
                    if length < Self.lengthMax { word[length] = lower }
                    length += 1
                } else if length > 0 {
                    add(
                        UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(word)[..<min(length, Self.lengthMax)]),
                        1)
                    length = 0
                }
            }
            if length > 0 {
                add(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(word)[..<min(length, Self.lengthMax)]), 1)
            }
        }
    }

    /// Adds the counts of another part.
    mutating func merge(_ part: WordCounts) {
        part.letters.withUnsafeBytes { letters in
            var start = 0
            for (length, count) in zip(part.lengths, part.counts) {
                let end = start + Int(length)
                guard end <= letters.count else { return }
                add(UnsafeRawBufferPointer(rebasing: letters[start..<end]), count)
                start = end
            }
        }
    }

    /// All words with their counts.
    var counts: WordCounts {
        var result = WordCounts()
        result.letters = letters
        result.lengths = entries.map { UInt32($0.length) }
        result.counts = entries.map(\.count)
        return result
    }

    /// The most frequent words, those of equal count in alphabetical order.
    func top(_ limit: Int) -> [WordCount] {
        let words = entries.map { entry in
            let end = Int(entry.start + entry.length)
            return WordCount(
                word: String(decoding: letters[Int(entry.start)..<end], as: UTF8.self), count: Int(entry.count))
        }
        return Array(words.sorted { ($1.count, $0.word) < ($0.count, $1.word) }.prefix(limit))
    }

    /// Longer words are cut: nobody's language has them, but encoded data in text files does.
    private static let lengthMax = 1 << 16

    private mutating func add(_ word: UnsafeRawBufferPointer, _ count: UInt64) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in word { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        var slot = Int(truncatingIfNeeded: hash ^ (hash >> 32)) & (slots.count - 1)
        while slots[slot] != 0 {
            let index = Int(slots[slot]) - 1
            if isEqual(index, word) {
                entries[index].count += count
                return
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        entries.append((Int32(letters.count), Int32(word.count), count))
        letters.append(contentsOf: word)
        slots[slot] = Int32(entries.count)
        if entries.count * 2 > slots.count { grow() }
    }

    private func isEqual(_ index: Int, _ word: UnsafeRawBufferPointer) -> Bool {
        let entry = entries[index]
        guard Int(entry.length) == word.count else { return false }
        let start = Int(entry.start)
        for offset in 0..<word.count where letters[start + offset] != word[offset] { return false }
        return true
    }

    private mutating func grow() {
        var larger = [Int32](repeating: 0, count: slots.count * 2)
        for (index, entry) in entries.enumerated() {
            var hash: UInt64 = 0xcbf2_9ce4_8422_2325
            for byte in letters[Int(entry.start)..<Int(entry.start + entry.length)] {
                hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
            }
            var slot = Int(truncatingIfNeeded: hash ^ (hash >> 32)) & (larger.count - 1)
            while larger[slot] != 0 { slot = (slot + 1) & (larger.count - 1) }
            larger[slot] = Int32(index + 1)
        }
        slots = larger
    }
}

/// Words of a part of the input with their counts, as they travel between processes.
struct WordCounts: Codable, Sendable {
    /// All words, one after the other.
    var letters: [UInt8] = []
    var lengths: [UInt32] = []
    var counts: [UInt64] = []
    /// The node and process that counted.
    var place = ""
}

/// A word and how often it occurs.
struct WordCount: Codable, Sendable, Equatable {
    var word: String
    var count: Int
}
