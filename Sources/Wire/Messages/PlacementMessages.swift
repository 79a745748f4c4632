//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Creator to GCS: a placement group is wanted. Repeating it is harmless; answered by `PlacementGroupsFound`.
package struct CreatePlacementGroup: Hashable, Sendable, WireCodable {
    package var spec: PlacementGroupSpec

    package init(spec: PlacementGroupSpec) {
        self.spec = spec
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(spec)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        spec = try reader.value()
    }
}

/// Anyone to GCS: a placement group is over, with what runs in it. Answered by `Done`.
package struct RemovePlacementGroup: Hashable, Sendable, WireCodable {
    package var group: PlacementGroupID

    package init(group: PlacementGroupID) {
        self.group = group
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(group)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        group = try reader.identifier()
    }
}

/// GCS to asker: placement groups, or why there is none.
package struct PlacementGroupsFound: Hashable, Sendable, WireCodable {
    package var groups: [PlacementGroupState]
    package var error: RayError?

    package init(groups: [PlacementGroupState], error: RayError?) {
        self.groups = groups
        self.error = error
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(list: groups)
        writer.write(optional: error)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        groups = try reader.values()
        error = try reader.optionalValue()
    }
}

/// Anyone to GCS: one group by id or by name, or all. Answered by `PlacementGroupsFound`.
package struct QueryPlacementGroups: Hashable, Sendable, WireCodable {
    package var group: PlacementGroupID?
    /// Empty to ask by id, or for all.
    package var name: String
    /// Empty means that of the job of who asks.
    package var namespace: String

    package init(group: PlacementGroupID?, name: String, namespace: String) {
        self.group = group
        self.name = name
        self.namespace = namespace
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(optional: group)
        writer.write(name)
        writer.write(namespace)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        group = try reader.optionalIdentifier()
        name = try reader.string()
        namespace = try reader.string()
    }
}

/// Anyone to GCS: answer with `Done` when all bundles have a node, when the group is removed, or in time.
package struct AwaitPlacementGroup: Hashable, Sendable, WireCodable {
    package var group: PlacementGroupID
    /// Then the answer is an error of type `getTimeout`; at most a day.
    package var milliseconds: Int

    package init(group: PlacementGroupID, milliseconds: Int) {
        self.group = group
        self.milliseconds = milliseconds
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(group)
        writer.write(milliseconds)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        group = try reader.identifier()
        milliseconds = try reader.int()
    }
}

/// Command line to GCS: a node will leave. Answered by `Done`.
package struct DrainNode: Hashable, Sendable, WireCodable {
    package var node: NodeID
    /// Else it is drained because it is idle, and must be.
    package var isPreemption: Bool
    /// Why, for people.
    package var message: String
    /// When what runs there is ended; 0 for never.
    package var deadlineMilliseconds: Int

    package init(node: NodeID, isPreemption: Bool, message: String, deadlineMilliseconds: Int) {
        self.node = node
        self.isPreemption = isPreemption
        self.message = message
        self.deadlineMilliseconds = deadlineMilliseconds
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(node)
        writer.write(isPreemption)
        writer.write(message)
        writer.write(deadlineMilliseconds)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        node = try reader.identifier()
        isPreemption = try reader.bool()
        message = try reader.string()
        deadlineMilliseconds = try reader.int()
    }
}

/// Command line to GCS: why does this wait? Answered by `Explanation`.
package struct Explain: Hashable, Sendable, WireCodable {
    /// The beginning of the id of a task, actor or placement group as hex; empty for all that waits.
    package var prefix: String

    package init(prefix: String) {
        self.prefix = prefix
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(prefix)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        prefix = try reader.string()
    }
}

/// GCS to asker: what it and the owners know.
package struct Explanation: Hashable, Sendable, WireCodable {
    package var lines: [String]
    /// Whether anything has such an id; else `lines` say that nothing has.
    package var isFound: Bool

    package init(lines: [String], isFound: Bool) {
        self.lines = lines
        self.isFound = isFound
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(list: lines) { $0.write($1) }
        writer.write(isFound)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        lines = try reader.list { (reader: inout WireReader) throws(WireError) in try reader.string() }
        isFound = try reader.added(true) { (reader: inout WireReader) throws(WireError) in try reader.bool() }
    }
}

/// GCS to owners: why do these of your tasks wait? Answered by `TasksExplained`.
package struct ExplainTasks: Hashable, Sendable, WireCodable {
    package var token: UInt64
    package var prefix: String

    package init(token: UInt64, prefix: String) {
        self.token = token
        self.prefix = prefix
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(token)
        writer.write(prefix)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        token = try reader.uint64()
        prefix = try reader.string()
    }
}

/// One task of an owner that has not ended.
package struct TaskExplanation: Hashable, Sendable, WireCodable {
    package var task: TaskID
    package var name: String
    /// What it waits for, as far as its owner knows.
    package var sentence: String
    /// The lease that it waits for, of which the GCS knows more.
    package var lease: LeaseID?
    /// The actor that it waits for.
    package var actor: ActorID?

    package init(task: TaskID, name: String, sentence: String, lease: LeaseID?, actor: ActorID?) {
        self.task = task
        self.name = name
        self.sentence = sentence
        self.lease = lease
        self.actor = actor
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(task)
        writer.write(name)
        writer.write(sentence)
        writer.write(optional: lease)
        writer.write(optional: actor)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        task = try reader.identifier()
        name = try reader.string()
        sentence = try reader.string()
        lease = try reader.optionalIdentifier()
        actor = try reader.optionalIdentifier()
    }
}

/// Owner to GCS: the tasks that were asked for.
package struct TasksExplained: Hashable, Sendable, WireCodable {
    package var token: UInt64
    package var tasks: [TaskExplanation]

    package init(token: UInt64, tasks: [TaskExplanation]) {
        self.token = token
        self.tasks = tasks
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(token)
        writer.write(list: tasks)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        token = try reader.uint64()
        tasks = try reader.values()
    }
}
