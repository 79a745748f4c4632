//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayScheduler
import Testing

@Suite struct LabelSelectorTests {
    @Test("Ray's operators are read, and decide as in Ray")
    func operators() throws {
        let labels = ["zone": "a", "tier": "gold"]
        func matches(_ selector: [String: String]) throws -> Bool {
            try LabelSelector(parsing: selector).matches(labels)
        }
        #expect(try matches(["zone": "a", "tier": "!iron"]))
        #expect(try matches(["zone": "in(b, a)", "absent": "!x"]))
        #expect(try !matches(["zone": "!in(a,b)"]))
        #expect(try !matches(["absent": "x"]))
        #expect(try matches([:]))
    }

    @Test("What cannot be read is refused with the key", arguments: ["in(x,y", "!", "a b", "in(,)"])
    func refused(_ text: String) {
        let error = #expect(throws: RayError.self) { try LabelSelector(parsing: ["zone": text]) }
        #expect(error?.message.contains("'zone'") == true)
    }

    @Test("Requests with labels go to nodes that have them, and say so when none has")
    func scheduling() throws {
        var harness = SchedulerHarness()
        harness.addNode(1, ("CPU", 4))
        let strategy = SchedulingStrategy.labelled([try LabelSelector(parsing: ["zone": "b"])], spread: false)
        #expect(harness.request(1, ("CPU", 1), strategy: strategy) == nil)
        #expect(harness.reason(1)?.hasPrefix("needs a node with the labels zone=b") == true)
        let total = ResourceSet([("CPU", 1)])
        let effects = harness.send(
            .nodeAdded(SchedulerHarness.node(2), total: total, labels: ["zone": "b"], host: "h"))
        #expect(harness.granted(in: effects) == [1])
    }

    /// Two nodes of one CPU in zones a and b.
    private func zones() -> SchedulerHarness {
        var harness = SchedulerHarness()
        for (number, zone) in [(1, "a"), (2, "b")] {
            harness.send(
                .nodeAdded(
                    SchedulerHarness.node(number), total: ResourceSet([("CPU", 1)]), labels: ["zone": zone], host: "h"))
        }
        return harness
    }

    private func strategy(_ selectors: [String: String]..., spread: Bool = false) throws -> SchedulingStrategy {
        .labelled(try selectors.map { try LabelSelector(parsing: $0) }, spread: spread)
    }

    @Test("Of several selectors the first counts that a node with room fulfils", arguments: [false, true])
    func fallbacks(spread: Bool) throws {
        var harness = zones()
        let strategy = try strategy(["zone": "b"], ["zone": "a"], spread: spread)
        #expect(harness.request(1, ("CPU", 1), strategy: strategy) == 2)
        #expect(harness.request(2, ("CPU", 1), strategy: strategy) == 1)
        #expect(harness.request(3, ("CPU", 1), strategy: strategy) == nil)
        #expect(harness.request(4, ("CPU", 1), strategy: strategy) == nil)
        #expect(harness.reason(3)?.contains("the 2 nodes that could run it") == true)
        // Whichever comes free serves the next one.
        #expect(harness.release(2) == [3] && harness.node(of: 3) == 1)
        #expect(harness.release(1) == [4] && harness.node(of: 4) == 2)
    }

    @Test("A selector that no node can fulfil is passed over, one without conditions takes any node")
    func hopelessSelectors() throws {
        var harness = zones()
        #expect(harness.request(1, ("CPU", 1), strategy: try strategy(["zone": "x"], ["zone": "b"])) == 2)
        #expect(harness.request(2, ("CPU", 1), strategy: try strategy(["zone": "x"], [:])) == 1)
        let none = try strategy(["zone": "x"], ["zone": "y"])
        #expect(harness.request(3, ("CPU", 1), strategy: none) == nil)
        #expect(
            harness.reason(3)?.hasPrefix("needs a node with the labels zone=x, or else zone=y; none has them") == true)
        let joined = harness.send(
            .nodeAdded(
                SchedulerHarness.node(3), total: ResourceSet([("CPU", 1)]), labels: ["zone": "y"], host: "h"))
        #expect(harness.granted(in: joined) == [3])
    }

    @Test("Resources that only nodes of a later selector have make that one count")
    func resources() throws {
        var harness = zones()
        harness.send(
            .nodeAdded(
                SchedulerHarness.node(3), total: ResourceSet([("CPU", 8)]), labels: ["zone": "c"], host: "h"))
        let strategy = try strategy(["zone": "in(a,b)"], ["zone": "c"])
        #expect(harness.request(1, ("CPU", 4), strategy: strategy) == 3)
        #expect([1, 2].contains(harness.request(2, ("CPU", 1), strategy: strategy) ?? 0))
    }
}
