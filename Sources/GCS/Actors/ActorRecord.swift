//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// An actor that is not dead.
///
///     CreateActor ──▶ queued ──LeaseReady──▶ starting ──ActorStarted──▶ alive
///                      ▲  │                     │                        │
///                      │  │   its worker or node died, restarts are left │
///                      │  └──────────┬──────────┴────────────────────────┘
///                      │             ▼
///                      └──────── backingOff
///
/// - queued: waits for resources and a worker. Next: starting, backingOff, dead.
/// - starting: its initialiser runs. Next: alive, backingOff, dead.
/// - alive: takes calls. Next: backingOff, dead.
/// - backingOff: waits until it may be started again; no time at all after the first failure. Next: queued, dead.
/// - dead: the record becomes an `ActorState` in `GCSCore.deadActors`; its name is free again.
///
/// Callers see these as `ActorPhase`: alive as itself, all others as pending before the actor was alive for the
/// first time, and as restarting afterwards.
struct ActorRecord: Sendable {
    enum Stage: Hashable, Sendable {
        case queued(LeaseID)
        case starting(LeaseID, Address)
        case alive(LeaseID, Address)
        case backingOff(until: Instant)
    }

    let spec: ActorSpec
    let creator: WorkerID
    var stage: Stage
    /// How often it was started before.
    var incarnation: UInt32 = 0
    var restartCount = 0
    /// Starts that failed since it was alive last.
    var failuresInARow = 0
    var wasAlive = false
    /// When it was alive for the first time; after a new start of the GCS not known.
    var aliveAt: Instant?
    /// How it shows itself, if its class says how.
    var shownName = ""
    /// Whether nobody holds a handle any more: it ends when its calls have.
    var isUnreferenced = false
    /// Why it is being started again.
    var error: RayError?
    var subscribers: Set<WorkerID> = []

    init(spec: ActorSpec, creator: WorkerID, stage: Stage) {
        self.spec = spec
        self.creator = creator
        self.stage = stage
    }

    var lease: LeaseID? {
        switch stage {
        case .queued(let lease), .starting(let lease, _), .alive(let lease, _): lease
        case .backingOff: nil
        }
    }

    /// The worker in which it starts or lives.
    var worker: Address? {
        switch stage {
        case .starting(_, let worker), .alive(_, let worker): worker
        case .queued, .backingOff: nil
        }
    }

    /// Whether another start is allowed.
    var mayRestart: Bool {
        !isUnreferenced && (spec.restartsMax < 0 || restartCount < spec.restartsMax)
    }

    var phase: ActorPhase {
        if case .alive = stage { return .alive }
        return wasAlive ? .restarting : .pending
    }

    /// The actor as its callers see it.
    var state: ActorState {
        var address = Address.none
        if case .alive(_, let worker) = stage { address = worker }
        return ActorState(spec, phase: phase, address: address, incarnation: incarnation, error: error)
    }

    /// What its callers are told.
    var update: ActorUpdate {
        ActorUpdate(state: state, pendingCallsMax: spec.pendingCallsMax, isUnordered: spec.isUnordered)
    }

    /// "Counter", "Counter 'main'": what people call it.
    var title: String { spec.title }
}

extension ActorSpec {
    /// "Counter", "Counter 'main'": what people call the actor.
    var title: String {
        let function = creation.function
        let type = function.className.isEmpty ? function.description : function.className
        return name.isEmpty ? type : "\(type) '\(name)'"
    }
}

extension ActorState {
    init(
        _ spec: ActorSpec, phase: ActorPhase, address: Address = .none, incarnation: UInt32 = 0, error: RayError? = nil
    ) {
        self.init(
            id: spec.id, phase: phase, address: address, incarnation: incarnation, error: error,
            className: spec.creation.function, taskRetriesMax: spec.taskRetriesMax, name: spec.name,
            namespace: spec.namespace)
    }
}

/// An actor that does not exist yet: a handle can overtake the creation, which waits for the initialiser's arguments.
struct AwaitedActor: Sendable {
    /// The process that will create it, if that is known.
    var creator: WorkerID
    /// Who is to be told when it exists, or never will.
    var subscribers: Set<WorkerID> = []
}

/// A name that only one living actor can have.
struct ActorName: Hashable, Sendable {
    var namespace: String
    var name: String
}
