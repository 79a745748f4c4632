//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWorker

extension RayError {
    /// The error for Python; `swift_ray/raylet/errors.py` makes Ray's exception of it.
    var messagePack: MessagePackValue {
        .record([
            "type": .int(Int64(type.rawValue)), "message": .string(message), "type_name": .string(typeName),
            "function": .string(function), "node": .string(node), "host": .string(host),
            "pid": .int(Int64(processID)), "attempt": .int(Int64(attempt)), "payload": .bytes(payload),
            "causes": .array(causes.map { .string($0) }), "language": .int(Int64(language.rawValue)),
            "dependents": .array(dependents.map { .string($0) }),
        ])
    }

    /// Reads an error that Python gives as the outcome of a task.
    init(_ value: MessagePackValue) {
        self.init(
            value["type"]?.integer.flatMap { ErrorType(rawValue: $0) } ?? .taskExecution,
            value["message"]?.text ?? "", typeName: value["type_name"]?.text ?? "",
            function: value["function"]?.text ?? "", language: .python, payload: value["payload"]?.data ?? [],
            causes: (value["causes"]?.elements ?? []).compactMap(\.text))
    }
}
