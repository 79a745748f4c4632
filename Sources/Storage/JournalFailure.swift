//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
package import RayCore
internal import RayTransport

/// What is said of a system call on the journal that failed.
package enum JournalFailure {
    /// An error with what helps against it; of another kind where the disk is full.
    ///
    /// - Parameters:
    ///   - what: What is the matter with which file: "the journal /x cannot be written".
    ///   - code: The number of the system's error.
    package static func error(_ what: String, code: Int32) -> RayError {
        let isFull = code == ENOSPC || code == EDQUOT
        return RayError(isFull ? .outOfDisk : .systemError, "\(what): \(TransportError.text(code)); \(remedy(code))")
    }

    private static func remedy(_ code: Int32) -> String {
        let elsewhere = "set RAY_gcs_storage_path to another folder"
        switch code {
        case ENOSPC, EDQUOT: return "make room on its disk, or \(elsewhere)"
        case EIO, ENXIO:
            return
                "its disk fails: copy what can be read of the file to another one, and set RAY_gcs_storage_path to its "
                + "folder there"
        case EROFS: return "mount its disk so that it can be written, or \(elsewhere)"
        case EACCES, EPERM: return "give this user the right to read and write there, or \(elsewhere)"
        case EISDIR, ENOTDIR, ENODEV, ELOOP, EEXIST: return "move away what stands in its place, or \(elsewhere)"
        case ENOENT: return "make its folder again, or \(elsewhere)"
        case ESTALE: return "mount its file system again, or \(elsewhere)"
        case EFBIG: return "allow this process larger files (ulimit -f)"
        case EMFILE, ENFILE: return "allow this process more open files (ulimit -n)"
        case ENOMEM: return "give this machine more free memory"
        default: return "see to its file system, or \(elsewhere)"
        }
    }
}
