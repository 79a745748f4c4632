//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// Generators, and tasks that are cancelled.
extension ScriptWriter {
    /// Tasks that never end by themselves, others behind them, and some that are cancelled wherever they are then.
    mutating func cancels() {
        var kept: [Int] = []
        var unwanted: [Int] = []
        for _ in 0..<random(1...3) {
            unwanted.append(submit(random(0...2) == 0 ? .endlessParent : .endless, [], .cancelled(nil)))
        }
        for _ in 0..<random(3...15) {
            let value = value()
            let program = TaskProgram.work(
                value: value, microseconds: random(50...5_000), bytes: random(0...5) == 0 ? 120_000 : 8)
            switch random(0...5) {
            case 0: unwanted.append(submit(program, [], .cancelled(value)))
            // It never gets its argument.
            case 1: kept.append(submit(program, [.slot(unwanted[0])], .cancelled(nil)))
            default: kept.append(submit(program, [], .value(value)))
            }
        }
        operations.append(.compute(microseconds: random(0...1) == 0 ? random(0...2_000) : random(0...200_000)))
        let half = random(0...unwanted.count)
        operations.append(.cancel(Array(unwanted[..<half]), force: random(0...2) == 0))
        if random(0...1) == 0 { operations.append(.compute(microseconds: random(0...50_000))) }
        // Some for the second time.
        operations.append(.cancel(unwanted, force: random(0...2) == 0))
        getAndRelease(unwanted + kept)
    }

    /// A generator whose items are read as they come, or all at the end; what is not read is dropped.
    mutating func stream() {
        let count = random(1...8)
        let value = value()
        let bytes = random(0...1) == 0 ? 8 : random(105_000...200_000)
        let stream = slot()
        let limit = random(0...1) == 0 ? 0 : random(1...3)
        operations.append(
            .submit(
                .init(
                    program: .generate(value: value, count: count, bytes: bytes), slot: stream, retries: -1,
                    generator: GeneratorSpec(backpressure: limit))))
        // Dropped before all is there, it fails what was asked for.
        let isDroppedEarly = random(0...3) == 0
        let readCount = random(0...3) == 0 ? random(0...count) : count
        var slots: [Int] = []
        for index in 0..<readCount {
            let slot = slot()
            slots.append(slot)
            let wanted = value &+ UInt64(index)
            operations.append(.next(of: stream, into: slot, isDroppedEarly ? .cancelled(wanted) : .value(wanted)))
            if random(0...2) == 0 {
                operations.append(.get([slot], timeoutMilliseconds: nil))
                operations.append(.letGo)
            }
        }
        if isDroppedEarly {
            operations.append(.dropStream(stream))
        } else if readCount == count {
            let slot = slot()
            slots.append(slot)
            operations.append(.next(of: stream, into: slot, .ended))
            operations.append(.get([slot], timeoutMilliseconds: nil))
            // Its items may be lost meanwhile.
            if random(0...1) == 0 { operations.append(.compute(microseconds: random(1_000...6_000_000))) }
        }
        getAndRelease(slots)
        operations.append(.dropStream(stream))
        operations.append(.release([stream]))
    }

    /// Items of a generator go on to tasks as they come, then the generator is let go.
    ///
    /// What is lost after that, items or what was made of them, must come right all the same: retries have no limit.
    mutating func passOn() {
        let value = value()
        let stream = slot()
        let count = generator(value, into: stream)
        // Without a wait for the items some are not there yet when the generator is let go: these fail.
        let isEarly = random(0...4) == 0
        var items: [Int] = []
        var wanted: [Int] = []
        for index in 0..<random(1...count) {
            let item = slot()
            let itemValue = value &+ UInt64(index)
            items.append(item)
            operations.append(
                .next(of: stream, into: item, isEarly ? .cancelled(itemValue) : .value(itemValue)))
            if random(0...3) == 0 {
                wanted.append(item)
            } else {
                let own = self.value()
                let sum = own &+ itemValue
                let program = TaskProgram.work(
                    value: own, microseconds: random(50...20_000),
                    bytes: random(0...4) == 0 ? 8 : random(105_000...160_000))
                wanted.append(
                    submit(program, [.slot(item)], isEarly ? .cancelled(sum) : .value(sum), retries: -1))
            }
            if random(0...3) == 0 { operations.append(.compute(microseconds: random(100...30_000))) }
        }
        if !isEarly { operations.append(.wait(items, count: items.count)) }
        operations.append(.release(items.filter { !wanted.contains($0) }))
        if random(0...1) == 0 { operations.append(.compute(microseconds: random(100...200_000))) }
        operations.append(.dropStream(stream))
        operations.append(.release([stream]))
        operations.append(.compute(microseconds: random(1_000...6_000_000)))
        getAndRelease(wanted)
    }

    /// Generators of an actor that has a limit for all of them: each is read, cancelled or let go before the next one.
    mutating func sharedLimit() {
        let actor = slot()
        operations.append(.createActor(into: actor, restarts: -1, taskRetries: -1))
        let bytes = random(0...1) == 0 ? 8 : random(105_000...160_000)
        let limit = GeneratorSpec(actorBackpressure: random(1...3))
        var streams: [(slot: Int, value: UInt64, count: Int)] = []
        for _ in 0..<random(2...4) {
            streams.append((slot(), value(), random(1...6)))
            let (stream, value, count) = streams[streams.count - 1]
            let program = TaskProgram.generate(value: value, count: count, bytes: bytes)
            operations.append(
                .call(.slot(actor), .init(program: program, slot: stream, retries: -1, generator: limit)))
        }
        for (stream, value, count) in streams {
            var items: [Int] = []
            for index in 0..<(random(0...2) == 0 ? random(0...count) : count) {
                let item = slot()
                items.append(item)
                operations.append(.next(of: stream, into: item, .value(value &+ UInt64(index))))
            }
            getAndRelease(items)
            if random(0...1) == 0 { operations.append(.compute(microseconds: random(100...200_000))) }
            if random(0...3) == 0 { operations.append(.cancel([stream], force: false)) }
            if random(0...1) == 0 { operations.append(.compute(microseconds: random(100...200_000))) }
            operations.append(.dropStream(stream))
            operations.append(.release([stream]))
        }
    }

    /// A generator, a task or a call on an actor, with a limit or without; the number of its items.
    private mutating func generator(_ value: UInt64, into stream: Int) -> Int {
        let count = random(2...8)
        let bytes = random(0...4) == 0 ? 8 : random(105_000...160_000)
        let submission = Operation.Submission(
            program: .generate(value: value, count: count, bytes: bytes), slot: stream, retries: -1,
            generator: GeneratorSpec(backpressure: random(0...1) == 0 ? 0 : random(1...3)))
        if random(0...2) == 0 {
            let actor = slot()
            operations.append(.createActor(into: actor, restarts: -1, taskRetries: -1))
            operations.append(.call(.slot(actor), submission))
        } else {
            operations.append(.submit(submission))
        }
        return count
    }
}
