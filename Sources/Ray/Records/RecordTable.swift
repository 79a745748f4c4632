//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// The remote declarations of this executable, by descriptor.
package struct RecordTable: Sendable {
    /// What names a declaration, without the hash: one name must not stand for two functions.
    private struct Key: Hashable {
        var module: String
        var className: String
        var function: String

        init(_ descriptor: FunctionDescriptor) {
            module = descriptor.module
            className = descriptor.className
            function = descriptor.function
        }
    }

    private var declarations: [Key: ray._Declaration] = [:]

    /// The table of this process, read once from the executable.
    ///
    /// A failure when two declarations have one name.
    package static let current: Result<RecordTable, RayError> = Result { () throws(RayError) in
        try RecordTable(RecordSection.declarations())
    }

    /// - Throws: if two declarations have the same name.
    package init(_ list: [ray._Declaration]) throws(RayError) {
        for declaration in list {
            let key = Key(declaration.descriptor)
            if let other = declarations[key] {
                if other === declaration { continue }
                throw RayError(
                    .systemError,
                    "the remote function \(declaration.descriptor) is declared twice: in \(other.file):\(other.line) "
                        + "and in \(declaration.file):\(declaration.line); rename one of them")
            }
            declarations[key] = declaration
        }
    }

    /// How many declarations there are.
    package var count: Int { declarations.count }

    /// The declaration that a descriptor names; its hash must agree.
    package func find(_ descriptor: FunctionDescriptor) -> ray._Declaration? {
        guard let found = declarations[Key(descriptor)] else { return nil }
        return descriptor.hash.isEmpty || descriptor.hash == found.descriptor.hash ? found : nil
    }

    /// Why a descriptor is not found.
    package func explainMissing(_ descriptor: FunctionDescriptor) -> String {
        if declarations[Key(descriptor)] != nil {
            return "\(descriptor) has another signature in this worker than in its caller: driver and worker "
                + "executables differ; build both from the same sources"
        }
        return "\(descriptor) is not among the \(count) remote functions of this worker: driver and worker "
            + "executables differ; build both from the same sources"
    }
}
