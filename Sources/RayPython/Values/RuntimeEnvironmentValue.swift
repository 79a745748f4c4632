//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWorker

extension RuntimeEnvironmentSpec {
    /// Reads `variables`, `working_dir` and `packages`; see `swift_ray/raylet/environments.py`, which writes it.
    ///
    /// - Throws: `invalidArgument` for variables that no process can have.
    convenience init(_ value: MessagePackValue) throws(RayError) {
        var variables: [Variable] = []
        for pair in value["variables"]?.pairs ?? [] {
            guard let name = pair.key.text, let text = pair.value.text, !name.isEmpty,
                !name.utf8.contains(UInt8(ascii: "=")), !(name + text).utf8.contains(0)
            else { throw RayError(.invalidArgument, "this is no environment variable: \(pair)") }
            variables.append(Variable(name, text))
        }
        self.init(
            variables: variables, workingDirectory: value["working_dir"]?.text,
            packages: (value["packages"]?.elements ?? []).compactMap(\.text))
        guard variableBytes <= Limits.environmentBytesMax else {
            throw RayError(
                .invalidArgument,
                "the runtime environment has \(variableBytes) bytes of variables; at most "
                    + "\(Limits.environmentBytesMax) are allowed")
        }
    }
}
