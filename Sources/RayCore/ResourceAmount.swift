//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// An amount of one resource in units of 1/10,000, as in Ray's `fixed_point.h`.
///
/// Fractions add up exactly: 0.1 taken and given back ten times leaves nothing over.
package struct ResourceAmount: Comparable, Hashable, Sendable, CustomStringConvertible {
    /// The amount in ten-thousandths.
    package var units: Int64

    package static let unitsPerOne: Int64 = 10_000
    /// Largest amount that a message may carry.
    package static let unitsMax: Int64 = 1 << 60

    package init(units: Int64) { self.units = units }

    /// The amount nearest to `value`, at most what a message may carry; "not a number" is 0.
    package init(_ value: Double) {
        let scaled = (value * Double(Self.unitsPerOne)).rounded()
        let most = Double(Self.unitsMax)
        units = scaled.isNaN ? 0 : Int64(max(-most, min(most, scaled)))
    }

    package static let zero = ResourceAmount(units: 0)

    /// The amount as a number.
    package var value: Double { Double(units) / Double(Self.unitsPerOne) }

    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.units < rhs.units }

    /// The sum; what is beyond the largest number ends there, since peers tell amounts.
    package static func + (lhs: Self, rhs: Self) -> Self {
        let (sum, overflow) = lhs.units.addingReportingOverflow(rhs.units)
        return Self(units: overflow ? (rhs.units < 0 ? .min : .max) : sum)
    }

    /// The difference; what is beyond the largest number ends there.
    package static func - (lhs: Self, rhs: Self) -> Self {
        let (difference, overflow) = lhs.units.subtractingReportingOverflow(rhs.units)
        return Self(units: overflow ? (rhs.units < 0 ? .max : .min) : difference)
    }

    /// "2", "0.5": no trailing zeros.
    package var description: String {
        let whole = units / Self.unitsPerOne
        let rest = units % Self.unitsPerOne
        guard rest != 0 else { return "\(whole)" }
        return "\(value)"
    }
}
