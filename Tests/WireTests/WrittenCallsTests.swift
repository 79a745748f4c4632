//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import Testing

@Suite("Calls written before")
struct WrittenCallsTests {
    /// Specs in which calls, owners and tries come again, and calls are changed between their tasks.
    private func specs(_ seed: UInt64) -> [TaskSpec] {
        var random = SplitMix64(seed: seed)
        func pick(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }
        // More than are kept.
        var calls = (0..<100).map { index in
            Shared(
                TaskCall(
                    function: FunctionDescriptor(language: .swift, module: "m", function: "f\(index)"),
                    name: "n\(index)"))
        }
        let owners = (0..<3).map { index in
            Address(
                node: MessageSamples.nodeID, worker: WorkerID(1, 2, 3, UInt32(index)), host: "host\(index)", port: 7,
                socketPath: "/s")
        }
        return (0..<500).map { index in
            let place = pick(10) == 0 ? pick(100) : pick(4)
            switch pick(20) {
            case 0: calls[place].value.name += "x"
            case 1: calls[place].value.isTraced.toggle()
            case 2: calls[place].value.generator = GeneratorSpec(backpressure: pick(9), skip: pick(9))
            case 3: calls[place].value.concurrencyGroup = "group\(pick(3))"
            default: break
            }
            return TaskSpec(
                id: TaskID(UInt64(index), 1, 2), kind: .actorCall(MessageSamples.actorID, sequence: UInt64(index)),
                call: calls[place], arguments: pick(2) == 0 ? [] : [.reference(MessageSamples.reference)],
                attempt: pick(5) == 0 ? pick(3) : 0, owner: owners[pick(5) == 0 ? pick(3) : 0])
        }
    }

    @Test("A writer of many calls writes what any other writes", arguments: 0..<20 as Range<UInt64>)
    func sameBytes(seed: UInt64) {
        var many = WireWriter(manyCalls: true)
        for spec in specs(seed) {
            many.removeAll()
            spec.encode(into: &many)
            var one = WireWriter()
            spec.encode(into: &one)
            #expect(many.bytes == one.bytes)
        }
    }
}
