//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// Writes what a driver does, with what each result must be.
struct ScriptWriter {
    var operations: [Operation] = []
    private var generator: SplitMix64
    private let options: SimulationOptions
    /// Whether the driver has no store: then it holds back with large values.
    let isOutside: Bool
    /// The nodes of the cluster, and whether all of them stay.
    let nodes: [Plan.Node]
    let isCalm: Bool
    private var slotCount = 0
    private var valueCount: UInt64

    init(seed: UInt64, options: SimulationOptions, isOutside: Bool, nodes: [Plan.Node], isCalm: Bool) {
        generator = SplitMix64(seed: seed)
        self.options = options
        self.isOutside = isOutside
        self.nodes = nodes
        self.isCalm = isCalm
        valueCount = seed % 1_000 * 1_000
    }

    mutating func write(_ workload: SimulationWorkload) {
        switch workload {
        case .fanOut: fanOut(options.size ?? random(20...120))
        case .chains: for _ in 0..<random(1...3) { chain(random(2...5)) }
        case .fibonacci: fibonacci(options.size ?? random(4...7))
        case .nested: for _ in 0..<random(1...4) { nested() }
        case .travellingReferences: for _ in 0..<random(2...6) { travellingReference() }
        case .counter: counter(options.size ?? random(10...40))
        case .lateReference: for _ in 0..<random(1...3) { lateReference() }
        case .longAmongShort: longAmongShort(options.size ?? 1_000)
        case .heldValues: for _ in 0..<random(4...10) { heldValue() }
        case .shuffle: for _ in 0..<random(1...2) { shuffle() }
        case .cancels: for _ in 0..<random(1...3) { cancels() }
        case .generators:
            for _ in 0..<random(1...4) { if random(0...1) == 0 { stream() } else { passOn() } }
            if random(0...1) == 0 { sharedLimit() }
        case .spills: spills()
        case .groups: for _ in 0..<random(1...3) { group() }
        case .handOvers: for _ in 0..<random(1...3) { handOvers() }
        case .mixed: mixed()
        }
    }

    mutating func random(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }

    mutating func slot() -> Int {
        slotCount += 1
        return slotCount
    }

    mutating func value() -> UInt64 {
        valueCount += 1
        return valueCount
    }

    /// Submits and returns the slot.
    @discardableResult
    mutating func submit(
        _ program: TaskProgram, _ arguments: [Operation.Argument] = [], _ expected: Expectation, retries: Int = 3
    ) -> Int {
        let slot = slot()
        operations.append(
            .submit(
                .init(program: program, arguments: arguments, slot: slot, expected: expected, retries: retries)))
        return slot
    }

    mutating func getAndRelease(_ slots: [Int]) {
        operations.append(.get(slots, timeoutMilliseconds: nil))
        operations.append(.letGo)
        operations.append(.release(slots))
    }

    // MARK: Workloads

    private mutating func fanOut(_ count: Int) {
        var slots: [Int] = []
        for index in 0..<count {
            let value = value()
            switch random(0...19) {
            case 0: slots.append(submit(.throwing, [], .thrown))
            case 1: slots.append(submit(.crashing(attempts: random(1...2), value: value), [], .value(value)))
            default:
                let microseconds = random(0...9) == 0 ? random(1_000...20_000) : random(0...800)
                let argument = UInt64(index)
                slots.append(
                    submit(
                        .work(value: value, microseconds: microseconds, bytes: random(8...2_000)),
                        [.number(argument)], .value(value &+ argument)))
            }
            if random(0...15) == 0 { operations.append(.compute(microseconds: random(10...5_000))) }
        }
        if random(0...1) == 0 { operations.append(.wait(slots, count: random(1...count))) }
        // Some are never got: their results come for nobody.
        let forgotten = slots.filter { _ in random(0...9) == 0 }
        operations.append(.release(forgotten))
        getAndRelease(slots.filter { !forgotten.contains($0) })
    }

    private mutating func chain(_ length: Int) {
        var sum = value()
        let bytes = { (writer: inout ScriptWriter) in writer.random(0...3) == 0 ? 8 : writer.random(110_000...300_000) }
        var last = submit(.work(value: sum, microseconds: random(50...3_000), bytes: bytes(&self)), [], .value(sum))
        var slots = [last]
        for _ in 1..<length {
            let value = value()
            sum = sum &+ value
            last = submit(
                .work(value: value, microseconds: random(50...3_000), bytes: bytes(&self)), [.slot(last)], .value(sum))
            slots.append(last)
            if random(0...3) == 0 {
                // A second reader of the same object, elsewhere perhaps.
                let other = self.value()
                slots.append(
                    submit(
                        .work(value: other, microseconds: random(50...2_000), bytes: 8), [.slot(last)],
                        .value(other &+ sum)))
            }
        }
        let wanted = random(0...1) == 0 ? slots : [last]
        operations.append(.release(slots.filter { !wanted.contains($0) }))
        getAndRelease(wanted)
    }

    private mutating func fibonacci(_ number: Int) {
        let slot = submit(.fibonacci(number), [], .value(TaskProgram.fibonacciValue(number)))
        getAndRelease([slot])
    }

    private mutating func nested() {
        let value = value()
        let inner = submit(
            .work(value: value, microseconds: random(100...6_000), bytes: random(0...2) == 0 ? 150_000 : 8), [],
            .value(value))
        let outer = self.value()
        let middle = submit(.nested(value: outer), [.nested(inner)], .value(outer &+ value))
        let last = self.value()
        let slot = submit(
            .nested(value: last), [.nested(middle), .nested(inner)], .value(last &+ outer &+ value &+ value))
        let fan = self.value()
        let count = random(1...6)
        let fanSum = UInt64(count * (count - 1) / 2)
        let other = submit(.fan(count: count, value: fan), [], .value(fan &+ fanSum))
        getAndRelease([slot, other])
        operations.append(.release([inner, middle]))
    }

    /// A reference goes through values of several owners; each is let go as soon as the next one holds it.
    private mutating func travellingReference() {
        if random(0...1) == 0 { return referenceOfWorker() }
        let value = value()
        let isLarge = random(0...2) == 0
        let inner = submit(
            .work(value: value, microseconds: random(50...3_000), bytes: isLarge ? 150_000 : 8), [], .value(value))
        var outer = self.value()
        let carrier: Int
        if random(0...2) == 0 {
            carrier = slot()
            operations.append(.putContaining([inner], value: outer, into: carrier))
        } else {
            let bytes = random(0...1) == 0 ? 140_000 : 8
            carrier = submit(.wrap(value: outer, bytes: bytes), [.nested(inner)], .value(outer))
        }
        operations.append(.release([inner]))
        // Read by a task: the carrier as its argument, or inside one.
        let last = self.value()
        if random(0...1) == 0 {
            outer = self.value()
            let next = submit(.wrap(value: outer, bytes: 8), [.slot(carrier)], .value(outer))
            operations.append(.release([carrier]))
            let slot = submit(.unwrap(value: last, count: 1), [.nested(next)], .value(last &+ outer &+ value))
            operations.append(.release([next]))
            return getAndRelease([slot])
        }
        let slot = submit(.unwrap(value: last, count: 1), [.nested(carrier)], .value(last &+ outer &+ value))
        operations.append(.release([carrier]))
        getAndRelease([slot])
    }

    /// A task returns a reference to what it put itself; it goes on through an actor to a third process.
    private mutating func referenceOfWorker() {
        let actor = slot()
        let value = value()
        let (outer, inner) = (self.value(), self.value())
        let waiting = slot()
        operations.append(.createActor(into: actor, restarts: 1, taskRetries: 1))
        let made = submit(.make(value: outer, inner: inner), [], .value(outer))
        let deposit = slot()
        operations.append(
            .call(.slot(actor), .init(program: .deposit, arguments: [.nested(made)], slot: deposit)))
        operations.append(.release([made]))
        operations.append(
            .submitWith(actor) {
                .init(
                    program: .awaitDepositInside($0, value: value), slot: waiting,
                    expected: .value(value &+ outer &+ inner))
            })
        operations.append(.get([waiting, deposit], timeoutMilliseconds: 30_000))
        operations.append(.release([waiting, deposit]))
    }

    private mutating func counter(_ count: Int) {
        let actor = slot()
        operations.append(.createActor(into: actor, restarts: random(0...2), taskRetries: random(0...1)))
        var slots: [Int] = []
        for _ in 0..<count {
            let slot = slot()
            slots.append(slot)
            operations.append(.call(.slot(actor), .init(program: .increment(number: 0), slot: slot)))
            if random(0...12) == 0 { operations.append(.compute(microseconds: random(10...4_000))) }
        }
        // Tasks call the same actor meanwhile.
        for _ in 0..<random(0...3) {
            let slot = slot()
            slots.append(slot)
            let calls = random(1...6)
            operations.append(
                .submitWith(actor) {
                    .init(program: .countWith($0, count: calls), slot: slot, expected: .value(UInt64(calls)))
                })
        }
        getAndRelease(slots)
    }

    /// A task waits for a reference that its owner gives to an actor later.
    private mutating func lateReference() {
        let actor = slot()
        let value = value()
        let late = self.value()
        let waiting = slot()
        operations.append(.createActor(into: actor, restarts: 1, taskRetries: 1))
        operations.append(
            .submitWith(actor) {
                .init(program: .awaitDeposit($0, value: value), slot: waiting, expected: .value(value &+ late))
            })
        operations.append(.compute(microseconds: random(0...40_000)))
        let inner = submit(.work(value: late, microseconds: random(100...3_000), bytes: 8), [], .value(late))
        let deposit = slot()
        operations.append(
            .call(.slot(actor), .init(program: .deposit, arguments: [.nested(inner)], slot: deposit)))
        // Where a fault takes the actor and what it keeps, nobody ever gives the task its reference: ask for a while.
        operations.append(.get([waiting, deposit], timeoutMilliseconds: 30_000))
        operations.append(.release([waiting, deposit, inner]))
    }

    private mutating func longAmongShort(_ count: Int) {
        let value = value()
        var slots = [submit(.work(value: value, microseconds: 5_000_000, bytes: 8), [], .value(value))]
        for _ in 0..<count {
            let value = self.value()
            slots.append(submit(.work(value: value, microseconds: 1_000, bytes: 8), [], .value(value)))
        }
        getAndRelease(slots)
    }

    /// Reads a large value on after its reference is gone, while others need room.
    private mutating func heldValue() {
        let value = value()
        let slot: Int
        if random(0...1) == 0, !isOutside {
            slot = self.slot()
            operations.append(.put(value: value, bytes: random(110_000...900_000), into: slot))
        } else {
            slot = submit(
                .work(value: value, microseconds: random(100...2_000), bytes: random(110_000...900_000)), [],
                .value(value))
        }
        operations.append(.get([slot], timeoutMilliseconds: nil))
        operations.append(.release([slot]))
        var slots: [Int] = []
        for _ in 0..<random(1...3) {
            let value = self.value()
            if random(0...2) == 0 {
                slots.append(submit(.putAndGet(value: value, bytes: random(110_000...400_000)), [], .value(value)))
            } else {
                slots.append(
                    submit(
                        .work(value: value, microseconds: random(100...3_000), bytes: random(110_000...600_000)), [],
                        .value(value)))
            }
        }
        if random(0...1) == 0 { operations.append(.wait(slots, count: slots.count)) }
        operations.append(.compute(microseconds: random(100...20_000)))
        operations.append(.letGo)
        getAndRelease(slots)
    }

    /// Levels of tasks that read large results of the level before; what is read is let go before it is used.
    ///
    /// Retries have no limit: so whatever node is lost when, every result must come right in the end.
    private mutating func shuffle() {
        // In some an actor makes part of the values, each from the ones that it made before.
        let actor = random(0...1) == 0 ? slot() : nil
        if let actor { operations.append(.createActor(into: actor, restarts: -1, taskRetries: -1)) }
        var level: [(slot: Int, value: UInt64)] = []
        for depth in 0...random(1...3) {
            let before = level
            level = []
            for _ in 0..<random(2...5) {
                var sum = value()
                let own = sum
                var arguments: [Operation.Argument] = []
                for (index, source) in before.enumerated() where index == 0 || random(0...2) > 0 {
                    sum = sum &+ source.value
                    arguments.append(.slot(source.slot))
                }
                let program = TaskProgram.work(
                    value: own, microseconds: random(50...20_000),
                    bytes: random(0...9) == 0 ? 8 : random(105_000...160_000))
                guard let actor, random(0...1) == 0 else {
                    level.append((submit(program, arguments, .value(sum), retries: -1), sum))
                    continue
                }
                let slot = slot()
                let call = Operation.Submission(
                    program: program, arguments: arguments, slot: slot, expected: .value(sum))
                operations.append(.call(.slot(actor), call))
                level.append((slot, sum))
            }
            operations.append(.release(before.map(\.slot)))
            if depth > 0, random(0...2) == 0 { operations.append(.compute(microseconds: random(1_000...400_000))) }
        }
        operations.append(.wait(level.map(\.slot), count: level.count))
        operations.append(.compute(microseconds: random(1_000...6_000_000)))
        var wanted = level.map(\.slot)
        if random(0...1) == 0, let first = level.first {
            // One is read from inside a task, by a borrower.
            let own = value()
            wanted.append(submit(.nested(value: own), [.nested(first.slot)], .value(own &+ first.value), retries: -1))
        }
        getAndRelease(wanted)
    }

    private mutating func mixed() {
        for _ in 0..<random(2...5) {
            switch random(0...6) {
            case 0: fanOut(random(5...40))
            case 1: chain(random(2...4))
            case 2: fibonacci(random(3...5))
            case 3: nested()
            case 4: counter(random(4...15))
            case 5: lateReference()
            default: heldValue()
            }
        }
    }
}
