//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import RayCore
internal import RayNode
internal import RayWorker
internal import Synchronization

/// Turns what users write into what the cluster understands: packs folders, hashes executables, and sends both.
final class EnvironmentResolver: Sendable {
    /// The one of this process.
    static let shared = EnvironmentResolver()

    /// What was sent, for which cluster.
    private struct Sent: Hashable {
        var worker: WorkerID
        var path: String
        var excludes: [String]
    }

    private struct Known {
        var fingerprint: String
        /// SHA-256.
        var hash: String
    }

    private static let knownMax = 256
    private let known = Mutex<[Sent: Known]>([:])

    /// Finds what is wrong with an environment without sending anything.
    ///
    /// - Throws: `invalidArgument` with the reason.
    func check(_ environment: ray.RuntimeEnvironment) throws(RayError) {
        _ = try variables(of: environment)
        if let folder = environment.workingDir, !Self.isURI(folder) { _ = try look(folder, environment.excludes) }
        if let executable = environment.executable { _ = try ProgramFile.resolved(executable) }
    }

    /// What the workers of such calls must have; nothing if they are those of the caller's own kind.
    ///
    /// - Throws: as the other one.
    func resolve(_ options: CallOptions, _ worker: any WorkerAPI) throws(RayError) -> RuntimeEnvironmentSpec? {
        guard options.isPython || options.runtimeEnv != nil else { return nil }
        let python = options.isPython ? try PythonInterpreter(options.interpreter) : nil
        return try resolve(options.runtimeEnv ?? ray.RuntimeEnvironment(), python: python, worker)
    }

    /// The whole environment: the given one over that of this process. Blocks while files are read and sent.
    ///
    /// - Parameter python: the interpreter of the workers, if these run Python.
    /// - Throws: `invalidArgument` if it cannot be, or why it cannot be sent.
    func resolve(
        _ environment: ray.RuntimeEnvironment, python: PythonInterpreter? = nil, _ worker: any WorkerAPI
    ) throws(RayError) -> RuntimeEnvironmentSpec {
        let variables = try variables(of: environment)
        var package: String?
        if let folder = environment.workingDir { package = try self.package(folder, environment.excludes, worker) }
        var program: Program?
        if let executable = environment.executable { program = try self.program(executable, worker) }
        if let python {
            guard program == nil else {
                throw RayError(
                    .invalidArgument,
                    "executable is a program in Swift, and this runs in Python; name that by options(interpreter:)")
            }
            program = python.program(for: worker)
        }
        let whole = RuntimeEnvironmentSpec(variables: variables, workingDirectory: package, program: program)
            .merged(over: worker.environment)
        guard whole.variableBytes <= Limits.environmentBytesMax else {
            throw RayError(
                .invalidArgument,
                "envVars have \(whole.variableBytes) bytes with those inherited; at most "
                    + "\(Limits.environmentBytesMax) are allowed, so put large values into files")
        }
        return whole
    }

    private func variables(
        of environment: ray.RuntimeEnvironment
    ) throws(RayError) -> [RuntimeEnvironmentSpec.Variable] {
        for (name, value) in environment.envVars.sorted(by: { $0.key < $1.key }) {
            guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "=")), !name.utf8.contains(0), !value.utf8.contains(0)
            else {
                throw RayError(.invalidArgument, "'\(name)' in envVars is no environment variable, or has no value")
            }
            guard !name.hasPrefix("SWIFT_RAY_"), name != "RAY_AUTH_TOKEN" else {
                throw RayError(.invalidArgument, "the variable \(name) belongs to the runtime; leave it out of envVars")
            }
        }
        return environment.envVars.map { RuntimeEnvironmentSpec.Variable($0.key, $0.value) }
    }

    // MARK: Working folders

    private static func isURI(_ text: String) -> Bool { text.contains("://") }

    private func look(_ folder: String, _ excludes: [String]) throws(RayError) -> PackageFolder {
        var usual = PackageFolder.usualExcludes
        if let text = environment("RAY_OVERRIDE_RUNTIME_ENV_DEFAULT_EXCLUDES") {
            usual = text.split(separator: ",").map(String.init)
        }
        do throws(PackageError) {
            return try PackageFolder(folder, excludes: excludes, usualExcludes: usual)
        } catch {
            throw RayError(.invalidArgument, "workingDir: \(error)")
        }
    }

    private func package(
        _ text: String, _ excludes: [String], _ worker: any WorkerAPI
    ) throws(RayError) -> String {
        guard !Self.isURI(text) else {
            guard let uri = PackageURI(text) else {
                throw RayError(
                    .invalidArgument,
                    "workingDir '\(text)' is neither a folder of this machine nor a package of the cluster "
                        + "(gcs://_ray_pkg_<hash>.zip)")
            }
            return uri.description
        }
        let folder = try look(text, excludes)
        let key = Sent(worker: worker.address.worker, path: folder.path, excludes: excludes)
        let fingerprint = folder.fingerprint
        if let hash = hash(of: key, fingerprint) { return PackageURI(sha256: hash).description }
        let bytes: [UInt8]
        do throws(PackageError) {
            bytes = try folder.packed()
        } catch {
            throw RayError(.invalidArgument, "workingDir: \(error)")
        }
        var digest = [UInt8](repeating: 0, count: Int(RAY_SHA256_BYTES))
        bytes.withUnsafeBytes { ray_sha256($0.baseAddress, $0.count, &digest) }
        try worker.store(blob: digest.hex, byteCount: bytes.count) { offset, count in
            Array(bytes[offset..<offset + count])
        }
        remember(key, fingerprint, hash: digest.hex)
        return PackageURI(sha256: digest.hex).description
    }

    // MARK: Executables

    private func program(_ path: String, _ worker: any WorkerAPI) throws(RayError) -> Program {
        var program = try OwnProgram.describe(isHashed: false)
        program.path = try ProgramFile.resolved(path)
        let key = Sent(worker: worker.address.worker, path: program.path, excludes: [])
        let fingerprint = ProgramFile.fingerprint(of: program.path)
        if let hash = hash(of: key, fingerprint) {
            program.hash = hash
            return program
        }
        try ProgramFile.addHash(to: &program, from: program.path)
        try ProgramFile.send(program, through: worker)
        remember(key, fingerprint, hash: program.hash)
        return program
    }

    // MARK: What was sent

    private func hash(of key: Sent, _ fingerprint: String) -> String? {
        known.withLock { $0[key] }.flatMap { $0.fingerprint == fingerprint ? $0.hash : nil }
    }

    private func remember(_ key: Sent, _ fingerprint: String, hash: String) {
        known.withLock { known in
            if known.count >= Self.knownMax { known = [:] }
            known[key] = Known(fingerprint: fingerprint, hash: hash)
        }
    }
}
