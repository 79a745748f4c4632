//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray

/// Programs of the integration tests: the first argument chooses one, each prints its results.
@main struct TestProgram {
    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard let mode = arguments.first else { return say("usage: raytestprogram MODE [ARGUMENT ...]") }
        do {
            if try await runBeforeInit(mode) { return }
            try await run(mode, Array(arguments.dropFirst()))
            await ray.shutdown()
        } catch {
            say("error: \(kind(error)): \(error)")
            await ray.shutdown()
            exit(1)
        }
    }

    /// Modes about what happens before `ray.init()`; true if there is no more to do.
    private static func runBeforeInit(_ mode: String) async throws -> Bool {
        switch mode {
        case "print-before": say("before init")
        case "pause-before": try await Task.sleep(for: .milliseconds(500))
        case "exit-before": exit(7)
        case "throw-before": throw PlannedFailure(text: "thrown before init")
        case "worker-exits": if ray.isWorker { exit(3) }
        case "worker-throws": if ray.isWorker { throw PlannedFailure(text: "thrown in a worker") }
        case "use-before": _ = try ray.put(1)
        default: break
        }
        return false
    }

    /// Modes without arguments, on a cluster of the usual size.
    private static let plainModes: [String: @Sendable () async throws -> Void] = [
        "thousand": { try await thousand() },
        "counter": { try await counter() },
        "errors": { try await errors() },
        "objects": { try await objects() },
        "wait": { try await waits() },
        "named": { try await named() },
        "kill": { try await killActor() },
        "timeout": { try await timeout() },
        "sleep": { try await sleeps() },
        "pending": { try await pending() },
        "undecodable": { try await undecodable() },
        "parcels": { try await parcels() },
        "mixed": { try await mixed() },
        "view": { try await view() },
        "speaks": { try await speaks() },
        "placement": { try await placement() },
        "copies": { try await copies() },
        "bare": { try await bare() },
        "restart": { try await restart() },
        "actor-ends": { try await actorEnds() },
        "threads": { try await threads() },
        "try-again": { try await tryAgain() },
        "square": { try await squares() },
        "print-before": { try await squares() },
        "pause-before": { try await squares() },
    ]

    private static func run(_ mode: String, _ arguments: [String]) async throws {
        if let body = plainModes[mode] {
            try await begin()
            return try await body()
        }
        switch mode {
        case "worker-exits", "worker-throws":
            try await begin()
            try await describeError { try await squares() }
        case "fibonacci":
            try await begin(cpus: 1)
            try await fibonacciNumbers(arguments)
        case "own-actor":
            try await begin(cpus: 1)
            say("counted: \(try await ray.get(ray.remote(countTwice)()))")
        case "order":
            try await begin(cpus: 4)
            try await order(Int(arguments[0]) ?? 1)
        case "address":
            try await ray.init(address: arguments[0])
            try await squares()
        case "hang":
            try await begin()
            try await hangs(arguments[0], retries: Int(arguments[1]) ?? 0)
        case "generators":
            try await begin()
            try await generators(arguments[0])
        case "shuffle":
            try await begin()
            try await shuffle(goOn: arguments[0])
        case "exchange":
            try await begin()
            try await exchange(seconds: Int(arguments[0]) ?? 1)
        case "detached":
            try await begin()
            try await detached(arguments[0] == "first")
        case "estate":
            try await begin()
            try await estate(arguments[0] == "leave")
        case "durable-makes": try await durableMakes(arguments[0])
        case "many-actors": try await manyActors(Int(arguments[0]) ?? 1, arguments[1])
        case "durable-looks": try await durableLooks()
        case "gpus": try await gpus(arguments[0])
        case "memory-nodes": try await memoryNodes(arguments[0])
        case "cancel":
            try await begin()
            try await cancel(arguments[0])
        case "spin":
            try await begin()
            _ = try await ray.get(ray.remote(spin)(arguments[0]))
        case "puts":
            try await begin(store: 256 << 20)
            try await puts(Int(arguments[0]) ?? 1)
        case "spill", "spill-full", "spill-results", "spill-damaged":
            try await begin(store: 64 << 20)
            try await spilling(mode, arguments[0])
        case "churn":
            try await begin()
            try await churn(milliseconds: Int(arguments[0]) ?? 1)
        case "groups":
            try await begin()
            try await groups()
        case "environments": try await environments(arguments[0])
        case "environment-nodes": try await environmentNodes(arguments[0])
        case "environment-errors": try await environmentErrors()
        case "environment-executable": try await environmentExecutable(arguments[0])
        case "traced", "drained", "stuck":
            try await begin()
            try await looks(mode, arguments[0])
        case "holds", "leaks":
            try await begin()
            try await memory(mode, arguments[0])
        case "followers":
            try await begin(cpus: 1)
            try await followers()
        default: say("unknown mode \(mode)")
        }
    }

    /// Joins the cluster that the environment names, or starts one.
    static func begin(
        cpus: Double = 2, store: Int = 128 << 20, environment: ray.RuntimeEnvironment? = nil
    ) async throws {
        if getenv("RAY_ADDRESS") != nil {
            try await ray.init(runtimeEnv: environment)
        } else {
            try await ray.init(numCPUs: cpus, objectStoreMemory: store, runtimeEnv: environment)
        }
    }

    /// Prints a line of result at once, also into files.
    static func say(_ text: String) {
        print(text)
        fflush(nil)
    }

    /// The case of a system error, or the type.
    static func kind(_ error: any Error) -> String {
        guard let error = error as? ray.SystemError else { return "\(type(of: error))" }
        let text = String(reflecting: Mirror(reflecting: error).children.first?.label ?? "system")
        return text.filter { $0 != "\"" }
    }

    /// Prints what `body` throws.
    static func describeError(_ body: () async throws -> Void) async throws {
        do {
            try await body()
            say("no error")
        } catch let error as ray.TaskError {
            say("TaskError: \(error.message) [\(error.typeName)] in \(error.function)")
        } catch let error as ray.SystemError {
            say("SystemError.\(kind(error)): \(error.message)")
        }
    }
}
