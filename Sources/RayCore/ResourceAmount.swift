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
    /// Largest amount that a message may carry, so that sums over a cluster cannot overflow.
    package static let unitsMax: Int64 = 1 << 60

    package init(units: Int64) { self.units = units }

    /// The amount nearest to `value`; values beyond ±9·10¹⁴ are capped, "not a number" is 0.
    package init(_ value: Double) {
        let scaled = (value * Double(Self.unitsPerOne)).rounded()
        units = scaled.isNaN ? 0 : Int64(max(-9e18, min(9e18, scaled)))
    }

    package static let zero = ResourceAmount(units: 0)

    /// The amount as a number.
    package var value: Double { Double(units) / Double(Self.unitsPerOne) }

    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.units < rhs.units }
    package static func + (lhs: Self, rhs: Self) -> Self { Self(units: lhs.units + rhs.units) }
    package static func - (lhs: Self, rhs: Self) -> Self { Self(units: lhs.units - rhs.units) }

    /// "2", "0.5": no trailing zeros.
    package var description: String {
        let whole = units / Self.unitsPerOne
        let rest = units % Self.unitsPerOne
        guard rest != 0 else { return "\(whole)" }
        return "\(value)"
    }
}
