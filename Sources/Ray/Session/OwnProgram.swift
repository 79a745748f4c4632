//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
internal import RayCore
internal import RayNode
internal import RayWire

/// This program as its workers must be started.
enum OwnProgram {
    /// Path, arguments, working folder and, for other machines, the content's hash.
    ///
    /// - Parameter isHashed: false where workers run the very same file, on this machine.
    /// - Throws: `systemError` if the executable cannot be read.
    static func describe(isHashed: Bool) throws(RayError) -> Program {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard count > 0 else { throw RayError(.systemError, "/proc/self/exe cannot be read: is /proc mounted?") }
        let path = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let arguments = (readBytes("/proc/self/cmdline") ?? []).split(separator: 0, omittingEmptySubsequences: false)
            .dropLast().dropFirst().map { String(decoding: $0, as: UTF8.self) }
        var directory = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let folder = getcwd(&directory, directory.count).map { String(cString: $0) } ?? "/"
        var program = Program(
            hash: "", path: path, byteCount: 0, arguments: arguments, environment: [], workingDirectory: folder)
        if isHashed { try addHash(to: &program, from: "/proc/self/exe") }
        return program
    }

    /// Completes a program by what the file of its executable is.
    ///
    /// - Throws: `systemError` if it cannot be read.
    static func addHash(to program: inout Program, from path: String) throws(RayError) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        var information = stat()
        guard file >= 0, fstat(file, &information) == 0, information.st_size > 0,
            let base = mmap(nil, Int(information.st_size), PROT_READ, MAP_PRIVATE, file, 0), base != MAP_FAILED
        else { throw RayError(.systemError, "the executable \(program.path) cannot be read") }
        defer {
            munmap(base, Int(information.st_size))
            close(file)
        }
        program.byteCount = Int(information.st_size)
        var digest = [UInt8](repeating: 0, count: 32)
        ray_sha256(base, program.byteCount, &digest)
        program.hash = digest.hex
    }
}
