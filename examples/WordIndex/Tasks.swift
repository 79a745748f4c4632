//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray

/// Reads the text files of a batch. The text, some megabytes, goes into the object store of the node.
@Remote func readText(_ batch: Batch) -> Text {
    var text = Text(bytes: [], files: 0, unreadable: [])
    text.bytes.reserveCapacity(batch.bytes + batch.paths.count)
    for path in batch.paths {
        switch appendText(of: path, to: &text.bytes) {
        case true?: text.files += 1
        case false?: break
        case nil: text.unreadable.append(path)
        }
    }
    return text
}

/// Counts the words of a text; runs where the text is, if there is room.
@Remote func countWords(_ text: Text) -> WordCounts {
    var table = WordTable()
    text.bytes.withUnsafeBytes { table.count($0) }
    var counts = table.counts
    counts.place = "\((try? ray.context.nodeID.prefix(8)) ?? "") pid \(getpid())"
    return counts
}

/// What is small of a text, so that the driver does not fetch the rest.
@Remote func summary(_ text: Text) -> Summary {
    Summary(files: text.files, bytes: text.bytes.count - text.files, unreadable: text.unreadable)
}

/// Figures of one batch.
struct Summary: Codable, Sendable {
    var files: Int
    var bytes: Int
    var unreadable: [String]
}

/// Adds counts up. If its process dies it is started again, empty: `epoch` tells the driver.
@RemoteActor actor Merger {
    private var table = WordTable()
    private var merged: Set<Int> = []
    private var places: [String: Int] = [:]
    /// Differs for each start of the actor.
    private let epoch = UInt64.random(in: .min ... .max)

    /// Adds the counts of a batch, once; the epoch in which that was.
    func merge(batch: Int, _ counts: WordCounts) -> UInt64 {
        if merged.insert(batch).inserted {
            table.merge(counts)
            places[counts.place, default: 0] += 1
        }
        return epoch
    }

    /// The most frequent words, and which batches are among them.
    func result(top: Int) -> Merged {
        Merged(epoch: epoch, batches: merged.sorted(), top: table.top(top), places: places)
    }
}

/// What the merger has.
struct Merged: Codable, Sendable {
    var epoch: UInt64
    var batches: [Int]
    var top: [WordCount]
    /// How many batches were counted where.
    var places: [String: Int]
}
