//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
internal import RayCore
internal import RayTransport
internal import RayWire

/// Brings what the head's archive has to files of this node, in pieces.
///
/// Unchecked: everything is touched by the reactor's leading thread only.
final class BlobDownloads: @unchecked Sendable {
    /// Pieces of one file that are asked for at the same time.
    private static let piecesInFlightMax = 4
    /// One piece must arrive within this time.
    private static let pieceMillisecondsMax = 30_000

    private struct Download {
        var file: Int32
        var path: String
        var bytesMax: Int
        var done: (Result<String, RayError>) -> Void
        var total: Int?
        var nextOffset = 0
        var receivedBytes = 0
        var pieces: [UInt64: (offset: Int, deadline: Instant)] = [:]
    }

    private let reactor: Reactor
    private let send: (Message, UInt64) -> Void
    private var downloads: [String: Download] = [:]
    private var nextRequest: UInt64 = 1 << 62

    /// - Parameter send: Sends a message with a request id to the control store.
    init(reactor: Reactor, send: @escaping (Message, UInt64) -> Void) {
        self.reactor = reactor
        self.send = send
    }

    /// Begins a download, unless it is under way; `done` gets the path, which is the caller's to remove, or why not.
    ///
    /// - Parameter bytesMax: what is larger is not taken.
    func start(
        _ hash: String, to path: String, bytesMax: Int, done: @escaping (Result<String, RayError>) -> Void
    ) {
        guard downloads[hash] == nil else { return }
        let file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else {
            return done(.failure(failure("\(path) cannot be written: \(TransportError.text(errno))")))
        }
        downloads[hash] = Download(file: file, path: path, bytesMax: bytesMax, done: done)
        askForPieces(hash)
    }

    /// A piece that was asked for.
    func receive(_ chunk: BlobChunk, requestID: UInt64) {
        guard var download = downloads[chunk.hash], let piece = download.pieces.removeValue(forKey: requestID)
        else { return }
        if let error = chunk.error { return fail(chunk.hash, error.message) }
        let total = download.total ?? chunk.total
        guard chunk.offset == piece.offset, chunk.total == total, (1...download.bytesMax).contains(total),
            chunk.bytes.count == min(Limits.chunkBytes, total - piece.offset)
        else { return fail(chunk.hash, "the control store sent a piece of another size than asked for") }
        let written = chunk.bytes.withUnsafeBytes {
            pwrite(download.file, $0.baseAddress, $0.count, off_t(piece.offset))
        }
        guard written == chunk.bytes.count else {
            return fail(chunk.hash, "it could not be written to \(download.path): \(TransportError.text(errno))")
        }
        download.total = total
        download.receivedBytes += chunk.bytes.count
        downloads[chunk.hash] = download
        guard download.receivedBytes == total else { return askForPieces(chunk.hash) }
        downloads[chunk.hash] = nil
        close(download.file)
        download.done(.success(download.path))
    }

    /// Fails downloads that make no progress.
    func tick(_ now: Instant) {
        let late = downloads.filter { $0.value.pieces.values.contains { now >= $0.deadline } }.keys.sorted()
        for hash in late { fail(hash, "the control store sent nothing for \(Self.pieceMillisecondsMax / 1_000) s") }
    }

    private func askForPieces(_ hash: String) {
        while let download = downloads[hash], download.pieces.count < Self.piecesInFlightMax,
            download.nextOffset < download.total ?? 1
        {
            nextRequest += 1
            let deadline = reactor.clock.now().advanced(milliseconds: Self.pieceMillisecondsMax)
            downloads[hash]?.pieces[nextRequest] = (download.nextOffset, deadline)
            downloads[hash]?.nextOffset += Limits.chunkBytes
            let request = FetchBlob(hash: hash, offset: download.nextOffset, count: Limits.chunkBytes)
            send(.fetchBlob(request), nextRequest)
        }
    }

    private func fail(_ hash: String, _ reason: String) {
        guard let download = downloads.removeValue(forKey: hash) else { return }
        close(download.file)
        unlink(download.path)
        download.done(.failure(failure(reason)))
    }

    private func failure(_ reason: String) -> RayError { RayError(.runtimeEnvSetupFailed, reason) }
}
