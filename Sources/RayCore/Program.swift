//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// An executable that workers of a job run.
package struct Program: Hashable, Sendable {
    /// SHA-256 of the executable, hex; empty means the path as it is.
    package var hash: String
    /// Where the driver found it; used as is on nodes that have the same content there.
    package var path: String
    package var byteCount: Int
    /// Without the program's name.
    package var arguments: [String]
    /// `NAME=value`, added to the raylet's own.
    package var environment: [String]
    package var workingDirectory: String

    package init(
        hash: String, path: String, byteCount: Int, arguments: [String], environment: [String], workingDirectory: String
    ) {
        self.hash = hash
        self.path = path
        self.byteCount = byteCount
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
    }

    /// Whether workers run Python: an interpreter with swift_ray's module.
    package var isPython: Bool { arguments.suffix(2) == ["-m", "swift_ray.worker"] }
}
