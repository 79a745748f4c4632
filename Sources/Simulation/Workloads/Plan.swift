//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayObjectStore

/// All that is decided before a run: how large the cluster is, what its drivers do, and when something fails.
struct Plan {
    struct Node {
        var cpuCount: Int
        var storeCapacity: Int
    }

    struct Driver {
        /// Which node it runs on; nothing for one outside the cluster.
        var nodeIndex: Int?
        var script: [Operation]
    }

    let seed: UInt64
    let workload: SimulationWorkload
    var nodes: [Node] = []
    var drivers: [Driver] = []
    /// Numbers of the events at which something fails, in order.
    var faultEvents: [Int] = []
    /// Whether links between nodes lose and repeat single frames.
    var losesFrames = false
    var lossPerMille = 0
    /// How many of a hundred faults are broken connections.
    var cutPercent = 0
    /// Whether some faults are silences.
    var fallsSilent = false
    var chunkBytes = 1 << 20
    /// When stores write to disk; only where the workload is about that.
    var spilling: SpillPolicy?
    /// When stores take their fallback file; only there, too.
    var fallback: FallbackPolicy?
    /// How long after the last driver the cluster may take to come to rest.
    var settleMilliseconds = 3_000

    /// Workloads that came later: they have tens of their own, so that seeds that once failed mean what they did.
    private static let later: [SimulationWorkload] = [.shuffle, .cancels, .generators, .spills, .groups, .handOvers]

    /// Each workload in turn.
    private static func workload(of seed: UInt64) -> SimulationWorkload {
        guard seed / 10 % 7 != 2 else { return later[Int(seed % UInt64(later.count))] }
        let others = SimulationWorkload.allCases.filter { !later.contains($0) }
        return others[Int(seed % UInt64(others.count))]
    }

    init(seed: UInt64, options: SimulationOptions) {
        self.seed = seed
        var generator = SplitMix64(seed: seed &* 0x9e37_79b9_7f4a_7c15 &+ 17)
        func random(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        workload = options.workload ?? Self.workload(of: seed)
        if workload == .spills {
            spilling = SpillPolicy()
            spilling?.batchBytesMin = 1 << 20
            fallback = FallbackPolicy()
            // With the usual grace the file is hardly ever taken.
            if seed.isMultiple(of: 2) { fallback?.graceMilliseconds = 20 }
        }
        let nodeCount = options.nodeCount ?? random(workload == .shuffle ? 2...4 : 1...4)
        let cpusMax = workload == .fibonacci ? 2 : 4
        for _ in 0..<nodeCount {
            nodes.append(
                Node(
                    cpuCount: options.cpuCount ?? random(1...cpusMax),
                    storeCapacity: random(workload == .spills ? 3...5 : 6...12) << 20))
        }
        chunkBytes = [64 << 10, 100_000, 1 << 20][random(0...2)]
        losesFrames = options.networkFails && random(0...1) == 1
        lossPerMille = options.plantedFault == .lostReply ? 20 : random(1...15)
        // A quarter of the seeds fails in nothing: then no error at all is right.
        let isQuiet = random(0...3) == 0
        let faultCount = isQuiet ? 0 : random(1...4)
        cutPercent = !options.networkFails ? 0 : options.killsMax == 0 ? 100 : 40
        let kinds =
            (options.killsMax > 0 ? options.killsMax : 0) + (options.networkFails ? 2 : 0) + (options.headDies ? 3 : 0)
        for _ in 0..<min(faultCount, kinds) {
            // Early ones hit starts, late ones whatever the workload does then.
            faultEvents.append(random(20...(40 << random(0...7))))
        }
        faultEvents.sort()
        // Of a generator of its own, so that what seeds meant before does not change.
        var other = SplitMix64(seed: seed ^ 0x51_1e27)
        fallsSilent = options.linksFallSilent ?? (other.next() % 3 == 0) && options.networkFails
        if !faultEvents.isEmpty || losesFrames || options.messageFault != nil { settleMilliseconds = 30_000 }
        let driverCount = options.driverCount ?? (workload == .longAmongShort ? 1 : random(1...3))
        for index in 0..<driverCount {
            let isChosenOutside = random(0...5) == 0
            let isOutside = options.areDriversOutside ?? isChosenOutside
            var writer = ScriptWriter(
                seed: seed &* 31 &+ UInt64(index), options: options, isOutside: isOutside, nodes: nodes,
                isCalm: faultEvents.isEmpty)
            writer.write(workload)
            drivers.append(Driver(nodeIndex: isOutside ? nil : random(0...3), script: writer.operations))
        }
    }
}
