//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
package import RayCore
package import RayGCS
internal import RayTransport
internal import Synchronization

/// A journal in a file, `<folder>/journal`, that outlives process and machine.
///
/// A thread of its own writes: everything that came while it waited for the disk is one batch, one write and one
/// `fdatasync` (group commit), and the loop of the GCS never waits. A file that has grown is written anew with what
/// is left of it, and takes the place of the old one when it is on the disk.
package final class FileJournal: Journal {
    private struct State {
        var records: [JournalRecord] = []
        var completions: [@Sendable (RayError?) -> Void] = []
        var isClosing = false
        var isStopped = true
    }

    /// Belongs to the writing thread, and before it is started to `recover`.
    private struct File {
        var descriptor: Int32 = -1
        var number: UInt64 = 0
        var byteCount = 0
        /// Bytes of the file when it held nothing but what is current.
        var compactedBytes = 0
        /// Bytes from which on a rewriting that failed is tried again.
        var retryBytes = 0
        var error: RayError?
    }

    /// A file is written anew when it is this much larger than twice what was current.
    private static let slackBytes = 16 << 20
    /// How long the end waits for the disk.
    private static let closeMilliseconds = 5_000

    /// The file.
    package let path: String
    private let warn: @Sendable (String) -> Void
    private let lockDescriptor: Int32
    private let event: Int32
    private let state = Mutex(State())
    private let file = Mutex(File())

    /// A journal in a folder, which is made if it is not there.
    ///
    /// - Parameter warn: Told what goes wrong without harm to the journal; on its thread.
    /// - Throws: `systemError` if the folder cannot be used, or another head uses it; the message says what to do.
    package init(folder: String, warn: @escaping @Sendable (String) -> Void = { _ in }) throws(RayError) {
        path = folder + "/journal"
        self.warn = warn
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw JournalFailure.error("the folder \(folder) for the head's journal cannot be made", code: errno)
        }
        lockDescriptor = open(folder + "/journal.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        let lockCode = errno
        event = ray_eventfd_create()
        guard lockDescriptor >= 0, event >= 0 else {
            let code = lockDescriptor < 0 ? lockCode : -event
            if lockDescriptor >= 0 { Glibc.close(lockDescriptor) }
            if event >= 0 { Glibc.close(event) }
            throw JournalFailure.error("\(folder)/journal.lock cannot be opened", code: code)
        }
        guard flock(lockDescriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            Glibc.close(lockDescriptor)
            Glibc.close(event)
            guard code == EWOULDBLOCK else {
                throw JournalFailure.error("\(folder)/journal.lock cannot be locked", code: code)
            }
            throw RayError(
                .systemError,
                "the journal \(path) is in use by another head; stop that one, or set RAY_gcs_storage_path to another "
                    + "folder")
        }
    }

    package func recover() throws(RayError) -> [JournalRecord] {
        let contents = try read()
        // Of a rewriting that did not come to its end.
        unlink(freshPath)
        try file.withLock { file throws(RayError) in
            file.descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard file.descriptor >= 0 else { throw failure("opened") }
            file.number = contents.number
            file.byteCount = contents.end
            if contents.end == 0 {
                try write(JournalFormat.header, to: file.descriptor, at: 0)
                file.byteCount = JournalFormat.header.count
            }
            // What was torn was never acknowledged.
            guard ftruncate(file.descriptor, off_t(file.byteCount)) == 0, fdatasync(file.descriptor) == 0 else {
                throw failure("cut to its whole part")
            }
            syncFolder()
            file.compactedBytes = JournalFormat.batch(contents.image.records, number: 1).count
        }
        state.withLock { $0.isStopped = false }
        do throws(TransportError) {
            try PlainThread.start("gcs.journal") { self.run() }
        } catch {
            throw RayError(.systemError, "\(error)")
        }
        return contents.image.records
    }

    package func append(_ records: [JournalRecord]) { state.withLock { $0.records += records } }

    package func commit(_ completion: @escaping @Sendable (RayError?) -> Void) {
        state.withLock { $0.completions.append(completion) }
        ray_eventfd_signal(event)
    }

    package func close() {
        state.withLock { $0.isClosing = true }
        ray_eventfd_signal(event)
        // A disk may never answer; the thread then goes with the process.
        let deadline = MonotonicClock().now().advanced(milliseconds: Self.closeMilliseconds)
        while !state.withLock({ $0.isStopped }), MonotonicClock().now() < deadline { usleep(1_000) }
        // Not by closing alone: a child that is just being started has the same lock until its program runs.
        flock(lockDescriptor, LOCK_UN)
        Glibc.close(lockDescriptor)
    }

    // MARK: Writing

    private func run() {
        while true {
            var wanted = pollfd(fd: event, events: Int16(POLLIN), revents: 0)
            _ = poll(&wanted, 1, -1)
            var count: UInt64 = 0
            _ = Glibc.read(event, &count, 8)
            let (records, completions, isClosing) = state.withLock { state in
                defer { (state.records, state.completions) = ([], []) }
                return (state.records, state.completions, state.isClosing)
            }
            let error = file.withLock { file in store(records, in: &file) }
            for completion in completions { completion(error) }
            // Nobody waits for it who has been answered.
            file.withLock { file in compact(&file) }
            guard isClosing else { continue }
            file.withLock { file in _ = Glibc.close(file.descriptor) }
            return state.withLock { $0.isStopped = true }
        }
    }

    /// Makes records durable; after a failure nothing is written any more.
    private func store(_ records: [JournalRecord], in file: inout File) -> RayError? {
        guard file.error == nil, !records.isEmpty else { return file.error }
        do throws(RayError) {
            let batch = JournalFormat.batch(records, number: file.number + 1)
            try write(batch, to: file.descriptor, at: file.byteCount)
            guard fdatasync(file.descriptor) == 0 else { throw failure("written") }
            file.number += 1
            file.byteCount += batch.count
        } catch {
            file.error = error
        }
        return file.error
    }

    private var freshPath: String { path + ".new" }

    /// Has a file that has grown written anew. If that fails the old one goes on, which is whole, until it has grown
    /// further.
    private func compact(_ file: inout File) {
        guard file.error == nil, file.byteCount > max(file.retryBytes, 2 * file.compactedBytes + Self.slackBytes) else {
            return
        }
        do throws(RayError) {
            try replace(&file)
            file.retryBytes = 0
        } catch {
            file.retryBytes = file.byteCount + Self.slackBytes
            warn("the journal could not be written anew and goes on growing: \(error.message)")
        }
    }

    /// Writes what is current to a new file, which takes the place of the old one.
    private func replace(_ file: inout File) throws(RayError) {
        let contents = try read()
        let descriptor = open(freshPath, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("written anew") }
        let batch = JournalFormat.batch(contents.image.records, number: 1)
        do throws(RayError) {
            try write(JournalFormat.header + batch, to: descriptor, at: 0)
            guard fsync(descriptor) == 0, rename(freshPath, path) == 0 else { throw failure("written anew") }
        } catch {
            // Half a copy on a disk that is full anyway would be the end of all that is appended.
            Glibc.close(descriptor)
            unlink(freshPath)
            throw error
        }
        syncFolder()
        Glibc.close(file.descriptor)
        file.descriptor = descriptor
        file.number = 1
        file.byteCount = JournalFormat.header.count + batch.count
        file.compactedBytes = file.byteCount
    }

    private func write(_ bytes: [UInt8], to descriptor: Int32, at offset: Int) throws(RayError) {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes {
                pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset + written))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("written") }
            written += count
        }
    }

    private func syncFolder() {
        let folder = open(String(path.dropLast("/journal".count)), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return }
        fsync(folder)
        Glibc.close(folder)
    }

    // MARK: Reading

    private func read() throws(RayError) -> JournalFormat.Contents {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno == ENOENT else { throw failure("read") }
            return JournalFormat.Contents()
        }
        defer { Glibc.close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("read") }
        let count = Int(status.st_size)
        guard count > 0 else { return JournalFormat.Contents() }
        guard let base = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
            throw failure("read")
        }
        defer { munmap(base, count) }
        do throws(JournalFormat.Damage) {
            return try JournalFormat.read(UnsafeRawBufferPointer(start: base, count: count))
        } catch {
            switch error {
            case .notAJournal:
                throw RayError(
                    .systemError,
                    "\(path) is no journal of this version; move it away to begin a new cluster, or set "
                        + "RAY_gcs_storage_path to another folder")
            case .corrupt(let offset):
                throw RayError(
                    .systemError,
                    "the journal \(path) is damaged at byte \(offset), and what follows there cannot be trusted: "
                        + "restore the file from a copy, or move it away to begin a new cluster without what it holds")
            }
        }
    }

    /// What the last system call met.
    private func failure(_ what: String) -> RayError {
        let code = errno
        return JournalFailure.error("the journal \(path) cannot be \(what)", code: code)
    }
}
