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

    /// The declaration that a caller in another language means by as much of its name as it takes: `area`,
    /// `area(width:height:)`, with the types and the module around it where they tell it from others.
    ///
    /// - Throws: `notFound` or `invalidArgument`, with what there is.
    package func find(
        named wanted: FunctionDescriptor, _ kind: ray._Declaration.Kind, argumentCount: Int
    ) throws(RayError) -> ray._Declaration {
        let called = declarations.values.filter { $0.kind == kind && $0.isCalled(wanted) }
        let fitting = called.filter { $0.parameterTypes.count == argumentCount }
        if let only = fitting.first, fitting.count == 1 { return only }
        func list(_ found: [ray._Declaration]) -> String {
            let names = found.map { $0.descriptor.description }.sorted()
            return names.prefix(Self.shownMax).joined(separator: ", ") + (names.count > Self.shownMax ? ", …" : "")
        }
        guard fitting.isEmpty else {
            throw RayError(
                .invalidArgument, "'\(wanted)' may be \(list(fitting)); write labels or the type around it as well")
        }
        guard called.isEmpty else {
            throw RayError(.invalidArgument, "'\(wanted)' was given \(argumentCount) arguments: \(list(called))")
        }
        let others = list(declarations.values.filter { $0.kind == kind })
        throw RayError(
            .notFound,
            "'\(wanted)' is not among the remote declarations of this program"
                + (others.isEmpty ? ", which has none of its kind" : ": \(others)") + "; is it marked @Remote?")
    }

    /// Names in a message.
    private static let shownMax = 20

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

extension ray._Declaration {
    /// Whether people may call it by these names.
    fileprivate func isCalled(_ wanted: FunctionDescriptor) -> Bool {
        guard descriptor.function.hasPrefix(wanted.function + "(") else { return false }
        let around = [descriptor.module, descriptor.className].filter { !$0.isEmpty }.joined(separator: ".")
        let wantedAround = [wanted.module, wanted.className].filter { !$0.isEmpty }.joined(separator: ".")
        return wantedAround.isEmpty || around == wantedAround || around.hasSuffix("." + wantedAround)
    }
}
