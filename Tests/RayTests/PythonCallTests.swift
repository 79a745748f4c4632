//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Ray
import RayCore
import RayWorker
import Synchronization
import Testing

@Suite("Calls between languages", .timeLimit(.minutes(1)))
struct PythonCallTests {
    private func withWorker(_ body: (FakeWorker) async throws -> Void) async throws {
        let worker = FakeWorker()
        let spec = TaskSpec(
            id: .driver(job: JobID(9)),
            function: FunctionDescriptor(language: .swift, module: "Tests", function: "driver"))
        try await TaskContext.$current.withValue(TaskContext(spec: spec, isSerialActor: false, worker: worker)) {
            try await body(worker)
        }
    }

    private func calls(_ worker: FakeWorker) -> [Call] { worker.state.withLock { $0.calls } }

    /// What an argument is: its metadata and, of MessagePack, its value.
    private func shown(_ argument: TaskArgument) throws -> String {
        guard case .value(let object) = argument else { return "reference" }
        let metadata = String(decoding: object.metadata, as: UTF8.self)
        guard metadata == "XLANG" || metadata == "EXTRAS" else { return metadata }
        return try object.data.withUnsafeBytes { "\(metadata) \(try PortableCoder.content(of: $0).encoded.hex)" }
    }

    private func hex(_ value: MessagePackValue) -> String { value.encoded.hex }

    @Test("A call names module and function, and the interpreter that runs them")
    func function() async throws {
        try await withWorker { worker async throws in
            let area = ray.python("shapes.plane", "area", returning: Double.self).options(
                interpreter: "/opt/python", numCPUs: 2, name: "a", maxRetries: 7,
                runtimeEnv: .init(envVars: ["A": "1"]))
            let five = try ray.put(5.5)
            area(3, five, [1.5, 2] as [Float], [1, 2] as [UInt8], nil, height: "x", width: true)
            let call = try #require(calls(worker).first)
            let shared = call.shared.value
            #expect(
                shared.function
                    == FunctionDescriptor(language: .python, module: "shapes.plane", function: "area", hash: "XLANG"))
            #expect(shared.name == "a" && shared.retriesMax == 7)
            #expect(shared.resources == ResourceSet([(ResourceSet.cpu, 2)]))
            let program = try #require(shared.environment?.program)
            #expect(program.path == "/opt/python" && program.hash.isEmpty)
            #expect(program.arguments == ["-m", "swift_ray.worker"])
            #expect(program.environment.contains("SWIFT_RAY_CALLER_PROGRAM="))
            #expect(shared.environment?.variables.map(\.name) == ["A"])
            let keywords = hex(.record(["keywords": .array([.string("height"), .string("width")])]))
            #expect(
                try call.arguments.map(shown) == [
                    "EXTRAS \(keywords)", "XLANG 03", "reference", "SWIFT", "RAW", "XLANG c0",
                    "XLANG \(hex(.string("x")))", "XLANG c3",
                ])
        }
    }

    @Test("A program in Swift that Python has started goes with the calls back")
    func back() async throws {
        try await withWorker { worker async throws in
            let program = Program(
                hash: "ab", path: "/bin/together", byteCount: 7, arguments: ["x"], environment: ["SWIFT_RAY_PYTHON=p"],
                workingDirectory: "/")
            worker.state.withLock { $0.environment = RuntimeEnvironmentSpec(program: program) }
            ray.python("m", "f").options(interpreter: "/opt/python")()
            let variables = try #require(calls(worker).first?.shared.value.environment?.program?.environment)
            #expect(variables.contains("SWIFT_RAY_CALLER_PROGRAM=\(program.messagePack.encoded.hex)"))
            #expect(Program(program.messagePack) == program)
        }
    }

    @Test("What cannot be sent is the error of the result")
    func refusals() async throws {
        try await withWorker { worker async throws in
            let function = ray.python("m", "f", returning: Int.self).options(interpreter: "/opt/python")
            func check(_ reference: ObjectRef<Int>, _ text: String) async {
                let error = await #expect(throws: ray.SystemError.self) { try await ray.get(reference) }
                #expect(error?.message.contains(text) == true, "\(String(describing: error))")
            }
            await check(function(Int128(1)), "argument 1 of type Int128 cannot be sent to Python")
            await check(function(1, ["a": [try ray.put(1)]]), "argument 2 of type")
            await check(function(a: 1, 2), "arguments without a name stand before those with one")
            await check(function(a: 1, a: 2), "each name once")
            await check(
                function.options(runtimeEnv: .init(executable: "/bin/sh"))(1), "executable is a program in Swift")
            await check(function.options(interpreter: "no-python-here")(1), "there is no 'no-python-here' on the PATH")
            #expect(calls(worker).isEmpty)
        }
    }

    @Test("An actor is told what it must know of itself, and its methods keep their class")
    func actor() async throws {
        try await withWorker { worker async throws in
            let counter = ray.pythonActor("shop", "Counter").options(
                interpreter: "/opt/python", name: "c", maxRestarts: 2, maxTaskRetries: 3, maxConcurrency: 4)(start: 1)
            counter.call("increment", 2, returning: Int.self)
            counter.method("increment")(by: 3)
            let made = calls(worker)
            #expect(made.map(\.shared.value.function.function) == ["__init__", "increment", "increment"])
            #expect(made.allSatisfy { $0.shared.value.function.className == "Counter" })
            #expect(made.allSatisfy { $0.shared.value.function.isCrossLanguage })
            guard case .value(let first) = made[0].arguments[0] else { return }
            let extras = try first.data.withUnsafeBytes { try PortableCoder.content(of: $0) }
            #expect(extras["name"] == .string("c") && extras["max_concurrency"] == .int(4))
            #expect(extras["max_task_retries"] == .int(3) && extras["keywords"] == .array([.string("start")]))
            #expect(extras["creator"]?.data?.isEmpty == false)
            let options = try #require(worker.state.withLock { $0.actors.values.first?.options })
            #expect(options.name == "c" && options.restartsMax == 2 && options.concurrencyMax == 4)
        }
    }

    @Test("Values of other languages are read, and what Python has pickled is refused")
    func reading() async throws {
        try await withWorker { worker async throws in
            func stored<Value>(_ object: RayObject, as type: Value.Type) throws -> ObjectRef<Value> {
                let reference = try worker.put(object, from: nil)
                return ObjectRef(storage: ObjectRefStorage(reference: reference, worker: worker))
            }
            let list = PortableCoder.object(.array([.int(1), .int(2)]), metadata: ObjectMetadata.crossLanguage)
            #expect(try await ray.get(try stored(list, as: [Double].self)) == [1, 2])
            await #expect(throws: ray.SystemError.self) { _ = try await ray.view(try stored(list, as: [Double].self)) }
            let raw = RayObject(data: [1, 2], metadata: ObjectMetadata.raw)
            #expect(try await ray.get(try stored(raw, as: [UInt8].self)) == [1, 2])
            await #expect(throws: ray.SystemError.self) { try await ray.get(try stored(raw, as: String.self)) }
            let pickled = RayObject(data: list.data, metadata: ObjectMetadata.python)
            let error = await #expect(throws: ray.SystemError.self) {
                try await ray.get(try stored(pickled, as: [Int].self))
            }
            #expect(error?.message.contains("swift_ray.put") == true)
        }
    }

    @Test("A declaration is found by as much of its name as it takes")
    func names() throws {
        let table = try RecordTable.current.get()
        func find(
            _ name: String, around: String = "", _ kind: ray._Declaration.Kind = .function, count: Int = 1
        ) -> String {
            let wanted = FunctionDescriptor(
                language: .swift, module: "", className: around, function: name,
                hash: FunctionDescriptor.crossLanguage)
            do throws(RayError) {
                return try table.find(named: wanted, kind, argumentCount: count).descriptor.description
            } catch {
                return error.message
            }
        }
        // The programs that are tested are a part of this one.
        #expect(find("square").contains("'square' may be RayTests.square(_:)(Int), "))
        #expect(find("failsLater") == "RayTests.failsLater(_:)(Int)")
        #expect(find("square", around: "RayTests") == "RayTests.square(_:)(Int)")
        #expect(find("greet(_:times:)", count: 2) == "RayTests.greet(_:times:)(String, Int)")
        #expect(find("copy", around: "Inner").hasPrefix("RayTests.Outer.Inner.copy"))
        #expect(find("init", around: "RayTests.Counter", .initializer) == "RayTests.Counter.init(start:)(Int)")
        #expect(find("init", around: "RayTests.Counter", .initializer, count: 0) == "RayTests.Counter.init()()")
        for (name, count, text) in [
            ("over", 1, "'over' may be RayTests.over(_:)(Int), RayTests.over(_:)(String)"),
            ("square", 2, "'square' was given 2 arguments: RayTests.square(_:)(Int)"),
            ("squar", 1, "'squar' is not among the remote declarations of this program"),
        ] {
            #expect(find(name, count: count).contains(text))
        }
    }
}
