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

    package var isReference: Bool { if case .reference = self { true } else { false } }
}

/// What kind of call a task is.
package enum TaskKind: Hashable, Sendable {
    case normal
    /// Runs the initialiser of an actor.
    case actorCreation(ActorID)
    /// Calls a method; `sequence` counts the calls of one caller on one actor from 0.
    case actorCall(ActorID, sequence: UInt64)
}

/// What the calls of one function with the same options have in common.
package struct TaskCall: Hashable, Sendable {
    package var function: FunctionDescriptor
    package var returnCount: Int
    /// What it holds while it runs; nothing for calls on actors.
    package var resources: ResourceSet
    /// Where it may run.
    package var strategy: SchedulingStrategy
    /// How often the task runs again after its worker died; -1 without limit.
    package var retriesMax: Int
    /// Name for people; empty means the function's name.
    package var name: String
    /// The group of an actor's calls that it counts in; empty for the default one.
    package var concurrencyGroup: String
    /// If it makes items one after the other instead of one result.
    package var generator: GeneratorSpec?
    /// What its worker must have; nothing for the workers of the plain program. A worker that is given the task has it.
    package var environment: RuntimeEnvironmentSpec?
    /// Whether it is shown in the tables of tasks and in the timeline.
    package var isTraced = true

    package init(
        function: FunctionDescriptor, returnCount: Int = 1, resources: ResourceSet = ResourceSet(),
        strategy: SchedulingStrategy = .hybrid, retriesMax: Int = 3, name: String = ""
    ) {
        self.function = function
        self.returnCount = returnCount
        self.resources = resources
        self.strategy = strategy
        self.retriesMax = retriesMax
        self.name = name
        concurrencyGroup = ""
    }

    /// What to call it in messages.
    package var displayName: String { name.isEmpty ? function.description : name }
}

/// All that a worker must know to run a call, and its owner to run it again.
package struct TaskSpec: Hashable, Sendable {
    package var id: TaskID
    package var kind: TaskKind
    package var arguments: [TaskArgument]
    /// Which try this is, from 0.
    package var attempt: Int
    /// The process that owns the results.
    package var owner: Address
    /// What it has in common with other calls.
    package var call: Shared<TaskCall>

    package init(
        id: TaskID, kind: TaskKind = .normal, call: Shared<TaskCall>, arguments: [TaskArgument] = [],
        attempt: Int = 0, owner: Address = .none
    ) {
        self.id = id
        self.kind = kind
        self.call = call
        self.arguments = arguments
        self.attempt = attempt
        self.owner = owner
    }

    package init(
        id: TaskID, kind: TaskKind = .normal, function: FunctionDescriptor, arguments: [TaskArgument] = [],
        returnCount: Int = 1, resources: ResourceSet = ResourceSet(), strategy: SchedulingStrategy = .hybrid,
        retriesMax: Int = 3, attempt: Int = 0, owner: Address = .none, name: String = ""
    ) {
        self.init(
            id: id, kind: kind,
            call: Shared(
                TaskCall(
                    function: function, returnCount: returnCount, resources: resources, strategy: strategy,
                    retriesMax: retriesMax, name: name)),
            arguments: arguments, attempt: attempt, owner: owner)
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
    package var displayName: String { call.value.displayName }
}

/// The parts of the call.
extension TaskSpec {
    /// What is called.
    @inlinable package var function: FunctionDescriptor {
        _read { yield call.value.function }
        _modify { yield &call.value.function }
    }

    /// How many results it has.
    @inlinable package var returnCount: Int {
        _read { yield call.value.returnCount }
        _modify { yield &call.value.returnCount }
    }

    /// What it holds while it runs; nothing for calls on actors.
    @inlinable package var resources: ResourceSet {
        _read { yield call.value.resources }
        _modify { yield &call.value.resources }
    }

    /// Where it may run.
    @inlinable package var strategy: SchedulingStrategy {
        _read { yield call.value.strategy }
        _modify { yield &call.value.strategy }
    }

    /// How often the task runs again after its worker died; -1 without limit.
    @inlinable package var retriesMax: Int {
        _read { yield call.value.retriesMax }
        _modify { yield &call.value.retriesMax }
    }

    /// Name for people; empty means the function's name.
    @inlinable package var name: String {
        _read { yield call.value.name }
        _modify { yield &call.value.name }
    }

    /// The group of an actor's calls that it counts in; empty for the default one.
    @inlinable package var concurrencyGroup: String {
        _read { yield call.value.concurrencyGroup }
        _modify { yield &call.value.concurrencyGroup }
    }

    /// If it makes items one after the other instead of one result.
    @inlinable package var generator: GeneratorSpec? {
        _read { yield call.value.generator }
        _modify { yield &call.value.generator }
    }

    /// What its worker must have; nothing for the workers of the plain program. A worker that is given the task has it.
    @inlinable package var environment: RuntimeEnvironmentSpec? {
        _read { yield call.value.environment }
        _modify { yield &call.value.environment }
    }

    /// Whether it is shown in the tables of tasks and in the timeline.
    @inlinable package var isTraced: Bool {
        _read { yield call.value.isTraced }
        _modify { yield &call.value.isTraced }
    }
}
