//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Owner to leased worker: run this when its turn comes.
package struct PushTask: Hashable, Sendable, WireCodable {
    package var lease: LeaseID
    package var spec: TaskSpec

    package init(lease: LeaseID, spec: TaskSpec) {
        self.lease = lease
        self.spec = spec
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(lease)
        writer.write(spec)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        lease = try reader.identifier()
        spec = try reader.value()
    }
}

/// Worker to owner: results, or the error of user code. Sent once for each push or call.
package struct TaskDone: Hashable, Sendable, WireCodable {
    package var task: TaskID
    package var attempt: UInt32
    /// Empty on failure.
    package var results: [TaskResult]
    package var error: RayError?
    /// When it ran, where tasks are recorded.
    package var times: ExecutionTimes?

    package init(
        task: TaskID, attempt: UInt32, results: [TaskResult], error: RayError? = nil, times: ExecutionTimes? = nil
    ) {
        self.task = task
        self.attempt = attempt
        self.results = results
        self.error = error
        self.times = times
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(task)
        writer.write(attempt)
        writer.write(list: results)
        writer.write(optional: error)
        if times != nil { writer.write(optional: times) }
    }

    package init(from reader: inout WireReader) throws(WireError) {
        task = try reader.identifier()
        attempt = try reader.uint32()
        results = try reader.values()
        error = try reader.optionalValue()
        times = try reader.added(nil) { (reader: inout WireReader) throws(WireError) in try reader.optionalValue() }
    }
}

/// Worker to owner: tasks that it will not begin.
package struct HandBack: Hashable, Sendable, WireCodable {
    package var lease: LeaseID
    package var tasks: [TaskID]

    package init(lease: LeaseID, tasks: [TaskID]) {
        self.lease = lease
        self.tasks = tasks
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(lease)
        writer.write(list: tasks)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        lease = try reader.identifier()
        tasks = try reader.identifiers()
    }
}

/// Owner to worker: hand back what has not begun.
package struct StealTasks: Hashable, Sendable, WireCodable {
    package var lease: LeaseID
    package var count: UInt32

    package init(lease: LeaseID, count: UInt32) {
        self.lease = lease
        self.count = count
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(lease)
        writer.write(count)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        lease = try reader.identifier()
        count = try reader.uint32()
    }
}

/// Caller to actor: run this in the order of its sequence number.
package struct CallActor: Hashable, Sendable, WireCodable {
    package var spec: TaskSpec
    package var incarnation: UInt32
    /// Whether it makes a lost result again: then it does not wait behind calls that wait for their arguments.
    package var isRebuild: Bool

    package init(spec: TaskSpec, incarnation: UInt32, isRebuild: Bool = false) {
        self.spec = spec
        self.incarnation = incarnation
        self.isRebuild = isRebuild
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(spec)
        writer.write(incarnation)
        if isRebuild { writer.write(isRebuild) }
    }

    package init(from reader: inout WireReader) throws(WireError) {
        spec = try reader.value()
        incarnation = try reader.uint32()
        isRebuild = try reader.added(false) { (reader: inout WireReader) throws(WireError) in try reader.bool() }
    }
}

/// Borrower to owner. Answered by `ObjectStatus` when the object is there or has failed.
package struct QueryObject: Hashable, Sendable, WireCodable {
    package var object: ObjectID
    /// Which making of the object was looked for; see `ObjectStatus`.
    package var version: UInt32
    /// Where it was looked for in vain.
    package var lost: [NodeID]

    package init(object: ObjectID, version: UInt32 = 0, lost: [NodeID] = []) {
        self.object = object
        self.version = version
        self.lost = lost
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(object)
        writer.write(version)
        writer.write(list: lost)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        object = try reader.identifier()
        (version, lost) = try reader.added((0, [])) { (reader: inout WireReader) throws(WireError) in
            (try reader.uint32(), try reader.identifiers())
        }
    }
}

/// Owner to borrower; with neither result nor error it says that the object is being made again.
package struct ObjectStatus: Hashable, Sendable, WireCodable {
    package var object: ObjectID
    package var result: TaskResult?
    package var error: RayError?
    /// Which try of its task made the object, so that a loss of an earlier making is not taken for one of this.
    package var version: UInt32

    package init(object: ObjectID, result: TaskResult? = nil, error: RayError? = nil, version: UInt32 = 0) {
        self.object = object
        self.result = result
        self.error = error
        self.version = version
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(object)
        writer.write(optional: result)
        writer.write(optional: error)
        writer.write(version)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        object = try reader.identifier()
        result = try reader.optionalValue()
        error = try reader.optionalValue()
        version = try reader.added(0) { (reader: inout WireReader) throws(WireError) in try reader.uint32() }
    }
}

/// Where one result of a task is.
package enum TaskResult: Hashable, Sendable, WireCodable {
    /// Here.
    case inline(RayObject)
    /// In the store of a node; the address is its raylet's.
    case stored(at: Address, byteCount: Int)

    package func encode(into writer: inout WireWriter) {
        switch self {
        case .inline(let object):
            writer.write(UInt8(0))
            writer.write(object)
        case .stored(let raylet, let byteCount):
            writer.write(UInt8(1))
            writer.write(raylet)
            writer.write(byteCount)
        }
    }

    package init(from reader: inout WireReader) throws(WireError) {
        switch try reader.uint8() {
        case 0: self = .inline(try reader.value())
        case 1: self = .stored(at: try reader.value(), byteCount: try reader.count())
        case let other: throw .unknownCase("TaskResult", Int(other))
        }
    }
}
