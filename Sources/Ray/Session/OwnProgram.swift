//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
internal import RayCore
internal import RayNode

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
        var program = Program(
            hash: "", path: path, byteCount: 0, arguments: arguments, environment: [], workingDirectory: folder)
        if isHashed { try ProgramFile.addHash(to: &program, from: "/proc/self/exe") }
        return program
    }
    /// The working folder of this process.
    static var folder: String {
        var directory = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        return getcwd(&directory, directory.count).map { String(cString: $0) } ?? "/"
    }
}
