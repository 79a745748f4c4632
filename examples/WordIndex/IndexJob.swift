//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray

/// Runs the pipeline read → count → merge for all batches, and again what was lost with a worker or a node.
struct IndexJob {
    /// Batches under way at the same time: enough to keep the cluster busy, few enough for the object store.
    private static let windowMax = 8

    private struct UnderWay {
        var batch: Batch
        var summary: ObjectRef<Summary>
        var merged: ObjectRef<UInt64>
    }

    let batches: [Batch]
    let showsProgress: Bool
    private(set) var summaries: [Int: Summary] = [:]
    /// Batches that were run again after a failure.
    private(set) var retried = 0

    init(batches: [Batch], showsProgress: Bool) {
        self.batches = batches
        self.showsProgress = showsProgress
    }

    /// The result when all batches are merged.
    ///
    /// - Throws: what the cluster says, if it goes on for 50 rounds without an end.
    mutating func run(top: Int) async throws -> Merged {
        let merger = ray.remote(Merger.self).options(maxRestarts: -1).remote()
        var missing = batches
        var lastError: (any Error)?
        for _ in 0..<50 {
            lastError = await run(missing, merger) ?? lastError
            do {
                let merged = try await ray.get(merger.result(top: top), timeout: .seconds(60))
                let done = Set(merged.batches)
                missing = batches.filter { !done.contains($0.id) || summaries[$0.id] == nil }
                if missing.isEmpty {
                    progress(done.count, isEnd: true)
                    return merged
                }
            } catch {
                lastError = error
            }
            retried += missing.count
        }
        throw lastError ?? IncompleteIndex(missing: missing.count)
    }

    /// Runs some batches through the pipeline; the last failure, if any.
    private mutating func run(_ batches: [Batch], _ merger: Merger.Handle) async -> (any Error)? {
        var waiting = batches[...]
        var underWay: [UnderWay] = []
        var failure: (any Error)?
        while !waiting.isEmpty || !underWay.isEmpty {
            while underWay.count < Self.windowMax, let batch = waiting.popFirst() {
                let text = ray.remote(readText)(batch)
                let counts = ray.remote(countWords)(text)
                underWay.append(
                    UnderWay(
                        batch: batch, summary: ray.remote(summary)(text),
                        merged: merger.merge(batch: batch.id, counts)))
            }
            let next = underWay.removeFirst()
            do {
                _ = try await ray.get(next.merged)
                summaries[next.batch.id] = try await ray.get(next.summary)
            } catch {
                failure = error
            }
            progress(summaries.count, isEnd: false)
        }
        return failure
    }

    private func progress(_ done: Int, isEnd: Bool) {
        guard showsProgress else { return }
        let bytes = batches.filter { summaries[$0.id] != nil }.reduce(0) { $0 + $1.bytes }
        writeError("\r\(done)/\(batches.count) batches, \(bytes / 1_000_000) MB\(isEnd ? "\n" : "")")
    }
}

/// The index could not be completed, though nothing failed.
struct IncompleteIndex: Error {
    var missing: Int
}
