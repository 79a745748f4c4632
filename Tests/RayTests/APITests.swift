//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Ray
import RayCore
import RayWorker
import Synchronization
import Testing

/// Runs `body` with a runtime of its own as the current one.
private func withWorker(_ body: (FakeWorker) async throws -> Void) async throws {
    let worker = FakeWorker()
    let spec = TaskSpec(
        id: .driver(job: JobID(9)), function: FunctionDescriptor(language: .swift, module: "Tests", function: "driver"))
    try await TaskContext.$current.withValue(TaskContext(spec: spec, isSerialActor: false, worker: worker)) {
        try await body(worker)
    }
}

extension FakeWorker {
    /// Where the last call was to run.
    fileprivate func lastStrategy() throws -> SchedulingStrategy {
        try #require(state.withLock { $0.calls.last }).shared.value.strategy
    }
}

@Suite(.timeLimit(.minutes(1))) struct FunctionTests {
    @Test("A remote function gives a reference whose value can be fetched") func call() async throws {
        try await withWorker { _ async throws in
            let reference: ObjectRef<Int> = ray.remote(square)(3)
            #expect(try await ray.get(reference) == 9)
            let references = (0..<4).map { ray.remote(square)($0) }
            #expect(try await ray.get(references) == [0, 1, 4, 9])
        }
    }

    @Test("Labels and defaults are those of the function") func labels() async throws {
        try await withWorker { _ async throws in
            #expect(try await ray.get(ray.remote(greet)("ab")) == "abab")
            #expect(try await ray.get(ray.remote(greet)("ab", times: 1)) == "ab")
            #expect(try await ray.get(ray.remote(Outer.shifted)(Outer.Inner(value: 1))) == Outer.Inner(value: 101))
            #expect(try await ray.get(ray.remote(Outer.Inner.copy)(Outer.Inner(value: 1))) == Outer.Inner(value: 1))
            #expect(try await ray.get(ray.remote(`repeat`)(nil, any: ["a": 1])) == 1)
            #expect(try await ray.get(callHidden()) == 3)
        }
    }

    @Test("An argument may be a reference") func references() async throws {
        try await withWorker { _ async throws in
            let three = ray.remote(slow)(2)
            #expect(try await ray.get(ray.remote(square)(three)) == 9)
            #expect(try await ray.get(ray.remote(greet)("x", times: three)) == "xxx")
            #expect(try await ray.get(ray.remote(five)(a: 1, b: 2, c: 3, d: 4)) == 15)
            let sum = ray.remote(five)(a: .ref(three), b: .value(2), c: .value(3), d: .value(4))
            #expect(try await ray.get(sum) == 17)
        }
    }

    @Test("Overloads are told apart by their arguments") func overloads() async throws {
        try await withWorker { _ async throws in
            #expect(try await ray.get(ray.remote(over)(1)) == "Int")
            #expect(try await ray.get(ray.remote(over)("1")) == "String")
        }
    }

    @Test("Void and tuples") func results() async throws {
        try await withWorker { _ async throws in
            let done: ObjectRef<Void> = ray.remote(nothing)()
            try await ray.get(done)
            let (quotient, remainder) = ray.remote(divide)(17, by: 5)
            let (q, r) = try await ray.get(quotient, remainder)
            #expect(q == 3 && r == 2)
            let pair = try await ray.get(ray.remote(divide)(17, by: 5))
            #expect(pair.0 == 3 && pair.1 == 2)
        }
    }

    @Test("Values of different types are fetched together") func packs() async throws {
        try await withWorker { _ async throws in
            let squares = (0..<3).map { ray.remote(square)($0) }
            let (list, text, _) = try await ray.get(squares, ray.remote(greet)("a"), ray.remote(nothing)())
            #expect(list == [0, 1, 4])
            #expect(text == "aa")
        }
    }

    @Test("A thrown error comes back with its type") func errors() async throws {
        try await withWorker { _ async throws in
            for reference in [ray.remote(fails)(7), ray.remote(failsLater)(7), ray.remote(nested)(7)] {
                let error = await #expect(throws: ray.TaskError.self) { try await ray.get(reference) }
                #expect(error?.cause(as: FixtureError.self) == FixtureError(code: 7))
                #expect(error?.typeName == "RayTests.FixtureError")
                #expect(error?.language == "swift")
            }
            let error = await #expect(throws: ray.TaskError.self) { try await ray.get(ray.remote(nested)(1)) }
            #expect(error?.causes == ["RayTests.FixtureError in RayTests.fails(_:)(Int)"])
        }
    }

    @Test("A failed argument fails the call") func failedArgument() async throws {
        try await withWorker { _ async throws in
            let error = await #expect(throws: ray.TaskError.self) {
                try await ray.get(ray.remote(square)(ray.remote(fails)(3)))
            }
            #expect(error?.cause(as: FixtureError.self) == FixtureError(code: 3))
        }
    }

    @Test("The decoding of large arguments is noted for the timeline, that of small ones costs nothing")
    func decoding() async throws {
        try await withWorker { worker async throws in
            #expect(try await ray.get(ray.remote(scale)([1, 2], 2)) == [2, 4])
            #expect(worker.state.withLock { $0.decoded }.isEmpty)
            let many = [Float](repeating: 1, count: 50_000)
            #expect(try await ray.get(ray.remote(scale)(many, 2)).count == 50_000)
            let decoded = worker.state.withLock { $0.decoded }
            #expect(decoded.count == 1 && decoded[0] >= 200_000)
        }
    }

    @Test("Options reach the call") func options() async throws {
        try await withWorker { worker async throws in
            let heavy = ray.remote(square).options(numCPUs: 2, resources: ["disk": 0.5])
                .options(numGPUs: 1, memory: 1024, name: "heavy", maxRetries: 0, schedulingStrategy: .spread)
            #expect(try await ray.get(heavy(2)) == 4)
            let call = try #require(worker.state.withLock { $0.calls.last })
            #expect(
                call.shared.value.resources == ResourceSet([("CPU", 2), ("GPU", 1), ("memory", 1024), ("disk", 0.5)]))
            #expect(call.shared.value.retriesMax == 0)
            #expect(call.shared.value.name == "heavy")
            #expect(call.shared.value.strategy == .spread)
            let wrong = ray.remote(square).options(numCPUs: -1)(1)
            await #expect(
                throws: ray.SystemError.invalidArgument(
                    "the amount of CPU must be a number from 0 on, not -1.0")
            ) { try await ray.get(wrong) }
        }
    }

    @Test("Fallbacks stand behind the label selector, in order; alone they ask for nothing") func fallbacks()
        async throws
    {
        try await withWorker { worker async throws in
            let spread = ray.remote(square).options(schedulingStrategy: .spread, fallbackStrategy: [])
            let zones = ["a", "in(b,c)"].map { ["zone": $0] }
            let fallback = ray.Fallback(labelSelector: zones[1])
            let chosen = spread.options(
                labelSelector: zones[0], fallbackStrategy: [fallback, .init(labelSelector: [:])])
            #expect(try await ray.get(chosen(2)) == 4)
            let selectors = try zones.map { try LabelSelector(parsing: $0) } + [LabelSelector()]
            #expect(try worker.lastStrategy() == .labelled(selectors, spread: true))
            #expect(try await ray.get(ray.remote(square).options(fallbackStrategy: [fallback])(2)) == 4)
            #expect(try worker.lastStrategy() == .hybrid)
            let wrong = chosen.options(fallbackStrategy: [fallback, .init(labelSelector: ["zone": "in()"])])(1)
            let error = await #expect(throws: ray.SystemError.self) { try await ray.get(wrong) }
            #expect("\(error.map { "\($0)" } ?? "")".contains("'zone'"))
        }
    }

    @Test("A type of GPU is a little of a node's resource; more than one GPU is a whole number") func gpuOptions()
        async throws
    {
        try await withWorker { worker async throws in
            let typed = ray.remote(square).options(numGPUs: 2, acceleratorType: "T4")
            #expect(try await ray.get(typed.options(maxRetries: 0)(2)) == 4)
            let call = try #require(worker.state.withLock { $0.calls.last })
            #expect(
                call.shared.value.resources == ResourceSet([("CPU", 1), ("GPU", 2), ("accelerator_type:T4", 0.001)]))
            for function in [typed.options(numGPUs: 1.5), typed.options(acceleratorType: "")] {
                await #expect(throws: ray.SystemError.self) { try await ray.get(function(2)) }
            }
        }
    }

    @Test("A process knows its GPUs and other accelerators") func gpuIDs() async throws {
        try await withWorker { worker async throws in
            #expect(try ray.gpuIDs == [])
            let found = AssignedAccelerators(
                ids: [AcceleratorID(.gpu, 1), AcceleratorID(.tpu, 0)],
                names: [.init(.gpu, "GPU-8932"), .init(.tpu, "0")])
            worker.state.withLock { $0.accelerators = found }
            #expect(try ray.gpuIDs == ["GPU-8932"])
            #expect(try ray.context.acceleratorIDs["GPU"] == ["GPU-8932"])
            #expect(try ray.context.acceleratorIDs["TPU"] == ["0"])
            #expect(try ray.context.acceleratorIDs["NPU"] == [])
        }
    }

    @Test("References inside values are kept and arrive") func nestedReferences() async throws {
        try await withWorker { worker async throws in
            let list = (1...3).map { ray.remote(square)($0) }
            #expect(try await ray.get(ray.remote(total)(list)) == 14)
            for reference in list { #expect(worker.count(reference.storage.reference.id) == 1) }
        }
    }

    @Test("The last reference releases the object") func release() async throws {
        try await withWorker { worker async throws in
            let id: ObjectID
            do {
                let reference = ray.remote(square)(3)
                id = reference.storage.reference.id
                let copy = reference
                #expect(copy == reference)
                #expect(worker.count(id) == 1)
            }
            #expect(worker.count(id) == 0)
        }
    }

    @Test("An unknown function is named, with the likely reason") func unknown() async throws {
        let executor = SwiftTaskExecutor()
        let function = FunctionDescriptor(language: .swift, module: "Other", function: "f()()")
        let spec = TaskSpec(id: .driver(job: JobID(1)), function: function)
        await confirmation { confirm in
            executor.execute(ExecutableTask(spec: spec, arguments: [])) { outcome in
                guard case .failure(let error) = outcome else { return }
                #expect(error.message.hasPrefix("Other.f()() is not among the "))
                #expect(error.message.contains("driver and worker executables differ"))
                confirm()
            }
        }
    }

    @Test("An argument that does not decode is named") func wrongArgument() async throws {
        try await withWorker { worker async throws in
            let call = ray.remote(square)(1)
            _ = try await ray.get(call)
            var wrong = try #require(worker.state.withLock { $0.calls.last })
            wrong.arguments = [.value(try RayCoder.encode("text"))]
            let reference = try #require(worker.submit(wrong, from: nil).first)
            let results = try #require(worker.getNow([reference]))
            guard case .failure(let error) = results[0] else { throw CodingFailure("no error") }
            #expect(
                error.message.hasPrefix(
                    "argument 1 of RayTests.square(_:)(Int) is not a Int: expected Int, found string"))
            #expect(error.message.hasSuffix("build both from the same sources"))
            // Python has no compiler that sees to it.
            wrong.arguments = [.value(PortableCoder.object(.string("text"), metadata: ObjectMetadata.crossLanguage))]
            let second = try #require(worker.submit(wrong, from: nil).first)
            guard case .failure(let error)? = worker.getNow([second])?.first else { throw CodingFailure("no error") }
            #expect(error.message.hasSuffix("; give it what its declaration in Swift wants"))
        }
    }

    @Test("Before init, get says what to call") func notInitialised() async throws {
        await #expect(
            throws: ray.SystemError.system(
                "Ray is not running in this process; call 'try await ray.init()' first")
        ) {
            try await ray.get(ray.remote(square)(1))
        }
        #expect(!ray.isInitialized)
        #expect(!ray.isWorker)
    }
}

@Suite struct RecordTests {
    private func declaration(_ file: String, line: Int, returns: Int = 1) -> ray._Declaration {
        ray._Declaration(
            kind: .function, className: "", function: "f()()", parameterTypes: [], returnCount: returns, file: file,
            line: line, hash: "1", entry: .synchronous { _ in .void })
    }

    @Test("The program's records are found") func found() throws {
        let table = try RecordTable.current.get()
        #expect(table.count >= 20)
        let square = FunctionDescriptor(language: .swift, module: "RayTests", function: "square(_:)(Int)")
        let found = try #require(table.find(square))
        #expect(found.file == "RayTests/Fixtures.swift" && found.parameterTypes == ["Int"])
        var old = square
        old.hash = "0"
        #expect(table.find(old) == nil)
        #expect(table.explainMissing(old).contains("has another signature in this worker than in its caller"))
    }

    @Test("Two declarations of one name are an error that names both files") func duplicates() {
        #expect(
            throws: RayError(
                .systemError,
                "the remote function M.f()() is declared twice: in M/A.swift:1 and in M/B.swift:2; rename one of them")
        ) {
            try RecordTable([declaration("M/A.swift", line: 1), declaration("M/B.swift", line: 2)])
        }
    }

    @Test("A declaration whose record was lost says so") func lost() {
        let error = #expect(throws: RayError.self) { try declaration("M/A.swift", line: 7).checkRecord() }
        #expect(error?.message.hasPrefix("the record of M.f()() (M/A.swift:7) is not in this executable") == true)
    }
}

@Suite(.timeLimit(.minutes(1))) struct ObjectTests {
    @Test("Values are put and fetched") func put() async throws {
        try await withWorker { _ async throws in
            let reference = try ray.put(["a": [1, 2]])
            #expect(try await ray.get(reference) == ["a": [1, 2]])
            let large = [Float](repeating: 2, count: 100_000)
            #expect(try await ray.get(ray.remote(scale)(large, 3)).last == 6)
            let stored = try ray.put(large)
            #expect(try await ray.get(stored) == large)
        }
    }

    @Test("Arrays of numbers are written and read in place") func view() async throws {
        try await withWorker { _ async throws in
            let reference = try ray.put(count: 1000, of: Float.self) { span in
                for index in span.indices { span[index] = Float(index) }
            }
            let view = try await ray.view(reference)
            #expect(view.count == 1000)
            let last = view.span[999]
            #expect(last == 999)
            let sum = view.withSpan { span in
                var sum: Float = 0
                for index in span.indices { sum += span[index] }
                return sum
            }
            #expect(sum == 499_500)
            let copied = try await ray.get(reference)
            #expect(copied.count == 1000)
            let empty = try await ray.view(try ray.put([Int]()))
            #expect(empty.count == 0)
        }
    }

    @Test("wait tells the ready ones from the others") func wait() async throws {
        try await withWorker { worker async throws in
            let ready = (0..<3).map { ray.remote(square)($0) }
            let never = ObjectRef<Int>(
                storage: ObjectRefStorage(
                    reference: ObjectReference(id: ObjectID(1, 1, 1, 1), owner: worker.address), worker: worker))
            let result = try await ray.wait([never] + ready, count: 2)
            #expect(result.ready == Array(ready[..<2]))
            #expect(result.unready == [never, ready[2]])
            let late = try await ray.wait([never], timeout: .zero)
            #expect(late.ready.isEmpty && late.unready == [never])
            await #expect(throws: ray.SystemError.getTimeout("the time is over")) {
                try await ray.get(never, timeout: .zero)
            }
            await #expect(throws: ray.SystemError.self) { try await ray.wait(ready, count: 4) }
            worker.state.withLock { $0.hasEnded = true }
            await #expect(throws: ray.SystemError(.runtimeEnded)) { try await ray.wait([never]) }
        }
    }

    @Test("A cancelled task stops waiting") func cancellation() async throws {
        try await withWorker { worker async throws in
            let reference = ObjectReference(id: ObjectID(1, 1, 1, 1), owner: worker.address)
            let never = ObjectRef<Int>(storage: ObjectRefStorage(reference: reference, worker: worker))
            let waiting = Task { try await ray.get(never) }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
        }
    }

    @Test("The cluster's nodes and resources") func cluster() async throws {
        try await withWorker { worker async throws in
            #expect(try await ray.nodes().count == 2)
            #expect(try await ray.clusterResources() == ["CPU": 4])
            #expect(try await ray.availableResources() == ["CPU": 3])
            let context = try ray.context
            #expect(context.jobID == "09000000" && context.namespace == "tests")
            #expect(context.address == "127.0.0.1:77" && context.nodeID == worker.address.node.hex)
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct ActorTests {
    @Test("A value is handed to an actor under a reference of its own, an error is thrown")
    func handOver() async throws {
        try await withWorker { worker async throws in
            let counter = ray.remote(Counter.self).remote(start: 1)
            let put = try await ray.put([1, 2], owner: counter)
            #expect(put.storage.reference.id.task.actor == counter._ray.id)
            #expect(try await ray.get(put) == [1, 2])
            let squared = ray.remote(square)(3)
            let handed = try await ray.handOver(squared, to: counter)
            #expect(handed != squared && worker.count(handed.storage.reference.id) == 1)
            #expect(try await ray.get(handed) == 9)
            let failed = ray.remote(fails)(4)
            await #expect(throws: ray.TaskError.self) { _ = try await ray.handOver(failed, to: counter) }
        }
    }

    @Test("Calls change the actor's state in order") func calls() async throws {
        try await withWorker { _ async throws in
            let counter = ray.remote(Counter.self).remote(start: 1)
            let two = ray.remote(square)(2)
            let references = [counter.increment(), counter.increment(by: 2), counter.increment(by: two)]
            #expect(try await ray.get(references) == [2, 4, 8])
            counter.reset()
            let (n, text) = try await ray.get(counter.both())
            #expect(n == 0 && text == "0")
            #expect(try await ray.get(counter.kind()) == "counter")
        }
    }

    @Test("Classes are actors too") func classes() async throws {
        try await withWorker { _ async throws in
            let store = ray.remote(Store2.self).remote()
            store.set("a", 1)
            #expect(try await ray.get(store.get("a")) == 1)
            #expect(try await ray.get(store.later("b")) == nil)
        }
    }

    @Test("A handle travels inside a value") func handles() async throws {
        try await withWorker { _ async throws in
            let one = ray.remote(Counter.self).remote(start: 1)
            let two = ray.remote(Counter.self).remote(start: 10)
            #expect(try await ray.get(one.add(from: two)) == 12)
        }
    }

    @Test("A call that waits for its own actor is refused") func selfWait() async throws {
        try await withWorker { worker async throws in
            let one = ray.remote(Counter.self).remote(start: 1)
            // The fake runs calls at once, so only the check itself is looked at.
            let call = TaskID(1, one._ray.id.word0, one._ray.id.word1)
            let spec = TaskSpec(
                id: call, kind: .actorCall(one._ray.id, sequence: 0),
                function: FunctionDescriptor(language: .swift, module: "M", className: "C", function: "f()()"))
            await TaskContext.$current.withValue(TaskContext(spec: spec, isSerialActor: true, worker: worker)) {
                let reference = ObjectRef<Int>(
                    storage: ObjectRefStorage(
                        reference: ObjectReference(
                            id: .taskReturn(TaskID(2, one._ray.id.word0, one._ray.id.word1), index: 0),
                            owner: worker.address), worker: worker, caller: call))
                let error = await #expect(throws: ray.SystemError.self) { try await ray.get(reference) }
                #expect(error?.message.hasPrefix("M.C.f()() waits for a call on its own actor") == true)
            }
        }
    }

    @Test("Options, names and kill") func options() async throws {
        try await withWorker { worker async throws in
            let factory = ray.remote(Counter.self).options(
                numCPUs: 2, name: "c", namespace: "n", lifetime: .detached, maxRestarts: 3, maxTaskRetries: 2)
            let counter = factory.remote(start: 5)
            let options = try #require(worker.state.withLock { $0.actors[counter._ray.id]?.options })
            #expect(options.name == "c" && options.namespace == "n" && options.lifetime == .detached)
            #expect(options.restartsMax == 3 && options.taskRetriesMax == 2 && options.concurrencyMax == 1)
            #expect(options.heldResources == ResourceSet([("CPU", 2)]))
            let found = try await ray.actor(Counter.self, named: "c", namespace: "n")
            #expect(found == counter)
            #expect(try await ray.get(found.increment()) == 6)
            await #expect(
                throws: ray.SystemError.invalidArgument(
                    "the actor 'c' is a RayTests.Counter, not a RayTests.Store2")
            ) {
                try await ray.actor(Store2.self, named: "c")
            }
            await #expect(throws: ray.SystemError.notFound("no actor is named 'd'")) {
                try await ray.actor(Counter.self, named: "d")
            }
            try await ray.kill(counter)
            #expect(worker.state.withLock { $0.killed } == [counter._ray.id])
            _ = ray.remote(Store2.self).remote()
            #expect(worker.state.withLock { $0.actors.values.map(\.options.concurrencyMax).max() } == 1000)
        }
    }
}
