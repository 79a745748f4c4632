//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import RayCore
import RayNode
import RayTransport
import RayWire
import Synchronization
import Testing

/// What a node fetches while its head is started again.
@Suite("Fetching from a head that goes away") struct HeadAwayTests {
    private final class Sent: Sendable {
        let messages = Mutex<[(Message, UInt64)]>([])

        func take() -> [(message: Message, request: UInt64)] {
            messages.withLock { messages in
                defer { messages = [] }
                return messages.map { (message: $0.0, request: $0.1) }
            }
        }

        /// The pieces asked for since the last look, by their requests.
        func pieces() -> [(offset: Int, request: UInt64)] {
            take().compactMap {
                if case .fetchBlob(let wanted) = $0.message { (wanted.offset, $0.request) } else { nil }
            }
        }
    }

    private let content = (0..<(3 * Limits.chunkBytes + 5)).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    private func chunk(_ hash: String, _ offset: Int) -> BlobChunk {
        let end = min(content.count, offset + Limits.chunkBytes)
        return BlobChunk(hash: hash, offset: offset, total: content.count, bytes: Array(content[offset..<end]))
    }

    private func later(_ reactor: Reactor) -> Instant { reactor.clock.now().advanced(milliseconds: 3_600_000) }

    @Test("Pieces that were asked for are asked for again, and the download comes to its end") func pieces() throws {
        let folder = try TemporaryFolder()
        let reactor = try Reactor()
        let sent = Sent()
        let downloads = BlobDownloads(reactor: reactor) { message, id in
            sent.messages.withLock { $0.append((message, id)) }
        }
        let hash = String(repeating: "a", count: 64)
        var results: [Result<String, RayError>] = []
        downloads.start(hash, to: folder.path + "/file", bytesMax: 1 << 30) { results.append($0) }
        let first = sent.pieces()
        #expect(first.map(\.offset) == [0])
        downloads.receive(chunk(hash, 0), requestID: first[0].request)
        let asked = sent.pieces()
        #expect(asked.map(\.offset) == [1, 2, 3].map { $0 * Limits.chunkBytes })
        downloads.headIsLost()
        downloads.tick(later(reactor))
        #expect(results.isEmpty, "nothing is late while nobody can answer")
        downloads.headIsBack()
        let again = sent.pieces()
        #expect(again.map(\.offset) == asked.map(\.offset))
        for piece in again { downloads.receive(chunk(hash, piece.offset), requestID: piece.request) }
        #expect(try results.map { try $0.get() } == [folder.path + "/file"])
        #expect(readBytes(folder.path + "/file") == content)
    }

    @Test("A head that is there and says nothing fails a download") func silence() throws {
        let folder = try TemporaryFolder()
        let reactor = try Reactor()
        let downloads = BlobDownloads(reactor: reactor) { _, _ in }
        var results: [Result<String, RayError>] = []
        downloads.start("a", to: folder.path + "/file", bytesMax: 1 << 30) { results.append($0) }
        downloads.headIsLost()
        downloads.headIsBack()
        downloads.tick(later(reactor))
        #expect(results.count == 1)
        #expect(throws: RayError.self) { try results.first?.get() }
    }

    @Test("The question for a package is asked again") func questions() throws {
        let folder = try TemporaryFolder()
        let reactor = try Reactor()
        let sent = Sent()
        let downloads = BlobDownloads(reactor: reactor) { _, _ in }
        var failures: [PackageError] = []
        let store = try PackageStore(
            root: folder.path + "/node/files", reactor: reactor, downloads: downloads,
            send: { message, id in sent.messages.withLock { $0.append((message, id)) } },
            done: { _, outcome in if case .failure(let error) = outcome { failures.append(error) } })
        defer { store.stop() }
        let package = "gcs://_ray_pkg_" + String(repeating: "b", count: 32) + ".zip"
        store.fetch(package)
        let asked = sent.take()
        #expect(asked.count == 1)
        store.headIsLost()
        store.tick(later(reactor))
        #expect(failures.isEmpty)
        store.headIsBack()
        let again = sent.take()
        #expect(again.map(\.message) == asked.map(\.message))
        let answered = again.first.map {
            store.receive(.keyValueReply(KeyValueReply(keys: [], count: 0)), requestID: $0.request)
        }
        #expect(answered == true)
        #expect(failures.first?.description.contains("does not have") == true)
    }
}
