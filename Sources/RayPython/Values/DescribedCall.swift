//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWorker

/// What Python is told of a task, less what differs between the calls of one function with the same options.
struct DescribedCall: Hashable {
    private let call: Shared<TaskCall>
    private let job: JobID
    private let kind: Int
    private let actor: ActorID?
    /// Whose items a generator makes.
    private let owner: Address?

    init(_ spec: TaskSpec) {
        call = spec.call
        job = spec.id.job
        switch spec.kind {
        case .normal: (kind, actor) = (0, nil)
        case .actorCreation(let id): (kind, actor) = (1, id)
        case .actorCall(let id, _): (kind, actor) = (2, id)
        }
        owner = spec.generator == nil ? nil : spec.owner
    }

    /// The description; `swift_ray/raylet/execution.py` reads it.
    var messagePack: MessagePackValue {
        let call = call.value
        var placement: MessagePackValue = .nil
        if case .placementGroup(let group, _, let capturesChildren) = call.strategy {
            placement = .array([.bytes(group.bytes), .bool(capturesChildren)])
        }
        return .record([
            "job": .bytes(job.bytes), "kind": .int(Int64(kind)), "actor": actor.map { .bytes($0.bytes) } ?? .nil,
            "function": call.function.messagePack, "name": .string(call.name), "returns": .int(Int64(call.returnCount)),
            "group": .string(call.concurrencyGroup),
            "generator": call.generator.map { .int(Int64($0.backpressure)) } ?? .nil,
            "asks": .bool((call.generator?.actorBackpressure ?? 0) > 0),
            "owner": owner.map { .bytes($0.encoded) } ?? .nil,
            "resources": call.resources.messagePack, "placement": placement,
        ])
    }
}

/// Numbers for calls: the same one for those that do not differ.
struct DescribedCalls {
    /// So many are remembered at a time.
    private static let countMax = 1_000

    private var numbers: [DescribedCall: Int] = [:]
    private var last: (call: DescribedCall, number: Int)?
    private var next = 0

    /// The number of a call; a call that was forgotten gets a new one.
    mutating func number(of call: DescribedCall) -> Int {
        if let last, last.call == call { return last.number }
        let number = numbers[call] ?? added(call)
        last = (call, number)
        return number
    }

    private mutating func added(_ call: DescribedCall) -> Int {
        if numbers.count >= Self.countMax { numbers = [:] }
        defer { next += 1 }
        numbers[call] = next
        return next
    }
}
