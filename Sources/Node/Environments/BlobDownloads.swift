//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
package import RayCore
package import RayTransport
package import RayWire

/// Brings what the head's archive has to files of this node, in pieces.
///
/// While the head is away nothing is late: what was asked for is asked again when it is back.
///
/// Unchecked: everything is touched by the reactor's leading thread only.
package final class BlobDownloads: @unchecked Sendable {
    /// Pieces of one file that are asked for at the same time.
    private static let piecesInFlightMax = 4
    /// One piece must arrive within this time.
    private static let pieceMillisecondsMax = 30_000

    private struct Download {
        var hash: String
        var file: Int32
        var bytesMax: Int
        var done: (Result<String, RayError>) -> Void
        var total: Int?
        var nextOffset = 0
        var receivedBytes = 0
        var pieces: [UInt64: (offset: Int, deadline: Instant)] = [:]
    }

    private let reactor: Reactor
    private let send: (Message, UInt64) -> Void
    /// By the path of the file.
    private var downloads: [String: Download] = [:]
    private var nextRequest: UInt64 = 1 << 62
    private var isHeadAway = false

    /// - Parameter send: Sends a message with a request id to the control store.
    package init(reactor: Reactor, send: @escaping (Message, UInt64) -> Void) {
        self.reactor = reactor
        self.send = send
    }

    /// Begins a download to a path, unless it is under way; `done` gets the path, which is the caller's to remove, or why not.
    ///
    /// - Parameter bytesMax: what is larger is not taken.
    package func start(
        _ hash: String, to path: String, bytesMax: Int, done: @escaping (Result<String, RayError>) -> Void
    ) {
        guard downloads[path] == nil else { return }
        let file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else {
            return done(.failure(failure("\(path) cannot be written: \(TransportError.text(errno))")))
        }
        downloads[path] = Download(hash: hash, file: file, bytesMax: bytesMax, done: done)
        askForPieces(path)
    }

    /// A piece that was asked for.
    package func receive(_ chunk: BlobChunk, requestID: UInt64) {
        guard let (path, found) = downloads.first(where: { $0.value.pieces[requestID] != nil }) else { return }
        var download = found
        guard let piece = download.pieces.removeValue(forKey: requestID) else { return }
        if let error = chunk.error { return fail(path, error.message) }
        let total = download.total ?? chunk.total
        guard total <= download.bytesMax else {
            return fail(
                path,
                "it has \(total >> 20) MiB, and \(download.bytesMax >> 20) MiB are the most; leave large files out, or "
                    + "put what is in them into objects")
        }
        guard chunk.offset == piece.offset, chunk.total == total, total > 0,
            chunk.bytes.count == min(Limits.chunkBytes, total - piece.offset)
        else { return fail(path, "the control store sent a piece of another size than asked for") }
        let written = chunk.bytes.withUnsafeBytes {
            pwrite(download.file, $0.baseAddress, $0.count, off_t(piece.offset))
        }
        guard written == chunk.bytes.count else {
            return fail(path, "it could not be written to \(path): \(TransportError.text(errno))")
        }
        download.total = total
        download.receivedBytes += chunk.bytes.count
        downloads[path] = download
        guard download.receivedBytes == total else { return askForPieces(path) }
        downloads[path] = nil
        close(download.file)
        download.done(.success(path))
    }

    /// The link to the head is gone, and with it the answers to what was asked.
    package func headIsLost() { isHeadAway = true }

    /// Asks the head, the same or its successor, again for what is outstanding.
    package func headIsBack() {
        isHeadAway = false
        let deadline = deadline
        for (path, download) in downloads.sorted(by: { $0.key < $1.key }) {
            for (request, piece) in download.pieces.sorted(by: { $0.key < $1.key }) {
                downloads[path]?.pieces[request]?.deadline = deadline
                ask(download.hash, at: piece.offset, request)
            }
        }
    }

    /// Fails downloads that make no progress.
    package func tick(_ now: Instant) {
        guard !isHeadAway else { return }
        let late = downloads.filter { $0.value.pieces.values.contains { now >= $0.deadline } }.keys.sorted()
        for path in late { fail(path, "the control store sent nothing for \(Self.pieceMillisecondsMax / 1_000) s") }
    }

    private var deadline: Instant { reactor.clock.now().advanced(milliseconds: Self.pieceMillisecondsMax) }

    private func ask(_ hash: String, at offset: Int, _ request: UInt64) {
        send(.fetchBlob(FetchBlob(hash: hash, offset: offset, count: Limits.chunkBytes)), request)
    }

    private func askForPieces(_ path: String) {
        while let download = downloads[path], download.pieces.count < Self.piecesInFlightMax,
            download.nextOffset < download.total ?? 1
        {
            nextRequest += 1
            downloads[path]?.pieces[nextRequest] = (download.nextOffset, deadline)
            downloads[path]?.nextOffset += Limits.chunkBytes
            ask(download.hash, at: download.nextOffset, nextRequest)
        }
    }

    private func fail(_ path: String, _ reason: String) {
        guard let download = downloads.removeValue(forKey: path) else { return }
        close(download.file)
        unlink(path)
        download.done(.failure(failure(reason)))
    }

    private func failure(_ reason: String) -> RayError { RayError(.runtimeEnvSetupFailed, reason) }
}
