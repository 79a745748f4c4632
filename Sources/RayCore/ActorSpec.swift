//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// Life of an actor beyond its creator.
package enum ActorLifetime: UInt8, Hashable, Sendable {
    /// Ends with the job that created it.
    case job = 0
    /// Stays until it is killed.
    case detached = 1
}

/// Calls of an actor that count by themselves.
package struct ConcurrencyGroup: Hashable, Sendable {
    /// The group that every actor has, for one call at a time that must not wait behind others (Ray's name).
    package static let system = "_ray_system"

    package var name: String
    /// Calls of the group that may run at the same time.
    package var callsMax: Int

    package init(name: String, callsMax: Int) {
        self.name = name
        self.callsMax = callsMax
    }
}

/// All that the GCS must know to create an actor and to start it again.
package struct ActorSpec: Hashable, Sendable {
    package var id: ActorID
    /// The call of the initialiser; `kind` is `.actorCreation`.
    package var creation: TaskSpec
    /// Name in the namespace; empty for none.
    package var name: String
    package var namespace: String
    package var lifetime: ActorLifetime
    /// How often it is started again after its worker died; -1 without limit.
    package var restartsMax: Int
    /// How often a call that was under way when the worker died is made again; -1 without limit.
    package var taskRetriesMax: Int
    /// Calls that may run at the same time; 1 keeps strict order.
    package var concurrencyMax: Int
    /// What the actor holds while it lives; `creation.resources` is what it needs to be placed.
    package var heldResources: ResourceSet
    /// Groups of calls with limits of their own, by name.
    package var concurrencyGroups: [ConcurrencyGroup] = []
    /// Calls that one caller may have under way; -1 without limit.
    package var pendingCallsMax = -1
    /// Whether a call may begin before earlier ones of its caller that wait for their arguments.
    package var isUnordered = false

    package init(
        id: ActorID, creation: TaskSpec, name: String = "", namespace: String = "",
        lifetime: ActorLifetime = .job, restartsMax: Int = 0, taskRetriesMax: Int = 0,
        concurrencyMax: Int = 1, heldResources: ResourceSet = ResourceSet()
    ) {
        self.id = id
        self.creation = creation
        self.name = name
        self.namespace = namespace
        self.lifetime = lifetime
        self.restartsMax = restartsMax
        self.taskRetriesMax = taskRetriesMax
        self.concurrencyMax = concurrencyMax
        self.heldResources = heldResources
    }
}
