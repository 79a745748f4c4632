//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// What the tasks of one kind have in common; sent once per report.
package struct TracedCall: Hashable, Sendable, WireCodable {
    /// What the tasks do, by Ray's names of task types.
    package enum Kind: UInt8, Sendable, Hashable {
        case normal = 0
        case actorCreation = 1
        case actorCall = 2
    }

    package var kind: Kind
    package var function: FunctionDescriptor
    /// The name that the caller gave; empty if none.
    package var name: String
    package var resources: ResourceSet
    package var group: PlacementGroupID?

    package init(
        kind: Kind, function: FunctionDescriptor, name: String = "", resources: ResourceSet = ResourceSet(),
        group: PlacementGroupID? = nil
    ) {
        self.kind = kind
        self.function = function
        self.name = name
        self.resources = resources
        self.group = group
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(kind.rawValue)
        writer.write(function)
        writer.write(name)
        writer.write(resources)
        writer.write(optional: group)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        let number = try reader.uint8()
        guard let kind = Kind(rawValue: number) else { throw .unknownCase("TracedCall.Kind", Int(number)) }
        self.init(
            kind: kind, function: try reader.value(), name: try reader.string(), resources: try reader.value(),
            group: try reader.optionalIdentifier())
    }
}

/// A process that ran tasks.
package struct TracedWorker: Hashable, Sendable, WireCodable {
    package var node: NodeID
    package var worker: WorkerID
    /// 0 if the reporter does not know it.
    package var processID: Int32

    package init(node: NodeID, worker: WorkerID, processID: Int32 = 0) {
        self.node = node
        self.worker = worker
        self.processID = processID
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(node)
        writer.write(worker)
        writer.write(processID)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init(node: try reader.identifier(), worker: try reader.identifier(), processID: try reader.int32())
    }
}

/// When an attempt got where, in nanoseconds since 1970; 0 is not known.
package struct TaskTimes: Hashable, Sendable, WireCodable {
    package var submitted: UInt64 = 0
    /// Its arguments existed.
    package var ready: UInt64 = 0
    /// It was sent to a worker.
    package var pushed: UInt64 = 0
    package var started: UInt64 = 0
    /// User code had ended.
    package var returned: UInt64 = 0
    /// Its results were stored, or it had failed.
    package var ended: UInt64 = 0

    package init() {}

    /// Takes over what is known there and not here.
    package mutating func fill(from other: TaskTimes) {
        if submitted == 0 { submitted = other.submitted }
        if ready == 0 { ready = other.ready }
        if pushed == 0 { pushed = other.pushed }
        if started == 0 { started = other.started }
        if returned == 0 { returned = other.returned }
        if ended == 0 { ended = other.ended }
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(submitted)
        writer.write(ready)
        writer.write(pushed)
        writer.write(started)
        writer.write(returned)
        writer.write(ended)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        submitted = try reader.uint64()
        ready = try reader.uint64()
        pushed = try reader.uint64()
        started = try reader.uint64()
        returned = try reader.uint64()
        ended = try reader.uint64()
    }
}

/// Why an attempt failed.
package struct TaskFailure: Hashable, Sendable, WireCodable {
    /// Bytes of a message that are kept.
    package static let messageBytesMax = 500

    /// The number of an `ErrorType`.
    package var type: UInt32
    package var message: String

    /// The beginning of an error's message.
    package init(_ error: RayError) {
        type = UInt32(error.type.rawValue)
        message = error.message.utf8.count <= Self.messageBytesMax ? error.message : Self.beginning(of: error.message)
    }

    private static func beginning(of text: String) -> String {
        String(decoding: text.utf8.prefix(messageBytesMax), as: UTF8.self) + "…"
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(type)
        writer.write(message)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        type = try reader.uint32()
        message = try reader.string()
    }
}

/// What is known of one attempt of a task; call and worker are positions in the lists beside it.
package struct TaskTrace: Hashable, Sendable, WireCodable {
    package var task: TaskID
    package var attempt: UInt32
    package var state: TaskState
    package var call: UInt32
    package var worker: UInt32?
    /// The task that submitted it; nothing for the driver.
    package var parent: TaskID?
    package var times: TaskTimes
    package var failure: TaskFailure?

    package init(
        task: TaskID, attempt: UInt32, state: TaskState, call: UInt32, worker: UInt32? = nil, parent: TaskID? = nil,
        times: TaskTimes, failure: TaskFailure? = nil
    ) {
        self.task = task
        self.attempt = attempt
        self.state = state
        self.call = call
        self.worker = worker
        self.parent = parent
        self.times = times
        self.failure = failure
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(task)
        writer.write(attempt)
        writer.write(state.rawValue)
        writer.write(call)
        writer.write(optional: worker) { $0.write($1) }
        writer.write(optional: parent)
        writer.write(times)
        writer.write(optional: failure)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        task = try reader.identifier()
        attempt = try reader.uint32()
        let number = try reader.uint8()
        guard let state = TaskState(rawValue: number) else { throw .unknownCase("TaskState", Int(number)) }
        self.state = state
        call = try reader.uint32()
        worker = try reader.optional { (reader: inout WireReader) throws(WireError) in try reader.uint32() }
        parent = try reader.optionalIdentifier()
        times = try reader.value()
        failure = try reader.optionalValue()
    }
}

/// Driver or worker to GCS, about once a second: what became of the tasks that it submitted, and what it runs.
package struct TaskEvents: Hashable, Sendable, WireCodable {
    /// Attempts in one message.
    package static let tasksMax = 1_000

    package var calls: [TracedCall]
    package var workers: [TracedWorker]
    package var tasks: [TaskTrace]
    /// Attempts that were dropped since the last report, because there were too many.
    package var dropped: Int

    package init(
        calls: [TracedCall] = [], workers: [TracedWorker] = [], tasks: [TaskTrace] = [], dropped: Int = 0
    ) {
        self.calls = calls
        self.workers = workers
        self.tasks = tasks
        self.dropped = dropped
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(list: calls)
        writer.write(list: workers)
        writer.write(list: tasks)
        writer.write(dropped)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        calls = try reader.values()
        workers = try reader.values()
        tasks = try reader.values()
        dropped = try reader.count()
    }
}

/// When user code of a task began and ended, told by the process that ran it; nanoseconds since 1970.
package struct ExecutionTimes: Hashable, Sendable, WireCodable {
    package var started: UInt64
    package var returned: UInt64
    /// Its results were stored.
    package var ended: UInt64

    package init(started: UInt64, returned: UInt64, ended: UInt64) {
        self.started = started
        self.returned = returned
        self.ended = ended
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(started)
        writer.write(returned)
        writer.write(ended)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init(started: try reader.uint64(), returned: try reader.uint64(), ended: try reader.uint64())
    }
}
