//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
internal import RayCore
internal import RayRaylet
internal import RayTransport
internal import RayWire

/// Brings executables to this node: from its own disk, else from the control store, in pieces.
///
///     fetch ──▶ looking (own thread) ──▶ downloading (reactor) ──▶ checking (own thread) ──▶ done
///                      └──────────────────────────────────────────────▲
///
/// Unchecked: everything that changes is touched by the reactor's leading thread only.
final class ProgramStore: @unchecked Sendable {
    /// Largest executable, in bytes.
    static let programBytesMax = 4 << 30
    /// Pieces that are asked for at the same time.
    private static let piecesInFlightMax = 4
    /// One piece must arrive within this time.
    private static let pieceMillisecondsMax = 30_000

    private struct Download {
        var program: Program
        var file: Int32
        var path: String
        var total: Int?
        var nextOffset = 0
        var receivedBytes = 0
        var pieces: [UInt64: (offset: Int, deadline: Instant)] = [:]
    }

    private let inspector: ProgramInspector
    private let reactor: Reactor
    private let send: (Message, UInt64) -> Void
    private let done: (String, Result<String, RayError>) -> Void
    private var downloads: [String: Download] = [:]
    private var nextRequest: UInt64 = 1 << 62

    /// - Parameters:
    ///   - send: Sends a message with a request id to the control store.
    ///   - done: Told the key of a program and its path, or why it cannot be had; on the leading thread.
    init(
        folder: String, libraryPath: String?, reactor: Reactor, send: @escaping (Message, UInt64) -> Void,
        done: @escaping (String, Result<String, RayError>) -> Void
    ) {
        inspector = ProgramInspector(folder: folder, libraryPath: libraryPath)
        self.reactor = reactor
        self.send = send
        self.done = done
    }

    /// Looks for the program and brings it here if it is not; answered by `done`. On the leading thread.
    func fetch(_ program: Program) {
        let inspector = inspector
        let find = { @Sendable in inspector.find(program) }
        inBackground(program.key, find) { found in
            guard let found else { return self.startDownload(program) }
            self.done(program.key, found)
        }
    }

    /// A piece that was asked for. On the leading thread.
    func receive(_ chunk: BlobChunk, requestID: UInt64) {
        guard var download = downloads[chunk.hash], let piece = download.pieces.removeValue(forKey: requestID)
        else { return }
        if let error = chunk.error { return fail(chunk.hash, error.message) }
        let total = download.total ?? chunk.total
        guard chunk.offset == piece.offset, chunk.total == total, (1...Self.programBytesMax).contains(total),
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
        download.receivedBytes == total ? finish(download) : askForPieces(chunk.hash)
    }

    /// Fails downloads that make no progress. On the leading thread.
    func tick(_ now: Instant) {
        for (hash, download) in downloads where download.pieces.values.contains(where: { now >= $0.deadline }) {
            fail(hash, "the control store sent nothing for \(Self.pieceMillisecondsMax / 1_000) s")
        }
    }

    private func startDownload(_ program: Program) {
        guard downloads[program.hash] == nil else { return }
        let path = inspector.path(of: program.hash) + ".\(getpid()).part"
        let file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else {
            let error = RayError(
                .runtimeEnvSetupFailed, "\(path) cannot be written: \(TransportError.text(errno))")
            return done(program.key, .failure(error))
        }
        downloads[program.hash] = Download(program: program, file: file, path: path)
        askForPieces(program.hash)
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

    private func finish(_ download: Download) {
        downloads[download.program.hash] = nil
        close(download.file)
        let inspector = inspector
        let adopt = { @Sendable in inspector.adopt(download.path, as: download.program) }
        inBackground(download.program.key, adopt) { self.done(download.program.key, $0) }
    }

    private func fail(_ hash: String, _ reason: String) {
        guard let download = downloads.removeValue(forKey: hash) else { return }
        close(download.file)
        unlink(download.path)
        let error = RayError(
            .runtimeEnvSetupFailed, "the program \(download.program.path) could not be brought to this node: \(reason)")
        done(download.program.key, .failure(error))
    }

    /// Runs `work` on a thread of its own, since it reads whole executables, and `then` on the leading one.
    private func inBackground<Value: Sendable>(
        _ key: String, _ work: @escaping @Sendable () -> Value, then: @escaping @Sendable (Value) -> Void
    ) {
        do throws(TransportError) {
            let reactor = reactor
            try PlainThread.start("raylet.program") {
                let value = work()
                reactor.perform { then(value) }
            }
        } catch {
            done(key, .failure(RayError(.systemError, "no thread could be started to read a program: \(error)")))
        }
    }
}
