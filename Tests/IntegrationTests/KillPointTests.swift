//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Testing

/// Real processes, killed at named places: around each step of a lease, a call, a put and a reply.
extension IntegrationTests {
    @Suite("Processes that are killed at named points")
    struct KillPoints {
        /// `MESSAGE/MOMENT`, see `KillPoint`.
        static let ofWorkers = [
            "workerReady/sent", "pushTask/received", "pushTask/handled", "taskDone/sending", "taskDone/sent",
            "createObject/sending", "createObject/sent", "objectCreated/received", "objectCreated/handled",
            "sealObject/sending", "sealObject/sent", "startActor/received", "startActor/handled",
            "actorStarted/sending", "actorStarted/sent", "callActor/received", "callActor/handled",
        ]
        static let ofRaylets = [
            "registerNode/sent", "assignLease/received", "assignLease/handled", "workerReady/received",
            "workerAccepted/sent", "leaseReady/sending", "leaseReady/sent", "createObject/received",
            "objectCreated/sending", "objectCreated/sent", "sealObject/received", "sealObject/handled",
            "freeObjects/received", "releaseLease/handled", "nodeReport/sent",
        ]
        static let ofHeads = [
            "registerNode/received", "nodeRegistered/sent", "registerJob/received", "registerJob/handled",
            "jobRegistered/sent", "requestLease/received", "requestLease/handled", "assignLease/sending",
            "assignLease/sent", "leaseReady/received", "leaseReady/handled", "leaseGranted/sending",
            "leaseGranted/sent", "createActor/received", "createActor/handled", "startActor/sending",
            "startActor/sent", "actorStarted/received", "actorStarted/handled", "actorUpdate/sent",
        ]
        static let ofDrivers = [
            "workerAccepted/received", "requestLease/sent", "leaseGranted/received",
            "leaseGranted/handled", "pushTask/sending", "pushTask/sent", "taskDone/received", "taskDone/handled",
            "createActor/sent", "actorUpdate/received", "callActor/sent", "freeObjects/sent",
        ]

        /// Twenty of the points, with the number of times that each is passed before; by seed.
        private func points(_ names: [String], seed: UInt64) -> [String] {
            var random = Seeded(state: seed)
            let rounds = names.shuffled(using: &random) + names.shuffled(using: &random)
            return rounds.prefix(20).enumerated().map { index, name in
                // What is done once in a program is met once.
                "\(name)/\(Self.once.contains(name) || index >= names.count ? 1 : Int.random(in: 1...3, using: &random))"
            }
        }

        private static let once: Set<String> = Set(
            (ofWorkers + ofRaylets + ofHeads + ofDrivers).filter { name in
                ["workerReady", "workerAccepted", "registerNode", "nodeRegistered", "registerJob", "jobRegistered"]
                    .contains { name.hasPrefix($0 + "/") }
                    || ["startActor", "actorStarted", "createActor", "actorUpdate", "releaseLease"]
                        .contains { name.hasPrefix($0 + "/") }
            })

        private struct Outcome {
            var code: Int32?
            var output: String
            var everything: String
            var duration: Duration
        }

        /// Kills a process at the point while the program works; what it printed, and how long it
        /// then took to end.
        private func run(_ role: String, _ point: String, milliseconds: Int) async throws -> Outcome {
            var result: Outcome?
            try await Sandbox.run { sandbox in
                let file = sandbox.folder + "/killed"
                let driver = try sandbox.start(
                    "raytestprogram", ["churn", "\(milliseconds)"],
                    environment: ["RAY_KILL_POINT": "\(role)/\(point):\(file)"])
                let isKilled = try await eventually(within: .seconds(30)) {
                    FileManager.default.fileExists(atPath: file) || !driver.isRunning
                }
                #expect(
                    isKilled && FileManager.default.fileExists(atPath: file),
                    "no \(role) got to \(point)\n\(driver.everything)")
                let start = ContinuousClock.now
                try await driver.end(within: .seconds(milliseconds > 10_000 ? 15 : 40))
                result = Outcome(
                    code: driver.exitCode, output: driver.output, everything: driver.everything,
                    duration: start.duration(to: .now))
            }
            return try #require(result)
        }

        @Test("A worker killed at twenty points: every result is right", .timeLimit(.minutes(4)))
        func workers() async throws {
            for point in points(Self.ofWorkers, seed: 20) {
                let driver = try await run("worker", point, milliseconds: 700)
                #expect(driver.code == 0, "\(point)\n\(driver.everything)")
                #expect(driver.output.contains("rounds: "), "\(point)\n\(driver.everything)")
                #expect(!driver.output.contains("rounds: 0,"), "\(point)\n\(driver.everything)")
                #expect(!driver.output.contains("wrong:"), "\(point)\n\(driver.everything)")
                #expect(!driver.output.contains("hung:"), "\(point)\n\(driver.everything)")
            }
        }

        @Test(
            "A role killed at twenty points: the driver ends within 10 seconds, nothing is left",
            .timeLimit(.minutes(4)), arguments: ["raylet", "gcs_server", "driver"])
        func roles(_ name: String) async throws {
            let names = ["raylet": Self.ofRaylets, "gcs_server": Self.ofHeads, "driver": Self.ofDrivers][name] ?? []
            for point in points(names, seed: UInt64(name.utf8.count)) {
                let driver = try await run(name, point, milliseconds: 60_000)
                #expect(
                    driver.duration < .seconds(10), "\(point): ended after \(driver.duration)\n\(driver.everything)")
                #expect(!driver.output.contains("wrong:"), "\(point)\n\(driver.everything)")
            }
        }
    }
}

/// The same random numbers for the same seed (SplitMix64).
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
