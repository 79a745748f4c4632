//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayRaylet
import RayWire
import Testing

@Suite struct PackageTests {
    private func environment(_ package: String?, _ variables: [String: String] = [:]) -> RuntimeEnvironmentSpec {
        RuntimeEnvironmentSpec(
            variables: variables.map { RuntimeEnvironmentSpec.Variable($0.key, $0.value) }, workingDirectory: package)
    }

    private func fetches(_ harness: RayletHarness) -> [String] {
        harness.effects.compactMap { if case .fetchPackage(let package) = $0 { package } else { nil } }
    }

    private func removals(_ harness: RayletHarness) -> [String] {
        harness.effects.compactMap { if case .removePackage(let package) = $0 { package } else { nil } }
    }

    private func starts(_ harness: RayletHarness) -> [WorkerStart] {
        harness.effects.compactMap { if case .spawnWorker(let start) = $0 { start } else { nil } }
    }

    @Test("A worker starts in the package's folder, once it is here, with the environment's variables") func life() {
        var harness = RayletHarness()
        harness.assign(1, environment: environment("p", ["A": "1"]))
        harness.assign(2, environment: environment("p", ["A": "1"]))
        #expect(fetches(harness) == ["p"])
        #expect(harness.wantedStarts.isEmpty)
        harness.give(.packageReady("p", folder: "/f", byteCount: 10))
        #expect(starts(harness).map(\.folder) == ["/f", "/f"])
        #expect(starts(harness).first?.variables == [RuntimeEnvironmentSpec.Variable("A", "1")])
        let token = harness.wantedStarts[0]
        let worker = harness.ready(token, harness.spawn(token))
        let accepted = harness.sent.compactMap { entry -> WorkerAccepted? in
            if case .workerAccepted(let value) = entry.message, entry.to == worker { value } else { nil }
        }
        #expect(accepted.map(\.environment) == [environment("p", ["A": "1"])])
    }

    @Test("Workers are not shared between environments") func separation() {
        var harness = RayletHarness()
        harness.assign(1, environment: environment(nil, ["A": "1"]))
        let token = harness.wantedStarts[0]
        _ = harness.ready(token, harness.spawn(token))
        harness.gcs(.releaseLease(ReleaseLease(lease: lease(1), kill: false)))
        _ = harness.take()
        harness.assign(2)
        harness.assign(3, environment: environment(nil, ["A": "2"]))
        #expect(harness.leaseReady.isEmpty)
        #expect(harness.wantedStarts.count == 2)
        harness.assign(4, environment: environment(nil, ["A": "1"]))
        #expect(harness.leaseReady.map(\.lease) == [lease(4)])
    }

    @Test("A package that cannot be had fails those that wait for it, and nobody else; the next one tries again")
    func failure() {
        var harness = RayletHarness()
        harness.assign(1, environment: environment("p"))
        harness.assign(2, environment: environment("p", ["A": "1"]))
        harness.assign(3)
        _ = harness.take()
        harness.give(.packageFailed("p", reason: "it is damaged"))
        #expect(harness.leaseFailed.map(\.lease) == [lease(1), lease(2)])
        #expect(harness.leaseFailed.allSatisfy { $0.error.type == .runtimeEnvSetupFailed })
        #expect(harness.leaseFailed[0].error.message.contains("it is damaged"))
        harness.assign(4, environment: environment("p"))
        #expect(fetches(harness) == ["p"])
    }

    @Test("A package that does not come is given up, and taken when it comes after all") func overdue() {
        var harness = RayletHarness { $0.packageMillisecondsMax = 1_000 }
        harness.assign(1, environment: environment("p"))
        harness.tick(after: 900)
        #expect(harness.leaseFailed.isEmpty)
        harness.tick()
        #expect(harness.leaseFailed.map(\.lease) == [lease(1)])
        #expect(harness.leaseFailed.first?.error.message.contains("within 1 s") == true)
        harness.give(.packageReady("p", folder: "/f", byteCount: 10))
        _ = harness.take()
        harness.assign(2, environment: environment("p"))
        #expect(fetches(harness).isEmpty)
        #expect(starts(harness).map(\.folder) == ["/f"])
    }

    @Test("Unused packages go, longest unused first, when the cache is too large; those in use stay") func eviction() {
        var harness = RayletHarness { $0.packageCacheBytesMax = 25 }
        for (number, package) in ["a", "b", "c"].enumerated() {
            harness.assign(UInt32(number + 1), environment: environment(package))
            harness.give(.packageReady(package, folder: "/" + package, byteCount: 10))
            harness.tick()
        }
        #expect(removals(harness).isEmpty, "All are in use.")
        let tokens = harness.wantedStarts
        for (number, token) in tokens.enumerated() {
            let processID = harness.spawn(token)
            _ = harness.ready(token, processID)
            guard number < 2 else { break }
            harness.gcs(.releaseLease(ReleaseLease(lease: lease(UInt32(number + 1)), kill: true)))
            harness.tick()
            #expect(removals(harness).isEmpty, "A killed process may still read it.")
            harness.give(.processExited(processID: processID, ProcessExit(signal: 9)))
            harness.tick()
            #expect(removals(harness) == (number == 0 ? ["a"] : []), "Then what is left fits.")
            _ = harness.take()
        }
        harness.assign(9, environment: environment("a"))
        #expect(fetches(harness) == ["a"])
    }

    @Test("A process that ends by itself before it is ready fails the environment; one that is killed does not")
    func brokenProgram() {
        var harness = RayletHarness()
        for (number, exit) in [ProcessExit(code: 127, lastLines: ["no library"]), ProcessExit(signal: 9)].enumerated() {
            harness.assign(UInt32(number + 1), environment: environment(nil, ["A": "\(number)"]))
            let processID = harness.spawn(harness.wantedStarts[0])
            _ = harness.take()
            harness.give(.processExited(processID: processID, exit))
            #expect(harness.leaseFailed.map(\.error.type) == [number == 0 ? .runtimeEnvSetupFailed : .workerDied])
            if number == 0 { #expect(harness.leaseFailed.first?.error.message.contains("no library") == true) }
            _ = harness.take()
        }
    }
}
