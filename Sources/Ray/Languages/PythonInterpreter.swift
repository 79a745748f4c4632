//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
internal import RayCore
internal import RayNode
internal import RayWorker

/// The Python that runs functions and actors of Python modules: the same path on every node.
struct PythonInterpreter: Hashable, Sendable {
    /// Names the interpreter where a call does not; workers that Python starts find their driver's there.
    static let variable = "SWIFT_RAY_PYTHON"
    /// Tells workers in Python which program in Swift they may call; see `Program.text`.
    static let callerVariable = "SWIFT_RAY_CALLER_PROGRAM"

    private let path: String

    /// The interpreter that is named, or else SWIFT_RAY_PYTHON, the active virtual environment's, or python3.
    ///
    /// - Throws: `invalidArgument` if there is none.
    init(_ given: String? = nil) throws(RayError) {
        let active = environment("VIRTUAL_ENV").map { $0 + "/bin/python" }
        let usual = active.flatMap { Self.canRun($0) ? $0 : nil } ?? "python3"
        let name = given ?? environment(Self.variable) ?? usual
        if name.hasPrefix("/") {
            path = name
        } else if name.contains("/") {
            path = OwnProgram.folder + "/" + name
        } else {
            let candidates = (environment("PATH") ?? "").split(separator: ":").map { "\($0)/\(name)" }
            guard let found = candidates.first(where: Self.canRun) else {
                throw RayError(
                    .invalidArgument,
                    "there is no '\(name)' on the PATH of this process; name the Python of the nodes, with swift_ray "
                        + "and ray installed, by options(interpreter:) or \(Self.variable)")
            }
            path = found
        }
    }

    private static func canRun(_ path: String) -> Bool { access(path, X_OK) == 0 }

    /// How workers of this interpreter are started.
    func program(for worker: any WorkerAPI) -> Program {
        let seconds = environment("RAY_worker_register_timeout_seconds").flatMap { Int($0) } ?? 60
        var variables = [
            "RAY_CLIENT_MODE=0", "SWIFT_RAY_START_SECONDS=\(seconds)",
            // Ray's Python shows the accelerators of each task itself.
            "SWIFT_RAY_ACCELERATORS_PER_TASK=1",
            "\(Self.callerVariable)=\(worker.environment?.program?.text ?? "")",
        ]
        if let folders = environment("PYTHONPATH"), !folders.isEmpty { variables.append("PYTHONPATH=\(folders)") }
        return Program(
            hash: "", path: path, byteCount: 0, arguments: ["-m", "swift_ray.worker"], environment: variables,
            workingDirectory: OwnProgram.folder)
    }
}

extension Program {
    /// The program for a variable of the environment: MessagePack in hexadecimal digits.
    fileprivate var text: String { messagePack.encoded.hex }
}
