//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Raylet to owner: its node's store holds a further copy now. The owner frees it with the others.
package struct ObjectCopied: Hashable, Sendable, WireCodable {
    package var object: ObjectID
    /// The raylet of the node that has it.
    package var raylet: Address

    package init(object: ObjectID, raylet: Address) {
        self.object = object
        self.raylet = raylet
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(object)
        writer.write(raylet)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        object = try reader.identifier()
        raylet = try reader.value()
    }
}

/// Raylet to owner: its node has no copy of these any more, or never had.
package struct CopiesGone: Hashable, Sendable, WireCodable {
    package var objects: [ObjectID]

    package init(objects: [ObjectID]) {
        self.objects = objects
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(list: objects)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        objects = try reader.identifiers()
    }
}

/// Owner to raylet: its copies of these are the ones that count now, since the first ones are lost.
///
/// Those that it has not are answered by `CopiesGone`.
package struct KeepCopies: Hashable, Sendable, WireCodable {
    package var objects: [ObjectID]

    package init(objects: [ObjectID]) {
        self.objects = objects
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(list: objects)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        objects = try reader.identifiers()
    }
}

/// GCS to all: what was on this node is lost.
package struct NodeDied: Hashable, Sendable, WireCodable {
    package var node: NodeID
    /// Its name for people.
    package var name: String
    package var reason: String

    package init(node: NodeID, name: String, reason: String) {
        self.node = node
        self.name = name
        self.reason = reason
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(node)
        writer.write(name)
        writer.write(reason)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        node = try reader.identifier()
        name = try reader.string()
        reason = try reader.string()
    }
}

/// Worker to a task's owner: the task was not begun and will not be, because an argument cannot be had at present.
package struct ArgumentLost: Hashable, Sendable, WireCodable {
    package var task: TaskID
    package var attempt: UInt32
    package var object: ObjectID
    /// Which making of the object; see `ObjectStatus`.
    package var version: UInt32
    /// Where it was looked for in vain; empty if its owner said that it is being made again.
    package var nodes: [NodeID]

    package init(task: TaskID, attempt: UInt32, object: ObjectID, version: UInt32, nodes: [NodeID]) {
        self.task = task
        self.attempt = attempt
        self.object = object
        self.version = version
        self.nodes = nodes
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(task)
        writer.write(attempt)
        writer.write(object)
        writer.write(version)
        writer.write(list: nodes)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        task = try reader.identifier()
        attempt = try reader.uint32()
        object = try reader.identifier()
        version = try reader.uint32()
        nodes = try reader.identifiers()
    }
}

/// GCS to drivers and workers: these processes ended otherwise than by themselves, so nobody will hear that from them.
package struct ProcessesDied: Hashable, Sendable, WireCodable {
    package var processes: [WorkerID]

    package init(processes: [WorkerID]) { self.processes = processes }

    package func encode(into writer: inout WireWriter) { writer.write(list: processes) }

    package init(from reader: inout WireReader) throws(WireError) { processes = try reader.identifiers() }
}
