//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import ArgumentParser
internal import RayCore
internal import RaySimulation

/// `ray simulate`: whole clusters in one process under a seed, with faults; see docs/ARCHITECTURE.md.
package struct SimulateCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Run simulated clusters under seeds, with lost messages and killed processes, and check them.")

    @Option(help: "The first seed; the same seed gives the same run.")
    package var seed: UInt64

    @Option(help: "How many seeds, counted up from the first.")
    package var count: UInt64 = 1

    @Option(
        help: ArgumentHelp(
            "What the drivers do: \(SimulationWorkload.allCases.map(\.rawValue).joined(separator: ", ")).",
            discussion: "Without it the seed chooses."))
    package var workload: String?

    @Flag(help: "The head dies, too, and is started again from its journal.")
    package var headDies = false

    @Flag(help: "Processes of one node read some of what they say to each other late.")
    package var readsLate = false

    @Flag(help: "Drivers and workers read what has come together at once, before they act on the first of it.")
    package var readsTogether = false

    @Flag(help: "Nothing else fails.")
    package var nothingElse = false

    @Option(
        help: ArgumentHelp(
            "A fault that is built into a core, to see it found: "
                + "\(SimulationPlantedFault.allCases.map(\.rawValue).joined(separator: ", "))."))
    package var plant: String?

    @Option(help: "How many events are shown when a run fails.")
    package var traceLines = 60

    package init() {}

    package func validate() throws {
        guard count >= 1, count <= 10_000_000 else { throw ValidationError("--count must be from 1 to 10,000,000") }
        guard traceLines >= 0, traceLines <= 1_000_000 else { throw ValidationError("--trace-lines is out of range") }
        if let workload, SimulationWorkload(rawValue: workload) == nil {
            throw ValidationError("there is no workload '\(workload)'; see --help")
        }
        if let plant, SimulationPlantedFault(rawValue: plant) == nil {
            throw ValidationError("there is no fault '\(plant)'; see --help")
        }
    }

    package func run() throws {
        var options = SimulationOptions()
        options.workload = workload.flatMap { SimulationWorkload(rawValue: $0) }
        options.traceLinesMax = traceLines
        options.headDies = headDies
        options.readsLate = readsLate
        options.readsTogether = readsTogether
        options.plantedFault = plant.flatMap { SimulationPlantedFault(rawValue: $0) }
        if nothingElse {
            options.killsMax = 0
            options.networkFails = false
        }
        var failures = 0
        for offset in 0..<count {
            let report = Simulation.run(seed: seed &+ offset, options: options)
            if count <= 20 || report.failure != nil { print(report.summary) }
            guard report.failure != nil else { continue }
            failures += 1
            if count > 1 { print("again: \(line(seed: seed &+ offset))") }
        }
        if count > 20 { print("\(count) seeds from \(seed): \(failures) failed") }
        if failures > 0 { throw ExitCode.failure }
    }

    /// The command that runs one of the seeds alone.
    func line(seed: UInt64) -> String {
        var words = ["ray", "simulate", "--seed", "\(seed)"]
        if let workload { words += ["--workload", workload] }
        if headDies { words.append("--head-dies") }
        if readsLate { words.append("--reads-late") }
        if readsTogether { words.append("--reads-together") }
        if let plant { words += ["--plant", plant] }
        if nothingElse { words.append("--nothing-else") }
        return words.joined(separator: " ")
    }
}
