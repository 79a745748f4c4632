//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// A part of one GPU, up to the whole.
struct GPUShare: Hashable, Sendable {
    var index: Int
    var amount: ResourceAmount
}

/// What is free of each GPU of a node.
///
/// A whole number asks for that many untouched GPUs. A fraction lies on one GPU and goes where it
/// leaves the least over, so that fractions fill used GPUs before they open new ones.
struct GPUInstances: Sendable {
    /// Most GPUs of one node; a node that reports more counts as having this many.
    static let countMax = 1024
    private static let one = ResourceAmount(units: ResourceAmount.unitsPerOne)

    let capacity: [ResourceAmount]
    /// The numbers of the GPUs on their machine.
    let ids: [Int]
    private(set) var free: [ResourceAmount]

    init(total: ResourceAmount) {
        let whole = Int(total.units / ResourceAmount.unitsPerOne)
        let rest = ResourceAmount(units: total.units % ResourceAmount.unitsPerOne)
        precondition(whole <= Self.countMax, "the number of GPUs must be capped before")
        capacity = Array(repeating: Self.one, count: whole) + (rest > .zero ? [rest] : [])
        free = capacity
        ids = Array(capacity.indices)
    }

    /// The parts of GPUs that a bundle reserves, as GPUs of its own.
    init(parts shares: [GPUShare]) {
        capacity = shares.map(\.amount)
        free = capacity
        ids = shares.map(\.index)
    }

    /// The shares that would make up `amount` now, whole GPUs first; nothing if the free ones do not suffice.
    func shares(for amount: ResourceAmount) -> [GPUShare]? { Self.shares(for: amount, of: free) }

    /// Whether `amount` could be made up if nothing were in use.
    func couldHold(_ amount: ResourceAmount) -> Bool { Self.shares(for: amount, of: capacity) != nil }

    /// Takes shares that `shares(for:)` gave.
    mutating func take(_ shares: [GPUShare]) {
        for share in shares { free[share.index] = free[share.index] - share.amount }
    }

    /// Gives shares back.
    mutating func giveBack(_ shares: [GPUShare]) {
        for share in shares { free[share.index] = free[share.index] + share.amount }
    }

    private static func shares(for amount: ResourceAmount, of free: [ResourceAmount]) -> [GPUShare]? {
        guard amount > .zero else { return [] }
        let whole = amount.units / ResourceAmount.unitsPerOne
        let rest = ResourceAmount(units: amount.units % ResourceAmount.unitsPerOne)
        guard whole <= free.count else { return nil }
        let untouched = free.indices.filter { free[$0] == one }.prefix(Int(whole))
        var shares = untouched.map { GPUShare(index: $0, amount: one) }
        guard shares.count == whole else { return nil }
        guard rest > .zero else { return shares }
        var best: Int?
        for index in free.indices where free[index] >= rest {
            if shares.contains(where: { $0.index == index }) { continue }
            if let known = best, free[known] <= free[index] { continue }
            best = index
        }
        guard let best else { return nil }
        shares.append(GPUShare(index: best, amount: rest))
        return shares
    }
}
