//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray

/// Swift and Python in one program, as driver (`together`) and as what a driver in Python names by
/// `swift_ray.program`. The module `shapes` lies beside it and must be on PYTHONPATH.
@main
struct Together {
    static func main() async {
        do {
            try await run()
        } catch {
            // What a program throws from `main` looks like a crash.
            var line = "together: \(error)\n"
            line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
            exit(1)
        }
    }

    private static func run() async throws {
        try await ray.init()
        if CommandLine.arguments.contains("failures") { try await failures() } else { try await calls() }
        await ray.shutdown()
    }

    private static func calls() async throws {
        let area = ray.python("shapes", "area", returning: Double.self)
        print("area", try await ray.get(area(3.0, height: 4.0)))

        // A struct is a dict there.
        let square = Shape(name: "square", lengths: [1, 1, 1, 1])
        let describe = ray.python("shapes", "describe", returning: Description.self)
        print("description", try await ray.get(describe(square, unit: "m")))

        // Numbers are read where they lie, on both sides.
        let numbers = [Float](repeating: 1.5, count: 100_000)
        let doubled = ray.python("shapes", "doubled", returning: [Float].self)(numbers)
        let view = try await ray.view(doubled)
        print("doubled", view.count, view.span[99_999])

        // A reference is an argument like any other, whoever has made its value.
        print("total", try await ray.get(ray.python("shapes", "total", returning: Float.self)(doubled)))
        let larger = ray.remote(scaled)(doubled, by: 2)
        print("scaled in Swift", try await ray.get(larger)[0])
        print(
            "bytes", try await ray.get(ray.python("shapes", "reverse", returning: [UInt8].self)([1, 2, 3] as [UInt8])))

        let counter = ray.pythonActor("shapes", "Counter").options(name: "counter")(start: 40)
        counter.call("increment")
        print("counter", try await ray.get(counter.method("increment", returning: Int.self)(by: 1)))
        let found = try await ray.pythonActor(named: "counter")
        print("found", try await ray.get(found.call("increment", 8, returning: Int.self)))
        try await ray.kill(counter)

        let waiter = ray.pythonActor("shapes", "Waiter").options(maxConcurrency: 2)()
        let waiting = waiter.call("wait", returning: String.self)
        waiter.call("set")
        print("waiter", try await ray.get(waiting, timeout: .seconds(60)))
    }

    private static func failures() async throws {
        func show<Value: Decodable>(_ name: String, _ reference: ObjectRef<Value>) async {
            do {
                print(name, "gave", try await ray.get(reference, timeout: .seconds(100)))
            } catch let error as ray.TaskError {
                print(name, "threw", error.typeName, error.language, "-", error.message)
                if let line = error.traceback?.split(separator: "\n").last { print(name, "traceback", line) }
            } catch {
                print(name, "failed", error)
            }
        }
        let number = Double.self
        await show("raise", ray.python("shapes", "fail", returning: number)("because"))
        await show("module", ray.python("shapeless", "area", returning: number)())
        await show("function", ray.python("shapes", "volume", returning: number)())
        await show("kind", ray.python("shapes", "unknown_kind", returning: number)())
        await show("arguments", ray.python("shapes", "area", returning: number)(1, 2, 3))
        await show("result", ray.python("shapes", "area", returning: String.self)(1, 2))
        await show("argument", ray.python("shapes", "same", returning: number)(Int128(1)))
        await show("class", ray.pythonActor("shapes", "Square")().call("area", returning: number))
        let counter = ray.pythonActor("shapes", "Counter")(1)
        await show("method", counter.call("decrement", returning: number))
        await show("key", counter.call("fail", returning: number))
        await show("unknown name", ray.python("shapes", "area", returning: number)(1, depth: 2))
        let nowhere = ray.python("shapes", "area", returning: number).options(interpreter: "/nowhere/python")
        await show("interpreter", nowhere(1))
        // Python has no say in what Swift throws.
        await show("Swift", ray.python("shapes", "same", returning: number)(ray.remote(refuse)("no")))
    }
}
