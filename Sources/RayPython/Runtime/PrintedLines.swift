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
