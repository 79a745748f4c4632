//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import RayCore
import RayGCS
import RayStorage
import Synchronization
import Testing

@Suite("The journal in a file")
struct FileJournalTests {
    private final class Folder {
        let path = FileManager.default.temporaryDirectory.path + "/journal-\(UUID().uuidString)"
        var file: URL { URL(fileURLWithPath: path + "/journal") }
        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    private func record(_ key: UInt8, _ value: [UInt8]?) -> JournalRecord {
        JournalRecord(table: .keyValues, key: [key], value: value)
    }

    private func store(_ records: [JournalRecord], in journal: FileJournal) async {
        journal.append(records)
        await withCheckedContinuation { continuation in
            journal.commit { error in
                #expect(error == nil)
                continuation.resume()
            }
        }
    }

    private func reopen(_ folder: Folder) throws -> [JournalRecord] {
        let journal = try FileJournal(folder: folder.path)
        defer { journal.close() }
        return try journal.recover()
    }

    /// A journal with three batches, and how long its file was after each.
    private func threeBatches(_ folder: Folder) async throws -> [Int] {
        let journal = try FileJournal(folder: folder.path)
        _ = try journal.recover()
        var lengths: [Int] = []
        for key in UInt8(1)...3 {
            await store([record(key, [key, key])], in: journal)
            lengths.append(try Data(contentsOf: folder.file).count)
        }
        journal.close()
        return lengths
    }

    @Test("What was committed is there again, in order, with deletions")
    func roundTrip() async throws {
        let folder = Folder()
        let journal = try FileJournal(folder: folder.path)
        #expect(try journal.recover().isEmpty)
        await store([record(1, [1]), record(2, [2])], in: journal)
        await store([record(1, nil), record(3, [])], in: journal)
        journal.close()
        #expect(try reopen(folder) == [record(2, [2]), record(3, [])])
    }

    @Test("A file cut at any byte gives exactly the batches that are whole")
    func everyCrashPoint() async throws {
        let folder = Folder()
        let lengths = try await threeBatches(folder)
        let bytes = try Data(contentsOf: folder.file)
        for length in 0...bytes.count {
            try bytes.prefix(length).write(to: folder.file)
            let whole = lengths.count { $0 <= length }
            #expect(try reopen(folder).count == whole, "cut at \(length)")
        }
    }

    @Test("After a torn end was cut off, new batches follow the whole ones")
    func continuesAfterTornEnd() async throws {
        let folder = Folder()
        let lengths = try await threeBatches(folder)
        try Data(contentsOf: folder.file).prefix(lengths[2] - 5).write(to: folder.file)
        let journal = try FileJournal(folder: folder.path)
        #expect(try journal.recover().count == 2)
        await store([record(9, [9])], in: journal)
        journal.close()
        #expect(try reopen(folder).map(\.key) == [[1], [2], [9]])
    }

    @Test("A damaged middle is refused with the file's name and the remedy")
    func corruptMiddle() async throws {
        let folder = Folder()
        let lengths = try await threeBatches(folder)
        var bytes = try Data(contentsOf: folder.file)
        bytes[lengths[0] + 30] ^= 0xff
        try bytes.write(to: folder.file)
        let error = #expect(throws: RayError.self) { try reopen(folder) }
        #expect(error?.message.contains(folder.file.path) == true)
        #expect(error?.message.contains("move it away") == true)
    }

    @Test("Another file in the journal's place is refused")
    func notAJournal() async throws {
        let folder = Folder()
        _ = try await threeBatches(folder)
        try Data("something else entirely".utf8).write(to: folder.file)
        #expect(throws: RayError.self) { try reopen(folder) }
    }

    @Test("A second head on the same journal is refused with a sentence")
    func locked() throws {
        let folder = Folder()
        let journal = try FileJournal(folder: folder.path)
        let error = #expect(throws: RayError.self) { try FileJournal(folder: folder.path) }
        #expect(error?.message.contains("in use by another head") == true)
        _ = try journal.recover()
        journal.close()
    }

    @Test("A closed journal is free although a child that is being started still has its descriptors")
    func freeAfterFork() throws {
        let folder = Folder()
        let journal = try FileJournal(folder: folder.path)
        let lock = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").first {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)"))?
                .hasSuffix(folder.path + "/journal.lock") == true
        }
        // What a fork does: one more descriptor of the same open file.
        let copy = dup(try #require(lock.flatMap { Int32($0) }))
        defer { close(copy) }
        _ = try journal.recover()
        journal.close()
        #expect(try reopen(folder).isEmpty)
    }

    @Test("A file that has grown is written anew with what is left of it")
    func compaction() async throws {
        let folder = Folder()
        let journal = try FileJournal(folder: folder.path)
        _ = try journal.recover()
        let value = [UInt8](repeating: 7, count: 1 << 20)
        for round in 0..<40 { await store([record(1, value), record(2, [UInt8(round)])], in: journal) }
        #expect(try Data(contentsOf: folder.file).count < 24 << 20)
        journal.close()
        #expect(try reopen(folder) == [record(1, value), record(2, [39])])
    }

    @Test("A file that cannot be written anew goes on, with a warning, and is written anew when that is possible")
    func failedCompaction() async throws {
        let folder = Folder()
        let warnings = Mutex<[String]>([])
        let journal = try FileJournal(folder: folder.path) { text in warnings.withLock { $0.append(text) } }
        _ = try journal.recover()
        // Where a folder is, no file can be opened.
        let obstacle = folder.path + "/journal.new"
        try FileManager.default.createDirectory(atPath: obstacle, withIntermediateDirectories: false)
        let value = [UInt8](repeating: 7, count: 1 << 20)
        for round in 0..<25 { await store([record(1, value), record(2, [UInt8(round)])], in: journal) }
        #expect(warnings.withLock { $0.count } == 1)
        #expect(warnings.withLock { $0.first?.contains("move away what stands in its place") } == true)
        #expect(try Data(contentsOf: folder.file).count > 24 << 20)
        try FileManager.default.removeItem(atPath: obstacle)
        for round in 0..<25 { await store([record(1, value), record(2, [UInt8(round)])], in: journal) }
        #expect(try Data(contentsOf: folder.file).count < 24 << 20)
        journal.close()
        #expect(try reopen(folder) == [record(1, value), record(2, [24])])
    }

    @Test("What a rewriting has left half done is gone after the next start")
    func halfDone() async throws {
        let folder = Folder()
        _ = try await threeBatches(folder)
        let half = folder.path + "/journal.new"
        try Data(repeating: 1, count: 1_000).write(to: URL(fileURLWithPath: half))
        #expect(try reopen(folder).count == 3)
        #expect(!FileManager.default.fileExists(atPath: half))
    }
}
