//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// One step of a driver's or task's code. Slots are its local variables, which hold references.
enum Operation {
    enum Argument {
        case number(UInt64)
        case slot(Int)
        /// A value with the slot's reference inside.
        case nested(Int)
    }

    /// An actor by local variable or by id.
    enum Actor {
        case slot(Int)
        case id(ActorID)
    }

    /// How a program is called.
    struct Submission {
        var program: TaskProgram
        var arguments: [Argument] = []
        var slot: Int
        var expected = Expectation.unchecked
        var retries = 3
        var cpus = 1.0
        var generator: GeneratorSpec?
        var place: Place?
    }

    /// Where something runs: in the group in a slot, in the bundle of a number or in any.
    struct Place {
        var group: Int
        var bundle: Int?
        var capturesChildren = false
    }

    case compute(microseconds: Int)
    case submit(Submission)
    /// Submits a program that needs the id of an actor in a slot.
    case submitWith(Int, (ActorID) -> Submission)
    case createActor(into: Int, restarts: Int, taskRetries: Int)
    /// Creates an actor in a group that holds CPUs of it while it lives.
    case createActorIn(Place, into: Int, restarts: Int, heldCPUs: Double)
    /// Calls a method; an `increment` gets the number of the call.
    case call(Actor, Submission)
    case put(value: UInt64, bytes: Int, into: Int)
    /// Puts a small object with the slots' references inside.
    case putContaining([Int], value: UInt64, into: Int)
    /// Adds the values to the sum and keeps them until `letGo`.
    case get([Int], timeoutMilliseconds: Int?)
    case wait([Int], count: Int)
    case release([Int])
    /// Stops reading the values of earlier gets.
    case letGo
    /// Tries again if an actor had nothing, else gets what it gave.
    case checkDeposit(ActorID)
    /// Cancels the tasks whose results are in the slots.
    case cancel([Int], force: Bool)
    /// Takes the next item of the generator in a slot, which must be this.
    case next(of: Int, into: Int, Expectation)
    /// Reads no further items of a generator.
    case dropStream(Int)
    /// Asks for a placement group; its id is in the slot when the head has it.
    case createGroup(into: Int, PlacementStrategy, cpus: [Int])
    /// Waits until a group has its bundles. If it has none in time, which is wrong where that is certain, what follows
    /// is skipped: so many operations.
    case awaitGroup(Int, milliseconds: Int, isCertain: Bool, skipping: Int)
    /// Looks where the bundles of a group are.
    case inspectGroup(Int)
    /// Ends a group, with all that is in it.
    case removeGroup(Int)
    /// Hands the value in a slot to an actor; the new reference goes into another slot.
    case handOver(Int, to: Int, into: Int)
    /// Waits until the next item may be made, where the actor has a limit for all its generators.
    case admit
    /// Sends an item.
    case yield(value: UInt64, bytes: Int)
    /// Ends if the task is cancelled: what it starts after that would be cancelled by nobody.
    case endIfCancelled
    /// Computes until the task is cancelled.
    case computeOn
    /// Returns `base` plus the sum.
    case finish(base: UInt64, bytes: Int, contained: [Int])
    case fail(String)
    case crash

    /// The slot of the group that it asks the head about.
    var group: Int? {
        switch self {
        case .createGroup(let slot, _, _), .awaitGroup(let slot, _, _, _), .inspectGroup(let slot),
            .removeGroup(let slot):
            slot
        default: nil
        }
    }
}

/// What a result must be.
enum Expectation: Hashable {
    case value(UInt64)
    case thrown
    /// The task was cancelled; or the value, where that may have come too late.
    case cancelled(UInt64?)
    /// The group was removed; or what came before that.
    indirect case groupRemoved(or: Expectation?)
    /// There are no more items.
    case ended
    /// The value is checked by whoever uses it.
    case unchecked
}

/// A run of operations: a driver's script or the body of a task.
final class Frame {
    /// What a frame waits for.
    enum Waiting: Hashable {
        case nothing
        case time
        case get
        case wait
        case room
        case item
        case answer
    }

    let number: Int
    let spec: TaskSpec?
    var operations: [Operation]
    var next = 0
    var references: [Int: ObjectReference] = [:]
    var expectations: [Int: Expectation] = [:]
    var actors: [Int: ActorID] = [:]
    /// Placement groups, and in which of them results are made: both by slot.
    var groups: [Int: PlacementGroupID] = [:]
    var places: [Int: Int] = [:]
    /// The question to the head that waits for its answer.
    var question: Operation?
    var sum: UInt64 = 0
    var lastValue: UInt64 = 0
    /// Values being read, and what they must stay.
    var pins: [(SimulatedStore.Pin, UInt64)] = []
    var waiting = Waiting.nothing
    var waitingSince = Instant.zero
    var isCancelled = false
    /// The slots of the get or wait under way.
    var slots: [Int] = []
    /// Where the reference goes that is waited for, and what its value is.
    var awaited: (slot: Int, expected: Expectation)?
    /// The get that must be asked again if something was evicted.
    var deadline: Instant?

    init(number: Int, spec: TaskSpec?, operations: [Operation]) {
        self.number = number
        self.spec = spec
        self.operations = operations
    }

    /// Whether a task's CPU may be used by others now.
    var isBlocked: Bool { waiting == .get || waiting == .wait || waiting == .item || waiting == .answer }
}
