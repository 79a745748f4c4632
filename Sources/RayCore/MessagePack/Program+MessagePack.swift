//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

extension Program {
    /// The program as Python keeps it.
    package var messagePack: MessagePackValue {
        .record([
            "hash": .string(hash), "path": .string(path), "bytes": .int(Int64(byteCount)),
            "arguments": .array(arguments.map { .string($0) }),
            "environment": .array(environment.map { .string($0) }), "folder": .string(workingDirectory),
        ])
    }

    /// Reads what `messagePack` says; nothing if there is no path.
    package init?(_ value: MessagePackValue) {
        guard let path = value["path"]?.text, !path.isEmpty else { return nil }
        self.init(
            hash: value["hash"]?.text ?? "", path: path, byteCount: value["bytes"]?.integer ?? 0,
            arguments: (value["arguments"]?.elements ?? []).compactMap(\.text),
            environment: (value["environment"]?.elements ?? []).compactMap(\.text),
            workingDirectory: value["folder"]?.text ?? "")
    }
}
