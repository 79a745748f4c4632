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
            "The seeds of the sweep find every fault that is planted", .timeLimit(.minutes(5)),
            arguments: [
                (SimulationPlantedFault.grantTwice, "is not total"),
                (.lostReply, "hangs"),
                (.dropPinEarly, "which is still read, is given to"),
                (.answerEarly, "was freed while"),
                (.silentCopy, "holds"),
                (.shortLineage, "no fault explains: objectUnreconstructable"),
            ])
        func found(fault: SimulationPlantedFault, words: String) {
            var options = SimulationOptions()
            options.plantedFault = fault
            for seed in UInt64(1)...200 {
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
