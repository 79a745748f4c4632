//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// Runs whole clusters under a seed.
package enum Simulation {
    /// Runs one cluster; equal arguments give equal reports.
    package static func run(seed: UInt64, options: SimulationOptions = SimulationOptions()) -> SimulationReport {
        let cluster = Cluster(seed: seed, options: options)
        defer { cluster.takeApart() }
        return cluster.run()
    }
}

extension Cluster {
    /// Ends the references between cluster and processes, so that the memory of a run goes with it.
    func takeApart() {
        for process in processes {
            process.links = [:]
            (process as? WorkerProcess)?.frames = [:]
        }
        for process in processByID.values { process.links = [:] }
        for raylet in raylets { raylet.forgetWorkers() }
        links = []
        processes = []
        processByID = [:]
        raylets = []
        gcs = nil
        queue = EventQueue()
    }
}
