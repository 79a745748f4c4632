//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import Testing

@Suite("Messages")
struct MessageTests {
    private func decode(kind: UInt16, _ payload: [UInt8]) throws(WireError) -> Message {
        let result = payload.withUnsafeBytes { bytes -> Result<Message, WireError> in
            do throws(WireError) {
                return .success(try Message(kind: kind, payload: bytes))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    @Test("There is a sample of every kind that can be read, and of no other")
    func samplesAreComplete() {
        let readable = (0...4095 as ClosedRange<UInt16>).filter { kind in
            do throws(WireError) {
                _ = try decode(kind: kind, [])
                return true
            } catch {
                return error != .unknownCase("message kind", Int(kind))
            }
        }
        #expect(readable == MessageSamples.all.map(\.kind).sorted())
        #expect(readable.allSatisfy { $0 >= LinkFrameKind.applicationMin })
    }

    @Test("An error in a form of Python's own keeps its bytes")
    func foreignError() {
        let object = RayObject(data: [0xce, 1, 2, 3], metadata: ErrorType.taskExecution.metadata)
        let error = object.data.withUnsafeBytes { RayError(data: $0, metadata: object.metadata) }
        #expect(error?.type == .taskExecution && error?.payload == object.data)
        let written = RayError(.taskExecution, "text", payload: [7])
        #expect(
            written.object.data.withUnsafeBytes { RayError(data: $0, metadata: written.object.metadata) } == written)
    }

    @Test("Functions of Python are shown as Ray shows them")
    func pythonNames() {
        func shown(_ kind: TracedCall.Kind, _ className: String, _ function: String) -> String {
            let call = TracedCall(
                kind: kind,
                function: FunctionDescriptor(language: .python, module: "m", className: className, function: function))
            return call.functionName
        }
        #expect(shown(.normal, "", "test.<locals>.f") == "f")
        #expect(shown(.actorCall, "test.<locals>.Counter", "add") == "Counter.add")
        #expect(shown(.actorCreation, "Counter", "__init__") == "Counter.__init__")
    }

    @Test("Every message comes back as it was written")
    func roundTrip() throws {
        for message in MessageSamples.all {
            #expect(try decode(kind: message.kind, message.payload) == message)
        }
    }

    @Test("A number of things that cannot be is refused, so that nobody adds it up", arguments: [-1, .min, .max])
    func impossibleNumbers(_ number: Int) {
        let reports: [Message] = [
            .nodeReport(NodeReport(storeUsed: 0, storeCapacity: 0, objectCount: 0, workerCount: number)),
            .clusterStatus(waiting(groups: number, bundles: 1)), .clusterStatus(waiting(groups: 1, bundles: number)),
            .spillReport(SpillReport(spilledBytes: number)),
            .taskEvents(TaskEvents(dropped: number)),
            .objectsListed(ObjectsListed(token: 1, objects: [], omitted: number)),
            .taskDone(
                TaskDone(
                    task: MessageSamples.taskID, attempt: 0,
                    results: [.stored(at: MessageSamples.address, byteCount: number)])),
        ]
        for message in reports {
            #expect(throws: WireError.limitExceeded("a number of things", number)) {
                try decode(kind: message.kind, message.payload)
            }
        }
    }

    /// A cluster where so many placement groups wait, of so many bundles each.
    private func waiting(groups: Int, bundles: Int) -> ClusterStatus {
        let group = GroupDemand(
            bundles: [GroupDemand.Bundles(shape: ResourceSet(), count: bundles)], strategy: "PACK", count: groups,
            reason: PendingReason(.infeasible, "too much"))
        return ClusterStatus(
            nodes: [], demands: [], actorsAlive: 0, actorsPending: 0, actorsDead: 0, jobs: 0, warnings: [],
            groups: [group])
    }

    @Test("An item of a generator beyond those that it can make is refused: it would have no id")
    func impossibleItem() {
        let item = GeneratorItem(
            task: MessageSamples.taskID, attempt: 0, index: .max, result: .inline(MessageSamples.object),
            contained: [])
        let message = Message.generatorItem(item)
        #expect(throws: WireError.limitExceeded("items of a generator", Int(UInt32.max))) {
            try decode(kind: message.kind, message.payload)
        }
    }

    @Test("An actor's settings beyond what a message can say are cut off", arguments: [-1, .min, .max])
    func extremeSettings(_ number: Int) throws {
        var spec = ActorSpec(id: MessageSamples.actorID, creation: MessageSamples.call, name: "", namespace: "")
        spec.concurrencyMax = number
        let message = Message.createActor(CreateActor(spec: spec))
        guard case .createActor(let found) = try decode(kind: message.kind, message.payload) else { return }
        #expect(found.spec.concurrencyMax == Int(UInt32(clamping: number)))
    }

    @Test("Seconds since 1970 become nanoseconds, whatever Python says")
    func errorTimes() {
        #expect(ErrorReport.nanoseconds(1.5) == 1_500_000_000)
        for none in [-1, -Double.infinity, .nan, 0] { #expect(ErrorReport.nanoseconds(none) == 0) }
        for late in [1e12, 1e300, Double.infinity] { #expect(ErrorReport.nanoseconds(late) == .max) }
    }

    @Test("Optional fields may be absent and lists empty")
    func absentFields() throws {
        let sparse: [Message] = [
            .done(Done()),
            .actorFound(ActorFound()),
            .keyValueReply(KeyValueReply(keys: [], count: 0)),
            .taskDone(TaskDone(task: .none, attempt: 0, results: [])),
            .objectStatus(ObjectStatus(object: .none)),
            .pushTask(
                PushTask(
                    lease: .none,
                    spec: TaskSpec(
                        id: .none, function: FunctionDescriptor(language: .cpp, module: "", function: "")))),
        ]
        for message in sparse { #expect(try decode(kind: message.kind, message.payload) == message) }
    }

    @Test("Which items of a generator are wanted travels with its task, with an environment or without")
    func generators() throws {
        for environment in [nil, MessageSamples.environment] {
            for again in [[], [1, 3]] {
                var spec = TaskSpec(
                    id: MessageSamples.taskID,
                    function: FunctionDescriptor(language: .swift, module: "M", function: "f"),
                    owner: MessageSamples.address)
                spec.environment = environment
                spec.generator = GeneratorSpec(backpressure: 2, skip: GeneratorSpec.skipsAll, again: again)
                let message = Message.pushTask(PushTask(lease: MessageSamples.leaseID, spec: spec))
                #expect(try decode(kind: message.kind, message.payload) == message)
            }
        }
    }

    @Test("The tasks that an error has failed as an argument travel with it")
    func dependents() throws {
        var error = MessageSamples.error
        error.dependents = ["f", "g"]
        let message = Message.taskDone(TaskDone(task: MessageSamples.taskID, attempt: 0, results: [], error: error))
        #expect(try decode(kind: message.kind, message.payload) == message)
    }

    @Test("A task that is not recorded says so to its worker, also with an environment or items that are wanted")
    func untraced() throws {
        for environment in [nil, MessageSamples.environment] {
            for generator in [nil, GeneratorSpec(backpressure: 2, skip: 3, again: [1])] {
                var spec = MessageSamples.call
                spec.environment = environment
                spec.generator = generator
                spec.isTraced = false
                let message = Message.pushTask(PushTask(lease: MessageSamples.leaseID, spec: spec))
                #expect(try decode(kind: message.kind, message.payload) == message)
            }
        }
    }

    @Test("The limit of all generators of an actor travels with a call, whatever else does", arguments: [false, true])
    func actorLimit(isTraced: Bool) throws {
        for environment in [nil, MessageSamples.environment] {
            for again in [[], [1, 3]] {
                var spec = MessageSamples.call
                spec.environment = environment
                spec.generator = GeneratorSpec(actorBackpressure: 7, skip: 4, again: again)
                spec.isTraced = isTraced
                let message = Message.pushTask(PushTask(lease: MessageSamples.leaseID, spec: spec))
                #expect(try decode(kind: message.kind, message.payload) == message)
            }
        }
    }

    @Test("Each wish for a node comes back as it was written")
    func nodeAffinity() throws {
        for (isSoft, waits) in [(false, true), (true, true), (false, false)] {
            let strategy = SchedulingStrategy.nodeAffinity(MessageSamples.nodeID, soft: isSoft, waits: waits)
            let message = Message.requestLease(
                RequestLease(
                    lease: .none, job: MessageSamples.jobID, shape: ResourceSet(), strategy: strategy, locality: [],
                    owner: .none))
            #expect(try decode(kind: message.kind, message.payload) == message)
        }
    }

    @Test("A strategy has one label selector or several, but not none or too many")
    func labelSelectors() throws {
        let zone = try LabelSelector(parsing: ["zone": "in(a,b)", "tier": "!x"])
        func request(_ selectors: [LabelSelector]) -> RequestLease {
            RequestLease(
                lease: .none, job: MessageSamples.jobID, shape: ResourceSet(),
                strategy: .labelled(selectors, spread: true), locality: [], owner: .none)
        }
        for selectors in [[zone], [zone, LabelSelector()], Array(repeating: zone, count: 64)] {
            let message = Message.requestLease(request(selectors))
            #expect(try decode(kind: message.kind, message.payload) == message)
        }
        for selectors in [[], Array(repeating: zone, count: 65)] {
            let message = Message.requestLease(request(selectors))
            #expect(throws: WireError.self) { try decode(kind: message.kind, message.payload) }
        }
    }

    @Test("The bytes of these messages never change", arguments: Golden.all)
    func golden(_ golden: Golden) throws {
        #expect(golden.message.kind == golden.kind)
        #expect(golden.message.payload.hex == golden.hex)
        let bytes = try #require([UInt8](hex: golden.hex))
        #expect(try decode(kind: golden.kind, bytes) == golden.message)
    }

    @Test("Bytes that a newer version adds behind the known fields are skipped")
    func newerMessage() throws {
        for message in MessageSamples.all {
            #expect(try decode(kind: message.kind, message.payload + [1, 2, 3, 255]) == message)
        }
    }

    @Test("Fields that a newer version adds inside a record are skipped, and what follows is read")
    func newerRecord() throws {
        var writer = WireWriter()
        writer.write(MessageSamples.leaseID)
        writer.write(record: { writer in
            writer.write(MessageSamples.nodeID)
            writer.write(MessageSamples.workerID)
            writer.write("10.0.0.1")
            writer.write(UInt16(6379))
            writer.write("/run/a.sock")
            writer.write("a field of version 2")
        })
        writer.write(Int32(42))
        let expected = LeaseReady(lease: MessageSamples.leaseID, worker: MessageSamples.address, processID: 42)
        #expect(try decode(kind: 20, writer.bytes) == .leaseReady(expected))
    }

    /// Bytes of fields that were added to a kind later: without all of them it is what an older version sends.
    private static func addedBytes(_ message: Message) -> [Int] {
        switch message {
        case .nodeRegistered: return [8]
        case .jobRegistered: return [8, 8 + 5]
        case .clusterStatus(let message):
            var writer = WireWriter()
            writer.write(list: message.groups)
            let groups = writer.bytes.count
            return [groups, groups + 8, groups + 8 + 32]
        case .actorUpdate: return [1, 1 + 8]
        case .assignLease(let message):
            var writer = WireWriter()
            writer.write(message.held)
            let held = writer.bytes.count
            writer.write(optional: message.bundle)
            let both = writer.bytes.count
            writer.write(optional: message.environment)
            let all = writer.bytes.count
            return [all - both, all - held, all]
        default: return MessageSamples.addedBytes[message.kind].map { [$0] } ?? []
        }
    }

    @Test("Messages of an older version, without the fields added since, are read")
    func olderVersion() throws {
        for message in MessageSamples.all {
            for count in Self.addedBytes(message) {
                _ = try decode(kind: message.kind, Array(message.payload.dropLast(count)))
            }
        }
    }

    @Test("A message that is cut off anywhere throws, unless an earlier version ended there")
    func truncated() {
        for message in MessageSamples.all {
            let payload = message.payload
            let older = Self.addedBytes(message).map { payload.count - $0 }
            for count in 0..<payload.count where !older.contains(count) {
                #expect(throws: WireError.truncated, "\(message) cut to \(count) bytes") {
                    try decode(kind: message.kind, Array(payload[..<count]))
                }
            }
        }
    }

    @Test("A count beyond its limit is refused before memory is taken")
    func counts() {
        var writer = WireWriter()
        writer.write(UInt32(Limits.listCountMax) + 1)
        #expect(throws: WireError.limitExceeded("list count", Limits.listCountMax + 1)) {
            try decode(kind: 118, writer.bytes)
        }
        #expect(throws: WireError.truncated) { try decode(kind: 118, [0, 0, 16, 0, 1, 2, 3]) }
        #expect(throws: WireError.truncated) { try decode(kind: 98, [255, 255, 255, 255, 65]) }
    }

    @Test("Numbers, texts and amounts without a meaning are refused")
    func senseless() {
        #expect(throws: WireError.unknownCase("Bool", 2)) { try decode(kind: 86, [2]) }
        #expect(throws: WireError.invalidText) { try decode(kind: 98, [1, 0, 0, 0, 0xff]) }
        var writer = WireWriter()
        writer.write(MessageSamples.leaseID)
        writer.write(MessageSamples.jobID)
        writer.write(UInt32(1))
        writer.write("CPU")
        writer.write(Int64(-1))
        #expect(throws: WireError.limitExceeded("resource amount", -1)) { try decode(kind: 64, writer.bytes) }
    }

    @Test("Twenty thousand mutated messages are read or throw; what is read can be written and read again")
    func mutated() throws {
        let samples = MessageSamples.all.map { (kind: $0.kind, payload: $0.payload) }
        var generator = SplitMix64(seed: 20_260)
        var readCount = 0
        for _ in 0..<20_000 {
            let sample = samples.randomElement(using: &generator) ?? samples[0]
            var payload = sample.payload
            mutate(&payload, using: &generator)
            // One in eight is read as another kind.
            let kind =
                UInt8.random(in: 0..<8, using: &generator) == 0
                ? UInt16.random(in: 0...160, using: &generator) : sample.kind
            guard let message = try? decode(kind: kind, payload) else { continue }
            readCount += 1
            #expect(try decode(kind: kind, message.payload) == message)
        }
        #expect((1_000..<19_000).contains(readCount), "\(readCount) were read: the mutations are wrong")
    }

    private func mutate(_ bytes: inout [UInt8], using generator: inout SplitMix64) {
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            let position = Int.random(in: 0...bytes.count, using: &generator)
            switch UInt8.random(in: 0..<6, using: &generator) {
            case 0: bytes.removeSubrange(position...)
            case 1: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: position)
            case 2: bytes.append(contentsOf: (0..<8).map { _ in UInt8.random(in: 0...255, using: &generator) })
            case 3 where position < bytes.count: bytes[position] = UInt8.random(in: 0...255, using: &generator)
            case 4 where position < bytes.count: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 5 where position < bytes.count: bytes.remove(at: position)
            default: break
            }
        }
    }
}
