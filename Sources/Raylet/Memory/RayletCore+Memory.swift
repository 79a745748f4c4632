//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// How much memory the node uses, and of how much.
package struct MemoryReading: Hashable, Sendable {
    /// A process and the memory that it has to itself and shares, in bytes.
    package struct User: Hashable, Sendable {
        package var processID: Int32
        package var bytes: Int
        package var command: String

        package init(processID: Int32, bytes: Int, command: String) {
            self.processID = processID
            self.bytes = bytes
            self.command = command
        }
    }

    package var usedBytes: Int
    package var limitBytes: Int
    /// Where the numbers are from, for people.
    package var source: String
    /// The processes of the machine; only needed where the limit is near.
    package var users: [User]

    package init(usedBytes: Int, limitBytes: Int, source: String, users: [User] = []) {
        self.usedBytes = usedBytes
        self.limitBytes = limitBytes
        self.source = source
        self.users = users
    }
}

/// When workers are killed for memory.
package struct MemorySettings: Hashable, Sendable {
    /// Share of the limit in use beyond which a worker is killed.
    package var threshold = 0.95
    /// Bytes that may stay free at most before the share counts; nothing means that the share alone counts.
    package var freeBytesMin: Int?

    package init() {}

    /// Whether a worker must be killed at this reading.
    package func isOver(_ reading: MemoryReading) -> Bool {
        MemoryPolicy.isOver(
            used: reading.usedBytes, limit: reading.limitBytes, threshold: threshold, freeBytesMin: freeBytesMin)
    }
}

extension RayletCore {
    private static let usersNamed = 10

    /// Kills one worker if too much memory is used, and waits for its end before it looks for another.
    mutating func checkMemory(
        _ reading: MemoryReading, at now: Instant, into effects: inout [RayletEffect]
    ) {
        guard settings.memory.isOver(reading),
            !pool.workers.values.contains(where: { $0.state == .killed && $0.memoryError != nil })
        else { return }
        let candidates = pool.order.compactMap { token -> MemoryCandidate? in
            guard let worker = pool[token], case .leased(let id) = worker.state, let lease = leases[id] else {
                return nil
            }
            // The raylet sees leases, not tasks: tasks are taken as run again, actors as not.
            return MemoryCandidate(
                token: token, owner: lease.owner.worker, isRetriable: lease.actor == nil, since: worker.since)
        }
        guard let victim = MemoryPolicy.victim(among: candidates), let worker = pool[victim.token] else { return }
        let error = RayError(.outOfMemory, outOfMemoryMessage(reading, worker, candidates.count))
        effects.append(.log(.warning, error.message))
        pool.update(victim.token) { $0.memoryError = error }
        if let address = worker.address {
            let killed = WorkerKilled(worker: address.worker, error: error)
            tellHead(.workerKilled(killed), into: &effects)
        }
        killWorker(token: victim.token, isIntended: false, at: now, into: &effects)
    }

    private func outOfMemoryMessage(_ reading: MemoryReading, _ worker: WorkerProcess, _ candidates: Int) -> String {
        let limit = reading.limitBytes
        let threshold = Int(
            MemoryPolicy.thresholdBytes(
                limit: limit, threshold: settings.memory.threshold, freeBytesMin: settings.memory.freeBytesMin))
        let processID = worker.processID ?? 0
        let own = reading.users.first { $0.processID == processID }
        let top = reading.users.sorted { ($1.bytes, $0.processID) < ($0.bytes, $1.processID) }.prefix(Self.usersNamed)
        let table = top.map { "    \($0.processID)\t\(Self.gigabytes($0.bytes))\t\($0.command)" }
        return """
            1 worker was killed due to the node running low on memory. Memory on the node (IP: \
            \(settings.info.address.host), ID: \(settings.info.address.node.hex)) was \
            \(Self.gigabytes(reading.usedBytes)) used / \(Self.gigabytes(limit)) limit, as \(reading.source) says.
            OOM kill reason: Memory usage \(reading.usedBytes)B exceeded threshold of \(threshold)B \
            (\(Self.percent(settings.memory.threshold)) of \(limit)B limit).
            Selected to kill out of \(candidates): pid=\(processID), actual memory used=\
            \(own.map { Self.gigabytes($0.bytes) } ?? "unknown").
            Top \(top.count) memory users (PID, memory, command):
            \(table.joined(separator: "\n"))
            To avoid it, use less memory per task or run fewer tasks at a time: ask for more CPUs per task, or for \
            `memory`. Set RAY_memory_usage_threshold to change when workers are killed, and \
            RAY_memory_monitor_refresh_ms=0 to have none killed.
            """
    }

    /// "1.50GB".
    private static func gigabytes(_ bytes: Int) -> String {
        let hundredths = bytes / 10_000_000
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)GB"
    }

    private static func percent(_ share: Double) -> String {
        let tenths = Int((share * 1_000).rounded())
        return "\(tenths / 10).\(tenths % 10)%"
    }
}
