//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// A part of one device, up to the whole.
struct AcceleratorShare: Hashable, Sendable {
    /// Where it is in `AcceleratorInstances`.
    var index: Int
    var amount: ResourceAmount
}

/// What is free of each device of a node: GPUs, and other accelerators that are counted device by device.
///
/// A whole number of a kind asks for that many untouched devices of it. A fraction lies on one device and goes where it
/// leaves the least over, so that fractions fill used devices before they open new ones.
struct AcceleratorInstances: Sendable {
    /// Most devices of a kind on one node; a node that reports more counts as having this many.
    static let countMax = 1024
    private static let one = ResourceAmount(units: ResourceAmount.unitsPerOne)

    /// The devices, kind after kind.
    let ids: [AcceleratorID]
    let capacity: [ResourceAmount]
    private(set) var free: [ResourceAmount]

    /// The devices of a node.
    init(total: ResourceSet) {
        var ids: [AcceleratorID] = []
        var capacity: [ResourceAmount] = []
        for (kind, amount) in total.accelerators {
            let whole = Int(amount.units / ResourceAmount.unitsPerOne)
            let rest = ResourceAmount(units: amount.units % ResourceAmount.unitsPerOne)
            precondition(whole <= Self.countMax, "the number of devices must be capped before")
            let devices = Array(repeating: Self.one, count: whole) + (rest > .zero ? [rest] : [])
            ids += devices.indices.map { AcceleratorID(kind, UInt32($0)) }
            capacity += devices
        }
        self.ids = ids
        self.capacity = capacity
        free = capacity
    }

    /// The parts of devices that a bundle reserves, as devices of its own.
    init(parts shares: [AcceleratorShare], of home: AcceleratorInstances) {
        ids = shares.map { home.ids[$0.index] }
        capacity = shares.map(\.amount)
        free = capacity
    }

    /// What a node can be believed to have: no more devices of a kind than are kept apart.
    static func capped(_ total: ResourceSet) -> ResourceSet {
        var capped = total
        for (kind, amount) in total.accelerators {
            capped[kind.resource] = min(amount, ResourceAmount(Double(countMax)))
        }
        return capped
    }

    /// Whether there is a device of a kind.
    func has(_ kind: Accelerator) -> Bool { ids.contains { $0.kind == kind } }

    /// The devices of shares.
    func ids(of shares: [AcceleratorShare]) -> [AcceleratorID] { shares.map { ids[$0.index] } }

    /// The shares that would make up what is wanted of accelerators now, of each kind whole devices first; nothing if the
    /// free ones do not suffice.
    func shares(for wanted: ResourceSet) -> [AcceleratorShare]? { shares(for: wanted, of: free) }

    /// Whether the free ones suffice.
    func canGive(_ wanted: ResourceSet) -> Bool { ids.isEmpty || shares(for: wanted) != nil }

    /// Whether what is wanted could be made up if nothing were in use.
    func couldHold(_ wanted: ResourceSet) -> Bool { shares(for: wanted, of: capacity) != nil }

    /// The shares of what is wanted on just these devices: of each kind whole ones first, the rest on the last; nothing if one
    /// is in use.
    func shares(for wanted: ResourceSet, at devices: [AcceleratorID]) -> [AcceleratorShare]? {
        var left = wanted
        var shares: [AcceleratorShare] = []
        for device in devices {
            guard let index = ids.firstIndex(of: device), !shares.contains(where: { $0.index == index }) else {
                return nil
            }
            let amount = min(left[device.kind.resource], Self.one)
            guard amount > .zero, amount <= free[index] else { return nil }
            shares.append(AcceleratorShare(index: index, amount: amount))
            left[device.kind.resource] = left[device.kind.resource] - amount
        }
        return left.accelerators.isEmpty ? shares : nil
    }

    /// Takes shares that `shares(for:)` gave.
    mutating func take(_ shares: [AcceleratorShare]) {
        for share in shares { free[share.index] = free[share.index] - share.amount }
    }

    /// Gives shares back.
    mutating func giveBack(_ shares: [AcceleratorShare]) {
        for share in shares { free[share.index] = free[share.index] + share.amount }
    }

    private func shares(for wanted: ResourceSet, of free: [ResourceAmount]) -> [AcceleratorShare]? {
        var shares: [AcceleratorShare] = []
        for (kind, amount) in wanted.accelerators {
            guard let more = self.shares(for: amount, of: kind, free) else { return nil }
            shares += more
        }
        return shares
    }

    private func shares(
        for amount: ResourceAmount, of kind: Accelerator, _ free: [ResourceAmount]
    ) -> [AcceleratorShare]? {
        let devices = free.indices.filter { ids[$0].kind == kind }
        let whole = amount.units / ResourceAmount.unitsPerOne
        let rest = ResourceAmount(units: amount.units % ResourceAmount.unitsPerOne)
        guard whole <= devices.count else { return nil }
        let untouched = devices.filter { free[$0] == Self.one }.prefix(Int(whole))
        var shares = untouched.map { AcceleratorShare(index: $0, amount: Self.one) }
        guard shares.count == whole else { return nil }
        guard rest > .zero else { return shares }
        var best: Int?
        for index in devices where free[index] >= rest {
            if shares.contains(where: { $0.index == index }) { continue }
            if let known = best, free[known] <= free[index] { continue }
            best = index
        }
        guard let best else { return nil }
        shares.append(AcceleratorShare(index: best, amount: rest))
        return shares
    }
}

extension ResourceSet {
    /// What is counted device by device, in order of the names.
    var accelerators: [(kind: Accelerator, amount: ResourceAmount)] {
        entries.compactMap { entry in
            guard entry.amount > .zero, let kind = Accelerator(resource: entry.name) else { return nil }
            return (kind, entry.amount)
        }
    }

    /// What may be in pieces too small, where nothing is lacking.
    var firstAccelerator: String { accelerators.first?.kind.resource ?? ResourceSet.gpu }
}
