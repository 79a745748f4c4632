//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// Which part of the machine a worker process gets: accelerators, and CPUs of one memory node.
extension RayletCore {
    /// Has idle processes end whose devices another kind of process is about to use: they keep what they have allocated
    /// there as long as they live.
    mutating func clearAccelerators(for key: PoolKey, at now: Instant, into effects: inout [RayletEffect]) {
        guard !key.acceleratorIDs.isEmpty else { return }
        for token in pool.idleWorkers {
            guard let worker = pool[token], worker.key != key,
                worker.key.acceleratorIDs.contains(where: key.acceleratorIDs.contains)
            else { continue }
            askToLeave(token, reason: "its accelerator is needed for other work", at: now, into: &effects)
        }
    }

    /// Whether a lease says that it needs no more CPUs than each memory node has.
    ///
    /// One that holds no CPU has not said how many it uses: it gets the whole machine.
    func fitsMemoryNode(_ held: ResourceSet) -> Bool {
        guard settings.memoryNodes.count > 1, let smallest = settings.memoryNodes.map(\.cpus.count).min() else {
            return false
        }
        let cpu = held[ResourceSet.cpu]
        return cpu > .zero && cpu <= ResourceAmount(Double(smallest))
    }

    /// The memory node for a new process: the one with the fewest, of these the first.
    func memoryNode(for key: PoolKey) -> MemoryNode? {
        guard key.isOnOneMemoryNode else { return nil }
        var counts: [Int: Int] = [:]
        for worker in pool.workers.values where !worker.isDead {
            if let number = worker.memoryNode?.number { counts[number, default: 0] += 1 }
        }
        return settings.memoryNodes.min { counts[$0.number, default: 0] < counts[$1.number, default: 0] }
    }
}
