//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
package import RayCore
internal import RayRaylet
internal import RayTransport
internal import RayWire
internal import Synchronization

/// Looks for executables on this node's disk and checks that they run here. Blocks; any thread.
package final class ProgramInspector: Sendable {
    private let folder: String
    private let archive: String
    private let libraries: LibraryIndex
    private let node: ExecutableCheck.Node
    /// By their hash, files in the folders that were read and found to be what they should be.
    private let verified = Mutex<[String: String]>([:])

    /// - Parameters:
    ///   - folder: Where what was brought to this node is kept by its hash; no other node's.
    ///   - archive: Where the head keeps executables if it is on this machine.
    ///   - libraryPath: `LD_LIBRARY_PATH` of the workers.
    package init(folder: String, archive: String, libraryPath: String?) {
        self.folder = folder
        self.archive = archive
        libraries = LibraryIndex(libraryPath: libraryPath)
        #if arch(x86_64)
        let machine: UInt16 = 62
        #elseif arch(arm64)
        let machine: UInt16 = 183
        #else
        let machine: UInt16 = 0
        #endif
        node = ExecutableCheck.Node(machine: machine, libraryVersion: Self.libraryVersion ?? .newest)
    }

    /// "2.36" on a system with "glibc 2.36".
    private static var libraryVersion: ExecutableCheck.Version? {
        var text = [CChar](repeating: 0, count: 64)
        guard confstr(Int32(_CS_GNU_LIBC_VERSION), &text, text.count) > 0 else { return nil }
        let name = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return name.split(separator: " ").last.flatMap { ExecutableCheck.Version(String($0)) }
    }

    /// Where the program of this hash is kept if it is brought here.
    package func path(of hash: String) -> String { folder + "/" + hash }

    /// The program's path on this node, why it cannot run, or nothing if it must be brought here.
    package func find(_ program: Program) -> Result<String, RayError>? {
        guard !program.hash.isEmpty else { return check(program.path) }
        guard Self.isHash(program.hash) else {
            return .failure(RayError(.invalidArgument, "'\(program.hash)' is no SHA-256 of a program"))
        }
        if let path = verified.withLock({ $0[program.hash] }), access(path, X_OK) == 0 { return .success(path) }
        let kept = [path(of: program.hash), archive + "/" + program.hash]
        for candidate in kept + [program.path] where access(candidate, X_OK) == 0 {
            guard hash(of: candidate, byteCount: program.byteCount) == program.hash else { continue }
            let result = check(candidate)
            if kept.contains(candidate), case .success = result {
                verified.withLock { $0[program.hash] = candidate }
            }
            return result
        }
        return nil
    }

    /// Takes a file that was brought here as the program, if it is that.
    package func adopt(_ file: String, as program: Program) -> Result<String, RayError> {
        defer { unlink(file) }
        guard hash(of: file, byteCount: nil) == program.hash else {
            return .failure(
                RayError(.runtimeEnvSetupFailed, "the program that was brought to this node is not what was sent"))
        }
        let kept = path(of: program.hash)
        guard chmod(file, 0o700) == 0, rename(file, kept) == 0 else {
            let reason = TransportError.text(errno)
            return .failure(RayError(.runtimeEnvSetupFailed, "\(kept) cannot be written: \(reason)"))
        }
        let result = check(kept)
        if case .success = result { verified.withLock { $0[program.hash] = kept } }
        return result
    }

    /// Deletes a program, if it was brought here. Processes that run it go on.
    package func remove(_ hash: String) {
        guard Self.isHash(hash), unlink(path(of: hash)) == 0 else { return }
        verified.withLock { $0[hash] = nil }
    }

    private static func isHash(_ text: String) -> Bool { text.utf8.count == 64 && [UInt8](hex: text) != nil }

    private func check(_ path: String) -> Result<String, RayError> {
        guard access(path, X_OK) == 0 else {
            let reason = TransportError.text(errno)
            return .failure(
                RayError(
                    .runtimeEnvSetupFailed,
                    "the program \(path) cannot be run on this node: \(reason). An interpreter is not sent to nodes: "
                        + "install it there, or name one that all nodes have"))
        }
        let problem = withFile(path) { bytes in
            ExecutableCheck.problem(in: bytes, path: path, on: node) { libraries.has($0, in: $1) }
        }
        switch problem {
        case .some(nil): return .success(path)
        case .some(let error?): return .failure(error)
        case nil: return .failure(RayError(.runtimeEnvSetupFailed, "the program \(path) cannot be read on this node"))
        }
    }

    /// SHA-256 of the file, hex; nothing if it cannot be read or has another size.
    private func hash(of path: String, byteCount: Int?) -> String? {
        withFile(path) { bytes -> String? in
            if let byteCount, byteCount > 0, byteCount != bytes.count { return nil }
            var digest = [UInt8](repeating: 0, count: 32)
            ray_sha256(bytes.baseAddress, bytes.count, &digest)
            return digest.hex
        } ?? nil
    }

    /// Lends the file's bytes, mapped; nothing if it cannot be read or is empty.
    private func withFile<Value>(_ path: String, _ body: (UnsafeRawBufferPointer) -> Value) -> Value? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size > 0,
            let base = mmap(nil, Int(status.st_size), PROT_READ, MAP_PRIVATE, file, 0), base != MAP_FAILED
        else { return nil }
        defer { munmap(base, Int(status.st_size)) }
        return body(UnsafeRawBufferPointer(start: base, count: Int(status.st_size)))
    }
}
