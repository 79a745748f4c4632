//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// What a node has left while bundles are being placed.
struct BundleRoom: Sendable {
    /// Where the node is in the scheduler's list.
    let node: Int
    let labels: [String: String]
    var available: ResourceSet
    var devices: AcceleratorInstances
    /// Bundles of the group that lie there.
    var bundleCount: Int
    /// Whether the group would like to be there.
    let isWished: Bool

    func fits(_ bundle: Bundle) -> Bool {
        available.contains(bundle.resources) && bundle.labels.matches(labels)
            && devices.canGive(bundle.resources)
    }

    /// Takes what a bundle wants; whether there was room.
    mutating func take(_ bundle: Bundle) -> Bool {
        guard bundle.labels.matches(labels), available.contains(bundle.resources),
            let shares = devices.shares(for: bundle.resources)
        else { return false }
        available = available - bundle.resources
        devices.take(shares)
        bundleCount += 1
        return true
    }

    /// How much a bundle would leave over, from 0; a node with GPUs that are not asked for counts as larger than all.
    func leftover(after bundle: Bundle) -> Double {
        var left = bundle.resources.entries.reduce(0.0) { sum, entry in
            sum + Double((available[entry.name] - entry.amount).units) / Double(entry.amount.units)
        }
        if bundle.resources[ResourceSet.gpu] == .zero, devices.has(.gpu) { left += 1e18 }
        return left
    }
}

/// Where the bundles of a placement group go: all of them, or none.
///
/// Bundles that are hard to place come first: those with GPUs, then with resources of the user's own, then the
/// larger ones, as in Ray.
///
/// - `PACK` fills the node that takes most of what is left, then the next.
/// - `SPREAD` takes for each bundle the node that has fewest of the group.
/// - `STRICT_PACK` takes the node that it wishes if that fits all, else the one that does with least left over.
/// - `STRICT_SPREAD` is a matching of bundles and nodes, and is found if there is one (Ray's greedy choice can
///   miss it).
///
/// `PACK` and `SPREAD` do not try all ways, which would take exponential time: a group that fits only in an unusual
/// way can wait.
struct BundlePolicy {
    /// A bundle with its number in the group.
    typealias Item = (number: Int, bundle: Bundle)

    /// The node of each bundle by its number, as indices into the scheduler's list; nothing if not all fit.
    static func place(_ items: [Item], _ strategy: PlacementStrategy, in rooms: [BundleRoom]) -> [Int: Int]? {
        let items = items.sorted { isHarder($0, $1) }
        switch strategy {
        case .pack: return pack(items, rooms)
        case .spread: return spread(items, rooms)
        case .strictPack: return strictPack(items, rooms)
        case .strictSpread: return strictSpread(items, rooms.filter { $0.bundleCount == 0 })
        }
    }

    private static func isHarder(_ left: Item, _ right: Item) -> Bool {
        let leftKeys = hardness(left.bundle.resources)
        let rightKeys = hardness(right.bundle.resources)
        for (a, b) in zip(leftKeys, rightKeys) where a != b { return a > b }
        return left.number < right.number
    }

    private static func hardness(_ resources: ResourceSet) -> [Int64] {
        let known = [ResourceSet.gpu, ResourceSet.objectStoreMemory, ResourceSet.memory, ResourceSet.cpu]
        let own = resources.entries.filter { !known.contains($0.name) }.reduce(Int64(0)) {
            $0.addingReportingOverflow($1.amount.units).partialValue
        }
        return [
            resources[ResourceSet.gpu].units, own, resources[ResourceSet.objectStoreMemory].units,
            resources[ResourceSet.memory].units, resources[ResourceSet.cpu].units,
        ]
    }

    private static func pack(_ items: [Item], _ given: [BundleRoom]) -> [Int: Int]? {
        var rooms = given
        var rest = items
        var places: [Int: Int] = [:]
        while let first = rest.first {
            var best: (index: Int, count: Int, used: Bool, left: Double)?
            for (index, room) in rooms.enumerated() where room.fits(first.bundle) {
                var trial = room
                let count = rest.count { trial.take($0.bundle) }
                let candidate = (index, count, room.bundleCount > 0, room.leftover(after: first.bundle))
                if let best, !isBetter(candidate, best) { continue }
                best = candidate
            }
            guard let best else { return nil }
            rest.removeAll { item in
                guard rooms[best.index].take(item.bundle) else { return false }
                places[item.number] = rooms[best.index].node
                return true
            }
        }
        return places
    }

    private static func isBetter(
        _ left: (index: Int, count: Int, used: Bool, left: Double),
        _ right: (index: Int, count: Int, used: Bool, left: Double)
    ) -> Bool {
        if left.count != right.count { return left.count > right.count }
        if left.used != right.used { return left.used }
        return left.left < right.left
    }

    private static func spread(_ items: [Item], _ given: [BundleRoom]) -> [Int: Int]? {
        var rooms = given
        var places: [Int: Int] = [:]
        for item in items {
            var best: (index: Int, count: Int, left: Double)?
            for (index, room) in rooms.enumerated() where room.fits(item.bundle) {
                let left = room.leftover(after: item.bundle)
                if let best, (best.count, best.left) <= (room.bundleCount, left) { continue }
                best = (index, room.bundleCount, left)
            }
            guard let best, rooms[best.index].take(item.bundle) else { return nil }
            places[item.number] = rooms[best.index].node
        }
        return places
    }

    private static func strictPack(_ items: [Item], _ rooms: [BundleRoom]) -> [Int: Int]? {
        let sum = Bundle(items.reduce(ResourceSet()) { $0 + $1.bundle.resources })
        var best: (node: Int, left: Double)?
        for room in rooms {
            var trial = room
            guard items.allSatisfy({ trial.take($0.bundle) }) else { continue }
            let left = room.isWished ? -1 : room.leftover(after: sum)
            if let best, best.left <= left { continue }
            best = (room.node, left)
        }
        guard let best else { return nil }
        return Dictionary(uniqueKeysWithValues: items.map { ($0.number, best.node) })
    }

    /// Gives each bundle a node of its own, moving bundles that were placed before where that helps.
    private static func strictSpread(_ items: [Item], _ rooms: [BundleRoom]) -> [Int: Int]? {
        guard items.count <= rooms.count else { return nil }
        var holder: [Int?] = Array(repeating: nil, count: rooms.count)
        for start in items.indices {
            // Breadth first over the ways to move bundles on, so that depth costs no stack.
            var cameFrom: [Int?] = Array(repeating: nil, count: rooms.count)
            var queue = [start]
            var end: Int?
            while let item = queue.first, end == nil {
                queue.removeFirst()
                let bundle = items[item].bundle
                let candidates = rooms.indices.filter { cameFrom[$0] == nil && rooms[$0].fits(bundle) }
                    .sorted { rooms[$0].leftover(after: bundle) < rooms[$1].leftover(after: bundle) }
                for room in candidates {
                    cameFrom[room] = item
                    guard let held = holder[room] else {
                        end = room
                        break
                    }
                    queue.append(held)
                }
            }
            guard var room = end else { return nil }
            while let item = cameFrom[room] {
                let previous = holder.firstIndex(of: item)
                holder[room] = item
                guard item != start, let previous else { break }
                room = previous
            }
        }
        var places: [Int: Int] = [:]
        for (room, item) in holder.enumerated() {
            if let item { places[items[item].number] = rooms[room].node }
        }
        return places
    }
}
