//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RaySimulation
import Testing

extension SimulationTests {
    @Suite("Planted faults")
    struct PlantedFaultTests {
        @Test(
            "The first 500 seeds find every fault that is planted", .timeLimit(.minutes(5)),
            arguments: [
                (SimulationPlantedFault.grantTwice, nil, "is not total"),
                (.lostReply, nil, "hangs"),
                (.dropPinEarly, nil, "which is still read, is given to"),
                (.answerEarly, nil, "was freed while"),
                (.silentCopy, nil, "holds"),
                (.shortLineage, .shuffle, "no fault explains: objectUnreconstructable"),
                (.politeRebuild, .shuffle, "hangs"),
                (.deafCancel, .cancels, "hangs"),
                (.skippedRebuild, .generators, "no fault explains: streamingGeneratorReplayInconsistent"),
                (.keepLetGo, .spills, "the disk of"),
            ] as [(SimulationPlantedFault, SimulationWorkload?, String)])
        func found(fault: SimulationPlantedFault, workload: SimulationWorkload?, words: String) {
            var options = SimulationOptions()
            options.plantedFault = fault
            options.workload = workload
            for seed in UInt64(1)...500 {
                let report = Simulation.run(seed: seed, options: options)
                if let failure = report.failure, failure.contains(words) {
                    #expect(!report.trace.isEmpty)
                    return
                }
            }
            Issue.record("no seed found the planted fault \(fault)")
        }
    }
}
