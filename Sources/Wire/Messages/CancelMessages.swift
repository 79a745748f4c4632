//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Owner to the process that has a task: end it. Answered by the task's `TaskDone`, as ever.
package struct CancelTask: Hashable, Sendable, WireCodable {
    package var task: TaskID
    package var attempt: UInt32
    /// Whether a process that runs the task is to end itself; never for calls on actors.
    package var force: Bool
    /// Whether the tasks that it has submitted are cancelled too.
    package var recursive: Bool

    package init(task: TaskID, attempt: UInt32, force: Bool, recursive: Bool) {
        self.task = task
        self.attempt = attempt
        self.force = force
        self.recursive = recursive
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(task)
        writer.write(attempt)
        writer.write(force)
        writer.write(recursive)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        task = try reader.identifier()
        attempt = try reader.uint32()
        force = try reader.bool()
        recursive = try reader.bool()
    }
}

/// Borrower to owner: cancel the task that makes this object.
package struct CancelObject: Hashable, Sendable, WireCodable {
    package var object: ObjectID
    package var force: Bool
    package var recursive: Bool

    package init(object: ObjectID, force: Bool, recursive: Bool) {
        self.object = object
        self.force = force
        self.recursive = recursive
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(object)
        writer.write(force)
        writer.write(recursive)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        object = try reader.identifier()
        force = try reader.bool()
        recursive = try reader.bool()
    }
}
