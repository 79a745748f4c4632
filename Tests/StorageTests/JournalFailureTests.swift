//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import RayCore
import RayStorage
import Testing

@Suite("What is said of a journal that fails")
struct JournalFailureTests {
    private static let remedies: [(codes: [Int32], remedy: String)] = [
        ([ENOSPC, EDQUOT], "make room on its disk"), ([EIO, ENXIO], "its disk fails"),
        ([EROFS], "mount its disk so that it can be written"), ([EACCES, EPERM], "the right to read and write"),
        ([EISDIR, ENOTDIR, ENODEV, ELOOP, EEXIST], "move away"), ([ENOENT], "make its folder again"),
        ([ESTALE], "mount"),
        ([EFBIG], "ulimit -f"), ([EMFILE, ENFILE], "ulimit -n"), ([ENOMEM], "free memory"),
        ([EINVAL, ENOLCK], "set RAY_gcs_storage_path"),
    ]

    @Test("Each error names what helps against it, and only a full disk is to be given room")
    func remedies() {
        for (codes, remedy) in Self.remedies {
            for code in codes {
                let error = JournalFailure.error("the journal /j cannot be written", code: code)
                #expect(
                    error.message.hasPrefix("the journal /j cannot be written: \(String(cString: strerror(code)));"))
                #expect(error.message.contains(remedy))
                let isFull = code == ENOSPC || code == EDQUOT
                #expect(error.message.contains("make room") == isFull)
                #expect(error.type == (isFull ? .outOfDisk : .systemError))
            }
        }
    }

    @Test("A journal whose place is taken says so when it is opened")
    func placeIsTaken() throws {
        let root = FileManager.default.temporaryDirectory.path + "/journal-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: root + "/folder/journal", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: root) }
        try Data().write(to: URL(fileURLWithPath: root + "/file"))
        let below = #expect(throws: RayError.self) { try FileJournal(folder: root + "/file/journal") }
        #expect(below?.message.contains("move away") == true)
        let missing = #expect(throws: RayError.self) { try FileJournal(folder: root + "/none/journal") }
        #expect(missing?.message.contains("set RAY_gcs_storage_path") == true)
        let journal = try FileJournal(folder: root + "/folder")
        defer { journal.close() }
        let taken = #expect(throws: RayError.self) { try journal.recover() }
        #expect(taken?.message.contains("move away") == true && taken?.type == .systemError)
    }
}
