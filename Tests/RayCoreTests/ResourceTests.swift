//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import Testing

@Suite("Resources")
struct ResourceTests {
    @Test("Fractions add up exactly")
    func exactness() {
        var sum = ResourceAmount.zero
        for _ in 0..<10 { sum = sum + ResourceAmount(0.1) }
        #expect(sum == ResourceAmount(1))
        var set = ResourceSet([("GPU", 1)])
        for _ in 0..<3 { set = set - ResourceSet([("GPU", 0.3333)]) }
        #expect(set["GPU"].units == 1)
        for _ in 0..<3 { set = set + ResourceSet([("GPU", 0.3333)]) }
        #expect(set == ResourceSet([("GPU", 1)]))
    }

    @Test("An amount is the nearest ten-thousandth", arguments: [(0.1, 1000), (0.00006, 1), (0.00004, 0), (2, 20_000)])
    func rounding(_ value: Double, _ units: Int64) { #expect(ResourceAmount(value).units == units) }

    @Test("No number traps")
    func extremes() {
        for value in [Double.infinity, -.infinity, .nan, .greatestFiniteMagnitude, -.greatestFiniteMagnitude] {
            _ = ResourceAmount(value)
        }
        #expect(ResourceAmount(.nan) == .zero)
        #expect(ResourceAmount(.infinity) > ResourceAmount(1e12))
        let most = ResourceAmount(.infinity)
        #expect(most.units == ResourceAmount.unitsMax)
        let sum = (0..<16).reduce(ResourceAmount.zero) { sum, _ in sum + most }
        #expect(sum.units == .max)
        #expect((0..<16).reduce(ResourceAmount.zero) { sum, _ in sum - most }.units == .min)
        #expect((ResourceAmount(units: -2) - ResourceAmount(units: .max)).units == .min)
        #expect((ResourceAmount(units: 1) - ResourceAmount(units: .min)).units == .max)
        #expect((ResourceAmount(units: .min) + ResourceAmount(units: -1)).units == .min)
    }

    @Test("Sets are equal whatever the order in which they were made, and zero is absent")
    func order() {
        #expect(ResourceSet([("b", 1), ("a", 2)]) == ResourceSet([("a", 2), ("b", 1)]))
        #expect(ResourceSet([("b", 1), ("a", 2)]).entries.map(\.name) == ["a", "b"])
        var set = ResourceSet([("a", 1)])
        set["a"] = .zero
        #expect(set.isEmpty)
        #expect(ResourceSet([("a", 1), ("a", 2)]) == ResourceSet([("a", 3)]))
    }

    @Test("What is lacking is named")
    func lacking() {
        let total = ResourceSet([("CPU", 2), ("GPU", 1)])
        #expect(total.contains(ResourceSet([("CPU", 2)])))
        #expect(!total.contains(ResourceSet([("CPU", 2.0001)])))
        #expect(total.lacking(for: ResourceSet([("CPU", 1), ("GPU", 2), ("red", 1)])) == ["GPU", "red"])
    }

    @Test("Words for people have no trailing zeros")
    func description() {
        #expect(ResourceSet().description == "nothing")
        #expect(ResourceSet([("CPU", 2), ("GPU", 0.5)]).description == "2 CPU, 0.5 GPU")
    }
}
