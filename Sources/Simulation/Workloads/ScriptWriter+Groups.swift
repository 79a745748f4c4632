//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// Placement groups, and what runs in them.
extension ScriptWriter {
    private struct Wish {
        var strategy: PlacementStrategy
        var cpus: [Int]
        /// Whether it fits into the nodes when nothing else is in use.
        var isFeasible: Bool
    }

    /// A group: work before and after it has its bundles, work that never ends by itself, its end, and work too late.
    mutating func group() {
        let group = slot()
        let wish = wish()
        let isCertain = isCalm && wish.isFeasible
        var inside: [Int] = []
        operations.append(.createGroup(into: group, wish.strategy, cpus: wish.cpus))
        // An actor may take the CPU of a task that waits, and keep it; so one that holds a CPU has a bundle to itself.
        let holdsFirst = wish.cpus.count > 1 && random(0...1) == 0
        for _ in 0..<random(0...2) { inside.append(work(in: group, wish, keepsFirst: holdsFirst)) }
        let patience = isCertain ? 100_000 : random(100...8_000)
        operations.append(.awaitGroup(group, milliseconds: patience, isCertain: isCertain, skipping: 0))
        operations.append(.inspectGroup(group))
        if random(0...1) == 0 { inside += actor(in: group, holdsFirst: holdsFirst) }
        for _ in 0..<random(1...6) { inside.append(work(in: group, wish, keepsFirst: holdsFirst)) }
        if random(0...2) == 0 { operations.append(.compute(microseconds: random(10...30_000))) }
        operations.append(.get(inside, timeoutMilliseconds: isCertain ? nil : random(2_000...15_000)))
        operations.append(.letGo)
        for _ in 0..<random(0...2) {
            inside.append(submit(.endless, in: Operation.Place(group: group), .groupRemoved(or: nil)))
        }
        if random(0...1) == 0 { inside.append(work(in: group, wish, keepsFirst: holdsFirst, isLate: true)) }
        if random(0...2) == 0 { operations.append(.compute(microseconds: random(10...60_000))) }
        operations.append(.inspectGroup(group))
        operations.append(.removeGroup(group))
        if random(0...1) == 0 {
            inside.append(submit(.endless, in: Operation.Place(group: group), .groupRemoved(or: nil)))
        }
        operations.append(.awaitGroup(group, milliseconds: 1_000, isCertain: true, skipping: 0))
        getAndRelease(inside)
    }

    /// One task in a group; some make a group themselves.
    private mutating func work(in group: Int, _ wish: Wish, keepsFirst: Bool, isLate: Bool = false) -> Int {
        let value = value()
        let first = keepsFirst ? 1 : 0
        let bundle = !keepsFirst && random(0...1) == 0 ? nil : random(first...wish.cpus.count - 1)
        var place = Operation.Place(group: group, bundle: bundle, capturesChildren: random(0...1) == 0)
        switch random(0...7) {
        // What a task leaves, or cannot remove any more, stays until the job ends: then others may not fit.
        case 0 where !isCalm || !isLate:
            let removes = random(0...1) == 0
            return submit(.withGroup(value: value, removes: isCalm || removes), in: place, .value(value))
        case 1, 2:
            // Outside of the group there may be no CPU left for children.
            place.capturesChildren = true
            let count = random(1...4)
            return submit(.fan(count: count, value: value), in: place, .value(value &+ UInt64(count * (count - 1) / 2)))
        case 3: return submit(.throwing, in: place, .thrown)
        case 4: return submit(.crashing(attempts: 1, value: value), in: place, .value(value))
        default:
            let bytes = random(0...3) == 0 ? 120_000 : 8
            return submit(
                .work(value: value, microseconds: random(50...8_000), bytes: bytes), in: place, .value(value))
        }
    }

    /// An actor in a group, and calls on it; some make groups that end with it.
    private mutating func actor(in group: Int, holdsFirst: Bool) -> [Int] {
        let actor = slot()
        var slots: [Int] = []
        let captures = random(0...1) == 0
        let place = Operation.Place(group: group, bundle: holdsFirst ? 0 : nil, capturesChildren: captures)
        operations.append(
            .createActorIn(place, into: actor, restarts: random(0...2), heldCPUs: holdsFirst ? 1 : 0))
        for _ in 0..<random(1...6) {
            let slot = slot()
            slots.append(slot)
            let value = value()
            let count = random(1...3)
            let submission: Operation.Submission =
                switch random(0...5) {
                case 0 where captures:
                    .init(
                        program: .fan(count: count, value: value), slot: slot,
                        expected: .value(value &+ UInt64(count * (count - 1) / 2)), place: place)
                case 1:
                    .init(
                        program: .withGroup(value: value, removes: false), slot: slot, expected: .value(value),
                        place: place)
                default: .init(program: .increment(number: 0), slot: slot, place: place)
                }
            operations.append(.call(.slot(actor), submission))
        }
        return slots
    }

    private mutating func submit(
        _ program: TaskProgram, in place: Operation.Place, _ expected: Expectation
    ) -> Int {
        let slot = slot()
        operations.append(.submit(.init(program: program, slot: slot, expected: expected, place: place)))
        return slot
    }

    /// What is asked for: mostly what fits, now and then what never does.
    private mutating func wish() -> Wish {
        let sizes = nodes.map(\.cpuCount).sorted(by: >)
        let strategies = PlacementStrategy.allCases
        let strategy = strategies[random(0...strategies.count - 1)]
        switch strategy {
        case .strictSpread:
            let cpus = (0..<random(1...sizes.count)).map { random(1...sizes[$0]) }
            if random(0...5) == 0 {
                return Wish(strategy: strategy, cpus: Array(repeating: 1, count: sizes.count + 1), isFeasible: false)
            }
            return Wish(strategy: strategy, cpus: cpus, isFeasible: true)
        case .strictPack:
            if random(0...5) == 0 { return Wish(strategy: strategy, cpus: [1, sizes[0]], isFeasible: false) }
            var cpus: [Int] = []
            var left = sizes[0]
            for _ in 0..<random(1...3) where left > 0 {
                cpus.append(random(1...left))
                left -= cpus.last ?? 0
            }
            return Wish(strategy: strategy, cpus: cpus, isFeasible: true)
        case .pack, .spread:
            let cpus = (0..<random(1...min(4, sizes.reduce(0, +)))).map { _ in
                random(0...3) == 0 ? random(1...4) : 1
            }
            return Wish(strategy: strategy, cpus: cpus, isFeasible: cpus.allSatisfy { $0 == 1 })
        }
    }
}
