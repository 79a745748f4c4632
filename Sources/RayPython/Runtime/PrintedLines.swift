//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// Lines that workers printed, until Python's printing thread fetches them.
let printedLines = EventQueue<LogLines>(countMax: 10_000)

extension LogLines {
    /// The lines for `subscribers.py`.
    var messagePack: MessagePackValue {
        .record([
            "job": .bytes(job.bytes), "host": .string(host), "pid": .int(Int64(processID)), "name": .string(name),
            "is_err": .bool(isError), "lines": .array(lines.map { .string($0) }),
        ])
    }
}

/// Errors that were published for this process's job or for all, which each subscriber of Python's reads.
let publishedErrors = EventLog<Published>(countMax: 1_000)

extension ErrorReport {
    /// The error for `subscribers.py`.
    var messagePack: MessagePackValue {
        .record([
            "key": .bytes(key), "job": job.map { .bytes($0.bytes) } ?? .nil, "type": .string(type),
            "message": .string(message), "timestamp": .double(Double(reportedAt) / 1e9),
        ])
    }

    /// Reads an error that Python wants published.
    init(_ value: MessagePackValue) {
        self.init(
            value["type"]?.text ?? "", value["message"]?.text ?? "", job: value["job"]?.data.flatMap { JobID($0) },
            key: value["key"]?.data, reportedAt: Self.nanoseconds(value["timestamp"]?.number ?? 0))
    }
}
