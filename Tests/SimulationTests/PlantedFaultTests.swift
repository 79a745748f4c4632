//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RaySimulation
import Testing

extension SimulationTests {
    @Suite("Planted faults")
    struct PlantedFaultTests {
        /// A fault, where it shows, and a part of what the check that finds it says.
        struct Plant: Sendable {
            var fault: SimulationPlantedFault
            var workload: SimulationWorkload?
            var words: String
            var headDies = false
            var readsLate = false

            init(
                _ fault: SimulationPlantedFault, _ words: String, in workload: SimulationWorkload? = nil,
                headDies: Bool = false, readsLate: Bool = false
            ) {
                self.fault = fault
                self.workload = workload
                self.words = words
                self.headDies = headDies
                self.readsLate = readsLate
            }
        }

        static let plants = [
            Plant(.grantTwice, "is not total"),
            Plant(.lostReply, "hangs"),
            Plant(.dropPinEarly, "which is still read, is given to"),
            Plant(.answerEarly, "was freed while"),
            Plant(.silentCopy, "holds"),
            Plant(.shortLineage, "no fault explains: objectUnreconstructable", in: .shuffle),
            Plant(.politeRebuild, "hangs", in: .shuffle),
            Plant(.deafCancel, "hangs", in: .cancels),
            Plant(.skippedRebuild, "no fault explains: streamingGeneratorReplayInconsistent", in: .generators),
            Plant(.keepLetGo, "the disk of", in: .spills),
            Plant(.dropUnwritten, "is not in file", in: .spills),
            Plant(.keepBundles, "bundles are still reserved", in: .groups),
            Plant(.forgetBundles, "moves away from a node that lives", in: .groups, headDies: true),
            Plant(.endlessWait, "hangs", in: .groups),
            Plant(.heardTwice, "starts twice"),
            Plant(.trustSilence, "jobs still run"),
            Plant(.politeAbandon, "hangs", in: .cancels),
            Plant(.hastyEnd, "whose seal is under way", readsLate: true),
        ]

        @Test("The first 500 seeds find every fault that is planted", .timeLimit(.minutes(5)), arguments: plants)
        func found(plant: Plant) {
            var options = SimulationOptions()
            options.plantedFault = plant.fault
            options.workload = plant.workload
            options.headDies = plant.headDies
            options.readsLate = plant.readsLate
            for seed in UInt64(1)...500 {
                let report = Simulation.run(seed: seed, options: options)
                if let failure = report.failure, failure.contains(plant.words) {
                    #expect(!report.trace.isEmpty)
                    return
                }
            }
            Issue.record("no seed found the planted fault \(plant.fault)")
        }

        @Test("Every fault that can be planted is looked for")
        func allPlanted() {
            #expect(Set(Self.plants.map(\.fault)) == Set(SimulationPlantedFault.allCases))
        }
    }
}
