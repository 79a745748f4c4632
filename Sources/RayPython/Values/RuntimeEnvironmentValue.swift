//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWorker

extension RuntimeEnvironmentSpec {
    /// Reads `variables`, `working_dir`, `packages` and `program`; see `swift_ray/raylet/environments.py`, which writes
    /// it.
    ///
    /// - Parameter parent: the environment of this process, whose program goes on, unless `program` says another one,
    ///   or is false: then it is that of the job.
    /// - Throws: `invalidArgument` for variables that no process can have.
    convenience init(_ value: MessagePackValue, under parent: RuntimeEnvironmentSpec? = nil) throws(RayError) {
        var variables: [Variable] = []
        for pair in value["variables"]?.pairs ?? [] {
            guard let name = pair.key.text, let text = pair.value.text, !name.isEmpty,
                !name.utf8.contains(UInt8(ascii: "=")), !(name + text).utf8.contains(0)
            else { throw RayError(.invalidArgument, "this is no environment variable: \(pair)") }
            variables.append(Variable(name, text))
        }
        let wanted = value["program"] ?? .nil
        self.init(
            variables: variables, workingDirectory: value["working_dir"]?.text,
            program: wanted == .nil ? parent?.program : Program(wanted),
            packages: (value["packages"]?.elements ?? []).compactMap(\.text))
        guard variableBytes <= Limits.environmentBytesMax else {
            throw RayError(
                .invalidArgument,
                "the runtime environment has \(variableBytes) bytes of variables; at most "
                    + "\(Limits.environmentBytesMax) are allowed")
        }
    }
}
