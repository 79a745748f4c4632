//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

extension TaskProgram {
    /// The body of a task or method, for one execution.
    ///
    /// - Parameters:
    ///   - sum: the sum of the arguments that are numbers.
    ///   - nested: in how many slots from 0 on the references inside the arguments are.
    func operations(attempt: Int, sum: UInt64, nested: Int) -> [Operation] {
        switch self {
        case .work(let value, let microseconds, let bytes):
            return [.compute(microseconds: microseconds), .finish(base: value &+ sum, bytes: bytes, contained: [])]
        case .fibonacci(let number):
            guard number >= 2 else {
                return [.compute(microseconds: 20), .finish(base: UInt64(number), bytes: 8, contained: [])]
            }
            return [
                .submit(.init(program: .fibonacci(number - 1), slot: 0)),
                .submit(.init(program: .fibonacci(number - 2), slot: 1)),
                .get([0, 1], timeoutMilliseconds: nil), .finish(base: 0, bytes: 8, contained: []),
            ]
        case .throwing: return [.compute(microseconds: 50), .fail("thrown on purpose")]
        case .crashing(let attempts, let value):
            let end: Operation = attempt < attempts ? .crash : .finish(base: value, bytes: 8, contained: [])
            return [.compute(microseconds: 100), end]
        case .nested(let value):
            return [
                .get(Array(0..<nested), timeoutMilliseconds: nil),
                .finish(base: value &+ sum, bytes: 8, contained: []),
            ]
        case .wrap(let value, let bytes):
            return [
                .compute(microseconds: 40), .finish(base: value, bytes: bytes, contained: Array(0..<nested)),
            ]
        case .unwrap(let value, let count):
            return [
                .get(Array(0..<nested), timeoutMilliseconds: nil), .letGo, .release(Array(0..<nested)),
                .compute(microseconds: 300), .get((0..<count).map { 1_000 + $0 }, timeoutMilliseconds: nil),
                .finish(base: value &+ sum, bytes: 8, contained: []),
            ]
        case .make(let value, let inner):
            return [
                .put(value: inner, bytes: 8, into: 0), .finish(base: value, bytes: 8, contained: [0]),
            ]
        case .awaitDepositInside(let actor, let value):
            // What is inside a value takes the slot of the reference to that value, which so is let go at once.
            return [
                .call(.id(actor), .init(program: .take, slot: 0)), .get([0], timeoutMilliseconds: nil),
                .checkDeposit(actor), .get([1_000], timeoutMilliseconds: nil),
                .finish(base: value, bytes: 8, contained: []),
            ]
        case .fan(let count, let value):
            let slots = Array(0..<count)
            let submissions = slots.map {
                Operation.submit(
                    .init(program: .work(value: UInt64($0), microseconds: 100 * ($0 % 5), bytes: 8), slot: $0))
            }
            return submissions + [
                .get(slots, timeoutMilliseconds: nil), .finish(base: value, bytes: 8, contained: []),
            ]
        case .putAndGet(let value, let bytes):
            return [
                .put(value: value, bytes: bytes, into: 0), .get([0], timeoutMilliseconds: nil), .release([0]),
                .compute(microseconds: 200), .letGo, .finish(base: 0, bytes: 8, contained: []),
            ]
        case .countWith(let actor, let count):
            let slots = Array(0..<count)
            let calls = slots.map {
                Operation.call(.id(actor), .init(program: .increment(number: 0), slot: $0))
            }
            // The numbers depend on what this process called before; only that all are answered is of interest.
            return calls + [.wait(slots, count: count), .finish(base: UInt64(count), bytes: 8, contained: [])]
        case .awaitDeposit(let actor, let value):
            return [
                .call(.id(actor), .init(program: .take, slot: 0)), .get([0], timeoutMilliseconds: nil),
                .checkDeposit(actor), .finish(base: value, bytes: 8, contained: []),
            ]
        case .endless, .endlessParent, .generate: return streamOperations
        case .withGroup(let value, let removes): return Self.group(value, removes: removes)
        case .create: return [.compute(microseconds: 300), .finish(base: 0, bytes: 8, contained: [])]
        case .increment(let number):
            return [.compute(microseconds: 30), .finish(base: number, bytes: 8, contained: [])]
        case .deposit, .take: return []  // The actor's process knows what it keeps.
        }
    }

    /// Goes without if there is no room for the group; what is not removed ends with its actor or job.
    private static func group(_ value: UInt64, removes: Bool) -> [Operation] {
        let inside: [Operation] = [
            .submit(
                .init(
                    program: .work(value: 0, microseconds: 500, bytes: 8), slot: 0,
                    place: Operation.Place(group: 1, bundle: 0))),
            .get([0], timeoutMilliseconds: 20_000),
        ]
        return [
            .createGroup(into: 1, .pack, cpus: [1]),
            .awaitGroup(1, milliseconds: 2_000, isCertain: false, skipping: inside.count),
        ] + inside + (removes ? [.removeGroup(1)] : []) + [.finish(base: value, bytes: 8, contained: [])]
    }

    private var streamOperations: [Operation] {
        switch self {
        case .endless: return [.computeOn]
        case .endlessParent:
            return [
                .endIfCancelled, .submit(.init(program: .endless, slot: 0)), .get([0], timeoutMilliseconds: nil),
                .finish(base: 0, bytes: 8, contained: []),
            ]
        case .generate(let value, let count, let bytes):
            let items = (0..<count).flatMap { index in
                [
                    Operation.admit, .compute(microseconds: 200), .yield(value: value &+ UInt64(index), bytes: bytes),
                ]
            }
            return items + [.finish(base: 0, bytes: 8, contained: [])]
        default: return []
        }
    }
}
