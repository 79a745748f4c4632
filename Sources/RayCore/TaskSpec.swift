//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// One argument of a task.
package enum TaskArgument: Hashable, Sendable {
    /// A value, encoded by the caller; small results of other tasks are put in its place when ready.
    case value(RayObject)
    /// A reference that is resolved before the task starts.
    case reference(ObjectReference)
}

/// What kind of call a task is.
package enum TaskKind: Hashable, Sendable {
    case normal
    /// Runs the initialiser of an actor.
    case actorCreation(ActorID)
    /// Calls a method; `sequence` counts the calls of one caller on one actor from 0.
    case actorCall(ActorID, sequence: UInt64)
}

/// All that a worker must know to run a call, and its owner to run it again.
package struct TaskSpec: Hashable, Sendable {
    package var id: TaskID
    package var kind: TaskKind
    package var function: FunctionDescriptor
    package var arguments: [TaskArgument]
    package var returnCount: Int
    package var resources: ResourceSet
    package var strategy: SchedulingStrategy
    /// How often the task runs again after its worker died; -1 without limit.
    package var retriesMax: Int
    /// Which try this is, from 0.
    package var attempt: Int
    /// The process that owns the results.
    package var owner: Address
    /// Name for people; empty means the function's name.
    package var name: String
    /// The group of an actor's calls that it counts in; empty for the default one.
    package var concurrencyGroup = ""
    /// If it makes items one after the other instead of one result.
    package var generator: GeneratorSpec?
    /// What its worker must have; nothing for the workers of the plain program. A worker that is given the task has it.
    package var environment: RuntimeEnvironmentSpec?

    package init(
        id: TaskID, kind: TaskKind = .normal, function: FunctionDescriptor, arguments: [TaskArgument] = [],
        returnCount: Int = 1, resources: ResourceSet = ResourceSet(), strategy: SchedulingStrategy = .hybrid,
        retriesMax: Int = 3, attempt: Int = 0, owner: Address = .none, name: String = ""
    ) {
        self.id = id
        self.kind = kind
        self.function = function
        self.arguments = arguments
        self.returnCount = returnCount
        self.resources = resources
        self.strategy = strategy
        self.retriesMax = retriesMax
        self.attempt = attempt
        self.owner = owner
        self.name = name
    }

    /// The ids of the results, in order.
    package var returnIDs: [ObjectID] {
        (0..<returnCount).map { ObjectID.taskReturn(id, index: $0) }
    }

    /// Whether references are among the arguments or inside them.
    package var hasReferences: Bool {
        arguments.contains { argument in
            switch argument {
            case .reference: true
            case .value(let object): !object.contained.isEmpty
            }
        }
    }

    /// What to call the task in messages.
    package var displayName: String { name.isEmpty ? function.description : name }
}
