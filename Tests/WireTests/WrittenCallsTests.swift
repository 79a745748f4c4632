//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import Testing

@Suite("Calls written before")
struct WrittenCallsTests {
    /// Tasks of calls that come again, are changed between their tasks, and are made anew where others were.
    private struct Tasks {
        var random: SplitMix64
        var calls: [Shared<TaskCall>] = []

        init(seed: UInt64) {
            random = SplitMix64(seed: seed)
            // More than are kept.
            calls = (0..<100).map(Self.call)
        }

        static func call(_ number: Int) -> Shared<TaskCall> {
            Shared(
                TaskCall(
                    function: FunctionDescriptor(language: .swift, module: "m", function: "f\(number)"),
                    name: "n\(number)"))
        }

        static func owner(_ number: Int) -> Address {
            Address(
                node: MessageSamples.nodeID, worker: WorkerID(1, 2, 3, UInt32(number)), host: "host\(number)", port: 7,
                socketPath: "/s")
        }

        mutating func pick(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }

        /// Changes the call in its place: nobody else but the writer may have it.
        mutating func change(_ place: Int) {
            switch pick(40) {
            case 0: calls[place].value.name += "x"
            case 1: calls[place].value.isTraced.toggle()
            case 2: calls[place].value.generator = GeneratorSpec(backpressure: pick(9), skip: pick(9))
            case 3: calls[place].value.concurrencyGroup = "group\(pick(3))"
            case 4: calls[place].value.returnCount = pick(5)
            case 5: calls[place].value.retriesMax = pick(5)
            case 6: calls[place].value.resources = ResourceSet([("CPU", Double(pick(5)))])
            case 7: calls[place].value.function.hash = "\(pick(100))"
            case 8...11: calls[place] = Self.call(1_000 + pick(1_000))
            default: break
            }
        }

        mutating func next(_ number: Int) -> TaskSpec {
            let place = pick(10) == 0 ? pick(100) : pick(2)
            change(place)
            return TaskSpec(
                id: TaskID(UInt64(number), 1, 2),
                kind: .actorCall(MessageSamples.actorID, sequence: UInt64(number)), call: calls[place],
                arguments: pick(2) == 0 ? [] : [.reference(MessageSamples.reference)],
                attempt: pick(5) == 0 ? pick(3) : 0, owner: Self.owner(pick(5) == 0 ? pick(3) : 0))
        }
    }

    @Test("A writer of many calls writes what any other writes", arguments: 0..<20 as Range<UInt64>)
    func sameBytes(seed: UInt64) {
        var tasks = Tasks(seed: seed)
        var many = WireWriter(manyCalls: true)
        for number in 0..<2_000 {
            let spec = tasks.next(number)
            many.removeAll()
            spec.encode(into: &many)
            var one = WireWriter()
            spec.encode(into: &one)
            #expect(many.bytes == one.bytes)
        }
    }
}
