//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// What the code of a simulated task does. It travels as the first argument of the task, so nothing is hidden.
enum TaskProgram: Hashable {
    /// Computes, then returns `value` plus the sum of its arguments in an object of `bytes`.
    case work(value: UInt64, microseconds: Int, bytes: Int)
    /// Submits two smaller ones and returns their sum.
    case fibonacci(Int)
    /// Throws.
    case throwing
    /// Ends its process in the first attempts, then returns `value`.
    case crashing(attempts: Int, value: UInt64)
    /// Gets the references inside its arguments; returns `value` plus their sum.
    case nested(value: UInt64)
    /// Returns `value` with the references inside its arguments, in an object of `bytes`.
    case wrap(value: UInt64, bytes: Int)
    /// Gets the references inside its arguments, then those inside what it got; returns `value` plus their sum.
    case unwrap(value: UInt64, count: Int)
    /// Puts `inner` and returns `value` with the reference to that inside.
    case make(value: UInt64, inner: UInt64)
    /// As `awaitDeposit`, and gets the reference inside what it found as well.
    case awaitDepositInside(ActorID, value: UInt64)
    /// Submits `count` tasks and returns `value` plus the sum of their numbers.
    case fan(count: Int, value: UInt64)
    /// Puts an object and gets it back.
    case putAndGet(value: UInt64, bytes: Int)
    /// Calls an actor `count` times; returns how often.
    case countWith(ActorID, count: Int)
    /// Waits until the actor has a reference for it, gets that, and returns `value` plus what it found.
    case awaitDeposit(ActorID, value: UInt64)
    /// Runs until it is cancelled.
    case endless
    /// Submits one that runs until it is cancelled, and waits for it.
    case endlessParent
    /// A generator: `count` items of `bytes`, from `value` on.
    case generate(value: UInt64, count: Int, bytes: Int)
    /// Creates a placement group of one CPU, runs a task in it, and removes it or not; returns `value`.
    case withGroup(value: UInt64, removes: Bool)
    /// The initialiser of an actor.
    case create
    /// A method: counts; returns the caller's number of this call.
    case increment(number: UInt64)
    /// A method: keeps the references inside its arguments.
    case deposit
    /// A method: returns 1 and the references kept, or 0.
    case take

    private var words: [UInt64] {
        switch self {
        case .work(let value, let microseconds, let bytes): [0, value, UInt64(microseconds), UInt64(bytes)]
        case .fibonacci(let number): [1, UInt64(number)]
        case .throwing: [2]
        case .crashing(let attempts, let value): [3, UInt64(attempts), value]
        case .nested(let value): [4, value]
        case .fan(let count, let value): [5, UInt64(count), value]
        case .putAndGet(let value, let bytes): [6, value, UInt64(bytes)]
        case .countWith(let actor, let count): [7, UInt64(count), actor.word0, actor.word1]
        case .awaitDeposit(let actor, let value): [8, value, actor.word0, actor.word1]
        case .create: [9]
        case .increment(let number): [10, number]
        case .deposit: [11]
        case .take: [12]
        case .wrap(let value, let bytes): [13, value, UInt64(bytes)]
        case .unwrap(let value, let count): [14, value, UInt64(count)]
        case .make(let value, let inner): [15, value, inner]
        case .awaitDepositInside(let actor, let value): [16, value, actor.word0, actor.word1]
        case .endless: [17]
        case .endlessParent: [18]
        case .generate(let value, let count, let bytes): [19, value, UInt64(count), UInt64(bytes)]
        case .withGroup(let value, let removes): [20, value, removes ? 1 : 0]
        }
    }

    /// The program as an argument.
    var object: RayObject {
        var bytes: [UInt8] = []
        for word in words { withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) } }
        return RayObject(data: bytes, metadata: ObjectMetadata.raw)
    }

    init?(_ object: RayObject) {
        guard object.data.count.isMultiple(of: 8), !object.data.isEmpty else { return nil }
        let words = object.data.withUnsafeBytes { bytes in
            (0..<bytes.count / 8).map {
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self))
            } + [0, 0, 0, 0]
        }
        let actor = ActorID(words[2], words[3])
        switch words[0] {
        case 0: self = .work(value: words[1], microseconds: Int(words[2]), bytes: Int(words[3]))
        case 1: self = .fibonacci(Int(words[1]))
        case 2: self = .throwing
        case 3: self = .crashing(attempts: Int(words[1]), value: words[2])
        case 4: self = .nested(value: words[1])
        case 5: self = .fan(count: Int(words[1]), value: words[2])
        case 6: self = .putAndGet(value: words[1], bytes: Int(words[2]))
        case 7: self = .countWith(actor, count: Int(words[1]))
        case 8: self = .awaitDeposit(actor, value: words[1])
        case 9: self = .create
        case 10: self = .increment(number: words[1])
        case 11: self = .deposit
        case 12: self = .take
        case 13: self = .wrap(value: words[1], bytes: Int(words[2]))
        case 14: self = .unwrap(value: words[1], count: Int(words[2]))
        case 15: self = .make(value: words[1], inner: words[2])
        case 16: self = .awaitDepositInside(actor, value: words[1])
        case 17: self = .endless
        case 18: self = .endlessParent
        case 19: self = .generate(value: words[1], count: Int(words[2]), bytes: Int(words[3]))
        case 20: self = .withGroup(value: words[1], removes: words[2] != 0)
        default: return nil
        }
    }

    /// What to call it.
    var name: String {
        switch self {
        case .work: "work"
        case .fibonacci(let number): "fibonacci(\(number))"
        case .throwing: "throwing"
        case .crashing: "crashing"
        case .nested: "nested"
        case .fan: "fan"
        case .putAndGet: "putAndGet"
        case .countWith: "countWith"
        case .awaitDeposit: "awaitDeposit"
        case .create: "create"
        case .increment: "increment"
        case .deposit: "deposit"
        case .take: "take"
        case .wrap: "wrap"
        case .unwrap: "unwrap"
        case .make: "make"
        case .awaitDepositInside: "awaitDepositInside"
        case .endless: "endless"
        case .endlessParent: "endlessParent"
        case .generate: "generate"
        case .withGroup: "withGroup"
        }
    }

    /// The number that a run without failures returns, where that does not depend on arguments.
    static func fibonacciValue(_ number: Int) -> UInt64 {
        var (first, second): (UInt64, UInt64) = (0, 1)
        for _ in 0..<number { (first, second) = (second, first &+ second) }
        return first
    }
}
