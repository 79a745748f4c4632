//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// What workers of a runtime environment have that others of the node have not.
///
/// An object, so that the many calls of one environment share it, and compare it by its address in most cases.
package final class RuntimeEnvironmentSpec: Hashable, Sendable {
    /// An environment variable.
    package struct Variable: Hashable, Sendable {
        package let name: String
        /// May name variables of the node: `${PATH}:/opt/bin`.
        package let value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// By name, each once.
    package let variables: [Variable]
    /// The package that is the worker's current folder: `gcs://_ray_pkg_<hash>.zip`. Else the program's is.
    package let workingDirectory: String?
    /// What is run instead of the job's executable.
    package let program: Program?
    /// Further packages of the cluster, which the worker fetches itself.
    package let packages: [String]
    private let digest: Int

    package init(
        variables: [Variable] = [], workingDirectory: String? = nil, program: Program? = nil, packages: [String] = []
    ) {
        self.variables = variables.sorted { $0.name < $1.name }
        self.workingDirectory = workingDirectory
        self.program = program
        self.packages = packages
        var hasher = Hasher()
        hasher.combine(self.variables)
        hasher.combine(workingDirectory)
        hasher.combine(program)
        hasher.combine(packages)
        digest = hasher.finalize()
    }

    /// Whether it asks for nothing.
    package var isEmpty: Bool { variables.isEmpty && workingDirectory == nil && program == nil && packages.isEmpty }

    /// Bytes of the variables.
    package var variableBytes: Int { variables.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 2 } }

    /// As Ray merges: variables one by one, everything else as a whole; what this one says counts.
    package func merged(over parent: RuntimeEnvironmentSpec?) -> RuntimeEnvironmentSpec {
        guard let parent else { return self }
        let own = Set(variables.map(\.name))
        return RuntimeEnvironmentSpec(
            variables: parent.variables.filter { !own.contains($0.name) } + variables,
            workingDirectory: workingDirectory ?? parent.workingDirectory, program: program ?? parent.program,
            packages: packages.isEmpty ? parent.packages : packages)
    }

    package static func == (lhs: RuntimeEnvironmentSpec, rhs: RuntimeEnvironmentSpec) -> Bool {
        lhs === rhs
            || lhs.digest == rhs.digest && lhs.variables == rhs.variables
                && lhs.workingDirectory == rhs.workingDirectory && lhs.program == rhs.program
                && lhs.packages == rhs.packages
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(digest) }
}
