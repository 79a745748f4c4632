//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
package import RayCore
internal import RayTransport
package import RayWorker

/// The file of an executable that workers are to run: what it is, and its way to the cluster.
package enum ProgramFile {
    /// Completes a program by what the file of its executable is.
    ///
    /// - Throws: `systemError` if it cannot be read.
    package static func addHash(to program: inout Program, from path: String) throws(RayError) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw RayError(.systemError, "the executable \(program.path) cannot be read") }
        defer { close(file) }
        var information = stat()
        guard fstat(file, &information) == 0, information.st_size > 0,
            let base = mmap(nil, Int(information.st_size), PROT_READ, MAP_PRIVATE, file, 0), base != MAP_FAILED
        else { throw RayError(.systemError, "the executable \(program.path) cannot be read") }
        defer { munmap(base, Int(information.st_size)) }
        program.byteCount = Int(information.st_size)
        var digest = [UInt8](repeating: 0, count: Int(RAY_SHA256_BYTES))
        ray_sha256(base, program.byteCount, &digest)
        program.hash = digest.hex
    }

    /// Where an executable of this machine really is.
    ///
    /// - Throws: `invalidArgument` if there is no file that can be run.
    package static func resolved(_ path: String) throws(RayError) -> String {
        var information = stat()
        guard stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG, access(path, X_OK) == 0 else {
            throw RayError(.invalidArgument, "executable '\(path)' is no file that can be run")
        }
        guard let resolved = realpath(path, nil) else {
            throw RayError(.invalidArgument, "executable '\(path)' cannot be found: \(TransportError.text(errno))")
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Tells whether a file that was read is still the same; another text where it is not.
    package static func fingerprint(of path: String) -> String {
        var status = stat()
        guard stat(path, &status) == 0 else { return "" }
        return "\(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec) \(status.st_mtim.tv_nsec) "
            + "\(status.st_ctim.tv_sec) \(status.st_ctim.tv_nsec)"
    }

    /// Sends the executable to the head's archive, unless it is there.
    ///
    /// - Throws: `invalidArgument` if the file changes meanwhile, or why it cannot be sent.
    package static func send(_ program: Program, through worker: any WorkerAPI) throws(RayError) {
        let file = open(program.path, O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        try worker.store(blob: program.hash, byteCount: program.byteCount) { (offset, count) throws(RayError) in
            let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                filled = max(0, pread(file, buffer.baseAddress, count, off_t(offset)))
            }
            guard bytes.count == count else {
                throw RayError(.invalidArgument, "executable '\(program.path)' changed while it was sent; try again")
            }
            return bytes
        }
    }
}
