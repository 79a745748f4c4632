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
    private static let folder = "programs"
    /// The node's own folder, in which they are kept.
    private let root: String
    private let inspector: ProgramInspector
    private let reactor: Reactor
    private let downloads: BlobDownloads
    private let done: (String, Result<String, RayError>) -> Void

    /// - Parameters:
    ///   - root: The node's own folder, made when something is first brought here; it goes with the node.
    ///   - archive: Where the head keeps executables if it is on this machine.
    ///   - done: Told the key of a program and its path, or why it cannot be had; on the leading thread.
    init(
        root: String, archive: String, libraryPath: String?, reactor: Reactor, downloads: BlobDownloads,
        done: @escaping (String, Result<String, RayError>) -> Void
    ) {
        self.root = root
        inspector = ProgramInspector(folder: root + "/" + Self.folder, archive: archive, libraryPath: libraryPath)
        self.reactor = reactor
        self.downloads = downloads
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

    /// Deletes a program that was brought here; others, which have their place elsewhere, stay. On the leading thread.
    func remove(_ hash: String) { inspector.remove(hash) }

    private func startDownload(_ program: Program) {
        if let path = makeFolder(Self.folder, in: root) {
            let reason = "the folder \(path) cannot be made: \(TransportError.text(errno))"
            return done(program.key, .failure(RayError(.runtimeEnvSetupFailed, reason)))
        }
        let path = inspector.path(of: program.hash) + ".part"
        downloads.start(program.hash, to: path, bytesMax: Self.programBytesMax) { result in
            switch result {
            case .success(let path): self.adopt(path, as: program)
            case .failure(let error):
                let reason = "the program \(program.path) could not be brought to this node: \(error.message)"
                self.done(program.key, .failure(RayError(.runtimeEnvSetupFailed, reason)))
            }
        }
    }

    private func adopt(_ path: String, as program: Program) {
        let inspector = inspector
        let adopt = { @Sendable in inspector.adopt(path, as: program) }
        inBackground(program.key, adopt) { self.done(program.key, $0) }
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
